"""Values of the network's function at the vertices of its complex."""

from __future__ import annotations

import numpy as np

from specgeo._cast import FloatArray
from specgeo._codec import Layers
from specgeo.geometry.complex import PolyhedralComplex

LINE_VALUES = "values on a line"  # where the enumeration left them
_CHUNK = 1 << 17  # pre-activations at a time


def vertex_values(cx: PolyhedralComplex) -> FloatArray:
    """f at each vertex, (n_0, m), by the affine piece of a cell around it, or as the enumeration left it."""
    known = cx.known(LINE_VALUES)
    values: FloatArray = cx.derived("values at vertices", _from_pieces) if known is None else known
    return values


def _from_pieces(cx: PolyhedralComplex) -> FloatArray:
    corners = cx.vertices_of(cx.dim)
    cells = np.empty(len(cx.vertices), np.int64)
    cells[corners.indices] = np.repeat(np.arange(cx.n_cells), np.diff(corners.offsets))
    return cx.values(cells, cx.vertices)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what is not finite is found by whoever uses it
def values_on_a_line(layers: Layers, z: FloatArray, x: FloatArray) -> FloatArray:
    """f at points x (n_0,) of a line from the last layer's pre-activations z (n, n_L) at the first n of them.

    Between two neighbours among the n the pre-activations are affine: those at other points are interpolated.
    """
    n, weight, activation = len(z), layers.weights[-1].T, layers.activations[-1]
    order = np.argsort(x[:n], kind="stable")
    right = np.clip(np.searchsorted(x[:n][order], x[n:]), 1, n - 1)
    p, q = order[right - 1], order[right]
    share = np.clip((x[n:] - x[p]) / (x[q] - x[p]), 0.0, 1.0)
    share = np.where(np.isnan(share), 0.0, share)[:, None]
    values = np.empty((len(x), weight.shape[1]))
    values[:n] = activation(z) @ weight
    rows = max(1, _CHUNK // len(weight))
    for start in range(0, len(p), rows):
        part = slice(start, start + rows)
        between = z[p[part]] + share[part] * (z[q[part]] - z[p[part]])
        values[n + start : n + start + len(between)] = activation(between) @ weight
    return values + layers.biases[-1]
