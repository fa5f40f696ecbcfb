"""Tensors that depend on the network's input, and what piecewise-linear operations make of them.

A `Signal` is a value of the graph in row-major order with a shape. What moves data is done on the positions of the
entries; windows of convolutions and pools are positions too; any other linear operation is applied to unit vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray, as_floats
from specgeo.activation import Activation
from specgeo.errors import UnsupportedError
from specgeo.readers._graph import Graph, Value
from specgeo.readers._maps import Sparse, csr
from specgeo.readers._scalar import Scalar, Scalars

_ABS = Activation.abs()


@dataclass(frozen=True, eq=False)
class Signal:
    """A tensor; ``scalar`` says which function of each entry of another one it is, where that is known.

    Without a value it is nothing but that function, which may jump; the other one has a value.
    """

    graph: Graph
    shape: tuple[int, ...]
    known: Value | None
    scalar: tuple[Signal, Scalars] | None = None

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def value(self) -> Value:
        """The value; of a mere function of another signal its activation."""
        if self.known is None:
            assert self.scalar is not None
            base, function = self.scalar
            try:
                made = self.graph.activate(base.value, function.activations())
            except (ValueError, OverflowError) as error:
                raise UnsupportedError(f"is not continuous piecewise linear: {error}; drop it") from error
            object.__setattr__(self, "known", made)
        assert self.known is not None
        return self.known

    @property
    def function(self) -> tuple[Signal, Scalars]:
        """The nearest signal with a value that it is a function of, entry by entry, and that function."""
        if self.known is not None or self.scalar is None:
            return self, Scalars.identity(self.size)
        return self.scalar

    def functions(self) -> Iterator[tuple[Signal, Scalars]]:
        """The same of that signal, and so on."""
        base, function = self.function
        yield base, function
        while base.scalar is not None:
            further, own = base.scalar
            try:
                function = Scalars.combined(lambda f, g: f.after(g), [function, own])
            except ValueError:  # too many pieces or kinds
                return
            base = further
            yield base, function

    def positions(self) -> IntArray:
        """Positions of the entries."""
        return np.arange(self.size).reshape(self.shape)


Tensor: TypeAlias = Signal | npt.NDArray[Any]


def parts(graph: Graph, shapes: Sequence[tuple[int, ...]]) -> list[Signal]:
    """The input of a graph as tensors of these shapes, one behind the other."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    return [
        Signal(graph, shape, graph.select(graph.input, np.arange(end - math.prod(shape), end)))
        for shape, end in zip(shapes, ends, strict=True)
    ]


def floats(array: Any) -> FloatArray:
    """A constant in float64."""
    return as_floats(array, "constant", finite=False)


def move(parts: Sequence[Tensor], rearrange: Callable[..., Any]) -> Any:
    """What an operation that only moves entries makes of signals and constants.

    ``rearrange`` is given arrays of positions that begin with 1, and returns one or several; 0 is a new entry 0.
    """
    signals = [part for part in parts if isinstance(part, Signal)]
    graph, joined = signals[0].graph, signals[0].graph.join([signal.value for signal in signals])
    table = np.concatenate([np.zeros(1), *(floats(p).ravel() for p in parts if not isinstance(p, Signal))])
    arguments, next_signal, next_constant = [], 1, joined.width + 2
    for part in parts:
        start = next_signal if isinstance(part, Signal) else next_constant
        arguments.append(np.arange(start, start + part.size, dtype=np.float64).reshape(part.shape))
        if isinstance(part, Signal):
            next_signal += part.size
        else:
            next_constant += part.size
    found = rearrange(*arguments)
    several = isinstance(found, (list, tuple))
    made = []
    for array in found if several else [found]:
        order = np.asarray(array).astype(np.int64) - 1
        made.append(_picked(graph, joined, np.where(order < 0, joined.width, order), table))
    return made if several else made[0]


