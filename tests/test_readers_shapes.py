"""Shapes from files, against closed forms of what they hold; damaged files."""

from __future__ import annotations

import json
import struct
import warnings
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import specgeo as sg

CORNERS = np.array(list(product((0.0, 1.0), repeat=3)))
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
TRIANGLES = [(q[0], q[i], q[i + 1]) for q in QUADS for i in (1, 2)]
WAVES = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [-40.0, 0.5, 1e-9]])


def stl_binary() -> bytes:
    rows = [struct.pack("<12fH", 0, 0, 0, *CORNERS[list(t)].ravel(), 0) for t in TRIANGLES]
    return b"solid, but binary".ljust(80) + struct.pack("<I", len(rows)) + b"".join(rows)


def stl_text() -> bytes:
    facet = "facet normal 0 0 0\n outer loop\n{}\n endloop\nendfacet\n"
    corners = ["\n".join("  vertex {:e} {:e} {:e}".format(*CORNERS[i]) for i in t) for t in TRIANGLES]
    return ("solid cube\n" + "".join(map(facet.format, corners)) + "endsolid cube\n").encode()


def obj() -> bytes:
    points = "".join("v {} {} {} 1.0\nvn 0 0 1\n".format(*p) for p in CORNERS)
    faces = "".join("f " + " ".join(f"{i + 1}/1/{i + 1}" for i in q) + "\n" for q in QUADS[:3])
    return ("# a cube\no cube\n" + points + faces + "".join(
        "f " + " ".join(str(i - 8) for i in q) + "\n" for q in QUADS[3:]
    )).encode()  # fmt: skip


def ply(kind: str) -> bytes:
    head = (
        f"ply\nformat {kind} 1.0\ncomment a cube\nelement vertex 8\nproperty uchar red\nproperty float x\n"
        "property float y\nproperty double z\nelement face 6\nproperty list uchar int vertex_indices\nend_header\n"
    ).encode()
    if kind == "ascii":
        points = "".join("255 {} {} {}\n".format(*p) for p in CORNERS)
        return head + (points + "".join("4 " + " ".join(map(str, q)) + "\n" for q in QUADS)).encode()
    order = "<" if "little" in kind else ">"
    points = b"".join(struct.pack(f"{order}Bffd", 255, *p) for p in CORNERS)
    return head + points + b"".join(struct.pack(f"{order}B4i", 4, *q) for q in QUADS)


SURFACES = {
    "binary.stl": stl_binary(), "text.stl": stl_text(), "cube.obj": obj(), "text.ply": ply("ascii"),
    "little.ply": ply("binary_little_endian"), "big.PLY": ply("binary_big_endian"),
}  # fmt: skip


@pytest.mark.parametrize("name", SURFACES)
def test_a_cube_has_its_closed_form(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(SURFACES[name])
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        shape = sg.readers.read_shape(tmp_path / name)
    assert len(notes) == name.endswith(".stl")
    assert not notes or f"{name}: 36 vertices merged to the 8 that differ" in str(notes[0].message)
    sides = [np.where(k == 0, 1, (1 - np.exp(-1j * k)) / (1j * np.where(k == 0, 1, k))) for k in WAVES.T]
    values, error = sg.polytope_transform(shape, WAVES, return_error=True)
    # the naive quotient of the side along k = 1e-9 loses 1e-7; there the side is 1 - i k / 2
    sides[2][2] = 1 - 0.5e-9j
    assert np.all(np.abs(values - np.prod(sides, axis=0)) <= error + 4e-16)


HOLED = [[[0, 0], [4, 0], [4, 3], [0, 3], [0, 0]], [[1, 1], [1, 2], [2, 2], [2, 1], [1, 1]]]
PLANE = {
    "a.wkt": ("POLYGON ((0 0, 4 0, 4 3, 0 3, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))", 11),
    "lines.wkt": ("POLYGON ((0 0, 1 0, 1 1, 0 0))\n\nPOLYGON ((2 0, 3 0, 3 1, 2 0))\n", 1),
    "a.geojson": (json.dumps({"type": "Polygon", "coordinates": HOLED}), 11),
    "b.json": (json.dumps({"type": "Feature", "properties": {}, "geometry": {
        "type": "MultiPolygon", "coordinates": [HOLED, [[[9, 9], [10, 9], [9, 10], [9, 9]]]]}}), 11.5),
    "c.geojson": (json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": HOLED}},
        {"type": "Feature", "geometry": {"type": "GeometryCollection", "geometries": [
            {"type": "Polygon", "coordinates": [[[9, 9], [10, 9], [9, 10], [9, 9]]]}]}}]}), 11.5),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANE)
def test_polygons_have_their_areas(name: str, tmp_path: Path) -> None:
    text, area = PLANE[name]
    (tmp_path / name).write_text(text)
    assert complex(sg.polytope_transform(sg.readers.read_shape(tmp_path / name), [0.0, 0.0])) == pytest.approx(area)


def test_triangles_that_shrink_are_dropped(tmp_path: Path) -> None:
    thin = struct.pack("<12fH", 0, 0, 0, *CORNERS[[0, 0, 1]].ravel(), 0)
    contents = stl_binary()
    (tmp_path / "x.stl").write_bytes(contents[:80] + struct.pack("<I", 13) + contents[84:] + thin)
    with pytest.warns(UserWarning, match="1 triangle without area dropped"):
        points, faces = sg.readers.read_shape(tmp_path / "x.stl")
    assert (len(points), len(faces)) == (8, 12)


BAD = {
    "cut.stl": (stl_binary()[:-7], "truncated"),
    "short.stl": (bytes(80) + stl_binary()[80:-7], "announces 12 triangles"),
    "text.stl": (stl_text()[:-20], "truncated"),
    "none.obj": (b"v 0 0 0\n", "no faces"),
    "far.obj": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "there are 3"),
    "word.obj": (b"v 0 0 1_0\n", "no number"),
    "cut.ply": (ply("binary_little_endian")[:-3], "truncated"),
    "cut2.ply": (ply("ascii")[:-6], "truncated"),
    "no.ply": (b"plyx", "no header"),
    "huge.ply": (ply("ascii").replace(b"element face 6", b"element face 99999999999"), "truncated"),
    "type.geojson": (b"{}", "no type"),
    "list.json": (b"[1, 2]", "no type"),
    "broken.geojson": (b"{", "corrupt"),
    "x.wkt": (b"POLYGON ((0 0, 1", "corrupt"),
    "nan.obj": (b"v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "NaN"),
    "x.step": (b"", "suffix"),
}


@pytest.mark.parametrize("name", BAD)
def test_damaged_files_are_refused(name: str, tmp_path: Path) -> None:
    contents, words = BAD[name]
    (tmp_path / name).write_bytes(contents)
    with pytest.raises(sg.ReadError, match=f"{name}.*({words})"):
        sg.readers.read_shape(tmp_path / name)


def test_a_budget(tmp_path: Path) -> None:
    (tmp_path / "a.stl").write_bytes(stl_binary())
    with pytest.raises(sg.BudgetError, match="max_bytes: reading a.stl"):
        sg.readers.read_shape(tmp_path / "a.stl", max_bytes=100)
