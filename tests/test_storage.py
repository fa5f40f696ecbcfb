"""Complexes on disk: round trips and damaged files."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import specgeo as sg
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.testing import assert_complex_valid, random_network


@pytest.fixture(scope="module")
def cx() -> PolyhedralComplex:
    base = random_network([2, 6, 5, 2], 1)
    net = sg.Network(base.weights, base.biases, ["hard_tanh", "leaky_relu"])
    return sg.enumerate_regions(net, sg.Box([-1, -2], [1, 0.5]))


def test_round_trip(cx: PolyhedralComplex, tmp_path: Path) -> None:
    path = tmp_path / "complex.npz"
    cx.save(path)
    again = sg.load_complex(path)
    assert again.f_vector == cx.f_vector
    for a, b in ((again.vertices, cx.vertices), (again.gradients, cx.gradients), (again.offsets, cx.offsets)):
        np.testing.assert_array_equal(a, b)
    for mine, theirs in zip(again.faces, cx.faces, strict=True):
        np.testing.assert_array_equal(mine.offsets, theirs.offsets)
        np.testing.assert_array_equal(mine.indices, theirs.indices)
        assert mine.indices.dtype == theirs.indices.dtype
    np.testing.assert_array_equal(again.sign_vectors, cx.sign_vectors)
    np.testing.assert_array_equal(again.linear_regions, cx.linear_regions)
    assert again.certificate == cx.certificate
    assert again.domain.lower.tolist() == [-1.0, -2.0]
    net = sg.Network(*again.layers)
    assert_complex_valid(again, net)
    for name in ("vertex_errors", "facet_walls"):
        np.testing.assert_array_equal(getattr(again, name), getattr(cx, name))
    assert again.notes == cx.notes == {}


def test_complex_without_network_or_domain(cx: PolyhedralComplex, tmp_path: Path) -> None:
    bare = PolyhedralComplex(cx.vertices, cx.faces, (cx.gradients, cx.offsets), notes={"name": "bare"})
    bare.save(tmp_path / "bare")
    again = sg.load_complex(tmp_path / "bare")
    assert again.signs is None
    assert again.domain is None
    assert again.notes == {"name": "bare"}


def test_polytope_domain_survives(cx: PolyhedralComplex, tmp_path: Path) -> None:
    domain = sg.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    sg.enumerate_regions(random_network([2, 4, 1], 1), domain).save(tmp_path / "p.npz")
    again = sg.load_complex(tmp_path / "p.npz")
    np.testing.assert_array_equal(again.domain.A, domain.A)
    assert again.reprove()
    # vertices of a larger domain are outside, by more than their errors
    replace(cx, domain=domain, layers=None, vertex_errors=None, facet_walls=None).save(tmp_path / "outside.npz")
    with pytest.raises(sg.ReadError, match="outside the domain"):
        sg.load_complex(tmp_path / "outside.npz")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(sg.ReadError, match="no such file"):
        sg.load_complex(tmp_path / "none.npz")


def test_every_truncation_is_noticed(cx: PolyhedralComplex, tmp_path: Path) -> None:
    path = tmp_path / "complex.npz"
    cx.save(path)
    whole = path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(sg.ReadError):
            sg.load_complex(path)


def test_flipped_bytes_are_noticed_or_harmless(cx: PolyhedralComplex, tmp_path: Path) -> None:
    path = tmp_path / "complex.npz"
    cx.save(path)
    whole = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for position in rng.integers(0, len(whole), 60).tolist():
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            again = sg.load_complex(path)
        except sg.ReadError:
            continue
        np.testing.assert_array_equal(again.vertices, cx.vertices)  # the zip checksums guard the contents


@pytest.mark.parametrize("name", ["faces_1_indices", "faces_2_offsets", "gradients", "signs_positive", "vertices"])
def test_inconsistent_arrays_are_refused(cx: PolyhedralComplex, tmp_path: Path, name: str) -> None:
    path = tmp_path / "complex.npz"
    cx.save(path)
    with np.load(path) as file:
        arrays = dict(file)
    arrays[name] = arrays[name][:-1]
    np.savez(path, **arrays)
    with pytest.raises(sg.ReadError):
        sg.load_complex(path)


def test_foreign_and_newer_files_are_refused(cx: PolyhedralComplex, tmp_path: Path) -> None:
    path = tmp_path / "complex.npz"
    np.savez(path, a=np.arange(3))
    with pytest.raises(sg.ReadError, match="not a complex"):
        sg.load_complex(path)
    cx.save(path)
    with np.load(path) as file:
        arrays = dict(file)
    arrays["header"] = np.frombuffer(b'{"schema": "specgeo complex 2"}', dtype=np.uint8)
    np.savez(path, **arrays)
    with pytest.raises(sg.ReadError, match="upgrade specgeo"):
        sg.load_complex(path)


def test_notes_that_cannot_be_written_is_named(cx: PolyhedralComplex, tmp_path: Path) -> None:
    odd = PolyhedralComplex(cx.vertices, cx.faces, (cx.gradients, cx.offsets), notes={"f": object()})
    with pytest.raises(sg.InvalidInputError, match="notes"):
        odd.save(tmp_path / "odd.npz")


def change(path: Path, **changed: np.ndarray) -> None:
    """Write other arrays into the file of a complex."""
    with np.load(path) as file:
        arrays = dict(file)
    assert changed.keys() <= arrays.keys()
    np.savez(path, **(arrays | changed))


def test_other_byte_orders_are_read_right(cx: PolyhedralComplex, tmp_path: Path) -> None:
    path = tmp_path / "complex.npz"
    cx.save(path)
    with np.load(path) as file:
        swapped = {k: v.astype(v.dtype.newbyteorder("S")) for k, v in file.items() if k != "header"}
    change(path, **swapped)
    again = sg.load_complex(path)
    np.testing.assert_array_equal(again.vertices, cx.vertices)
    np.testing.assert_array_equal(again.sign_vectors, cx.sign_vectors)
    assert again.reprove()
    assert_complex_valid(again)


def poisoned(array: np.ndarray, value: float) -> np.ndarray:
    return np.where(np.arange(array.size).reshape(array.shape) == 0, array.dtype.type(value), array)


DAMAGE = {
    "NaN vertex": ("vertices", lambda a: poisoned(a, np.nan)),
    "infinite vertex": ("vertices", lambda a: poisoned(a, np.inf)),
    "words": ("vertices", lambda a: a.astype(str)),
    "complex numbers": ("vertices", lambda a: a + 1j),
    "one axis": ("vertices", np.ravel),
    "NaN gradient": ("gradients", lambda a: poisoned(a, np.nan)),
    "negative index": ("faces_1_indices", lambda a: poisoned(a, -1)),
    "large index": ("faces_2_indices", lambda a: poisoned(a, 1 << 30)),
    "index beyond 32 bits": ("faces_2_indices", lambda a: poisoned(a.astype(np.int64), 1 << 32)),
    "floating offsets": ("faces_2_offsets", lambda a: a + 0.5),
    "signs of other width": ("signs_negative", lambda a: np.column_stack((a, a))),
    "fewer units": ("signs_layers", lambda a: a[:-1]),
    "fewer labels": ("signs_neurons", lambda a: a[:-1]),
    "weight of another shape": ("weight_1", lambda a: a[:, :-1]),
    "NaN weight": ("weight_0", lambda a: poisoned(a, np.nan)),
    "network of another width": ("weight_2", lambda a: a[:1]),
    "breakpoints": ("breakpoints_0", lambda a: a[::-1]),
    "domain": ("domain_upper", lambda a: -a),
    "domain of another dimension": ("domain_lower", lambda a: a[:1]),
    "walls": ("metadata_facet_walls", lambda a: poisoned(a, 4)),
    "walls of other facets": ("metadata_facet_walls", lambda a: a[1:]),
    "walls below -1": ("metadata_facet_walls", lambda a: poisoned(a, -2)),
    "fractional walls": ("metadata_facet_walls", lambda a: a + 0.5),
    "errors of other vertices": ("metadata_vertex_errors", lambda a: a[1:]),
    "negative errors": ("metadata_vertex_errors", lambda a: poisoned(a, -1.0)),
    "NaN errors": ("metadata_vertex_errors", lambda a: poisoned(a, np.nan)),
    "whole errors": ("metadata_vertex_errors", lambda a: np.zeros(len(a), dtype=int)),
    "vertex outside": ("vertices", lambda a: a + [3.0, 0.0]),
    "vertex just outside": ("vertices", lambda a: np.nextafter(a, [-9.0, a[0, 1]])),
    "offsets that fall": ("faces_2_offsets", lambda a: a[::-1]),
    "negative offsets": ("faces_2_offsets", lambda a: a - a[1]),
    "offsets beyond the list": ("faces_2_offsets", lambda a: np.where(np.arange(len(a)) == 1, a[-1] + 9, a)),
    "no offsets": ("faces_1_offsets", lambda a: a[:0]),
    "no faces": ("faces_1_offsets", lambda a: a[:1]),
    "edges with three ends": ("faces_1_offsets", lambda a: np.concatenate(([0, 3], a[2:]))),
    "units of no layer": ("signs_layers", lambda a: a + 7),
    "units backwards": ("signs_neurons", lambda a: a[::-1]),
    "signs of units beyond": ("signs_positive", lambda a: a | np.uint64(1 << 60)),
    "signed words": ("signs_positive", lambda a: a.astype(np.int64)),
    "integer bias": ("bias_0", lambda a: np.array(["x"] * len(a))),
    "bias of another layer": ("bias_0", lambda a: a[1:]),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_corrupt_contents_are_refused(cx: PolyhedralComplex, tmp_path: Path, name: str) -> None:
    path, (key, damage) = tmp_path / "complex.npz", DAMAGE[name]
    cx.save(path)
    with np.load(path) as file:
        change(path, **{key: damage(file[key])})
    with pytest.raises(sg.ReadError, match=r"complex\.npz: "):
        sg.load_complex(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"dim": 2', '"dim": 1'),
        ('"dim": 2', '"dim": 0'),
        ('"dim": 2', '"dim": 2.5'),
        ('"Box"', '"Ball"'),
        ('"Box"', "3"),
        ('"intercept": "-0x1', '"intercept": "-0x1p9999'),
        ('"dim', '"d'),
        ('"dense"', '"conv"'),
        ('"kind": "dense"', '"stride": 2'),
        ('"metadata": {}', '"metadata": {"network": 3}'),
        ('"metadata": {}', '"metadata": {"facet_walls": [1]}'),
        ('"metadata": {}', '"metadata": []'),
        ('"metadata": {}', '"skip": 1, "metadata": {}'),
        ('"certified": true', '"certified": "yes"'),
        ('"certified": true', '"proved": true'),
        ('"float_filter": ', '"float_filter": -'),
        ('"exact_zeros": ', '"exact_zeros": 999'),
        ('"smallest_margin": ', '"smallest_margin": 0.1e-'),
        ('"seconds": {', '"seconds": {"all": "long", '),
    ],
)
def test_corrupt_headers_are_refused(cx: PolyhedralComplex, tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "complex.npz"
    cx.save(path)
    with np.load(path) as file:
        text = bytes(file["header"]).decode()
    assert old in text
    change(path, header=np.frombuffer(text.replace(old, new).encode(), dtype=np.uint8))
    with pytest.raises(sg.ReadError, match=r"complex\.npz: "):
        sg.load_complex(path)


@pytest.mark.parametrize("dim", ["1", "3", "2.0", "true", "1" + 12 * "0"])
def test_another_dimension_in_the_header_is_refused(cx: PolyhedralComplex, tmp_path: Path, dim: str) -> None:
    path = tmp_path / "complex.npz"
    cx.save(path)
    with np.load(path) as file:
        text = bytes(file["header"]).decode().replace('"dim": 2', f'"dim": {dim}')
    change(path, header=np.frombuffer(text.encode(), dtype=np.uint8))
    with pytest.raises(sg.ReadError, match="header: dim is not that of the vertices"):
        sg.load_complex(path)


def test_domains_that_no_file_holds_are_named(cx: PolyhedralComplex, tmp_path: Path) -> None:
    with pytest.raises(sg.InvalidInputError, match="domain: AffineSlice cannot be saved"):
        replace(cx, domain=sg.AffineSlice([0, 0, 0], np.eye(3)[:2])).save(tmp_path / "cx.npz")


def test_offsets_that_wrap_around_are_refused(cx: PolyhedralComplex, tmp_path: Path) -> None:
    """Their differences are right only modulo 2^64."""
    path = tmp_path / "complex.npz"
    cx.save(path)
    top = 2**63 - 1
    change(path, faces_2_offsets=np.array([0, top, -top + 1, 2]), faces_2_indices=np.zeros(2, np.int32))
    with pytest.raises(sg.ReadError, match="boundary lists of 2-faces"):
        sg.load_complex(path)


@pytest.mark.parametrize("name", ["weight_9", "faces_3_indices", "kernel"])
def test_unknown_arrays_are_refused(cx: PolyhedralComplex, tmp_path: Path, name: str) -> None:
    path = tmp_path / "complex.npz"
    cx.save(path)
    with np.load(path) as file:
        np.savez(path, **dict(file), **{name: np.zeros(3)})
    with pytest.raises(sg.ReadError, match=f"unknown arrays.*{name}"):
        sg.load_complex(path)


def test_vertices_may_be_outside_by_their_errors(tmp_path: Path) -> None:
    """The corner (1/3, 2/3) of the triangle has no floats: its rounding may be on either side of the walls."""
    triangle = sg.Polytope([[-3.0, 0.0], [0.0, -1.0], [3.0, 3.0]], [-1.0, 0.0, 3.0])
    cx = sg.enumerate_regions(random_network([2, 4, 1], 1), triangle)
    for step in (-1.0, 1.0):
        moved = cx.vertices + step * 0.5 * cx.vertex_errors[:, None]
        replace(cx, vertices=moved).save(tmp_path / "cx.npz")
        assert sg.load_complex(tmp_path / "cx.npz").f_vector == cx.f_vector
    replace(cx, vertices=cx.vertices - 4.0 * cx.vertex_errors.max()).save(tmp_path / "cx.npz")
    with pytest.raises(sg.ReadError, match="outside the domain, by more than its error"):
        sg.load_complex(tmp_path / "cx.npz")


def test_pickle_keeps_the_pieces_and_nothing_derived(cx: PolyhedralComplex) -> None:
    _ = cx.volumes, cx.facets, cx.triangulation(2)
    again = pickle.loads(pickle.dumps(cx))
    np.testing.assert_array_equal(again.gradients, cx.gradients)
    np.testing.assert_array_equal(again.sign_vectors, cx.sign_vectors)
    assert again.certificate == cx.certificate and again.f_vector == cx.f_vector
    assert "volumes" not in again.__dict__ and again.volumes.sum() == pytest.approx(5.0)
