"""Rays: Theorem 1 with its coefficients, against the transform itself and known amplitudes."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from spectral_cases import complex_from_mesh, exact_transform, octahedron_tent, pyramid_2d, random_mesh, tent_1d

import specgeo as sg
from specgeo.errors import InvalidInputError
from specgeo.fourier.rays import directional_expansion, ray_spectrum
from specgeo.fourier.spectra import spectrum


def directions(cx, seed):
    rng = np.random.default_rng(seed)
    facet = np.flatnonzero(cx.facets.cells[:, 1] >= 0)[0]
    yield rng.normal(size=cx.dim)
    yield np.eye(cx.dim)[0]
    yield cx.facets.normals[facet]
    if cx.dim == 3:  # orthogonal to an edge, in no facet's normal direction
        a, b = cx.vertices[cx.triangulation(1)[0][-1]]
        yield np.cross(b - a, [0.3, -0.5, 0.8])


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("boundary", ["cut", "interior"])
def test_expansion_is_exact_for_every_t(d, boundary):
    cx = random_mesh(d, 6, seed=d, m=2)
    t = np.array([-30.0, 0.7, 3.0, 40.0, 500.0, 1e4])
    for u in directions(cx, d):
        expansion = directional_expansion(cx, u, boundary)
        values, errors = ray_spectrum(cx, u, t, boundary, return_error=True)
        assert values.shape == (6, 2)
        assert np.all(np.abs(expansion(t) - values) <= expansion.rounding(t) + errors)
        assert np.all(np.abs(expansion(t[3:]) - values[3:]) <= 4e-15)
        full, bound = spectrum(cx, t[:, None] * (u / np.linalg.norm(u)), boundary, return_error=True)
        assert np.all(np.abs(full - values) <= errors + bound)


@pytest.mark.parametrize("d", [4, 5])
def test_expansion_in_higher_dimensions(d):
    cx = octahedron_tent(d)
    u = np.arange(1.0, d + 1)
    t = np.array([5.0, 20.0])
    expansion = directional_expansion(cx, u)
    assert [part.n for part in expansion.classes] == [d]
    assert np.allclose(expansion(t), ray_spectrum(cx, u, t), rtol=0, atol=1e-12)


def test_classes_tell_the_geometry():
    cx = random_mesh(3, 5, seed=3)
    generic, axis, normal, edge = (directional_expansion(cx, u) for u in directions(cx, 3))
    assert [part.n for part in generic.classes] == [2, 3]  # cut: one power slower than n = 3
    assert [part.n for part in axis.classes] == [0, 1, 2, 3]
    assert 1 in [part.n for part in normal.classes]
    interior = [[part.n for part in directional_expansion(cx, u, "interior").classes] for u in directions(cx, 3)]
    assert interior == [[3], [2, 3], [1, 2, 3], [2, 3]] or interior[0] == [3]
    assert 1 in interior[2] and 2 in interior[3] and 1 not in interior[3]
    assert len(edge.classes) >= 2


def test_rounding_of_offsets_that_are_zero():
    """A plane through the origin, seen along its normal: u.v is no zero in floats. Against mpmath's transform."""
    normal = np.array([2.0, 3.0, 1.0])
    cx = sg.enumerate_regions(sg.Network([[normal], [[1.0]]], [[0.0], [0.0]]), sg.Box([-1] * 3, [1] * 3))
    expansion = directional_expansion(cx, normal)
    for t in (1e2, 1e4, 1e6):
        with mpmath.workdps(50):
            length = mpmath.sqrt(14)
            exact = exact_transform(cx, [t * mpmath.mpf(float(x)) / length for x in normal])
        assert abs(expansion(t) - exact)[0] <= expansion.rounding(t)[0]


