r"""The six counts that papers call "the number of linear regions", each exact.

Definitions and names are those of Stargalla, Hertrich and Reichman (arXiv 2505.16716), there for functions on all of
R^d; here f is taken on the *interior* of the domain. So each point counted is one of theirs, walls of the domain add
no pattern of their own and join nothing, and a hyperplane that touches a wall without entering is not there.

    R1 >= R2 >= R3 >= R4 >= R5 >= R6

R1 is of faces of all dimensions: a neuron is active where z > 0, and a face on which z vanishes has it inactive. Of a
maximum over a group the first member that attains it is active, so that max(0, z) is counted as relu(z). R5
needs more than the graph of cells: on a cell with another affine map b, the set {f = a} is the cell's part of the
hyperplane {b = a}, which may join two regions of the map a. That part meets the relative interior of a face exactly
when b - a vanishes on the face or takes both signs at its vertices, so that the components of {f = a} are those of
the graph of cells and such faces. All signs are decided exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import IntArray
from specgeo._double import UNIT_ROUNDOFF
from specgeo._limits import check_time
from specgeo.errors import UnsupportedError
from specgeo.geometry.arrays import Flags, packed, unpacked
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.integer_network import IntegerNetwork
from specgeo.geometry.linear_regions import affine_map_labels
from specgeo.geometry.stored_values import piece_bounds
from specgeo.geometry.structure import require_network, stated_errors
from specgeo.geometry.vertex_signs import (
    attained_at_vertices,
    exact_positions,
    first_on_faces,
    inner_faces,
    positive_at_vertices,
    positive_on_faces,
)
from specgeo.results import Result, axes, format_number

Signs = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class RegionCounts(Result):
    """Six numbers of "linear regions", R1 >= R2 >= R3 >= R4 >= R5 >= R6; see `region_counts`.

    Attributes
    ----------
    r1 : int
        Activation patterns of all faces, lower-dimensional ones included (z > 0 is active).
    r2 : int
        Activation patterns of full-dimensional regions: activation regions (Hanin and Rolnick 2019), the cells.
    r3 : int or (int, int)
        The fewest polyhedra of a complex on each of which f is affine; a lower and an upper bound where not known.
    r4 : int
        Maximal sets connected through facets with one affine map: ``cx.n_linear_regions`` (Montúfar et al. 2014).
    r5 : int
        Components of the sets {f = a}, a an affine map, that hold a full-dimensional piece.
    r6 : int
        Distinct affine maps: affine pieces of the function (Pascanu et al. 2013, where two far regions are one).
    """

    r1: int
    r2: int
    r3: int | tuple[int, int]
    r4: int
    r5: int
    r6: int

    def __str__(self) -> str:
        words = {
            "r1": "activation patterns, lower-dimensional faces included",
            "r2": "activation regions of full dimension",
            "r3": "fewest polyhedra of a compatible complex",
            "r4": "regions connected through facets, one affine map each",
            "r5": "components of {f = a} with a full-dimensional piece",
            "r6": "distinct affine maps",
        }
        rows = []
        for name, meaning in words.items():
            value = getattr(self, name)
            shown = f"{value[0]} to {value[1]}" if isinstance(value, tuple) else format_number(value)
            rows.append(f"{name.upper()} {shown:>12}  {meaning}")
        return "\n".join(rows)

    def plot(self, ax: Any = None) -> Any:
        """A bar for each count; that of R3 reaches to its lower bound, and thinly to its upper one."""
        ax = axes(ax)
        low, high = self.r3 if isinstance(self.r3, tuple) else (self.r3, self.r3)
        names = [f"R{i}" for i in range(1, 7)]
        ax.bar(names, [self.r1, self.r2, high, self.r4, self.r5, self.r6], color="#9db7d9")
        ax.bar(names, [self.r1, self.r2, low, self.r4, self.r5, self.r6], color="#0072B2")
        ax.set(ylabel="number of regions", yscale="log")
        return ax


@checked
@within_memory
def region_counts(cx: PolyhedralComplex) -> RegionCounts:
    """The six numbers that papers call "linear regions", of f on the interior of its domain; all exact.

    Source: Stargalla, Hertrich and Reichman, arXiv 2505.16716, whose names R1 to R6 these are.

    Parameters
    ----------
    cx : PolyhedralComplex
        Of a network with one output (`Network.component` takes one of several).

    Returns
    -------
    RegionCounts
        ``r3`` is a pair (R4, R2) of bounds, but a number in one dimension, where intervals are a complex, and
        where R4 = R2.

    Raises
    ------
    UnsupportedError
        The complex does not know its network, signs or domain, or has several outputs.

    Notes
    -----
    Faces on the walls of the domain do not count: their patterns say where the walls are, not what the network is.
    Decided by the exact signs of all units at the vertices, affine maps modulo primes, and exact signs of differences
    of affine maps; floats only prove what is not close.

    Examples
    --------
    max(-y, min(0, -x)) from relu(x), relu(y), relu(-y) and relu(relu(x) - y):

    >>> import specgeo as sg
    >>> first = [[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
    >>> second = [[1.0, -1.0, 1.0], [1.0, 0.0, 0.0]]                   # relu(x) - y, and relu(x) itself
    >>> net = sg.Network([first, second, [[1.0, -1.0]]], [[0.0] * 3, [0.0] * 2, [0.0]])
    >>> counts = sg.theory.region_counts(sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1])))
    >>> counts.r4, counts.r5, counts.r6
    (3, 3, 3)
    """
    require_network(cx, "a count of regions")
    if cx.offsets.shape[1] != 1:
        raise UnsupportedError(
            f"cx: {cx.offsets.shape[1]} outputs; the six counts are of functions with one: enumerate net.component(j)"
        )
    inner = inner_faces(cx)
    r2, r4 = cx.n_cells, cx.n_linear_regions
    labels = affine_map_labels(cx)
    r6 = int(labels.max()) + 1
    r5 = r4 if r6 == r4 else _components(cx, labels, inner)
    r3 = r4 if r4 == r2 or cx.dim == 1 else (r4, r2)
    return RegionCounts(_patterns(cx, inner), r2, r3, r4, r5, r6)


def _patterns(cx: PolyhedralComplex, inner: tuple[Flags, ...]) -> int:
    """R1: different sets of positive units on the faces within the domain; of a maximum the first that attains it."""
    layers, signs = require_network(cx, "a count of regions")
    units = np.flatnonzero(signs.of_maxima(layers.activations))
    layer, group = signs.layers[units], signs.neurons[units]
    groups = np.cumsum((np.diff(layer, prepend=-1) != 0) | (np.diff(group, prepend=-1) != 0))
    at_vertices, attained = positive_at_vertices(cx), attained_at_vertices(cx, units) if len(units) else None
    rows = []
    for k in range(cx.dim + 1):
        positive = positive_on_faces(cx, at_vertices, k)[inner[k]]
        if attained is not None:
            flags = unpacked(positive, len(signs.layers))
            flags[:, units] = first_on_faces(cx, attained, groups, k)[inner[k]]
            positive = packed(flags)
        rows.append(positive)
    if rows[0].shape[1] == 0:
        return 1
    return len(np.unique(np.concatenate(rows), axis=0))


def _components(cx: PolyhedralComplex, labels: IntArray, inner: tuple[Flags, ...]) -> int:
    """R5, from the label of each cell's affine map."""
    from scipy.sparse import bmat
    from scipy.sparse.csgraph import connected_components

    incidence = [cx.boundary(cx.dim)]  # cells and k-faces, k = d - 1 .. 0
    for k in range(cx.dim - 1, 0, -1):
        incidence.append((incidence[-1].astype(np.int32) @ cx.boundary(k).astype(np.int32)).tocsr())
    _, first = np.unique(cx.linear_regions, return_index=True)
    regions = np.bincount(labels[first])
    total = int(np.count_nonzero(regions == 1))
    differences = _Differences(cx)
    for label in np.flatnonzero(regions > 1).tolist():
        check_time()
        mine = labels == label
        signs = differences.signs(int(np.argmax(mine)), mine)
        met = [_met(cx, signs, k) & inner[k] for k in range(cx.dim - 1, -1, -1)]
        block = [each[:, np.flatnonzero(which)] for each, which in zip(incidence, met, strict=True)]
        links = bmat([block])
        graph = bmat([[None, links], [links.T, None]])
        _, component = connected_components(graph, directed=False)
        total += len(np.unique(component[: cx.n_cells][mine]))
    return total


