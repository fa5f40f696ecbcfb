"""Positions by Newton steps with more digits, against exact ones: no worse than they say, far better than before."""

import numpy as np
import pytest

import specgeo as sg
from specgeo.enumeration._domain import domain_state
from specgeo.enumeration._layers import flatten
from specgeo.enumeration._layout import Size
from specgeo.enumeration._predicates import settle
from specgeo.enumeration._run import Run
from specgeo.fourier.line import line_coefficients
from specgeo.geometry.exact_points import ExactPoints
from specgeo.geometry.vertex_values import vertex_values


def _run(net, domain):
    state, extent = domain_state(domain, net.input_dim, True, 1 << 10)
    run = Run(flatten(net.weights[:-1], net.biases[:-1], net.activations), state, extent, True)
    for layer in range(1, len(net.hidden_widths) + 1):
        run.layer(layer)
    return run


def _network(widths, activation, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(b, a)) / np.sqrt(a) for a, b in zip(widths[:-1], widths[1:], strict=True)]
    return sg.Network(weights, [0.3 * rng.normal(size=len(w)) for w in weights], activation)


ODD = sg.Activation([-0.3, 0.7], [0.1, -1.3, 2.0], 0.2)


@pytest.mark.parametrize(
    ("widths", "activation", "domain"),
    [
        ((1, 20, 20, 20, 1), "relu", sg.Box([-1], [2])),
        ((1, 9, 9, 1), ODD, sg.Box([-1], [2])),
        ((2, 8, 8, 8, 1), "relu", sg.Box([-1, 0], [1, 3])),
        ((2, 8, 8, 1), "leaky_relu", sg.Polytope([[1, 1], [-1, 2], [0, -3]], [1, 1, 1])),
        ((3, 5, 5, 1), ODD, sg.Box([-1, -1, -1], [1, 1, 1])),
    ],
)
def test_a_refined_position_is_as_good_as_it_says(widths, activation, domain):
    run = _run(_network(widths, activation, 3), domain)
    n, d = int(run.state.sizes[Size.VERTICES]), len(domain.lower if hasattr(domain, "lower") else domain.vertices[0])
    vertices, rng = np.arange(n), np.random.default_rng(0)
    pairs = np.column_stack((vertices, np.zeros_like(vertices)))
    settle(run.state, run.past.history, run.arithmetic, pairs, 0, d)  # in integers, rounded
    exact = run.state.x[:n].copy()
    run.state.x[:n, :d] += 1e-7 * rng.uniform(-1, 1, (n, d))
    run.state.x[:n, d] = 2e-7
    moved = run.refiner.refine(run.state, run.past.history, vertices)
    assert len(moved) > 0.99 * n
    off = np.abs(run.state.x[:n, :d] - exact[:, :d]).max(axis=1)
    assert (off <= run.state.x[:n, d] + exact[:, d]).all()
    assert np.median(run.state.x[moved, d]) < 1e-14
    assert np.median(off[moved]) < 1e-15


def test_without_a_radius_the_residuals_give_one():
    run = _run(_network((2, 8, 8, 1), "relu", 5), sg.Box([-1, -1], [1, 1]))
    n = int(run.state.sizes[Size.VERTICES])
    before = run.state.x[:n].copy()
    run.state.x[:n, 2] = np.inf
    assert len(run.refiner.refine(run.state, run.past.history, np.arange(n))) > 0.99 * n
    off = np.abs(run.state.x[:n, :2] - before[:, :2]).max(axis=1)
    assert (off <= run.state.x[:n, 2] + before[:, 2]).all()


def _flat_crossings(slope):
    """A network on [0, 1] that crosses zero with a small slope in its second layer."""
    first, bias = np.ones((3, 1)), -np.array([0.1, 1 / 3, 0.7])
    second = np.array([[1.0, -1.0 - slope, 0.0], [1.0, -1.0, 0.3]])
    return sg.Network([first, second, [[1.0, 1.0]]], [bias, [-0.7 / 3 + slope / 7, -0.1], [0.0]])


def test_flat_crossings_are_refined_and_counted():
    cx = sg.enumerate_regions(_flat_crossings(1e-7), sg.Box([0], [1]))
    assert cx.certificate.refined_positions + cx.certificate.exact_positions >= 1
    assert (cx.vertex_errors <= 1e-9).all()
    assert cx.reprove()
    points, cells = ExactPoints(cx), cx.faces[-1]
    for cell in range(cx.n_cells):
        for v, (top, bottom) in points.cell_vertices(cell, set(cells[cell].tolist())).items():
            assert abs(cx.vertices[v, 0] - top[0] / bottom) <= cx.vertex_errors[v]


def test_a_slope_too_small_for_floats_goes_to_integers():
    cx = sg.enumerate_regions(_flat_crossings(2.0**-50), sg.Box([0], [1]))
    assert cx.certificate.certified
    assert cx.reprove()


def test_a_network_of_the_usual_size_needs_no_integers():
    rng, weights, biases = np.random.default_rng(0), [], []
    for a, b in zip((1, *[256] * 5), (*[256] * 5, 1), strict=True):
        weights.append(rng.uniform(-1, 1, (b, a)) / np.sqrt(a))
        biases.append(rng.uniform(-1, 1, b) / np.sqrt(a))
    certificate = sg.enumerate_regions(sg.Network(weights, biases), sg.Box([0], [1])).certificate
    assert certificate.refined_positions == 9
    assert certificate.exact == certificate.exact_positions == 0


@pytest.mark.parametrize("activation", ["relu", ODD])
@pytest.mark.parametrize("widths", [(1, 5, 2), (1, 20, 20, 20, 3)])
def test_the_enumeration_leaves_values_at_vertices(widths, activation):
    net = _network(widths, activation, 1)
    cx = sg.enumerate_regions(net, sg.Box([-1], [2]))
    np.testing.assert_allclose(vertex_values(cx), net(cx.vertices), rtol=1e-12, atol=1e-13)
    cx._derived.clear()
    np.testing.assert_allclose(vertex_values(cx), net(cx.vertices), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("extension", ["mirror", "periodic"])
def test_a_series_from_values_at_kinks_is_that_of_the_complex(extension):
    cx = sg.enumerate_regions(_network((1, 20, 20, 20, 2), "relu", 1), sg.Box([-1], [2]))
    modes, order = np.array([0, 1, -2, 3, 50, 1000]), np.argsort(cx.vertices[:, 0])
    found = line_coefficients(cx.vertices[order, 0], vertex_values(cx)[order], -1.0, 2.0, modes, extension)
    wanted = sg.fourier_coefficients(cx, modes[:, None], extension)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-15)
