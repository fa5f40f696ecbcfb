"""The six counts of linear regions, against brute force in rationals and against functions made for one of them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import specgeo as sg
from specgeo.testing import random_network
from specgeo.theory import counting, region_counts
from specgeo.theory.constructions import montufar_network, oscillation_costs, sawtooth, serra_network
from tests import network_zoo as zoo
from tests.naive.rational import n_linear_regions, rational_complex

SQUARE = sg.Box([-1, -1], [1, 1])


def counts(net: sg.Network, domain: sg.Box = SQUARE) -> list[int]:
    c = region_counts(sg.enumerate_regions(net, domain))
    assert c.r1 >= c.r2 >= c.r4 >= c.r5 >= c.r6
    return [c.r1, c.r2, c.r4, c.r5, c.r6]


def pattern(net: sg.Network, point: list[Fraction]) -> tuple[bool, ...]:
    """Which neurons are active, in rational arithmetic."""
    active: list[bool] = []
    a = point
    for weight, bias, activation in zip(net.weights[:-1], net.biases[:-1], net.activations, strict=True):
        z = [
            sum((Fraction(w) * x for w, x in zip(row, a, strict=True)), Fraction(b))
            for row, b in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
        if isinstance(activation, sg.MaxGroups):
            a = [max(z[i] for i in group) for group in activation.groups]
            first = [next(i for i in group if z[i] == top) for group, top in zip(activation.groups, a, strict=True)]
            groups = [group for group in zip(activation.groups, first, strict=True) if len(group[0]) > 1]
            active += [i == winner for group, winner in groups for i in group]
            continue
        active += [v > 0 for v in z]
        a = [max(v, Fraction(0)) for v in z]
    return tuple(active)


def brute_force(net: sg.Network, lower: list[float], upper: list[float]) -> list[int]:
    """R1, R2, R4, R6: patterns at a point within each face that is within the box."""
    truth = rational_complex(net, lower, upper)
    patterns = set()
    for faces in truth.faces:
        for face in faces:
            points = [truth.vertices[v] for v in face]
            middle = [sum(column, Fraction(0)) / len(points) for column in zip(*points, strict=True)]
            if all(lo < x < hi for lo, x, hi in zip(lower, middle, upper, strict=True)):
                patterns.add(pattern(net, middle))
    maps = {tuple(map(tuple, rows)) for _, _, rows in truth.cells}
    return [len(patterns), len(truth.cells), n_linear_regions(truth), len(maps)]


@pytest.mark.parametrize("name", [n for n in zoo.FAILURES if not n.startswith("h3")])
def test_degenerate_networks(name: str) -> None:
    net, _ = zoo.FAILURES[name]
    lower, upper = zoo.failure_box(name)
    r1, r2, r4, _, r6 = counts(net.component(0), sg.Box(lower, upper))
    assert [r1, r2, r4, r6] == brute_force(net.component(0), lower, upper)


@pytest.mark.parametrize(("kind", "rng"), [("integer", 0), ("integer", 1), ("quarter", 2), ("zero-bias", 0), ("he", 3)])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_random_networks(kind: str, rng: int, dim: int) -> None:
    net = random_network([dim, 4, 3, 1], rng=rng, kind=kind)
    r1, r2, r4, _, r6 = counts(net, sg.Box(-1, 1, dim=dim))
    assert [r1, r2, r4, r6] == brute_force(net, [-1.0] * dim, [1.0] * dim)


@pytest.mark.parametrize("rng", range(6))
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_maxima(rng: int, dim: int) -> None:
    """Groups that share members, and ties in faces of every dimension: integer weights without biases."""
    random = np.random.default_rng(rng)
    weights = [random.integers(-2, 3, shape).astype(float) for shape in ((5, dim), (3, 3), (3, 3), (1, 2))]
    biases = [np.zeros(5) if rng % 2 else random.integers(-1, 2, 5) / 2, np.zeros(3), np.zeros(3), np.zeros(1)]
    net = sg.Network(
        weights, biases, [sg.MaxGroups([[0, 1, 2], [2, 3], [4]]), "relu", sg.MaxGroups([[0, 1, 2], [1, 2]])]
    )
    r1, r2, r4, _, r6 = counts(net, sg.Box(-1, 1, dim=dim))
    assert [r1, r2, r4, r6] == brute_force(net, [-1.0] * dim, [1.0] * dim)


@pytest.mark.parametrize("name", ["the paper's", "random"])
def test_a_maximum_with_zero_counts_as_a_relu(name: str) -> None:
    first, second = [[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[1.0, -1.0, 1.0], [1.0, 0.0, 0.0]]
    net = sg.Network([first, second, [[1.0, -1.0]]], [[0.0] * 3, [0.0] * 2, [0.0]])
    if name == "random":
        net = random_network([2, 4, 3, 1], rng=2, kind="quarter")
    weights = [np.vstack((np.zeros((1, w.shape[1])), w)) for w in net.weights[:-1]]
    biases = [np.append(0.0, b) for b in net.biases[:-1]]
    groups = [sg.MaxGroups([[0, i] for i in range(1, len(b))]) for b in biases]
    pooled = sg.Network([*weights, net.weights[-1]], [*biases, net.biases[-1]], groups)
    assert counts(pooled) == counts(net)


def test_a_tie_in_a_point() -> None:
    line = sg.Box([-1], [1])
    for rows, r1 in ([0, 1, -1], 3), ([1, -1, 0], 2):  # zero attains the maximum at the origin: first, and last
        net = sg.Network([[[float(r)] for r in rows], [[1.0]]], [[0.0] * 3, [0.0]], [sg.MaxGroups([[0, 1, 2]])])
        assert counts(net, line) == [r1, 2, 2, 2, 2]


def test_the_example_of_the_paper() -> None:
    """max(-y, min(0, -x)) from relu(x), relu(y), relu(-y), relu(relu(x) - y); the other unit repeats relu(x)."""
    first, second = [[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[1.0, -1.0, 1.0], [1.0, 0.0, 0.0]]
    net = sg.Network([first, second, [[1.0, -1.0]]], [[0.0] * 3, [0.0] * 2, [0.0]])
    x = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    assert np.allclose(net(x)[:, 0], np.maximum(-x[:, 1], np.minimum(0, -x[:, 0])), atol=1e-15)
    assert counts(net) == [7, 5, 3, 3, 3]
    assert region_counts(sg.enumerate_regions(net, SQUARE)).r3 == (3, 5)


def test_walls_have_no_patterns_of_their_own() -> None:
    """x + 1 vanishes on a wall, |x| between two cells where it is positive, and the constant 1 nowhere."""
    line = sg.Box([-1], [1])
    assert counts(sg.Network([[[1.0]], [[1.0]]], [[1.0], [0.0]]), line) == [1, 1, 1, 1, 1]
    modulus = sg.Network([[[1.0], [-1.0]], [[1.0, 1.0]], [[1.0]]], [[0.0, 0.0], [0.0], [0.0]])
    assert counts(modulus, line) == [3, 2, 2, 2, 2]
    assert counts(sg.Network([[[0.0]]], [[1.0]]), line) == [1, 1, 1, 1, 1]


def test_pieces_of_one_map_that_stay_apart() -> None:
    tent = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    assert counts(tent, sg.Box([-2], [2]))[2:] == [4, 4, 3]


def test_pieces_of_one_map_that_meet_in_a_point() -> None:
    """relu(min(x, y)) + relu(min(-x, -y)) is zero on two quadrants that share the origin."""
    first = [[1.0, 0.0], [-1.0, 0.0], [1.0, -1.0], [-1.0, 1.0]]
    second = [[1.0, -1.0, -1.0, 0.0], [-1.0, 1.0, 0.0, -1.0]]
    net = sg.Network([first, second, [[1.0, 1.0]]], [[0.0] * 4, [0.0] * 2, [0.0]])
    assert counts(net)[2:] == [6, 5, 5]
    # on this box they meet in a corner, which is not within it
    assert counts(net, sg.Box([0, -1], [1, 1]))[2:] == [3, 3, 3]


def test_pieces_of_one_map_that_a_line_inside_another_cell_joins() -> None:
    """y clamped to +-relu(1/2 - |x|) is zero left and right, and on y = 0 between, where it is y."""
    first = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]
    second, third = [[-1.0, -1.0, 0.0], [0.0, 0.0, 1.0]], [[1.0, 1.0], [-1.0, 1.0], [1.0, 0.0]]
    bias = [[0.0, 0.0, 2.0], [0.5, 0.0], [-2.0, -2.0, 0.0]]
    net = sg.Network([first, second, third, [[1.0, -1.0, -1.0]]], [*bias, [0.0]])
    assert counts(net)[2:] == [7, 6, 6]
    shifted = sg.Network([*net.weights[:-1], net.weights[-1]], [*bias[:2], [-3.0, -3.0, 0.0], [0.0]])
    assert counts(shifted)[2:] == [5, 5, 4]  # y - 1: the line lies in the wall, not within, and nothing is above it


def test_several_outputs_are_refused() -> None:
    cx = sg.enumerate_regions(random_network([2, 3, 2], rng=0), SQUARE)
    with pytest.raises(sg.UnsupportedError, match="component"):
        region_counts(cx)


@pytest.mark.parametrize("widths", [[3], [4], [7, 3], [3, 4, 5], [4, 4, 4]])
def test_serra_networks_have_the_most_pieces(widths: list[int]) -> None:
    cx = sg.enumerate_regions(serra_network(widths), sg.Box([0], [1]))
    assert cx.n_cells == cx.n_linear_regions == np.prod(np.array(widths) + 1) == counting.serra_upper(1, widths)
    assert {float(v) for v in cx(cx.vertices).round(9).ravel()} == {0.0, 1.0}  # every piece runs from 0 to 1


@pytest.mark.parametrize(
    ("dim", "widths"), [(1, [3, 2]), (2, [4, 4]), (2, [5, 4, 3]), (2, [2, 2]), (2, [6, 7]), (3, [3, 5]), (3, [6, 4])]
)
def test_montufar_networks_attain_the_bound(dim: int, widths: list[int]) -> None:
    cx = sg.enumerate_regions(montufar_network(dim, widths), sg.Box([0] * dim, [1] * dim))
    assert cx.n_cells == counting.montufar2014_lower(dim, widths)
    assert widths[-1] <= dim or cx.n_linear_regions == cx.n_cells


@pytest.mark.parametrize("oscillations", [2, 5, 32])
def test_costs_of_oscillations_are_those_of_the_networks(oscillations: int) -> None:
    costs = oscillation_costs(oscillations)
    for name, widths, pieces, parameters in zip(
        costs.names, costs.widths, costs.pieces, costs.parameters, strict=True
    ):
        net = sawtooth(len(widths)) if name == "sawtooth" else serra_network(widths)
        assert sg.enumerate_regions(net, sg.Box([0], [1])).n_linear_regions == pieces >= 2 * oscillations
        assert len(sg.theory.parameter_vector(net)) == parameters
