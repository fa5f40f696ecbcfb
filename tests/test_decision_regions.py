"""Decision regions against rational arithmetic: ties decide connectedness, exactly."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from naive.rational import affine_dimension, rational_complex

import specgeo as sg
from specgeo.paths import certify_path, decision_regions
from specgeo.testing import random_network


def compared(net: sg.Network) -> sg.Network:
    """All f_i - f_j as units of an abs layer; the weights of the differences are exact in these tests."""
    m = net.output_dim
    rows = np.array([[(c == i) - (c == j) for c in range(m)] for i, j in combinations(range(m), 2)], dtype=float)
    if m == 1:
        rows = np.array([[-1.0]])
    return sg.Network(
        [*net.weights, rows, np.ones((1, len(rows)))],
        [*net.biases, np.zeros(len(rows)), np.zeros(1)],
        [*net.activations, "identity", "abs"],
    )


def truth(net: sg.Network, lower: list[float], upper: list[float]) -> tuple[list[int], list[tuple]]:
    """Class of each component, sorted, and the cells as (vertices, class, component), all in Fractions."""
    m = max(2, net.output_dim)
    pairs = list(combinations(range(m), 2))
    exact = rational_complex(compared(net), lower, upper)
    winners, gaps = [], []
    for _, signs, maps in exact.cells:
        last = signs[len(signs) - len(pairs) :]
        beats = {pair: s for pair, s in zip(pairs, last, strict=True)}
        wins = [c for c in range(m) if all(s == (1 if i == c else -1) for (i, j), s in beats.items() if c in (i, j))]
        winners.append(wins[0] if wins else -1)
        gaps.append(maps)
    # what every output is at every vertex, exactly
    values = [outputs(net, point) for point in exact.vertices]
    parent = list(range(len(winners)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for a, b in combinations(range(len(winners)), 2):
        shared = exact.cells[a][0] & exact.cells[b][0]
        if winners[a] < 0 or winners[a] != winners[b] or len(shared) < exact.dim:
            continue
        if affine_dimension([exact.vertices[v] for v in sorted(shared)]) != exact.dim - 1:
            continue
        c = winners[a]
        if all(any(values[v][c] > values[v][j] for v in shared) for j in range(m) if j != c):
            parent[root(a)] = root(b)
    roots = {root(i) for i, w in enumerate(winners) if w >= 0}
    cells = [(exact.cells[i][0], w, root(i)) for i, w in enumerate(winners)]
    return sorted(winners[r] for r in roots), [(exact.vertices, *cell) for cell in cells]


def outputs(net: sg.Network, point: tuple[Fraction, ...]) -> list[Fraction]:
    a = list(point)
    for layer, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        a = [
            sum((Fraction(w) * v for w, v in zip(row, a, strict=True)), Fraction(b))
            for row, b in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
        if layer < len(net.activations):
            a = [abs(v) if net.activations[layer].name == "abs" else max(v, Fraction(0)) for v in a]
    return [Fraction(0), a[0]] if net.output_dim == 1 else a


@pytest.mark.parametrize("seed", range(12))
def test_an_absolute_value_is_cut_along_its_zero_line(seed: int) -> None:
    """|w . x + b|: two components, whatever the bits of w and b."""
    rng = np.random.default_rng(seed)
    w, b = rng.normal(size=2), 0.3 * float(rng.normal())
    net = sg.Network([[w, -w], [[1, 1]]], [[b, -b], [0]])
    regions = decision_regions(net, sg.Box([-1, -1], [1, 1]))
    assert regions.labels.tolist() == [1, 1] and regions.tie_measure == 0.0
    assert regions.measures.sum() == pytest.approx(4.0)
    # one bit more in the bias, and the ridge is no tie any more, but a strip of class 0 appears below it, or none
    lifted = sg.Network([[w, -w], [[1, 1]]], [[b, -b], [2.0**-60]])
    assert decision_regions(lifted, sg.Box([-1, -1], [1, 1])).labels.tolist() == [1]
    sunk = sg.Network([[w, -w], [[1, 1]]], [[b, -b], [-(2.0**-60)]])
    assert decision_regions(sunk, sg.Box([-1, -1], [1, 1])).labels.tolist() == [0, 1, 1]


def test_outputs_of_all_sizes_do_not_set_a_scale() -> None:
    net = sg.Network([[[1.0]] * 4, [[1e-3, 1e12, 1, 1]]], [[1, -0.5, -0.75, -0.9], [1.0]])  # at least 1 everywhere
    regions = decision_regions(net, sg.Box([-2], [1]))
    assert regions.labels.tolist() == [1] and regions.n_islands == 0
    path = regions.shortest_path([-2.0], [1.0])
    assert path is not None and path.certificate.holds
    assert certify_path(net, [[-2.0], [1.0]]).holds


def test_a_tie_in_a_point_of_a_facet_does_not_cut() -> None:
    """|x| + max(y, 0): the tie is the half line x = 0, y <= 0; the half line above it joins the two sides."""
    net = sg.Network([[[1, 0], [-1, 0], [0, 1]], [[1, 1, 1]]], [[0, 0, 0], [0]])
    box = sg.Box([-1, -1], [1, 1])
    regions = decision_regions(net, box)
    assert regions.labels.tolist() == [1]
    points = [[0.0, -0.5], [0.0, 0.0], [0.0, 0.5], [0.5, -0.5], [5e-324, -1.0]]
    assert regions.locate(points).tolist() == [-1, -1, 0, 0, 0]
    pinched = sg.Network([[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, -1, -1]]], [[0] * 4, [0]])  # |x| - |y|
    assert decision_regions(pinched, box).labels.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("kind", ["integer", "zero-bias", "duplicated", "pruned", "quarter"])
@pytest.mark.parametrize(
    "widths", [[1, 5, 4, 1], [1, 5, 3], [2, 4, 3, 1], [2, 4, 3], [2, 3, 3, 4], [3, 3, 2], [3, 3, 1]]
)
def test_components_against_fractions(widths: list[int], kind: str) -> None:
    d = widths[0]
    for seed in range(2):
        net = random_network(widths, seed, kind)
        if seed == 1 and net.output_dim > 1:  # the last two outputs are one
            net = sg.Network(
                [*net.weights[:-1], net.weights[-1][[*range(net.output_dim - 1), 0]]],
                [*net.biases[:-1], net.biases[-1][[*range(net.output_dim - 1), 0]]],
            )
        expected, cells = truth(net, [-1.0] * d, [1.0] * d)
        box = sg.Box([-1.0] * d, [1.0] * d)
        regions = decision_regions(net, box)
        assert regions.labels.tolist() == expected
        # the centre of every exact cell lies in a component of its class, one for each component
        centres = [[float(sum(v[p][axis] for p in cell) / len(cell)) for axis in range(d)] for v, cell, _, _ in cells]
        found = regions.locate(centres)
        for component, (_, _, winner, _) in zip(found.tolist(), cells, strict=True):
            assert component < 0 or regions.labels[component] == winner
        pairs = {(r, c) for c, (_, _, w, r) in zip(found.tolist(), cells, strict=True) if w >= 0 and c >= 0}
        assert len(pairs) == len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(expected)
        agrees_with_segments(net, regions, d, seed)


def agrees_with_segments(net: sg.Network, regions, d: int, seed: int) -> None:
    """A certified segment joins the components of its ends, a path inside a component has its class."""
    points = np.random.default_rng(seed).integers(-16, 17, (12, d)) / 16.0
    where = regions.locate(points)
    for (p, a), (q, b) in combinations(zip(points, where.tolist(), strict=True), 2):
        certificate = certify_path(net, [p, q])
        if certificate.holds and certificate.status == "certified":
            assert a >= 0 and a == b and regions.labels[a] == certificate.label
        if a < 0 or b < 0:
            continue
        if regions.labels[a] != regions.labels[b]:
            assert not certificate.holds


@pytest.mark.parametrize("widths", [[1, 5, 3], [2, 5, 3, 3], [3, 3, 3]])
def test_invariance(widths: list[int]) -> None:
    """Scaling by powers of two, an order of outputs, one affine function added to all: the regions stay."""
    d = widths[0]
    box = sg.Box([-1.0] * d, [1.0] * d)
    for seed in range(3):
        net = random_network(widths, seed, "integer")
        base = decision_regions(net, box)
        order = np.random.default_rng(seed).permutation(net.output_dim)
        permuted = sg.Network([*net.weights[:-1], net.weights[-1][order]], [*net.biases[:-1], net.biases[-1][order]])
        scaled = net.postcompose(np.eye(net.output_dim) * 2.0**-200)
        # x = relu(x + 1) - 1 on the box, exactly, for every coordinate: 1000 x added to all outputs
        weights = [np.concatenate((net.weights[0], np.eye(d)))]
        for w in net.weights[1:-1]:
            weights.append(np.block([[w, np.zeros((len(w), d))], [np.zeros((d, w.shape[1])), np.eye(d)]]))
        weights.append(np.concatenate((net.weights[-1], np.full((net.output_dim, d), 1000.0)), axis=1))
        biases = [
            np.concatenate((b, np.full(d, 1.0) if i == 0 else np.zeros(d))) for i, b in enumerate(net.biases[:-1])
        ]
        tilted = sg.Network(weights, [*biases, net.biases[-1] - 1000.0 * d])
        for other, labels in ((permuted, order), (scaled, None), (tilted, None)):
            found = decision_regions(other, box)
            names = found.labels if labels is None else np.asarray(labels)[found.labels]
            assert sorted(names.tolist()) == base.labels.tolist()
            assert np.allclose(np.sort(found.measures), np.sort(base.measures), atol=1e-12)
            assert found.tie_measure == pytest.approx(base.tie_measure, abs=1e-12)


def test_only_pairs_that_meet_are_compared() -> None:
    """Three outputs of which the third stays below: one comparison; and one class everywhere needs none."""
    net = sg.Network([[[1, 0], [0, 1]], [[1, 0], [0, 1], [0, 0]]], [[0, 0], [0.5, 0.25, -1]])
    regions = decision_regions(net, sg.Box([-1, -1], [1, 1]))
    assert regions.pairs == [(0, 1)] and set(regions.labels.tolist()) == {0, 1}
    alone = decision_regions(sg.Network([[[1.0]], [[1], [1], [1]]], [[0.0], [2, 1, 0]]), sg.Box([-1], [1]))
    assert alone.pairs == [] and alone.labels.tolist() == [0] and alone.measures.tolist() == [2.0]
    assert alone.locate([[0.0], [2.0]]).tolist() == [0, -1]


def test_regions_on_a_triangle() -> None:
    """|g|, 0, -|g| on a polytope: the line g = 0 cuts it, misses it, or cuts off a corner of the size of rounding."""
    triangle = sg.Polytope([[0.3, 0.7], [-1, 0], [0, -1]], [1, -0.1, -0.1])
    corner = Fraction(0.3) * Fraction(0.1) + Fraction(0.7) * Fraction(0.1)
    for b in (0.5, 0.1, 0.05):
        net = sg.Network([[[0.3, 0.7], [-0.3, -0.7]], [[1, 1], [0, 0], [-1, -1]]], [[-b, b], [0, 0, 0]])
        regions = decision_regions(net, triangle)
        assert regions.labels.tolist() == ([0, 0] if corner < Fraction(b) else [0])
        assert regions.measures.sum() == pytest.approx(triangle.volume)
    assert corner < Fraction(0.1)  # by 2^-57: a triangle whose sides are some 1e-17 long is a component


def test_ties_on_the_breakpoints_of_other_activations() -> None:
    """|x - 1/3|, a hinge away from 0, is positive on both sides of the tie at its breakpoint."""
    third = 1.0 / 3.0
    bent = sg.Activation([third, 0.5], [-1.0, 1.0, 2.0], third)
    for activation in (sg.Activation([third], [-1.0, 1.0], third), bent):
        net = sg.Network([[[1.0, 0.0]], [[1.0]]], [[0.0], [0.0]], activation)
        regions = decision_regions(net, sg.Box([-1, -1], [1, 1]))
        assert regions.labels.tolist() == [1, 1]
        assert regions.locate([[0.3, 0.0], [third, 0.0], [0.4, 0.0]]).tolist() == [0, -1, 1]


@pytest.mark.parametrize("hidden", [[], ["identity"], [sg.Activation([], [-2.0], 1.0)]])
def test_one_class_without_any_unit(hidden: list) -> None:
    """Nothing to cut and nothing to compare: one cell, one component."""
    weights = [np.ones((2, 2))] * len(hidden) + [np.ones((3, 2))]
    net = sg.Network(weights, [*[[0.0, 0.0]] * len(hidden), [2, 1, 0]], hidden)
    regions = decision_regions(net, sg.Box([-1, -1], [1, 1]))
    assert regions.labels.tolist() == [0] and regions.pairs == [] and regions.measures.tolist() == [4.0]
    assert regions.locate([[0.0, 0.0]]).tolist() == [0]


def test_what_is_no_network_or_no_class_is_refused() -> None:
    net = sg.Network([[[1.0]], [[1.0]]], [[0.0], [1.0]])
    with pytest.raises(sg.InvalidInputError, match="^net: a str given"):
        decision_regions("net", sg.Box([-1], [1]))
    for label in (1.5, "one", -1, 2):
        with pytest.raises(sg.InvalidInputError, match="^label: "):
            certify_path(net, [[0.0], [1.0]], label)


@pytest.mark.parametrize("widths", [[2, 5, 3], [2, 5, 1], [1, 6, 4]])
def test_the_smallest_output_is_the_largest_of_minus_the_network(widths: list[int]) -> None:
    net, box = random_network(widths, 3, "integer"), sg.Box(-1, 1, dim=widths[0])
    found, minus = decision_regions(net, box, smallest=True), net.postcompose(-np.eye(widths[-1]))
    other = decision_regions(minus, box)
    assert found.labels.tolist() == other.labels.tolist() and found.measures.tolist() == other.measures.tolist()
    points = np.random.default_rng(0).uniform(-1, 1, (50, widths[0]))
    values = net(points) if widths[-1] > 1 else np.append(np.zeros((50, 1)), net(points), axis=1)
    where = found.locate(points)
    inside = where >= 0
    assert inside.any() and (found.labels[where[inside]] == np.argmin(values, axis=1)[inside]).all()
    assert sg.paths.decision_boundary(net, box, smallest=True).measures.sum() == pytest.approx(
        sg.paths.decision_boundary(minus, box).measures.sum()
    )
    assert sg.enumerate_regions(net, box).decision_regions(smallest=True).labels.tolist() == found.labels.tolist()


def test_names_of_classes() -> None:
    net, box = sg.Network([[[1, 0], [0, 1], [0, 0]]], [[0, 0, 0]]), sg.Box(-1, 1, dim=2)
    regions = decision_regions(net, box, class_names=["cat", "dog", "bird"])
    assert [line.split(":")[0] for line in str(regions).splitlines()[1:]] == ["cat", "dog", "bird"]
    assert regions.name_of(1) == "dog" and decision_regions(net, box).name_of(1) == "class 1"
    words = [text.get_text() for text in regions.plot().get_legend().get_texts()]
    assert words == ["cat: 1 component", "dog: 1 component", "bird: 1 component"]
    for wrong in (["cat"], "cat", [1, 2, 3]):
        with pytest.raises(sg.InvalidInputError, match="^class_names: .*(3 words|sequence)"):
            decision_regions(net, box, class_names=wrong)
    with pytest.raises(sg.InvalidInputError, match="^label: 3 given"):
        regions.name_of(3)
