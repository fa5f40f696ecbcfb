"""Fourier transforms of simplices: constant, affine and polynomial densities, any dimension.

For a j-simplex with vertices v_i in R^d, its j-dimensional measure |S| and nodes z_i = -i k.v_i::

    int_S exp(-i k.x)             = j! |S| exp[z_0, ..., z_j]
    int_S f exp(-i k.x), f affine = j! |S| sum_i f_i exp[z_0, ..., z_j, z_i]
    int_S B_a exp(-i k.x)         = j! |S| p! exp[z_i repeated 1 + a_i times],   B_a = p!/a! lambda^a
"""

from __future__ import annotations

import math
from itertools import combinations_with_replacement
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import ComplexArray, FloatArray, IntArray, as_floats, as_whole
from specgeo._limits import check_time
from specgeo._measures import simplex_measures
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier.chunks import Plan, chunked
from specgeo.fourier.divided import MAX_NODES
from specgeo.fourier.phases import LANES
from specgeo.fourier.sums import general_sum, quick_sum

MAX_PHASE = 1e15
_WORK, _SCALAR_WORK = 1 << 25, 1 << 19  # simplices times wavevectors of one call of a kernel: some tenths of a second
_T = TypeVar("_T", np.float64, np.int64)


def simplices_sum(
    points: FloatArray,
    simplices: IntArray,
    measures: FloatArray,
    k: FloatArray,
    weights: FloatArray | None = None,
    values: FloatArray | None = None,
    plan: Plan | None = None,
) -> ComplexArray:
    """Sum over simplices of constant and affine densities, at every wavevector: the kernel interface.

    Parameters
    ----------
    points : (n_p, d) float64
        Or (n_p, 2 d), where coordinates are double-doubles: the low parts come last.
    simplices : (n_s, j + 1) int64
        Point numbers; j = 1, 2, 3 run in vector kernels, other j in a scalar one.
    measures : (n_s,) float64
        j-dimensional measures (`specgeo._measures.simplex_measures`), signs allowed.
    k : (n_k, d) float64
    weights : (n_s, m) float64, optional
        Constant densities.
    values : (n_s, j + 1, m) float64, optional
        Affine densities by vertex value, added to the constant ones. With neither, m = 1 and the
        density is 1.
    plan : optional
        `specgeo.fourier.chunks.chunked` of these simplices, where it is at hand.

    Returns
    -------
    (n_k, m) complex128
        sum_s int_s (weights + affine) exp(-i k.x).

    Notes
    -----
    Nothing is validated. Each term is right to a few 1e-16 of |s| max|density| for phases up to
    1e15; sums round as sums do.
    """
    n_s = len(simplices)
    if values is not None:
        density = values if weights is None else values + weights[:, None, :]
        degree = 1
    else:
        density = np.ones((n_s, 1, 1)) if weights is None else weights[:, None, :]
        degree = 0
    groups = np.zeros(n_s, dtype=np.int64)
    return np.asarray(polynomial_sum(points, simplices, measures, k, density, degree, groups, 1, plan)[0])


