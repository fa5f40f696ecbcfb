"""Decision regions on a bounded domain: components, sizes, islands and the shortest path inside one.

The comparisons f_i - f_j (for one output f itself) become units of one more hidden layer, so that
the enumeration cuts the domain along every decision boundary with exact combinatorics: each cell
then has one class, read off its signs. Cells are convex, and two cells of a class that share a
facet are joined unless the class ties with another on the whole facet; codimension 2 joins nothing
in an open set. So the components of that graph are the components of the open regions
{f_c > f_j for all j != c} (theory A.9.9), in any dimension the enumeration handles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray, as_floats
from specgeo.errors import InvalidInputError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.network import Activation, Network
from specgeo.theory._results import Result, axes
from specgeo.theory.paths import MarginCertificate, as_classifier, certify_path

# A shared facet joins two cells of a class when the margin at its centre exceeds this share of the
# largest margin of the class: it guards the one decision made in floating point, whether two
# classes tie on a whole facet between cells of one class (as |x| ties with 0 on x = 0).
TIE_TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False)
class DecisionRegions(Result):
    """Connected components of the decision regions of a network on a domain.

    Attributes
    ----------
    labels : ndarray of int, shape (n_components,)
        Class of each component, ascending; within a class the largest component first.
    measures : ndarray, shape (n_components,)
        Area (volume in 3-D, length in 1-D).
    boundary_measures : ndarray, shape (n_components,)
        Perimeter (surface), the part on the boundary of the domain included.
    interface_measures : ndarray, shape (n_components,)
        The part of it inside the domain, that is on decision boundaries.
    enclosed : ndarray of bool, shape (n_components,)
        True for islands: components that do not reach the boundary of the domain.
    n_cells : ndarray of int, shape (n_components,)
    tie_measure : float
        Measure of cells on which two leading classes are identical (they belong to no class).
    """

    labels: IntArray
    measures: FloatArray
    boundary_measures: FloatArray
    interface_measures: FloatArray
    enclosed: npt.NDArray[np.bool_]
    n_cells: IntArray
    tie_measure: float
    cell_component: IntArray = field(repr=False)
    complex: PolyhedralComplex = field(repr=False)
    network: Network = field(repr=False)
    links: tuple[IntArray, IntArray] = field(repr=False)  # joined cells (n, 2) and their facet (n,)

    @property
    def n_components(self) -> int:
        """Components of all classes together."""
        return len(self.labels)

    @property
    def n_islands(self) -> int:
        """Components that do not reach the boundary of the domain."""
        return int(self.enclosed.sum())

    def components_of(self, label: int) -> IntArray:
        """Components of one class, the largest first."""
        return np.asarray(np.flatnonzero(self.labels == label))

    def locate(self, x: npt.ArrayLike) -> IntArray:
        """Component that holds each point, (...) of -1 where ties or outside the domain."""
        cells = self.complex.locate(x)
        return np.asarray(np.where(cells >= 0, self.cell_component[cells], -1))

    def shortest_path(self, start: npt.ArrayLike, stop: npt.ArrayLike) -> RegionPath | None:
        """Shortest path through the graph of cells inside one component, with a margin certificate.

        Nodes are the cells of the component; a step goes from the centre of a cell over the centre of
        the shared facet to the centre of the neighbour. Cells are convex, so the polyline stays in the
        class; vertices that a certificate shows to be needless are dropped. None where the points lie
        in different components: then no path in the domain joins them inside the class.

        Raises
        ------
        InvalidInputError
            A point lies outside the domain or on a tie.
        """
        return _shortest_path(self, start, stop)

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, for JSON."""
        return {**super().to_dict(), "n_components": self.n_components, "n_islands": self.n_islands}

    def __str__(self) -> str:
        rows = [f"{self.n_components} components, {self.n_islands} enclosed"]
        for label in np.unique(self.labels):
            mine = self.components_of(int(label))
            rows.append(
                f"class {label}: {len(mine)} components, {int(self.enclosed[mine].sum())} enclosed, measure "
                f"{self.measures[mine].sum():.6g} (largest {self.measures[mine[0]]:.6g}), boundary "
                f"{self.boundary_measures[mine].sum():.6g}"
            )
        return "\n".join(rows)

    def plot(self, ax: Any = None) -> Any:
        """The components in the plane, one shade each, or their sizes in other dimensions."""
        ax = axes(ax)
        if self.complex.dim != 2:
            ax.bar(np.arange(self.n_components), self.measures, color=[f"C{c % 10}" for c in self.labels])
            ax.set(xlabel="component", ylabel="measure", yscale="log")
            return ax
        from matplotlib.collections import PolyCollection
        from matplotlib.colors import hsv_to_rgb

        simplices, owner = self.complex.triangulation(2)
        component = self.cell_component[owner]
        hue = (np.concatenate((self.labels, [0])) * 0.381966 + 0.58) % 1.0
        rank = np.arange(self.n_components + 1) - np.concatenate((np.searchsorted(self.labels, self.labels), [0]))
        shade = 0.55 + 0.4 * ((rank * 0.618034) % 1.0)
        shade[-1] = 0.5
        saturation = np.concatenate((np.full(self.n_components, 0.45), [0.0]))
        colours = hsv_to_rgb(np.stack((hue, saturation, shade), axis=1))[component]
        corners = self.complex.vertices[simplices]
        ax.add_collection(PolyCollection(list(corners), facecolors=colours, edgecolors=colours, linewidths=0.2))
        ax.set(aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
        ax.autoscale_view()
        return ax


@dataclass(frozen=True, eq=False)
class RegionPath(Result):
    """A polyline inside one component, from `DecisionRegions.shortest_path`.

    Attributes
    ----------
    vertices : ndarray, shape (s + 1, d)
    length : float
    graph_length : float
        Length of the shortest path in the graph of cell and facet centres, before shortening.
    certificate : MarginCertificate
        Exact margins along the polyline.
    """

    vertices: FloatArray
    length: float
    graph_length: float
    certificate: MarginCertificate

    def __str__(self) -> str:
        return f"path of length {self.length:.6g}, {len(self.vertices) - 1} segments; {self.certificate}"

    def plot(self, ax: Any = None) -> Any:
        """Margin along the path; returns the matplotlib axes."""
        return self.certificate.plot(ax)


def decision_regions(net: Network, domain: Any, max_cells: int | None = None) -> DecisionRegions:
    """Components of the decision regions of a network, with measure, boundary and islands.

    Theorem (A.9.9): the components of the open region of class c are those of the graph whose nodes
    are the cells on which c wins and whose edges are the shared facets on which c does not tie.

    Parameters
    ----------
    net : Network
        m >= 2 outputs are classes by the largest; one output means f < 0 (class 0) and f > 0 (class 1).
    domain : Box or Polytope
    max_cells : int, optional
        Budget of the enumeration.

    Returns
    -------
    DecisionRegions

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.theory import decision_regions
    >>> diamond = sg.Network(  # f = 1/2 - |x| - |y|
    ...     [[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[-1.0, -1.0, -1.0, -1.0]]], [[0.0] * 4, [0.5]]
    ... )
    >>> regions = decision_regions(diamond, sg.Box([-1, -1], [1, 1]))
    >>> regions.labels.tolist(), regions.measures.round(12).tolist(), regions.n_islands
    ([0, 1], [3.5, 0.5], 1)
    """
    import specgeo

    head = as_classifier(net)
    pairs = list(combinations(range(head.output_dim), 2))
    cx = specgeo.enumerate_regions(_comparisons(net, head, pairs), domain, max_cells=max_cells)
    winner = _winners(cx, pairs, head.output_dim)
    facets = cx.facets
    inner = np.flatnonzero(~facets.is_boundary)
    a, b = facets.cells[inner, 0], facets.cells[inner, 1]
    same = (winner[a] == winner[b]) & (winner[a] >= 0)
    rows = inner[same]
    rows = rows[_not_tied(head, cx, winner, rows)]
    cells = facets.cells[rows]
    return _summarise(net, cx, winner, cells, rows)


def _comparisons(net: Network, head: Network, pairs: list[tuple[int, int]]) -> Network:
    """The network with f_i - f_j, i < j, as units of one more hidden layer; its output is their sum."""
    if net.output_dim == 1:
        rows, shift = -net.weights[-1], -net.biases[-1]  # f_0 - f_1 = -f
        deeper = Network([*net.weights[:-1], rows], [*net.biases[:-1], shift], list(net.activations))
    else:
        difference = np.zeros((len(pairs), head.output_dim))
        for row, (i, j) in enumerate(pairs):
            difference[row, i], difference[row, j] = 1.0, -1.0
        deeper = head.postcompose(difference)
    weights = [*deeper.weights, np.ones((1, len(pairs)))]
    activations = [*deeper.activations, Activation.relu()]
    return Network(weights, [*deeper.biases, np.zeros(1)], activations)


def _winners(cx: PolyhedralComplex, pairs: list[tuple[int, int]], n_classes: int) -> IntArray:
    """The class that wins every comparison on each cell, -1 where the leaders are identical."""
    signs = cx.signs
    assert signs is not None  # enumerated complexes carry their signs
    units = np.flatnonzero(signs.layers == signs.layers.max())
    word, bit = units // 64, (units % 64).astype(np.uint64)
    positive = (signs.positive[:, word] >> bit) & np.uint64(1) == 1
    negative = (signs.negative[:, word] >> bit) & np.uint64(1) == 1
    wins = np.zeros((cx.n_cells, n_classes), dtype=np.int64)
    for column, (i, j) in enumerate(pairs):
        wins[:, i] += positive[:, column]
        wins[:, j] += negative[:, column]
    best = np.argmax(wins, axis=1)
    return np.where(wins[np.arange(cx.n_cells), best] == n_classes - 1, best, -1)


def _not_tied(head: Network, cx: PolyhedralComplex, winner: IntArray, rows: IntArray) -> npt.NDArray[np.bool_]:
    """True for the facets on whose interior the class of both sides wins strictly."""
    from specgeo.geometry.measures import face_centroids

    values = head(face_centroids(cx, cx.dim - 1)[rows])
    label = winner[cx.facets.cells[rows, 0]][:, None]
    own = np.take_along_axis(values, label, axis=1)
    np.put_along_axis(values, label, -np.inf, axis=1)
    margin = own[:, 0] - values.max(axis=1, initial=-np.inf)
    return np.asarray(margin > TIE_TOLERANCE * np.abs(margin).max(initial=0.0))


def _summarise(
    net: Network, cx: PolyhedralComplex, winner: IntArray, cells: IntArray, rows: IntArray
) -> DecisionRegions:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(cells)), (cells[:, 0], cells[:, 1])), shape=(cx.n_cells, cx.n_cells))
    _, raw = connected_components(graph, directed=False)
    classed = winner >= 0
    _, first, compact = np.unique(raw[classed], return_index=True, return_inverse=True)
    n = len(first)
    measure = np.bincount(compact, cx.volumes[classed], minlength=n)
    label = winner[classed][first]
    order = np.lexsort((-measure, label))
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    component = np.full(cx.n_cells, -1, np.int64)
    component[classed] = rank[compact]

    facets = cx.facets
    outside = facets.is_boundary
    first_side = component[facets.cells[:, 0]]
    second_side = np.where(outside, -1, component[facets.cells[:, 1]])
    cut = (first_side != second_side) | outside
    boundary, interface, touches = np.zeros(n), np.zeros(n), np.zeros(n, dtype=bool)
    for side in (first_side, second_side):
        own = cut & (side >= 0)
        boundary += np.bincount(side[own], facets.measures[own], minlength=n)
        inner = own & ~outside
        interface += np.bincount(side[inner], facets.measures[inner], minlength=n)
        touches[side[own & outside]] = True
    return DecisionRegions(
        labels=label[order],
        measures=np.asarray(measure[order], dtype=np.float64),
        boundary_measures=boundary,
        interface_measures=interface,
        enclosed=~touches,
        n_cells=np.bincount(component[classed], minlength=n),
        tie_measure=float(cx.volumes[~classed].sum()),
        cell_component=component,
        complex=cx,
        network=net,
        links=(cells, rows),
    )


