"""Kernels that sum transforms over simplices: exponentials of the points shared, lanes over k.

The simplices come in chunks that are small enough for the table of their points' exponentials to
stay in cache; ``points`` are as in `specgeo.fourier.phases.fill_table`. For a block of `LANES`
wavevectors k and simplex s with vertices v_i, t_i = k.v_i::

    out[o, k] += coefficient[s, o] D(t)                     (constant density)
    out[o, k] += sum_i coefficient[s, i, o] G_i(t)          (affine density)

where the caller has multiplied j! times the measure into the coefficients. Output o of simplex s
goes to row ``rows[s] + o``: rows all zero sum everything, rows s * m keep the simplices apart. Where all
simplices make one sum, it is compensated: a solid may be cut into thousands of equal terms, whose roundings
all point the same way, and the bound of a long sum shrinks by the root of its length.

The corners of the simplices are a tuple of arrays, and coefficients have an axis less where densities are constant. So
both are part of the type and their tests are settled at compile time: a job in the plane does not wait for the kernels
of tetrahedra, nor one of constant densities for derivatives.
"""

from __future__ import annotations

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._fused import two_sum
from specgeo._jit import kernel, leaf
from specgeo.fourier.chunks import Chunks, Corners
from specgeo.fourier.divided import MAX_NODES, WORK, difference
from specgeo.fourier.lanes import (
    D_ROWS,
    G_ROWS,
    SCRATCH,
    edge_nodes,
    four_nodes,
    four_nodes_gradient,
    gather,
    three_nodes,
    three_nodes_gradient,
    two_nodes_gradient,
)
from specgeo.fourier.phases import LANES, POINT, fill_table


@leaf
def _add(out: FloatArray, x: float, terms: FloatArray) -> None:
    """Add x times a row of terms to an output."""
    for at in range(len(out)):
        out[at] += x * terms[at]


@leaf
def _add_compensated(out: FloatArray, low: FloatArray, x: float, terms: FloatArray) -> None:
    """The same with the rounding errors kept in ``low``."""
    for at in range(len(out)):
        out[at], error = two_sum(out[at], x * terms[at])
        low[at] += error


@leaf
def _combine_gradients(w: FloatArray, values: FloatArray, n: int) -> None:
    """The rows D become the sum of values times G: they have served their purpose."""
    w[D_ROWS : D_ROWS + 2 * LANES] = 0.0
    for i in range(len(values)):
        x = values[i]
        g = G_ROWS + 2 * i * LANES
        for at in range(n):
            w[D_ROWS + at] += x * w[g + at]
            w[D_ROWS + LANES + at] += x * w[g + LANES + at]


@kernel
def quick_sum(
    points: FloatArray,
    chunks: Chunks,
    corners: Corners,
    k: FloatArray,
    coefficients: FloatArray,
    rows: IntArray,
    real: FloatArray,
    imag: FloatArray,
) -> None:
    """Constant or affine densities on 1-, 2- or 3-simplices; ``coefficients`` (n_s, m) or (n_s, j + 1, m).

    ``corners`` index the points of their chunk.
    """
    outputs = coefficients.shape[-1]
    compensated = real.shape[0] == outputs
    low = np.zeros((2 * outputs if compensated else 0, k.shape[1]))
    w = np.empty(SCRATCH)
    first, simplices = chunks.point_offsets, chunks.simplex_offsets
    largest = 0
    for c in range(len(first) - 1):
        largest = max(largest, first[c + 1] - first[c])
    table = np.empty(largest * POINT)
    for c in range(len(first) - 1):
        local = points[chunks.points[first[c] : first[c + 1]]]
        for start in range(0, k.shape[1], LANES):
            n = min(LANES, k.shape[1] - start)
            fill_table(local, k, start, n, table)
            for s in range(simplices[c], simplices[c + 1]):
                if len(corners) == 2 and coefficients.ndim == 2:
                    edge_nodes(table, corners[0][s], corners[1][s], n, w)
                else:
                    for i in range(len(corners)):
                        gather(table, corners[i][s], i, n, w)
                    if len(corners) == 2:
                        two_nodes_gradient(w, n)
                    elif len(corners) == 3 and coefficients.ndim == 2:
                        three_nodes(w, n)
                    elif len(corners) == 3:
                        three_nodes_gradient(w, n)
                    elif coefficients.ndim == 2:
                        four_nodes(w, n)
                    else:
                        four_nodes_gradient(w, n)
                for o in range(outputs):
                    x = 1.0
                    if coefficients.ndim == 2:
                        x = coefficients[s, o]
                    else:
                        _combine_gradients(w, coefficients[s, :, o], n)
                    row = rows[s] + o
                    re, im = real[row, start : start + n], imag[row, start : start + n]
                    if compensated:
                        _add_compensated(re, low[o, start : start + n], x, w[D_ROWS:])
                        _add_compensated(im, low[o + outputs, start : start + n], x, w[D_ROWS + LANES :])
                    else:
                        _add(re, x, w[D_ROWS:])
                        _add(im, x, w[D_ROWS + LANES :])
    for o in range(low.shape[0] // 2):
        _add(real[o], 1.0, low[o])
        _add(imag[o], 1.0, low[o + outputs])


@kernel
def general_sum(
    points: FloatArray,
    simplices: IntArray,
    k: FloatArray,
    nodes: IntArray,
    coefficients: FloatArray,
    rows: IntArray,
    real: FloatArray,
    imag: FloatArray,
) -> None:
    """Any simplices and any polynomial densities, scalar.

    ``nodes`` (n_t, q): for each term of the density the vertex numbers, repetitions included;
    ``coefficients`` (n_s, n_t, m). Sums are compensated: a cube in six dimensions has 720 equal terms.
    """
    q, outputs = nodes.shape[1], coefficients.shape[2]
    table = np.empty(points.shape[0] * POINT)
    work = np.zeros(WORK)
    low_real, low_imag = np.zeros(real.shape[0]), np.zeros(real.shape[0])
    for start in range(0, k.shape[1], LANES):
        n = min(LANES, k.shape[1] - start)
        fill_table(points, k, start, n, table)
        for at in range(n):
            low_real[:] = 0.0
            low_imag[:] = 0.0
            for s in range(simplices.shape[0]):
                for t in range(nodes.shape[0]):
                    for i in range(q):
                        base = simplices[s, nodes[t, i]] * POINT + at
                        for r in range(4):
                            work[r * MAX_NODES + i] = table[base + r * LANES]
                    re, im = difference(work, q)
                    for o in range(outputs):
                        row, x = rows[s] + o, coefficients[s, t, o]
                        real[row, start + at], error = two_sum(real[row, start + at], x * re)
                        low_real[row] += error
                        imag[row, start + at], error = two_sum(imag[row, start + at], x * im)
                        low_imag[row] += error
            for row in range(real.shape[0]):
                real[row, start + at] += low_real[row]
                imag[row, start + at] += low_imag[row]
