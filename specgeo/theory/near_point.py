"""How much a network bends near a point: cells that meet a small cross-polytope, against what its vertices tell."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import IntArray, as_floats
from specgeo.domain import Polytope
from specgeo.enumeration import enumerate_regions
from specgeo.errors import InvalidInputError
from specgeo.geometry.point_signs import PointSigns
from specgeo.network import Network
from specgeo.results import Result, axes
from specgeo.slices import AffineSlice

MAX_DIM = 12  # a cross-polytope of dimension s has 2^s facets


@dataclass(frozen=True, eq=False)
class LocalComplexity(Result):
    """Counts in the interior of a cross-polytope round a point.

    Attributes
    ----------
    n_cells : int
        Activation regions that meet it.
    crossing : (L,)
        Units of each layer that take both signs within it, exactly.
    crossing_at_vertices : (L,)
        Units whose signs at the vertices differ: the usual estimate, the same for the first layer, a lower bound later.
    """

    n_cells: int
    crossing: IntArray
    crossing_at_vertices: IntArray

    def __str__(self) -> str:
        return (
            f"{self.n_cells} cells; units that cross, by layer: {self.crossing.tolist()} "
            f"({self.crossing_at_vertices.tolist()} by the vertices)"
        )

    def plot(self, ax: Any = None) -> Any:
        """Units that cross, layer by layer: exactly, and those that the vertices see."""
        ax = axes(ax)
        at = np.arange(len(self.crossing))
        ax.bar(at, self.crossing, color="#9db7d9", label="exact")
        ax.bar(at, self.crossing_at_vertices, 0.5, color="#0072B2", label="by the vertices")
        ax.set(xlabel="hidden layer", ylabel="units that cross", xticks=at, title=f"{self.n_cells:,} cells")
        ax.set_ylim(0, 1.3 * max(1, self.crossing.max(initial=1)))
        ax.yaxis.get_major_locator().set_params(integer=True)
        ax.legend(ncols=2, loc="upper center")
        return ax


@checked
def local_complexity(
    net: Network, point: npt.ArrayLike, radius: float, basis: npt.ArrayLike | None = None, max_cells: int | None = None
) -> LocalComplexity:
    r"""Cells and bending units within {point + t @ basis : sum \|t_i\| <= radius}, exactly, beside the usual count.

    Source: Humayun, Balestriero and Baraniuk 2024 (local complexity), who count signs at the vertices.

    Parameters
    ----------
    net : Network
    point : array_like, shape (d,)
    radius : float
        Positive.
    basis : array_like, shape (s, d), optional
        Directions of the cross-polytope, the axes by default; s is 12 at most.
    max_cells : int, optional
        Budget of the enumeration.

    Returns
    -------
    LocalComplexity

    Raises
    ------
    InvalidInputError
        A radius that is not positive, or more than 12 directions.

    Examples
    --------
    The second layer bends where the vertices see nothing:

    >>> import specgeo as sg
    >>> bump = sg.Network([[[1.0], [-1.0]], [[-1.0, -1.0]], [[1.0]]], [[0.0, 0.0], [0.5], [0.0]])   # (1/2 - |x|)_+
    >>> print(sg.theory.local_complexity(bump, [0.0], 1.0))
    4 cells; units that cross, by layer: [2, 1] ([2, 0] by the vertices)
    """
    centre = as_floats(point, "point", (net.input_dim,))
    rows = np.eye(net.input_dim) if basis is None else as_floats(basis, "basis", (None, net.input_dim))
    if radius <= 0:
        raise InvalidInputError(f"radius: {radius} given; a positive number wanted")
    if len(rows) > MAX_DIM:
        raise InvalidInputError(f"basis: {len(rows)} directions; pass a basis of {MAX_DIM} at most")
    s = len(rows)
    local = net.restrict(AffineSlice(centre, rows))
    domain = Polytope(np.array(list(product((-1.0, 1.0), repeat=s))), np.full(2**s, radius))
    cx = enumerate_regions(local, domain, max_cells=max_cells)
    signs = cx.sign_vectors
    both = np.asarray((signs > 0).any(axis=0) & (signs < 0).any(axis=0))
    ends = PointSigns(local.layers).exact(np.concatenate((radius * np.eye(s), -radius * np.eye(s))))
    seen = np.asarray((ends > 0).any(axis=0) & (ends < 0).any(axis=0))
    layers = cx.known_signs.layers
    numbers = np.unique(layers)  # an affine layer in front, from the slice, has no units
    return LocalComplexity(
        cx.n_cells,
        np.array([np.count_nonzero(both[layers == layer]) for layer in numbers], dtype=np.int64),
        np.array([np.count_nonzero(seen[layers == layer]) for layer in numbers], dtype=np.int64),
    )
