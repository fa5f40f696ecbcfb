"""Certified same-class paths and decision regions (theory A.9.9)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import specgeo as sg
from specgeo.paths import certify_path, classify, decision_regions, find_path


def random_net(widths: list[int], seed: int, bias: float = 0.3) -> sg.Network:
    return sg.testing.random_network(widths, seed, bias=bias)


def zigzag_net(periods: int, dim: int, radius: float) -> sg.Network:
    """radius - sum_i dist(x_i, Z + 1/2), one hidden layer: a lattice of cross-polytopes on [0, periods]^d."""
    kinks = np.arange(2 * periods) / 2.0
    first = np.kron(np.eye(dim), np.ones((len(kinks), 1)))
    coefficient = np.where(np.arange(len(kinks)) == 0, -1.0, np.where(np.arange(len(kinks)) % 2 == 1, 2.0, -2.0))
    return sg.Network([first, -np.tile(coefficient, dim)[None]], [-np.tile(kinks, dim), [radius - dim / 2]])


def exact_margin(net: sg.Network, point: list[Fraction], label: int) -> Fraction:
    a = point
    for layer, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        a = [
            sum((Fraction(float(w)) * v for w, v in zip(row, a, strict=True)), Fraction(float(b)))
            for row, b in zip(weight, bias, strict=True)
        ]
        if layer < len(net.weights) - 1:
            a = [max(v, Fraction(0)) for v in a]
    return min(a[label] - v for j, v in enumerate(a) if j != label)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([[2, 6, 6, 3], [6, 8, 5, 4], [3, 5, 2]]))
def test_certificates_are_proofs_in_both_directions(seed: int, widths: list[int]) -> None:
    net = random_net(widths, seed)
    rng = np.random.default_rng(seed + 1)
    p, q = rng.normal(size=(2, widths[0]))
    label = int(classify(net, p))
    result = certify_path(net, [p, q])
    assert result.label == label
    fractions = [Fraction(float(v)) for v in rng.random(12)] + [Fraction(float(result.parameter))]
    exact = [
        exact_margin(
            net,
            [Fraction(float(a)) * (1 - t) + Fraction(float(b)) * t for a, b in zip(p, q, strict=True)],
            label,
        )
        for t in fractions
    ]
    assert min(exact) >= Fraction(result.margin) - Fraction(result.error_bound)
    assert abs(exact[-1] - Fraction(result.margin)) <= Fraction(result.error_bound)
    if result.status == "certified":
        assert min(exact) > 0
    elif result.status == "refuted":
        assert exact[-1] < 0
    assert result.holds == (result.status == "certified")


def test_a_gap_between_samples_is_found() -> None:
    # f dips below zero only on an interval of length 2e-9 around 1/3: no grid of samples would see it.
    scale = 1e9
    net = sg.Network(
        [[[scale], [scale], [scale]], [[-1.0, 2.0, -1.0]]], [[-scale / 3 + 1, -scale / 3, -scale / 3 - 1], [0.5]]
    )
    grid = np.linspace(0, 1, 100001)[:, None]
    assert net(grid).min() > 0
    assert certify_path(net, [[0.0], [1.0]]).status == "refuted"
    assert certify_path(net, [[0.0], [0.333]]).status == "certified"


def test_touching_a_tie_is_never_certified() -> None:
    touch = sg.Network([[[1.0, 0.0], [-1.0, 0.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])  # |x|
    assert certify_path(touch, [[1.0, 0.0], [-1.0, 0.0]]).status == "undecided"
    assert certify_path(touch, [[1.0, 0.0], [1e-9, 0.0]]).status == "certified"
    duplicate = sg.Network([[[1.0], [1.0]]], [[0.0, 0.0]])  # two equal outputs
    assert certify_path(duplicate, [[1.0], [2.0]]).status == "undecided"


def test_polylines_and_labels() -> None:
    net = random_net([2, 10, 10, 2], 3)
    path = [[0.0, 0.0], [0.5, 0.1], [-0.2, 0.7]]
    whole = certify_path(net, path, 0)
    parts = [certify_path(net, path[i : i + 2], 0) for i in range(2)]
    assert whole.margin == min(part.margin for part in parts)
    assert whole.profile[0][-1] == pytest.approx(np.hypot(0.5, 0.1) + np.hypot(0.7, 0.6))
    assert certify_path(net, sg.Polyline(path), 0).margin == whole.margin
    assert certify_path(net, path, 1).margin <= -whole.profile[1].max()
    with pytest.raises(sg.InvalidInputError, match="label"):
        certify_path(net, path, 2)
    with pytest.raises(sg.InvalidInputError, match="vertices"):
        certify_path(net, [[0.0, 0.0]])


def test_paths_are_found_in_high_dimension_and_certified() -> None:
    net = random_net([60, 64, 64, 64, 6], 1)
    x = np.random.default_rng(1).normal(size=(60, 60))
    y = classify(net, x)
    bent = 0
    for label in range(6):
        mine = np.flatnonzero(y == label)[:9]
        for a, b in zip(mine[:-1], mine[1:], strict=True):
            result = find_path(net, x[a], x[b])
            assert result.connected and certify_path(net, result.vertices, label).holds
            assert np.array_equal(result.vertices[0], x[a]) and np.array_equal(result.vertices[-1], x[b])
            assert 0.0 <= result.excess < 0.2
            bent += result.bends > 0
    assert bent >= 3


def test_no_path_between_islands_is_ever_claimed() -> None:
    net = zigzag_net(2, 2, 0.25)
    result = find_path(net, [0.5, 0.5], [1.5, 0.5], max_bends=20)
    assert result.status == "not found" and not result.connected and not result.certificate.holds
    with pytest.raises(sg.InvalidInputError, match="class"):
        find_path(net, [0.5, 0.5], [0.0, 0.0])
    with pytest.raises(sg.InvalidInputError, match="lower"):
        find_path(net, [0.5, 0.5], [0.5, 0.6], upper=0.5)


def test_a_path_keeps_to_its_box() -> None:
    bump = sg.Network([[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[1.0] * 4]], [[0.0] * 4, [-0.5]])
    result = find_path(bump, [1.0, 0.1], [-1.0, 0.1], lower=[-1, -2], upper=[1, 2])
    assert result.connected and result.bends >= 1
    assert np.all(np.abs(result.vertices) <= [1, 2])


@pytest.mark.parametrize(("periods", "dim"), [(1, 1), (4, 1), (1, 2), (3, 2), (2, 3)])
def test_lattices_of_cross_polytopes(periods: int, dim: int) -> None:
    radius = 0.25
    regions = decision_regions(zigzag_net(periods, dim, radius), sg.Box([0.0] * dim, [float(periods)] * dim))
    inside = regions.components_of(1)
    size = {1: 2 * radius, 2: 2 * radius**2, 3: 4 / 3 * radius**3}[dim]
    surface = {1: 2.0, 2: 4 * np.sqrt(2) * radius, 3: 4 * np.sqrt(3) * radius**2}[dim]
    assert len(inside) == periods**dim == regions.n_islands - (periods - 1 if dim == 1 else 0)
    assert np.allclose(regions.measures[inside], size, rtol=1e-12)
    assert np.allclose(regions.boundary_measures[inside], surface, rtol=1e-12)
    assert np.array_equal(regions.boundary_measures[inside], regions.interface_measures[inside])
    assert len(regions.components_of(0)) == (periods + 1 if dim == 1 else 1)
    assert regions.measures.sum() == pytest.approx(periods**dim, rel=1e-12)
    assert regions.tie_measure == 0.0


def test_diamonds_that_touch_in_corners_stay_apart() -> None:
    # radius 1/2: the diamonds meet in points, a codimension-2 contact that joins nothing in an open set.
    regions = decision_regions(zigzag_net(3, 2, 0.5), sg.Box([0, 0], [3, 3]))
    assert len(regions.components_of(1)) == 9
    assert len(regions.components_of(0)) == 16
    assert regions.measures[regions.components_of(1)] == pytest.approx(np.full(9, 0.5))
    assert regions.shortest_path([0.5, 0.5], [1.5, 0.5]) is None


def test_a_tie_on_a_whole_facet_separates() -> None:
    touch = sg.Network([[[1.0, 0.0], [-1.0, 0.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
    regions = decision_regions(touch, sg.Box([-1, -1], [1, 1]))
    assert regions.labels.tolist() == [1, 1] and regions.measures.tolist() == [2.0, 2.0]
    dead = sg.Network([[[1.0, 0.0]], [[1.0]]], [[0.0], [0.0]])  # max(x, 0): zero on half the box
    regions = decision_regions(dead, sg.Box([-1, -1], [1, 1]))
    assert regions.labels.tolist() == [1] and regions.tie_measure == 2.0
    assert regions.locate([[0.5, 0.0], [-0.5, 0.0], [3.0, 0.0]]).tolist() == [0, -1, -1]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([[2, 8, 8, 1], [2, 8, 8, 3], [3, 6, 6, 2]]))
def test_measures_agree_with_samples(seed: int, widths: list[int]) -> None:
    net, dim = random_net(widths, seed), widths[0]
    regions = decision_regions(net, sg.Box([-1.0] * dim, [1.0] * dim))
    x = np.random.default_rng(seed).uniform(-1, 1, (4000, dim))
    where = regions.locate(x)
    assert np.mean(where >= 0) > 0.999
    found = where >= 0
    assert np.array_equal(regions.labels[where[found]], classify(net, x[found]))
    share = np.bincount(where[found], minlength=regions.n_components) / len(x)
    assert np.abs(share - regions.measures / 2.0**dim).max() < 5 * 0.5 / np.sqrt(len(x))
    assert regions.measures.sum() == pytest.approx(2.0**dim, rel=1e-10)


def test_components_against_flood_fill() -> None:
    from scipy.ndimage import label

    net = random_net([2, 24, 24, 1], 8, bias=0.8)
    net = net.postcompose([[1.0]], [-float(np.median(net(np.random.default_rng(0).uniform(-1, 1, (999, 2)))))])
    regions = decision_regions(net, sg.Box([-1, -1], [1, 1]))
    centres = (np.arange(801) + 0.5) / 801 * 2 - 1
    image = classify(net, np.stack(np.meshgrid(centres, centres, indexing="ij"), -1))
    large = regions.measures > 1e-3
    for value in (0, 1):
        blobs, _ = label(image == value)
        sizes = np.bincount(blobs.ravel())[1:] * (2 / 801) ** 2
        exact = regions.measures[large & (regions.labels == value)]
        assert len(exact) == np.sum(sizes > 1e-3)
        assert np.allclose(np.sort(sizes[sizes > 1e-3]), np.sort(exact), rtol=0.05)


def test_shortest_path_goes_round_an_obstacle() -> None:
    # class 0 surrounds the diamond |x| + |y| < 1/2; the straight segment between the ends runs through it.
    diamond = sg.Network([[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[-1.0] * 4]], [[0.0] * 4, [0.5]])
    regions = decision_regions(diamond, sg.Box([-1, -1], [1, 1]))
    path = regions.shortest_path([-0.9, 0.1], [0.9, 0.1])
    assert path is not None and path.certificate.holds and path.certificate.label == 0
    shortest = 2 * np.hypot(0.9, 0.4)  # over the tip (0, 1/2)
    assert shortest < path.length <= path.graph_length
    assert path.length < 1.5 * shortest
    assert regions.shortest_path([0.0, 0.0], [0.9, 0.9]) is None
    with pytest.raises(sg.InvalidInputError, match="stop"):
        regions.shortest_path([0.0, 0.0], [5.0, 0.0])


def test_results_can_be_printed_drawn_and_stored() -> None:
    import json

    net = zigzag_net(2, 2, 0.25)
    regions = decision_regions(net, sg.Box([0, 0], [2, 2]))
    certificate = certify_path(net, [[0.4, 0.5], [0.6, 0.5]])
    path = find_path(net, [0.4, 0.5], [0.6, 0.5])
    for result in (regions, certificate, path):
        assert str(result)
        json.dumps(result.to_dict())
        result.plot().figure.canvas.draw()
    assert regions.to_dict()["n_islands"] == 4


def test_arguments_are_checked_at_the_door() -> None:
    calls = (
        lambda net: sg.paths.classify(net, [[0.0]]), lambda net: sg.paths.certify_path(net, [[0.0], [1.0]]),
        lambda net: sg.paths.find_path(net, [0.0], [1.0]), lambda net: sg.paths.trace_segment(net, [0.0], [1.0]),
        lambda net: sg.paths.decision_regions(net, sg.Box([0], [1])),
    )  # fmt: skip
    for call in calls:
        with pytest.raises(sg.InvalidInputError, match="^net: an int given; pass a Network$"):
            call(3)
    line = sg.Network([[[1.0]]], [[0.0]])
    for limit in ([[0.0]], [0.0, 1.0], np.nan, "x"):
        with pytest.raises(sg.InvalidInputError, match="^lower: "):
            sg.paths.find_path(line, [0.0], [1.0], lower=limit)
    with pytest.raises(sg.InvalidInputError, match="^label: "):
        sg.paths.decision_regions(line, sg.Box([-1], [1])).components_of("a")
