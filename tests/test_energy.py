"""Energy below a cutoff against quadrature by another principle, and at its two ends."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.integrate

import specgeo as sg
from specgeo.testing import random_network
from specgeo.theory import energy_split

TENT = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
ONE = sg.Network([[[1.0, 0.0]], [[0.0]]], [[0.0], [1.0]])


@pytest.mark.parametrize("shape", ["ball", "box"])
@pytest.mark.parametrize("cutoff", [0.1, 3.0, 60.0])
def test_the_tent(cutoff: float, shape: str) -> None:
    """sinc(k / 2)^4 over a line."""
    with mpmath.workdps(25):
        ends = mpmath.linspace(0, cutoff, int(cutoff / 3) + 2)
        wanted = mpmath.quad(lambda k: mpmath.sincpi(k / 2 / mpmath.pi) ** 4, ends) / mpmath.pi
    split = energy_split(sg.enumerate_regions(TENT, sg.Box([-1], [1])), cutoff, shape)
    assert abs(split.low[0] - float(wanted)) <= split.error[0] < 1e-11
    assert split.low + split.high == pytest.approx(split.total, abs=1e-15)


def square(k: float, side: float) -> float:
    """|transform of the indicator of an interval|^2."""
    return float(side * np.sinc(k * side / 2 / np.pi)) ** 2


def test_a_rectangle() -> None:
    """A product over a box; over a disk by quadrature in polar coordinates."""
    cx, cutoff = sg.enumerate_regions(ONE, sg.Box([0, 0], [1, 2])), 5.0
    product = 1.0
    for side in (1.0, 2.0):
        product *= scipy.integrate.quad(square, 0, cutoff, (side,), epsabs=1e-13, epsrel=1e-13)[0] / np.pi
    box, ball = energy_split(cx, cutoff, "box"), energy_split(cx, cutoff, "ball")
    assert abs(box.low[0] - product) <= box.error[0] + 1e-12

    def polar(angle: float, t: float) -> float:
        return t * square(t * np.cos(angle), 1.0) * square(t * np.sin(angle), 2.0)

    disk = scipy.integrate.dblquad(polar, 0, cutoff, 0, np.pi / 2, epsabs=1e-11, epsrel=1e-11)[0] * 4 / (2 * np.pi) ** 2
    assert abs(ball.low[0] - disk) <= ball.error[0] + 1e-10
    assert ball.low[0] < box.low[0] < ball.total[0] == pytest.approx(2.0)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_ends(dim: int) -> None:
    """Near zero the density is (int f)^2 / (2 pi)^d; far out all energy is below; it grows with the cutoff."""
    cx = sg.enumerate_regions(random_network([dim, 4, 3, 2], rng=1), sg.Box(0, 1, dim=dim))
    small = energy_split(cx, 1e-3, "box")
    assert small.low == pytest.approx(cx.integrate() ** 2 * (2e-3 / (2 * np.pi)) ** dim, rel=1e-5)
    cutoffs = [2.0, 10.0, 40.0] if dim < 3 else [2.0, 10.0]
    for shape in ("ball", "box"):
        lows = [energy_split(cx, cutoff, shape).low for cutoff in cutoffs]
        assert np.all(np.diff(lows, axis=0) > 0)
        assert np.all(lows[-1] <= cx.integrate(2)) and np.all(lows[-1] > 0.7 * cx.integrate(2))


def test_refusals() -> None:
    cx = sg.enumerate_regions(TENT, sg.Box([-1], [1]))
    with pytest.raises(sg.InvalidInputError, match="cutoff"):
        energy_split(cx, 0.0)
    with pytest.raises(sg.InvalidInputError, match="lower it"):
        energy_split(sg.enumerate_regions(ONE, sg.Box([0, 0], [1, 2])), 1e4, "box")
