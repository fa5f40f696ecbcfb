"""Reader of ``.nnet`` files (Kyle Julian, Stanford 2016): plain text, ReLU between layers.

After lines of ``//`` comments (which may end other lines too) the file has: layer counts; layer
sizes; a line no program uses; minima, maxima, means and ranges of the inputs (the last two with
one more entry for all outputs); then for each layer the rows of its matrix and its biases, one
number a line. Normalised inputs are (x - mean) / range, normalised outputs y = (output - mean) / range.

Real files vary: trailing commas; headers that are absent (all zeros, or empty lists) or too short. A
normalisation that is not there is the identity.
"""

from __future__ import annotations

import io
import math
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO, NamedTuple

import numpy as np

from specgeo._cast import FloatArray
from specgeo._files import as_path, open_regular
from specgeo._progress import Tell, as_tell, reported
from specgeo.activation import Activation
from specgeo.errors import BudgetError, ReadError, one_line
from specgeo.network import Network
from specgeo.readers._graph import Graph
from specgeo.readers._limit import Limit

_PER_NUMBER = 80  # bytes that a number takes while its line is split


@dataclass(frozen=True, eq=False)
class NnetNormalization:
    """The header of a ``.nnet`` file, completed where it was absent or short.

    Normalised input = (x - input_mean) / input_range; output = y * output_range + output_mean.
    ``lower`` and ``upper`` bound the inputs in physical units; infinite where the file does not say.
    """

    lower: FloatArray
    upper: FloatArray
    input_mean: FloatArray
    input_range: FloatArray
    output_mean: float
    output_range: float


class _Line(NamedTuple):
    """A line of the file without its comment."""

    number: int
    text: str

    def values(self) -> array[float]:
        """The numbers in it."""
        try:
            if "_" in self.text or not self.text.isascii():  # Python reads 1_0 and digits of all scripts
                raise ValueError(f"{self.text.strip()!a:.40} is no list of numbers")
            return array("d", map(float, self.text.replace(",", " ").split()))
        except ValueError as error:
            raise ReadError(f"line {self.number}: {one_line(error, 200)}") from error

    def finite(self) -> array[float]:
        """The numbers in it, none infinite."""
        if not all(map(math.isfinite, found := self.values())):
            raise ReadError(f"line {self.number}: has NaN or infinite numbers")
        return found

    def counts(self) -> list[int]:
        """The integers in it."""
        values = self.finite()
        if not all(map(float.is_integer, values)):
            raise ReadError(f"line {self.number}: {self.text.strip()!a:.40} are no counts")
        return [int(value) for value in values]


def _complete(values: Sequence[float], length: int, default: float) -> FloatArray:
    return np.array([*values[:length], *[default] * (length - len(values))])


def _normalization(lines: list[_Line], n_inputs: int) -> NnetNormalization:
    low, high = (line.values() for line in lines[:2])  # infinite where there is no bound
    means, ranges = (line.finite() for line in lines[2:])
    if any(map(math.isnan, (*low, *high))):
        raise ReadError(f"lines {lines[0].number} and {lines[1].number}: a bound is NaN")
    if not any(ranges):
        ranges = array("d")
    if any(value == 0.0 or math.isinf(1.0 / value) for value in ranges):
        raise ReadError(f"line {lines[3].number}: a range is zero or too small")
    lower, upper = _complete(low, n_inputs, -np.inf), _complete(high, n_inputs, np.inf)
    unset = lower >= upper  # zeros stand for "not given"
    lower[unset], upper[unset] = -np.inf, np.inf
    return NnetNormalization(
        lower,
        upper,
        _complete(means, n_inputs, 0.0),
        _complete(ranges, n_inputs, 1.0),
        means[n_inputs] if len(means) > n_inputs else 0.0,
        ranges[n_inputs] if len(ranges) > n_inputs else 1.0,
    )


