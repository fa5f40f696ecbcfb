"""Sums on lattices by moments: series, leaves and kernels each by itself, sums against balls and direct sums."""

from __future__ import annotations

import itertools
import logging
import math
import pickle
from concurrent.futures import Executor, Future

import mpmath
import numpy as np
import pytest
from naive.balls import exact_points, mean_exponential
from spectral_cases import octahedron_tent, random_mesh

import specgeo as sg
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier import leaves, moment_rows, moments, nufft, plane_waves, spectra
from specgeo.fourier.forms import forms_of
from specgeo.testing import random_network


def lattice(tops, spacing=1.0, half=False):
    axes = [np.arange(0 if half else -top, top + 1) for top in tops]
    waves = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(tops)) * spacing
    return waves[np.any(waves != 0, axis=1)]


@pytest.mark.parametrize(("radius", "degree"), [(2, 9), (4, 21), (8, 30)])
def test_the_series_stays_within_its_tail(radius, degree):
    a, tail = plane_waves.series(radius, degree), plane_waves.tail(radius, degree)
    worst = 0.0
    with mpmath.workdps(40):
        for t in np.linspace(-radius, radius, 41):
            z = mpmath.mpc(0, float(t))
            value = sum((mpmath.mpf(float(x)) * z**m for m, x in enumerate(a)), mpmath.mpf(0))
            worst = max(worst, float(abs(mpmath.exp(z) - value)))
    assert 0.02 * tail < worst <= tail + 2**-53 * math.exp(radius)
    assert np.all((a > 0) & (a <= [(1 + 1e-15) / math.factorial(m) for m in range(degree + 1)]))


