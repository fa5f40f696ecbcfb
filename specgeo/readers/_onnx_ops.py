"""What each supported ONNX operation makes of signals: products, activations and maxima.

Inputs are signals and constants by their slot, None where one is left out. What moves data is in
`specgeo.readers._onnx_moves`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from specgeo._cast import FloatArray
from specgeo.activation import Activation
from specgeo.errors import UnsupportedError
from specgeo.readers import _signals as signals
from specgeo.readers._onnx_model import Model, Node
from specgeo.readers._scalar import Scalar
from specgeo.readers._signals import Signal, Tensor, floats

Inputs: TypeAlias = list[Any]  # Tensor | None
Handler: TypeAlias = Callable[[Model, Node, Inputs], Any]
HANDLERS: dict[str, Handler] = {}
FLOAT_TYPES = {1, 10, 11, 16}  # FLOAT, FLOAT16, DOUBLE, BFLOAT16
BOOL = 9


def handles(*names: str) -> Callable[[Handler], Handler]:
    """The handler of these operations."""

    def add(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return add


def optional(inputs: Inputs, slot: int) -> Any:
    """An input that may be left out."""
    return inputs[slot] if slot < len(inputs) else None


def constant(inputs: Inputs, slot: int, what: str) -> Any:
    """An input that must not depend on the network's, or None."""
    value = optional(inputs, slot)
    if isinstance(value, Signal):
        raise UnsupportedError(f"{what} that depend on the input are not supported; export constant ones")
    return value


def broadcast(node: Node, tensors: list[Tensor]) -> tuple[int, ...]:
    """The shape of several tensors together."""
    try:
        return np.broadcast_shapes(*(tensor.shape for tensor in tensors))
    except ValueError as error:
        raise UnsupportedError(f"{error}; mend the model") from error


# ---------------------------------------------------------------- sums and products


def _operands(node: Node, inputs: Inputs) -> list[Tensor]:
    """Of an elementwise operation; before opset 7 a constant starts at ``axis`` of the signal."""
    tensors: list[Tensor] = [t if isinstance(t, Signal) else floats(t) for t in inputs]
    axis = node.attributes.get("axis")
    if axis is not None and len(tensors) == 2 and not isinstance(tensors[1], Signal) and tensors[1].ndim:
        behind = len(tensors[0].shape) - int(axis) if axis >= 0 else -int(axis)
        tensors[1] = tensors[1].reshape(tensors[1].shape + (1,) * (behind - tensors[1].ndim))
    broadcast(node, tensors)
    return tensors


@handles("Add", "Sum", "Mean")
def _add(model: Model, node: Node, inputs: Inputs) -> Signal:
    made = signals.total(_operands(node, inputs))
    return signals.scaled(made, 1.0 / len(inputs)) if node.op_type == "Mean" else made


@handles("Sub")
def _subtract(model: Model, node: Node, inputs: Inputs) -> Signal:
    one, other = _operands(node, inputs)
    return signals.total([one, signals.negated(other)])


@handles("Neg")
def _negate(model: Model, node: Node, inputs: Inputs) -> Signal:
    return signals.scaled(inputs[0], -1.0)


@handles("Mul")
def _multiply(model: Model, node: Node, inputs: Inputs) -> Signal:
    one, other = _operands(node, inputs)
    if isinstance(one, Signal) and isinstance(other, Signal):
        return signals.combined([one, other], lambda f, g: f * g, "is a product")
    return signals.scaled(one, other) if isinstance(one, Signal) else signals.scaled(inputs[1], one)


@handles("Div")
def _divide(model: Model, node: Node, inputs: Inputs) -> Signal:
    if isinstance(inputs[1], Signal):
        raise UnsupportedError("division by the signal is not piecewise linear; train without it")
    _, divisor = _operands(node, inputs)
    if np.any(np.asarray(divisor) == 0.0):
        raise UnsupportedError("divides by zero; mend the model")
    with np.errstate(all="ignore"):  # what is not finite is refused with the layer
        factor = 1.0 / np.asarray(divisor)
    return signals.scaled(inputs[0], factor)


