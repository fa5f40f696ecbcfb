"""The non-uniform FFT path against direct sums: nodes, lattices, bounds, and when it is chosen."""

from __future__ import annotations

import sys
import tracemalloc

import numpy as np
import pytest
from spectral_cases import octahedron_tent, random_mesh, tent_1d

import specgeo as sg
from specgeo.errors import MissingDependencyError, UnsupportedError
from specgeo.fourier import nufft
from specgeo.fourier.forms import FacetForm, Size, Term, forms_of, size_of
from specgeo.fourier.phases import unit_exponentials
from specgeo.fourier.series import fourier_coefficients
from specgeo.fourier.spectra import spectrum
from specgeo.testing import random_network

needs_finufft = pytest.mark.skipif(not nufft.available(), reason="finufft is not installed")


def lattice(d, top, spacing=2 * np.pi):
    axes = [np.arange(-top, top + 1) * spacing] * d
    waves = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, d)
    return waves[np.any(waves != 0, axis=1)]


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("longest", [0.1, 12.0, 90.0])
def test_nodes_integrate_exponentials_to_tolerance(d, longest):
    """Quadrature on each facet against the closed form; weights sum to the measure."""
    cx = random_mesh(d, 6, seed=d, m=2)
    form = forms_of(cx).facets
    wave = np.random.default_rng(1).normal(size=d)
    wave *= longest / np.linalg.norm(wave)
    for term in (form.kinks, form.trace):
        nodes = nufft.quadrature_nodes(term, longest)
        assert np.allclose(np.bincount(nodes.owner, nodes.weights), term.measures, rtol=1e-14)
        if term.values is not None:
            corners = term.points[term.simplices][nodes.owner]
            assert np.allclose(np.einsum("ni,nid->nd", nodes.barycentric, corners), nodes.points)
            density = np.einsum("ni,ni->n", nodes.barycentric, term.values[nodes.owner, :, 0])
        else:
            density = term.weights[nodes.owner, 0]
        value = (nodes.weights * density) @ np.exp(-1j * nodes.points @ wave)
        size = (nodes.weights * np.abs(density)).sum()
        assert abs(value - term.sum(wave[None])[0, 0]) <= 3e-14 * size


def test_fewer_nodes_are_not_enough():
    """The choice of orders is not wasteful: half the tolerance's digits save only some nodes."""
    term = forms_of(random_mesh(2, 50, seed=0)).facets.kinks
    fine = len(nufft.quadrature_nodes(term, 300.0).points)
    coarse = len(nufft.quadrature_nodes(term, 300.0, 1e-7).points)
    assert 0.4 * fine < coarse < fine


def test_lattices_are_recognised():
    waves = lattice(2, 5, 0.3)
    found = nufft.find_lattice(waves)
    assert found is not None
    assert np.allclose(found.modes * found.spacing, waves, rtol=1e-15)
    assert np.abs(found.modes).max() == 5
    assert nufft.find_lattice(waves + 0.01) is None
    assert nufft.find_lattice(np.array([[1.0, 0.0], [1e-7, 0.0]])) is None  # two points on a huge lattice
    one = nufft.find_lattice(np.array([[0.0, 3.0]]))
    assert one is not None and np.array_equal(one.modes, [[0, 1]])


@needs_finufft
@pytest.mark.parametrize(("d", "top"), [(1, 40), (2, 12), (3, 5)])
@pytest.mark.parametrize("shift", [0.0, 0.37])
def test_types_one_and_three_against_direct_sums(d, top, shift):
    cx = random_mesh(d, 10, seed=d, m=2, lower=-0.5)
    waves = lattice(d, top) + shift
    for boundary in ("cut", "interior"):
        values, errors = spectrum(cx, waves, boundary, return_error=True, method="nufft")
        direct, bound = spectrum(cx, waves, boundary, return_error=True, method="facet")
        assert np.all(np.abs(values - direct) <= errors + bound)
        size = forms_of(cx).facets.size(waves, boundary).spread / (waves**2).sum(axis=1)[:, None]
        assert np.max(np.abs(values - direct) / size) < 1e-12
        assert np.all(errors <= 3e-12 * size + bound)