def _shortest_path(regions: DecisionRegions, start: npt.ArrayLike, stop: npt.ArrayLike) -> RegionPath | None:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    from specgeo.geometry.measures import face_centroids

    cx, (cells, rows) = regions.complex, regions.links
    ends = np.stack((as_floats(start, "start", (cx.dim,)), as_floats(stop, "stop", (cx.dim,))))
    home = cx.locate(ends)
    component = regions.locate(ends)
    for name, number in zip(("start", "stop"), component, strict=True):
        if number < 0:
            raise InvalidInputError(f"{name}: outside the domain or on a tie of two classes; move it")
    if component[0] != component[1]:
        return None
    gates = face_centroids(cx, cx.dim - 1)[rows]
    hop = np.linalg.norm(cx.centroids[cells] - gates[:, None], axis=2).sum(axis=1)
    graph = coo_array((hop, (cells[:, 0], cells[:, 1])), shape=(cx.n_cells, cx.n_cells)).tocsr()
    _, before = dijkstra(graph, directed=False, indices=int(home[0]), return_predecessors=True)
    gate_of = {(int(a), int(b)): i for i, (a, b) in enumerate(cells)}
    chain = [int(home[1])]
    while chain[-1] != int(home[0]):
        chain.append(int(before[chain[-1]]))
    chain.reverse()
    points = [ends[0]]
    for i, (a, b) in enumerate(zip(chain[:-1], chain[1:], strict=True)):
        if i > 0:
            points.append(cx.centroids[a])
        points.append(gates[gate_of[(min(a, b), max(a, b))]])
    polyline = np.stack([*points, ends[1]])
    graph_length = float(np.linalg.norm(np.diff(polyline, axis=0), axis=1).sum())
    label = int(regions.labels[component[0]])
    tight = _pull(regions.network, polyline, label)
    length = float(np.linalg.norm(np.diff(tight, axis=0), axis=1).sum())
    return RegionPath(tight, length, graph_length, certify_path(regions.network, tight, label))


def _pull(net: Network, polyline: FloatArray, label: int) -> FloatArray:
    """Join each vertex to the farthest later one that a certificate reaches, by bisection of the reach."""
    kept, i, last = [polyline[0]], 0, len(polyline) - 1
    while i < last:
        reach, step = i + 1, last - i
        while step > 1 and reach < last:
            if certify_path(net, polyline[[i, min(i + step, last)]], label).holds:
                reach = min(i + step, last)
                break
            step //= 2
        i = reach
        kept.append(polyline[i])
    return np.stack(kept)
