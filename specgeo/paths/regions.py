"""Decision regions on a bounded domain: components, sizes, islands and the shortest path inside one.

The domain is cut into convex cells on each of which one class wins (`specgeo.paths.comparisons`). Two cells of a
class that share a facet are joined unless the class ties with another on the whole facet, which is decided exactly;
codimension 2 joins nothing in an open set. So the components of that graph are the components of the open regions
{f_c > f_j for all j != c} (theory A.9.9), in any dimension the enumeration handles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, IntArray, as_floats, as_whole
from specgeo._display import counted
from specgeo._progress import reported
from specgeo.errors import InvalidInputError
from specgeo.geometry.arrays import Flags
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.point_signs import PointSigns
from specgeo.geometry.structure import require_network
from specgeo.geometry.topology import essential
from specgeo.geometry.vertex_signs import inner_faces
from specgeo.network import Network
from specgeo.paths.certificates import MarginCertificate, certify_path
from specgeo.paths.comparisons import Pairs, argmax_complex, by_largest, ties
from specgeo.results import Result, axes, jsonable


@dataclass(frozen=True, eq=False)
class DecisionRegions(Result):
    """Connected components of the decision regions of a network on a domain.

    Attributes
    ----------
    labels : ndarray of int, shape (n_components,)
        Class of each component, ascending; within a class the largest component first.
    enclosed : ndarray of bool, shape (n_components,)
        True for islands: components that do not reach the boundary of the domain.
    n_cells : ndarray of int, shape (n_components,)
    cell_component : ndarray of int, shape (complex.n_cells,)
        Component of each cell, -1 where the largest outputs are identical.
    complex : PolyhedralComplex
        The cells: those of the network, cut along the ties of its outputs.
    network : Network
        Whose largest output is the class: the network given, or minus it where the smallest was asked for.
    class_names : tuple of str, or None
        One for each class.
    """

    labels: IntArray
    enclosed: npt.NDArray[np.bool_]
    n_cells: IntArray
    cell_component: IntArray = field(repr=False)
    complex: PolyhedralComplex = field(repr=False)
    network: Network = field(repr=False)
    links: tuple[IntArray, IntArray] = field(repr=False)  # joined cells (n, 2) and their facet (n,)
    pairs: Pairs = field(repr=False)  # the outputs compared by the last units of the complex
    tied: list[Flags] = field(repr=False)  # for each dimension 0..d the faces of no region
    class_names: tuple[str, ...] | None = None

    @cached_property
    def measures(self) -> FloatArray:
        """Area (volume in 3-D, length in 1-D) of each component."""
        classed = self.cell_component >= 0
        volumes = np.bincount(self.cell_component[classed], self.complex.volumes[classed], self.n_components)
        return np.asarray(volumes, dtype=np.float64)

    @cached_property
    def tie_measure(self) -> float:
        """Measure of cells on which two leading classes are identical (they belong to no class)."""
        ties = self.cell_component < 0
        return float(self.complex.volumes[ties].sum()) if np.any(ties) else 0.0

    @cached_property
    def boundary_measures(self) -> FloatArray:
        """Perimeter (surface) of each component, the part on the boundary of the domain included."""
        return self._surface(inside=False)

    @cached_property
    def interface_measures(self) -> FloatArray:
        """The part of it inside the domain, that is on decision boundaries."""
        return self._surface(inside=True)

    def _surface(self, inside: bool) -> FloatArray:
        sizes = self.complex.face_measures(self.complex.dim - 1)
        total = np.zeros(self.n_components)
        sides, outer = _sides(self.cell_component, self.complex.facet_cells)
        counted = (sides[:, 0] != sides[:, 1]) & ~outer if inside else (sides[:, 0] != sides[:, 1]) | outer
        for side in sides.T:
            own = counted & (side >= 0)
            total += np.bincount(side[own], sizes[own], self.n_components)
        return total

    @cached_property
    def betti_numbers(self) -> IntArray:
        """b_0, ..., b_{d-1} over GF(2) of each open component, (n_components, d): 1, tunnels or holes, cavities.

        Exact, from the faces alone (`specgeo.geometry.topology`): of what is left without ties and walls of the domain.
        """
        cx, owner = self.complex, [self.cell_component]
        for lists, n in zip(cx.faces[::-1], cx.f_vector[-2::-1], strict=True):
            below = np.full(n, -1, np.int64)
            below[lists.indices] = owner[0][lists.owners]
            owner.insert(0, below)
        inside = [inner & ~tied for inner, tied in zip(inner_faces(cx), self.tied, strict=True)]
        classes = [np.bincount(of[ids], minlength=self.n_components)
                   for of, ids in zip(owner, essential(cx, inside), strict=True)]  # fmt: skip
        return np.stack(classes[:0:-1], axis=1)

    @property
    def n_components(self) -> int:
        """Components of all classes together."""
        return len(self.labels)

    @property
    def n_islands(self) -> int:
        """Components that do not reach the boundary of the domain."""
        return int(self.enclosed.sum())

    @checked
    def name_of(self, label: int) -> str:
        """The name of a class; ``class 3`` where they have none."""
        label = as_whole(label, "label")
        if self.class_names is None:
            return f"class {label}"
        if label >= len(self.class_names):
            raise InvalidInputError(f"label: {label} given; there are {len(self.class_names)} classes")
        return self.class_names[label]

    @checked
    def components_of(self, label: int) -> IntArray:
        """Components of one class, the largest first."""
        return np.asarray(np.flatnonzero(self.labels == as_whole(label, "label")))

    def locate(self, x: npt.ArrayLike) -> IntArray:
        """Component that holds each point, (...) of -1 where ties or outside the domain.

        Exact for the points as they are: a point on a decision boundary belongs to no component.
        """
        cells = self.complex.locate(x)
        found = np.where(cells >= 0, self.cell_component[cells], -1)
        return np.asarray(np.where(self._on_tie(x, cells), -1, found))

    def _on_tie(self, x: npt.ArrayLike, cells: IntArray) -> npt.NDArray[np.bool_]:
        """Whether another output equals the winner's at each point, exactly: some comparison of the two is zero."""
        flat, own = as_floats(x, "x").reshape(-1, self.complex.dim), np.ravel(cells)
        at_tie = np.zeros(len(flat), dtype=np.bool_)
        if not self.pairs:
            return at_tie.reshape(np.shape(cells))
        signs, last = PointSigns(require_network(self.complex, "a point")[0]), slice(-len(self.pairs), None)
        label = np.append(self.labels, -1)[self.cell_component[own]]
        first, second = np.array(self.pairs).T
        concerned = ((label[:, None] == first) | (label[:, None] == second)) & (own >= 0)[:, None]
        for part in signs.chunks(len(flat)):
            above, below = signs.decided(flat[part])
            at_tie[part] = np.any(concerned[part] & ~above[:, last] & ~below[:, last], axis=1)
        doubtful = np.flatnonzero(at_tie)
        at_tie[doubtful] = np.any(concerned[doubtful] & (signs.exact(flat[doubtful])[:, last] == 0), axis=1)
        return at_tie.reshape(np.shape(cells))

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

    def __len__(self) -> int:
        """Number of components."""
        return self.n_components

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, for JSON."""
        more = ("measures", "boundary_measures", "interface_measures", "tie_measure", "n_components", "n_islands")
        return {**super().to_dict(), **{name: jsonable(getattr(self, name)) for name in more}}

    def __str__(self) -> str:
        rows = [f"{counted(self.n_components, 'component')}, {self.n_islands:,} enclosed"]
        for label in np.unique(self.labels):
            mine = self.components_of(int(label))
            sizes, enclosed = self.measures[mine], int(self.enclosed[mine].sum())
            rows.append(
                f"{self.name_of(int(label))}: {counted(len(mine), 'component')}, {enclosed} enclosed, measure "
                f"{sizes.sum():.6g} (largest {sizes[0]:.6g}), boundary {self.boundary_measures[mine].sum():.6g}"
            )
        return "\n".join(rows)

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """The components in the plane (`specgeo.plotting.class_map`), or their sizes in other dimensions."""
        if self.complex.dim == 2:
            from specgeo.plotting import class_map

            options = {"class_names": self.class_names, **options}
            return class_map(self.complex, self.cell_component, self.labels, ax=ax, **options)
        ax = axes(ax)
        ax.bar(np.arange(self.n_components), self.measures, color=[f"C{c % 10}" for c in self.labels])
        ax.set(xlabel="component", ylabel="measure", yscale="log")
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
        return f"path of length {self.length:.6g}, {counted(len(self.vertices) - 1, 'segment')}; {self.certificate}"

    def plot(self, ax: Any = None) -> Any:
        """Margin along the path; returns the matplotlib axes."""
        return self.certificate.plot(ax)


@checked
@reported
def decision_regions(
    net: Network,
    domain: Any,
    max_cells: int | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
    max_bytes: int | None = None,
    *,
    smallest: bool = False,
    class_names: Sequence[str] | None = None,
) -> DecisionRegions:
    """Components of the decision regions of a network, with measure, boundary and islands.

    Theorem (A.9.9): the components of the open region {f_c > f_j for all j != c} are those of the graph whose
    nodes are the cells on which c wins and whose edges are the shared facets on which c does not tie. A facet on
    which another output equals f_c throughout belongs to no region and joins nothing; one that ties only in a
    lower-dimensional face joins. All of this is decided for the exact function of the weights as given.

    Parameters
    ----------
    net : Network
        m >= 2 outputs are classes by the largest; one output means f < 0 (class 0) and f > 0 (class 1).
    domain : Box or Polytope
    max_cells : int, optional
        Budget of the enumeration.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.
    max_bytes : int, optional
        Budget of memory for the enumeration, bytes; default: most of what the machine has left.
    smallest : bool
        The class is the smallest output, as of networks whose outputs are costs; of one output f that of 0 and f.
    class_names : sequence of str, optional
        A name for each class, for texts and pictures.

    Returns
    -------
    DecisionRegions

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.paths import decision_regions
    >>> diamond = sg.Network(  # f = 1/2 - |x| - |y|
    ...     [[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[-1.0, -1.0, -1.0, -1.0]]], [[0.0] * 4, [0.5]]
    ... )
    >>> regions = decision_regions(diamond, sg.Box([-1, -1], [1, 1]))
    >>> regions.labels.tolist(), regions.measures.round(12).tolist(), regions.n_islands
    ([0, 1], [3.5, 0.5], 1)
    """
    names = _names(class_names, max(2, net.output_dim))
    net = by_largest(net, smallest)
    made, pairs, winner = argmax_complex(net, domain, max_cells, max_bytes, progress if callable(progress) else None)
    cells, tied = made.complex.facet_cells, ties(made, pairs, winner)
    rows = np.flatnonzero((cells[:, 1] >= 0) & ~tied[-2])
    return _assemble(net, made.complex, pairs, winner, (cells[rows], rows), tied, names)


def _names(given: Sequence[str] | None, n_classes: int) -> tuple[str, ...] | None:
    if given is None:
        return None
    names = () if isinstance(given, str) else tuple(given)
    if len(names) != n_classes or not all(isinstance(name, str) for name in names):
        raise InvalidInputError(f"class_names: {given!r:.80} given; pass a list of {n_classes} words, one a class")
    return names


def _sides(component: IntArray, cells: IntArray) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """The component on either side of each facet, -1 for none, and which facets are on the domain's boundary."""
    outer = cells[:, 1] < 0
    sides = component[cells]
    sides[outer, 1] = -1
    return sides, outer


