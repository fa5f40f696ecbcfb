"""Products with the weights of a layer against rational arithmetic, within the bound that the enumeration allows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from specgeo import Activation
from specgeo._cast import FloatArray
from specgeo._jit import kernel
from specgeo.enumeration import _layers
from specgeo.enumeration._layers import Layers, entries, flatten
from specgeo.enumeration._layout import Scratch, scratch_of
from specgeo.enumeration._maps import factors
from specgeo.enumeration._products import add_columns, add_product, roundings, row_dots
from specgeo.enumeration._scalars import SAFE


@kernel
def product_once(layers: Layers, layer: int, rows: FloatArray, n_rows: int, sizes: bool, scratch: Scratch) -> None:
    add_product(layers, layer, rows, n_rows, sizes, scratch, scratch.values)


@kernel
def dots_once(layers: Layers, layer: int, neuron: int, rows: FloatArray, n: int, out: FloatArray) -> None:
    begin, end = entries(layers, layer, neuron)
    row_dots(layers.row_values[begin:end], layers.row_columns[begin:end], rows, n, out)


@kernel
def columns_once(layers: Layers, layer: int, neuron: int, by: FloatArray, old: FloatArray, new: FloatArray) -> None:
    add_columns(layers, layer, neuron, by, old, new)


@kernel
def bound_once(layers: Layers, layer: int, size: float, n: int) -> tuple[float, float, float]:
    return factors(size, roundings(layers, layer), n, 1.0)


def layers_of(weight: FloatArray, bias: FloatArray) -> Layers:
    """Two layers, the second with these weights."""
    return flatten([np.zeros((weight.shape[1], 1)), weight], [np.zeros(weight.shape[1]), bias], [Activation.relu()] * 2)


def numbers(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    x = rng.normal(size=shape)
    if kind == "scales":
        return x * 2.0 ** rng.integers(-60, 60, shape)
    if kind == "tiny":  # most products underflow
        return x * 2.0 ** rng.integers(-545, -500, shape)
    return x


SIZES = [(1, 1), (3, 5), (7, 3), (5, 7), (9, 64), (8, 65), (65, 8), (4, 193)]


@pytest.mark.parametrize("n_rows", [8, 9])
@pytest.mark.parametrize("kind", ["plain", "scales", "tiny"])
@pytest.mark.parametrize(
    ("n", "n_previous", "sparse"), [(*size, False) for size in SIZES] + [(*size, True) for size in SIZES[4:]]
)
def test_products_are_within_their_bound(
    n: int, n_previous: int, kind: str, n_rows: int, sparse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(n)
    weight, bias = numbers(kind, (n, n_previous), rng), numbers(kind, (n,), rng)
    if sparse:
        monkeypatch.setattr(_layers, "_SPARSE", 1.0)
        weight[:, n_previous // 4 :] = 0.0  # no row of a list has more
    shape = n_rows, n_previous
    rows = numbers(kind, shape, rng) * (rng.random(n_previous) < 0.5) * (rng.random(shape) < 0.8)
    layers, scratch = layers_of(weight, bias), scratch_of(max(n, n_previous), 2)
    assert (layers.meta[1, _layers.ROWS] >= 0) == sparse
    scratch.values[:, :n] = bias
    product_once(layers, 2, rows, n_rows, True, scratch)
    f, g, tiny = (Fraction(v) for v in bound_once(layers, 2, float(np.abs(rows).max()), n_previous))
    for r in range(n_rows):
        for j in range(n):
            w = [abs(Fraction(v)) if r == n_rows - 1 else Fraction(v) for v in weight[j].tolist()]
            b, norm = Fraction(float(bias[j])), sum(map(abs, w), Fraction(0))
            true = sum((v * Fraction(a) for v, a in zip(w, rows[r].tolist(), strict=True)), b)
            assert abs(Fraction(float(scratch.values[r, j])) - true) <= f * norm + g * abs(b) + tiny, (r, j)


def test_a_row_does_not_depend_on_those_beside_it() -> None:
    """Columns that are zero in all rows are left out, those that are zero in some are not: it makes no difference."""
    rng = np.random.default_rng(1)
    layers, scratch = layers_of(rng.normal(size=(70, 130)), np.zeros(70)), scratch_of(130, 2)
    rows = rng.normal(size=(8, 130)) * (rng.random((8, 130)) < 0.4)
    scratch.values[:] = 0.0
    product_once(layers, 2, rows, 8, False, scratch)
    together = scratch.values[:, :70].copy()
    for r in range(8):
        alone = np.zeros((4, 130))
        alone[0] = rows[r]
        scratch.values[:] = 0.0
        product_once(layers, 2, alone, 4, False, scratch)
        np.testing.assert_array_equal(scratch.values[0, :70], together[r])
        assert not scratch.values[1:4, :70].any()


def test_what_overflows_stays_in_its_row() -> None:
    weight = np.full((3, 9), 1e200)
    layers, scratch = layers_of(weight, np.zeros(3)), scratch_of(9, 2)
    rows = np.zeros((8, 9))
    rows[0, 1], rows[5, 2], rows[6, 3], rows[7] = 1e200, np.nan, -np.inf, 1.0
    scratch.values[:] = 0.0
    product_once(layers, 2, rows, 8, False, scratch)
    found = scratch.values[:, :3]
    assert np.all(found[0] == np.inf) and np.all(np.isnan(found[5])) and np.all(found[6] == -np.inf)
    assert np.all(found[1:5] == 0.0) and np.all(np.abs(found[7] / 9e200 - 1.0) < 1e-15)


@pytest.mark.parametrize("kind", ["plain", "scales", "tiny"])
@pytest.mark.parametrize(("n_previous", "n_rows"), [(1, 4), (5, 8), (5, 5), (8, 4), (65, 16), (130, 4), (130, 9)])
def test_rows_of_planes_are_within_their_bound(n_previous: int, n_rows: int, kind: str) -> None:
    rng = np.random.default_rng(n_previous)
    weight, rows, out = numbers(kind, (2, n_previous), rng), numbers(kind, (n_rows, n_previous + 3), rng), np.empty(16)
    layers = layers_of(weight, np.zeros(2))
    for j in range(2):
        dots_once(layers, 2, j, rows, n_previous, out)
        for r in range(n_rows):
            w = [Fraction(abs(v) if r == n_rows - 1 else v) for v in weight[j].tolist()]
            terms = [v * Fraction(a) for v, a in zip(w, rows[r].tolist(), strict=False)]
            allowed = (n_previous // 8 + 11) * Fraction(SAFE) * sum(map(abs, terms), Fraction(0)) / 2**53
            off = abs(Fraction(float(out[r])) - sum(terms, Fraction(0)))
            assert off <= allowed + Fraction(n_previous, 2**1074), (j, r)


@pytest.mark.parametrize("n", [1, 7, 8, 65])
def test_columns_are_added_to_rows(n: int) -> None:
    rng = np.random.default_rng(n)
    weight, old, new, by = rng.normal(size=(n, 5)), rng.normal(size=(4, n)), np.empty((4, n)), rng.normal(size=4)
    columns_once(layers_of(weight, np.zeros(n)), 2, 3, by, old, new)
    column = np.stack([weight[:, 3]] * 3 + [np.abs(weight[:, 3])])
    np.testing.assert_allclose(new, old + by[:, None] * column, rtol=0, atol=1e-15)