def _picked(graph: Graph, joined: Value, order: IntArray, constants: FloatArray) -> Tensor:
    """Entries of a value, and of constants that follow it."""
    flat, start = order.ravel(), joined.width
    fixed = flat >= start
    if np.all(fixed):
        return np.asarray(constants[flat - start]).reshape(order.shape)
    if not np.any(fixed):
        return Signal(graph, order.shape, graph.select(joined, flat))
    rows = np.flatnonzero(~fixed)
    offset = np.zeros(len(flat))
    offset[fixed] = constants[flat[fixed] - start]
    graph.limit.take(32 * len(flat), f"{len(flat)} entries")
    matrix = csr(rows, flat[rows], np.ones(len(rows)), (len(flat), start))
    return Signal(graph, order.shape, graph.apply(joined, Sparse(matrix, offset)))


def spread(signal: Signal, shape: tuple[int, ...]) -> Signal:
    """The signal broadcast to a shape."""
    if shape == signal.shape:
        return signal
    if math.prod(shape) == signal.size:
        return Signal(signal.graph, shape, signal.known, signal.function)
    made: Signal = move([signal], lambda x: np.broadcast_to(x, shape))
    return made


def scaled(signal: Signal, factor: Any, offset: Any = 0.0) -> Signal:
    """signal * factor + offset, broadcast; in two steps if both do something."""
    a, b = floats(factor), floats(offset)
    shape = np.broadcast_shapes(signal.shape, a.shape, b.shape)
    grown = spread(signal, shape)
    value, scalar = grown.value if signal.known is not None else None, None
    if shape == signal.shape:
        base, function = signal.function
        with suppress(ValueError):
            parts = [Scalars.constants(np.broadcast_to(one, shape).ravel()) for one in (a, b)]
            scalar = base, Scalars.combined(lambda f, u, v: f * u + v, [function, *parts])
    if value is None and scalar is None:
        value = grown.value
    if value is not None:
        if np.any(a != 1.0):
            value = signal.graph.scale(value, np.broadcast_to(a, shape).ravel())
        if np.any(b != 0.0):
            value = signal.graph.shift(value, np.broadcast_to(b, shape).ravel())
    return Signal(signal.graph, shape, value, scalar)


def added(signals: Sequence[Signal]) -> Signal:
    """The sum of signals, broadcast."""
    shape = np.broadcast_shapes(*(signal.shape for signal in signals))
    together = _together(signals) if any(signal.known is None for signal in signals) else None
    if together is not None:
        base, functions = together
        return Signal(base.graph, shape, None, (base, Scalars.combined(lambda *f: _summed(f), functions)))
    grown = [spread(signal, shape) for signal in signals]
    return Signal(grown[0].graph, shape, grown[0].graph.add([signal.value for signal in grown]))


def _summed(functions: Sequence[Scalar]) -> Scalar:
    made = functions[0]
    for function in functions[1:]:
        made = made + function
    return made


def total(tensors: Sequence[Tensor]) -> Signal:
    """The sum of signals, of which there is one, and constants."""
    varying = [tensor for tensor in tensors if isinstance(tensor, Signal)]
    made = added(varying) if len(varying) > 1 else varying[0]
    for tensor in tensors:
        if not isinstance(tensor, Signal):
            made = scaled(made, 1.0, tensor)
    return made


def _together(signals: Sequence[Signal]) -> tuple[Signal, list[Scalars]] | None:
    """The nearest signal that all are functions of, and these functions."""
    if len({signal.shape for signal in signals}) != 1:
        return None
    each = [dict(signal.functions()) for signal in signals]
    base = next((base for base in each[0] if all(base in functions for functions in each)), None)
    return None if base is None else (base, [functions[base] for functions in each])


def combined(tensors: Sequence[Tensor], combine: Callable[..., Scalar], what: str) -> Signal:
    """A function of several functions of one signal, and of constants, entry by entry."""
    signals = [tensor for tensor in tensors if isinstance(tensor, Signal)]
    found = _together(signals)
    if found is None:
        raise UnsupportedError(f"{what} of different signals, which is not read; train without it")
    base, functions = found
    shape, left = signals[0].shape, iter(functions)
    if np.broadcast_shapes(*(tensor.shape for tensor in tensors)) != shape:
        raise UnsupportedError(f"{what} with a constant of more axes, which is not read; give one of shape {shape}")
    try:
        each = [
            next(left) if isinstance(tensor, Signal)
            else Scalars.constants(np.broadcast_to(floats(tensor), shape).ravel()) for tensor in tensors
        ]  # fmt: skip
        return Signal(base.graph, shape, None, (base, Scalars.combined(combine, each)))
    except ValueError as error:
        raise UnsupportedError(f"{what} that is not piecewise linear: {error}; train without it") from error


