"""spectrum: both closed forms against mpmath, in every class of wavevectors."""

from __future__ import annotations

import numpy as np
import pytest
from spectral_cases import (
    complex_from_mesh,
    exact_transform,
    integral_of_modulus,
    octahedron_tent,
    pyramid_2d,
    random_mesh,
    tent_1d,
)

import specgeo as sg
from specgeo.errors import InvalidInputError, SpecgeoError, UnsupportedError
from specgeo.fourier.derivatives import spectrum_gradient
from specgeo.fourier.forms import forms_of
from specgeo.fourier.rays import ray_spectrum
from specgeo.fourier.spectra import evaluate, half_space, spectrum

LENGTHS = (0.0, 1e-3, 1e-9, 0.3, 6.0, 60.0, 1e4, 1e3)


def classes_of_wavevectors(cx, seed):
    """Generic, along a facet's normal, and 1e-10 off it, at every length."""
    rng = np.random.default_rng(seed)
    generic = rng.normal(size=cx.dim)
    normal = cx.facets.normals[np.flatnonzero(cx.facets.cells[:, 1] >= 0)[0]]
    for direction in (generic / np.linalg.norm(generic), normal, normal + 1e-10 * generic):
        for length in LENGTHS[:: 1 if cx.dim < 3 else 2]:
            yield length * direction


@pytest.mark.parametrize(("d", "n", "lower"), [(1, 5, 0.0), (2, 4, -1.0), (3, 3, 0.0)])
def test_every_class_of_wavevectors_against_mpmath(d, n, lower):
    cx = random_mesh(d, n, seed=d, m=2, lower=lower)
    norm = integral_of_modulus(cx)
    waves = np.array(list(classes_of_wavevectors(cx, d)))
    values, errors = spectrum(cx, waves, return_error=True)
    reference = np.array([exact_transform(cx, k, digits=40) for k in waves])
    difference = np.abs(values - reference)
    assert np.all(difference <= 1e-12 * norm)
    assert np.all(difference <= errors)
    assert np.all(errors <= 2e-12 * norm)  # the bound is not absurdly loose
    for method in ("volume", "facet"):
        far = np.linalg.norm(waves, axis=1) > (1e-4 if method == "facet" else -1.0)
        forced, bound = spectrum(cx, waves[far], return_error=True, method=method)
        assert np.all(np.abs(forced - reference[far]) <= bound)


def test_bound_is_within_a_factor_of_the_error_of_the_facet_form():
    cx = random_mesh(2, 200, seed=5)
    rng = np.random.default_rng(0)
    waves = rng.normal(size=(300, 2)) * 0.3
    facet, bound = spectrum(cx, waves, return_error=True, method="facet")
    volume = spectrum(cx, waves, method="volume")
    error = np.abs(facet - volume)
    assert np.all(error <= bound)
    assert np.max(error / bound) > 1e-3


def test_auto_takes_the_volume_form_near_zero_and_facets_far_out():
    cx = random_mesh(2, 30, seed=2)
    waves = np.array([[1e-5, 0.0], [40.0, 3.0]])
    values = spectrum(cx, waves)
    assert values[0] == spectrum(cx, waves[0], method="volume")
    assert values[1] == spectrum(cx, waves[1], method="facet")


def test_tents_in_closed_form():
    k = np.array([0.0, 1e-9, 1e-3, 0.5, 2.0, np.pi, 2 * np.pi, 100.0, 1e4, -3.0])
    sinc = np.sinc(k / (2 * np.pi))
    assert np.allclose(spectrum(tent_1d(), k[:, None])[:, 0], sinc**2, rtol=0, atol=5e-15)
    # (1 - |x|_1)_+ in 3-D at the origin: the volume of a 4-dimensional pyramid, 2^3 / 4!
    assert spectrum(octahedron_tent(), np.zeros(3))[0] == pytest.approx(1 / 3, rel=1e-15)


def test_affine_function_on_a_box_in_closed_form():
    """x_1 on [0, 1]^3: only boundary terms. At (2 pi n, 0, 0) the transform is i / (2 pi n)."""
    kuhn = [[0, 1, 3, 7], [0, 1, 5, 7], [0, 2, 3, 7], [0, 2, 6, 7], [0, 4, 5, 7], [0, 4, 6, 7]]
    points = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)], float)
    cx = complex_from_mesh(points, kuhn, points[:, 0])
    n = np.arange(1, 50)
    waves = np.stack([2 * np.pi * n, 0 * n, 0 * n], axis=1)
    assert np.allclose(spectrum(cx, waves)[:, 0], 1j / (2 * np.pi * n), rtol=0, atol=2e-15)
    assert len(forms_of(cx).facets.kinks) == 0  # facets without a jump are skipped


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_oblique_walls(d):
    """One simplex with an affine function that is not zero on its walls, against its own transform."""
    rng = np.random.default_rng(d)
    points, values = rng.normal(size=(d + 1, d)), rng.normal(size=d + 1)
    cx = complex_from_mesh(points, [np.arange(d + 1)], values)
    waves = np.concatenate([rng.normal(size=(10, d)) * 8, 20 * cx.facets.normals])
    expected = sg.simplex_transform(points, waves, values)
    for method in ("facet", "volume"):
        assert np.allclose(spectrum(cx, waves, method=method)[:, 0], expected, rtol=0, atol=3e-15)


