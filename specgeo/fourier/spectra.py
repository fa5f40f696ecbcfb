"""`spectrum`: the Fourier transform of a piecewise-linear function, in closed form at every wavevector.

Four ways lead to the same number; for each wavevector the cheapest one that is accurate is taken:

    facet    |k|^-2 times a sum over kinks and boundary facets; rounding grows like |k|^-2 as k -> 0
    volume   a sum over the cells' simplices; accurate at every k, k = 0 included, and d times dearer
    moments  the facet sum by moments of small simplices; for many wavevectors of a lattice, d = 2 and 3
    nufft    the facet sum by quadrature and a non-uniform FFT (finufft); for many wavevectors, d <= 3

What is taken, and what the others would have cost, goes to the log "specgeo" (level INFO).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._budget import afford, within_memory
from specgeo._cast import ComplexArray, FloatArray, IntArray
from specgeo._double import UNIT_ROUNDOFF
from specgeo._measures import lengths_of
from specgeo._progress import Tell, reported
from specgeo._workers import in_order, named
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier import moments, nufft
from specgeo.fourier.deviation import deviation_of
from specgeo.fourier.forms import ComplexForms, FacetForm, Term, forms_of, require_range
from specgeo.fourier.simplex import as_wavevectors
from specgeo.geometry.complex import PolyhedralComplex

Boundary = Literal["cut", "interior", "mirror"]

PROMISE = 1e-12  # every value has an error bound below this share of int |f|, or the volume form's
TARGET = 2e-13  # where that costs little, the facet form is used only if its bound is below this share
LITTLE = 4e6  # pairs (simplex, wavevector) of the volume form that cost little: about 0.1 s
BLOCK = 1 << 25  # pairs (simplex, wavevector) between two reports of progress
SHARES = 32  # of a block, where there are workers
GRID_PROMISE = 1e-11  # the same for moments and the non-uniform FFT, whose bounds are some 100 times their errors
WORTH = 0.1  # seconds of direct sums from which on moments are thought of
DIVIDED = 1.0  # seconds of moments from which on wavevectors are divided into near and far ones
NEAR = 1 / 8  # of the largest
_log = logging.getLogger("specgeo")
METHODS = Literal["auto", "facet", "volume", "moments", "nufft"]


@checked
@within_memory
@reported
def spectrum(
    cx: PolyhedralComplex,
    k: npt.ArrayLike,
    boundary: Literal["cut", "interior"] = "cut",
    return_error: bool = False,
    method: METHODS = "auto",
    progress: Callable[[str, float], None] | bool | None = None,
    executor: Any = None,
) -> ComplexArray | tuple[ComplexArray, FloatArray]:
    r"""Fourier transform :math:`\hat f(k) = \int f(x) e^{-i k\cdot x} dx` of a piecewise-linear function.

    Parameters
    ----------
    cx : PolyhedralComplex
        Cells and affine pieces, from `specgeo.enumerate_regions`; d inputs, m outputs.
    k : array_like of floats, shape (..., d)
        Wavevectors in angular units (radians per unit length). Any number of leading axes: one
        wavevector, a list, a product grid, or none at all.
    boundary : {"cut", "interior"}
        "cut": the transform of f times the indicator of the domain. "interior": of the kinks alone,
        :math:`-\hat\mu(k)/\|k\|^2` with :math:`\mu = \Delta f` inside the domain; free of the k^-1 and
        k^-2 tails that the cut puts in; not defined at k = 0.
    return_error : bool
        Return an error bound too.
    method : {"auto", "facet", "volume", "moments", "nufft"}
        "auto" chooses for each wavevector: the facet form wherever its error bound is below 1e-12 of
        int \|f\| (2e-13 where that costs little), the volume form elsewhere. In place of the facet form,
        where there are many wavevectors and a cost model says that it pays: moments (d = 2 and 3, all
        wavevectors whole multiples of a spacing along each axis) or the non-uniform FFT (finufft), with
        (more pessimistic) bounds below 1e-11 of int \|f\|. The other names force one form; forced moments
        aim at a bound of 1e-11 of sum \|c_F\| \|F\| / \|k\|^2 over kinks and walls. The log "specgeo" says
        at level INFO what was chosen and why.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.
    executor : int or concurrent.futures.Executor, optional
        A number of threads, or any executor (processes, loky, dask, mpi4py). The result does not depend
        on it, to the last bit.

    Returns
    -------
    transform : ndarray of complex128, shape (..., m)
    error : ndarray of float64, shape (..., m), only with ``return_error``
        Bound on the distance to the exact transform of the network on its domain: rounded vertices,
        pieces and walls, absolute values added (`specgeo.fourier.deviation`); rounding of the sums, to
        first order and with independent roundings, six standard deviations allowed (Higham and Mary
        2019); quadrature and finufft's tolerance where those were used. Without a network: to the
        transform of the stored pieces on the stored vertices, jumps across facets included. A vertex
        that is off by s turns phases by \|k\| s: far out this is what limits the accuracy.

    Raises
    ------
    InvalidInputError
        ``k`` is not finite, its last axis is not d long, or a phase k.x is beyond 1e15; an option
        is unknown; k = 0 is asked of "interior" or of the facet form.
    DomainError
        The transform or its bound is beyond the range of floats.
    MissingDependencyError
        ``method="nufft"`` without finufft.

    Notes
    -----
    Facet form and "interior": the Laplacian form that follows from Green's identity. Negative and
    repeated wavevectors are evaluated once, f being real: f^(-k) is the conjugate of f^(k).

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> tent = sg.enumerate_regions(net, sg.Box([-1], [1]))     # (1 - |x|) on [-1, 1]
    >>> sg.spectrum(tent, [[0.0], [2.0]]).round(4)[:, 0].real   # sinc(k / 2)^2
    array([1.    , 0.7081])
    """
    forms = forms_of(cx)
    waves, batch = as_wavevectors(k, forms.dim, float(np.abs(cx.vertices).max()))
    tell = progress if callable(progress) else None
    values, errors = evaluate(forms, waves, boundary, method, return_error, tell, executor)
    shape = (*batch, forms.n_outputs)
    return (values.reshape(shape), errors.reshape(shape)) if return_error else values.reshape(shape)


def evaluate(
    forms: ComplexForms,
    k: FloatArray,
    boundary: Boundary,
    method: str,
    bounds: bool = True,
    tell: Tell | None = None,
    executor: Any = None,
) -> tuple[ComplexArray, FloatArray]:
    """Values and error bounds at wavevectors (n_k, D), both (n_k, m); without ``bounds`` those are of the rounding.

    ``tell`` hears after each block how many are done. ``boundary="mirror"`` leaves out the boundary traces, which
    cancel in averages over reflections of k; only such averages mean something then.
    """
    needed = 8.0 * len(k) * (6 * forms.dim + 14 * forms.n_outputs + 6)
    afford(needed, f"k: {len(k):,} wavevectors", "pass fewer at a time")
    distinct, place, flipped = half_space(k)
    with np.errstate(over="ignore", invalid="ignore"):  # what leaves the range of floats is refused
        values, errors = _evaluate_distinct(forms, distinct, boundary, method, bounds, tell, named(executor))
    values, errors = values[place], errors[place]
    values[flipped] = np.conj(values[flipped])
    return values, errors


def half_space(k: FloatArray) -> tuple[FloatArray, npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Distinct wavevectors up to sign, where each k is among them, and whether its sign was flipped."""
    sign = np.ones(len(k))
    for column in k.T[::-1]:
        sign = np.where(column != 0, np.sign(column), sign)
    upper = k * sign[:, None] + 0.0  # adding zero turns -0.0 into 0.0
    order = np.lexsort(upper.T)
    ordered = upper[order]
    fresh = np.ones(len(k), dtype=bool)
    fresh[1:] = np.any(ordered[1:] != ordered[:-1], axis=1)
    place = np.empty(len(k), dtype=np.intp)
    place[order] = np.cumsum(fresh) - 1
    return np.ascontiguousarray(ordered[fresh]), place, sign < 0


