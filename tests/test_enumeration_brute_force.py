"""Hundreds of small networks with degenerate weights: the engine must equal the rational twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive.compare import assert_same_complex
from naive.rational import rational_complex

import specgeo as sg
from specgeo.testing import assert_complex_valid

ENTRIES = {
    "signs": st.sampled_from([-1.0, 0.0, 1.0]),
    "integers": st.integers(-2, 2).map(float),
    "quarters": st.integers(-8, 8).map(lambda n: n / 4),
}
WIDEST = {1: 6, 2: 4, 3: 3}


@st.composite
def networks(draw: st.DrawFn, dim: int) -> sg.Network:
    entries = ENTRIES[draw(st.sampled_from(sorted(ENTRIES)))]
    hidden = draw(st.lists(st.integers(1, WIDEST[dim]), min_size=1, max_size=3 if dim < 3 else 2))
    widths = [dim, *hidden, 1]

    def array(*shape: int) -> np.ndarray:
        n = int(np.prod(shape))
        return np.array(draw(st.lists(entries, min_size=n, max_size=n))).reshape(shape)

    biased = draw(st.booleans())
    weights = [array(n, k) for k, n in zip(widths[:-1], widths[1:], strict=True)]
    biases = [array(n) if biased else np.zeros(n) for n in widths[1:]]
    activation = draw(st.sampled_from(["relu", "relu", "relu", "leaky_relu", "abs", "hard_tanh"]))
    return sg.Network(weights, biases, activation)


def agree(net: sg.Network) -> None:
    d = net.input_dim
    cx = sg.enumerate_regions(net, sg.Box([-1.0] * d, [1.0] * d))
    assert_same_complex(cx, rational_complex(net, [-1.0] * d, [1.0] * d))
    assert_complex_valid(cx, net)


def cases(count: int) -> settings:
    return settings(max_examples=count, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@cases(300)
@given(networks(1))
def test_line(net: sg.Network) -> None:
    agree(net)


@cases(300)
@given(networks(2))
def test_plane(net: sg.Network) -> None:
    agree(net)


@cases(150)
@given(networks(3))
def test_space(net: sg.Network) -> None:
    agree(net)


@pytest.mark.parametrize("seed", range(120))
def test_seeded(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 4))
    widths = [d, *rng.integers(1, WIDEST[d] + 1, int(rng.integers(1, 4))).tolist(), 1]
    top, unit = ((2, 1.0), (8, 0.25), (1, 1.0))[int(rng.integers(3))]
    weights = [rng.integers(-top, top + 1, (n, k)) * unit for k, n in zip(widths[:-1], widths[1:], strict=True)]
    biases = [rng.integers(-top, top + 1, n) * unit * (rng.random() < 0.7) for n in widths[1:]]
    agree(sg.Network(weights, biases, ["relu", "relu", "leaky_relu", "abs", "hard_tanh"][int(rng.integers(5))]))
