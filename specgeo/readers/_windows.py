"""Convolutions and pools of signals, in any number of dimensions: positions of the entries that each window meets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo.errors import UnsupportedError
from specgeo.readers._maps import csr
from specgeo.readers._signals import Signal, floats, linear


@dataclass(frozen=True)
class Windows:
    """Windows over the last axes of a tensor; ``ceil``: the last one may reach beyond the pads."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    ceil: bool = False

    def counts(self, spatial: Sequence[int]) -> tuple[int, ...]:
        """Number of windows along each axis; one that begins in the pad behind does not count."""
        counts = []
        for n, k, s, (before, after), d in zip(
            spatial, self.kernel, self.stride, self.pads, self.dilation, strict=True
        ):
            room = n + before + after - d * (k - 1) - 1
            count = -(-room // s) + 1 if self.ceil else room // s + 1
            if self.ceil and (count - 1) * s >= n + before:
                count -= 1
            if room < 0 or count < 1:
                raise UnsupportedError(f"a window of {k} does not fit into {n} entries; mend the model")
            counts.append(count)
        return tuple(counts)

    def positions(
        self, spatial: Sequence[int], counts: Sequence[int]
    ) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """For each window its positions among the spatial entries, -1 outside, and which are not beyond the pads."""
        places, within = np.zeros((1, 1), np.int64), np.ones((1, 1), np.bool_)
        for n, k, s, (before, after), d, count in zip(
            spatial, self.kernel, self.stride, self.pads, self.dilation, counts, strict=True
        ):
            at = (np.arange(count)[:, None] * s - before + np.arange(k) * d)[None, :, None, :]
            first, former = places[:, None, :, None], within[:, None, :, None]
            inside = (first >= 0) & (at >= 0) & (at < n)
            shape = len(places) * count, -1
            places = np.where(inside, first * n + at, -1).reshape(shape)
            within = (former & (at < n + after)).reshape(shape)
        return places, within


def same(
    spatial: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    """Pads that make one window for each stride; an odd one behind."""
    pads = []
    for n, k, s, d in zip(spatial, kernel, stride, dilation, strict=True):
        spare = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
        pads.append((spare // 2, spare - spare // 2))
    return pads


def _checked(signal: Signal, n_spatial: int, channels: int | None = None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Leading axes up to the channels, and spatial ones; one sample alone."""
    lead, spatial = signal.shape[:-n_spatial], signal.shape[-n_spatial:]
    if not lead or (channels is not None and (lead[-1] != channels or math.prod(lead[:-1]) != 1)):
        raise UnsupportedError(
            f"a signal of shape {signal.shape} meets a weight for {channels} channels and {n_spatial} axes; mend the"
            " model"
        )
    return lead, spatial


def _bias(values: Any, n_spatial: int) -> FloatArray | None:
    return None if values is None else floats(values).reshape(-1, *(1,) * n_spatial)


def convolved(signal: Signal, weight: Any, bias: Any, windows: Windows, groups: int) -> Signal:
    """Convolution with a weight of shape (out, channels / groups, ...)."""
    kernel = floats(weight)
    n_out, each = kernel.shape[:2]
    lead, spatial = _checked(signal, len(windows.kernel), each * groups)
    counts, n = windows.counts(spatial), math.prod(spatial)
    places, _ = windows.positions(spatial, counts)
    signal.graph.limit.take(96 * n_out * each * places.size, f"a convolution into {n_out} channels")
    o, c, w, k = (a.ravel() for a in np.indices((n_out, each, *places.shape)))
    inside = places[w, k] >= 0
    o, c, w, k = o[inside], c[inside], w[inside], k[inside]
    columns = (o // (n_out // groups) * each + c) * n + places[w, k]
    entries = kernel.reshape(n_out, each, -1)[o, c, k]
    matrix = csr(o * len(places) + w, columns, entries, (n_out * len(places), each * groups * n))
    return linear(signal, matrix, (*lead[:-1], n_out, *counts), _bias(bias, len(spatial)))


def deconvolved(signal: Signal, weight: Any, bias: Any, windows: Windows, extra: Sequence[int], groups: int) -> Signal:
    """Transposed convolution with a weight of shape (channels, out / groups, ...): a convolution's matrix transposed.

    ``extra`` is added to the size of the output along each axis.
    """
    kernel = floats(weight)
    channels, each = kernel.shape[:2]
    lead, spatial = _checked(signal, len(windows.kernel), channels)
    out = tuple(
        (n - 1) * s - a - b + d * (k - 1) + 1 + e
        for n, s, (a, b), d, k, e in zip(
            spatial, windows.stride, windows.pads, windows.dilation, windows.kernel, extra, strict=True
        )
    )
    places, _ = windows.positions(out, spatial)
    n, n_to = math.prod(spatial), math.prod(out)
    signal.graph.limit.take(96 * channels * each * places.size, f"a convolution of {channels} channels")
    i, j, w, k = (a.ravel() for a in np.indices((channels, each, *places.shape)))
    inside = places[w, k] >= 0
    i, j, w, k = i[inside], j[inside], w[inside], k[inside]
    rows = (i // (channels // groups) * each + j) * n_to + places[w, k]
    entries = kernel.reshape(channels, each, -1)[i, j, k]
    matrix = csr(rows, i * n + w, entries, (each * groups * n_to, channels * n))
    return linear(signal, matrix, (*lead[:-1], each * groups, *out), _bias(bias, len(spatial)))


def averaged(signal: Signal, windows: Windows, pads_count: bool, divisor: float | None = None) -> Signal:
    """Means over windows; ``pads_count``: of zeros in the pads too; or sums over a divisor."""
    lead, spatial = _checked(signal, len(windows.kernel))
    counts = windows.counts(spatial)
    places, within = windows.positions(spatial, counts)
    return _weighted(signal, lead, counts, places, within if pads_count else places >= 0, divisor)


def averaged_over(signal: Signal, axes: Sequence[int], keep: bool, divide: bool = True) -> Signal:
    """Means, or sums, along axes; all of them where none is given."""
    rank = len(signal.shape)
    over = sorted({axis % rank for axis in axes}) if axes else list(range(rank))
    rest = [axis for axis in range(rank) if axis not in over]
    places = signal.positions().transpose(*rest, *over)
    places = places.reshape(math.prod(signal.shape[a] for a in rest), -1)
    shape = tuple(1 if a in over else n for a, n in enumerate(signal.shape) if keep or a not in over)
    rows = np.repeat(np.arange(len(places)), places.shape[1])
    entries = np.full(places.size, 1.0 / places.shape[1] if divide else 1.0)
    return linear(signal, csr(rows, places.ravel(), entries, (len(places), signal.size)), shape)


def averaged_to(signal: Signal, counts: Sequence[int]) -> Signal:
    """Means over as many windows as asked for along each axis, of nearly equal sizes (adaptive pools of torch)."""
    lead, spatial = _checked(signal, len(counts))
    places = adaptive(spatial, counts)
    return _weighted(signal, lead, tuple(counts), places, places >= 0, None)


def adaptive(spatial: Sequence[int], counts: Sequence[int]) -> IntArray:
    """Positions of the entries of adaptive windows, -1 where one has fewer."""
    places = np.zeros((1, 1), np.int64)
    for n, count in zip(spatial, counts, strict=True):
        begin, end = np.arange(count) * n // count, -(-np.arange(1, count + 1) * n // count)
        at = begin[:, None] + np.arange(int((end - begin).max()))
        at = np.where(at < end[:, None], at, -1)[None, :, None, :]
        first = places[:, None, :, None]
        places = np.where((first >= 0) & (at >= 0), first * n + at, -1).reshape(len(places) * count, -1)
    return places


def _weighted(
    signal: Signal, lead: tuple[int, ...], counts: tuple[int, ...], places: IntArray,
    counted: npt.NDArray[np.bool_], divisor: float | None,
) -> Signal:  # fmt: skip
    """Sums over windows, each by the number of its entries that count, in each channel."""
    n, n_lead = signal.size // math.prod(lead), math.prod(lead)
    share = 1.0 / (counted.sum(axis=1) if divisor is None else np.full(len(places), divisor))
    signal.graph.limit.take(32 * n_lead * places.size, f"a pool of {n_lead} channels")
    w, k = np.nonzero(places >= 0)
    channel = np.arange(n_lead)[:, None]
    rows, columns = channel * len(places) + w, channel * n + places[w, k]
    entries = np.broadcast_to(share[w], rows.shape)
    matrix = csr(rows.ravel(), columns.ravel(), entries.ravel(), (n_lead * len(places), signal.size))
    return linear(signal, matrix, (*lead, *counts))


def pooled(signal: Signal, windows: Windows) -> Signal:
    """The largest entry of each window."""
    lead, spatial = _checked(signal, len(windows.kernel))
    counts = windows.counts(spatial)
    return _largest(signal, lead, counts, windows.positions(spatial, counts)[0])


def pooled_to(signal: Signal, counts: Sequence[int]) -> Signal:
    """The largest entry of each adaptive window."""
    lead, spatial = _checked(signal, len(counts))
    return _largest(signal, lead, tuple(counts), adaptive(spatial, counts))


def _largest(signal: Signal, lead: tuple[int, ...], counts: tuple[int, ...], places: IntArray) -> Signal:
    n = signal.size // math.prod(lead)
    rows = [row[row >= 0] for row in places]
    if any(row.size == 0 for row in rows):
        raise UnsupportedError("a window lies in the pads alone; mend the model")
    groups = ((row + channel * n).tolist() for channel in range(math.prod(lead)) for row in rows)
    return Signal(signal.graph, (*lead, *counts), signal.graph.maximum(signal.value, groups))
