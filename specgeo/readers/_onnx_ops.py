"""What each supported ONNX operation does to the signal.

The signal is one tensor with batch size 1; flattened in row-major order it is the vector that the
collected `Chain` computes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, as_floats
from specgeo.activation import Activation
from specgeo.errors import ReadError, UnsupportedError
from specgeo.readers._chain import Chain
from specgeo.readers._limit import Limit
from specgeo.readers._onnx_model import Node

Constants = dict[int, npt.NDArray[Any]]
_FLOAT_TYPES = {1, 10, 11, 16}  # FLOAT, FLOAT16, DOUBLE, BFLOAT16
_INTEGER_TYPES = {2, 3, 4, 5, 6, 7, 9, 12, 13}  # and truth values
_REARRANGE = {"Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}


class Signal:
    """Shape of the signal and the chain collected so far."""

    def __init__(self, shape: tuple[int, ...], opset: int, limit: Limit) -> None:
        self.shape = shape
        self.opset = opset
        self.chain = Chain(math.prod(shape), limit)

    def linear(self, matrix: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
        """Append a matrix; ``shape`` is the new shape of the signal."""
        self.chain.affine(as_floats(matrix, "weight", finite=False), np.zeros(len(matrix)))
        self.shape = shape

    def expand(self, node: Node, value: npt.NDArray[Any]) -> FloatArray:
        """A constant broadcast against the signal, flattened; the signal may gain axes of length 1."""
        try:
            shape = np.broadcast_shapes(self.shape, value.shape)
        except ValueError as error:
            raise UnsupportedError(f"{node}: {error}; mend the model") from error
        if math.prod(shape) != self.chain.width:
            raise UnsupportedError(
                f"{node}: broadcasts the signal from shape {self.shape} to {shape}; export the model without it"
            )
        self.shape = shape
        return np.broadcast_to(as_floats(value, "constant", finite=False), shape).ravel()

    def rearrange(self, moved: npt.NDArray[np.int64]) -> None:
        """The entries in a new shape and order; ``moved`` has their old positions."""
        order = moved.ravel()
        if not np.array_equal(order, np.arange(len(order))):
            self.chain.permute(order)
        self.shape = moved.shape

    def positions(self) -> npt.NDArray[np.int64]:
        """Positions of the entries, in the shape of the signal."""
        return np.arange(self.chain.width).reshape(self.shape)


def refuse_integers(input_type: int, name: str, nodes: list[Node]) -> None:
    """Inputs of integers are real numbers once a Cast says so; what is computed before it is not piecewise linear."""
    if input_type and input_type not in _FLOAT_TYPES | _INTEGER_TYPES:
        raise UnsupportedError(f"graph: input {name!r} does not hold real numbers; export the model with floats")
    for node in nodes if input_type in _INTEGER_TYPES else ():
        if node.op_type == "Cast":
            return
        if node.op_type not in _REARRANGE:
            raise UnsupportedError(f"{node}: computes in integers; export the model with inputs of floats")


def _scalar(node: Node, value: npt.NDArray[Any], what: str) -> float:
    if value.size != 1:
        raise UnsupportedError(f"{node}: {what} of shape {value.shape}; give one number for all neurons")
    return float(value.ravel()[0])


def _wrong_shape(node: Node, signal: Signal, weight: npt.NDArray[Any]) -> UnsupportedError:
    return UnsupportedError(
        f"{node}: signal of shape {signal.shape} and weight of shape {weight.shape}; "
        "only a matrix times one vector is read; export the model with batch size 1 and flatten before dense layers"
    )


def _matmul(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    weight = others[1 - slot]
    if weight.ndim not in (1, 2) or not signal.shape:
        raise _wrong_shape(node, signal, weight)
    width = signal.chain.width
    if slot == 0:
        if signal.shape[-1] != width or weight.shape[0] != width:
            raise _wrong_shape(node, signal, weight)
        signal.linear(np.atleast_2d(weight.T), (*signal.shape[:-1], *weight.shape[1:]))
        return
    axis = -1 if len(signal.shape) == 1 else -2
    if signal.shape[axis] != width or weight.shape[-1] != width:
        raise _wrong_shape(node, signal, weight)
    tail = signal.shape[len(signal.shape) + axis + 1 :]
    signal.linear(np.atleast_2d(weight), (*signal.shape[:axis], *weight.shape[:-1], *tail))


def _gemm(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    attributes = node.attributes
    alpha, beta = float(attributes.get("alpha", 1.0)), float(attributes.get("beta", 1.0))
    if slot == 2:
        raise UnsupportedError(f"{node}: the signal as the bias is not supported; use Add")
    weight = others[1 - slot]
    if weight.ndim != 2 or len(signal.shape) != 2:
        raise _wrong_shape(node, signal, weight)
    transposed_a, transposed_b = bool(attributes.get("transA", 0)), bool(attributes.get("transB", 0))
    signal_shape = signal.shape[::-1] if (transposed_a, transposed_b)[slot] else signal.shape
    if slot == 0:  # (1, w) @ (w, n)
        matrix = weight if transposed_b else weight.T
        column, out = 0, (1, len(matrix))
    else:  # (n, w) @ (w, 1)
        matrix = weight.T if transposed_a else weight
        column, out = 1, (len(matrix), 1)
    if signal_shape[column] != 1 or matrix.shape[1] != signal.chain.width:
        raise _wrong_shape(node, signal, weight)
    signal.linear(matrix, out)
    if alpha != 1.0:
        signal.chain.scale(np.full(signal.chain.width, alpha))
    if 2 in others:
        with np.errstate(all="ignore"):  # what is not finite is refused with the layer
            offset = beta * signal.expand(node, others[2])
        signal.chain.shift(offset)


def _operand(signal: Signal, node: Node, value: npt.NDArray[Any]) -> FloatArray:
    """The constant of an elementwise operation; before opset 7 it starts at ``axis`` of the signal."""
    axis = node.attributes.get("axis")
    if axis is not None and value.ndim:
        behind = len(signal.shape) - int(axis) if axis >= 0 else -int(axis)
        value = value.reshape(value.shape + (1,) * (behind - value.ndim))
    return signal.expand(node, value)


def _add(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    signal.chain.shift(_operand(signal, node, others[1 - slot]))


def _subtract(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    value = _operand(signal, node, others[1 - slot])
    if slot == 1:
        _negate(signal, node, slot, others)
    signal.chain.shift(-value if slot == 0 else value)


def _multiply(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    signal.chain.scale(_operand(signal, node, others[1 - slot]))


def _divide(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    if slot == 1:
        raise UnsupportedError(f"{node}: division by the signal is not piecewise linear; train without it")
    value = _operand(signal, node, others[1])
    if np.any(value == 0.0):
        raise UnsupportedError(f"{node}: divides by zero; mend the model")
    with np.errstate(all="ignore"):  # what is not finite is refused with the layer
        factor = 1.0 / value
    signal.chain.scale(factor)


def _negate(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    signal.chain.scale(np.full(signal.chain.width, -1.0))


def _batch_norm(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    attributes = node.attributes
    several = signal.opset < 14 and any(node.outputs[1:])  # then statistics are made, and used
    if attributes.get("training_mode", 0) or several or (signal.opset < 7 and not attributes.get("is_test", 0)):
        raise UnsupportedError(f"{node}: is in training mode; export the model for inference")
    if slot != 0:
        raise UnsupportedError(f"{node}: parameters that depend on the input are not supported; export constant ones")
    channels = signal.shape[1] if len(signal.shape) > 1 else signal.shape[0]
    trailing = (channels, *(1,) * (len(signal.shape) - 2)) if len(signal.shape) > 1 else (channels,)
    gamma, beta, mean, variance = (
        signal.expand(node, others[i].reshape(trailing)) for i in (1, 2, 3, 4)
    )
    with np.errstate(all="ignore"):  # what is not finite is refused with the layer
        factor = gamma / np.sqrt(variance + float(attributes.get("epsilon", np.float32(1e-5))))
        offset = beta - mean * factor
    signal.chain.scale(factor)
    signal.chain.shift(offset)


def _relu(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    signal.chain.activate(Activation.relu())


def _leaky(signal: Signal, slope: float) -> None:
    signal.chain.activate(Activation.identity() if slope == 1.0 else Activation.leaky_relu(slope))


def _leaky_relu(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    _leaky(signal, float(node.attributes.get("alpha", np.float32(0.01))))


def _p_relu(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    if slot != 0:
        raise UnsupportedError(f"{node}: slopes that depend on the input are not supported; export constant ones")
    slopes = np.unique(signal.expand(node, others[1]))
    if slopes.size != 1:
        raise UnsupportedError(f"{node}: different slopes in one layer are not supported; train with one slope a layer")
    _leaky(signal, float(slopes[0]))


def _abs(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    signal.chain.activate(Activation.abs())


def _clip(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    attributes = node.attributes
    if slot != 0:
        raise UnsupportedError(f"{node}: bounds that depend on the input are not supported; export constant ones")
    lower = _scalar(node, others[1], "a lower bound") if 1 in others else float(attributes.get("min", -np.inf))
    upper = _scalar(node, others[2], "an upper bound") if 2 in others else float(attributes.get("max", np.inf))
    if np.isnan(lower) or np.isnan(upper):
        raise UnsupportedError(f"{node}: a bound is NaN; mend the model")
    # exporters write the largest float32 for "no bound"
    lower, upper = (lower if lower > -3.4e38 else -np.inf), (upper if upper < 3.4e38 else np.inf)
    if not lower < upper:
        raise UnsupportedError(f"{node}: bounds {lower} and {upper} leave a constant; mend the model")
    signal.chain.activate(Activation.clip(lower, upper))


def _reshape_to(signal: Signal, node: Node, shape: tuple[int, ...]) -> None:
    try:
        signal.rearrange(signal.positions().reshape(shape))
    except ValueError as error:
        raise UnsupportedError(f"{node}: {error}; export the model with batch size 1") from error


def _flatten(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    axis, rank = int(node.attributes.get("axis", 1)), len(signal.shape)
    if not -rank <= axis <= rank:
        raise ReadError(f"{node}: axis {axis} of a signal with {rank} axes; the file is corrupt")
    axis = axis + rank if axis < 0 else axis
    _reshape_to(signal, node, (math.prod(signal.shape[:axis]), -1))


def _reshape(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    attributes = node.attributes
    wanted = others[1].tolist() if 1 in others else list(attributes.get("shape", []))
    if not attributes.get("allowzero", 0):
        wanted = [signal.shape[i] if n == 0 and i < len(signal.shape) else n for i, n in enumerate(wanted)]
    _reshape_to(signal, node, tuple(int(n) for n in wanted))


def _axes(node: Node, others: Constants) -> list[int] | None:
    axes = others[1].ravel().tolist() if 1 in others else node.attributes.get("axes")
    return None if axes is None else [int(a) for a in axes]


def _squeeze(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    axes = _axes(node, others)
    try:
        signal.rearrange(np.squeeze(signal.positions(), None if axes is None else tuple(axes)))
    except (ValueError, IndexError) as error:
        raise UnsupportedError(f"{node}: {error}; mend the model") from error


def _unsqueeze(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    signal.rearrange(np.expand_dims(signal.positions(), tuple(_axes(node, others) or ())))


def _transpose(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    permutation = node.attributes.get("perm")
    signal.rearrange(np.transpose(signal.positions(), permutation))


def _pass(signal: Signal, node: Node, slot: int, others: Constants) -> None:
    if node.op_type == "Cast" and node.attributes["to"] not in _FLOAT_TYPES:
        raise UnsupportedError(f"{node}: a cast to another type than float is not piecewise linear; drop it")
    training = 2 in others and bool(others[2]) or (signal.opset < 7 and not node.attributes.get("is_test", 0))
    if node.op_type == "Dropout" and training:
        raise UnsupportedError(f"{node}: is in training mode; export the model for inference")


HANDLERS: dict[str, Callable[[Signal, Any, int, Constants], None]] = {
    "Abs": _abs,
    "Add": _add,
    "BatchNormalization": _batch_norm,
    "Cast": _pass,
    "Clip": _clip,
    "Div": _divide,
    "Dropout": _pass,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "Identity": _pass,
    "LeakyRelu": _leaky_relu,
    "MatMul": _matmul,
    "Mul": _multiply,
    "Neg": _negate,
    "PRelu": _p_relu,
    "Relu": _relu,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Sub": _subtract,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
