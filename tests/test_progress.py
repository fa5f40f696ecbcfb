"""What is told while work goes on: fractions that never fall, an end, a sign of life at every chunk."""

from __future__ import annotations

import logging
import time

import numpy as np
import pytest

import specgeo as sg
from specgeo import _kernel_cache, _limits, _progress
from specgeo.paths import decision_regions, find_path
from specgeo.testing import random_network

PLANE = random_network([2, 6, 5, 3], 0)
BOX = sg.Box([-1, -1], [1, 1])
TENT = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
BUMP = sg.Network(  # |x| + |y| > 1/2
    [[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[1.0, 1.0, 1.0, 1.0]]], [[0.0] * 4, [-0.5]]
)
CX = sg.enumerate_regions(PLANE, BOX)
LONG = {
    "enumerate_regions": lambda progress: sg.enumerate_regions(PLANE, BOX, progress=progress),
    "decision_regions": lambda progress: decision_regions(PLANE, BOX, progress=progress),
    "find_path": lambda progress: find_path(BUMP, [1.0, 0.1], [-1.0, 0.0], progress=progress),
    "spectrum": lambda progress: sg.spectrum(CX, np.ones((3, 2)), progress=progress),
    "fourier_coefficients": lambda progress: sg.fourier_coefficients(CX, [[0, 1]], progress=progress),
    "spectral_report": lambda progress: sg.spectral_report(TENT, sg.Box([-2], [2]), samples=32, progress=progress),
    "verify": lambda progress: sg.verify(TENT, sg.Box([-2], [2]), figures=False, progress=progress),
}


@pytest.mark.parametrize("name", LONG)
def test_fractions_never_fall_and_end_at_one(name: str) -> None:
    told: list[tuple[str, float]] = []
    LONG[name](lambda message, fraction: told.append((message, fraction)))
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and fractions[0] >= 0.0
    assert all(message for message, _ in told)


def test_a_callable_hears_often_in_many_dimensions() -> None:
    """One cut of a 7-face is thousands of cuts of what lies in it: calls of the kernel shrink with the dimension."""
    shares: list[float] = []
    net = random_network([8, 3, 1], 0)
    sg.enumerate_regions(net, sg.Box(-1, 1, dim=8), progress=lambda _, share: shares.append(share))
    assert len(set(shares)) > 20


def test_true_is_a_bar_and_false_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    sg.enumerate_regions(PLANE, BOX, progress=False)
    assert capsys.readouterr().err == ""
    sg.enumerate_regions(PLANE, BOX, progress=True)
    assert "enumerate_regions: layer 2 of 2" in (shown := capsys.readouterr().err) and "100%" in shown


def test_every_chunk_of_a_sum_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which each look takes two seconds: the last message is repeated, with its age."""
    from specgeo.fourier import simplex

    seconds = iter(range(0, 10**6, 2))
    monkeypatch.setattr(_progress.time, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(simplex, "_WORK", 64)
    told: list[str] = []
    tell = _progress.Monotone(lambda message, fraction: told.append(message))
    with _limits.ticking(tell.tick):
        tell("sum", 0.5)
        sg.spectrum(CX, np.linspace(1, 2, 1200).reshape(-1, 2), method="volume")
    assert len(told) > 5 and all(message.startswith("sum (") for message in told[1:])


def test_a_bar_moves_while_nothing_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "HEARTBEAT", 0.01)
    moved = []
    with _progress._beat(lambda: moved.append(1)):
        while len(moved) < 3:
            time.sleep(0.01)


def test_compiling_is_announced_once_and_by_the_logger(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_kernel_cache, "_announced", False)
    with caplog.at_level(logging.WARNING, "specgeo"):
        _kernel_cache._announce("here")
        _kernel_cache._announce("here")
    assert [r.getMessage() for r in caplog.records if "compiling kernels" in r.getMessage()] == [caplog.messages[0]]
    monkeypatch.setattr(_kernel_cache, "_announced", False)
    caplog.clear()
    with caplog.at_level(logging.ERROR, "specgeo"):
        _kernel_cache._announce("here")
    assert not caplog.records
