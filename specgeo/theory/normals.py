"""Directions normal to facets, where |f^| decays slowest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from specgeo._arguments import checked
from specgeo._cast import FloatArray, IntArray
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.results import Result, axes
from specgeo.theory.variation import kinks

LARGE = 0.5 * (5**0.5 - 1)  # share of the largest component; no ratio of small whole numbers
SAME_NORMAL = 1e-9  # normals closer than this are one direction: only for listing directions to look at


@dataclass(frozen=True, eq=False)
class NormalDirections(Result):
    """Directions normal to facets: where |f^| decays slowest, as t^-2.

    Attributes
    ----------
    directions : (q, d)
        Unit normals up to sign, heaviest first.
    variation : (q,)
        sum |c_F| |F| over the facets orthogonal to each: the largest t^2 |f^| they can cause.
    """

    directions: FloatArray
    variation: FloatArray

    def __str__(self) -> str:
        pairs = zip(self.directions[:10], self.variation[:10], strict=True)
        lines = [f"  {np.round(u, 6).tolist()}: {w:.6g}" for u, w in pairs]
        return "\n".join([f"{len(self.directions)} facet-normal directions, sum |c_F||F|:", *lines])

    def plot(self, ax: Any = None) -> Any:
        """Weights in decreasing order."""
        ax = axes(ax)
        ax.semilogy(np.arange(1, len(self.variation) + 1), np.maximum(self.variation, 1e-300), ".-")
        ax.set_xlabel("facet-normal direction")
        ax.set_ylabel("sum |c_F| |F|")
        return ax


@checked
def normal_directions(cx: PolyhedralComplex, output: int = 0) -> NormalDirections:
    """Facet normals grouped up to sign, with the weight of their facets.

    Normals closer than about 1e-9 are taken as one; this is a list of directions to look at, and
    decides nothing else.

    Parameters
    ----------
    cx : PolyhedralComplex
    output : int

    Returns
    -------
    NormalDirections

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0, 0.0], [0.0, 2.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
    >>> print(normal_directions(sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]))))
    2 facet-normal directions, sum |c_F||F|:
      [0.0, 1.0]: 4
      [1.0, 0.0]: 2
    """
    k = kinks(cx, output)
    size = np.abs(k.jumps) * k.measures
    bent = size > 1e-14 * max(float(size.max(initial=0.0)), 1e-300)
    normals, size = k.normals[bent], size[bent]
    # The sign is that of the first large component: the largest one is not unique in (1, -1), up to rounding.
    large = np.abs(normals) > LARGE * np.abs(normals).max(axis=1, keepdims=True, initial=0.0)
    lead = np.take_along_axis(normals, large.argmax(axis=1)[:, None], 1)
    upper = normals * np.sign(lead)
    key = np.stack([_linked(column) for column in upper.T], axis=1)
    _, first, group = np.unique(key, axis=0, return_index=True, return_inverse=True)
    weight = np.bincount(group.ravel(), size, minlength=len(first))
    order = np.argsort(-weight, kind="stable")
    return NormalDirections(upper[first][order] + 0.0, np.asarray(weight[order], dtype=np.float64))


def _linked(column: FloatArray) -> IntArray:
    """Number of the group of each entry: neighbours in order closer than `SAME_NORMAL` are in one group."""
    order = np.argsort(column, kind="stable")
    groups = np.zeros(len(column), dtype=np.int64)
    groups[order[1:]] = np.cumsum(np.diff(column[order]) > SAME_NORMAL)
    return groups
