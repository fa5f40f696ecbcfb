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
    network = again.metadata["network"]
    net = sg.Network(network["weights"], network["biases"], network["activations"])
    assert_complex_valid(again, net)
    assert set(again.metadata) == set(cx.metadata)


def test_complex_without_network_or_domain(cx: PolyhedralComplex, tmp_path: Path) -> None:
    bare = PolyhedralComplex(cx.vertices, cx.faces, (cx.gradients, cx.offsets), metadata={"name": "bare"})
    bare.save(tmp_path / "bare")
    again = sg.load_complex(tmp_path / "bare")
    assert again.signs is None
    assert again.domain is None
    assert again.metadata == {"name": "bare"}


def test_polytope_domain_survives(cx: PolyhedralComplex, tmp_path: Path) -> None:
    domain = sg.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    sg.enumerate_regions(random_network([2, 4, 1], 1), domain).save(tmp_path / "p.npz")
    again = sg.load_complex(tmp_path / "p.npz")
    np.testing.assert_array_equal(again.domain.A, domain.A)
    assert again.verify_certificate()
    # vertices of a larger domain are outside, by more than their errors
    replace(cx, domain=domain, metadata={}).save(tmp_path / "outside.npz")
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


def test_metadata_that_cannot_be_written_is_named(cx: PolyhedralComplex, tmp_path: Path) -> None:
    odd = PolyhedralComplex(cx.vertices, cx.faces, (cx.gradients, cx.offsets), metadata={"f": object()})
    with pytest.raises(sg.InvalidInputError, match="metadata"):
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
    assert again.verify_certificate()
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
    [('"dim": 2', '"dim": 1'), ('"Box"', '"Ball"'), ('"intercept": "-0x1', '"intercept": "-0x1p9999'), ('"dim', '"d')],
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


def test_pickle_keeps_the_pieces_and_nothing_derived(cx: PolyhedralComplex) -> None:
    _ = cx.volumes, cx.facets, cx.triangulation(2)
    again = pickle.loads(pickle.dumps(cx))
    np.testing.assert_array_equal(again.gradients, cx.gradients)
    np.testing.assert_array_equal(again.sign_vectors, cx.sign_vectors)
    assert again.certificate == cx.certificate and again.f_vector == cx.f_vector
    assert "volumes" not in again.__dict__ and again.volumes.sum() == pytest.approx(5.0)
