"""Files of meshes, read back by other programs: the same corners, volumes, areas and data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from test_level_sets import cube, torus

import specgeo as sg
from specgeo.readers import read_shape
from specgeo.testing import random_network


@pytest.fixture(scope="module")
def solid() -> sg.PolyhedralComplex:
    return sg.enumerate_regions(random_network([3, 8, 6, 1], 4), cube(3))


@pytest.fixture(scope="module")
def plane() -> sg.PolyhedralComplex:
    return sg.enumerate_regions(random_network([2, 10, 8, 2], 4), cube(2))


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".stl"])
def test_surfaces_are_read_back(solid: sg.PolyhedralComplex, tmp_path: Path, suffix: str) -> None:
    value = float(np.median(solid.means))
    surface = solid.level_set(value, closed="below")
    path = tmp_path / f"level{suffix}"
    surface.save(path)
    expected = solid.sublevel_set(value).volumes.sum()
    trimesh = pytest.importorskip("trimesh")
    mesh = trimesh.load(path, process=suffix == ".stl")
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(expected, rel=1e-12 if suffix != ".stl" else 1e-6)  # merged there up to 1e-8
    direct = surface.to_trimesh()
    assert direct.is_watertight and direct.is_winding_consistent and len(direct.vertices) == len(surface.vertices)
    assert direct.volume == pytest.approx(expected, rel=1e-12)
    if suffix != ".stl":
        points, faces = read_shape(path)
        assert np.array_equal(points, surface.vertices)
        assert [face.tolist() for face in faces] == [face.tolist() for face in surface.faces]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_every_format_is_written_and_others_are_refused(solid, plane, tmp_path: Path) -> None:
    line = sg.enumerate_regions(random_network([1, 6, 1], 0), cube(1))
    segments, points = plane.level_set(0.0), line.level_set(float(line.means.mean()))
    for what, suffixes in (
        (segments, (".obj", ".vtu", ".geojson", ".svg")), (points, (".vtu",)), (torus_level(), (".vtu",)),
    ):  # fmt: skip
        for suffix in suffixes:
            what.save(tmp_path / f"a{suffix}")
            assert (tmp_path / f"a{suffix}").stat().st_size > 0
    for what, suffix in ((segments, ".stl"), (points, ".svg"), (torus_level(), ".geojson")):
        with pytest.raises(sg.UnsupportedError, match=rf"^path: \{suffix} does not hold cells of dimension"):
            what.save(tmp_path / f"b{suffix}")
    with pytest.raises(sg.InvalidInputError, match=r"^path: a.xyz must end in \.geojson, \.obj"):
        segments.save(tmp_path / "a.xyz")
    with pytest.raises(sg.UnsupportedError, match="dimension 4"):
        sg.level_set(random_network([4, 4, 1], 0), cube(4)).save(tmp_path / "a.vtu")
    with pytest.raises(sg.UnsupportedError, match="dimension 4"):
        sg.enumerate_regions(random_network([4, 2, 1], 0), cube(4)).export(tmp_path / "a.vtu")
    with pytest.raises(sg.UnsupportedError, match="no polygons"):
        segments.to_trimesh()
    nothing = sg.level_set(torus(), cube(3), 99.0)
    for suffix in (".ply", ".obj", ".stl", ".vtu"):
        nothing.save(tmp_path / f"none{suffix}")
    plane.level_set(1e6).save(tmp_path / "none.svg")


def torus_level() -> sg.LevelSet:
    return sg.level_set(torus(), cube(3))


def test_polygons_of_geojson_have_the_areas_of_cells(plane: sg.PolyhedralComplex, tmp_path: Path) -> None:
    shapely = pytest.importorskip("shapely")
    plane.export(tmp_path / "cells.geojson")
    features = json.loads((tmp_path / "cells.geojson").read_text())["features"]
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    np.testing.assert_allclose([shape.area for shape in shapes], plane.volumes, atol=1e-14)
    assert all(shape.exterior.is_ccw for shape in shapes)
    data = [feature["properties"] for feature in features]
    assert np.array_equal([row["gradient_1"][:2] for row in data], plane.gradients[:, 1])
    assert np.array_equal([row["pattern"] for row in data], plane.patterns)
    level = plane.level_set(0.0, 1)
    level.save(tmp_path / "level.geojson")
    lines = json.loads((tmp_path / "level.geojson").read_text())["features"]
    lengths = [shapely.geometry.shape(line["geometry"]).length for line in lines]
    np.testing.assert_allclose(lengths, level.measures, rtol=1e-12)


def test_drawings_have_a_path_for_each_cell(plane: sg.PolyhedralComplex, tmp_path: Path) -> None:
    import xml.etree.ElementTree as ElementTree

    plane.export(tmp_path / "cells.svg")
    root = ElementTree.parse(tmp_path / "cells.svg").getroot()
    paths = [node for node in root if node.tag.endswith("path")]
    assert len(paths) == plane.n_cells and len({node.get("fill") for node in paths}) > 10
    x, y, width, height = map(float, root.get("viewBox", "").split())
    for node in paths:
        corners = np.array([list(map(float, c.split())) for c in node.get("d", "")[1:-1].split("L")])
        assert np.all((corners >= [x, y]) & (corners <= [x + width, y + height]))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_vtu_against_pyvista(dim: int, tmp_path: Path) -> None:
    pytest.importorskip("pyvista", reason="needs pyvista")
    cx = sg.enumerate_regions(random_network([dim, 8, 6, 1], 4), cube(dim))
    grid = cx.to_pyvista()
    if dim < 3:
        sizes = grid.compute_cell_sizes().cell_data[("Length", "Area")[dim - 1]]
        np.testing.assert_allclose(sizes, cx.volumes, rtol=1e-9, atol=1e-12)
    for number in range(0, grid.n_cells if dim == 3 else 0, 7):  # VTK's own volumes of flat polyhedra are far off
        cell = grid.get_cell(number)
        assert ConvexHull(cell.points).volume == pytest.approx(cx.volumes[number], rel=1e-6, abs=1e-13)
        walls = {frozenset(map(tuple, face.points)) for face in cell.faces}
        corners = (cx.vertices_of(2)[f] for f in cx.faces[2][number])
        assert walls == {frozenset(map(tuple, cx.vertices[ids])) for ids in corners}
    assert np.array_equal(grid.cell_data["gradient"][:, :dim], cx.gradients[:, 0])
    assert np.array_equal(grid.cell_data["pattern"], cx.patterns)
    assert np.array_equal(grid.points[:, :dim], cx.vertices)
    level = cx.level_set(float(cx.means.mean())).to_pyvista()
    assert level.n_cells > 0 and set(level.cell_data) == {"measure", "normal", "sides"}


def test_arrays_of_vtu(solid: sg.PolyhedralComplex, tmp_path: Path) -> None:
    """Without VTK: decode the arrays, and walk along the faces of the polyhedra."""
    import base64
    import xml.etree.ElementTree as ElementTree

    solid.export(tmp_path / "cells.vtu")
    kinds = {"Float64": "<f8", "Int64": "<i8", "UInt8": "u1"}
    arrays = {}
    for node in ElementTree.parse(tmp_path / "cells.vtu").getroot().iter("DataArray"):
        raw = base64.b64decode(node.text or "")
        assert int.from_bytes(raw[:8], "little") == len(raw) - 8
        arrays[node.get("Name")] = np.frombuffer(raw[8:], kinds[node.get("type", "")])
    assert np.array_equal(arrays["points"].reshape(-1, 3), solid.vertices)
    assert np.all(arrays["types"] == 42) and np.array_equal(arrays["volume"], solid.volumes)
    ends = arrays["faceoffsets"].tolist()
    for cell, (start, stop) in enumerate(zip([0, *ends], ends, strict=False)):
        stream = arrays["faces"][start:stop].tolist()
        at, corners = 1, set()
        for _ in range(stream[0]):
            corners |= set(stream[at + 1 : at + 1 + stream[at]])
            at += 1 + stream[at]
        assert at == len(stream) and corners == set(solid.vertices_of(3)[cell].tolist())