def polynomial_sum(
    points: FloatArray,
    simplices: IntArray,
    measures: FloatArray,
    k: FloatArray,
    coefficients: FloatArray,
    degree: int,
    groups: IntArray,
    n_groups: int,
    plan: Plan | None = None,
) -> ComplexArray:
    """Sums of polynomial densities over each group of simplices, shape (n_groups, n_k, m).

    ``coefficients`` (n_s, n_b, m) in the order of `bernstein_indices`, ``groups`` (n_s,) the group
    of each simplex; the rest as in `simplices_sum`.
    """
    nodes, m = simplices.shape[1], coefficients.shape[2]
    quick = 2 <= nodes <= 4 and degree <= 1
    block = (_WORK if quick else _SCALAR_WORK) // max(1, len(simplices))
    block = max(LANES if quick else 1, block // LANES * LANES if block > LANES else block)
    if len(k) > block:
        plan = (plan or chunked(points, simplices)) if quick else None
        parts = []
        for start in range(0, len(k), block):
            check_time()
            some = k[start : start + block]
            parts.append(
                polynomial_sum(points, simplices, measures, some, coefficients, degree, groups, n_groups, plan)
            )
        return np.concatenate(parts, axis=1)
    real, imag = np.zeros((n_groups * m, len(k))), np.zeros((n_groups * m, len(k)))
    if coefficients.size and len(k):
        points, waves = for_kernel(points), for_kernel(k.T)
        scaled = coefficients * (measures * float(math.factorial(nodes - 1) * math.factorial(degree)))[:, None, None]
        rows = groups * m
        if quick:
            order, chunks, corners = plan or chunked(points, simplices)
            if order is not None:
                scaled, rows = scaled[order], rows[order]
            values = np.ascontiguousarray(scaled[:, 0] if degree == 0 else scaled)
            quick_sum(points, chunks, corners, waves, values, rows, real, imag)
        else:
            turns = np.array([[*range(nodes), *i] for i in _repetitions(nodes, degree)], dtype=np.int64)
            general_sum(points, for_kernel(simplices), waves, turns, scaled, rows, real, imag)
    return np.ascontiguousarray(as_complex(real, imag).reshape(n_groups, m, len(k)).transpose(0, 2, 1))


def as_complex(real: FloatArray, imag: FloatArray) -> ComplexArray:
    """real + i imag without temporaries."""
    result = np.empty(real.shape, dtype=np.complex128)
    result.real, result.imag = real, imag
    return result


def for_kernel(array: npt.NDArray[_T]) -> npt.NDArray[_T]:
    """C-contiguous and writable: read-only arrays are another type to numba, and would compile everything again."""
    return np.require(array, requirements=["C", "W"])


def _repetitions(nodes: int, degree: int) -> list[tuple[int, ...]]:
    """Vertices that are repeated, for each Bernstein polynomial."""
    return list(combinations_with_replacement(range(nodes), degree))


@checked
def bernstein_indices(j: int, degree: int) -> IntArray:
    """Exponents of the Bernstein polynomials of a degree on a j-simplex, in the order used here.

    B_a(x) = degree! / (a_0! ... a_j!) lambda_0^{a_0} ... lambda_j^{a_j} with barycentric coordinates
    lambda; the lattice point of B_a is sum_i a_i v_i / degree.

    Parameters
    ----------
    j : int
        Dimension of the simplex.
    degree : int
        Degree of the polynomials, 0 or more.

    Returns
    -------
    ndarray of int64, shape (n_b, j + 1)
        n_b = binomial(j + degree, j). For degree 1 these are the vertices in order.

    Raises
    ------
    InvalidInputError
        A negative argument.

    Examples
    --------
    >>> from specgeo.fourier import bernstein_indices
    >>> bernstein_indices(1, 2).tolist()
    [[2, 0], [1, 1], [0, 2]]
    """
    rows = _repetitions(as_whole(j, "j") + 1, as_whole(degree, "degree"))
    return np.array([[row.count(i) for i in range(j + 1)] for row in rows], dtype=np.int64).reshape(len(rows), j + 1)


def as_wavevectors(k: npt.ArrayLike, dim: int, reach: float | FloatArray) -> tuple[FloatArray, tuple[int, ...]]:
    """Wavevectors as (n_k, d) array and their batch shape; ``reach`` as in `check_phases`."""
    waves = as_floats(k, "k", finite=False)  # which the largest phase tells
    if waves.ndim == 0 or waves.shape[-1] != dim:
        raise InvalidInputError(f"k: shape {waves.shape} given, (..., {dim}) wanted (last axis = dimension)")
    batch = waves.shape[:-1]
    flat = waves.reshape(math.prod(batch), dim)
    check_phases(flat, reach, "k")
    return flat, batch


def check_phases(waves: FloatArray, reach: float | FloatArray, name: str) -> None:
    """Refuse wavevectors (n_k, d) whose phases floats do not resolve.

    ``reach`` bounds the points' coordinates: all of them, or, with shape (d,), along each axis.
    """
    if waves.size == 0:
        return
    largest = max(waves.max(), -waves.min())
    if not largest < np.inf:
        raise InvalidInputError(f"{name}: contains NaN or infinite values; remove them first")
    with np.errstate(over="ignore"):
        rough = waves.shape[1] * largest * np.max(reach)
        if rough > MAX_PHASE and (np.abs(waves) * reach).sum(axis=1).max() > MAX_PHASE:
            raise InvalidInputError(f"{name}: some phase k.x exceeds 1e15, where floats no longer resolve it; rescale")


@checked
@within_memory
def simplex_transform(
    vertices: npt.ArrayLike, k: npt.ArrayLike, values: npt.ArrayLike | None = None, *, degree: int = 1
) -> ComplexArray:
    r"""Fourier transform of simplices: of their indicator, or of a polynomial density on them.

    Computes int_S f(x) exp(-i k.x) dx for each simplex S, with respect to the j-dimensional
    measure of its own affine span. The result is right at every wavevector: zero, normal to a
    face, nearly so, or large. A simplex whose vertices span less (decided exactly) has measure 0.

    Parameters
    ----------
    vertices : array_like of floats, shape (..., j + 1, d), 0 <= j <= d
        One or many simplices.
    k : array_like of floats, shape (..., d)
        Wavevectors in angular units; batches of any shape, also empty.
    values : array_like of floats, shape (..., n_b) or (..., n_b, m), optional
        Density: for degree 1 the vertex values (n_b = j + 1) of an affine function; in general
        the Bernstein coefficients in the order of `bernstein_indices`. Leading axes as in
        ``vertices`` or absent; m outputs share the exponentials. Default: indicator.
    degree : int, default 1
        Degree of the density; j + degree is at most 63.

    Returns
    -------
    ndarray of complex128, shape (simplices..., wavevectors...) or (simplices..., wavevectors..., m)

    Raises
    ------
    InvalidInputError
        Shapes that do not fit, or a phase k.x beyond 1e15.
    UnsupportedError
        j + degree above 63.

    Notes
    -----
    j! \|S\| exp[z_0, ..., z_j, repeated nodes], z_i = -i k.v_i (Hermite and Genocchi). Errors are a
    few 1e-16 of \|S\| max\|f\| up to j = 3, below 1e-14 up to j = 6, slivers included.

    Examples
    --------
    >>> import specgeo as sg
    >>> triangle = [[0, 0], [1, 0], [0, 1]]
    >>> complex(sg.simplex_transform(triangle, [0.0, 0.0]))
    (0.5+0j)
    >>> sg.simplex_transform(triangle, [[0.0, 0.0], [1e9, 1.0]], values=[0.0, 1.0, 2.0]).shape
    (2,)
    """
    corners = as_floats(vertices, "vertices")
    if corners.ndim < 2 or not 1 <= corners.shape[-2] <= corners.shape[-1] + 1 or corners.shape[-1] == 0:
        raise InvalidInputError(
            f"vertices: shape {corners.shape} given, (..., j + 1, d) with 0 <= j <= d and d >= 1 wanted"
        )
    batch, nodes, dim = corners.shape[:-2], corners.shape[-2], corners.shape[-1]
    if as_whole(degree, "degree") != 1 and values is None:
        raise InvalidInputError("degree: given without values; pass values too")
    if nodes + degree > MAX_NODES:
        raise UnsupportedError(f"simplices with j + degree = {nodes - 1 + degree}: not supported above {MAX_NODES - 1}")
    n_s = math.prod(batch)
    flat = corners.reshape(n_s, nodes, dim)
    waves, wave_batch = as_wavevectors(k, dim, np.abs(flat).max(axis=(0, 1), initial=0.0))
    coefficients, vector = _as_coefficients(values, batch, nodes, degree)
    simplices = np.arange(n_s * nodes, dtype=np.int64).reshape(n_s, nodes)
    result = polynomial_sum(
        flat.reshape(-1, dim),
        simplices,
        simplex_measures(flat),
        waves,
        coefficients,
        0 if values is None else degree,
        np.arange(n_s, dtype=np.int64),
        n_s,
    )
    shape = (*batch, *wave_batch, coefficients.shape[2])
    return result.reshape(shape if vector else shape[:-1])


def _as_coefficients(
    values: npt.ArrayLike | None, batch: tuple[int, ...], nodes: int, degree: int
) -> tuple[FloatArray, bool]:
    """Coefficients (n_s, n_b, m), and whether the caller gave the last axis."""
    n_s = math.prod(batch)
    if values is None:
        return np.ones((n_s, 1, 1)), False
    array = as_floats(values, "values")
    n_b = math.comb(nodes - 1 + degree, degree)
    for vector, shape in ((False, (*batch, n_b)), (False, (n_b,)), (True, (*batch, n_b, -1)), (True, (n_b, -1))):
        if array.ndim == len(shape) and all(n in (-1, m) for n, m in zip(shape, array.shape, strict=True)):
            full = array if vector else array[..., None]
            return np.ascontiguousarray(np.broadcast_to(full, (*batch, *full.shape[-2:])).reshape(n_s, n_b, -1)), vector
    raise InvalidInputError(
        f"values: shape {array.shape} given; {(*batch, n_b)} or {(*batch, n_b, 'm')} wanted for degree {degree}"
    )
