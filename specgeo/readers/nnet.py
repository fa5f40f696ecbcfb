"""Reader of ``.nnet`` files (Kyle Julian, Stanford 2016): plain text, ReLU between layers.

After lines of ``//`` comments (which may end other lines too) the file has: layer counts; layer
sizes; a line no program uses; minima, maxima, means and ranges of the inputs (the last two with
one more entry for all outputs); then for each layer the rows of its matrix and its biases, one
number a line. Normalised inputs are (x - mean) / range, normalised outputs y = (output - mean) / range.

Real files vary: trailing commas; headers that are absent (all zeros, or empty lists) or too short. A
normalisation that is not there is the identity.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from specgeo._cast import FloatArray
from specgeo._files import as_path
from specgeo.activation import Activation
from specgeo.errors import ReadError
from specgeo.network import Network
from specgeo.readers._chain import Chain


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

    def values(self, *, finite: bool = True) -> list[float]:
        """The numbers in it."""
        try:
            found = [float(part) for part in self.text.replace(",", " ").split()]
        except ValueError as error:
            raise ReadError(f"line {self.number}: {error}") from error
        if any(math.isnan(value) or (finite and math.isinf(value)) for value in found):
            raise ReadError(f"line {self.number}: has NaN or infinite numbers")
        return found


def _complete(values: list[float], length: int, default: float) -> FloatArray:
    return np.array((values + [default] * length)[:length])


def _normalization(lines: list[_Line], n_inputs: int) -> NnetNormalization:
    low, high = (line.values(finite=False) for line in lines[:2])
    means, ranges = (line.values() for line in lines[2:])
    if not any(ranges):
        ranges = []
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


def _parse(text: str) -> tuple[list[FloatArray], list[FloatArray], NnetNormalization]:
    numbered = enumerate(text.splitlines(), start=1)
    lines = [_Line(n, line.split("//")[0]) for n, line in numbered if not line.lstrip().startswith("//")]
    while lines and not lines[0].text.strip():
        lines.pop(0)
    if len(lines) < 7:
        raise ReadError(f"{len(lines)} lines after the comments, at least 7 wanted")
    n_layers = int(lines[0].values()[0])
    sizes = [int(v) for v in lines[1].values()]
    if n_layers < 1 or len(sizes) != n_layers + 1 or min(sizes) < 1:
        raise ReadError(f"{n_layers} layers announced but sizes {sizes} given")
    normalization = _normalization(lines[3:7], sizes[0])
    rows = [values for line in lines[7:] if (values := line.values())]
    weights: list[FloatArray] = []
    biases: list[FloatArray] = []
    at = 0
    for n_in, n_out in pairwise(sizes):
        matrix, bias = rows[at : at + n_out], rows[at + n_out : at + 2 * n_out]
        at += 2 * n_out
        if len(bias) < n_out:
            raise ReadError(f"ends inside layer {len(weights) + 1}")
        if any(len(row) != n_in for row in matrix) or any(len(row) != 1 for row in bias):
            raise ReadError(f"layer {len(weights) + 1} is not {n_out} rows of {n_in} numbers and {n_out} biases")
        weights.append(np.array(matrix))
        biases.append(np.array(bias)[:, 0])
    if at != len(rows):
        raise ReadError(f"{len(rows) - at} lines follow the last layer")
    return weights, biases, normalization


def _load(path: str | os.PathLike[str]) -> tuple[list[FloatArray], list[FloatArray], NnetNormalization]:
    file = as_path(path)
    try:
        return _parse(file.read_text(encoding="utf-8-sig", errors="replace"))
    except ReadError as error:
        raise ReadError(f"{file.name}: {error}; the file is corrupt or not .nnet") from error
    except (OSError, ValueError, IndexError, OverflowError) as error:
        raise ReadError(f"{file.name}: {error}; the file is missing, corrupt or not .nnet") from error


def nnet_normalization(path: str | os.PathLike[str]) -> NnetNormalization:
    """The normalisation in the header of a ``.nnet`` file."""
    return _load(path)[2]


def read_nnet(path: str | os.PathLike[str], normalized: bool = True) -> Network:
    """Read a ``.nnet`` file.

    Parameters
    ----------
    path : path-like
    normalized : bool
        True: the raw layers, whose inputs are (x - mean) / range and whose outputs are normalised
        too. False: physical units; the maps of the header come first and last. The file's clipping
        of inputs to [minimum, maximum] is left to the choice of the domain.

    Returns
    -------
    Network
        With ``normalized=False`` the scalings 1 / range are float64 roundings; a map that cannot be
        folded into a layer exactly stays an affine layer of its own.

    Raises
    ------
    ReadError
        The file is truncated, or its numbers do not fit the sizes it announces.
    """
    weights, biases, header = _load(path)
    chain = Chain(weights[0].shape[1])
    if not normalized:
        if np.any(header.input_mean):
            chain.shift(-header.input_mean)
        if np.any(header.input_range != 1.0):
            chain.scale(1.0 / header.input_range)
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        chain.affine(weight, bias)
        if index < len(weights) - 1:
            chain.activate(Activation.relu())
    if not normalized:
        if header.output_range != 1.0:
            chain.scale(np.full(chain.width, header.output_range))
        if header.output_mean != 0.0:
            chain.shift(np.full(chain.width, header.output_mean))
    return chain.network()