def _evaluate_distinct(
    forms: ComplexForms, k: FloatArray, boundary: Boundary, method: str, bounds: bool, tell: Tell | None, executor: Any
) -> tuple[ComplexArray, FloatArray]:
    values = np.zeros((len(k), forms.n_outputs), dtype=np.complex128)
    errors = np.zeros(values.shape)
    if len(k) == 0:
        return values, errors
    _require_form(k, boundary, method)
    chosen, plans = _choose(forms, k, boundary, method)
    for rows, plan in plans:
        values[rows], errors[rows] = _by_moments(forms, k[rows], boundary, plan, executor)
    left = chosen == "moments"
    if method == "auto" and np.any(left):
        left[left] = np.any(errors[left] > GRID_PROMISE * forms.norm, axis=1)
        chosen[left] = _direct_or_nufft(forms, k[left], boundary)
        if np.any(left):
            _log.info("spectrum: %s of them otherwise, for a tighter bound", f"{np.count_nonzero(left):,}")
    done = int(np.count_nonzero(chosen == "moments"))
    if tell is not None and done:
        tell(f"{done:,} of {len(k):,} wavevectors", done / len(k))
    for name, evaluator in (("facet", _by_facets), ("volume", _by_volume), ("nufft", _by_nufft)):
        for rows in _blocks(forms, np.flatnonzero(chosen == name), name, tell, executor is not None):
            some = np.ascontiguousarray(k[rows])
            values[rows], errors[rows] = evaluator(forms, some, boundary, executor)
            done += len(rows)
            if tell is not None:
                tell(f"{done:,} of {len(k):,} wavevectors", done / len(k))
    if bounds:
        for name in np.unique(chosen):
            rows = np.flatnonzero(chosen == name)
            errors[rows] += deviation(forms, np.ascontiguousarray(k[rows]), boundary, name)
    require_range("its transform", values, errors)
    return values, errors