@handles("BatchNormalization")
def _batch_norm(model: Model, node: Node, inputs: Inputs) -> Signal:
    attributes, opset = node.attributes, model.opset
    several = opset < 14 and any(node.outputs[1:])  # then statistics are made, and used
    if attributes.get("training_mode", 0) or several or (opset < 7 and not attributes.get("is_test", 0)):
        raise UnsupportedError("is in training mode; export the model for inference")
    signal = inputs[0]
    gamma, beta, mean, variance = (floats(constant(inputs, i, "parameters")) for i in (1, 2, 3, 4))
    axis = 1 if len(signal.shape) > 1 else 0
    if any(one.shape != signal.shape[axis : axis + 1] for one in (gamma, beta, mean, variance)):
        raise UnsupportedError(f"has {gamma.size} channels, a signal of shape {signal.shape} arrives; mend the model")
    epsilon = float(attributes.get("epsilon", np.float32(1e-5)))
    return signals.normalised(signal, axis, mean, variance, epsilon, gamma, beta)


@handles("ai.onnx.ml.Scaler")
def _scaler(model: Model, node: Node, inputs: Inputs) -> Signal:
    offset, factor = (np.array(node.attributes[key], np.float64) for key in ("offset", "scale"))
    return signals.scaled(signals.scaled(inputs[0], 1.0, -offset), factor)


@handles("MatMul")
def _matmul(model: Model, node: Node, inputs: Inputs) -> Signal:
    one, other = inputs[:2]
    if isinstance(one, Signal) and isinstance(other, Signal):
        raise UnsupportedError("is a product of two signals, which is not piecewise linear; train without it")
    signal, weight = (one, floats(other)) if isinstance(one, Signal) else (other, floats(one))
    if not signal.shape or not weight.ndim:
        raise _wrong_shape(signal, weight)
    left = signal is one
    axis = -1 if left or len(signal.shape) == 1 else -2
    if signal.shape[axis] != weight.shape[-2 if left and weight.ndim > 1 else -1]:
        raise _wrong_shape(signal, weight)
    if left and weight.ndim <= 2:
        return signals.rows_times(signal, weight.T)
    if weight.ndim <= 2 and signal.shape[axis] == signal.size:  # one column
        tail = signal.shape[len(signal.shape) + axis + 1 :]
        return signals.linear(signal, np.atleast_2d(weight), (*signal.shape[:axis], *weight.shape[:-1], *tail))
    return signals.push(signal, lambda unit: unit @ weight if left else weight @ unit)


def _wrong_shape(signal: Signal, weight: FloatArray) -> UnsupportedError:
    return UnsupportedError(f"signal of shape {signal.shape} and weight of shape {weight.shape} do not fit; mend the"
                            " model")  # fmt: skip


@handles("Gemm")
def _gemm(model: Model, node: Node, inputs: Inputs) -> Signal:
    attributes = node.attributes
    alpha, beta = float(attributes.get("alpha", 1.0)), float(attributes.get("beta", 1.0))
    a, b = inputs[:2]
    if isinstance(a, Signal) and isinstance(b, Signal):
        raise UnsupportedError("is a product of two signals, which is not piecewise linear; train without it")
    product: Signal | FloatArray
    if not isinstance(a, Signal) and not isinstance(b, Signal):
        left, right = (floats(x).T if attributes.get(k, 0) else floats(x) for x, k in ((a, "transA"), (b, "transB")))
        product = alpha * (left @ right)
    else:
        signal, weight = (a, floats(b)) if isinstance(a, Signal) else (b, floats(a))
        if weight.ndim != 2 or len(signal.shape) != 2:
            raise _wrong_shape(signal, weight)
        if attributes.get("transA" if signal is a else "transB", 0):
            signal = signals.move([signal], np.transpose)
        weight = weight.T if attributes.get("transB" if isinstance(a, Signal) else "transA", 0) else weight
        plain = _matmul(model, node, [signal, weight] if isinstance(a, Signal) else [weight, signal])
        product = signals.scaled(plain, alpha) if alpha != 1.0 else plain
    bias = optional(inputs, 2)
    if bias is None:
        return product  # type: ignore[return-value]
    with np.errstate(all="ignore"):  # what is not finite is refused with the layer
        offset = signals.scaled(bias, beta) if isinstance(bias, Signal) else beta * floats(bias)
    if broadcast(node, [product, offset]) != product.shape:
        raise UnsupportedError(f"bias of shape {offset.shape} for a product of shape {product.shape}; mend the model")
    return signals.total([product, offset])


# ---------------------------------------------------------------- activations


@handles("Relu")
def _relu(model: Model, node: Node, inputs: Inputs) -> Signal:
    return signals.activated(inputs[0], Activation.relu())


@handles("LeakyRelu")
def _leaky_relu(model: Model, node: Node, inputs: Inputs) -> Signal:
    return signals.activated(inputs[0], signals.leaky(float(node.attributes.get("alpha", np.float32(0.01)))))


