"""Fourier series on a box: closed forms, quadrature, partial sums, Parseval."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import Delaunay
from spectral_cases import octahedron_tent, random_mesh, tent_1d

import specgeo as sg
from specgeo.errors import DomainError, InvalidInputError
from specgeo.fourier.forms import forms_of
from specgeo.fourier.series import (
    fourier_coefficients,
    mean_square,
    mode_wavevectors,
    partial_sum,
    tail_energy,
)
from specgeo.fourier.spectra import spectrum
from specgeo.testing import random_network


def vertex_values(cx):
    """Values at the vertices, from any cell around each."""
    simplices, owner = cx.triangulation(cx.dim)
    values = np.zeros((len(cx.vertices), cx.gradients.shape[1]))
    corners = cx.vertices[simplices]
    values[simplices] = np.einsum("smd,sid->sim", cx.gradients[owner], corners) + cx.offsets[owner][:, None]
    return values


def test_mirror_closed_form_in_one_dimension():
    """a_n = 2 c_n = -(2 / (pi n)^2) [f'(0) + sum c_j cos(pi n x_j) - (-1)^n f'(1)] (A.9.5)."""
    cx = random_mesh(1, 6, seed=1)
    x, g = cx.vertices[1:-1, 0], cx.gradients[:, 0, 0]
    n = np.arange(1, 1002)
    kinks = np.cos(np.pi * n[:, None] * x) @ np.diff(g)
    closed = -(g[0] + kinks - (-1.0) ** n * g[-1]) / (np.pi * n) ** 2
    values, errors = fourier_coefficients(cx, n[:, None], return_error=True)
    assert values.dtype == np.float64
    assert np.all(np.abs(values[:, 0] - closed) <= errors[:, 0] + 1e-13 / n**2)


def test_periodic_closed_form_in_one_dimension():
    """c_n = i (f(1) - f(0)) / (2 pi n) - (2 pi n)^-2 [sum c_j e^{-2 pi i n x_j} + f'(0) - f'(1)] (A.9.5)."""
    cx = random_mesh(1, 6, seed=2)
    x, g = cx.vertices[1:-1, 0], cx.gradients[:, 0, 0]
    f0, f1 = cx.offsets[0, 0], g[-1] + cx.offsets[-1, 0]
    n = np.arange(1, 300)
    wave = 2 * np.pi * n
    kinks = np.exp(-1j * wave[:, None] * x) @ np.diff(g) + g[0] - g[-1]
    values = fourier_coefficients(cx, n[:, None], "periodic")[:, 0]
    assert np.allclose(values, 1j * (f1 - f0) / wave - kinks / wave**2, rtol=0, atol=1e-14)


@pytest.mark.parametrize("extension", ["mirror", "periodic"])
def test_coefficients_against_quadrature_on_a_shifted_box(extension):
    cx = random_mesh(1, 4, seed=3, lower=-2.0, upper=0.5)
    x, side = cx.vertices[:, 0], 2.5

    def integral(n, wave):
        phase = np.pi * n / side if extension == "mirror" else 2 * np.pi * n / side
        pieces = zip(x[:-1], x[1:], cx.gradients[:, 0, 0], cx.offsets[:, 0], strict=True)
        return sum(
            quad(lambda s, g=g, b=b: (g * s + b) * wave(phase * (s + 2)), lo, hi, epsabs=1e-14)[0]
            for lo, hi, g, b in pieces
        )

    for n in (0, 1, 2, 5, 17):
        value = fourier_coefficients(cx, [n], extension)[0]
        assert value.real == pytest.approx(integral(n, np.cos) / side, abs=1e-13)
        if extension == "periodic":
            assert value.imag == pytest.approx(-integral(n, np.sin) / side, abs=1e-13)


@pytest.mark.parametrize("d", [2, 3])
def test_mirror_is_the_mean_over_reflections(d):
    """Against the volume form of every reflection, on a box off the origin; even in every mode."""
    cx = random_mesh(d, 5, seed=d, m=2, lower=-1.0, upper=2.0)
    modes = np.random.default_rng(d).integers(-4, 5, (12, d))
    values = fourier_coefficients(cx, modes)
    waves = mode_wavevectors(modes, cx.domain)
    signs = np.array(np.meshgrid(*[[1, -1]] * d)).reshape(d, -1).T
    reflected = waves[:, None] * signs
    transforms = spectrum(cx, reflected, method="volume") * np.exp(1j * reflected @ cx.domain.lower)[..., None]
    means = transforms.mean(axis=1) / cx.domain.volume
    assert np.allclose(means.imag, 0, atol=1e-14)
    assert np.allclose(values, means.real, rtol=0, atol=1e-13)
    assert np.array_equal(values, fourier_coefficients(cx, -modes))


@pytest.mark.parametrize("extension", ["mirror", "periodic"])
def test_high_modes_keep_their_digits(extension):
    """relu(x - 1/2) on [0.1, 0.9]: integrated by parts, the walls' phases being multiples of pi, in 60 digits."""
    cx = sg.enumerate_regions(sg.Network([[[1.0]], [[1.0]]], [[-0.5], [0.0]]), sg.Box([0.1], [0.9]))
    modes = np.array([1, 3, 667, 10_001, 123_457, 1_000_001, 10**12 + 1])
    values, errors = fourier_coefficients(cx, modes[:, None], extension, return_error=True)
    with mpmath.workdps(60):
        lower, upper, kink = (mpmath.mpf(x) for x in (0.1, 0.9, 0.5))
        for n, value, error in zip(modes.tolist(), values[:, 0], errors[:, 0], strict=True):
            k = (1 if extension == "mirror" else 2) * mpmath.pi * n / (upper - lower)
            end, bend = (mpmath.exp(-1j * k * (x - lower)) for x in (upper, kink))
            exact = ((end - bend) / k**2 + 1j * (upper - kink) * end / k) / (upper - lower)
            exact = exact.real if extension == "mirror" else exact
            assert abs(value - exact) <= error
            assert abs(value - exact) <= 1e-14 * abs(exact)


