r"""The facet form on a lattice of wavevectors: exact moments of small simplices on a grid of leaves.

Notation. Modes n with |n_j| <= N_j, phases n.y, simplices T of the plane or of space with weights w_T (measure times
density) halved until |n.(y - c)| <= R for every mode, c the centre of the leaf (`specgeo.fourier.leaves`), with R and
p for which e^{it} is within eps of sum_{m <= p} a_m (it)^m (`specgeo.fourier.plane_waves`). The mean of
(n.(y - c))^m over T is a polynomial in n (`specgeo.fourier.moment_rows`), so that with its coefficients M, summed over
the T of leaf c,

    sum_T w_T mean_T e^{-in.y} = sum_{c,alpha} a_|alpha| M_{c,alpha} prod_j n_j^alpha_j e^{-i (n_j c_j + alpha_j pi/2)}

but for eps: products of small matrices, axis by axis. Traces, of affine density f, are sums of f(v_i) / d times such
means over simplices with the corner v_i twice (C(m + d, m) for C(m + d - 1, m)). Real and imaginary parts of the
factors for n >= 0 give all signs of n; for means over the signs (mirror series) the real ones are enough.

Error. Truncation: eps sum |w_T|, proved; a mean over points or signs errs no more. Phases: y, spacing times a
coordinate, and middles of edges are rounded: n.y is off by (3 + halvings) u sum_j |n_j| max |y_j|, and corners minus c
by 4 u R. Rounding, u = 2^-53, to first order and with independent roundings, six standard deviations allowed, as in all
sums here (Higham and Mary 2019): the terms of the moments of T are at most |w_T| E_T altogether,

    sum_alpha a_|alpha| |M_{T, alpha}|  <=  mean_T e^{|x|_1}  <=  E_T,    x = N (y - c),

E_T the mean of e^{|x|_1}, a convex function, over the corners. A coefficient is rounded 3 m + 3 d + 7 times at most, in
the mean 3 R + 3 d + 7 times, for sum_m m R^m / m! = R e^R.
Each further sum of n terms, of total size q, is rounded n times by u q at most: over the T of a leaf and lane, over the
leaves of a row, over the rows of a slab, over slabs. Those of different leaves, rows and slabs are independent, so that
q is a 2-norm over them of sums of |w_T| E_T (`_rounding`). Factors, 4 roundings, are shared by the leaves of one g_j;
a_m and 1 / C(m + d - 1, m), 4 roundings, by all leaves, added as they are. In the sum over slabs q = sum |w_T|, without
E: a slab's share is a sum of exponentials again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from specgeo._cast import ComplexArray, FloatArray, IntArray
from specgeo._double import UNIT_ROUNDOFF
from specgeo._workers import in_order
from specgeo.fourier.forms import FacetForm, Term
from specgeo.fourier.leaves import Leaves, Pieces, grid, make_pieces
from specgeo.fourier.moment_rows import WIDTH, add_moments, layout_of
from specgeo.fourier.nufft import Lattice, find_lattice
from specgeo.fourier.phases import unit_exponentials
from specgeo.fourier.plane_waves import least_degree, series, tail
from specgeo.geometry.arrays import parts

TRUNCATION = 5e-12  # eps where nobody asks for less
LEAST = 2e-15  # eps below which rounding decides
RADII = (2, 3, 4, 5, 6)  # rounding grows like e^R
FILLS = (0.5, 0.65, 0.8)  # part of R that the leaf itself takes; at 1 no piece would fit
SAMPLE = 4096  # simplices that tell how many pieces there will be
COEFFICIENT_SECONDS = {2: 3.5e-9, 3: 6.5e-9}  # a coefficient of `WIDTH` pieces
FLOP_SECONDS = 7e-11  # of the products of matrices
MOST_LEAVES = 1 << 21
PIECES_BYTES = 1 << 28  # of simplices taken at a time
SLAB = 16  # rows of leaves at a time
FACTOR_ROUNDINGS, SLOPE_ROUNDINGS = 4, 4


class Plan(NamedTuple):
    """How the sums over a lattice would be taken."""

    lattice: Lattice
    leaves: Leaves
    degree: int
    truncation: float  # eps
    seconds: float  # estimated

    def __str__(self) -> str:
        counts = " x ".join(str(n) for n in self.leaves.counts)
        return f"{counts} leaves, R = {self.leaves.radius:g}, degree {self.degree}"


class Sums(NamedTuple):
    """Sums over simplices, by outputs, and what bounds their errors."""

    values: FloatArray  # (m, rows of modes)
    rounding: FloatArray  # (m,)
    size: FloatArray  # (m,) sum |w_T|
    depth: int  # halvings of a simplex


def make_plan(form: FacetForm, k: FloatArray, boundary: str, truncation: float = TRUNCATION) -> Plan | None:
    """The cheapest way to wavevectors (n_k, d) of a lattice; None where they are on none, or d is not 2 or 3."""
    dim, terms = k.shape[1], _terms(form, boundary)
    number = sum(len(term) for term in terms)
    if dim not in (2, 3) or form.kinks.simplices.shape[1] != dim or number == 0:
        return None
    lattice = find_lattice(form.kinks.waves(k))
    if lattice is None:
        return None
    corners, weights = _taken(terms, lattice, range(0, number, -(-number // SAMPLE)))
    size = np.maximum(np.abs(weights).sum(axis=0), np.finfo(float).tiny)
    low, high = _bounds(terms, lattice)
    reach = np.abs(lattice.modes).max(axis=0).astype(np.float64)
    rows = (1 if boundary == "mirror" else 2) * (reach + 1)
    best: Plan | None = None
    least = math.inf
    for radius in RADII:
        degree = least_degree(radius, truncation)
        for fill in FILLS:
            leaves = grid(low, high, reach, radius, fill)
            if np.prod(leaves.counts.astype(float)) > MOST_LEAVES:
                continue
            pieces = make_pieces(corners, leaves)
            own = np.abs(weights[pieces.owners]) * pieces.shares[:, None]
            rounding = _rounding(pieces, own, _counts(leaves), radius, degree, size) / size
            noise = max(float(rounding.max()), 1.5 * truncation)  # as small as that, or as it goes
            many = len(pieces.owners) * number / len(corners)
            seconds = _seconds(many, leaves.counts.astype(float), degree, rows, form.defect.shape[0])
            if best is None or (noise, seconds) < (least, best.seconds):
                best, least = Plan(lattice, leaves, degree, tail(radius, degree), seconds), noise
    return best


def _seconds(pieces: float, counts: FloatArray, degree: int, rows: FloatArray, outputs: int) -> float:
    """Estimated time of moments and of products of matrices."""
    dim, leaves = len(counts), float(np.prod(counts))
    size = math.comb(degree + dim, dim)
    batches = pieces / WIDTH - leaves * math.expm1(-pieces / leaves)  # the last of a leaf is half empty
    pairs = math.comb(degree + dim - 1, dim - 1)
    products = leaves * size * rows[-1] + leaves / counts[-1] * pairs * rows[-1] * rows[-2]
    moments = batches * size * COEFFICIENT_SECONDS[dim] * (3 + outputs) / 4
    return float(moments + 2 * outputs * FLOP_SECONDS * products)


def lattice_sum(form: FacetForm, plan: Plan, boundary: str, executor: Any = None) -> tuple[ComplexArray, FloatArray]:
    """Kinks and fluxes of |k|^2 f^(k) at the wavevectors of a plan and bounds on their errors, (n_k, m) each.

    With "interior" kinks alone; with "mirror" the value at k is the mean over the signs of its components.
    """
    return _term_sum(_terms(form, boundary), plan, 1 if boundary == "mirror" else 2, executor)


def trace_sums(form: FacetForm, plan: Plan, executor: Any = None) -> Iterator[tuple[int, ComplexArray, FloatArray]]:
    """The traces of |k|^2 f^(k) without the factors i k_j: axis j, sums and bounds on their errors, (n_k, m) each."""
    for axis, term in form.axis_terms:
        yield axis, *_term_sum([term], plan, 2, executor)


def _term_sum(terms: list[Term], plan: Plan, parities: int, executor: Any) -> tuple[ComplexArray, FloatArray]:
    """Sums over the simplices of some terms, and bounds; with one parity means over the signs of modes."""
    modes = plan.lattice.modes
    number, dim = sum(len(term) for term in terms), modes.shape[1]
    tables = [_factors(plan, axis, parities) for axis in range(dim)]
    if dim == 2:
        tables.insert(0, np.ones((1, 1, 1)))
    density = terms[0].values if terms[0].weights is None else terms[0].weights
    assert density is not None
    step = max(1, PIECES_BYTES // (8 * math.prod(density.shape[1:]) * (3 * dim * dim + 8)))
    parts = [
        _sums(*_taken(terms, plan.lattice, range(first, min(first + step, number))), plan, tables, executor)
        for first in range(0, number, step)
    ]
    total, rounding, size = (reduce(np.add, column) for column in zip(*(part[:3] for part in parts), strict=True))
    tops, turned = np.abs(modes).max(axis=0), np.where(modes < 0, -1.0, 1.0)
    grid_of = total.reshape(len(total), *(parities * (tops + 1)))
    values = np.zeros((len(modes), len(total)), np.complex128)
    for odd in np.ndindex(*(parities,) * dim):
        sines = np.array(odd)
        place = tuple((np.abs(modes) + sines * (tops + 1)).T)
        sign = np.prod(np.where(sines == 1, turned, 1.0), axis=1)
        values += (1, 1j, -1, -1j)[sum(odd)] * (sign[:, None] * grid_of[(slice(None), *place)].T)
    largest = np.abs(np.stack(_bounds(terms, plan.lattice))).max(axis=0)
    turns = (3 + max(part.depth for part in parts)) * (np.abs(modes) @ largest) + 4 * plan.leaves.radius
    return values, rounding + size * (plan.truncation + UNIT_ROUNDOFF * turns[:, None])


def _counts(leaves: Leaves) -> tuple[int, ...]:
    """Leaves along three axes; in the plane the first has one."""
    return (1,) * (3 - len(leaves.counts)) + tuple(int(n) for n in leaves.counts)


def _terms(form: FacetForm, boundary: str) -> list[Term]:
    return [form.kinks] if boundary == "interior" else [form.kinks, form.flux]


def weight_sums(form: FacetForm, boundary: str, near: float = 0.0) -> FloatArray:
    """sum |w_T|, (m,), and of "cut" as much as traces count at a wavevector of length ``near``."""
    total = np.asarray(sum(term.measures @ np.abs(_weights(term)) for term in _terms(form, boundary)))
    if boundary == "cut" and form.trace.values is not None:
        total = total + near * (form.trace.measures @ np.abs(form.trace.values).mean(axis=1))
    return total


def _weights(term: Term) -> FloatArray:
    assert term.weights is not None
    return term.weights


def _taken(terms: list[Term], lattice: Lattice, rows: range) -> tuple[FloatArray, FloatArray]:
    """Corners (n, d d) of some simplices in units in which phases are n.y, and weights (n, m).

    Of traces corners (n, 2 d d) that have barycentric coordinates too, and weights (n, d, m), those of their corners.
    """
    dim, width = len(lattice.spacing), len(lattice.spacing) * (1 if terms[0].values is None else 2)
    corners, weights, first, filled = np.empty((len(rows), dim, width)), [], 0, 0
    corners[:, :, dim:] = np.eye(dim)[:, : width - dim]
    for term in terms:
        start = rows.start - first
        own = slice(start if start >= 0 else start % rows.step, max(0, min(rows.stop - first, len(term))), rows.step)
        points, simplices = term.coordinates * lattice.spacing, term.simplices[own]
        for some in parts(len(simplices)):
            corners[filled + some.start : filled + some.stop, :, :dim] = points[simplices[some]]
        density = _weights(term) if term.values is None else term.values
        weights.append(np.expand_dims(term.measures[own], tuple(range(1, density.ndim))) * density[own])
        first, filled = first + len(term), filled + len(simplices)
    return corners.reshape(len(rows), dim * width), np.concatenate(weights)


def _bounds(terms: list[Term], lattice: Lattice) -> tuple[FloatArray, FloatArray]:
    """Least and largest coordinates of the simplices, (d,)."""
    columns = [term.coordinates.T for term in terms if len(term)]  # of axes: reductions along short rows are slow
    low, high = (end([[end(x) for x in axes] for axes in columns], axis=0) for end in (np.min, np.max))
    return low * lattice.spacing, high * lattice.spacing


def _sums(corners: FloatArray, weights: FloatArray, plan: Plan, tables: list[FloatArray], executor: Any) -> Sums:
    """Sums over simplices, slab of leaves by slab; an executor changes no bit."""
    pieces = make_pieces(corners, plan.leaves)
    if weights.ndim == 2:
        own, size = weights[pieces.owners] * pieces.shares[:, None], np.abs(weights).sum(axis=0)
    else:
        (pieces, own), size = _doubled(pieces, weights), np.abs(weights).mean(axis=1).sum(axis=0)
    counts = _counts(plan.leaves)
    slabs = [(g, h, min(h + SLAB, counts[1])) for g in range(counts[0]) for h in range(0, counts[1], SLAB)]
    full = (
        np.diff(pieces.starts[[(g * counts[1] + np.array(ends)) * counts[2] for g, *ends in slabs]], axis=1)[:, 0] > 0
    )
    slabs = [slab for slab, some in zip(slabs, full, strict=True) if some]

    def tasks() -> Iterator[tuple[Any, ...]]:
        for g, low, high in slabs:
            leaves = slice((g * counts[1] + low) * counts[2], (g * counts[1] + high) * counts[2] + 1)
            starts = pieces.starts[leaves]
            inside = slice(starts[0], starts[-1])
            task = pieces.corners[inside], own[inside], starts - starts[0], tables[1][:, low:high], tables[2]
            yield plan.leaves.radius, plan.degree, len(plan.leaves.counts), *task

    total = np.zeros((weights.shape[-1], math.prod(table.shape[2] for table in tables)))
    for (g, _, _), part in zip(slabs, in_order(executor, slab_sum, tasks()), strict=True):
        for o in range(len(total)):
            total[o] += (tables[0][:, g].T @ part[o]).ravel()
    return Sums(
        total, _rounding(pieces, np.abs(own), counts, plan.leaves.radius, plan.degree, size), size, pieces.depth
    )


def _doubled(pieces: Pieces, weights: FloatArray) -> tuple[Pieces, FloatArray]:
    """Pieces of affine densities as sums of such of constant ones, with one corner twice, and their weights.

    With barycentric coordinates b_i, mean_T b_i (n.x)^m = h_m(corners, v_i again) / (d C(m + d, m)).
    """
    n, d, m = len(pieces.owners), *weights.shape[1:]
    rows = pieces.corners.reshape(n, d, 2 * d)
    own = np.einsum("nij,njm->nim", rows[:, :, d:], weights[pieces.owners]) * (pieces.shares / d)[:, None, None]
    corners = np.empty((n, d, d + 1, d))
    corners[:, :, :d], corners[:, :, d] = rows[:, None, :, :d], rows[:, :, :d]
    growth = np.exp(np.abs(corners).sum(axis=3)).mean(axis=2)
    doubled = Pieces(
        pieces.starts * d, corners.reshape(n * d, (d + 1) * d), np.repeat(pieces.owners, d),
        np.repeat(pieces.shares, d), growth.ravel(), pieces.depth,
    )  # fmt: skip
    return doubled, own.reshape(n * d, m)


def slab_sum(
    radius: float,
    degree: int,
    dim: int,
    corners: FloatArray,
    weights: FloatArray,
    starts: IntArray,
    second: FloatArray,
    third: FloatArray,
) -> FloatArray:
    """Moments of the leaves of a slab, summed over its two axes: (m, exponents of the first axis, n_2 n_3)."""
    layout = layout_of(dim, degree, corners.shape[1] // dim)
    rows, columns, outputs = second.shape[1], third.shape[1], weights.shape[1]
    moments = np.zeros((outputs, len(layout.first) * rows * columns))
    full = np.flatnonzero(np.diff(starts))
    bounds = np.append(starts[full], starts[-1])
    strides = np.stack([(layout.first * rows + layout.last) * columns, layout.run * columns])
    place = np.stack([full // columns, full % columns], axis=1)
    scales = series(radius, degree)[layout.degree] * layout.mean
    add_moments(degree, corners, weights, bounds, place, scales, strides, moments)
    firsts, n_2, n_3 = (degree + 1 if dim == 3 else 1), second.shape[2], third.shape[2]
    result = np.empty((outputs, firsts, n_2 * n_3))
    factors = third.reshape(-1, n_3)
    for o in range(outputs):
        at = 0
        for a in range(firsts):
            left = degree + 1 - a
            turned = np.empty((left, rows, n_3))
            for b in range(left):
                width = (left - b) * columns
                np.matmul(moments[o, at : at + rows * width].reshape(rows, width), factors[:width], out=turned[b])
                at += rows * width
            result[o, a] = (second[:left].reshape(left * rows, n_2).T @ turned.reshape(left * rows, n_3)).ravel()
    return result


def _factors(plan: Plan, axis: int, parities: int) -> FloatArray:
    """Real parts of (n / N)^a e^{-i (n c + a pi/2)}, n = 0 .. N, then imaginary ones: (exponents a, leaves, rows)."""
    top = int(np.abs(plan.lattice.modes[:, axis]).max())
    n = np.arange(top + 1.0)
    cosine, sine = unit_exponentials(plan.leaves.centres(axis)[:, None], n[None])
    waves = cosine, sine, -cosine, -sine
    power = (n / max(top, 1)) ** np.arange(plan.degree + 1)[:, None, None]
    turned = [np.concatenate([waves[(a + odd) % 4] for odd in range(parities)], axis=1) for a in range(plan.degree + 1)]
    return np.asarray(np.tile(power, (1, 1, parities)) * np.array(turned))


def _rounding(
    pieces: Pieces, weights: FloatArray, counts: tuple[int, ...], radius: float, degree: int, size: FloatArray
) -> FloatArray:
    """The bound derived above, (m,); ``weights`` (n, m) are those of the pieces, without signs."""
    terms = weights * pieces.growth[:, None]
    number = np.diff(pieces.starts)
    leaves = np.zeros((len(number), weights.shape[1]))
    full = np.flatnonzero(number)
    leaves[full] = np.add.reduceat(terms, pieces.starts[full], axis=0)
    rows = leaves.reshape(*counts, -1).sum(axis=2)
    slabs = np.add.reduceat(rows, np.arange(0, counts[1], SLAB), axis=1)
    shared = sum((leaves.reshape(*counts, -1).sum(axis=other) ** 2).sum(axis=0) for other in ((0, 1), (0, 2), (1, 2)))
    own = 16 if pieces.corners.shape[1] in (4, 9) else 32  # those of affine densities are interpolated
    squares = (3 * radius + own) * (terms**2).sum(axis=0)
    squares += ((number[:, None] / WIDTH + WIDTH + 2) * leaves**2).sum(axis=0)
    squares += (degree + 1) * counts[2] * (rows**2).sum(axis=(0, 1))
    squares += (degree + 1) * (min(SLAB, counts[1]) + 1) * (slabs**2).sum(axis=(0, 1))
    squares += FACTOR_ROUNDINGS**2 * shared + (counts[0] * slabs.shape[1] + 8) * size**2
    return np.asarray(UNIT_ROUNDOFF * (6 * np.sqrt(squares) + SLOPE_ROUNDINGS * leaves.sum(axis=0)))
