"""Sparse weights: the same network, complex and proof as with arrays; nothing large becomes an array."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from naive.compare import assert_same_complex
from naive.rational import rational_complex
from scipy.sparse import coo_array, csc_matrix, csr_array

import specgeo as sg
from specgeo import check as program
from specgeo._affine import Affine, fold_dense
from specgeo._sparse import SparseMatrix
from specgeo.enumeration._layers import flatten
from specgeo.paths.segments import trace_segment

PLANE = sg.Box([-1, -1], [1, 1])


def pair(seed: int, kinds: list[Any], widths: list[int], density: float = 0.3) -> tuple[sg.Network, sg.Network]:
    """A network in quarters with arrays, and the same with scipy's matrices; rows and columns without entries too."""
    rng = np.random.default_rng(seed)
    shapes = [(n, m) for m, n in zip(widths[:-1], widths[1:], strict=True)]
    pools = [kind if isinstance(kind, sg.MaxGroups) else None for kind in kinds]
    after = [pool.width(n) if pool else n for pool, (n, _) in zip(pools, shapes, strict=False)]
    weights = [rng.integers(-4, 5, (n, m)) / 4 for (n, _), m in zip(shapes, [widths[0], *after], strict=True)]
    weights = [np.where(rng.random(w.shape) < density, w, 0.0) for w in weights]
    biases = [rng.integers(-4, 5, n) / 4 for n, _ in shapes]
    return sg.Network(weights, biases, kinds), sg.Network([csr_array(w) for w in weights], biases, kinds)


