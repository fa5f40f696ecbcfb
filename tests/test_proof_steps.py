"""Steps of the proof that only rare inputs need: networks whose signs are wrong if such a step is left out."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import specgeo as sg


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
