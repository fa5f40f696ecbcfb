"""The yardstick of enumerations, and how times are taken: in turns, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, as_floats
from specgeo.benchmark.engines import kind_of
from specgeo.errors import InvalidInputError
from specgeo.network import Network

CHUNK = 2048  # points that are passed through the layers at a time


@checked
def forward_pass(network: Network, points: npt.ArrayLike) -> Callable[[], FloatArray]:
    """The yardstick: a forward pass in chunks of 2048 points, in numpy, with its buffers allocated beforehand.

    Parameters
    ----------
    network : Network
    points : array_like of floats, shape (n, d)
        For a yardstick of an enumeration, as many as the complex has vertices.

    Returns
    -------
    callable
        Without arguments; runs the pass and returns the outputs at the last chunk.

    Examples
    --------
    >>> from specgeo.benchmark import forward_pass
    >>> from specgeo.testing import random_network
    >>> net = random_network([2, 4, 1], rng=0)
    >>> run = forward_pass(net, [[0.5, 0.5]])
    >>> bool(abs(run() - net([[0.5, 0.5]])).max() < 1e-15)
    True
    """
    x = np.ascontiguousarray(as_floats(points, "points", (None, network.input_dim)))
    if not len(x):
        raise InvalidInputError("points: none given; pass at least one")
    buffers = [np.empty((CHUNK, len(bias))) for bias in network.biases]
    transposed = [weight.T for weight in network.weights]
    plain = [kind_of(activation) == "relu" for activation in network.activations]

    def run() -> FloatArray:
        for start in range(0, len(x), CHUNK):
            a = x[start : start + CHUNK]
            for layer, (weight, bias) in enumerate(zip(transposed, network.biases, strict=True)):
                out = buffers[layer][: len(a)]
                np.dot(a, weight, out=out)
                np.add(out, bias, out=out)
                a = out
                if layer < len(plain):
                    a = np.maximum(out, 0.0, out=out) if plain[layer] else network.activations[layer](out)
        return np.array(a)

    return run


def clock_of(cpu: bool) -> Callable[[], float]:
    """The clock of the process, or that on the wall."""
    return time.process_time if cpu else time.perf_counter


@checked
def interleaved(
    functions: Sequence[Callable[[], Any]], repeats: int = 5, seconds: float = 1e9, cpu: bool = False
) -> list[float]:
    """Median seconds of functions that are run in turns.

    Parameters
    ----------
    functions : sequence of callable
        Without arguments. The first turn is not counted where there are others.
    repeats : int
        Turns that count.
    seconds : float
        No turn begins after so many; one is always taken.
    cpu : bool
        Count the time of this process on processors, all threads together, in place of the time that passes.

    Returns
    -------
    list of float

    Examples
    --------
    >>> from specgeo.benchmark import interleaved
    >>> len(interleaved([lambda: sum(range(9)), lambda: None], repeats=2))
    2
    """
    if repeats < 1:
        raise InvalidInputError(f"repeats: {repeats} given; pass at least 1")
    times: list[list[float]] = [[] for _ in functions]
    begun, clock = time.perf_counter(), clock_of(cpu)
    for _ in range(repeats + 1):
        for function, row in zip(functions, times, strict=True):
            start = clock()
            function()
            row.append(clock() - start)
        if time.perf_counter() - begun > seconds:
            break
    return [median(row[1:] or row) for row in times]
