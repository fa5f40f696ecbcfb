"""Alias certificates: alias sums, closed forms, random networks in one to three dimensions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from theory_cases import random_network

import specgeo as sg
from specgeo.theory import sampling as sp


def test_alias_factor_is_the_alias_sum() -> None:
    for n_samples in (8, 200):
        n = np.arange(0, n_samples // 2 + 1)
        p = np.arange(1, 200_000)
        tail = 2 / (n_samples**2 * 200_000)
        brute = np.array([(1.0 / (m + p * n_samples) ** 2 + 1.0 / (m - p * n_samples) ** 2).sum() for m in n])
        values = sp.alias_factor(n, n_samples)
        assert np.all(np.abs(values - brute) < 1.1 * tail)
        assert values[-1] == pytest.approx((np.pi**2 - 4) / n_samples**2, rel=1e-12)
        assert values[0] == pytest.approx(np.pi**2 / (3 * n_samples**2), rel=1e-12)
        assert values.argmax() == n_samples // 2
    assert round(float(sp.alias_factor(50, 200)) * 50**2, 2) == 0.23


@pytest.mark.parametrize("extension", ["mirror", "periodic"])
@pytest.mark.parametrize("kind", ["he", "zero bias", "integer"])
def test_one_dimension(extension: str, kind: str) -> None:
    for seed in range(5):
        net = random_network(1, (8, 6), kind, seed)
        cx = sg.enumerate_regions(net, sg.Box([-0.7], [1.3]))
        for n_samples in (4, 10, 64):
            report = sp.alias_report(cx, n_samples, extension=extension, function=net)
            assert report.checks[0].holds, str(report)
            assert np.all(np.isfinite(report.bound))
            if extension == "mirror":
                b = sp.alias_constant(cx)
                assert report.bound == pytest.approx(b * sp.alias_factor(report.modes[:, 0], n_samples), rel=1e-10)
                nonzero = report.modes[:, 0] > 0
                assert np.all(report.exact[nonzero] <= b / report.modes[nonzero, 0] ** 2 * (1 + 1e-9) + 1e-14)


@pytest.mark.parametrize(("d", "n_samples", "cap"), [(2, 64, 0.9), (3, 12, 0.9)])
def test_mirror_torus_in_more_dimensions(d: int, n_samples: int, cap: float) -> None:
    net = random_network(d, (7, 6), "he", 4)
    cx = sg.enumerate_regions(net, sg.Box([0.0] * d, [1.0] * d))
    report = sp.alias_report(cx, n_samples, function=net)
    assert report.checks[0].holds, str(report)
    assert 0.01 < report.checks[0].details["largest_ratio"] < cap
    assert len(report.modes) == (n_samples // 2 + 1) ** d


def test_samples_needed_is_the_smallest_and_suffices() -> None:
    net = random_network(1, (8, 8), "he", 7)
    cx = sg.enumerate_regions(net, sg.Box([0], [1]))
    for mode, tolerance in ((0, 1e-4), (3, 1e-5), (40, 1e-6)):
        n = sp.samples_needed(cx, [mode], tolerance)
        b = sp.alias_constant(cx)
        assert b * sp.alias_factor(mode, n) <= tolerance * (1 + 1e-12)
        assert n == max(2 * mode, 2) or b * sp.alias_factor(mode, n - 2) > tolerance * (1 - 1e-12)
        report = sp.alias_report(cx, n, function=net)
        assert report.difference[mode] <= tolerance + 1e-13


def test_samples_needed_in_the_plane() -> None:
    net = random_network(2, (6, 5), "he", 7)
    cx = sg.enumerate_regions(net, sg.Box([0, 0], [1, 1]))
    n = sp.samples_needed(cx, [3, 2], 1e-3)
    report = sp.alias_report(cx, n, function=net)
    at = np.flatnonzero(np.all(report.modes == [3, 2], axis=1))[0]
    assert report.bound[at] <= 1e-3
    assert report.difference[at] <= 1e-3


def test_relative_error_grows_to_the_nyquist_frequency() -> None:
    net = random_network(1, (8, 8), "he", 1)
    report = sp.alias_report(sg.enumerate_regions(net, sg.Box([0], [1])), 200, function=net)
    relative = report.relative_error[1:]
    assert np.median(relative[:5]) < 0.01
    assert np.median(relative[-10:]) > 0.3
    assert json.dumps(report.to_dict(), allow_nan=False)
    pytest.importorskip("matplotlib")
    assert report.plot().has_data()


def test_bad_input_is_refused() -> None:
    cx = sg.enumerate_regions(random_network(2, (4,)), sg.Box([0, 0], [1, 1]))
    with pytest.raises(sg.UnsupportedError, match="periodic"):
        sp.samples_needed(cx, [1, 1], 1e-3, extension="periodic")
    with pytest.raises(sg.InvalidInputError, match="tolerance"):
        sp.samples_needed(cx, [1, 1], 0.0)
    with pytest.raises(sg.UnsupportedError, match="one dimension"):
        sp.alias_constant(cx)
    assert sp.alias_report(cx, 8, extension="periodic").checks == ()


def test_zero_network() -> None:
    zero = sg.Network([[[1.0]], [[0.0]]], [[0.1], [0.0]])
    cx = sg.enumerate_regions(zero, sg.Box([-1], [1]))
    report = sp.alias_report(cx, 8, function=zero)
    assert report.checks[0].holds
    assert report.bound.max() == 0
    assert np.all(report.relative_error == 0)
    assert sp.samples_needed(cx, [3], 1e-9) == 6
