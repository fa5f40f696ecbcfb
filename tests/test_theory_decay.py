"""Decay bounds, direction classes, shell laws: equality cases, closed forms, random networks."""

from __future__ import annotations

import json
import warnings
from fractions import Fraction

import numpy as np
import pytest
from theory_cases import KINDS, SHAPES, random_case, random_network, random_wavevectors, tent

import specgeo as sg
from specgeo.theory import decay as dc
from specgeo.theory import directions as dr
from specgeo.theory import variation
from specgeo.theory.support import clamp_to_support, wall_distances
from specgeo.theory.windows import mean_deviation


@pytest.mark.parametrize(("d", "widths"), SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_bound_on_random_networks(d: int, widths: tuple[int, ...], kind: str) -> None:
    _, cx = random_case(d, widths, kind)
    k = np.concatenate((dc.sample_wavevectors(cx, 200), random_wavevectors(d, 100)))
    report = dc.decay_report(cx, k)
    assert len(report.checks) == 6 + 2 * report.compact
    assert all(check.holds for check in report.checks), str(report)
    widest = variation.shadow(cx, k / np.linalg.norm(k, axis=1, keepdims=True)).max()
    assert report.paper_constant <= 2 * widest * (1 + 1e-9)


@pytest.mark.parametrize(("d", "widths"), SHAPES)
def test_clamped_networks(d: int, widths: tuple[int, ...]) -> None:
    net, slope = random_network(d, widths, "he", 3), 3.0
    g = clamp_to_support(net, sg.Box([-1] * d, [1] * d), slope)
    x = np.random.default_rng(0).uniform(-1.5, 1.5, (2000, d))
    h = slope * np.maximum(0, np.minimum((x + 1).min(axis=1), (1 - x).min(axis=1)))
    assert np.abs(g(x)[:, 0] - np.maximum(-h, np.minimum(net(x)[:, 0], h))).max() < 1e-13
    wall = x.copy()
    wall[:, 0] = np.where(x[:, 0] > 0, 1, -1)
    assert np.abs(g(wall)).max() < 1e-14
    cx = sg.enumerate_regions(g, sg.Box([-1] * d, [1] * d))
    report = dc.decay_report(cx, dc.sample_wavevectors(cx, 150))
    assert report.compact
    assert len(report.checks) == 8
    assert all(check.holds for check in report.checks), str(report)
    identity = dr.free_identities(cx)
    assert identity.holds
    assert identity.measured < 1e-13


def test_clamp_several_outputs_and_no_hidden_layer() -> None:
    rng = np.random.default_rng(2)
    net = sg.Network([rng.normal(size=(3, 2))], [rng.normal(size=3)])
    box = sg.Box([-1, 0], [2, 1])
    g = clamp_to_support(net, box, 5.0)
    x = rng.uniform(-2, 3, (500, 2))
    h = 5 * np.maximum(0, np.minimum((x - box.lower).min(axis=1), (box.upper - x).min(axis=1)))[:, None]
    assert np.abs(g(x) - np.clip(net(x), -h, h)).max() < 1e-13
    with pytest.raises(sg.InvalidInputError):
        clamp_to_support(net, box, 0.0)


BENT = sg.Activation([-1.0, 0.3, 2.0], [0.1, -0.7, 0.4, 0.2], 0.3)  # slopes whose differences round
SHIFTED = sg.Activation([0.5], [0.0, 1.0], 0.25)


@pytest.mark.parametrize("activation", ["leaky_relu", "abs", "hard_tanh", "identity", BENT, SHIFTED])
def test_any_activation_is_clamped_on_boxes_and_polytopes_exactly(activation) -> None:
    """Against rational arithmetic: min and max of the network's exact value and of the walls' exact distances."""
    rng = np.random.default_rng(1)
    net = sg.Network([np.round(8 * rng.normal(size=s)) / 8 for s in ((3, 2), (2, 3), (1, 2))],
                     [np.round(8 * rng.normal(size=n)) / 8 for n in (3, 2, 1)], activation)  # fmt: skip
    quad = sg.Polytope.from_vertices([[0, 0], [3, 0], [0, 3], [1, 4]])
    for domain in (sg.Box([-1, 0], [2, 1]), quad):
        g = clamp_to_support(net, domain, 2.0)
        lines, shifts = wall_distances(domain)
        for x in rng.integers(-32, 128, (25, 2)) / 32:
            point = [Fraction(v) for v in x]
            walls = [sum(Fraction(a) * v for a, v in zip(row, point, strict=True)) for row in lines]
            h = 2 * max(Fraction(0), min(w + Fraction(s) for w, s in zip(walls, shifts, strict=True)))
            assert _exact(g, point) == max(-h, min(h, _exact(net, point)))
    norms = np.linalg.norm(wall_distances(quad)[0], axis=1)
    assert np.all((norms >= 0.5) & (norms <= 1))


def _exact(net: sg.Network, x: list[Fraction]) -> Fraction:
    """The value of a network with one output in rational arithmetic."""
    a = x
    for i, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        rows = zip(weight, bias, strict=True)
        z = [sum((Fraction(w) * v for w, v in zip(row, a, strict=True)), Fraction(b)) for row, b in rows]
        if i == len(net.weights) - 1:
            return z[0]
        a = [_bend(net.activations[i], v) for v in z]
    raise AssertionError


def _bend(activation: sg.Activation, z: Fraction) -> Fraction:
    breaks = [Fraction(t) for t in activation.breakpoints]
    slopes = [Fraction(s) for s in activation.slopes]
    value = Fraction(activation.intercept) + slopes[0] * z
    steps = zip(breaks, slopes[:-1], slopes[1:], strict=True)
    return value + sum((high - low) * max(z - t, Fraction(0)) for t, low, high in steps)


def test_tent_attains_the_bound() -> None:
    """f^ = sinc(k w / 2)^2 for the tent of mass 1: |f^| k^2 = J = 4 / w^2 where k w / 2 = pi/2 + pi m."""
    w = 0.5
    _, cx = tent(1, w, 1 / w)
    assert variation.directional_variation(cx, [1.0]) == pytest.approx(4 / w**2, rel=1e-14)
    k = (np.pi + 2 * np.pi * np.arange(20))[:, None] / w
    values = np.abs(sg.spectrum(cx, k)[:, 0])
    assert values == pytest.approx((np.sin(k[:, 0] * w / 2) / (k[:, 0] * w / 2)) ** 2, rel=1e-9)
    assert values / dc.cut_bound(cx, k) == pytest.approx(1.0, rel=1e-9)
    report = dc.decay_report(cx, k)
    by_name = {check.name: check for check in report.checks}
    assert by_name["decay.compact"].details["largest_ratio"] == pytest.approx(1.0, rel=1e-9)


def test_one_dimensional_variation_is_tv_of_the_slope() -> None:
    _, cx = random_case(1, (5, 4, 4))
    order = np.argsort(cx.centroids[:, 0])
    assert variation.total_variation(cx) == pytest.approx(np.abs(np.diff(cx.gradients[order, 0, 0])).sum(), rel=1e-12)
    assert variation.perimeter(cx) == 2.0


def test_tent_in_three_dimensions() -> None:
    """8 outer facets with jump sqrt 3 and area sqrt(3)/2, 12 inner ones with jump -2 and area 1/2."""
    _, cx = tent(3)
    k = variation.kinks(cx)
    bent = np.abs(k.jumps) > 1e-12
    # the zero sets of the first layer cut the outer triangles nowhere; 12 inner right triangles
    outer = bent & (k.jumps > 0)
    assert k.measures[outer].sum() == pytest.approx(8 * np.sqrt(3) / 2, rel=1e-13)
    assert k.jumps[outer] == pytest.approx(np.sqrt(3), rel=1e-13)
    assert k.measures[bent & ~outer].sum() == pytest.approx(12 / 2, rel=1e-13)
    assert k.jumps[bent & ~outer] == pytest.approx(-2.0, rel=1e-13)
    assert k.jumps**2 @ k.measures == pytest.approx(12 * np.sqrt(3) + 24, rel=1e-13)
    porod_s = dr.porod_constant(cx) / (4 * np.pi)  # of S(t) t^6
    assert porod_s * 1 == pytest.approx(2 * (2 * np.pi) ** 2 / (4 * np.pi) * (12 * np.sqrt(3) + 24), rel=1e-13)
    assert porod_s == pytest.approx(281.39, abs=5e-3)
    assert dr.free_identities(cx).measured < 1e-14


def test_vanishing_coefficients_of_the_tent() -> None:
    """Directions orthogonal to an inner edge decay as t^-4, to an outer edge as t^-3."""
    _, cx = tent(3)
    inner = dr.direction_report(cx, [1.0, 0.37, 0.0], samples=400)
    outer = dr.direction_report(cx, [1.0, 1.0, 0.3], samples=400)
    generic = dr.direction_report(cx, [1.0, 0.37, 0.21], samples=400)
    assert (inner.exponent, outer.exponent, generic.exponent) == (4, 3, 4)
    for report in (inner, outer, generic):
        assert all(check.holds for check in report.checks), str(report)
        assert report.measured_rms == pytest.approx(report.predicted_rms[0], rel=0.15)
    # the face (1,1,1) of the octahedron: offsets +-1 with sum c|F| = sqrt 3 sqrt(3)/2 each
    normal = dr.direction_report(cx, [1.0, 1.0, 1.0], samples=2000)
    assert normal.exponent == 2
    assert normal.predicted_rms[0] == pytest.approx(np.sqrt(2) * 1.5, rel=1e-12)
    assert round(normal.predicted_rms[0], 5) == 2.12132
    assert normal.measured_rms == pytest.approx(2.12132, rel=0.05)
    assert normal.fitted_slope == pytest.approx(-2, abs=0.05)


def test_one_hidden_layer_has_no_interior_vertex_terms() -> None:
    """Kinks of a shallow network on a generic direction come only from where lines meet the boundary."""
    net = random_network(2, (6,), "he", 5)
    box = sg.Box([-1, -1], [1, 1])
    cx = sg.enumerate_regions(net, box)
    inside = np.all(np.abs(cx.vertices) < 1 - 1e-9, axis=1)
    assert inside.sum() >= 3
    u = np.array([0.6, 0.8])
    expansion = sg.directional_expansion(cx, u, "interior")
    offsets = np.concatenate([part.offsets[part.coefficients[:, 0] != 0] for part in expansion.classes])
    gaps = np.abs((cx.vertices[inside] @ u)[:, None] - offsets[None, :]).min(axis=1)
    assert gaps.min() > 1e-6
    assert dr.direction_report(cx, u, boundary="interior").exponent == 3
    w = net.weights[0][0]
    on_line = dr.direction_report(cx, w, boundary="interior")
    assert on_line.exponent == 2
    assert on_line.measured_rms == pytest.approx(on_line.predicted_rms[0], rel=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_amplitudes_of_a_clamped_network(seed: int) -> None:
    net = random_network(2, (7, 6), "he", seed)
    cx = sg.enumerate_regions(clamp_to_support(net, sg.Box([0, 0], [1, 1]), 4.0), sg.Box([0, 0], [1, 1]))
    heavy = dr.normal_directions(cx)
    assert heavy.variation.sum() == pytest.approx(variation.total_variation(cx), rel=1e-9)
    for u, exponent in ((heavy.directions[0], 2), (np.array([np.cos(0.7), np.sin(0.7)]), 3)):
        report = dr.direction_report(cx, u, window=(1e4, 1e6))
        assert all(check.holds for check in report.checks), str(report)
        assert report.exponent == exponent
        assert report.measured_rms == pytest.approx(report.predicted_rms[0], rel=0.06)


def test_shell_laws() -> None:
    net = random_network(2, (7, 6), "he", 1)
    box = sg.Box([0, 0], [1, 1])
    cut = sg.enumerate_regions(net, box)
    compact = sg.enumerate_regions(clamp_to_support(net, box, 4.0), box)
    smooth, rough = dr.shell_law(compact, [300.0]), dr.shell_law(cut, [100.0])
    assert (smooth.exponent, rough.exponent) == (4, 2)
    for law in (smooth, rough):
        assert abs(law.measured[0] - law.predicted) < 0.06 * law.predicted, str(law)


def test_shell_law_of_the_tent_in_space() -> None:
    law = dr.shell_law(tent(3)[1], [20.0])
    assert law.predicted / (4 * np.pi) == pytest.approx(281.39, abs=5e-3)
    assert law.measured[0] == pytest.approx(law.predicted, rel=0.25)
    assert law.checks == () and np.isinf(law.allowed).all()


def test_shell_means_of_the_tent_on_a_line_in_closed_form() -> None:
    """E t^4 = 2 |2 - 2 cos t|^2 = 12 - 16 cos t + 4 cos 2t: its mean over [T, 2T], and how far from 12 it may be."""
    _, cx = tent(1)
    start = 7.0
    mean = 12 - 16 * (np.sin(2 * start) - np.sin(start)) / start + 2 * (np.sin(4 * start) - np.sin(2 * start)) / start
    law = dr.shell_law(cx, [start])
    assert law.measured[0] == pytest.approx(mean, rel=1e-13)
    assert law.predicted == pytest.approx(12.0) and law.error[0] < 1e-10
    # pairs at distance 1 have |c_i c_j| = 2 (four of them, ordered), at distance 2 it is 1 (two of them); twice 2 / 7
    assert law.allowed[0] == pytest.approx(2 * (4 * 2 * 2 / start + 2 * 1 / start), rel=1e-13)
    assert law.checks[0].holds and law.checks[0].measured == pytest.approx(abs(mean - 12), rel=1e-12)


def test_shell_law_of_a_constant_has_no_sampling_error() -> None:
    """24 samples were 5.9 of their own standard errors off; the mean is that of 20,000 samples."""
    box = sg.Box([-1, -1], [1, 1])
    cx = sg.enumerate_regions(clamp_to_support(sg.Network([[[0.0, 0.0]]], [[0.5]]), box, 2.0), box)
    start = 25.0
    t = start * (1 + (np.arange(20_000) + 0.5) / 20_000)
    dense = np.mean(sg.radial_spectrum(cx, t).energy[:, 0] * t**4)
    law = dr.shell_law(cx, [start])
    assert law.measured[0] == pytest.approx(dense, rel=1e-6)
    assert law.error[0] < 1e-9 * law.measured[0]


def test_amplitudes_are_compared_with_a_bound() -> None:
    """The tent: t^4 |f^|^2 = |2 - 2 cos t|^2 = 6 - 8 cos t + 2 cos 2t, in closed form over a window."""
    _, cx = tent(1)
    report = dr.direction_report(cx, [1.0], window=(5.0, 12.0))
    check = report.checks[-1]
    assert check.name == "decay.amplitude" and check.holds
    mean = (-8 * (np.sin(12) - np.sin(5)) + np.sin(24) - np.sin(10)) / 7
    assert check.measured == pytest.approx(abs(mean), rel=1e-12)
    assert check.bound == pytest.approx(4 * 2 * 2 / 7 + 2 * 1 / 7, rel=1e-12)
    sampled = dr.direction_report(cx, [1.0], samples=50)
    assert "decay.amplitude" not in {c.name for c in sampled.checks}
    assert 0 < mean_deviation(np.array([0.0, np.pi]), [1.0, 1.0], 1.0) == pytest.approx(4 / np.pi)
    assert mean_deviation(np.zeros(3), [1.0, 1.0, 1.0], 5.0) == 6.0  # equal offsets never average out


def test_reports_are_json_and_plot() -> None:
    _, cx = tent(2)
    report, direction = dc.decay_report(cx), dr.direction_report(cx, [1.0, 0.3], samples=50)
    law, normals = dr.shell_law(cx, [10.0]), dr.normal_directions(cx)
    for result in (report, direction, law, normals):
        assert json.dumps(result.to_dict(), allow_nan=False)
        assert str(result)
    pytest.importorskip("matplotlib")
    for result in (report, direction, law, normals):
        assert result.plot().has_data()


def test_bad_input_is_refused() -> None:
    _, cx = random_case(2, (6,))
    with pytest.raises(sg.InvalidInputError, match="zero wavevector"):
        dc.cut_bound(cx, [[0.0, 0.0]])
    with pytest.raises(sg.InvalidInputError, match="output"):
        variation.total_variation(cx, 1)
    with pytest.raises(sg.InvalidInputError, match="clamp_to_support"):
        dr.free_identities(cx)
    with pytest.raises(sg.InvalidInputError, match="boundary"):
        variation.kinks(cx, 0, "periodic")


@pytest.mark.parametrize("d", [1, 2, 3])
def test_path_norm_bounds_the_variation_on_the_unit_cube(d: int) -> None:
    for kind in KINDS:
        net = random_network(d, (7,), kind, 8)
        cx = sg.enumerate_regions(net, sg.Box([0.0] * d, [1.0] * d))
        factor = 1.0 if d == 1 else np.sqrt(2)
        assert variation.total_variation(cx) <= factor * dc.path_norm(net) * (1 + 1e-12)
    diagonal = sg.Network([[[1.0] * d], [[1.0]]], [[-1.0], [0.0]])  # Ball's extremal section in the plane
    if d == 2:
        cx = sg.enumerate_regions(diagonal, sg.Box([0, 0], [1, 1]))
        assert variation.total_variation(cx) == pytest.approx(np.sqrt(2) * dc.path_norm(diagonal), rel=1e-14)
    with pytest.raises(sg.UnsupportedError):
        dc.path_norm(random_network(d, (3, 3)))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_zero_and_affine_networks(d: int) -> None:
    """No kinks at all: bounds of zero, equalities at zero, and no warnings."""
    box = sg.Box([-1.0] * d, [1.0] * d)
    zero = sg.enumerate_regions(sg.Network([np.eye(d), np.zeros((1, d))], [np.ones(d) * 0.1, [0.0]]), box)
    affine = sg.enumerate_regions(sg.Network([np.ones((1, d)), [[2.0]]], [[d + 1.0], [0.5]]), box)
    for cx in (zero, affine):
        report = dc.decay_report(cx, dc.sample_wavevectors(cx, 60))
        assert all(check.holds for check in report.checks), str(report)
        ray = dr.direction_report(cx, np.ones(d), samples=50)
        assert all(check.holds for check in ray.checks), str(ray)
        assert len(dr.normal_directions(cx).variation) == 0
        assert str(dr.shell_law(cx, [5.0]))
    assert dr.free_identities(zero).holds
    nothing = dr.direction_report(zero, np.ones(d), samples=50)
    assert nothing.codimensions == () and "no exponent" in str(nothing)
    assert (nothing.exponent, nothing.measured_rms, nothing.fitted_slope) == (None, None, None)
    assert sg.directional_expansion(zero, np.ones(d)).decay_exponent is None
    assert json.dumps(nothing.to_dict(), allow_nan=False)


def test_trained_network() -> None:
    """A network fitted to a wave: every bound, and the free identities once it is clamped."""
    neural = pytest.importorskip("sklearn.neural_network")
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (400, 2))
    fitted = neural.MLPRegressor(hidden_layer_sizes=(16, 16), solver="lbfgs", max_iter=150, random_state=0, tol=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged: any trained network will do
        fitted.fit(x, np.sin(4 * x[:, 0]) * np.cos(3 * x[:, 1]))
    net = sg.from_sklearn(fitted)
    box = sg.Box([-1, -1], [1, 1])
    cut = sg.enumerate_regions(net, box)
    compact = sg.enumerate_regions(clamp_to_support(net, box, 20.0), box)
    for cx in (cut, compact):
        report = dc.decay_report(cx, dc.sample_wavevectors(cx, 300))
        assert all(check.holds for check in report.checks), str(report)
    assert dr.free_identities(compact).measured < 1e-12
    law = dr.shell_law(compact, [400.0])
    assert law.measured[0] == pytest.approx(law.predicted, rel=0.1)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_mirror_variation_is_that_of_one_box_of_the_period(d: int) -> None:
    """Against the reflected function on its whole period, enumerated as a network of its own."""
    box = sg.Box([0.0] * d, [1.0] * d)
    net = random_network(d, (4, 3), "he", 5)
    fold = sg.Network([np.eye(d), np.eye(d)], [np.zeros(d)] * 2, "abs")  # |x|: the box and its mirror images
    reflected = sg.Network([*fold.weights[:1], *net.weights], [*fold.biases[:1], *net.biases], ["abs", "relu", "relu"])
    cx = sg.enumerate_regions(net, box)
    around = sg.enumerate_regions(reflected, sg.Box([-1.0] * d, [1.0] * d))
    k = variation.kinks(around)
    walls = variation.kinks(around, 0, "zero")
    rim = around.facets.is_boundary  # the other walls of the period: met once, with twice the slope
    period = np.abs(k.jumps) @ k.measures + np.abs(2 * walls.jumps[rim]) @ walls.measures[rim] / 2
    assert variation.total_variation(cx, boundary="mirror") == pytest.approx(period / 2**d, rel=1e-9)
    u = np.eye(d)
    hessian = np.abs(k.jumps) * k.measures @ k.normals**2
    hessian = hessian + np.abs(walls.jumps[rim]) * walls.measures[rim] @ walls.normals[rim] ** 2
    assert variation.directional_variation(cx, u, boundary="mirror") == pytest.approx(hessian / 2**d, rel=1e-9)


@pytest.mark.parametrize(("d", "total"), [(1, 4.0), (2, 4.0), (3, 4.0)])
def test_mirror_variation_of_a_crease(d: int, total: float) -> None:
    """|x_1 - 1/2| on the unit box: a kink of 2 inside, two walls with jump 2 shared by halves; 2^d boxes a period."""
    net = sg.Network([np.eye(1, d), [[1.0]]], [[-0.5], [0.0]], "abs")
    cx = sg.enumerate_regions(net, sg.Box([0.0] * d, [1.0] * d))
    assert variation.total_variation(cx, boundary="mirror") == total
    assert variation.total_variation(cx, boundary="interior") == 2.0
    n = np.arange(1, 30)[:, None] * np.eye(1, d, dtype=int)
    c = np.abs(sg.fourier_coefficients(cx, n)[:, 0]) * (np.pi * n[:, 0]) ** 2
    assert c.max() == pytest.approx(total, rel=1e-9)  # attained: |c_n| |k|^2 |box| <= the variation of a box


def test_directions_of_any_length() -> None:
    _, cx = random_case(2, (7, 6))
    u = np.random.default_rng(0).normal(size=(20, 2))
    for scale in (1e-310, 1e-200, 7.0, 1e200):
        for name in ("shadow", "crossings", "directional_variation"):
            function = getattr(variation, name)
            assert function(cx, u * scale) == pytest.approx(function(cx, u), rel=1e-9 if scale > 1e-300 else 1e-5)
    for name in ("shadow", "crossings", "directional_variation"):
        with pytest.raises(sg.InvalidInputError, match="directions: .*zero vector"):
            getattr(variation, name)(cx, [[1.0, 0.0], [0.0, 0.0]])
    assert variation.shadow(cx, [3.0, 4.0]) == pytest.approx(2 * (3 + 4) / 5)


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("place", [0.0, 1e3, 1e6])
def test_compact_support_far_from_the_origin(d: int, place: float) -> None:
    near = random_network(d, (5,), "he", 1)
    net = sg.Network(near.weights, [near.biases[0] - near.weights[0].sum(axis=1) * place, near.biases[1]])
    box = sg.Box([place - 1] * d, [place + 1.1] * d)
    cx = sg.enumerate_regions(clamp_to_support(net, box, 3.0), box)
    assert variation.is_compact(cx)
    assert not variation.is_compact(sg.enumerate_regions(net, box))


def test_shell_windows_follow_the_size_of_the_domain() -> None:
    for scale in (1.0, 1e-3, 1e3):
        net = sg.Network([[[1.0]] * 3, [[1.0, -2.0, 1.0]]], [[scale, 0.0, -scale], [0.0]])
        law = dr.shell_law(sg.enumerate_regions(net, sg.Box([-2 * scale], [2 * scale])))
        assert law.windows * scale == pytest.approx([35.0, 70.0])
        assert law.measured == pytest.approx(law.predicted, rel=0.2)


def test_outputs_out_of_range_are_refused() -> None:
    from specgeo.theory import lipschitz, peaks

    net, cx = random_network(1, (4,)), random_case(1, (5, 4, 4))[1]
    for output in (1, -1):
        for call in (
            lambda o: dc.path_norm(net, o), lambda o: lipschitz.lipschitz_constant(cx, o),
            lambda o: peaks.circle_variation(cx, o), lambda o: peaks.peak_report(net, cx, 10, output=o),
            lambda o: dr.direction_report(cx, [1.0], o), lambda o: dr.normal_directions(cx, o),
            lambda o: variation.integral_of_modulus(cx, o), lambda o: peaks.variation_check(cx, [[1.0]], o),
        ):  # fmt: skip
            with pytest.raises(sg.InvalidInputError, match="output"):
                call(output)


def test_normals_with_components_of_equal_size_are_one_direction() -> None:
    """Lines along (1, -1), scaled by thirds and sevenths: their unit normals differ in the last digit and in sign."""
    scales = np.array([1.0, -1 / 3, 1 / 7, -0.1, 0.3, -1 / 49])
    weights = scales[:, None] * np.array([[1.0, -1.0]]) * (1 + 1e-16 * np.arange(12).reshape(6, 2))
    net = sg.Network([weights, np.ones((1, 6))], [scales * np.linspace(-1, 1, 6), [0.0]])
    listed = dr.normal_directions(sg.enumerate_regions(net, sg.Box([-2, -2], [2, 2])))
    assert len(listed.directions) == 1
    assert listed.directions[0] == pytest.approx([0.5**0.5, -(0.5**0.5)])
