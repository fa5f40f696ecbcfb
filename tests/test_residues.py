"""Equality of affine maps decided modulo primes, against rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice

import network_zoo as zoo
import numpy as np
import pytest
from naive.rational import rational_complex

import specgeo as sg
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.residues import (
    CellMaps,
    _fraction_bits,
    classes,
    prime_limit,
    primes_below,
    reduced,
    residues,
    vanishing,
)
from specgeo.testing import random_network
from specgeo.theory.counting import distinct_affine_maps, region_table


def distinct_by_fractions(net: sg.Network, lower: list[float], upper: list[float]) -> int:
    return len({tuple(maps) for _, _, maps in rational_complex(net, lower, upper).cells})


def test_residues_of_floats_are_those_of_their_fractions() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate((rng.normal(size=200) * 2.0 ** rng.integers(-1000, 1000, 200), [0.0, -0.0, 5e-324, -1.0]))
    for p in (3, 1009, 33554393):
        expected = [Fraction(v).numerator * pow(Fraction(v).denominator, -1, p) % p for v in values.tolist()]
        found = residues(values, p)
        assert (found.astype(np.int64) % p).tolist() == expected
        assert np.abs(found).max() <= p / 2 + 2
    integers = rng.integers(-(2**52), 2**52, 1000).astype(np.float64)
    assert (reduced(integers, 1009).astype(np.int64) % 1009).tolist() == [int(v) % 1009 for v in integers]


def test_digits_behind_the_point() -> None:
    for values in ([0.5], [0.75, 2.0], [3.0, 2.0**60], [5e-324], [0.1, 1e300], [0.0], [2.0**-1030, -1.5], []):
        wanted = max((Fraction(v).denominator.bit_length() - 1 for v in values), default=0)
        assert _fraction_bits(np.array(values)) == wanted


def test_primes_are_the_primes_below_their_limit() -> None:
    assert list(islice(primes_below(100), 24))[::-1] == [q for q in range(3, 100) if all(q % r for r in range(2, q))]
    with pytest.raises(sg.UnsupportedError, match="binary digits"):
        list(islice(primes_below(12), 5))
    for terms in (1, 64, 10**6):
        assert (terms + 1) * (prime_limit(terms) / 2 + 2) ** 2 < 2**53


@pytest.mark.parametrize("activation", ["relu", "abs", sg.Activation([-0.3, 0.1, 0.7], [0.1, -0.7, 0.3, 3.0], 0.2)])
def test_maps_of_all_layers_modulo_primes(activation: str | sg.Activation) -> None:
    """Residues of every unit and output on every cell, and the sizes promised by ``bits``."""
    rng = np.random.default_rng(1)
    net = sg.Network(
        [rng.normal(size=(4, 2)), rng.normal(size=(3, 4)), rng.normal(size=(2, 3))],
        [rng.normal(size=4), rng.normal(size=3), rng.normal(size=2)],
        activation,
    )
    cx = sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]))
    truth = {signs: maps for _, signs, maps in rational_complex(net, [-1, -1], [1, 1]).cells}
    maps = CellMaps(cx.layers, cx.signs.neuron_pieces(net.activations))
    p = next(maps.primes())
    found = maps.outputs(np.arange(cx.n_cells), p)
    for cell, signs in enumerate(cx.sign_vectors.tolist()):
        rows = [x for row in truth[tuple(signs)] for x in row]
        assert found[cell].tolist() == [x.numerator * pow(x.denominator, -1, p) % p for x in rows]
        shared = max(x.denominator for x in rows)
        assert max(abs(x) * shared for x in rows) < 2 ** maps.bits[-1]


@pytest.mark.parametrize("steep", [1.0, 2.0**20 - 1])
def test_sizes_grow_with_weights_widths_slopes_and_biases(steep: float) -> None:
    """Nothing cancels: each coefficient is below the size promised, by a few bits for each layer."""
    big, activation = 2.0**30 - 1, sg.Activation([0.0], [0.0, steep])
    for biases in ([0.0, 0.0, 0.0], [2.0**100, 0.0, 0.0], [0.0, 2.0**200, 1.0], [1.0, 0.0, 2.0**400]):
        weights = [np.full((64, 1), big), np.full((32, 64), big), np.full((1, 32), big)]
        net = sg.Network(weights, [np.full(len(w), b) for w, b in zip(weights, biases, strict=True)], activation)
        cx = sg.enumerate_regions(net, sg.Box([0], [1]))
        assert cx.n_cells == 1
        w, s, (b1, b2, b3) = int(big), int(steep), map(int, biases)
        layers = [(w, b1), (64 * s * w * w, 64 * s * w * b1 + b2)]
        layers.append((32 * s * w * layers[1][0], 32 * s * w * layers[1][1] + b3))
        maps = CellMaps(cx.layers, cx.signs.neuron_pieces(net.activations))
        for (slope, offset), bits in zip(layers, maps.bits, strict=True):
            assert 0 <= bits - max(slope, offset).bit_length() <= 10


def test_numbers_beyond_the_first_primes_are_told_apart() -> None:
    """Multiples of the first primes vanish modulo these, and are not zero."""
    primes = list(islice(primes_below(1000), 40))
    numbers = [0, 1, primes[0], primes[0] * primes[1], int(np.prod([int(p) for p in primes[:12]], dtype=object)), 0]
    bits = max(n.bit_length() for n in numbers)

    def values(rows: np.ndarray, p: int) -> np.ndarray:
        return np.array([[numbers[i] % p] for i in rows], dtype=np.int64)

    assert vanishing(values, len(numbers), bits, iter(primes)).tolist() == [True, False, False, False, False, True]
    labels = classes(values, len(numbers), bits, iter(primes))
    assert labels[0] == labels[5] and len(set(labels.tolist())) == 5


def test_distinct_maps_of_slopes_of_all_sizes() -> None:
    kinks = sg.Network([[[1.0]] * 5, [[1.0, 1.0, 1.0, 1.0, 1e12 - 4]]], [[0, -1, -2, -3, -4], [0.0]])
    cx = sg.enumerate_regions(kinks, sg.Box([-1], [5]))  # slopes 0, 1, 2, 3, 4, 1e12
    assert distinct_affine_maps(cx) == cx.n_linear_regions == 6
    table = region_table(kinks, cx)
    assert table.distinct_maps == 6 and "exact                       6   distinct affine maps" in str(table)


@pytest.mark.parametrize(("last", "maps"), [(0.0, 4), (2.0**-51, 5), (-(2.0**-51), 5)])
def test_distant_cells_with_almost_equal_maps(last: float, maps: int) -> None:
    """0, 3 x, 3, then down again: the flat end is 0 or one bit of a weight away from it."""
    net = sg.Network(
        [[[1.0], [1.0], [1.0], [1.0]], [[3.0, -3.0, -3.0 - last, 3.0 + last]]], [[0.0, -1.0, -2.0, -3.0], [0.0]]
    )
    cx = sg.enumerate_regions(net, sg.Box([-1], [4]))
    assert distinct_affine_maps(cx) == distinct_by_fractions(net, [-1], [4]) == maps
    assert cx.n_linear_regions == 5


@pytest.mark.parametrize("kind", ["he", "integer", "quarter", "pruned", "duplicated", "zero-bias"])
@pytest.mark.parametrize("widths", [[1, 6, 5, 1], [2, 4, 4, 2], [3, 4, 3, 1]])
def test_distinct_maps_against_fractions(widths: list[int], kind: str) -> None:
    for seed in range(2):
        net, d = random_network(widths, seed, kind), widths[0]
        cx = sg.enumerate_regions(net, sg.Box([-1.0] * d, [1.0] * d))
        found = distinct_affine_maps(cx)
        assert found == distinct_by_fractions(net, [-1] * d, [1] * d)
        larger = sg.Network([w * 2.0**40 for w in net.weights], [b * 2.0 ** (40 * (i + 1)) for i, b in
                            enumerate(net.biases)])  # fmt: skip
        assert distinct_affine_maps(sg.enumerate_regions(larger, sg.Box([-1.0] * d, [1.0] * d))) == found


def test_distinct_maps_of_the_sawtooth() -> None:
    """2^10 cells, two slopes, every tooth a map of its own; folded on itself only two maps are left."""
    cx = sg.enumerate_regions(zoo.sawtooth(10), sg.Box([0.0], [1.0]))
    assert cx.n_linear_regions == distinct_affine_maps(cx) == 1 << 10
    steps = sg.Network([*zoo.sawtooth(9).weights[:-1], np.zeros((1, 2)), [[1.0]]], [*zoo.sawtooth(9).biases[:-1], [1.0],
                       [0.0]])  # fmt: skip
    cx = sg.enumerate_regions(steps, sg.Box([0.0], [1.0]))
    assert cx.n_cells == 1 << 9 and distinct_affine_maps(cx) == cx.n_linear_regions == 1


def test_distinct_maps_need_the_network() -> None:
    net = random_network([2, 5, 1], 0)
    cx = sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]))
    bare = PolyhedralComplex(cx.vertices, cx.faces, (cx.gradients, cx.offsets))
    with pytest.raises(sg.UnsupportedError, match="network"):
        distinct_affine_maps(bare)


def test_counts_of_an_uncertified_complex_are_not_called_exact() -> None:
    net = random_network([2, 5, 1], 0)
    for exact, word in ((True, "exact  "), (False, "not certified")):
        table = region_table(net, sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]), exact=exact))
        assert table.certified is exact and f"this network       {word}" in str(table)


def test_gradients_that_differ_by_rounding_alone_are_equal() -> None:
    """Pairs of hinges that cancel exactly: one linear region, though large terms round the float gradients."""
    rng = np.random.default_rng(0)
    kinks, large = np.repeat(rng.uniform(-0.9, 0.9, 9), 2), np.repeat(rng.normal(size=9) * 1e6, 2)
    large[1::2] *= -1.0
    order = rng.permutation(19)
    weights = np.append(large, 0.1)[order], np.append(-kinks, 2.0)[order]
    net = sg.Network([np.ones((19, 1)), weights[0][None]], [weights[1], [0.0]])
    cx = sg.enumerate_regions(net, sg.Box([-1], [1]))
    assert cx.n_cells == 10 and len(np.unique(cx.gradients)) > 1
    assert cx.n_linear_regions == distinct_affine_maps(cx) == 1


@pytest.mark.parametrize("bend", [1e-20, 2.0**-400])
def test_bends_far_below_rounding_are_bends(bend: float) -> None:
    net = sg.Network([[[1.0], [1.0]], [[1.0, bend]]], [[2.0, 0.0], [0.0]])
    cx = sg.enumerate_regions(net, sg.Box([-1], [1]))
    assert len(np.unique(cx.gradients)) == 1
    assert cx.n_linear_regions == distinct_affine_maps(cx) == 2