@handles("PRelu")
def _p_relu(model: Model, node: Node, inputs: Inputs) -> Signal:
    slopes = floats(constant(inputs, 1, "slopes") if len(inputs) > 1 else inputs[1])
    if slopes.ndim == 1 and slopes.size > 1 and model.opset < 7:  # one a channel
        slopes = slopes.reshape(-1, *(1,) * (len(inputs[0].shape) - 2))
    if broadcast(node, [inputs[0], slopes]) != inputs[0].shape:
        raise UnsupportedError(f"slopes of shape {slopes.shape}, signal of shape {inputs[0].shape}; mend the model")
    return signals.activated_each(inputs[0], signals.leaky, slopes)


@handles("Abs")
def _abs(model: Model, node: Node, inputs: Inputs) -> Signal:
    return signals.absolute(inputs[0])


@handles("HardSigmoid")
def _hard_sigmoid(model: Model, node: Node, inputs: Inputs) -> Signal:
    alpha, beta = (float(node.attributes.get(k, np.float32(v))) for k, v in (("alpha", 0.2), ("beta", 0.5)))
    return signals.clipped(signals.scaled(inputs[0], alpha, beta), 0.0, 1.0)


@handles("ThresholdedRelu", "Shrink")
def _jumps(model: Model, node: Node, inputs: Inputs) -> Signal:
    """Continuous only for some parameters."""
    zero = Scalar.line(0.0, 0.0)
    if node.op_type == "ThresholdedRelu":
        cut = Scalar.line(0.0, float(node.attributes.get("alpha", 1.0)))
        return signals.combined(inputs[:1], lambda f: f.above(cut).where(f, zero), "is a function")
    bound, bias = float(node.attributes.get("lambd", 0.5)), Scalar.line(0.0, float(node.attributes.get("bias", 0.0)))

    def shrunk(f: Scalar) -> Scalar:
        low, high = Scalar.line(0.0, -bound).above(f), f.above(Scalar.line(0.0, bound))
        return low.where(f + bias, high.where(f + -bias, zero))

    return signals.combined(inputs[:1], shrunk, "is a function")


@handles("Sign")
def _sign(model: Model, node: Node, inputs: Inputs) -> Signal:
    zero = Scalar.line(0.0, 0.0)
    return signals.combined(inputs[:1], lambda f: f.above(zero) + -zero.above(f), "is a sign")


@handles("Greater", "GreaterOrEqual", "Less", "LessOrEqual")
def _compare(model: Model, node: Node, inputs: Inputs) -> Signal:
    equal = node.op_type.endswith("OrEqual")

    def above(f: Scalar, g: Scalar) -> Scalar:
        return f.above(g, equal) if node.op_type.startswith("Greater") else g.above(f, equal)

    return signals.combined(_operands(node, inputs), above, "is a comparison")


@handles("Clip")
def _clip(model: Model, node: Node, inputs: Inputs) -> Signal:
    given = [constant(inputs, slot, "bounds") for slot in (1, 2)]
    bounds = []
    for value, key, missing in zip(given, ("min", "max"), (-np.inf, np.inf), strict=True):
        bound = floats(node.attributes.get(key, missing) if value is None else value)
        if bound.size != 1:
            raise UnsupportedError(f"a bound of shape {bound.shape}; give one number for all neurons")
        bounds.append(float(bound.ravel()[0]))
    lower, upper = bounds
    if np.isnan(lower) or np.isnan(upper):
        raise UnsupportedError("a bound is NaN; mend the model")
    # exporters write the largest float32 for "no bound"
    lower, upper = (lower if lower > -3.4e38 else -np.inf), (upper if upper < 3.4e38 else np.inf)
    return signals.clipped(inputs[0], lower, upper)


@handles("Max", "Min")
def _extremum(model: Model, node: Node, inputs: Inputs) -> Tensor:
    tensors = _operands(node, inputs)
    if node.op_type == "Max":
        return signals.maximum(tensors)
    return signals.minimum(tensors)


@handles("Cast", "CastLike", "Identity", "Dropout")
def _pass(model: Model, node: Node, inputs: Inputs) -> Signal:
    if node.op_type == "Cast":
        to = node.attributes["to"]
        truth = to == BOOL and inputs[0].known is None
        if to not in FLOAT_TYPES and not truth:
            raise UnsupportedError("a cast to another type than float is not piecewise linear; drop it")
    training = optional(inputs, 2) is not None and bool(np.any(inputs[2])) or (
        model.opset < 7 and not node.attributes.get("is_test", 0)
    )
    if node.op_type == "Dropout" and training:
        raise UnsupportedError("is in training mode; export the model for inference")
    return inputs[0]  # type: ignore[no-any-return]