@needs_finufft
@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("charges", ["one", "peak"])
def test_scattered_sums_stay_within_the_bound(d, charges):
    """finufft's type 3 against direct sums: few and many points, small and large phases, peaks among the values."""
    rng = np.random.default_rng(d)
    worst = 0.0
    for reach in 10.0 ** np.linspace(-1, 3.5 / d + 0.3, 12):
        waves = rng.uniform(-1, 1, (40, d)) * reach * 10.0 ** rng.uniform(-2, 0, (40, 1))
        for count in (1, 3, 100, 1000):
            points = np.sort(rng.uniform(-1, 1, (count, d)), axis=0)
            strengths = np.ones((count, 1)) if charges == "one" else np.cos(points @ waves[3])[:, None]
            values = nufft.exponential_sum(points, strengths, waves, None)
            real, imag = unit_exponentials(points, np.ascontiguousarray(waves.T))
            form = FacetForm(
                kinks=Term(points, np.arange(count)[:, None], np.ones(count), strengths, None),
                flux=Term(np.zeros((0, d)), np.zeros((0, 1), int), np.zeros(0), np.zeros((0, 1)), None),
                trace=Term(np.zeros((0, d)), np.zeros((0, 1), int), np.zeros(0), None, np.zeros((0, 1, 1))),
                normals=np.zeros((0, d)),
                kink_size=size_of(strengths, np.zeros((count, 1))),
                flux_size=size_of(np.zeros((0, 1)), np.zeros((0, 1))),
                trace_size=Size(*np.zeros((3, d, 1))),
                defect=np.zeros(1),
            )
            bound = nufft.bound(form, waves, "interior", values) * (waves**2).sum(axis=1)[:, None]
            direct = (real + 1j * imag).T @ strengths
            worst = max(worst, float((np.abs(values - direct) / bound).max()))
    assert worst <= 0.5


@needs_finufft
def test_mirror_coefficients_by_finufft():
    cx = random_mesh(2, 30, seed=3, lower=1.0, upper=4.0)
    modes = np.stack(np.meshgrid(np.arange(20), np.arange(20), indexing="ij"), axis=-1)
    modes = modes.reshape(-1, 2)[1:]
    fast = fourier_coefficients(cx, modes, method="nufft")
    direct, error = fourier_coefficients(cx, modes, method="facet", return_error=True)
    assert np.allclose(fast, direct, rtol=0, atol=1e-13)
    assert np.all(np.abs(fast - direct) <= 100 * error)


@needs_finufft
def test_auto_takes_it_past_the_crossover_only():
    cx = random_mesh(2, 3000, seed=1)
    forms = forms_of(cx)
    many, few = lattice(2, 32), lattice(2, 3)
    assert nufft.pays(forms, many)
    assert not nufft.pays(forms, few)
    values, errors = spectrum(cx, many, return_error=True)
    direct = spectrum(cx, many, method="facet")
    assert not np.array_equal(values, direct)
    far = np.linalg.norm(many, axis=1) > 60
    assert np.all(np.abs(values - direct)[far] <= 1e-12 * forms.norm)
    assert np.all(np.abs(values - direct)[far] <= 2 * errors[far] + 1e-13)
    assert not nufft.pays(forms_of(octahedron_tent(4)), np.ones((2000, 4)))


@needs_finufft
def test_too_large_a_phase_says_so():
    cx = random_mesh(2, 3, seed=1)
    waves = lattice(2, 20) * 1e4
    with pytest.raises(UnsupportedError, match="use method='facet'"):
        spectrum(cx, waves, method="nufft")
    assert not nufft.pays(forms_of(cx), waves)
    assert np.isfinite(spectrum(cx, waves)).all()


def test_without_finufft_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "finufft", None)
    with pytest.raises(MissingDependencyError, match="pip install finufft"):
        spectrum(tent_1d(), [[1.0], [2.5]], method="nufft")


@needs_finufft
def test_nodes_in_parts_give_the_same_sums_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    cx = sg.enumerate_regions(random_network([3, 12, 12, 1], 0), sg.Box([-1.0] * 3, [1.0] * 3))
    form, make = forms_of(cx).facets, nufft.quadrature_nodes
    grid = np.stack(np.meshgrid(*[np.arange(-4, 5) * 2.0] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    scattered = np.random.default_rng(0).normal(size=(200, 3)) * 9
    for k in (grid, scattered):
        k = k[np.any(k != 0, axis=1)]
        whole = nufft.numerator(form, k, "cut")
        with monkeypatch.context() as patch:
            patch.setattr(nufft, "NODES_AT_ONCE", 5000)
            sizes: list[int] = []

            def counted(*arguments, sizes=sizes):
                nodes = make(*arguments)
                sizes.append(len(nodes.weights))
                return nodes

            patch.setattr(nufft, "quadrature_nodes", counted)
            parts = nufft.numerator(form, k, "cut")
        assert len(sizes) > 20 and max(sizes) < 2 * 5000 and sum(sizes) > 40_000
        assert np.abs(parts - whole).max() <= 1e-13 * np.abs(whole).max() + 1e-13
    tracemalloc.start()
    monkeypatch.setattr(nufft, "NODES_AT_ONCE", 5000)
    nufft.numerator(form, grid[1:100], "interior")
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