def _met(cx: PolyhedralComplex, signs: Signs, k: int) -> Flags:
    """Which k-faces have a zero within, of a function affine on each, from its signs at vertices."""
    lists = cx.vertices_of(k)
    at = signs[lists.indices]
    low, high = (f.reduceat(at, lists.offsets[:-1]) for f in (np.minimum, np.maximum))
    return np.asarray(((low < 0) & (high > 0)) | ((low == 0) & (high == 0)))


class _Differences:
    """Signs of f - a at the vertices, a the affine map of a cell."""

    def __init__(self, cx: PolyhedralComplex) -> None:
        layers, signs = require_network(cx, "a count of regions")
        self._cx, self._network = cx, IntegerNetwork(layers)
        self._pieces = signs.neuron_pieces(layers.activations)
        self._bounds = piece_bounds(layers, self._pieces)[:, 0]  # (n_cells, d + 1)
        corners = cx.vertices_of(cx.dim)
        self._home = np.empty(len(cx.vertices), np.int64)  # some cell of each vertex
        self._home[corners.indices] = corners.owners
        self._exact: dict[int, tuple[Any, Any]] = {}

    def signs(self, cell: int, same: Flags) -> Signs:
        """(n_0,) for the map of ``cell``, which the cells in ``same`` have."""
        cx, home = self._cx, self._home
        corners = cx.vertices_of(cx.dim)
        zero = np.zeros(len(cx.vertices), np.bool_)
        zero[corners.indices[same[corners.owners]]] = True
        left = np.flatnonzero(~zero)
        rows = np.concatenate((cx.gradients[:, 0], cx.offsets), axis=1)
        points = np.concatenate((cx.vertices[left], np.ones((len(left), 1))), axis=1)
        step = rows[home[left]] - rows[cell]
        with np.errstate(over="ignore", invalid="ignore"):
            value = (step * points).sum(axis=1)
            doubt = ((self._bounds[home[left]] + self._bounds[cell]) * np.abs(points)).sum(axis=1)
            doubt += np.abs(step[:, :-1]).sum(axis=1) * stated_errors(cx)[left] * (1 + 2.0**-20)
            doubt += 4 * (cx.dim + 3) * UNIT_ROUNDOFF * (np.abs(step) * np.abs(points)).sum(axis=1)
            # pieces off by their bounds at points off by their errors
            doubt += (self._bounds[home[left]] + self._bounds[cell])[:, :-1].sum(axis=1) * stated_errors(cx)[left]
            doubt = doubt * (1 + 2.0**-20) + np.finfo(float).tiny
            known = np.abs(value) > doubt
        out = np.zeros(len(cx.vertices), np.int8)
        out[left[known]] = np.sign(value[known])
        for v in left[~known].tolist():
            out[v] = self._decide(v, cell)
        return out

    def _decide(self, vertex: int, cell: int) -> int:
        if vertex not in self._exact:
            self._exact[vertex] = exact_positions(self._cx, np.array([vertex]))
        top, bottom = self._exact[vertex]
        pair = np.array([self._home[vertex], cell])
        (here, there), _ = self._network.affine_pieces([piece[pair] for piece in self._pieces])
        step = (here - there)[0]
        value = int(step[:-1] @ top[0] + step[-1] * bottom[0])
        return (value > 0) - (value < 0)
