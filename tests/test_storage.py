"""Complexes on disk: round trips and damaged files."""

from __future__ import annotations

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
    changed = PolyhedralComplex(cx.vertices, cx.faces, (cx.gradients, cx.offsets), domain=domain)
    changed.save(tmp_path / "p.npz")
    np.testing.assert_array_equal(sg.load_complex(tmp_path / "p.npz").domain.A, domain.A)


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
