"""Vectors as values of kernels: each operation against numpy, in lanes."""

from __future__ import annotations

import numpy as np

from specgeo._cast import FloatArray
from specgeo._fused import fma
from specgeo._jit import kernel
from specgeo._vector import WIDTH, bits_below, everywhere, load, multiply_add, store, total, where_below


@kernel
def operations(rows: FloatArray, number: float, out: FloatArray, sums: FloatArray) -> int:
    """Each operation on vectors from two places of an array of rows."""
    a, b, width = load(rows, 1), load(rows, rows.shape[1] + 2), out.shape[1]
    store(a + b, out, 0)
    store(a - number, out, width)
    store(number * b, out, 2 * width)
    store(a / b, out, 3 * width)
    store(-abs(a), out, 4 * width)
    store(fma(a, b, number), out, 5 * width)
    store(multiply_add(a, b, everywhere(number)), out, 6 * width)
    store(where_below(a, b, number, a), out, 7 * width)
    so_far = everywhere(0.0)
    for row in range(rows.shape[0]):
        so_far = so_far + load(rows, row * rows.shape[1])
    sums[0], sums[1] = total(so_far), total(everywhere(number))
    return bits_below(a, b)


def test_operations_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    rows, number = rng.normal(size=(5, WIDTH + 3)), 0.75
    rows[0, 3], rows[1, 4] = rows[1, 5], np.nan  # one lane where both are equal, one that is not below
    out, sums = np.full((9, WIDTH + 1), 7.0), np.empty(2)
    bits = operations(rows, number, out, sums)
    a, b = rows[0, 1 : WIDTH + 1], rows[1, 2 : WIDTH + 2]
    exact = (a + b, a - number, number * b, a / b, -np.abs(a))
    for row, wanted in enumerate(exact):
        np.testing.assert_array_equal(out[row, :WIDTH], wanted)
    for row in (5, 6):  # rounded once, or twice
        np.testing.assert_allclose(out[row, :WIDTH], a * b + number, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(out[7, :WIDTH], np.where(a < b, number, a))
    assert [bool(bits >> lane & 1) for lane in range(WIDTH)] == (a < b).tolist() and bits >> WIDTH == 0
    assert (out[:, WIDTH] == 7.0).all() and (out[8] == 7.0).all(), "no more than a vector is written"
    np.testing.assert_allclose(sums, (rows[:, :WIDTH].sum(), WIDTH * number), rtol=1e-14)