def test_decay_bound_on_the_mirror_torus():
    """|c_n| <= (sum |c_F| (k.n_F)^2 |F| / |k|^2 over the extended complex) / (2^d |k|^2) (A.9.5)."""
    cx = random_mesh(2, 20, seed=6)
    n = np.stack(np.meshgrid(np.arange(9), np.arange(9), indexing="ij"), axis=-1).reshape(-1, 2)[1:]
    facets = cx.facets
    slopes = np.einsum("fd,fd->f", cx.gradients[facets.cells[:, 0], 0], facets.normals)
    jumps = np.where(facets.cells[:, 1] >= 0, np.abs(facets.jumps[:, 0]), np.abs(slopes))
    k = np.pi * n
    length = np.linalg.norm(k, axis=1)
    bounds = []
    for wave in k / length[:, None]:
        mirrored = [wave * [1, 1], wave * [1, -1]]
        bounds.append(np.mean([jumps * facets.measures @ (facets.normals @ w) ** 2 for w in mirrored]))
    values = np.abs(fourier_coefficients(cx, n)[:, 0])
    assert np.all(values <= np.array(bounds) / length**2 * (1 + 1e-12))


def test_partial_sums_converge_to_the_function():
    cx = random_mesh(2, 4, seed=4, lower=-1.0, upper=2.0)
    box = cx.domain
    x = np.random.default_rng(0).uniform(box.lower, box.upper, (50, 2))
    truth = LinearNDInterpolator(Delaunay(cx.vertices), vertex_values(cx))(x)
    errors = []
    for top in (4, 16, 64):
        modes = np.stack(np.meshgrid(np.arange(top), np.arange(top), indexing="ij"), axis=-1).reshape(-1, 2)
        errors.append(np.abs(partial_sum(fourier_coefficients(cx, modes), modes, x, box) - truth).max())
    assert errors[2] < 0.5 * errors[1] < 0.25 * errors[0]
    assert errors[2] < 0.1


