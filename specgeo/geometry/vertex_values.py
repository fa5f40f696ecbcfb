"""Values of the network's function at the vertices of its complex."""

from __future__ import annotations

import numpy as np

from specgeo._cast import FloatArray
from specgeo._codec import Layers
from specgeo.geometry.complex import PolyhedralComplex

VERTEX_VALUES = "values at vertices"


def vertex_values(cx: PolyhedralComplex) -> FloatArray:
    """f at each vertex, (n_0, m), by the affine piece of a cell around it, or as the enumeration left it."""
    return cx.derived(VERTEX_VALUES, _from_pieces)


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
    n = len(z)
    order = np.argsort(x[:n], kind="stable")
    right = np.clip(np.searchsorted(x[:n][order], x[n:]), 1, n - 1)
    p, q = order[right - 1], order[right]
    share = np.clip((x[n:] - x[p]) / (x[q] - x[p]), 0.0, 1.0)
    share = np.where(np.isnan(share), 0.0, share)[:, None]
    between = z[p] + share * (z[q] - z[p])
    return np.asarray(layers.activations[-1](np.concatenate((z, between))) @ layers.weights[-1].T + layers.biases[-1])