@pytest.mark.parametrize("dim, corners", [(2, 2), (2, 3), (3, 3), (3, 4)])
def test_moments_are_those_of_rational_polynomials(dim, corners):
    """sum_alpha M_alpha n^alpha against h_m of the phases, and compiled code against interpreted."""
    rng, degree, count = np.random.default_rng(dim), 6, 11
    pieces, weights = rng.normal(size=(count, corners * dim)), rng.normal(size=(count, 2))
    size = math.comb(degree + dim, dim)
    starts, places = np.array([0, 0, 9, 11]), np.array([[0, 0], [0, 1], [0, 2]])
    strides = np.stack([3 * np.arange(size), np.zeros(size, int)])
    out = np.zeros((2, 3 * size))
    arguments = degree, pieces, weights, starts, places, np.ones(size), strides
    moment_rows.add_moments(*arguments, out)
    found = out.reshape(2, size, 3)
    layout = moment_rows.layout_of(dim, degree, corners)
    n = rng.normal(size=dim)
    exponents = [
        (a, b, m - a - b) if dim == 3 else (b, m - b)
        for m in range(degree + 1) for a in range(m if dim == 3 else 0, -1, -1) for b in range(m - a, -1, -1)
    ]  # fmt: skip
    assert np.array_equal(layout.degree, [sum(e) for e in exponents])
    powers = np.array([np.prod(n ** np.array(e)) for e in exponents])
    for leaf in range(3):
        for m in range(degree + 1):
            wanted = np.zeros(2)
            for s in range(starts[leaf], starts[leaf + 1]):
                phases = pieces[s].reshape(corners, dim) @ n
                chosen = itertools.combinations_with_replacement(phases, m)
                wanted += weights[s] * sum(math.prod(c) for c in chosen)
            mine = layout.degree == m
            assert np.allclose(found[:, mine, leaf] @ powers[mine], wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dim, corners", [(2, 2), (2, 3), (3, 3), (3, 4)])
def test_interpreted_rows_are_the_compiled_ones(dim, corners, monkeypatch):
    rng, degree = np.random.default_rng(dim), 4
    size = math.comb(degree + dim, dim)
    arguments = (
        degree, rng.normal(size=(9, corners * dim)), rng.normal(size=(9, 2)), np.array([0, 9]), np.zeros((1, 2), int),
        np.ones(size), np.stack([np.arange(size), np.zeros(size, int)]),
    )  # fmt: skip
    compiled, interpreted = np.zeros((2, size)), np.zeros((2, size))
    moment_rows.add_moments(*arguments, compiled)
    monkeypatch.setattr(moment_rows, f"_row{dim}{corners}", moment_rows._interpreted(dim, corners))
    getattr(moment_rows.add_moments, "py_func", moment_rows.add_moments)(*arguments, interpreted)
    assert np.allclose(compiled, interpreted, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("dim", [2, 3])
def test_pieces_fit_and_make_up_their_simplices(dim):
    rng = np.random.default_rng(3)
    corners = rng.uniform(0, 1, (40, dim, dim))
    corners[:10] = 0.5 + 1e-3 * corners[:10]  # small ones
    corners[10] = corners[10, :1]  # a point
    corners[11, 1:] = corners[11, 1]  # a needle
    grid = leaves.grid(np.zeros(dim), np.ones(dim), np.full(dim, 9.0), 2.0, 0.8)
    pieces = leaves.make_pieces(corners.reshape(40, -1), grid)
    assert np.allclose(np.bincount(pieces.owners, pieces.shares), 1.0, rtol=0, atol=0)
    shifted = pieces.corners.reshape(-1, dim, dim)
    sizes = np.abs(shifted).sum(axis=2)
    assert sizes.max() <= 2.0
    assert np.allclose(pieces.growth, np.exp(sizes).mean(axis=1))
    leaf = np.repeat(np.arange(len(pieces.starts) - 1), np.diff(pieces.starts))
    cells = np.stack(np.unravel_index(leaf, grid.counts), axis=1)
    centre = np.stack([grid.centres(j)[cells[:, j]] for j in range(dim)], axis=1)
    back = shifted / 9.0 + centre[:, None]
    means = np.zeros((40, dim))  # the centroid is the mean of those of the pieces
    np.add.at(means, pieces.owners, pieces.shares[:, None] * back.mean(axis=1))
    assert np.allclose(means, corners.mean(axis=1), rtol=0, atol=1e-14)
    assert np.count_nonzero(pieces.owners == 10) == 1 and pieces.depth >= 2
    assert leaves.grid(np.zeros(dim), np.zeros(dim), np.zeros(dim), 2.0, 0.8).counts.tolist() == [1] * dim


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("truncation", [1e-5, 5e-12, 1e-15])
def test_single_simplices_against_balls(dim, truncation):
    """Needles along the diagonal, the worst for the corner mode, and others; the bound holds and is not idle."""
    rng, worst = np.random.default_rng(int(-math.log10(truncation))), 0.0
    waves = lattice([4] * dim)
    for trial in range(6):
        corners = rng.uniform(-1, 1, (dim, dim))
        if trial < 3:
            corners = np.outer(np.linspace(-0.2, 0.2, dim), rng.choice([-1.0, 1.0], dim)) + 1e-3 * corners
        mesh = sg.fourier.forms.make_term(corners, np.arange(dim)[None], np.ones(1), np.ones((1, 1)))
        form = sg.fourier.forms.FacetForm(mesh, mesh, mesh, np.zeros((1, dim)), None, None, None, np.zeros(1))
        plan = moments.make_plan(form, waves, "interior", truncation)
        values, errors = moments.lattice_sum(form, plan, "interior")
        chosen = [0, len(waves) - 1, *rng.integers(len(waves), size=6)]
        for at in chosen:
            phases = [sum(int(n) * x for n, x in zip(waves[at], p, strict=True)) for p in exact_points(corners)]
            error = abs(values[at, 0] - complex(mean_exponential(phases)))
            assert error <= errors[at, 0]
            worst = max(worst, error / truncation)
    assert errors.max() <= truncation + 2e-12
    assert truncation < 1e-8 or worst > 1e-3


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("boundary", ["cut", "interior"])
def test_forced_moments_against_direct_sums(dim, boundary):
    cx = random_mesh(dim, 40, seed=dim, m=2, lower=-0.5)
    waves = lattice([7, 5, 4][:dim], spacing=np.array([1.3, 2.0, 0.9])[:dim])
    values, errors = sg.spectrum(cx, waves, boundary, return_error=True, method="moments")
    direct, bound = sg.spectrum(cx, waves, boundary, return_error=True, method="facet")
    assert np.all(np.abs(values - direct) <= errors + bound)
    share = moments.weight_sums(forms_of(cx).facets, boundary) / (waves**2).sum(axis=1)[:, None]
    assert np.all(errors <= 1e-11 * share + 2 * bound)
    assert np.all(np.abs(values - direct) <= 1e-11 * share)


@pytest.mark.parametrize("dim", [2, 3])
def test_forced_moments_of_series(dim):
    cx = random_mesh(dim, 40, seed=dim, m=2, lower=1.0, upper=4.0)
    modes = lattice([8, 6, 5][:dim], half=True).astype(int)
    for extension in ("mirror", "periodic"):
        found, error = sg.fourier_coefficients(cx, modes, extension, return_error=True, method="moments")
        direct, bound = sg.fourier_coefficients(cx, modes, extension, return_error=True, method="facet")
        assert np.all(np.abs(found - direct) <= error + bound)
        assert np.abs(found - direct).max() <= 1e-11 * np.abs(direct).max()
    even = sg.fourier_coefficients(cx, 2 * modes, method="moments")  # a coarser lattice, and signs
    assert np.allclose(even, sg.fourier_coefficients(cx, -2 * modes, method="facet"), rtol=0, atol=1e-11)


def test_it_is_chosen_where_it_pays_within_the_promise_and_says_so(monkeypatch, caplog):
    cx = sg.enumerate_regions(random_network([3, 16, 16, 1], 0), sg.Box([-1.0] * 3, [1.0] * 3))
    modes = lattice([9] * 3, half=True).astype(int)
    with caplog.at_level(logging.INFO, "specgeo"):
        found, error = sg.fourier_coefficients(cx, modes, return_error=True)
    assert "by moments" in caplog.text and "estimated seconds" in caplog.text and "leaves" in caplog.text
    monkeypatch.setattr(spectra, "WORTH", math.inf)
    other, bound = sg.fourier_coefficients(cx, modes, return_error=True)
    assert not np.array_equal(found, other)
    assert np.all(np.abs(found - other) <= error + bound)
    assert np.all(np.abs(found - other) <= 1e-11 * forms_of(cx, cx.domain).norm / cx.domain.volume)


class Sent(Executor):
    """An executor whose tasks and results are pickled, as those of processes are."""

    def submit(self, function, *arguments):
        function, arguments = pickle.loads(pickle.dumps((function, arguments)))
        future: Future = Future()
        future.set_result(pickle.loads(pickle.dumps(function(*arguments))))
        return future


@pytest.mark.parametrize("method", ["moments", "facet", "volume", "nufft"])
def test_no_executor_changes_a_bit(method, monkeypatch):
    monkeypatch.setattr(spectra, "BLOCK", 1 << 14)
    if method == "nufft":
        pytest.importorskip("finufft")
        monkeypatch.setattr("specgeo.fourier.nufft.NODES_AT_ONCE", 2000)
    cx = random_mesh(2, 60, seed=5)
    waves = lattice([20, 15])
    alone = sg.spectrum(cx, waves, method=method)
    for executor in (1, 2, Sent()):
        assert np.array_equal(sg.spectrum(cx, waves, method=method, executor=executor), alone)
    if method == "moments":
        modes = lattice([6, 6], half=True).astype(int)
        alone = sg.fourier_coefficients(cx, modes, method=method)
        assert np.array_equal(sg.fourier_coefficients(cx, modes, method=method, executor=2), alone)


def test_parts_of_the_simplices_add_up(monkeypatch):
    cx = random_mesh(3, 40, seed=1)
    waves = lattice([4, 4, 4])
    whole, error = sg.spectrum(cx, waves, "interior", method="moments", return_error=True)
    monkeypatch.setattr(moments, "PIECES_BYTES", 1 << 14)
    parts, other = sg.spectrum(cx, waves, "interior", method="moments", return_error=True)
    assert np.all(np.abs(whole - parts) <= error + other) and not np.array_equal(whole, parts)


def test_what_it_is_not_for_is_refused():
    scattered = np.random.default_rng(0).normal(size=(50, 2))
    for cx, k in ((random_mesh(2, 9, seed=0), scattered), (octahedron_tent(4), np.ones((3, 4)))):
        with pytest.raises(UnsupportedError, match="method: 'moments' is for lattices"):
            sg.spectrum(cx, k, method="moments")
    with pytest.raises(InvalidInputError, match="zero wavevector"):
        sg.spectrum(random_mesh(2, 9, seed=0), [[0.0, 0.0]], method="moments")
    with pytest.raises(InvalidInputError, match="executor: 0 given"):
        sg.spectrum(random_mesh(2, 9, seed=0), [[0.0, 1.0]], executor=0)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("method", ["moments", "nufft"])
def test_functions_without_kinks(dim, method):
    """An affine function on a box has walls alone: sums over no kinks are zero."""
    if method == "nufft":
        pytest.importorskip("finufft")
    cx = sg.enumerate_regions(sg.Network([np.ones((2, dim))], [[0.5, -1.0]]), sg.Box(-1, 1, dim=dim))
    waves = lattice([3, 2, 1][:dim])
    values, errors = sg.spectrum(cx, waves, method=method, return_error=True)
    direct, bounds = sg.spectrum(cx, waves, method="volume", return_error=True)
    assert np.all(np.abs(values - direct) <= errors + bounds)
    for extension in ("mirror", "periodic"):
        found = sg.fourier_coefficients(cx, waves.astype(int), extension, method=method)
        assert np.allclose(found, sg.fourier_coefficients(cx, waves.astype(int), extension), rtol=0, atol=1e-12)
    if method == "nufft":
        assert not np.any(sg.spectrum(cx, waves, "interior", method=method))
    else:
        with pytest.raises(UnsupportedError, match="of functions that have kinks; use method='auto'"):
            sg.spectrum(cx, waves, "interior", method=method)


def test_the_integral_is_that_of_the_volume_form():
    for dim in (1, 2, 3):
        cx = random_mesh(dim, 20, seed=dim, m=2)
        forms = forms_of(cx)
        value, error = forms.integral
        exact = (forms.volume.cells.measures[:, None] * forms.volume.cells.values.mean(axis=1)).sum(axis=0)
        assert np.all(np.abs(value - exact) <= error)
        assert np.all(error <= 1e-13 * forms.norm.max() + 1e-13)
        assert np.array_equal(sg.spectrum(cx, np.zeros(dim)), value.astype(complex))


def test_near_and_far_wavevectors_have_leaves_of_their_own(monkeypatch, caplog):
    cx = sg.enumerate_regions(random_network([3, 16, 16, 1], 0), sg.Box([-1.0] * 3, [1.0] * 3))
    modes = lattice([17] * 3, half=True).astype(int)
    whole, bound = sg.fourier_coefficients(cx, modes, return_error=True)
    monkeypatch.setattr(spectra, "DIVIDED", 0.0)
    forms = forms_of(cx, cx.domain)
    waves = np.abs(modes[1:]) * np.pi / 2
    parts = spectra._plans(forms, waves, "mirror")
    assert np.array_equal(np.sort(np.concatenate([rows for rows, _ in parts])), np.arange(len(waves)))
    near, far = parts
    assert np.abs(waves[near[0]]).max() < np.abs(waves[far[0]]).max(axis=1).min()
    assert near[1].truncation < far[1].truncation and np.prod(near[1].leaves.counts) < np.prod(far[1].leaves.counts)
    monkeypatch.setattr(spectra, "_seconds", lambda plans: -len(plans))  # the more the better
    with caplog.at_level(logging.INFO, "specgeo"):
        divided, error = sg.fourier_coefficients(cx, modes, return_error=True)
    assert " and " in caplog.text
    assert not np.array_equal(divided, whole)
    assert np.all(np.abs(divided - whole) <= error + bound)
    assert np.all(np.abs(divided - whole) <= 1e-11 * forms.norm / cx.domain.volume)


@pytest.mark.parametrize("dim", [2, 3])
def test_affine_densities_against_balls(dim):
    """A simplex far larger than its leaves: the mean of a barycentric coordinate is that with its corner twice."""
    rng = np.random.default_rng(dim)
    corners, values = rng.uniform(-1, 1, (dim, dim)), rng.normal(size=(1, dim, 2))
    waves = lattice([5] * dim)
    kinks = sg.fourier.forms.make_term(corners, np.arange(dim)[None], np.ones(1), np.zeros((1, 2)))
    trace = sg.fourier.forms.make_term(corners, np.arange(dim)[None], np.full(1, 0.5), None, values)
    form = sg.fourier.forms.FacetForm(kinks, kinks, trace, np.eye(dim)[:1], None, None, None, np.zeros(2))
    plan = moments.make_plan(form, waves, "interior", 1e-13)
    ((axis, found, errors),) = moments.trace_sums(form, plan)
    assert axis == 0
    for at in rng.integers(len(waves), size=6):
        phases = [sum(int(n) * x for n, x in zip(waves[at], p, strict=True)) for p in exact_points(corners)]
        hats = np.array([complex(mean_exponential([*phases, phase])) for phase in phases]) / dim  # means of b_i e^{-it}
        assert np.all(np.abs(found[at] - hats @ values[0] / 2) <= errors[at])
    assert errors.max() <= 1e-11


@pytest.mark.parametrize("dim", [2, 3])
def test_traces_need_no_finufft(dim, monkeypatch):
    cx = random_mesh(dim, 12, seed=dim)
    waves = lattice([5, 4, 3][:dim], spacing=0.7)

    def missing():
        raise AssertionError("finufft was asked for")

    monkeypatch.setattr(nufft, "_finufft", missing)
    values, errors = sg.spectrum(cx, waves, "cut", return_error=True, method="moments")
    direct, bound = sg.spectrum(cx, waves, "cut", return_error=True, method="facet")
    assert np.all(np.abs(values - direct) <= errors + bound)