def test_facet_normal_amplitude():
    """u parallel to a normal: t^-2 sum c_F |F| e^{-i t u.x_F}, to leading order (A.9.4)."""
    cx = pyramid_2d()
    facets = cx.facets
    inside = np.flatnonzero(facets.cells[:, 1] >= 0)
    chosen = inside[np.argmax(np.abs(facets.jumps[inside, 0]))]
    part = directional_expansion(cx, facets.normals[chosen], "interior")[1]
    parallel = inside[np.abs(facets.normals[inside] @ facets.normals[chosen]) > 1 - 1e-14]
    expected = -sum(facets.jumps[f, 0] * facets.measures[f] for f in parallel)
    assert len(part.offsets) == 1
    assert part.coefficients[0, 0] == pytest.approx(expected, rel=1e-13)
    assert part.mean_square[0] == pytest.approx(expected**2, rel=1e-12)
    assert directional_expansion(cx, facets.normals[chosen], "interior").decay_exponent == 2


def test_generic_vertex_coefficients_in_two_dimensions():
    """An edge from p to q adds -i c (u.n)^2 / (u.tau) to A_q and + to A_p (A.9.4), compact support."""
    cx = pyramid_2d()
    u = np.array([0.6, 0.8]) @ np.array([[np.cos(0.1), np.sin(0.1)], [-np.sin(0.1), np.cos(0.1)]])
    facets, edges = cx.facets, cx.triangulation(1)[0]
    outward = np.einsum("fd,fd->f", cx.gradients[facets.cells[:, 0], 0], facets.normals)
    jumps = np.where(facets.cells[:, 1] >= 0, facets.jumps[:, 0], -outward)
    amplitudes = np.zeros(len(cx.vertices), complex)
    for (p, q), normal, jump in zip(edges, facets.normals, jumps, strict=True):
        tangent = (cx.vertices[q] - cx.vertices[p]) / np.linalg.norm(cx.vertices[q] - cx.vertices[p])
        share = -1j * jump * (u @ normal) ** 2 / (u @ tangent)
        amplitudes[q] += share
        amplitudes[p] -= share
    part = directional_expansion(cx, u)[2]
    order = np.argsort(cx.vertices @ u)
    assert [c.n for c in directional_expansion(cx, u).classes] == [2]
    assert np.allclose(part.offsets, (cx.vertices @ u)[order], rtol=0, atol=1e-14)
    assert np.allclose(part.coefficients[:, 0], amplitudes[order], rtol=1e-10, atol=1e-12)


def test_root_mean_square_amplitudes_are_reached():
    """RMS of t^{n+1} |f^| over a long window against (sum |a|^2)^{1/2}: amplitudes, not slopes."""
    t = np.random.default_rng(0).uniform(2000, 20000, 4000)
    flat = pyramid_2d()
    for cx, u, power in (
        (flat, [0.83, 0.31], 3),
        (octahedron_tent(), [0.9, 0.37, 0.21], 4),
        (octahedron_tent(), [1.0, 1.0, 1.0], 2),
    ):
        expansion = directional_expansion(cx, u)
        assert expansion.decay_exponent == power
        measured = np.sqrt(np.mean((t**power * np.abs(ray_spectrum(cx, u, t)[:, 0])) ** 2))
        assert measured == pytest.approx(np.sqrt(expansion.classes[0].mean_square[0]), rel=0.03)
    # facet normal of the tent: offsets -1/sqrt(3), 0, 1/sqrt(3); the two outer faces lead with c |F| = 3/2
    leading = directional_expansion(octahedron_tent(), [1.0, 1.0, 1.0])[1]
    assert np.sqrt(leading.mean_square[0]) == pytest.approx(np.sqrt(2) * 1.5, rel=1e-12)  # 2.12132 (A.9.4)