def _assemble(
    net: Network,
    cx: PolyhedralComplex,
    pairs: Pairs,
    winner: IntArray,
    links: tuple[IntArray, IntArray],
    tied: list[Flags],
    names: tuple[str, ...] | None,
) -> DecisionRegions:
    """Components of the graph of cells, in the order of their class and size."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    joined = links[0]
    graph = coo_array((np.ones(len(joined)), (joined[:, 0], joined[:, 1])), shape=(cx.n_cells, cx.n_cells))
    _, raw = connected_components(graph, directed=False)
    classed = winner >= 0
    _, first, compact = np.unique(raw[classed], return_index=True, return_inverse=True)
    n = len(first)
    label = winner[classed][first]
    # sizes cost more than all the rest in high dimension: only where they order something
    measure = np.zeros(n) if len(np.unique(label)) == n else np.bincount(compact, cx.volumes[classed], minlength=n)
    order = np.lexsort((-measure, label))
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    component = np.full(cx.n_cells, -1, np.int64)
    component[classed] = rank[compact]
    sides, outer = _sides(component, cx.facet_cells)
    touches = np.zeros(n + 1, dtype=bool)
    touches[sides[outer, 0]] = True  # the last entry: cells of no class
    return DecisionRegions(
        labels=label[order],
        enclosed=~touches[:n],
        n_cells=np.bincount(component[classed], minlength=n),
        cell_component=component,
        complex=cx,
        network=net,
        links=links,
        pairs=pairs,
        tied=tied,
        class_names=names,
    )


def _shortest_path(regions: DecisionRegions, start: npt.ArrayLike, stop: npt.ArrayLike) -> RegionPath | None:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    cx, (cells, rows) = regions.complex, regions.links
    ends = np.stack((as_floats(start, "start", (cx.dim,)), as_floats(stop, "stop", (cx.dim,))))
    home = cx.locate(ends)
    component = regions.locate(ends)
    for name, number in zip(("start", "stop"), component, strict=True):
        if number < 0:
            raise InvalidInputError(f"{name}: outside the domain or on a tie of two classes; move it")
    if component[0] != component[1]:
        return None
    gates = cx.face_centroids(cx.dim - 1)[rows]
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