POOL = sg.MaxGroups([[0, 1, 2], [2, 3], [4]])
CASES = {
    "relu": (["relu", "relu"], [2, 7, 6, 2], 0.6),
    "maxima": ([POOL, "relu", sg.MaxGroups([[0, 1, 2, 3], [3]])], [2, 5, 4, 4, 1], 0.7),
    "a neuron each": ([["relu", "identity", "hard_tanh", "abs"] * 2, "leaky_relu"], [2, 8, 5, 1], 0.6),
    "long lists": (["relu", "identity", ["relu"] * 30 + ["identity"] * 34], [2, 64, 64, 64, 1], 0.04),
    "in space": (["relu", "relu"], [3, 5, 4, 1], 0.7),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_complex_and_proof(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds, widths, density = CASES[name]
    plain, net = pair(3, kinds, widths, density)
    box = sg.Box([-1] * widths[0], [1] * widths[0])
    cx, same = sg.enumerate_regions(net, box), sg.enumerate_regions(plain, box)
    assert cx.f_vector == same.f_vector and cx.n_linear_regions == same.n_linear_regions
    assert np.array_equal(cx.sign_vectors, same.sign_vectors) and np.array_equal(cx.gradients, same.gradients)
    if max(widths) < 10:
        assert_same_complex(cx, rational_complex(plain, [-1.0] * widths[0], [1.0] * widths[0]))
    if name == "long lists":
        cx = sg.enumerate_regions(net, sg.Box([0, 0], [0.25, 0.25]))
    assert cx.reprove().proved
    cx.save(tmp_path / "cx.npz")
    assert program.main([str(tmp_path / "cx.npz")]) == 0, capsys.readouterr().out
    back = sg.load_complex(tmp_path / "cx.npz")
    assert back.layers is not None and isinstance(back.layers.weights[1], SparseMatrix) and back.reprove().proved
    net.save(tmp_path / "net.npz")
    again = sg.read_network(tmp_path / "net.npz")
    x = np.random.default_rng(0).normal(size=(20, 2, widths[0]))
    for other in (plain, again, pickle.loads(pickle.dumps(net))):
        np.testing.assert_allclose(other(x), net(x), atol=1e-13)
        np.testing.assert_allclose(other.gradient(x), net.gradient(x), atol=1e-13)
        assert np.array_equal(other.activation_pattern(x), net.activation_pattern(x))


def test_networks_of_networks() -> None:
    plain, net = pair(5, ["relu", "relu"], [3, 6, 5, 3], 0.7)
    x = np.random.default_rng(1).normal(size=(9, 2))
    made = [
        (one.precompose([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]),
         one.precompose([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], [1, 2, 3]),
         one.restrict(sg.AffineSlice.axes([0, 2], np.zeros(3))), one.component(1).precompose(np.eye(3)[:, :2]),
         one.postcompose([[1.0, -1.0, 0.5]]).precompose(np.eye(3)[:, :2]))
        for one in (plain, net)
    ]  # fmt: skip
    for a, b in zip(*made, strict=True):
        assert a.hidden_widths == b.hidden_widths
        np.testing.assert_allclose(a(x), b(x), atol=1e-13)
    ends = np.zeros(3), np.ones(3)
    np.testing.assert_allclose(trace_segment(plain, *ends).values, trace_segment(net, *ends).values, atol=1e-13)
    assert repr(plain) == repr(net) and net.layers.weights[0].shape == (6, 3)


def test_scipy_and_numpy() -> None:
    dense = np.array([[0.0, 1.5, 0.0], [0.0, 0.0, 0.0], [2.0, 0.0, -1.0]])
    for kind in (csr_array, csc_matrix, coo_array):
        w: Any = sg.Network([kind(dense), [[1.0] * 3]], [[0.0] * 3, [0.0]]).weights[0]
        assert isinstance(w, SparseMatrix) and len(w) == 3 and w.size == 9 and w.shape == (3, 3)
        assert np.array_equal(w, dense) and np.array_equal(w.T, dense.T) and np.array_equal(w.tocsr().toarray(), dense)
        assert np.array_equal(w[1:], dense[1:]) and np.array_equal(w[2], dense[2]) and w[2, 0] == 2.0
        assert np.array_equal(w == 0.0, dense == 0.0) and np.linalg.norm(w) == np.linalg.norm(dense)
        assert np.array_equal(w @ [1.0, 2.0, 3.0], dense @ [1.0, 2.0, 3.0])
        a = np.arange(12.0).reshape(2, 2, 3)
        assert np.array_equal(a @ w, a @ dense) and np.array_equal(a @ w.T, a @ dense.T)
        assert isinstance(abs(w), SparseMatrix) and np.array_equal(np.abs(w).sums(), np.abs(dense).sum(axis=1))
    doubled = coo_array(([1.0, 2.0, 0.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    w = sg.Network([doubled], [[0.0, 0.0]]).weights[0]
    assert np.array_equal(w, [[0.0, 3.0], [0.0, 0.0]]) and len(w.values) == 1
    assert repr(w) == "SparseMatrix(2 x 2, 1 entries)"


def test_bad_input(tmp_path: Path) -> None:
    eye = csr_array(np.eye(2))
    for weights, said in (
        ([csr_array(np.eye(2) * np.nan), eye], r"weights\[0\]: contains NaN"),
        ([eye, csr_array(np.ones((1, 3)))], r"weights\[1\]: shape \(1, 3\) given, \(any, 2\) wanted"),
        ([csr_array((0, 2)), eye], r"weights\[0\]: shape \(0, 2\) has an empty axis"),
        ([csr_array(np.eye(2) * 1j), eye], r"weights\[0\]: not an array of real numbers"),
        ([coo_array(np.ones(2)), eye], r"weights\[0\]: shape \(2,\) given; pass a sparse matrix of two axes"),
    ):
        with pytest.raises(sg.errors.InvalidInputError, match=said):
            sg.Network(weights, [[0.0] * w.shape[0] for w in weights])
    net = sg.Network([eye, [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
    net.save(tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz") as file:
        arrays = dict(file)
    for name, value in (("W0_columns", [1, 2]), ("W0_columns", [-1, 1]), ("W0_rows", [1, 0]), ("W0_rows", [0]),
                        ("W0", [1.0]), ("W0_columns", [[0], [1]]), ("W0_rows", [0.0, 1.0]),
                        ("W0_rows", ["a", "b"])):  # fmt: skip
        np.savez(tmp_path / "bad.npz", **(arrays | {name: np.array(value)}))
        with pytest.raises(sg.errors.ReadError, match="W0: (entries, rows and columns are not|shape)"):
            sg.read_network(tmp_path / "bad.npz")
    metadata = str(arrays["metadata"])
    for inputs in ('"x"', "2.5", "true", "-2", "1" + "0" * 30, "4" + "0" * 18):
        arrays["metadata"] = np.array(metadata.replace('"inputs": 2', f'"inputs": {inputs}'))
        np.savez(tmp_path / "bad.npz", **arrays)
        with pytest.raises(sg.errors.ReadError, match=r"metadata: .* inputs; save the network again"):
            sg.read_network(tmp_path / "bad.npz")


def test_products_are_exact_or_none() -> None:
    rng = np.random.default_rng(0)
    a, b = (np.where(rng.random((6, 6)) < 0.4, rng.integers(-9, 10, (6, 6)) / 8, 0.0) for _ in range(2))
    offsets = rng.integers(-9, 10, (2, 6)) / 4
    for left in (a, SparseMatrix.from_dense(a)):
        for right in (b, SparseMatrix.from_dense(b)):
            made = fold_dense(Affine(left, offsets[0]), Affine(right, offsets[1]))
            assert made is not None and np.array_equal(np.asarray(made.matrix), a @ b)
            assert np.array_equal(made.offset, a @ offsets[1] + offsets[0])
            assert isinstance(made.matrix, np.ndarray) == isinstance(right, np.ndarray)
    assert fold_dense(Affine(SparseMatrix.from_dense(a * 0.1), offsets[0]), Affine(b / 3, offsets[1])) is None


def test_a_wide_layer_is_never_an_array(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice of a network with 65,536 inputs: 32 GiB as an array."""
    n, rng = 1 << 16, np.random.default_rng(0)
    columns = rng.integers(0, n, (n, 3))
    first = csr_array((rng.normal(size=3 * n), columns.ravel(), 3 * np.arange(n + 1)), shape=(n, n))
    second = csr_array((rng.normal(size=64), (np.arange(64) % 8, rng.integers(0, n, 64))), shape=(8, n))
    net = sg.Network([first, second, [[1.0] * 8]], [np.zeros(n), rng.normal(size=8), [0.0]], ["identity", "relu"])
    monkeypatch.setattr(SparseMatrix, "dense", lambda self: pytest.fail(f"{self.shape} as an array"))
    images = rng.random((3, n))
    small = net.restrict(sg.AffineSlice.through(images))
    np.testing.assert_allclose(small([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), net(images), rtol=1e-9)
    assert small.hidden_widths == (n, n, 8)
    cx = sg.enumerate_regions(small, sg.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1]))
    assert cx.certificate.certified and cx.n_cells == cx.n_linear_regions > 1
    np.testing.assert_allclose(cx(cx.centroids), small(cx.centroids), rtol=1e-9)


def test_lists_are_taken_where_they_are_short() -> None:
    plain, net = pair(0, ["relu", "relu"], [2, 64, 64, 1], 0.04)
    metas = [flatten(one.weights[:-1], one.biases[:-1], one.activations).meta for one in (plain, net)]
    assert np.array_equal(*metas)


def test_every_claim_reads_sparse_weights() -> None:
    plain, net = pair(3, ["relu", "relu"], [2, 8, 8, 1])
    reports = [sg.verify(one, PLANE) for one in (plain, net)]
    assert [claim.status for claim in reports[1].claims] == [claim.status for claim in reports[0].claims]
    assert not reports[1].unchecked
