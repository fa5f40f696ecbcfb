"""Mirror and periodic series of a continuous piecewise-linear function of one variable from its values at the kinks.

With vertices x_0 < ... < x_n on [a, a + s], slopes g_i between them, c_i = g_{i+1} - g_i the jumps inside and
y = pi (x - a) / s, by parts twice,

    mirror     c_n = s / (pi n)^2    [ (-1)^n g_n - g_1 - sum_i c_i cos(n y_i) ]
    periodic   c_n = s / (2 pi n)^2  [ g_n - g_1 - sum_i c_i e^{-2 i n y_i} ]  +  i (f(x_n) - f(x_0)) / (2 pi n)

They are those of the interpolant, which is as far from the function as the values are: slopes over short cells lose
digits, but no coefficient does. Phases are those of the box, in double-doubles.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo.fourier.forms import own_coordinates
from specgeo.fourier.phases import unit_exponentials
from specgeo.fourier.simplex import as_complex

_ENTRIES = 1 << 20  # cosines held at a time


def line_coefficients(
    x: FloatArray,
    values: FloatArray,
    lower: float,
    upper: float,
    modes: IntArray,
    extension: Literal["mirror", "periodic"],
) -> npt.NDArray[np.float64 | np.complex128]:
    """Coefficients (n_modes, m) of the interpolant of values (n, m) at x (n,), in ascending order."""
    side = upper - lower
    gaps = np.diff(x)
    wide = gaps > 0.0
    keep = np.concatenate(([True], wide))
    x, values, gaps = x[keep], values[keep], gaps[wide]
    slopes = np.diff(values, axis=0) / gaps[:, None]
    jumps = np.concatenate((slopes[:1], np.diff(slopes, axis=0), -slopes[-1:]))  # from and to slope 0 outside
    half = 1.0 if extension == "mirror" else 2.0
    phases = own_coordinates(x[:, None], np.array([lower]), np.array([upper]))
    n = np.abs(modes) if extension == "mirror" else modes
    sums = np.empty((len(n), values.shape[1]), np.complex128)
    step = max(1, _ENTRIES // len(x))
    for start in range(0, len(n), step):
        real, imag = unit_exponentials(phases, np.asarray(half * n[None, start : start + step], np.float64))
        sums[start : start + step] = as_complex(real.T @ jumps, imag.T @ jumps)
    with np.errstate(divide="ignore", invalid="ignore"):
        k = np.pi * half * n[:, None]
        found: npt.NDArray[np.float64 | np.complex128] = sums if extension == "periodic" else sums.real
        result = -side * found / k**2
        if extension == "periodic":
            result = result + 1j * (values[-1] - values[0]) / k
    mean = (gaps[:, None] * (values[:-1] + values[1:])).sum(axis=0) / (2.0 * side)
    result[n == 0] = mean
    return result
