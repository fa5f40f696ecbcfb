"""The facet form for many wavevectors: quadrature nodes on the facets and a non-uniform FFT.

The weights of the facet form do not depend on k, so |k|^2 f^(k) is, but for quadrature, a sum of
exponentials over fixed points:

    int_F e^{-ik.x}  ~  sum_q w_q e^{-ik.x_q}

with Gauss-Legendre nodes on an edge and, on a triangle, Gauss-Legendre times Gauss-Jacobi nodes in
Duffy's coordinates x = a + xi (b - a + eta (c - b)), whose Jacobian is 2 |F| xi. The number of
nodes is chosen for each simplex from its size and the largest |k|, by the remainder
gamma_q kappa^{2q} / (2q)! of Gauss quadrature for e^{-i kappa s}. finufft sums the exponentials:
type 1 when the wavevectors lie on a lattice, type 3 otherwise.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from scipy.special import gammaln, roots_jacobi

from specgeo._cast import ComplexArray, FloatArray, IntArray
from specgeo._double import UNIT_ROUNDOFF
from specgeo._measures import lengths_of
from specgeo._workers import in_order
from specgeo.errors import MissingDependencyError, UnsupportedError
from specgeo.fourier.forms import ComplexForms, FacetForm, Term
from specgeo.fourier.phases import unit_exponentials
from specgeo.geometry.simplices import by_chunks

QUADRATURE_TOLERANCE = 1e-14  # relative error of the integral over one simplex
REQUEST = 1e-14  # tolerance asked of finufft
FLOOR = 2e-14  # finufft's error in type 1 at that tolerance, relative to the 2-norm of the facets' terms
# Type 3 interpolates twice, and its rounding grows with the extent of the points times the reach of the wavevectors;
# large values leak to all others. Relative to the 2-norm plus the largest value; twice what was measured.
SCATTERED_FLOOR = 1e-13
SCATTERED_GROWTH = 4 * UNIT_ROUNDOFF
NODES_AT_ONCE = 1 << 20  # some 200 bytes each; fewer would repeat the FFT more often than the nodes pay for
SAMPLE = 1 << 14  # simplices that tell how many nodes there will be
CROSSOVER = 600  # wavevectors above which the non-uniform FFT is faster than direct sums
NODE_SECONDS = 2.5e-7, 2.5e-7, 1.7e-6  # costs: a node in so many dimensions,
MODE_SECONDS, PAIR_SECONDS = 2e-7, 3e-9  # a mode of the grid, a (facet, k) pair
# Orders in use: all small ones, then in steps, so that simplices of similar size share a rule.
ORDERS = np.array([*range(1, 17), *range(18, 33, 2), *range(36, 65, 4), *range(72, 129, 8), *range(144, 513, 16)])


class Nodes(NamedTuple):
    """Quadrature nodes of the simplices of a term."""

    points: FloatArray  # (n, D)
    weights: FloatArray  # (n,) summing to each simplex's measure
    owner: IntArray  # (n,) simplex of each node
    barycentric: FloatArray  # (n, j + 1), of terms with vertex values; else empty


class Lattice(NamedTuple):
    """Wavevectors k = n * spacing."""

    spacing: FloatArray  # (D,)
    modes: IntArray  # (n_k, D)


def available() -> bool:
    """Whether finufft can be imported."""
    return importlib.util.find_spec("finufft") is not None


def pays(forms: ComplexForms, k: FloatArray) -> bool:
    """Whether the non-uniform FFT is the faster way to these wavevectors."""
    return len(k) >= CROSSOVER and grid_seconds(forms, k) < direct_seconds(forms.facets, len(k)) and fits(forms, k)


def direct_seconds(form: FacetForm, n_k: int) -> float:
    """Estimated time of direct sums."""
    pairs = (len(form.kinks) + 2 * len(form.flux)) * n_k
    return float(PAIR_SECONDS * pairs * form.kinks.simplices.shape[1] ** 2 / 4)


def grid_seconds(forms: ComplexForms, k: FloatArray) -> float:
    """Estimated time of quadrature and the non-uniform FFT, infinite without finufft and in high dimension."""
    if forms.dim > 3 or forms.facets.kinks.simplices.shape[1] > 3 or not available() or len(k) == 0:
        return math.inf
    return _estimated_seconds(forms.facets, k)


def fits(forms: ComplexForms, k: FloatArray) -> bool:
    """Whether there are quadrature rules for the longest edge and the largest wavevector."""
    reach = float(np.linalg.norm(k, axis=1).max()) * _longest_edge(forms.facets) / 2
    return bool(reach <= min(_order_limit(beta, QUADRATURE_TOLERANCE)[-2] for beta in (0, 1)))


def _estimated_seconds(form: FacetForm, k: FloatArray) -> float:
    longest = float(np.linalg.norm(k, axis=1).max())
    nodes = sum(_node_count(term, longest) for term in (form.kinks, form.flux, form.trace))
    node = NODE_SECONDS[k.shape[1] - 1]
    lattice = find_lattice(form.kinks.waves(k))
    if lattice is not None:
        return nodes * node + MODE_SECONDS * float(np.prod(2.0 * np.abs(lattice.modes).max(axis=0) + 2))
    reach = np.abs(k).max(axis=0)
    return (nodes + len(k)) * 2 * node + MODE_SECONDS * float(np.prod(2 * reach * _half_extents(form) + 16))


def _half_extents(form: FacetForm) -> FloatArray:
    points = np.concatenate([term.points for term in (form.kinks, form.trace)])
    return np.asarray((points.max(axis=0) - points.min(axis=0)) / 2)


def bound(form: FacetForm, k: FloatArray, boundary: str, values: ComplexArray | None = None) -> FloatArray:
    """Bound on the errors of quadrature and finufft in f^(k), (n_k, m).

    ``values`` is the `numerator`, which may have peaks; before it is known none are expected away from k = 0.
    """
    radius = max(float(np.abs(term.points).max(initial=0.0)) for term in (form.kinks, form.trace))
    size = form.size(k, boundary)
    length = np.linalg.norm(k, axis=1)[:, None]
    phases = UNIT_ROUNDOFF * radius * length.max(initial=0.0)  # finufft takes rounded phases
    error = 3 * (QUADRATURE_TOLERANCE + FLOOR + phases) * size.spread
    if find_lattice(form.kinks.waves(k)) is None:
        product = float(_half_extents(form) @ np.abs(k).max(axis=0, initial=0.0))
        peak = 0.0 if values is None else np.abs(values).max(axis=0)
        error = error + (SCATTERED_FLOOR + SCATTERED_GROWTH * product) * (size.spread + size.largest + peak)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(error / length / length)


def numerator(form: FacetForm, k: FloatArray, boundary: str, executor: Any = None) -> ComplexArray:
    """|k|^2 f^(k) at (n_k, D) wavevectors, (n_k, m), as `FacetForm.numerator` but by finufft."""
    longest = float(np.linalg.norm(k, axis=1).max())
    waves = form.kinks.waves(k)
    lattice = find_lattice(waves)
    total = _transform(form.kinks, waves, lattice, longest, executor)
    if boundary != "interior":
        total += _transform(form.flux, waves, lattice, longest, executor)
    return total + traces(form, k, executor) if boundary == "cut" else total


def traces(form: FacetForm, k: FloatArray, executor: Any = None) -> ComplexArray:
    """The traces' part of it."""
    longest = float(np.linalg.norm(k, axis=1).max())
    waves = form.kinks.waves(k)
    lattice = find_lattice(waves)
    total = np.zeros((len(k), len(form.defect)), np.complex128)
    for j, term in form.axis_terms:
        total += 1j * k[:, j, None] * _transform(term, waves, lattice, longest, executor)
    return total