def test_three_identities_agree():
    """Cell form (i) and directional facet form (ii) against the Laplacian form in use (A.9.1)."""
    cx = random_mesh(2, 8, seed=3)
    form = forms_of(cx).facets
    rng = np.random.default_rng(1)
    for k in rng.normal(size=(20, 2)) * 15:
        squared = k @ k
        boundary = sum(1j * k[j] * term.sum(k[None])[0, 0] for j, term in form.axis_terms)
        facets = cx.facets
        transforms = [spectrum_of_segment(cx.vertices[s], k) for s in cx.triangulation(1)[0]]
        total = boundary * squared
        for (first, second), normal, jump, value in zip(
            facets.cells, facets.normals, facets.jumps, transforms, strict=True
        ):
            if second >= 0:
                total -= jump[0] * (k @ normal) ** 2 * value
            else:
                total += (k @ cx.gradients[first, 0]) * (k @ normal) * value
        assert total / squared**2 == pytest.approx(spectrum(cx, k)[0], abs=5e-15)


def spectrum_of_segment(ends, k):
    middle, half = ends.mean(axis=0), k @ (ends[1] - ends[0]) / 2
    return np.linalg.norm(ends[1] - ends[0]) * np.exp(-1j * k @ middle) * np.sinc(half / np.pi)


def test_consistency_sums_of_a_compact_function():
    """sum c_F |F| n n^T = 0 and sum c_F |F| = 0, boundary facets counted with their jump (A.9.1)."""
    facets = pyramid_2d().facets
    cx = pyramid_2d()
    outward = np.einsum("fmd,fd->fm", cx.gradients[facets.cells[:, 0]], facets.normals)
    jumps = np.where(facets.cells[:, 1:] >= 0, facets.jumps, -outward)[:, 0]
    tensor = np.einsum("f,fi,fj->ij", jumps * facets.measures, facets.normals, facets.normals)
    assert np.allclose(tensor, 0, atol=1e-14)


def test_interior_is_minus_the_laplacian_over_k_squared():
    cx = pyramid_2d()
    k = np.array([3.0, -4.0])
    facets = cx.facets
    inside = facets.cells[:, 1] >= 0
    segments = cx.vertices[cx.triangulation(1)[0]][inside]
    expected = -sum(c * spectrum_of_segment(s, k) for c, s in zip(facets.jumps[inside, 0], segments, strict=True)) / 25
    values, errors = spectrum(cx, k, boundary="interior", return_error=True)
    assert values[0] == pytest.approx(expected, abs=1e-15)
    assert 0 < errors[0] < 1e-13
    with pytest.raises(InvalidInputError, match="zero wavevector"):
        spectrum(cx, [[0.0, 0.0], [1.0, 0.0]], boundary="interior")
    with pytest.raises(InvalidInputError, match="'volume' has no interior"):
        spectrum(cx, [1.0, 0.0], boundary="interior", method="volume")


def test_compact_function_has_no_boundary_traces():
    cx = octahedron_tent()
    rng = np.random.default_rng(3)
    waves = rng.normal(size=(40, 3)) * 8
    forms = forms_of(cx)
    with_traces, _ = evaluate(forms, waves, "cut", "facet")
    without, _ = evaluate(forms, waves, "mirror", "facet")
    assert np.allclose(with_traces, without, rtol=0, atol=1e-15)
    assert np.allclose(with_traces[:, 0], spectrum(cx, waves, method="volume")[:, 0], rtol=0, atol=1e-15)


@pytest.mark.parametrize("d", [4, 5])
def test_higher_dimensions(d):
    cx = octahedron_tent(d)
    k = np.random.default_rng(d).normal(size=(3, d)) * 6
    facet, volume = spectrum(cx, k, method="facet"), spectrum(cx, k, method="volume")
    assert np.allclose(facet, volume, rtol=0, atol=1e-15)


