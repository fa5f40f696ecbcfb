"""Derivatives of a complex's transform against closed forms and high-order differences."""

from __future__ import annotations

import numpy as np
import pytest
from spectral_cases import octahedron_tent, random_mesh, tent_1d

from specgeo.errors import InvalidInputError
from specgeo.fourier.derivatives import spectrum_gradient, spectrum_pullback
from specgeo.fourier.spectra import spectrum

# central differences of order 8: weights of f(x + i h), i = 1..4
WEIGHTS = np.array([4 / 5, -1 / 5, 4 / 105, -1 / 280])


def difference(function, x, step):
    return (
        sum(w * (function(x + i * step) - function(x - i * step)) for i, w in enumerate(WEIGHTS, 1))
        / np.abs(step).max()
    )


def test_tent_in_closed_form():
    k = np.array([0.0, 1e-7, 1e-2, 1.0, 7.0, 300.0])
    h = k / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        closed = np.where(
            np.abs(h) > 1e-3, (np.sin(h) / h) * (h * np.cos(h) - np.sin(h)) / h**2, -h / 3 * (1 - h**2 * 2 / 5 * 2 / 3)
        )
    assert np.allclose(spectrum_gradient(tent_1d(), k[:, None])[:, 0, 0], closed, rtol=0, atol=3e-13)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("boundary", ["cut", "interior"])
def test_against_differences(d, boundary):
    cx = random_mesh(d, 5, seed=d, m=2)
    rng = np.random.default_rng(d)
    waves = np.concatenate([rng.normal(size=(3, d)) * scale for scale in (2.0, 30.0)])
    if boundary == "interior":
        waves = np.abs(waves) + 6  # differences need room from the singularity at 0
    gradient = spectrum_gradient(cx, waves, boundary)
    assert gradient.shape == (6, 2, d)
    for a in range(d):
        step = 0.02 * np.eye(d)[a]
        expected = difference(lambda k: spectrum(cx, k, boundary), waves, step)
        assert np.allclose(gradient[:, :, a], expected, rtol=0, atol=5e-11)


def test_zero_is_the_first_moment_and_symmetric_functions_have_none():
    assert np.allclose(spectrum_gradient(octahedron_tent(), np.zeros(3)), 0, atol=1e-17)
    cx = random_mesh(2, 6, seed=4)
    near, at = spectrum_gradient(cx, [1e-9, 0.0]), spectrum_gradient(cx, [0.0, 0.0])
    assert np.allclose(near, at, atol=1e-8)
    assert np.all(at.real == 0)


def test_pullback_by_vertices_and_values():
    cx = random_mesh(2, 3, seed=6, m=2)
    waves, cotangent = np.array([[2.0, -1.0], [0.0, 0.0], [9.0, 4.0]]), np.array([1 + 2j, 0.5, -1j])
    pull = spectrum_pullback(cx, waves, cotangent, output=1)
    assert pull.points.shape == cx.vertices.shape
    gradient = spectrum_gradient(cx, waves)[:, 1]
    assert np.allclose(pull.k, (np.conj(cotangent)[:, None] * gradient).real, rtol=0, atol=1e-12)
    # moving everything by a constant: values by 1 add the transform of the domain
    shift = np.real(np.conj(cotangent) @ (1j * waves * -spectrum(cx, waves)[:, 1, None]))
    assert np.allclose(pull.points.sum(axis=0), shift, rtol=0, atol=1e-12)
    with pytest.raises(InvalidInputError, match="output: 2 given"):
        spectrum_pullback(cx, waves, cotangent, output=2)
    with pytest.raises(InvalidInputError, match="zero wavevector"):
        spectrum_gradient(cx, waves, "interior")
    with pytest.raises(InvalidInputError, match="boundary: 'x'"):
        spectrum_gradient(cx, waves, "x")
    assert spectrum_gradient(cx, np.zeros((0, 2))).shape == (0, 2, 2)