def test_vanishing_coefficients():
    """Where hyperplane pieces cross without changing their jump nothing is left (A.9.4)."""
    tent = octahedron_tent()
    # orthogonal to the inner edge 0 - e_3: class 2 vanishes; orthogonal to the outer edge e_1 e_2: it does not
    assert [part.n for part in directional_expansion(tent, [0.8, 0.37, 0.0]).classes] == [3]
    assert [part.n for part in directional_expansion(tent, [0.4, 0.4, 0.77]).classes] == [2, 3]
    rng = np.random.default_rng(2)
    shallow = sg.Network([rng.normal(size=(6, 2)), rng.normal(size=(1, 6))], [0.4 * rng.normal(size=6), [0.0]])
    cx = sg.enumerate_regions(shallow, sg.Box([-1, -1], [1, 1]))
    inside = np.all(np.abs(cx.vertices) < 1 - 1e-9, axis=1)
    assert inside.sum() > 2
    u = np.array([0.28, 0.96])
    part = directional_expansion(cx, u, "interior")[2]
    for offset in cx.vertices[inside] @ u:  # all interior vertices of a net with one hidden layer
        assert np.abs(part.offsets - offset).min() > 1e-12
    deep = sg.Network(
        [rng.normal(size=(6, 2)), rng.normal(size=(6, 6)), rng.normal(size=(1, 6))],
        [*[0.4 * rng.normal(size=6)] * 2, [0.0]],
    )
    cx = sg.enumerate_regions(deep, sg.Box([-1, -1], [1, 1]))
    inside = np.all(np.abs(cx.vertices) < 1 - 1e-9, axis=1)
    part = directional_expansion(cx, u, "interior")[2]
    assert sum(np.abs(part.offsets - offset).min() < 1e-12 for offset in cx.vertices[inside] @ u) > 0


@pytest.mark.parametrize("off", [1e-15, 1e-13, 1e-10, 1e-6])
def test_nearly_degenerate_directions_lose_nothing(off):
    cx = random_mesh(2, 4, seed=2)
    normal = cx.facets.normals[np.flatnonzero(cx.facets.cells[:, 1] >= 0)[0]]
    u = normal + off * np.array([0.3, 0.7])
    u /= np.linalg.norm(u)
    t = np.array([2.0, 30.0, 1e3, 1e6])
    values, errors = ray_spectrum(cx, u, t, return_error=True)
    reference = np.array([exact_transform(cx, x * u, digits=40) for x in t])
    # t u is rounded in the reference: eps |k| |v| of each term
    assert np.all(np.abs(values - reference) <= errors + 1e-16)
    expansion = directional_expansion(cx, u)
    assert np.all(np.abs(expansion(t) - values) <= expansion.rounding(t) + errors)


def test_ray_through_zero_and_shapes():
    cx = tent_1d()
    values = ray_spectrum(cx, [-2.0], np.array([[0.0, 1.0], [2.0, 3.0]]))
    assert values.shape == (2, 2, 1)
    assert values[0, 0, 0] == pytest.approx(1.0, rel=1e-15)
    expansion = directional_expansion(cx, [1.0])
    assert np.allclose(expansion[1].coefficients[:, 0], [-1, 2, -1])
    assert np.allclose(expansion[1].supremum, 4)
    assert expansion(np.zeros((0,))).shape == (0, 1)
    with pytest.raises(KeyError):
        expansion[0]
    for call, message in (
        (lambda: ray_spectrum(cx, [0.0], [1.0]), "direction: is the zero vector"),
        (lambda: ray_spectrum(cx, [1.0, 0.0], [1.0]), "direction: shape"),
        (lambda: ray_spectrum(cx, [1.0], [0.0], "interior"), "zero wavevector"),
        (lambda: expansion(0.0), "t: 0 given"),
        (lambda: directional_expansion(cx, [1.0], "all"), "boundary: 'all' given"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            call()


def test_function_with_no_kink_and_no_boundary_has_an_empty_expansion():
    cx = complex_from_mesh([[0.0], [1.0]], [[0, 1]], [1.0, 1.0])
    assert directional_expansion(cx, [1.0], "interior").classes == ()
    assert np.array_equal(directional_expansion(cx, [1.0], "interior")([1.0, 2.0]), np.zeros((2, 1)))
    assert [part.n for part in directional_expansion(cx, [1.0]).classes] == [0]  # the wall: i (e^{-it} - 1) / t
