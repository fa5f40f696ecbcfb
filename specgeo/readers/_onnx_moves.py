"""ONNX operations that move data, and those over windows and axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from specgeo._cast import FloatArray
from specgeo.errors import ReadError, UnsupportedError
from specgeo.readers import _signals as signals
from specgeo.readers import _windows as windows
from specgeo.readers._onnx_constants import Operation
from specgeo.readers._onnx_model import Model, Node
from specgeo.readers._onnx_ops import Inputs, constant, handles
from specgeo.readers._signals import Signal

# inputs that are moved, by slot; all where none is given
MOVED = {
    "Concat": (), "Slice": (0,), "Split": (0,), "Gather": (0,), "GatherElements": (0,), "GatherND": (0,),
    "Expand": (0,), "Tile": (0,), "DepthToSpace": (0,), "SpaceToDepth": (0,), "Trilu": (0,), "Where": (1, 2),
    "ScatterND": (0, 2), "ScatterElements": (0, 2), "Compress": (0,), "CenterCropPad": (0,), "ReverseSequence": (0,),
}  # fmt: skip


@handles(*(kind for kind in MOVED if kind != "Where"))
def _move(model: Model, node: Node, inputs: Inputs) -> Any:
    """Evaluated on positions by onnx itself."""
    moved = MOVED[node.op_type] or tuple(range(len(inputs)))
    for slot, value in enumerate(inputs):
        if slot not in moved and isinstance(value, Signal):
            raise UnsupportedError("positions that depend on the input are not supported; export constant ones")
    if node.attributes.get("reduction", b"none") not in (b"none", "none"):
        raise UnsupportedError("adds or multiplies entries, which is not read; export the model without it")
    operation = Operation(model, node)

    def rearrange(*places: FloatArray) -> Any:
        given = list(inputs)
        for slot, place in zip(moved, places, strict=True):
            given[slot] = place
        found = operation(given)
        return found if len(found) > 1 else found[0]

    return signals.move([inputs[slot] for slot in moved], rearrange)


@handles("Where")
def _where(model: Model, node: Node, inputs: Inputs) -> Any:
    if not isinstance(inputs[0], Signal):
        return _move(model, node, inputs)
    return signals.combined(inputs, lambda c, x, y: c.where(x, y), "is a selection")


@handles("Pad")
def _pad(model: Model, node: Node, inputs: Inputs) -> Any:
    mode = node.attributes.get("mode", b"constant")
    mode = mode.decode() if isinstance(mode, bytes) else mode
    signal, value = inputs[0], constant(inputs, 2, "values")
    fill = float(np.ravel(value)[0]) if value is not None else float(node.attributes.get("value", 0.0))
    pads = constant(inputs, 1, "pads")
    pads = [int(n) for n in (np.ravel(pads) if pads is not None else node.attributes["pads"])]
    axes, rank = constant(inputs, 3, "axes"), len(signal.shape)
    over = [int(a) % rank for a in np.ravel(axes)] if axes is not None else list(range(rank))
    before, after = [0] * rank, [0] * rank
    for i, axis in enumerate(over):
        before[axis], after[axis] = pads[i], pads[len(over) + i]
    grown = [max(0, n) for n in (*before, *after)]
    size = math.prod(n + a + b for n, a, b in zip(signal.shape, grown[:rank], grown[rank:], strict=True))
    model.limit.take(32 * size, "its padded value")
    cut = tuple(
        slice(max(0, -a), n - max(0, -b)) for n, a, b in zip(signal.shape, before, after, strict=True)
    )  # a negative pad takes away

    def rearrange(places: FloatArray, filled: FloatArray) -> FloatArray:
        widths = list(zip(grown[:rank], grown[rank:], strict=True))
        if mode == "constant":
            return np.pad(places[cut], widths, constant_values=filled[0] if fill else 0.0)
        return np.pad(places[cut], widths, mode={"reflect": "reflect", "edge": "edge", "wrap": "wrap"}[mode])  # type: ignore[call-overload,no-any-return]

    return signals.move([signal, np.array([fill])], rearrange)


# ---------------------------------------------------------------- shapes


def _reshape_to(signal: Signal, shape: tuple[int, ...]) -> Signal:
    try:
        return signals.spread(signal, signal.positions().reshape(shape).shape)
    except ValueError as error:
        raise UnsupportedError(f"{error}; export the model with batch size 1") from error


@handles("Flatten")
def _flatten(model: Model, node: Node, inputs: Inputs) -> Signal:
    signal = inputs[0]
    axis, rank = int(node.attributes.get("axis", 1)), len(signal.shape)
    if not -rank <= axis <= rank:
        raise ReadError(f"axis {axis} of a signal with {rank} axes; the file is corrupt")
    axis = axis + rank if axis < 0 else axis
    return _reshape_to(signal, (math.prod(signal.shape[:axis]), -1))


@handles("Reshape")
def _reshape(model: Model, node: Node, inputs: Inputs) -> Signal:
    attributes, shape = node.attributes, inputs[0].shape
    given = constant(inputs, 1, "shapes")
    wanted = given.tolist() if given is not None else list(attributes.get("shape", []))
    if not attributes.get("allowzero", 0):
        wanted = [shape[i] if n == 0 and i < len(shape) else n for i, n in enumerate(wanted)]
    return _reshape_to(inputs[0], tuple(int(n) for n in wanted))


def _axes(node: Node, inputs: Inputs, slot: int = 1) -> list[int] | None:
    given = constant(inputs, slot, "axes")
    axes = given.ravel().tolist() if given is not None else node.attributes.get("axes")
    return None if axes is None else [int(a) for a in axes]


@handles("Squeeze")
def _squeeze(model: Model, node: Node, inputs: Inputs) -> Signal:
    axes = _axes(node, inputs)
    try:
        shape = np.squeeze(inputs[0].positions(), None if axes is None else tuple(axes)).shape
    except (ValueError, IndexError) as error:
        raise UnsupportedError(f"{error}; mend the model") from error
    return signals.spread(inputs[0], shape)


@handles("Unsqueeze")
def _unsqueeze(model: Model, node: Node, inputs: Inputs) -> Signal:
    shape = np.expand_dims(inputs[0].positions(), tuple(_axes(node, inputs) or ())).shape
    return signals.spread(inputs[0], shape)


@handles("Transpose")
def _transpose(model: Model, node: Node, inputs: Inputs) -> Any:
    permutation = node.attributes.get("perm")
    return signals.move(inputs[:1], lambda x: np.transpose(x, permutation))


# ---------------------------------------------------------------- windows and axes


@handles("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin")
def _reduce(model: Model, node: Node, inputs: Inputs) -> Signal:
    signal, kind = inputs[0], node.op_type
    axes, keep = _axes(node, inputs) or [], bool(node.attributes.get("keepdims", 1))
    if not axes and node.attributes.get("noop_with_empty_axes", 0):
        return signal  # type: ignore[no-any-return]
    if kind in ("ReduceSum", "ReduceMean"):
        return windows.averaged_over(signal, axes, keep, kind == "ReduceMean")
    factor = -1.0 if kind == "ReduceMin" else 1.0
    return signals.scaled(signals.maximum_over(signals.scaled(signal, factor), axes, keep), factor)


def _windows(node: Node, kernel: tuple[int, ...], spatial: tuple[int, ...]) -> windows.Windows:
    attributes, n = node.attributes, len(kernel)
    stride = tuple(attributes.get("strides", [1] * n))
    dilation = tuple(attributes.get("dilations", [1] * n))
    auto = attributes.get("auto_pad", b"NOTSET")
    auto = auto.decode() if isinstance(auto, bytes) else auto
    flat = list(attributes.get("pads", [0] * (2 * n)))
    pads = list(zip(flat[:n], flat[n:], strict=True))
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        pads = windows.same(spatial, kernel, stride, dilation)
        if auto == "SAME_LOWER":
            pads = [(after, before) for before, after in pads]
    elif auto == "VALID":
        pads = [(0, 0)] * n
    return windows.Windows(kernel, stride, tuple(pads), dilation, bool(attributes.get("ceil_mode", 0)))


@handles("Conv")
def _convolution(model: Model, node: Node, inputs: Inputs) -> Signal:
    signal = inputs[0]
    weight, bias = constant(inputs, 1, "weights"), constant(inputs, 2, "biases")
    if len(inputs) < 2 or weight is None:
        raise ReadError("has no weights; the file is corrupt")
    if not isinstance(signal, Signal) or weight.ndim != len(signal.shape) or weight.ndim < 3:
        raise UnsupportedError(f"signal of shape {np.shape(signal)} and weight of shape {weight.shape} do not fit; mend"
                               " the model")  # fmt: skip
    window = _windows(node, weight.shape[2:], signal.shape[2:])
    return windows.convolved(signal, weight, bias, window, int(node.attributes.get("group", 1)))


@handles("ConvTranspose")
def _transposed(model: Model, node: Node, inputs: Inputs) -> Signal:
    signal, weight, bias = inputs[0], constant(inputs, 1, "weights"), constant(inputs, 2, "biases")
    n, attributes = weight.ndim - 2, node.attributes
    auto = attributes.get("auto_pad", b"NOTSET")
    auto = auto.decode() if isinstance(auto, bytes) else auto
    plain = _windows(node, weight.shape[2:], signal.shape[2:])
    extra = list(attributes.get("output_padding", [0] * n))
    pads = list(plain.pads) if auto == "NOTSET" else [(0, 0)] * n
    wanted = list(attributes.get("output_shape", []))
    if auto.startswith("SAME"):
        wanted = wanted or [size * s for size, s in zip(signal.shape[2:], plain.stride, strict=True)]
    for i, size in enumerate(wanted[-n:] if wanted else []):
        full = (signal.shape[2 + i] - 1) * plain.stride[i] + extra[i] + plain.dilation[i] * (plain.kernel[i] - 1) + 1
        spare = full - int(size)
        pads[i] = (spare // 2, spare - spare // 2) if auto == "SAME_UPPER" else (spare - spare // 2, spare // 2)
    window = windows.Windows(plain.kernel, plain.stride, tuple(pads), plain.dilation)
    return windows.deconvolved(signal, weight, bias, window, extra, int(attributes.get("group", 1)))


@handles("AveragePool", "MaxPool", "GlobalAveragePool", "GlobalMaxPool")
def _pool(model: Model, node: Node, inputs: Inputs) -> Signal:
    signal, kind = inputs[0], node.op_type
    spatial = signal.shape[2:]
    if not spatial:
        raise UnsupportedError(f"a signal of shape {signal.shape} has no axes to pool over; mend the model")
    if kind.startswith("Global"):
        axes = list(range(2, len(signal.shape)))
        over: Callable[..., Signal] = windows.averaged_over if kind == "GlobalAveragePool" else signals.maximum_over
        return over(signal, axes, True)
    window = _windows(node, tuple(node.attributes["kernel_shape"]), spatial)
    if kind == "MaxPool":
        return windows.pooled(signal, window)
    return windows.averaged(signal, window, bool(node.attributes.get("count_include_pad", 0)))


# ---------------------------------------------------------------- what is linear, by unit vectors


@handles("Einsum", "CumSum", "Resize", "Upsample", "AffineGrid", "Col2Im", "DFT")
def _linear(model: Model, node: Node, inputs: Inputs) -> Any:
    """Evaluated by onnx itself; what is nearest neighbour is so on positions."""
    slots = [slot for slot, value in enumerate(inputs) if isinstance(value, Signal)]
    if len(slots) > 1:
        raise UnsupportedError("is a product of two signals, which is not piecewise linear; train without it")
    operation, slot = Operation(model, node), slots[0]
    if node.op_type != "Einsum" and slot != 0:
        raise UnsupportedError("sizes that depend on the input are not supported; export constant ones")
    transformation = _word(node, "coordinate_transformation_mode", "half_pixel")
    nearest = _word(node, "mode", "nearest") == "nearest" and transformation != "tf_crop_and_resize"
    if node.op_type in ("Resize", "Upsample") and nearest:
        if transformation == "tf_half_pixel_for_nn":
            return signals.move([inputs[0]], lambda places: _nearest_of_tensorflow(node, places, inputs))
        return signals.move([inputs[0]], lambda places: operation([places, *inputs[1:]])[0])

    def push(unit: FloatArray) -> Any:
        return operation([unit if i == slot else _double(value) for i, value in enumerate(inputs)])[0]

    return signals.push(inputs[slot], push)


def _word(node: Node, key: str, otherwise: str) -> str:
    value = node.attributes.get(key, otherwise)
    return value.decode() if isinstance(value, bytes) else str(value)


def _nearest_of_tensorflow(node: Node, places: FloatArray, inputs: Inputs) -> FloatArray:
    """Entry i is that at (i + 1/2) / scale, rounded down: a form of Resize that onnx itself no longer evaluates."""
    if _word(node, "nearest_mode", "round_prefer_floor") != "floor" or node.attributes.get("axes") is not None:
        raise UnsupportedError("rounds positions otherwise than down, or names axes; export it with opset 19")
    scales, sizes = (inputs[slot] if slot < len(inputs) else None for slot in (2, 3))
    for axis, n in enumerate(places.shape):
        scale = float(scales[axis]) if sizes is None else float(sizes[axis]) / n  # type: ignore[index]
        at = np.floor((np.arange(int(n * scale)) + 0.5) / scale).astype(np.int64)
        places = np.take(places, np.minimum(at, n - 1), axis)
    return places


def _double(value: Any) -> Any:
    return value.astype(np.float64) if value is not None and value.dtype.kind == "f" else value

