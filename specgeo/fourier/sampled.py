"""Sampled FFT beside the exact coefficients, with a certificate for the aliasing between them.

Notation. Along axis j the torus has period T_j and N_j samples. For a function of one variable,
continuous and of period T, whose derivative has total variation V over a period,

    F_n = (1/N) sum_j f(a + T j / N) e^{-2 pi i n j / N} = sum_p c_{n + p N},    |c_n| <= B / n^2,   B = T V / (4 pi^2)
    |F_n - c_n| <= B E_N(n),   E_N(n) = pi^2 / (N sin(pi n / N))^2 - 1 / n^2,   E_N(0) = pi^2 / (3 N^2)

In several variables one axis is sampled after the other: axis j contributes E_{N_j}(n_j) T_j / (4 pi^2)
times the mean of V over lines along it, lines through the samples of the later axes, all lines in
the earlier ones. Those means are counts, lengths and areas of the facets' shadows. A jump D across the seam of a 1-D
periodic function adds D times the known DFT of a ramp, (i cot(pi n / N) - 1) / (2 N), against i / (2 pi n).

The samples are rounded too. Each is off by its running error (`specgeo._running_error`), the rounding of its position
included, and F_n by no more than their mean over a period; the transform itself adds some roundoffs of max |f|.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, prod
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.special

from specgeo._arguments import checked
from specgeo._budget import afford, within_memory
from specgeo._cast import FloatArray, IntArray, as_floats, as_indices
from specgeo._display import Shown
from specgeo._double import UNIT_ROUNDOFF
from specgeo._running_error import OUTWARD, values_with_error
from specgeo._xarray import dataset
from specgeo.domain import Box
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier.forms import FacetForm, Term, forms_of
from specgeo.fourier.series import Extension, as_modes, box_forms, fourier_coefficients
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.network import Network

FFT_ROUNDING = 16  # roundoffs of max |f|, times log2 N: each level of the transform
_POSITION_ROUNDING = 5  # roundoffs of |x| + side: a + s (j / N) rounds s, j / N, their product and the sum
_SMALL_ANGLE = 0.5  # below it 1 / sin^2 t - 1 / t^2 and 1 / t - cot t come from their series, where they cancel
_ORDERS = 2 * np.arange(1, 13)  # 1 / t - cot t = sum of c_j t^(2j - 1), c_j = 2 zeta(2j) / pi^(2j): 1e-18 is left out
_COTANGENT = 2 * scipy.special.zeta(_ORDERS) / pi**_ORDERS


@dataclass(frozen=True, eq=False)
class SampledSpectrum(Shown):
    """DFT of samples beside exact Fourier coefficients, on the grid of modes the DFT resolves.

    Attributes
    ----------
    modes : (N_1', .., N_d', d)
        Mirror: 0 <= n_j <= N_j / 2. Periodic: -N_j / 2 <= n_j < N_j / 2.
    sampled, exact : (N_1', .., N_d', m)
        float64 (mirror) or complex128 (periodic); same normalisation and phases.
    alias_bound : (N_1', .., N_d', m)
        Certified bound on |sampled - exact| from aliasing, plus the rounding of ``sampled``: of the transform and of
        the values within the network. Infinite where none is known (periodic in two dimensions or more).
    exact_error : (N_1', .., N_d', m)
        Rounding of ``exact``.
    """

    modes: IntArray
    sampled: npt.NDArray[np.float64 | np.complex128]
    exact: npt.NDArray[np.float64 | np.complex128]
    alias_bound: FloatArray
    exact_error: FloatArray

    @property
    def difference(self) -> FloatArray:
        """``|sampled - exact|``."""
        return np.asarray(np.abs(self.sampled - self.exact))

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` over the modes n_0, n_1, ... and the outputs."""
        d = self.modes.shape[-1]
        axes = (*(f"n_{axis}" for axis in range(d)), "output")
        names = ("sampled", "exact", "difference", "alias_bound", "exact_error")
        places = {f"n_{axis}": np.unique(self.modes[..., axis]) for axis in range(d)}
        return dataset({name: (axes, getattr(self, name)) for name in names}, places)

    def plot(self, ax: Any = None, *, output: int = 0, **options: Any) -> Any:
        r"""Moduli over \|n\| (`specgeo.plotting.spectrum_plot` has the options); the matplotlib Axes."""
        from specgeo.plotting import spectrum_plot

        at = as_indices([output], "output", self.exact.shape[-1])[0]
        modes, exact, sampled = self.modes.reshape(-1, self.modes.shape[-1]), self.exact[..., at], self.sampled[..., at]
        words = {"amplitude": "$|c_n|$", "label": "exact", "length": "$|n|$"}
        return spectrum_plot(modes, exact.ravel(), sampled.ravel(), ax=ax, **{**words, **options})


