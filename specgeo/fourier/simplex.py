"""Fourier transforms of simplices: constant, affine and polynomial densities, any dimension.

For a j-simplex with vertices v_i in R^d, its j-dimensional measure |S| and nodes z_i = -i k.v_i::

    int_S exp(-i k.x)             = j! |S| exp[z_0, ..., z_j]
    int_S f exp(-i k.x), f affine = j! |S| sum_i f_i exp[z_0, ..., z_j, z_i]
    int_S B_a exp(-i k.x)         = j! |S| p! exp[z_i repeated 1 + a_i times],   B_a = p!/a! lambda^a
"""

from __future__ import annotations

import math
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

from specgeo._cast import ComplexArray, FloatArray, IntArray, as_floats
from specgeo.errors import InvalidInputError
from specgeo.fourier.chunks import chunked
from specgeo.fourier.measures import simplex_measures
from specgeo.fourier.sums import affine_sum, constant_sum, general_sum

_MAX_PHASE = 1e15
_EMPTY = np.zeros((0, 0))


def simplices_sum(
    points: FloatArray,
    simplices: IntArray,
    measures: FloatArray,
    k: FloatArray,
    weights: FloatArray | None = None,
    values: FloatArray | None = None,
) -> ComplexArray:
    """Sum over simplices of constant and affine densities, at every wavevector: the kernel interface.

    Parameters
    ----------
    points : (n_p, d) float64
    simplices : (n_s, j + 1) int64
        Point numbers; j = 1, 2, 3 run in vector kernels, other j in a scalar one.
    measures : (n_s,) float64
        j-dimensional measures (`specgeo.fourier.measures.simplex_measures`), signs allowed.
    k : (n_k, d) float64
    weights : (n_s, m) float64, optional
        Constant densities.
    values : (n_s, j + 1, m) float64, optional
        Affine densities by vertex value, added to the constant ones. With neither, m = 1 and the
        density is 1.

    Returns
    -------
    (n_k, m) complex128
        sum_s int_s (weights + affine) exp(-i k.x).

    Notes
    -----
    Nothing is validated. Each term is right to a few 1e-16 of |s| max|density| for phases up to
    1e15; sums round as sums do.
    """
    n_s, nodes = simplices.shape
    if weights is None and values is None:
        weights = np.ones((n_s, 1))
    scaled = measures * float(math.factorial(nodes - 1))
    waves = np.ascontiguousarray(k.T)
    m = weights.shape[1] if weights is not None else values.shape[2]  # type: ignore[union-attr]
    real, imag = np.zeros((m, len(k))), np.zeros((m, len(k)))
    if n_s == 0 or len(k) == 0 or m == 0:
        return np.ascontiguousarray((real + 1j * imag).T)
    if values is not None:
        density = values if weights is None else values + weights[:, None, :]
        coefficients = np.ascontiguousarray(density * scaled[:, None, None])
        indices = np.array([[*range(nodes), i] for i in range(nodes)], dtype=np.int64)
    else:
        assert weights is not None
        coefficients = np.ascontiguousarray(weights * scaled[:, None])
        indices = np.arange(nodes, dtype=np.int64)[None, :]
    if 2 <= nodes <= 4:
        order, chunks = chunked(points, simplices)
        kernel = constant_sum if values is None else affine_sum
        kernel(points, *chunks, waves, coefficients if order is None else coefficients[order], real, imag)
    else:
        cubic = coefficients.reshape(n_s, len(indices), m)
        general_sum(points, np.ascontiguousarray(simplices), waves, indices, cubic, real, imag)
    return np.ascontiguousarray((real + 1j * imag).T)
