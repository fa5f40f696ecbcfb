"""`decision_boundary`: where two classes are equally large, exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import FloatArray, IntArray
from specgeo._progress import reported
from specgeo.levels.cut import Cut
from specgeo.levels.hypersurface import Hypersurface, carved
from specgeo.levels.orientation import unit_gradients
from specgeo.network import Network
from specgeo.paths.comparisons import Pairs, argmax_complex, by_largest, ties


@dataclass(frozen=True, eq=False, repr=False)
class DecisionBoundary(Hypersurface):
    """The points at which the largest output is not one alone: `specgeo.paths.decision_boundary`.

    Attributes
    ----------
    normals : ndarray, shape (n, d)
        From the class behind to the class before: up the gradient of the difference of their outputs (down, where the
        smallest output is the class).
    sides : ndarray of int, shape (n, 2)
        Class behind and before each face, the lower number first; twice the same where a class only ties with another
        one on the face, -1 for ties of full dimension and, where ``on_wall``, the outside of the domain.
    on_wall : ndarray of bool, shape (n,)
    vertex_errors : ndarray, shape (n_0,)
    lattice : FaceLattice
    certificate : Certificate
        How the signs were proved.
    """

    certificate: Any = field(default=None, repr=False)

    def _what(self) -> str:
        return f"in dimension {self.dim}"


@checked
@reported
@within_memory
def decision_boundary(
    net: Network,
    domain: Any,
    max_cells: int | None = None,
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
    *,
    smallest: bool = False,
) -> DecisionBoundary:
    """The exact decision boundary of a classifier on a bounded domain, as a mesh.

    It is what `decision_regions` leaves of the domain, from the same cut: the closed set of points at which two outputs
    are the largest. That includes ties that separate nothing (with twice the same class in ``sides``).

    Parameters
    ----------
    net : Network
        m >= 2 outputs are classes by the largest; one output means f < 0 (class 0) and f > 0 (class 1).
    domain : Box or Polytope
    max_cells, max_bytes : int, optional
        Budgets of the enumeration.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.
    smallest : bool
        The class is the smallest output, as in `decision_regions`.

    Returns
    -------
    DecisionBoundary

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1, 0], [0, 1], [0, 0]]], [[0, 0, 0]])  # the largest of x, y and 0
    >>> boundary = sg.paths.decision_boundary(net, sg.Box(-1, 1, dim=2))
    >>> boundary
    DecisionBoundary(in dimension 2, 4 vertices, 3 faces)
    >>> boundary.sides.tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    net = by_largest(net, smallest)
    made, pairs, winner = argmax_complex(net, domain, max_cells, max_bytes, progress if callable(progress) else None)
    cx, flags = made.complex, ties(made, pairs, winner)
    beside = np.where(cx.facet_cells >= 0, winner[cx.facet_cells], -1)
    facets = np.flatnonzero(flags[cx.dim - 1] & np.any(beside >= 0, axis=1))
    normals, sides = _placed(net, made, pairs, beside[facets], facets)
    on_wall = cx.facet_cells[facets, 1] < 0
    return DecisionBoundary(normals, sides, on_wall, *carved(cx, flags, facets), cx.certificate)


def _placed(net: Network, made: Cut, pairs: Pairs, beside: IntArray, facets: IntArray) -> tuple[FloatArray, IntArray]:
    """Normals and sides of facets that tie, from the classes (n, 2) of their two cells, -1 for none."""
    cx = made.complex
    first = np.where(beside[:, 0] >= 0, 0, 1)
    row = np.arange(len(facets))
    winner, other = beside[row, first], beside[row, 1 - first]
    partner = np.full(len(facets), -1, np.int64)  # a class that ties with the winner on the facet
    for column, (i, j) in enumerate(pairs):
        zero = made.vanishing(column)[cx.dim - 1][facets]
        partner[zero & (winner == i)], partner[zero & (winner == j)] = j, i
    rows = np.zeros((len(facets), max(2, net.output_dim)))
    rows[row, partner], rows[row, winner] = 1.0, -1.0
    # the winner is larger on its cell and not on the facet: out of the cell the difference grows
    combination = rows if net.output_dim > 1 else rows[:, 1:]  # f_0 = 0
    outward = unit_gradients(net.layers, cx.known_signs, cx.facet_cells[facets][row, first], combination)
    back = winner > other
    normals = np.where(back[:, None], -outward, outward) + 0.0
    return normals, np.where(back[:, None], np.stack((other, winner), axis=1), np.stack((winner, other), axis=1))