@checked
@within_memory
def sampled_spectrum(
    cx: PolyhedralComplex,
    n_samples: npt.ArrayLike,
    extension: Extension = "mirror",
    function: Callable[[FloatArray], npt.ArrayLike] | None = None,
) -> SampledSpectrum:
    r"""What an FFT of samples sees, what is true, and how far apart they can be.

    Parameters
    ----------
    cx : PolyhedralComplex
        On a `Box` of dimension 1 to 3.
    n_samples : int or array_like of ints, shape (d,)
        N_j >= 2 samples in each period: over the box (periodic), or over the box and its mirror image, so
        N_j / 2 + 1 different points in the box (mirror; N_j even).
    extension : {"mirror", "periodic"}
        As in `fourier_coefficients`. "periodic" is the naive FFT of a non-periodic function.
    function : callable, optional
        Maps points (..., d) to values (..., m), usually the network, whose rounding is then bounded by the running
        error of its forward pass. Default: the pieces of ``cx``. Of another callable the bound allows for the rounding
        that evaluating these pieces would have.

    Returns
    -------
    SampledSpectrum

    Raises
    ------
    DomainError, InvalidInputError, UnsupportedError
        No box; too few or an odd number of samples; dimension above 3.

    Notes
    -----
    Source: the alias sum of a continuous piecewise-linear function, one axis at a time.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.fourier.sampled import sampled_spectrum
    >>> net = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    >>> ramp = sg.enumerate_regions(net, sg.Box([0], [1]))
    >>> fft = sampled_spectrum(ramp, 16, function=net)
    >>> bool((fft.difference <= fft.alias_bound + fft.exact_error).all())
    True
    """
    box, _ = box_forms(cx)
    if box.dim > 3:
        raise UnsupportedError("cx: alias certificates are for dimension 1 to 3; use fourier_coefficients")
    counts = sample_counts(n_samples, box.dim, extension)
    afford_samples(counts, extension, cx.offsets.shape[1])
    axes = [_sample_axis(box, j, counts[j], extension) for j in range(box.dim)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    values, value_error = _values_at(cx, box, points, function)
    along = tuple(range(box.dim))
    if extension == "mirror":
        sampled = scipy.fft.dctn(values, type=1, axes=along) / np.prod(counts)
        numbers = [np.arange(n // 2 + 1) for n in counts]
    else:
        sampled = np.fft.fftshift(scipy.fft.fftn(values, axes=along), axes=along) / np.prod(counts)
        numbers = [np.arange(n) - n // 2 for n in counts]
    modes = np.stack(np.meshgrid(*numbers, indexing="ij"), axis=-1)
    exact, error = fourier_coefficients(cx, modes, extension, return_error=True)
    rounding = FFT_ROUNDING * UNIT_ROUNDOFF * (1 + np.log2(np.prod(counts))) * np.abs(values).max(axis=along)
    rounding += _mean_over_period(value_error, extension)
    return SampledSpectrum(modes, sampled, exact, alias_bound(cx, modes, counts, extension) + rounding, error)


@checked
@within_memory
def alias_bound(
    cx: PolyhedralComplex, modes: IntArray, n_samples: npt.ArrayLike, extension: Extension = "mirror"
) -> FloatArray:
    r"""Certified bound (..., m) on \|F_n - c_n\| for modes (..., d), \|n_j\| <= N_j / 2, and N_j samples a period.

    Infinite for the periodic extension in two dimensions or more, where the seam may jump.

    Parameters
    ----------
    cx : PolyhedralComplex
        On a box.
    modes : array_like of ints, shape (..., d)
        \|n_j\| <= N_j / 2.
    n_samples : int or d ints
        N_j, samples a period.
    extension : {"mirror", "periodic"}

    Returns
    -------
    ndarray, shape (..., m)

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> tent = sg.enumerate_regions(net, sg.Box([-2], [2]))
    >>> exact, fft = sg.fourier_coefficients(tent, [[1]]), sg.fourier.sampled_spectrum(tent, 64).sampled[1]
    >>> bool(abs(fft - exact[0])[0] <= sg.fourier.alias_bound(tent, [[1]], 64)[0, 0])
    True
    """
    box, _ = box_forms(cx)
    counts = sample_counts(n_samples, box.dim, extension)
    form = forms_of(cx).facets
    numbers = as_modes(modes, box.dim)
    if np.any(2 * np.abs(numbers) > counts):
        raise InvalidInputError(f"modes: |n| <= N / 2 wanted on each axis, for {counts} samples; take more samples")
    if extension == "periodic" and box.dim > 1:
        return np.full((*numbers.shape[:-1], len(form.defect)), np.inf)
    total = np.zeros((*numbers.shape[:-1], len(form.defect)))
    sides = box.upper - box.lower
    grids = [_sample_axis(box, j, counts[j], extension) for j in range(box.dim)]
    for j in range(box.dim):
        period = sides[j] * (2 if extension == "mirror" else 1)
        variation = _mean_variation(cx, form, box, j, grids, extension)
        total += alias_factor(numbers[..., j], counts[j])[..., None] * (period * variation / (4 * pi**2))
    if extension == "periodic":
        ends = np.argsort(form.trace.points[form.trace.simplices[:, 0], 0])
        assert form.trace.values is not None
        jump = form.trace.values[ends[-1], 0] - form.trace.values[ends[0], 0]
        total += _ramp_error(numbers[..., 0], counts[0])[..., None] * np.abs(jump)
    return total


def alias_factor(n: npt.ArrayLike, n_samples: int) -> FloatArray:
    """E_N(n) = sum over p != 0 of 1 / (n + p N)^2, |n| <= N / 2."""
    t = pi * np.asarray(n, dtype=np.float64) / n_samples
    away = np.where(np.abs(t) < _SMALL_ANGLE, 1.0, t)
    series = np.polynomial.polynomial.polyval(t**2, (_ORDERS - 1) * _COTANGENT)
    value = np.where(np.abs(t) < _SMALL_ANGLE, series, 1 / np.sin(away) ** 2 - 1 / away**2)
    return np.asarray(value * (pi / n_samples) ** 2)


def _ramp_error(n: npt.ArrayLike, n_samples: int) -> FloatArray:
    """Distance of the ramp's DFT to its Fourier coefficient: |i (1 / t - cot t) + 1| / (2 N), t = pi n / N."""
    t = pi * np.asarray(n, dtype=np.float64) / n_samples
    away = np.where(np.abs(t) < _SMALL_ANGLE, 1.0, t)
    series = t * np.polynomial.polynomial.polyval(t**2, _COTANGENT)
    rest = np.where(np.abs(t) < _SMALL_ANGLE, series, 1 / away - 1 / np.tan(away))
    return np.asarray(np.hypot(rest, 1) / (2 * n_samples))


def sample_counts(n_samples: npt.ArrayLike, dim: int, extension: Extension) -> list[int]:
    """Samples a period of each axis, checked."""
    counts = np.broadcast_to(np.asarray(n_samples), (dim,)) if np.ndim(n_samples) == 0 else np.asarray(n_samples)
    if counts.shape != (dim,) or not np.issubdtype(counts.dtype, np.integer) or np.any(counts < 2):
        raise InvalidInputError(f"n_samples: one whole number >= 2, or {dim} of them (one an axis), wanted")
    if extension == "mirror" and np.any(counts % 2):
        raise InvalidInputError("n_samples: odd; the mirror extension is sampled an even number of times a period")
    return [int(n) for n in counts]


def afford_samples(counts: list[int], extension: Extension, n_outputs: int, max_bytes: int | None = None) -> None:
    """That there is memory for samples, their FFT and the exact coefficients, before any work."""
    kept = prod(n // 2 + 1 if extension == "mirror" else n for n in counts)
    needed = 8.0 * kept * (12 * len(counts) + 24 * n_outputs + 8)
    what = f"n_samples: {kept:,} samples" if max_bytes is None else "max_bytes"
    afford(needed, what, "take fewer n_samples or raise max_bytes", max_bytes)


def _sample_axis(box: Box, axis: int, count: int, extension: Extension) -> FloatArray:
    """The samples of one axis that lie in the box."""
    inside = np.arange(count // 2 + 1) * 2 if extension == "mirror" else np.arange(count)
    side = box.upper[axis] - box.lower[axis]
    return np.asarray(np.minimum(box.lower[axis] + side * (inside / count), box.upper[axis]))


def _values_at(
    cx: PolyhedralComplex, box: Box, points: FloatArray, function: Callable[[FloatArray], npt.ArrayLike] | None
) -> tuple[FloatArray, FloatArray]:
    """Values at the samples, and how far rounding took each from the value at the sample's true place."""
    m = cx.gradients.shape[1]
    shift = _POSITION_ROUNDING * UNIT_ROUNDOFF * (np.abs(points) + (box.upper - box.lower))
    if isinstance(function, Network):
        values, error = values_with_error(function, points, shift)
    else:
        values, error = as_floats((cx if function is None else function)(points), "function(points)"), None
    if values.shape != (*points.shape[:-1], m):
        raise InvalidInputError(
            f"function: returned shape {values.shape} for points {points.shape}, {(*points.shape[:-1], m)} wanted"
        )
    if error is None:  # g.x + b in any cell: d + 1 products and sums, the rounding of x among them
        slopes, offsets = np.abs(cx.gradients).max(axis=0), np.abs(cx.offsets).max(axis=0)
        error = shift @ slopes.T + (cx.dim + 2) * UNIT_ROUNDOFF * (np.abs(points) @ slopes.T + offsets)
    if not np.all(np.isfinite(values)):
        raise InvalidInputError("function: returned NaN or infinite values; scale the network down")
    return values, error


def _mean_over_period(error: FloatArray, extension: Extension) -> FloatArray:
    """Mean (m,) over the samples of a period, of the errors (.., m) of those in the box."""
    while error.ndim > 1:
        error = np.tensordot(_row_weights(len(error), extension), error, axes=1)
    return np.asarray(error * OUTWARD)


def _mean_variation(
    cx: PolyhedralComplex, form: FacetForm, box: Box, axis: int, grids: list[FloatArray], extension: Extension
) -> FloatArray:
    """Mean over lines along ``axis`` of the total variation of the derivative along it, on the torus: (m,)."""
    kinks = _shadow(form.kinks, box, axis, grids, extension)
    if extension == "mirror":  # a kink is met twice, a wall once with jump 2 |d_nu f|
        return 2 * (kinks + _shadow(form.flux, box, axis, grids, extension))
    first, last = np.argmin(cx.centroids[:, 0]), np.argmax(cx.centroids[:, 0])
    return np.asarray(kinks + np.abs(cx.gradients[first, :, 0] - cx.gradients[last, :, 0]))


def _shadow(term: Term, box: Box, axis: int, grids: list[FloatArray], extension: Extension) -> FloatArray:
    """Sum over facets of |jump along the axis| times the share of lines that meet them: (m,)."""
    assert term.weights is not None
    if len(term) == 0:
        return np.zeros(term.weights.shape[1])
    corners = term.points[term.simplices]
    slopes = np.abs(_unit_normals(corners)[:, axis])
    met = np.flatnonzero(slopes > 0)  # lines that lie in a facet see no jump
    share = _line_share(corners[met], axis, grids, box.upper - box.lower, extension)
    return np.asarray((slopes[met] * share) @ np.abs(term.weights[met]))


def _line_share(
    corners: FloatArray, axis: int, grids: list[FloatArray], sides: FloatArray, extension: Extension
) -> FloatArray:
    """Share of the lines along ``axis`` that meet each simplex: later axes on their grid, earlier ones everywhere."""
    d = corners.shape[2]
    if d == 1:
        return np.ones(len(corners))
    if axis == d - 1:  # the shadow's area
        if d == 2:
            return np.asarray(np.ptp(corners[:, :, 0], axis=1) / sides[0])
        edges = corners[:, 1:, :2] - corners[:, :1, :2]
        return np.asarray(np.abs(np.linalg.det(edges)) / 2 / (sides[0] * sides[1]))
    owner, row, ends = _slices(corners, grids[d - 1])
    weights = _row_weights(len(grids[d - 1]), extension)[row]
    if d == 3:  # the slices are segments in the plane of the first two axes
        weights = weights * _line_share(ends, axis, grids[:2], sides[:2], extension)
    return np.bincount(owner, weights, minlength=len(corners)).astype(np.float64)


def _row_weights(count: int, extension: Extension) -> FloatArray:
    """Share of the torus' samples at each sample in the box."""
    weights = np.ones(count)
    if extension == "mirror":
        weights[1:-1] = 2.0
    return np.asarray(weights / weights.sum())


def _slices(corners: FloatArray, levels: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Segments or triangles cut at levels of the last coordinate: simplex, level, and what is left (n, d - 1, d - 1).

    Both ends of a simplex count, so that neighbours may both be cut: the bound stays one.
    """
    heights = corners[:, :, -1]
    order = np.argsort(heights, axis=1)
    ordered = np.take_along_axis(corners, order[:, :, None], axis=1)
    low, high = ordered[:, 0, -1], ordered[:, -1, -1]
    first = np.searchsorted(levels, low, side="left")
    counts = np.maximum(np.searchsorted(levels, high, side="right") - first, 0)
    owner = np.repeat(np.arange(len(corners)), counts)
    row = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[owner]
    cut, level = ordered[owner], levels[row]
    ends = [_at_level(cut[:, 0], cut[:, -1], level)]
    if corners.shape[1] == 3:
        upper = level >= cut[:, 1, -1]
        flat_top = cut[:, 1, -1] == cut[:, 2, -1]
        upper &= ~flat_top
        start = np.where(upper[:, None], cut[:, 1], cut[:, 0])
        stop = np.where(upper[:, None], cut[:, 2], cut[:, 1])
        ends.append(_at_level(start, stop, level))
    return owner, row, np.stack(ends, axis=1)


def _at_level(start: FloatArray, stop: FloatArray, level: FloatArray) -> FloatArray:
    rise = stop[:, -1] - start[:, -1]
    share = np.clip((level - start[:, -1]) / np.where(rise == 0, 1.0, rise), 0.0, 1.0)[:, None]
    return np.asarray(start[:, :-1] + share * (stop - start)[:, :-1])


def _unit_normals(corners: FloatArray) -> FloatArray:
    """Unit normals of (d-1)-simplices, up to sign: (n_s, d)."""
    d = corners.shape[2]
    if d == 1:
        return np.ones((len(corners), 1))
    edges = corners[:, 1:] - corners[:, :1]
    normals = edges[:, 0, ::-1] * [1.0, -1.0] if d == 2 else np.cross(edges[:, 0], edges[:, 1])
    return np.asarray(normals / np.linalg.norm(normals, axis=1)[:, None])
