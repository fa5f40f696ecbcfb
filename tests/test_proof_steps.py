"""Steps of the proof that only rare inputs need: networks whose signs are wrong if such a step is left out."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import specgeo as sg
from specgeo._cast import FloatArray
from specgeo._jit import kernel
from specgeo.enumeration._domain import domain_state
from specgeo.enumeration._layers import Layers, flatten
from specgeo.enumeration._layout import Frame, State, frame_of
from specgeo.enumeration._maps import STEPS, Maps, find_doubts
from specgeo.enumeration._predicates import UNDECIDED, sign_on_plane
from specgeo.enumeration._run import Run
from specgeo.testing import random_network


@pytest.mark.parametrize("ends", [(1, 4), (3, 12), (1 << 20, 1 << 10)])
def test_carries_of_a_wide_sum(ends: tuple[int, int]) -> None:
    """1,000 products of numbers with two digits near 2^27 against a bias that cancels them to its last bit.

    In base 2^28 such a product adds 2^55 to a digit of the sum, which overflows 64 bits unless it is carried every
    some terms. A small last weight makes the others' lowest bit the third of their lowest digit. On [1/2, 1] the
    second unit increases, and has its kink inside if its exact value at 1 is positive: by less than a roundoff of
    the bias.
    """
    n = 1000
    number = (((1 << 27) - ends[0] << 28) + (1 << 27) - ends[1]) / 2.0**55
    assert number * 2**55 == ((1 << 27) - ends[0] << 28) + (1 << 27) - ends[1]
    first, second = (np.append(np.full(n - 1, number), 2.0**-55) for _ in range(2))
    total = sum((Fraction(a) * Fraction(w) for a, w in zip(first.tolist(), second.tolist(), strict=True)), Fraction(0))
    for bias in {-float(total), -float(np.nextafter(float(total), 0.0)), -float(np.nextafter(float(total), 1e9))}:
        net = sg.Network([first[:, None], [second], [[1.0]]], [np.zeros(n), [bias], [0.0]])
        value = total + Fraction(bias)
        assert value != 0 and abs(value) < total / 2**51
        cx = sg.enumerate_regions(net, sg.Box([0.5], [1.0]))
        assert cx.certificate.certified
        assert cx.n_cells == (2 if value > 0 else 1), float(value)


@kernel
def doubts_once(maps: Maps, cell: int, layers: Layers, layer: int, reach: float, out: FloatArray) -> None:
    find_doubts(maps, cell, layers, layer, reach, out)


@kernel
def sign_once(state: State, vertex: int, plane: int, frame: Frame) -> int:
    return sign_on_plane(state, vertex, plane, frame)


@pytest.mark.parametrize("value", [1e-10, -1e-10])
@pytest.mark.parametrize(
    ("radius", "norm", "error", "proved"),
    [
        (0.0, 1.0, 1e-11, True),
        (0.0, 1.0, 1e-9, False),  # the plane's own error
        (1e-9, 1.0, 0.0, False),  # the vertex's
        (1e-12, 1000.0, 0.0, False),  # scaled by the plane's norm
        (1e-12, 10.0, 1e-12, True),
        (6e-11, 1.0, 6e-11, False),  # both together
        (np.nan, 1.0, 0.0, False),
        (0.0, np.inf, 0.0, False),
    ],
)
def test_a_sign_is_proved_only_beyond_all_errors(
    value: float, radius: float, norm: float, error: float, proved: bool
) -> None:
    state, extent = domain_state(sg.Box([-1.0, -1.0], [1.0, 1.0]), 2, True, 8)
    state.x[0] = 0.0, 0.0, radius
    state.planes[4] = 0.0, 0.0, value, norm, error
    expected = (1 if value > 0 else -1) if proved else UNDECIDED
    assert sign_once(state, 0, 4, frame_of(extent, True)) == expected
    assert sign_once(state, 0, 4, frame_of(extent, False)) == (1 if value > 0 else -1)


@pytest.mark.parametrize("widths", [[1, 8, 7, 6, 1], [2, 8, 7, 6, 1], [3, 5, 4, 4, 1]])
def test_corrected_maps_carry_the_doubts_of_their_own_pieces(widths: list[int]) -> None:
    """D_j = sum_k |W_jk| E_k over the neurons that are active on the cell itself, whichever way the map came about."""
    net, d = random_network(widths, 3), widths[0]
    state, extent = domain_state(sg.Box([-1.0] * d, [1.0] * d), d, True, 1 << 12)
    run = Run(flatten(net.weights[:-1], net.biases[:-1], net.activations), state, extent, True)
    run.layer(1)
    before = run.maps
    run.layer(2)
    maps, n = run.maps, widths[1]
    corrected = maps.trust[:, STEPS] > maps.trust[:, STEPS].min()
    assert np.count_nonzero(corrected) > len(corrected) // 2
    active = (run.past.signs(1)[:, :1] >> np.arange(n, dtype=np.uint64)) & np.uint64(1)
    doubts = np.empty(n)
    doubts_once(before, 0, run.layers, 1, run.frame.reach, doubts)  # on the one cell that there was
    wanted = (doubts * active) @ np.abs(net.weights[1]).T
    np.testing.assert_allclose(maps.rows[:, d + 1, :], wanted, rtol=1e-6)