def linear(signal: Signal, matrix: Any, shape: tuple[int, ...], offset: FloatArray | None = None) -> Signal:
    """A dense or sparse matrix times the entries, in a new shape."""
    m, n = matrix.shape
    bias = np.zeros(m) if offset is None else np.broadcast_to(floats(offset), shape).ravel()
    if isinstance(matrix, np.ndarray):
        made = signal.graph.affine(signal.value, as_floats(matrix, "weight", finite=False), bias)
        return Signal(signal.graph, shape, made)
    signal.graph.limit.take(32 * matrix.nnz, f"a sparse layer of {m} neurons with {n} inputs")
    return Signal(signal.graph, shape, signal.graph.apply(signal.value, Sparse(matrix, bias)))


def rows_times(signal: Signal, weight: FloatArray, bias: Any = None) -> Signal:
    """Each row of the last axis through a matrix of shape (outputs, inputs), or a vector."""
    rows, shape = math.prod(signal.shape[:-1]), (*signal.shape[:-1], *weight.shape[:-1])
    if signal.shape[-1] != weight.shape[-1]:
        raise UnsupportedError(f"takes {weight.shape[-1]} inputs, {signal.shape[-1]} arrive; mend the model")
    matrix = np.atleast_2d(weight)
    if rows == 1:
        return linear(signal, matrix, shape, bias)
    from scipy.sparse import csr_array, eye_array, kron

    return linear(signal, csr_array(kron(eye_array(rows), csr_array(matrix))), shape, bias)


def normalised(
    signal: Signal, axis: int, mean: Any, variance: Any, epsilon: float, gamma: Any = None, beta: Any = None
) -> Signal:
    """(signal - mean) / sqrt(variance + epsilon) * gamma + beta along an axis: batch normalisation in use."""
    spread_of = floats(variance) + epsilon
    if not np.all(spread_of > 0.0):
        raise UnsupportedError("has a running variance that is not positive; mend the model")
    factor = (1.0 if gamma is None else floats(gamma)) / np.sqrt(spread_of)
    with np.errstate(all="ignore"):  # what is not finite is refused with the layer
        offset = (0.0 if beta is None else floats(beta)) - floats(mean) * factor
    shape = [1] * len(signal.shape)
    shape[axis] = -1
    return scaled(signal, factor.reshape(shape), offset.reshape(shape))


def push(signal: Signal, function: Callable[[FloatArray], Any]) -> Signal:
    """An affine operation, by what it makes of 0 and of unit vectors."""
    unit = np.zeros(signal.size)
    start = np.asarray(function(unit.reshape(signal.shape).copy()), np.float64)
    rows, entries = [], []
    for i in range(signal.size):
        unit[i] = 1.0
        column = np.asarray(function(unit.reshape(signal.shape).copy()), np.float64).ravel() - start.ravel()
        unit[i] = 0.0
        rows.append(np.flatnonzero(column))
        entries.append(column[rows[-1]])
        signal.graph.limit.take(32 * len(rows[-1]), f"a linear operation on {signal.size} entries")
    columns = np.repeat(np.arange(signal.size), [len(row) for row in rows])
    matrix = csr(np.concatenate(rows), columns, np.concatenate(entries), (start.size, signal.size))
    return linear(signal, matrix, start.shape, start if np.any(start) else None)


def activated(signal: Signal, activation: Activation) -> Signal:
    """One activation of all entries."""
    return Signal(signal.graph, signal.shape, signal.graph.activate(signal.value, [activation]))


