"""Spectra along straight paths against quadrature of the network's own values, and Parseval."""

from __future__ import annotations

import numpy as np
import pytest

import specgeo as sg
from specgeo.testing import random_network
from specgeo.theory import path_spectrum


def test_against_quadrature_and_parseval() -> None:
    net, rng = random_network([20, 16, 16, 3], rng=0), np.random.default_rng(1)
    start, stop = rng.normal(size=(2, 4, 20))
    found = path_spectrum(net, start, stop, np.arange(400))
    z = (np.arange(20000) + 0.5) / 20000
    values = net(start[:, None] + z[:, None] * (stop - start)[:, None])  # (4, n, 3)
    for n in (0, 1, 7):
        midpoint = (values * np.cos(np.pi * n * z)[:, None]).mean(axis=1)
        assert np.allclose(found.coefficients[:, n], midpoint, atol=1e-7)
    squares = found.coefficients[:, 0] ** 2 + 2 * (found.coefficients[:, 1:] ** 2).sum(axis=1)
    assert np.all(squares <= found.mean_squares * (1 + 1e-12))
    assert np.allclose(squares, found.mean_squares, rtol=1e-5)
    assert found.power.shape == (400, 3) and np.all(found.errors < 1e-10)


def test_refusals() -> None:
    net = random_network([2, 3, 1], rng=0)
    with pytest.raises(sg.InvalidInputError, match="start, stop"):
        path_spectrum(net, [[0.0, 0.0]], [[1.0]], [1])
    with pytest.raises(sg.InvalidInputError, match="modes"):
        path_spectrum(net, [0.0, 0.0], [1.0, 0.0], [-1])
