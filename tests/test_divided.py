"""Compensated phases and divided differences against mpmath: exact phases, the Opitz matrix."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from naive.opitz import exact_phase, opitz

from specgeo.errors import InvalidInputError
from specgeo.fourier.divided import divided_difference
from specgeo.fourier.lanes import NEAR, NEAR_FOUR
from specgeo.fourier.phases import unit_exponentials
from specgeo.fourier.simplex import simplices_sum

RNG = np.random.default_rng(11)


def node_sets(n: int) -> list[np.ndarray]:
    """Spreads 1e-8..1e3, clusters, equal nodes, arithmetic nodes, gaps at the switches."""
    sets = [RNG.normal(size=n) * s for s in (1e-8, 1e-3, 0.3, 1.0, 3.0, 30.0, 1e3)]
    sets += [np.zeros(n), np.full(n, 7.5), np.arange(n) * 0.5, np.arange(n) * 1.1, np.arange(n) * 100.0]
    two = np.where(np.arange(n) % 2 == 0, 0.0, 3.0)
    sets += [two, two + 1e-9 * RNG.normal(size=n), two * 100 + RNG.normal(size=n), (np.arange(n) % 3) * 2.0]
    for edge in (NEAR, NEAR_FOUR):
        sets += [np.linspace(0, edge * f, n) for f in (1 - 1e-15, 1 + 1e-15)]
        sets.append(np.append(np.zeros(n - 1), edge * (1 + 1e-15)))
    return [s + 5.0 for s in sets]


@pytest.mark.parametrize("scale", [0.0, 1e-9, 1.0, 1e3, 1e6, 1e9, 1e14])
def test_exponentials_keep_every_digit_of_the_phase(scale: float) -> None:
    points = RNG.normal(size=(4, 3))
    k = RNG.normal(size=(3, 70)) * scale
    real, imag = unit_exponentials(points, np.ascontiguousarray(k))
    with mp.workdps(60):
        worst = max(
            abs(complex(mp.expj(-exact_phase(k[:, b], points[a])) - mp.mpc(real[a, b], imag[a, b])))
            for a in range(4)
            for b in range(0, 70, 3)
        )
    assert worst <= 2.3e-16


def test_exponentials_at_multiples_of_a_quarter_turn() -> None:
    turns = np.arange(-9, 10) * (np.pi / 2)
    real, imag = unit_exponentials(np.array([[1.0]]), np.ascontiguousarray(turns[None, :]))
    np.testing.assert_allclose(real[0], np.cos(turns), atol=2.3e-16)
    np.testing.assert_allclose(imag[0], -np.sin(turns), atol=2.3e-16)


@pytest.mark.parametrize(("n", "tolerance"), [(1, 3e-16), (2, 1e-15), (3, 1.5e-15), (5, 2e-15), (7, 3e-15), (9, 2e-14)])
def test_scalar_recursion_against_opitz(n: int, tolerance: float) -> None:
    for nodes in node_sets(n):
        wanted = complex(opitz(nodes))
        assert abs(complex(divided_difference(nodes)) - wanted) * math.factorial(n - 1) <= tolerance, nodes


@pytest.mark.parametrize("n", [2, 3, 4])
def test_lanes_against_opitz(n: int) -> None:
    """Value and all derivatives, through the kernel interface: points are phases, k = 1."""
    order = RNG.permuted(np.tile(np.arange(n), (1, 1)), axis=1)
    measure = np.array([1.0 / math.factorial(n - 1)])
    for nodes in node_sets(n):
        points, k = nodes[:, None], np.ones((1, 1))
        value = simplices_sum(points, order, measure, k)[0, 0]
        assert abs(value - complex(opitz(nodes))) * math.factorial(n - 1) <= 1.5e-15, nodes
        parts = simplices_sum(points, order, measure, k, values=np.eye(n)[None])[0]
        for i in range(n):
            wanted = complex(opitz([*nodes, nodes[order[0, i]]]))
            assert abs(parts[i] - wanted) * math.factorial(n) <= 4e-15, (nodes, i)


@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_lanes_do_not_disturb_each_other(n: int) -> None:
    """A block of mixed regimes gives what each wavevector gives alone; blocks and remainders too."""
    points = RNG.normal(size=(n, 1))
    k = np.concatenate([RNG.normal(size=150) * 10.0 ** RNG.integers(-9, 4, 150), np.zeros(7)])[:, None]
    simplex, measure = np.arange(n)[None, :], np.ones(1)
    for values in (None, np.eye(n)[None]):
        together = simplices_sum(points, simplex, measure, k, values=values)
        alone = [simplices_sum(points, simplex, measure, k[i : i + 1], values=values)[0] for i in range(len(k))]
        np.testing.assert_allclose(together, np.array(alone), rtol=0, atol=1e-16)


def test_identities() -> None:
    nodes = RNG.normal(size=(40, 5)) * 4.0
    value = divided_difference(nodes)
    np.testing.assert_allclose(divided_difference(nodes[:, ::-1]), value, rtol=0, atol=1e-16)
    np.testing.assert_allclose(divided_difference(-nodes), value.conj(), rtol=0, atol=1e-16)
    np.testing.assert_allclose(divided_difference(nodes + 3.0), value * np.exp(-3j), rtol=0, atol=1e-16)
    assert np.all(np.abs(value) <= (1 + 1e-14) / math.factorial(4))
    repeated = [divided_difference(np.c_[nodes, nodes[:, i]]) for i in range(5)]
    np.testing.assert_allclose(np.sum(repeated, axis=0), value, rtol=0, atol=1e-16)


def test_shapes_and_refusals() -> None:
    assert divided_difference(np.zeros((0, 3))).shape == (0,)
    assert divided_difference(np.zeros((2, 4, 3))).shape == (2, 4)
    assert complex(divided_difference([0.0] * 5)) == 1 / 24
    for bad in ([], 1.0, [np.nan], np.zeros(65), [1e16]):
        with pytest.raises(InvalidInputError, match="phases"):
            divided_difference(bad)
