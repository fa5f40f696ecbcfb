"""Integrals over a complex against quadrature and closed forms; domains of other libraries; hints at the door."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from scipy.integrate import quad
from scipy.spatial import ConvexHull

import specgeo as sg

TENT = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])


def icosahedron() -> np.ndarray:
    g = (1 + 5**0.5) / 2
    flat = [(0, s, t * g) for s in (1, -1) for t in (1, -1)]
    return np.array([p[i:] + p[:i] for p in flat for i in range(3)], dtype=float)


@pytest.mark.parametrize("power", [0, 1, 2, 3, 5])
def test_powers_of_the_tent(power):
    cx = sg.enumerate_regions(TENT, sg.Box([-1.5], [1]))
    wanted = 2 / (power + 1) if power else 2.5
    assert cx.integrate(power) == pytest.approx(wanted, rel=1e-15)
    assert cx.mean() == pytest.approx(1 / 2.5, rel=1e-15)


def test_outputs_in_the_plane_against_adaptive_quadrature(random_network):
    net = random_network([2, 5, 2], seed=4)
    cx = sg.enumerate_regions(net, sg.Box(-1, 1, dim=2))

    def inner(x, power, output):
        line = sg.enumerate_regions(net.restrict(sg.AffineSlice.axes([1], [x, 0.0])), sg.Box([-1], [1]))
        return float(line.integrate(power)[output])

    for power, output in ((1, 0), (3, 1)):
        wanted = quad(inner, -1, 1, args=(power, output), epsabs=1e-9, limit=200)[0]
        assert cx.integrate(power)[output] == pytest.approx(wanted, abs=1e-8)
    np.testing.assert_allclose(cx.integrate(1), (cx.volumes[:, None] * np.einsum("cmd,cd->cm", cx.gradients, cx.centroids) + cx.volumes[:, None] * cx.offsets).sum(0), rtol=1e-13)  # fmt: skip # noqa: E501


def test_powers_that_are_none_and_integrals_out_of_range():
    cx = sg.enumerate_regions(TENT, sg.Box([-1], [1]))
    with pytest.raises(sg.InvalidInputError, match="power"):
        cx.integrate(0.5)
    huge = sg.enumerate_regions(TENT.postcompose([[1e200]]), sg.Box([-1], [1]))
    with pytest.raises(sg.DomainError, match="power"):
        huge.integrate(2)


def test_boxes_from_numbers():
    assert sg.Box(-1, 1, dim=3).lower.tolist() == [-1.0] * 3
    assert sg.Box([0, 1], 2, dim=2).upper.tolist() == [2.0, 2.0]
    for arguments, words in (
        ((-1, 1), "dim=2"),
        (([0, 0], [1, 1], 3), "dim"),
        ((-1, 1, -2), "dim"),
        ((-1, 1, 0), "dim|empty"),
    ):
        with pytest.raises(sg.SpecgeoError, match=words):
            sg.Box(*arguments)


def test_domains_of_other_libraries():
    net = sg.Network([[[1.0, 1.0]], [[1.0]]], [[-1.0], [0.0]])
    triangle = [[0, 0], [2, 0], [0, 2]]
    for domain in (shapely.Polygon(triangle), ConvexHull(triangle), sg.Polytope.from_vertices(triangle)):
        cx = sg.enumerate_regions(net, domain)
        assert cx.f_vector == (5, 6, 2) and isinstance(cx.domain, sg.Polytope)
        assert cx.integrate() == pytest.approx(5 / 6, rel=1e-14)
    bent = shapely.Polygon([[0, 0], [4, 0], [1, 1], [0, 4]])
    holed = shapely.Polygon([[0, 0], [4, 0], [4, 4], [0, 4]], [[[1, 1], [2, 1], [2, 2]]])
    for domain, words in (
        (bent, "not convex"),
        (holed, "holes"),
        (shapely.Point(0, 0), "shapely Point"),
        ("box", "str given"),
    ):
        with pytest.raises(sg.DomainError, match=words):
            sg.enumerate_regions(net, domain)


def test_a_hull_that_rounding_splits_says_so_and_points_of_few_digits_keep_it():
    with pytest.warns(UserWarning, match="12 vertices became a polytope of 24") as caught:
        solid = sg.Polytope.from_vertices(icosahedron())
    assert caught[0].filename == __file__
    count = int(str(caught[0].message).split(" of ")[2].split(":")[0])
    affine = sg.Network([[[1.0, 0.0, 0.0]]], [[0.0]])
    assert sg.enumerate_regions(affine, solid).f_vector[0] == count  # what the engine makes of it
    short = sg.Polytope.from_vertices(np.round(2**14 * icosahedron()) / 2**14)
    assert sg.enumerate_regions(affine, short).f_vector == (12, 30, 20, 1)


def test_transposed_weights_get_the_hint():
    weights, biases = [np.ones((3, 5)), np.ones((5, 2))], [np.zeros(5), np.zeros(2)]
    with pytest.raises(sg.InvalidInputError, match=r"scikit-learn and Keras.*np.transpose"):
        sg.Network(weights, biases)
    assert sg.Network([w.T for w in weights], biases).input_dim == 3
    with pytest.raises(sg.InvalidInputError) as other:
        sg.Network([np.ones((3, 5)), np.ones((4, 2))], biases)
    assert "Keras" not in str(other.value)


def test_a_certificate_speaks():
    cx = sg.enumerate_regions(TENT, sg.Box([-1], [1]))
    said = str(cx.certificate)
    assert said.startswith(f"certified: all {cx.certificate.decisions} sign decisions") and "proved" in said
    assert "zero: exactly on a neuron's boundary" in said and math.isfinite(cx.certificate.smallest_margin)
    assert "none of them proved" in str(sg.enumerate_regions(TENT, sg.Box([-1], [1]), exact=False).certificate)