def test_shapes_symmetry_and_repetition():
    cx = random_mesh(2, 10, seed=1, m=3)
    grid = np.stack(np.meshgrid([-5.0, 0.0, 5.0], [-2.0, 0.0, 2.0, 4.0], indexing="ij"), axis=-1)
    values, errors = spectrum(cx, grid, return_error=True)
    assert values.shape == errors.shape == (3, 4, 3)
    assert values.dtype == np.complex128
    assert np.array_equal(values[::-1, 0], np.conj(values[:, 2]))  # f^(-k) = conj f^(k), bit for bit
    single = spectrum(cx, grid[2, 3])
    assert single.shape == (3,)
    assert np.allclose(single, values[2, 3], rtol=0, atol=1e-15)
    assert spectrum(cx, np.zeros((0, 2))).shape == (0, 3)
    assert spectrum(cx, np.zeros((4, 0, 2))).shape == (4, 0, 3)
    one = np.array([[1.0, 2.0]])
    assert np.array_equal(spectrum(cx, np.repeat(one, 4, axis=0)), np.repeat(spectrum(cx, one), 4, axis=0))


def test_half_space_keeps_one_of_k_and_minus_k():
    waves = np.array([[0.0, -1.0], [-0.0, 1.0], [2.0, -1.0], [-2.0, 1.0], [0.0, 0.0], [-0.0, -0.0]])
    distinct, place, flipped = half_space(waves)
    assert len(distinct) == 3
    assert np.array_equal(np.where(flipped[:, None], -1, 1) * distinct[place], waves)


def test_bad_input_names_the_argument():
    cx = tent_1d()
    for k, message in (
        ([1.0, 2.0], r"k: shape \(2,\) given, \(\.\.\., 1\) wanted"),
        (3.0, "k: shape"),
        ([[np.nan]], "k: contains NaN"),
        ([[1j]], "k: "),
    ):
        with pytest.raises(InvalidInputError, match=message):
            spectrum(cx, k)
    with pytest.raises(InvalidInputError, match="boundary: 'open' given"):
        spectrum(cx, [[1.0]], boundary="open")
    with pytest.raises(InvalidInputError, match="method: 'fft' given"):
        spectrum(cx, [[1.0]], method="fft")
    with pytest.raises(InvalidInputError, match="cx: a str given"):
        spectrum("net.onnx", [[1.0]])
    with pytest.raises(InvalidInputError, match="k: contains the zero wavevector"):
        spectrum(cx, [[0.0]], method="facet")
    with pytest.raises(UnsupportedError, match="dimension 1 to 3"):
        spectrum(octahedron_tent(4), [[1.0, 0, 0, 0]], method="nufft")
    assert issubclass(UnsupportedError, SpecgeoError)


def test_discontinuous_pieces_show_in_the_error_bound():
    cx = tent_1d()
    shifted = cx.offsets + np.array([[0.0], [1e-6]])
    broken = type(cx)(cx.vertices, cx.faces, (cx.gradients, shifted), domain=cx.domain)
    k = np.array([[5.0]])
    facet, bound = spectrum(broken, k, return_error=True, method="facet")
    error = abs(facet - exact_transform(broken, k[0]))
    assert 1e-9 < error[0, 0] <= bound[0, 0] < 3e-7


@pytest.mark.parametrize("widths", [(1, 6, 5, 2), (2, 7, 6, 1), (3, 4, 3, 1)])
def test_networks_against_mpmath(widths):
    """Enumerated complexes: |k| from 0 to 1e4, along a kink's normal too."""
    rng = np.random.default_rng(sum(widths))
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    net = sg.Network([rng.normal(size=s) for s in shapes], [0.5 * rng.normal(size=s[0]) for s in shapes])
    cx = sg.enumerate_regions(net, sg.Box(np.zeros(widths[0]), np.ones(widths[0])))
    normal = cx.facets.normals[np.argmax(np.abs(cx.facets.jumps).max(axis=1))]
    waves = np.array([0 * normal, 1e-3 * normal, 1.5 * np.roll(normal, 1) + 0.3, 40 * normal, 1e4 * normal])
    values, errors = spectrum(cx, waves, return_error=True)
    if cx.dim == 3:
        values, errors, waves = values[::2], errors[::2], waves[::2]  # mpmath is slow
    reference = np.array([exact_transform(cx, k, digits=30) for k in waves])
    assert np.all(np.abs(values - reference) <= errors)
    assert np.all(np.abs(values - reference) <= 1e-13 * integral_of_modulus(cx))
    grid = np.random.default_rng(0).uniform(0, 1, (200_000, widths[0]))
    mean = net(grid).mean(axis=0)
    assert np.allclose(values[0].real, mean, atol=6 * net(grid).std(axis=0).max() / np.sqrt(len(grid)))


@pytest.mark.parametrize("size", [1e16, 1e200, 1e307])
def test_phases_that_floats_do_not_resolve_are_refused(size):
    cx = random_mesh(2, 3, seed=0)
    wave = [[1.0, 2.0], [size, size]]
    for call in (
        lambda: spectrum(cx, wave),
        lambda: spectrum_gradient(cx, wave),
        lambda: ray_spectrum(cx, [1.0, 1.0], size),
    ):
        with pytest.raises(InvalidInputError, match=r"phase k\.x exceeds 1e15"):
            call()
