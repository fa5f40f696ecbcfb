"""Encodings on a grid against numpy's interpolation."""

from __future__ import annotations

import numpy as np
import pytest

import specgeo as sg

KNOTS = np.array([-1.0, -0.5, 0.25, 1.0])


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("shape", [(5, 4), (2, 5, 4)])
def test_features_are_interpolated(shape, keep, random_network):
    features = np.random.default_rng(0).normal(size=shape)
    features[..., 0, :] = 1.5  # constant: no unit
    net = random_network([12 if keep else 10, 6, 2], seed=1)
    made = sg.readers.with_encoding(net, KNOTS, features, keep)
    x = np.random.default_rng(1).uniform(-1.5, 1.5, size=(200, 2))
    table = np.broadcast_to(features, (2, 5, 4))
    phi = np.stack([np.interp(x[:, i], KNOTS, table[i, j]) for i in range(2) for j in range(5)], axis=1)
    expected = net(np.hstack([phi, x]) if keep else phi)
    np.testing.assert_allclose(made(x), expected, atol=1e-12)
    assert made.n_units == 2 * 4 * 4 + 6


def test_tents_on_a_grid_cut_at_its_knots():
    net = sg.readers.with_encoding(sg.Network([np.eye(8)[:1]], [[0.0]]), KNOTS, np.eye(4))
    cx = sg.enumerate_regions(net, sg.Box(-1, 1, dim=2))
    assert cx.f_vector == (16, 24, 9)


def test_a_sine_is_interpolated_within_its_bound():
    knots, w = np.linspace(0.0, 1.0, 65), 2.0 * np.pi * 3.0
    net = sg.readers.with_encoding(sg.Network([[[1.0]]], [[0.0]]), knots, np.sin(w * knots)[None])
    x = np.linspace(0.0, 1.0, 10_001)[:, None]
    error = np.abs(net(x) - np.sin(w * x)).max()
    assert 0.9 * (w / 64) ** 2 / 8 < error <= (w / 64) ** 2 / 8


def test_encodings_that_do_not_fit():
    net = sg.Network([np.ones((1, 6))], [[0.0]])
    for knots, features, words in (
        ([0.0, 0.0], np.ones((2, 2)), "knots: must increase"),
        ([0.0], np.ones((2, 1)), "knots: must increase"),
        ([0.0, 1.0], np.ones((2, 3)), r"features: shape \(2, 3\)"),
        ([0.0, 1.0], np.ones((4, 2)), "do not make the 6 inputs"),
        ([0.0, 1.0], np.ones((2, 2, 2)), "do not make the 6 inputs"),
        ([0.0, 1e-300], [[0.0, 1e300]] * 2, "overflow"),
    ):
        with pytest.raises(sg.InvalidInputError, match=words):
            sg.readers.with_encoding(net, knots, features)