def _transform(
    term: Term, waves: FloatArray, lattice: Lattice | None, longest: float, executor: Any = None
) -> ComplexArray:
    """The sum over a term's simplices, by a bounded number of nodes at a time."""
    density = term.weights if term.weights is not None else term.values
    assert density is not None
    total = np.zeros((len(waves), density.shape[-1]), dtype=np.complex128)
    parts = _parts(term, longest, max(NODES_AT_ONCE // density.shape[-1], len(waves)))
    for part in in_order(executor, node_sum, ((part, waves, lattice, longest) for part in parts)):
        total += part
    return total


def node_sum(term: Term, waves: FloatArray, lattice: Lattice | None, longest: float) -> ComplexArray:
    """The sum over a term's simplices, all nodes at once."""
    nodes = quadrature_nodes(term, longest)
    if term.weights is not None:
        strengths = nodes.weights[:, None] * term.weights[nodes.owner]
    else:
        assert term.values is not None
        strengths = nodes.weights[:, None] * np.einsum("ni,nim->nm", nodes.barycentric, term.values[nodes.owner])
    return exponential_sum(nodes.points, strengths, waves, lattice)


def _parts(term: Term, longest: float, most: int) -> Iterator[Term]:
    """The term in parts of some ``most`` nodes, at least one simplex each."""
    if len(term) == 0:
        return
    counts = np.ones(len(term), np.int64)
    if term.simplices.shape[1] > 1:
        inner, outer, _ = _orders(term, longest, QUADRATURE_TOLERANCE)
        counts = inner * outer
    number = (np.cumsum(counts) - counts) // most
    for rows in np.split(np.arange(len(term)), np.flatnonzero(np.diff(number)) + 1):
        if len(rows) == len(term):
            yield term
            return
        weights, values = (None if column is None else column[rows] for column in (term.weights, term.values))
        simplices, measures = term.simplices[rows], term.measures[rows]
        yield replace(term, simplices=simplices, measures=measures, weights=weights, values=values)


def exponential_sum(points: FloatArray, strengths: FloatArray, k: FloatArray, lattice: Lattice | None) -> ComplexArray:
    """Sum of strengths (n, m) times e^{-ik.x} over points (n, D), D <= 3: (n_k, m) by finufft."""
    finufft = _finufft()
    d = points.shape[1]
    charges = np.ascontiguousarray(strengths.T, dtype=np.complex128)
    settings: dict[str, Any] = {"eps": REQUEST, "isign": -1, "nthreads": 1}
    if lattice is None:
        # finufft's accuracy falls with the extent times the reach: measure both from their centres.
        centre = (points.max(axis=0) + points.min(axis=0)) / 2
        shifted = [np.ascontiguousarray(column) for column in (points - centre).T]
        waves = np.ascontiguousarray(k.T)
        sums = getattr(finufft, f"nufft{d}d3")(*shifted, charges, *waves, **settings)
        real, imag = unit_exponentials(centre[None], waves)
        return np.asarray(sums.reshape(len(charges), len(k)).T * (real[0] + 1j * imag[0])[:, None])
    reach = np.abs(lattice.modes).max(axis=0)
    turns = points * lattice.spacing
    if np.abs(turns).max() > 3 * np.pi:  # as far as every release of finufft folds
        turns = np.remainder(turns + np.pi, 2 * np.pi) - np.pi
    angles = [np.ascontiguousarray(column) for column in turns.T]
    counts = tuple(int(2 * n + 1) for n in reach)
    sums = getattr(finufft, f"nufft{d}d1")(*angles, charges, counts if d > 1 else counts[0], **settings)
    grid = sums.reshape(len(charges), *counts)
    return np.ascontiguousarray(grid[(slice(None), *(lattice.modes + reach).T)].T)


def find_lattice(k: FloatArray) -> Lattice | None:
    """The lattice through the origin that carries all wavevectors, unless it is much larger than they are many."""
    spacings, modes = [], []
    largest = 16.0 * len(k) + 4096  # modes that are worth a grid
    for column in k.T:
        sizes = np.unique(np.abs(column))
        top = sizes[-1]
        if top == 0.0:
            spacings.append(1.0)
            modes.append(np.zeros(len(k), dtype=np.int64))
            continue
        step = np.diff(sizes).min(initial=sizes[sizes > 0][0])
        if top > step * largest:
            return None
        count = round(top / step)
        spacing = top / count
        mode = np.rint(column / spacing)
        if np.any(np.abs(mode * spacing - column) > 4 * np.finfo(float).eps * top):
            return None
        spacings.append(spacing)
        modes.append(mode.astype(np.int64))
    found = np.stack(modes, axis=1)
    if np.prod(2.0 * np.abs(found).max(axis=0) + 1) > largest:
        return None
    return Lattice(np.array(spacings), found)


def quadrature_nodes(term: Term, longest: float, tolerance: float = QUADRATURE_TOLERANCE) -> Nodes:
    """Nodes that integrate e^{-ik.x} over each simplex (j <= 2) to ``tolerance`` of its measure, |k| <= longest.

    They are given in the `Term.coordinates`.
    """
    corners, j = term.coordinates[term.simplices], term.simplices.shape[1] - 1
    if j == 0:
        count = len(term)
        return Nodes(corners[:, 0], term.measures.copy(), np.arange(count), np.ones((count, 1)))
    inner, outer, rotation = _orders(term, longest, tolerance)
    kind = inner * (1 + ORDERS[-1]) + outer
    order = np.argsort(kind, kind="stable")
    starts = np.flatnonzero(np.diff(kind[order], prepend=-1))
    parts = []
    for chosen in np.split(order, starts[1:]):
        if j == 1:
            bary, weight = _segment_rule(int(inner[chosen[0]]))
            turned = np.broadcast_to(bary, (len(chosen), *bary.shape))
        else:
            bary, weight = _triangle_rule(int(inner[chosen[0]]), int(outer[chosen[0]]))
            turned = _unrotate(bary, rotation[chosen])
        points = sum(turned[:, :, i, None] * corners[chosen, i, None] for i in range(j + 1))
        parts.append(
            Nodes(
                np.asarray(points).reshape(-1, corners.shape[2]),
                (term.measures[chosen, None] * weight).ravel(),
                np.repeat(chosen, len(weight)),
                turned.reshape(-1, j + 1) if term.values is not None else np.empty((0, j + 1)),
            )
        )
    return Nodes(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _edge_lengths(corners: FloatArray) -> FloatArray:
    """Length of the edge opposite each vertex of triangles, or the length of segments in one column."""
    ends = ((0, 1),) if corners.shape[1] == 2 else ((1, 2), (2, 0), (0, 1))
    return np.stack([lengths_of(corners[:, j] - corners[:, i]) for i, j in ends], axis=1)


def _longest_edge(form: FacetForm) -> float:
    if form.kinks.simplices.shape[1] == 1:
        return 0.0
    return max(float(by_chunks(_edge_lengths, t.points, t.simplices).max(initial=0.0)) for t in (form.kinks, form.flux))


def _orders(term: Term, longest: float, tolerance: float) -> tuple[IntArray, IntArray, IntArray]:
    """Orders along and towards the longest edge of each simplex, and the vertex opposite it."""
    lengths = _edge_lengths(term.points[term.simplices])
    extra = 0 if term.values is None else 1  # an affine density costs one order
    rotation = np.argmax(lengths, axis=1)
    ordered = np.sort(lengths, axis=1)
    inner = _order(ordered[:, -1] * longest / 2, 0, tolerance, extra)
    if lengths.shape[1] == 1:
        return inner, np.ones_like(inner), rotation
    return inner, _order(ordered[:, -2] * longest / 2, 1, tolerance, extra), rotation


def _order(kappa: FloatArray, beta: int, tolerance: float, extra: int) -> IntArray:
    place = np.searchsorted(_order_limit(beta, tolerance), kappa) + extra
    if np.any(place >= len(ORDERS)):
        raise UnsupportedError(
            f"k: the largest wavevector turns the phase by {2 * kappa.max():.0f} along one edge, too much for the "
            "quadrature of method='nufft'; use method='facet'"
        )
    return np.asarray(ORDERS[place])


@cache
def _order_limit(beta: int, tolerance: float) -> FloatArray:
    """Largest kappa that each order integrates: gamma_q kappa^{2q} / (2q)! = tolerance * int (1 + s)^beta ds."""
    q = ORDERS.astype(np.float64)
    log_gamma = (2 * q + beta + 1) * np.log(2.0) + 2 * gammaln(q + 1) + 2 * gammaln(q + beta + 1)
    log_gamma -= np.log(2 * q + beta + 1) + 2 * gammaln(2 * q + beta + 1)
    return np.asarray(np.exp((np.log(2 * tolerance) + gammaln(2 * q + 1) - log_gamma) / (2 * q)))


def _node_count(term: Term, longest: float) -> float:
    """Estimated number of quadrature nodes, from some of the simplices."""
    if term.simplices.shape[1] == 1 or len(term) == 0:
        return float(len(term))
    some = replace(term, simplices=term.simplices[:: -(-len(term) // SAMPLE)])
    try:
        inner, outer, _ = _orders(some, longest, QUADRATURE_TOLERANCE)
    except UnsupportedError:  # see `fits`
        return math.inf
    return float(inner @ outer) * len(term) / len(some)


@cache
def _segment_rule(order: int) -> tuple[FloatArray, FloatArray]:
    """Barycentric nodes (q, 2) and weights (q,) of Gauss-Legendre, of total weight 1."""
    nodes, weights = roots_jacobi(order, 0.0, 0.0)
    x = (1 + nodes) / 2
    return np.stack([1 - x, x], axis=1), weights / weights.sum()


@cache
def _triangle_rule(inner: int, outer: int) -> tuple[FloatArray, FloatArray]:
    """Barycentric nodes (q, 3) and weights (q,) in Duffy's coordinates about vertex 0, of total weight 1."""
    along, along_weights = _segment_rule(inner)
    nodes, weights = roots_jacobi(outer, 0.0, 1.0)
    xi = (1 + nodes) / 2
    bary = np.empty((outer, inner, 3))
    bary[..., 0] = (1 - xi)[:, None]
    bary[..., 1:] = xi[:, None, None] * along[None]
    return bary.reshape(-1, 3), np.outer(weights / weights.sum(), along_weights).ravel()


def _unrotate(bary: FloatArray, rotation: IntArray) -> FloatArray:
    """Nodes (n_s, q, 3) for triangles whose vertex ``rotation`` plays the part of vertex 0."""
    return np.stack([np.roll(bary, r, axis=1) for r in range(3)])[rotation]


def _finufft() -> Any:
    try:
        import finufft
    except ImportError as error:
        raise MissingDependencyError("method: 'nufft' needs finufft; install it with pip install finufft") from error
    return finufft