def activated_each(signal: Signal, make: Callable[..., Activation], *parameters: Any) -> Signal:
    """An activation whose parameters are broadcast against the signal."""
    arrays = [np.broadcast_to(floats(p), signal.shape).ravel() for p in parameters]
    known: dict[tuple[float, ...], Activation] = {}
    kinds = []
    for key in zip(*(array.tolist() for array in arrays), strict=True):
        if key not in known:
            known[key] = make(*key)
        kinds.append(known[key])
    return Signal(signal.graph, signal.shape, signal.graph.activate(signal.value, kinds))


@cache
def leaky(slope: float) -> Activation:
    """Leaky ReLU, which slope 0 makes a ReLU and slope 1 nothing."""
    if slope == 1.0:
        return Activation.identity()
    return Activation.relu() if slope == 0.0 else Activation.leaky_relu(slope)


def clipped(signal: Signal, lower: Any = -np.inf, upper: Any = np.inf) -> Signal:
    """Entries between bounds, which may be infinite."""
    lower, upper = floats(lower), floats(upper)
    if not np.all(lower < upper):
        raise UnsupportedError(f"bounds {lower.ravel()[:3]} and {upper.ravel()[:3]} leave a constant; mend the model")

    def make(low: float, high: float) -> Activation:
        return Activation.relu() if (low, high) == (0.0, np.inf) else Activation.clip(low, high)

    return activated_each(signal, make, lower, upper)


def absolute(signal: Signal) -> Signal:
    """|signal|."""
    base, function = signal.function
    made = activated(signal, _ABS)
    return Signal(signal.graph, signal.shape, made.known, (base, Scalars.combined(lambda f: f.maximum(-f), [function])))


def negated(tensor: Tensor) -> Tensor:
    """-tensor."""
    return scaled(tensor, -1.0) if isinstance(tensor, Signal) else -floats(tensor)


def maximum(tensors: Sequence[Tensor]) -> Tensor:
    """The largest of tensors, broadcast: a bound where one is constant, an activation of one signal where it is one."""
    signals = [tensor for tensor in tensors if isinstance(tensor, Signal)]
    constants = [floats(tensor) for tensor in tensors if not isinstance(tensor, Signal)]
    shape = np.broadcast_shapes(*(tensor.shape for tensor in tensors))
    bound = constants[0] if constants else None
    for more in constants[1:]:
        bound = np.maximum(bound, more)  # type: ignore[arg-type]
    if not signals:
        return bound  # type: ignore[return-value]
    made = spread(signals[0], shape)
    if len(signals) > 1:
        made = _maximum_of_functions(signals) or _maximum_of_several([spread(s, shape) for s in signals])
    return made if bound is None or np.all(bound == -np.inf) else clipped(made, bound)


def minimum(tensors: Sequence[Tensor]) -> Tensor:
    """The smallest of tensors: min = -max(-...)."""
    return negated(maximum([negated(tensor) for tensor in tensors]))


def _maximum_of_functions(signals: Sequence[Signal]) -> Signal | None:
    """As an activation, if they are functions of one signal, and it bends at floats."""
    found = _together(signals)
    if found is None:
        return None
    base, functions = found
    try:
        made = functions[0]
        for function in functions[1:]:
            made = Scalars.combined(lambda f, g: f.maximum(g), [made, function])
        return Signal(base.graph, signals[0].shape, base.graph.activate(base.value, made.activations()))
    except ValueError:
        return None


def _maximum_of_several(signals: Sequence[Signal]) -> Signal:
    graph, n = signals[0].graph, signals[0].size
    joined = graph.join([signal.value for signal in signals])
    groups = ([k * n + i for k in range(len(signals))] for i in range(n))
    return Signal(graph, signals[0].shape, graph.maximum(joined, groups))


def maximum_over(signal: Signal, axes: Sequence[int], keep: bool) -> Signal:
    """The largest entry along axes."""
    rank = len(signal.shape)
    over = sorted({axis % rank for axis in axes}) if axes else list(range(rank))
    rest = [axis for axis in range(rank) if axis not in over]
    groups = signal.positions().transpose(*rest, *over).reshape(math.prod(signal.shape[a] for a in rest), -1)
    shape = tuple(1 if a in over else n for a, n in enumerate(signal.shape) if keep or a not in over)
    return Signal(signal.graph, shape, signal.graph.maximum(signal.value, groups.tolist()))
