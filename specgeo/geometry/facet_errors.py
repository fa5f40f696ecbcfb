"""How far the rounding of the vertices can move what is summed over facets."""

from __future__ import annotations

import numpy as np
from scipy.special import rgamma

from specgeo._cast import FloatArray
from specgeo.geometry.complex import PolyhedralComplex


def moved_facets(cx: PolyhedralComplex) -> FloatArray:
    """How far the errors e of its vertices can move |F| n n^T of each facet: 3 e times its perimeter, (n,).

    |F| n moves by at most e per unit of the perimeter, and each n by as much over |F|. A facet within the distance r of
    its centre has at most the perimeter of the ball of that radius. Zero for a complex without errors of its vertices.
    """
    errors = cx.vertex_errors
    if errors is None:
        return np.zeros(len(cx.facets.measures))
    lists, d = cx.vertices_of(cx.dim - 1), cx.dim - 1
    starts, counts = lists.offsets[:-1], np.diff(lists.offsets)
    corners = cx.vertices[lists.indices]
    centres = np.add.reduceat(corners, starts) / counts[:, None]
    radius = np.maximum.reduceat(np.linalg.norm(corners - np.repeat(centres, counts, axis=0), axis=1), starts)
    perimeter = 2 * np.pi ** (d / 2) * rgamma(d / 2) * radius ** max(0, d - 1)  # 0 in d = 0: points have none
    return np.asarray(3 * np.maximum.reduceat(errors[lists.indices], starts) * perimeter)
