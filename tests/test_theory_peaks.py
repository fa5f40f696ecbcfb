"""The price of a peak: published figures, brute-force minima, networks that attain the bounds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import linprog, minimize_scalar
from theory_cases import random_network, tent

import specgeo as sg
from specgeo.theory import peaks as pk
from specgeo.theory.decay import sample_wavevectors
from specgeo.theory.support import clamp_to_support
from specgeo.theory.variation import directional_variation


def test_reference_table() -> None:
    values = [round(pk.peak_squared_error(x, 200), 4) for x in (10, 50, 100, 150, 200)]
    assert values == [0.7056, 0.3750, 0.1667, 0.0417, 0]
    assert pk.peak_squared_error(199.9, 200) > 0
    assert pk.peak_squared_error(0.0, 200) == pytest.approx(1 - 1 / 199)  # constant fit, 99 samples on either side


@pytest.mark.parametrize("lipschitz", [3.0, 17.0, 60.0, 120.0])
def test_squared_error_against_brute_force(lipschitz: float) -> None:
    j = np.arange(1, 400)

    def objective(p: float) -> float:
        return (1 - p) ** 2 + 2 * (np.maximum(p - j * lipschitz / 200, 0) ** 2).sum()

    best = minimize_scalar(objective, bounds=(0, 1), method="bounded", options={"xatol": 1e-12}).fun
    assert pk.peak_squared_error(lipschitz, 200) == pytest.approx(best, rel=1e-9)


def test_sup_error_against_linear_programming() -> None:
    n, lipschitz = 9, 4.0
    # values f_j and the error e: |f_j - target_j| <= e, |f_{j+1} - f_j| <= L / n
    target = np.eye(n)[n // 2]
    eye, step = np.eye(n), np.diff(np.eye(n), axis=0)
    ones = np.ones((n, 1))
    a = np.block([[eye, -ones], [-eye, -ones], [step, np.zeros((n - 1, 1))], [-step, np.zeros((n - 1, 1))]])
    b = np.concatenate((target, -target, np.full(2 * (n - 1), lipschitz / n)))
    best = linprog(np.eye(n + 1)[-1], a, b, bounds=[(None, None)] * (n + 1)).fun
    assert pk.peak_sup_error(lipschitz, n) == pytest.approx(best, abs=1e-9)


def test_random_and_fitting_networks() -> None:
    box = sg.Box([0], [1])
    for kind in ("he", "zero bias", "integer"):
        for seed in range(6):
            net = random_network(1, (6, 5), kind, seed)
            report = pk.peak_report(net, sg.enumerate_regions(net, box), 50)
            assert all(check.holds for check in report.checks), str(report)
    n = 64  # the tent through the samples: no error, L_f = N and 4 N of variation
    net = sg.Network([[[n]] * 3, [[1, -2, 1]]], [[-n // 2 + 1, -n // 2, -n // 2 - 1], [0]])
    cx = sg.enumerate_regions(net, box)
    report = pk.peak_report(net, cx, n)
    assert (report.sup_error, report.squared_error, report.lipschitz) == (0.0, 0.0, n)
    coefficients = np.abs(sg.spectrum(cx, 2 * np.pi * np.arange(1, 40)[:, None])[:, 0])
    assert coefficients == pytest.approx(pk.tent_coefficients(n, np.arange(1, 40)), rel=1e-10)
    assert round(float(pk.tent_coefficients(200, 100)) * 200, 3) == 0.405
    assert report.variation.slope == 4 * n and report.variation.jump < 1e-12
    assert json.dumps(report.to_dict(), allow_nan=False)
    pytest.importorskip("matplotlib")
    assert report.plot().has_data()


def test_squared_error_is_attained() -> None:
    """The optimal profile max(0, p - L|x - 1/2|), as a network, has exactly the bound."""
    n, lipschitz = 20, 8.0
    step = lipschitz / n
    j = np.arange(1, 9)

    def objective(q: float) -> float:
        return (1 - q) ** 2 + 2 * (np.maximum(q - step * j, 0) ** 2).sum()

    p = minimize_scalar(objective, bounds=(0, 1), method="bounded", options={"xatol": 1e-13}).x
    w = p / lipschitz
    net = sg.Network([[[1.0]] * 3, [[lipschitz, -2 * lipschitz, lipschitz]]], [[w - 0.5, -0.5, -w - 0.5], [0.0]])
    report = pk.peak_report(net, sg.enumerate_regions(net, sg.Box([0], [1])), n)
    assert report.squared_error == pytest.approx(report.checks[1].bound, rel=1e-9)


def test_peaks_in_the_spectrum() -> None:
    w = 0.05
    _, cx = tent(1, w, 1 / w)
    k = np.linspace(1, 100, 2000)[:, None]
    values = np.abs(sg.spectrum(cx, k)[:, 0])
    cutoff = k[values >= 0.5].max()
    assert cutoff * w == pytest.approx(2.783, abs=2e-3)
    assert pk.variation_needed(cutoff) <= directional_variation(cx, [1.0]) <= 1.04 * pk.variation_needed(cutoff)
    assert pk.variation_check(cx, k).holds
    net = random_network(2, (6, 5))
    g = sg.enumerate_regions(clamp_to_support(net, sg.Box([-1, -1], [1, 1]), 3.0), sg.Box([-1, -1], [1, 1]))
    check = pk.variation_check(g, sample_wavevectors(g, 200))
    assert check.holds
    assert check.measured > 0.3


def test_triangle_wave_attains_the_mode_bound() -> None:
    """Period 1/3, slopes +-12: |c_n| = J / (4 pi^2 n^2) at n = 3, and the largest mode follows."""
    x = np.arange(6) / 6
    signs = np.array([1, -2, 2, -2, 2, -2]) * 12.0
    net = sg.Network([[[1.0]] * 6, [signs.tolist()]], [(-x).tolist(), [0.0]])
    cx = sg.enumerate_regions(net, sg.Box([0], [1]))
    j = pk.circle_variation(cx)
    assert j.slope == pytest.approx(6 * 24)
    c = np.abs(sg.spectrum(cx, [[2 * np.pi * 3]])[0, 0])
    assert c == pytest.approx(j.bound(3), rel=1e-10)
    assert pk.largest_mode(j, 2 * c) == pytest.approx(3, rel=1e-10)


def test_series_error() -> None:
    """A sine against a network of small variation: the exact L2 distance obeys the bound."""
    net = random_network(1, (5,), "he", 2)
    zero_mean = sg.enumerate_regions(clamp_to_support(net, sg.Box([0], [1]), 2.0), sg.Box([0], [1]))
    j = pk.circle_variation(zero_mean)
    target = np.zeros(12, complex)
    target[9] = -0.5j
    x = (np.arange(200_000) + 0.5) / 200_000
    g = clamp_to_support(net, sg.Box([0], [1]), 2.0)(x[:, None])[:, 0]
    distance = ((g - np.sin(2 * np.pi * 10 * x)) ** 2).mean()
    assert 0 < pk.series_error(target, j) <= distance
    assert round(pk.series_error([0, 0, 0, 0, -0.5j], 100.0), 4) == round(2 * (0.5 - 100 / (100 * np.pi**2)) ** 2, 4)


def test_weight_clips() -> None:
    assert round(pk.clip_needed(200, 1, [64] * 5), 4) == 0.0756
    with pytest.raises(sg.InvalidInputError):
        pk.clip_needed(0, 1, [3])
    with pytest.raises(sg.InvalidInputError):
        pk.largest_mode(1.0, 0.0)


def test_zero_network() -> None:
    zero = sg.Network([[[1.0]], [[0.0]]], [[0.1], [0.0]])
    cx = sg.enumerate_regions(zero, sg.Box([-1], [1]))
    report = pk.peak_report(zero, cx, 10)
    assert (report.sup_error, report.squared_error, report.variation) == (1.0, 1.0, pk.CircleVariation(0.0, 0.0))
    assert all(check.holds for check in report.checks)
    assert pk.variation_check(cx, [[1.0], [5.0]]).measured == 0.0


def wave(periods: int, lower: float, length: float, height: float = 1.0) -> sg.Network:
    """A triangle wave from 0 up to ``height`` and down again, that many times."""
    at = lower + np.arange(2 * periods) * length / (2 * periods)
    slope = height * 2 * periods / length
    jumps = slope * np.array([1.0, *([-2.0, 2.0] * periods)[: 2 * periods - 1]])
    return sg.Network([np.ones((len(at), 1)), [jumps]], [-at, [0.0]])


@pytest.mark.parametrize(("lower", "length"), [(0.0, 10.0), (-3.0, 0.125), (1000.0, 16.0), (0.0, 1e-6), (0.0, 1.0)])
def test_a_triangle_wave_reaches_its_mode_on_any_interval(lower: float, length: float) -> None:
    for periods in (1, 4):
        net = wave(periods, lower, length, 3.0)
        cx = sg.enumerate_regions(net, sg.Box([lower], [lower + length]))
        reach = pk.circle_variation(cx)
        assert reach.slope == pytest.approx(3.0 * 8 * periods**2, rel=1e-9)
        assert reach.jump < 1e-10
        assert pk.largest_mode(reach, 3.0 * 4 / np.pi**2) == pytest.approx(periods, rel=1e-9)
        c = np.abs(sg.fourier_coefficients(cx, [[periods]], "periodic")[0, 0])
        assert pk.largest_mode(reach, 2 * c) == pytest.approx(periods, rel=1e-6)


def test_a_jump_at_the_seam_is_part_of_the_bound() -> None:
    ramp = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    cx = sg.enumerate_regions(ramp, sg.Box([0], [1]))
    reach = pk.circle_variation(cx)
    assert reach.slope == 0.0 and reach.jump == pytest.approx(1.0, rel=1e-14)
    assert reach.bound(5) == pytest.approx(1 / (10 * np.pi), rel=1e-14)  # |c_5| = .0318
    assert pk.largest_mode(reach, 1 / (5 * np.pi)) == pytest.approx(5, rel=1e-12)
    assert pk.series_error([0, 0, 0, 0, 0.05], reach) == pytest.approx(2 * (0.05 - 1 / (10 * np.pi)) ** 2)
    c = np.abs(sg.fourier_coefficients(cx, np.arange(1, 50)[:, None], "periodic")[:, 0])
    assert c == pytest.approx(reach.bound(np.arange(1, 50)), rel=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_every_mode_of_random_networks_is_within_the_bound(seed: int) -> None:
    """Coefficients by an FFT of 2^16 samples of the network's values, an interval at a random place."""
    rng = np.random.default_rng(seed)
    lower, length = rng.normal() * 5, 10 ** rng.uniform(-2, 2)
    unit = random_network(1, (6, 5), ("he", "integer")[seed % 2], seed)
    net = unit.precompose([[2 / length]], [-2 * lower / length - 1])
    cx = sg.enumerate_regions(net, sg.Box([lower], [lower + length]))
    n = 1 << 16
    x = lower + length * (np.arange(n) + 0.5) / n
    c = np.abs(np.fft.fft(net(x[:, None])[:, 0]) / n)[1:60]
    bound = pk.circle_variation(cx).bound(np.arange(1, 60))
    assert np.all(c <= bound * (1 + 1e-6) + 1e-9)
    assert np.max(c / bound) > 0.05


def test_the_plot_marks_the_steepness_of_the_unit_problem() -> None:
    pytest.importorskip("matplotlib")
    net = wave(1, 0.0, 10.0, 5.0)
    report = pk.peak_report(net, sg.enumerate_regions(net, sg.Box([0], [10])), 20, height=5.0)
    assert report.lipschitz == pytest.approx(1.0) and report.steepness == pytest.approx(2.0)
    ax = report.plot()
    assert ax.lines[1].get_xdata()[0] == report.steepness
    assert ax.lines[1].get_ydata()[0] >= np.interp(report.steepness, *ax.lines[0].get_data())
