"""Shell averages: exact angular quadrature, Porod laws with their constants."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import spherical_jn
from spectral_cases import complex_from_mesh, octahedron_tent, pyramid_2d, random_mesh, tent_1d

from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier.forms import forms_of
from specgeo.fourier.radial import porod_constants, radial_spectrum, sphere_area, sphere_rule
from specgeo.fourier.series import mean_square
from specgeo.fourier.spectra import spectrum


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_rule_integrates_plane_waves(dim):
    """Mean of cos(w.u) over the sphere: cos, J_0, sinc, for |w| up to the bandwidth."""
    closed = {1: np.cos, 2: lambda r: np.real(besselj0(r)), 3: lambda r: spherical_jn(0, r)}[dim]
    rng = np.random.default_rng(dim)
    for bandwidth in (0.0, 3.0, 40.0, 300.0):
        directions, weights, coarse = sphere_rule(dim, bandwidth)
        assert np.allclose(np.linalg.norm(directions, axis=1), 1, rtol=0, atol=1e-15)
        assert weights.sum() == pytest.approx(1, rel=1e-13)
        axis = rng.normal(size=dim)
        wave = bandwidth * axis / np.linalg.norm(axis)
        assert coarse.shape == (4, len(weights))
        assert np.allclose(coarse.sum(axis=1), 1, rtol=1e-13, atol=0)
        assert coarse.min() >= 0
        half = coarse @ np.cos(directions @ (wave / 10)) if dim > 1 else closed(bandwidth / 10)
        assert np.allclose(half, closed(bandwidth / 10), rtol=0, atol=1e-13)
        assert weights @ np.cos(directions @ wave) == pytest.approx(closed(bandwidth), abs=1e-13)


def besselj0(r):
    from scipy.special import j0

    return j0(r)


@pytest.mark.parametrize("d", [1, 2])
def test_against_many_directions(d):
    cx = random_mesh(d, 8, seed=d, m=2)
    t = np.array([[0.0, 0.5], [7.0, 31.0]])
    result = radial_spectrum(cx, t)
    assert result.power.shape == (2, 2, 2)
    angles = np.arange(3000) * (2 * np.pi / 3000)
    units = np.stack([np.cos(angles), np.sin(angles)], axis=1) if d == 2 else np.array([[1.0], [-1.0]])
    moduli = np.abs(spectrum(cx, t[..., None, None] * units))
    power, mean = (moduli**2).mean(axis=2), moduli.mean(axis=2)
    assert np.all(np.abs(result.power - power) <= result.power_error + 1e-15)
    shell = sphere_area(d) * t[..., None] ** (d - 1)
    assert np.allclose(result.energy, shell * power, rtol=1e-12)
    assert np.all(np.abs(result.amplitude - shell * mean) <= result.amplitude_error + 1e-13)


@pytest.mark.parametrize("d", [2, 3])
def test_amplitudes_estimate_covers_their_error(d):
    """zeta against a rule of nine times (27 times) as many directions, where |f^| has kinks."""
    rng = np.random.default_rng(d)
    for seed in range(12 if d == 2 else 6):
        cx = random_mesh(d, int(rng.integers(1, 5)), seed=seed)
        lengths = np.ptp(cx.vertices, axis=0)
        t = np.array([1.0, 10.0, 60.0 if d == 2 else 15.0]) / np.linalg.norm(lengths)
        result = radial_spectrum(cx, t)
        directions, weights, _ = sphere_rule(d, 400.0 if d == 2 else 90.0)
        mean = np.einsum("u,tum->tm", weights, np.abs(spectrum(cx, t[:, None, None] * directions)))
        amplitude = mean * sphere_area(d) * t[:, None] ** (d - 1)
        assert np.all(np.abs(result.amplitude - amplitude) <= result.amplitude_error)


def test_three_dimensions_against_moments():
    """Moments: for small t, S(t) = f0^2 - t^2 / d * (f0 tr M2 - |M1|^2) + O(t^4) with the moments of f."""
    cx = octahedron_tent()
    second = spectrum_curvature(cx)
    t = 1e-2
    result = radial_spectrum(cx, [t])
    f0 = 1 / 3
    assert result.power[0, 0] == pytest.approx(f0**2 - t**2 / 3 * f0 * second, abs=1e-9)


def spectrum_curvature(cx):
    """Trace of the second moments int |x|^2 f for (1 - |x|_1)_+ in 3-D: 3 * 8 * 2! / 6! = 1 / 15."""
    return 3 * 8 * 2 / 720


def test_energy_integrates_to_the_square_norm():
    """int_0^T E dt + Porod tail = (2 pi)^d int f^2."""
    cx = pyramid_2d()
    edges = np.linspace(0, 240, 121)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    t = edges[:-1, None] + np.diff(edges)[:, None] * (nodes + 1) / 2
    energy = radial_spectrum(cx, t).energy[..., 0]
    inside = (np.diff(edges)[:, None] / 2 * weights * energy).sum()
    tail = porod_constants(cx).kinks[0] / (3 * 240**3)
    total = (2 * np.pi) ** 2 * mean_square(forms_of(cx))[0]
    assert inside == pytest.approx(total, rel=1e-5)
    assert inside + tail == pytest.approx(total, rel=3 * tail / total)


def test_porod_constants_in_closed_form():
    """The 3-D tent: sum c^2 |F| = 12 sqrt 3 + 24, and S(t) t^6 -> 281.39 (A.9.7)."""
    tent = porod_constants(octahedron_tent())
    factor = 2 * (2 * np.pi) ** 2
    assert tent.kinks[0] / factor == pytest.approx(12 * np.sqrt(3) + 24, rel=1e-14)
    assert tent.kinks[0] / tent.sphere == pytest.approx(281.39, abs=0.01)
    assert tent.walls[0] == pytest.approx(0, abs=1e-25)
    assert porod_constants(octahedron_tent(), "interior").kinks[0] == pytest.approx(factor * 24, rel=1e-14)
    assert porod_constants(tent_1d()).kinks[0] == pytest.approx(2 * (1 + 4 + 1), rel=1e-15)
    square = complex_from_mesh([[0, 0], [1, 0], [0, 1], [1, 1]], [[0, 1, 2], [1, 2, 3]], [0, 1, 0, 1])
    walls = porod_constants(square).walls[0]  # f = x: 1 + 1/3 + 1/3 around the square
    assert walls == pytest.approx(2 * 2 * np.pi * 5 / 3, rel=1e-14)


@pytest.mark.parametrize(("cx", "lower", "share"), [(tent_1d(), 200.0, 0.02), (pyramid_2d(), 150.0, 0.05)])
def test_porod_law_windowed_mean(cx, lower, share):
    """Mean of E(t) t^4 over [T, 2 T] against 2 (2 pi)^{d-1} sum c^2 |F|."""
    t = np.random.default_rng(1).uniform(lower, 2 * lower, 500)
    result = radial_spectrum(cx, t)
    measured = (result.energy[:, 0] * t**4).mean()
    assert measured == pytest.approx(porod_constants(cx).kinks[0], rel=share)


def test_porod_law_of_the_three_dimensional_tent():
    t = np.random.default_rng(2).uniform(30.0, 60.0, 8)
    result = radial_spectrum(octahedron_tent(), t)
    # 281 with the scatter of few shells: parallel faces interfere
    assert (result.power[:, 0] * t**6).mean() == pytest.approx(281.39, rel=0.25)


def test_boundary_law():
    """A function cut where it is not zero: E(t) t^2 -> 2 (2 pi)^{d-1} int over the boundary of f^2."""
    cx = random_mesh(2, 3, seed=4)
    t = np.random.default_rng(3).uniform(400.0, 800.0, 300)
    measured = (radial_spectrum(cx, t).energy[:, 0] * t**2).mean()
    assert measured == pytest.approx(porod_constants(cx).walls[0], rel=0.1)


def test_bad_input_and_shapes():
    cx = tent_1d()
    with pytest.raises(InvalidInputError, match="t: negative"):
        radial_spectrum(cx, [-1.0])
    with pytest.raises(InvalidInputError, match="t: a shell takes .* directions"):
        radial_spectrum(pyramid_2d(), 1e12)
    with pytest.raises(InvalidInputError, match="zero wavevector"):
        radial_spectrum(cx, [0.0, 1.0], "interior")
    with pytest.raises(InvalidInputError, match="boundary: 'x' given"):
        radial_spectrum(cx, [1.0], "x")
    with pytest.raises(UnsupportedError, match="dimension 1 to 3"):
        radial_spectrum(octahedron_tent(4), [1.0])
    assert radial_spectrum(cx, np.zeros((0,))).power.shape == (0, 1)
    assert radial_spectrum(cx, 2.0).power.shape == (1,)