def _require_form(k: FloatArray, boundary: Boundary, method: str) -> None:
    if not np.all(np.any(k, axis=1)) and (boundary == "interior" or method in ("facet", "moments", "nufft")):
        remedy = "the interior spectrum is not defined; leave it out"
        if boundary != "interior":
            remedy = "only the volume form holds; use method='auto'"
        raise InvalidInputError(f"k: contains the zero wavevector, where {remedy}")
    if boundary == "interior" and method == "volume":
        raise InvalidInputError("method: 'volume' has no interior spectrum; use 'auto' or 'facet'")


def _blocks(forms: ComplexForms, rows: IntArray, form: str, tell: Tell | None, shared: bool) -> list[IntArray]:
    """Rows to evaluate at once: all, but where someone hears of it such as take a worker some tenths of a second."""
    if len(rows) == 0 or tell is None or form == "nufft":
        return [rows] if len(rows) else []
    n = len(forms.volume.cells if form == "volume" else forms.facets.kinks)
    most = BLOCK * (SHARES if shared else 1)
    return np.array_split(rows, -(-len(rows) // max(most // max(1, n), 1)))


def deviation(forms: ComplexForms, k: FloatArray, boundary: Boundary, form: str) -> FloatArray:
    """Bound on what a form loses by the rounding of the complex itself, (n_k, m)."""
    stored = deviation_of(forms.cx)
    waves = forms.waves(k)
    if form == "volume":
        return stored.volume(waves, forms.turn, forms.reach)
    bound = stored.facet(waves, boundary, forms.turn, forms.reach)
    return bound if stored.known or boundary == "interior" else bound + _defect(forms, k)


def _choose(
    forms: ComplexForms, k: FloatArray, boundary: Boundary, method: str
) -> tuple[npt.NDArray[np.str_], list[tuple[IntArray, moments.Plan]]]:
    """The form for each wavevector, and plans for those that go by moments."""
    chosen = np.full(len(k), "facet" if method == "auto" else method, dtype="<U7")
    if method == "moments":
        plan = moments.make_plan(forms.facets, k, boundary)
        if plan is None:
            raise UnsupportedError(
                "method: 'moments' is for lattices of wavevectors, d = 2 or 3, of functions that have kinks; "
                "use method='auto'"
            )
        return chosen, [(np.arange(len(k)), plan)]
    if method != "auto":
        return chosen, []
    bound = facet_bound(forms, k, boundary)
    if boundary != "interior":
        poor = np.any(~(bound <= TARGET * forms.norm), axis=1)
        if np.count_nonzero(poor) * len(forms.cx.vertices) * forms.dim > LITTLE:
            poor = np.any(~(bound <= PROMISE * forms.norm), axis=1)
        chosen[~np.any(k, axis=1)] = "volume"
        poor &= chosen == "facet"
        if np.any(poor):
            chosen[poor & np.any(~(bound <= volume_bound(forms)), axis=1)] = "volume"
    fine = np.flatnonzero(chosen == "facet")
    plans = [(fine[rows], plan) for rows, plan in _plans(forms, k[fine], boundary)]
    chosen[fine] = "moments" if plans else _direct_or_nufft(forms, k[fine], boundary)
    for name in np.unique(chosen):
        _log.info("spectrum: %s wavevectors by %s", f"{np.count_nonzero(chosen == name):,}", name)
    return chosen, plans


def _plans(forms: ComplexForms, k: FloatArray, boundary: Boundary) -> list[tuple[IntArray, moments.Plan]]:
    """How to take moments, where that is the fastest way to these wavevectors: rows of k, and a plan for them.

    The facet form's error counts for 1 / |k|^2: those far out are content with larger leaves, the near ones are few.
    """
    if len(k) < nufft.CROSSOVER or forms.direction is not None:
        return []
    direct = nufft.direct_seconds(forms.facets, len(k))
    if direct < WORTH:
        return []
    reach = np.abs(k).max(axis=1)
    near = reach <= NEAR * reach.max()
    plans = _plans_of(forms, k, boundary, np.arange(len(k)))
    if plans and plans[0][1].seconds > DIVIDED and np.any(near):
        divided = _plans_of(forms, k, boundary, np.flatnonzero(near), np.flatnonzero(~near))
        if divided and _seconds(divided) < _seconds(plans):
            plans = divided
    grid = nufft.grid_seconds(forms, k)
    told = f"{_seconds(plans):.2g} ({' and '.join(str(plan) for _, plan in plans)})" if plans else "impossible"
    _log.info(
        "spectrum: %s wavevectors, estimated seconds: facet %.2g, nufft %.2g, moments %s",
        f"{len(k):,}", direct, grid, told,
    )  # fmt: skip
    return plans if _seconds(plans) < (min(direct, grid) if nufft.fits(forms, k) else direct) else []


def _seconds(plans: list[tuple[IntArray, moments.Plan]]) -> float:
    """Estimated time of some plans."""
    return sum(plan.seconds for _, plan in plans)


def _plans_of(
    forms: ComplexForms, k: FloatArray, boundary: Boundary, *parts: IntArray
) -> list[tuple[IntArray, moments.Plan]]:
    """Plans for some parts of the wavevectors, none where one has none."""
    plans = []
    for rows in parts:
        near = float(lengths_of(k[rows]).min())
        size = np.maximum(moments.weight_sums(forms.facets, boundary, near), np.finfo(float).tiny)
        share = 0.3 * GRID_PROMISE * float((forms.norm / size).min()) * near**2
        truncation = min(max(share, moments.LEAST), moments.TRUNCATION)
        plans.append((rows, moments.make_plan(forms.facets, k[rows], boundary, truncation)))
    return [(rows, plan) for rows, plan in plans if plan is not None] if all(plan for _, plan in plans) else []


def _direct_or_nufft(forms: ComplexForms, k: FloatArray, boundary: Boundary) -> npt.NDArray[np.str_]:
    """The facet form at k, by direct sums or the non-uniform FFT."""
    chosen = np.full(len(k), "facet", dtype="<U7")
    if len(k) >= nufft.CROSSOVER:
        fine = np.all(nufft.bound(forms.facets, k, boundary) <= GRID_PROMISE * forms.norm, axis=1)
        if nufft.pays(forms, k[fine]):
            chosen[fine] = "nufft"
    return chosen


def _by_facets(
    forms: ComplexForms, k: FloatArray, boundary: Boundary, executor: Any
) -> tuple[ComplexArray, FloatArray]:
    length = lengths_of(k)[:, None]  # twice, and not its square, which may be out of range
    form = forms.facets
    tasks = ((form, some, boundary) for some in _shares(k, len(form.kinks), executor))
    values: ComplexArray = np.concatenate(list(in_order(executor, FacetForm.numerator, tasks)))
    return values / length / length, _facet_rounding(forms, k, boundary)


def _by_volume(
    forms: ComplexForms, k: FloatArray, boundary: Boundary, executor: Any
) -> tuple[ComplexArray, FloatArray]:
    values, errors = np.empty((len(k), forms.n_outputs), np.complex128), np.empty((len(k), forms.n_outputs))
    at_zero = ~np.any(k, axis=1)
    if np.any(at_zero):
        values[at_zero], errors[at_zero] = forms.integral
    if not np.all(at_zero):
        cells = forms.volume.cells
        tasks = ((cells, some) for some in _shares(k[~at_zero], len(cells), executor))
        values[~at_zero] = np.concatenate(list(in_order(executor, Term.sum, tasks)))
        errors[~at_zero] = volume_bound(forms)
    return values, errors


def _shares(k: FloatArray, simplices: int, executor: Any) -> list[FloatArray]:
    """Wavevectors for one worker after another; how many does not depend on the workers."""
    if executor is None:
        return [k]
    return np.array_split(k, max(1, min(len(k), math.ceil(len(k) * simplices / BLOCK))))


def _by_moments(
    forms: ComplexForms, k: FloatArray, boundary: Boundary, plan: moments.Plan, executor: Any
) -> tuple[ComplexArray, FloatArray]:
    length = lengths_of(k)[:, None]
    values, errors = moments.lattice_sum(forms.facets, plan, boundary, executor)
    if boundary == "cut":
        for axis, sums, off in moments.trace_sums(forms.facets, plan, executor):
            values += 1j * k[:, axis, None] * sums
            errors += np.abs(k[:, axis, None]) * off
    return values / length / length, errors / length / length + _facet_rounding(forms, k, boundary)


def _by_nufft(forms: ComplexForms, k: FloatArray, boundary: Boundary, executor: Any) -> tuple[ComplexArray, FloatArray]:
    if forms.dim > 3 or forms.facets.kinks.simplices.shape[1] > 3:
        raise UnsupportedError("method: 'nufft' is for dimension 1 to 3; use method='auto'")
    length = lengths_of(k)[:, None]
    values = nufft.numerator(forms.facets, k, boundary, executor)
    error = nufft.bound(forms.facets, k, boundary, values) + _facet_rounding(forms, k, boundary)
    return values / length / length, error


def facet_bound(forms: ComplexForms, k: FloatArray, boundary: Boundary) -> FloatArray:
    """Bound on the rounding of the facet form, jumps that rounded pieces leave included, (n_k, m); infinite at 0."""
    bound = _facet_rounding(forms, k, boundary)
    return bound if boundary == "interior" else bound + _defect(forms, k)


def _facet_rounding(forms: ComplexForms, k: FloatArray, boundary: Boundary) -> FloatArray:
    form = forms.facets
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        length = lengths_of(k)[:, None]
        bound = (UNIT_ROUNDOFF * form.size(k, boundary).rounding + form.underflow * (1 + length)) / length / length
    return np.where(np.isnan(bound), np.inf, bound)


def _defect(forms: ComplexForms, k: FloatArray) -> FloatArray:
    """What jumps of the stored pieces across facets add, (n_k, m)."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = forms.facets.defect / lengths_of(k)[:, None]
    return np.where(np.isnan(share), np.inf, share)


def volume_bound(forms: ComplexForms) -> FloatArray:
    """Bound on the rounding of the volume form at every k, (m,)."""
    return UNIT_ROUNDOFF * forms.volume.size.rounding + forms.volume.underflow