def test_partial_sum_periodic_counts_each_pair_once():
    box = sg.Box([0], [2])
    value = partial_sum([[1.0], [0.5j]], [[0], [1]], [[0.5]], box, "periodic")
    assert value[0, 0] == pytest.approx(1 + 2 * (0.5j * np.exp(0.5j * np.pi)).real)
    with pytest.raises(InvalidInputError, match="both occur"):
        partial_sum([[1.0], [1.0]], [[1], [-1]], [[0.5]], box)
    with pytest.raises(InvalidInputError, match="coefficients: shape"):
        partial_sum([1.0], [[1]], [[0.5]], box)


@pytest.mark.parametrize("extension", ["mirror", "periodic"])
def test_tail_energy_is_the_error_of_the_partial_sum(extension):
    """Parseval against the squared error of the partial sum by quadrature."""
    cx = random_mesh(1, 5, seed=8, m=2)
    modes = np.arange(12)[:, None]
    energy = tail_energy(cx, modes, extension)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    error = np.zeros(2)
    for lo, hi, g, b in zip(cx.vertices[:-1, 0], cx.vertices[1:, 0], cx.gradients[:, :, 0], cx.offsets, strict=True):
        s = lo + (hi - lo) * (nodes + 1) / 2
        partial = partial_sum(fourier_coefficients(cx, modes, extension), modes, s[:, None], cx.domain, extension)
        error += (hi - lo) / 2 * weights @ (s[:, None] * g + b - partial) ** 2
    assert np.allclose(energy.tail, error, rtol=1e-12, atol=0)
    assert np.all(energy.error < 1e-12)
    assert np.allclose(energy.total, energy.captured + energy.tail)
    # the set is closed under reflections: repeating it changes nothing
    again = tail_energy(cx, np.concatenate([modes, -modes]), extension)
    assert np.array_equal(again.captured, energy.captured)


def test_mean_square_in_closed_form():
    assert mean_square(forms_of(tent_1d()))[0] == pytest.approx(2 / 3, rel=1e-15)
    assert mean_square(forms_of(octahedron_tent()))[0] == pytest.approx(2 / 15, rel=1e-15)  # 8 B(3, 3) / 2!


def test_bad_modes_and_domains():
    cx = tent_1d()
    with pytest.raises(InvalidInputError, match="modes: whole numbers"):
        fourier_coefficients(cx, [[0.5]])
    with pytest.raises(InvalidInputError, match="modes: whole numbers up to"):
        fourier_coefficients(cx, [[1e14]])
    with pytest.raises(InvalidInputError, match="modes: shape"):
        fourier_coefficients(cx, [[1, 2]])
    with pytest.raises(InvalidInputError, match="extension: 'odd' given"):
        fourier_coefficients(cx, [[1]], extension="odd")
    with pytest.raises(DomainError, match="not a Box"):
        fourier_coefficients(octahedron_tent(), [[0, 0, 1]])
    assert fourier_coefficients(cx, np.zeros((0, 1))).shape == (0, 1)


@pytest.mark.parametrize("width", [40, 256])  # of the wider one the units times the values kept are 25 million
@pytest.mark.parametrize("extension", ["mirror", "periodic"])
def test_series_on_a_line_from_values_of_the_enumeration(extension, width):
    """Without the pieces, and within the bound of the facet form; far modes keep their phases."""
    cx = sg.enumerate_regions(random_network([1, width, width, 2], 4), sg.Box([-1.0], [2.5]))
    modes = np.array([[0], [1], [-7], [100], [10**6], [10**9 + 7]])
    quick = fourier_coefficients(cx, modes, extension)
    assert cx.__dict__.get("_affine") is None  # no piece was multiplied out
    again, error = fourier_coefficients(cx, modes, extension, return_error=True)
    other, bound = fourier_coefficients(cx, modes[1:], extension, return_error=True, method="facet")
    assert np.array_equal(again, quick) and np.iscomplexobj(quick) == (extension == "periodic")
    assert np.all(np.abs(quick - fourier_coefficients(cx, modes, extension, method="volume")) <= 1e-14)
    assert np.all(np.abs(quick[1:] - other) <= error[1:]) and np.all(error[1:] <= 2 * bound + 1e-15)