class _Rows:
    """The numbers of all rows after the header, and the length of each row."""

    def __init__(self, lines: Iterable[_Line], limit: Limit) -> None:
        self.values = array("d")
        self.lengths = array("q")
        numbers = array("q")
        for line in lines:
            self.values.extend(row := line.values())
            if row:
                self.lengths.append(len(row))
                numbers.append(line.number)
                limit.take(8 * len(row) + 16, "the rows")
        finite = np.isfinite(np.frombuffer(self.values))
        if not finite.all():
            row_of = np.searchsorted(np.cumsum(self.lengths), np.argmin(finite), side="right")
            raise ReadError(f"line {numbers[int(row_of)]}: has NaN or infinite numbers")

    def layers(self, sizes: list[int]) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Weights and biases of layers of these sizes."""
        numbers, lengths = np.frombuffer(self.values), np.frombuffer(self.lengths, np.int64)
        at, row = 0, 0
        if min(sizes) < 1 or max(sizes) > len(self.values):
            raise ReadError(f"sizes {sizes!s:.80} do not fit the rows")
        for layer, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
            shape = lengths[row : row + 2 * n_out]
            if len(shape) < 2 * n_out:
                raise ReadError(f"ends inside layer {layer}")
            if np.any(shape[:n_out] != n_in) or np.any(shape[n_out:] != 1):
                raise ReadError(f"layer {layer} is not {n_out} rows of {n_in} numbers and {n_out} biases")
            end = at + n_out * n_in
            yield numbers[at:end].reshape(n_out, n_in), numbers[end : end + n_out]
            at, row = end + n_out, row + 2 * n_out
        if row != len(lengths):
            raise ReadError(f"{len(lengths) - row} lines follow the last layer")


def _lines(stream: Iterable[str], limit: Limit) -> Iterator[_Line]:
    """The lines that are no comments, from the first that is not blank."""
    begun = False
    for number, line in enumerate(stream, start=1):
        if len(line) > 1 << 20:
            limit.take(_PER_NUMBER * (line.count(",") + line.count(" ")), f"line {number}")
        text = line.split("//", 1)[0]
        begun = begun or bool(text.strip())
        if begun and not line.lstrip().startswith("//"):
            yield _Line(number, text)


def _told(stream: Iterable[str], raw: BinaryIO, tell: Tell) -> Iterator[str]:
    """The lines of a file; how much of it is read is told."""
    size = os.fstat(raw.fileno()).st_size
    for number, line in enumerate(stream):
        if number % 256 == 0:
            tell(f"line {number + 1:,}", raw.tell() / size)
        yield line


def _parse(stream: Iterable[str], limit: Limit) -> tuple[list[tuple[FloatArray, FloatArray]], NnetNormalization]:
    lines = _lines(stream, limit)
    header = [line for _, line in zip(range(7), lines, strict=False)]
    if len(header) < 7:
        raise ReadError(f"{len(header)} lines after the comments, at least 7 wanted")
    n_layers, sizes = (header[0].counts() or [0])[0], header[1].counts()
    if n_layers < 1 or len(sizes) < n_layers + 1:
        raise ReadError(f"{n_layers!s:.20} layers announced but sizes {sizes!s:.80} given")
    rows = _Rows(lines, limit)
    layers = _fitting(rows, sizes, n_layers + 1)
    return layers, _normalization(header[3:7], layers[0][0].shape[1])


def _fitting(rows: _Rows, sizes: list[int], wanted: int) -> list[tuple[FloatArray, FloatArray]]:
    """The layers of the sizes that were announced.

    Some files list more sizes than they have layers. Then those are meant that the rows fit: as many as announced, from
    the first on or later, or all.
    """
    first: ReadError | None = None
    for start in range(len(sizes) - wanted + 1):
        try:
            return list(rows.layers(sizes[start : start + wanted]))
        except ReadError as error:
            first = first or error
    try:
        return list(rows.layers(sizes))
    except ReadError as error:
        raise first or error from error


def _load(
    path: str | os.PathLike[str], max_bytes: int | None = None, progress: Tell | bool | None = None
) -> tuple[list[tuple[FloatArray, FloatArray]], NnetNormalization, Limit]:
    file, limit = as_path(path), Limit(max_bytes)
    raw = open_regular(file)
    with io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace") as stream:
        try:
            layers, header = _parse(_told(stream, raw, as_tell(progress)), limit)
        except ReadError as error:
            raise ReadError(f"{file.name}: {error}; the file is corrupt or not .nnet") from error
        except BudgetError as error:
            raise BudgetError(f"max_bytes: {file.name}: {error}") from error
        except OSError as error:
            raise ReadError(f"{file.name}: {error.strerror or error}; the file cannot be read") from error
        except MemoryError as error:
            raise ReadError(f"{file.name}: memory ran out; free some, or read it on a larger machine") from error
    return layers, header, limit


def nnet_normalization(path: str | os.PathLike[str]) -> NnetNormalization:
    """The normalisation in the header of a ``.nnet`` file."""
    return _load(path)[1]


@reported
def read_nnet(
    path: str | os.PathLike[str],
    normalized: bool = True,
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
) -> Network:
    """Read a ``.nnet`` file.

    Parameters
    ----------
    path : path-like
    normalized : bool
        True: the raw layers, whose inputs are (x - mean) / range and whose outputs are normalised
        too. False: physical units; the maps of the header come first and last. The file's clipping
        of inputs to [minimum, maximum] is left to the choice of the domain.
    max_bytes : int, optional
        Budget for the memory that reading takes; four fifths of what is available by default.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.

    Returns
    -------
    Network
        With ``normalized=False`` the scalings 1 / range are float64 roundings; a map that cannot be
        folded into a layer exactly stays an affine layer of its own.

    Raises
    ------
    ReadError
        The file is truncated, or its numbers do not fit the sizes it announces.
    BudgetError
        The file unfolds to more than ``max_bytes``.

    Examples
    --------
    >>> import specgeo as sg
    >>> sg.readers.read_nnet("ACASXU_run2a_1_1_batch_2000.nnet")  # doctest: +SKIP
    Network(5-50-50-50-50-50-50-5, relu)
    """
    layers, header, limit = _load(path, max_bytes, progress)
    graph = Graph(layers[0][0].shape[1], limit)
    value = graph.input
    if not normalized:
        if np.any(header.input_mean):
            value = graph.shift(value, -header.input_mean)
        if np.any(header.input_range != 1.0):
            value = graph.scale(value, 1.0 / header.input_range)
    for index, (weight, bias) in enumerate(layers):
        value = graph.affine(value, weight, bias)
        if index < len(layers) - 1:
            value = graph.activate(value, [Activation.relu()])
    if not normalized:
        if header.output_range != 1.0:
            value = graph.scale(value, np.full(value.width, header.output_range))
        if header.output_mean != 0.0:
            value = graph.shift(value, np.full(value.width, header.output_mean))
    return graph.network(value)
