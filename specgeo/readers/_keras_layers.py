"""What the layers of Keras make of signals, by the name of their class.

Tensors are channels-last unless a layer says otherwise; windows are counted with channels first, so the axes are moved
there and back, which costs nothing: it is a permutation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from specgeo._cast import FloatArray
from specgeo.activation import Activation
from specgeo.errors import UnsupportedError
from specgeo.readers import _signals as signals
from specgeo.readers import _windows as windows
from specgeo.readers._keras_model import Layer
from specgeo.readers._scalar import Scalar
from specgeo.readers._signals import Signal, Tensor, floats

_SAME = (
    "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise GaussianDropout AlphaDropout Identity "
    "ActivityRegularization RandomFlip RandomRotation RandomTranslation RandomZoom RandomContrast RandomBrightness"
).split()


@dataclass(frozen=True)
class Use:
    """A layer with its weights, at a call of it."""

    layer: Layer
    weights: Callable[[Sequence[str]], list[FloatArray]]
    version: str  # of Keras

    @property
    def config(self) -> dict[str, Any]:
        """The layer's configuration."""
        return self.layer.config

    @property
    def rank(self) -> int:
        """Number of axes that the name of the class says."""
        return int(next(c for c in self.layer.kind if c.isdigit()))

    def each(self, key: str, otherwise: Any = 1) -> tuple[int, ...]:
        """A number for each axis of windows."""
        value = self.config.get(key, otherwise)
        value = otherwise if value is None else value
        return tuple(map(int, value)) if isinstance(value, (list, tuple)) else (int(value),) * self.rank

    @property
    def first(self) -> bool:
        """Whether the channels come before the axes of space."""
        return self.config.get("data_format") == "channels_first"

    def biased(self, names: str) -> list[Any]:
        """Weights of these names, and the bias or None."""
        each = names.split()
        return self.weights([*each, "bias"]) if self.config.get("use_bias", True) else [*self.weights(each), None]


Handler: TypeAlias = Callable[..., Any]
HANDLERS: dict[str, Handler] = {}
OPERATIONS: dict[str, Handler] = {}
ACTIVATIONS: dict[str, Callable[[Signal, str], Signal]] = {}


def handles(*names: str) -> Callable[[Handler], Handler]:
    """The handler of these layers."""

    def add(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return add


@handles(*_SAME)
def _same(use: Use, x: Signal) -> Signal:
    return x


# ---------------------------------------------------------------- dense layers, convolutions, pools


@handles("Dense")
def _dense(use: Use, x: Signal) -> Signal:
    kernel, bias = use.biased("kernel")
    return signals.rows_times(x, kernel.T, bias)


def _channels_first(use: Use, x: Signal, function: Callable[[Signal], Signal]) -> Signal:
    """A function of signals with channels first."""
    if len(x.shape) != use.rank + 2:
        raise UnsupportedError(f"takes {use.rank + 1} axes, a tensor of shape {x.shape[1:]} arrives; mend the model")
    if use.first:
        return function(x)
    made = function(signals.move([x], lambda at: np.moveaxis(at, -1, 1)))
    last: Signal = signals.move([made], lambda at: np.moveaxis(at, 1, -1))
    return last


def _windows_of(use: Use, x: Signal, kernel: tuple[int, ...], stride: tuple[int, ...]) -> windows.Windows:
    dilation = use.each("dilation_rate")
    padding = str(use.config.get("padding", "valid")).lower()
    pads = [(0, 0)] * use.rank
    if padding == "same":
        pads = windows.same(x.shape[2:], kernel, stride, dilation)
    elif padding == "causal":
        pads = [(dilation[0] * (kernel[0] - 1), 0)]
    return windows.Windows(kernel, stride, tuple(pads), dilation)


def _front(kernel: FloatArray) -> FloatArray:
    """A kernel (..., in, out) as (out, in, ...)."""
    return np.moveaxis(kernel, (-1, -2), (0, 1))


@handles("Conv1D", "Conv2D", "Conv3D")
def _convolution(use: Use, x: Signal) -> Signal:
    kernel, bias = use.biased("kernel")

    def convolved(y: Signal) -> Signal:
        window = _windows_of(use, y, kernel.shape[: use.rank], use.each("strides"))
        return windows.convolved(y, _front(kernel), bias, window, int(use.config.get("groups", 1)))

    return _channels_first(use, x, convolved)


def _depthwise(use: Use, y: Signal, kernel: FloatArray, bias: FloatArray | None) -> Signal:
    """Each channel by kernels of its own, (..., channels, multiplier)."""
    window = _windows_of(use, y, kernel.shape[: use.rank], use.each("strides"))
    channels, each = kernel.shape[use.rank :]
    own = np.moveaxis(kernel, (-2, -1), (0, 1)).reshape(channels * each, 1, *kernel.shape[: use.rank])
    return windows.convolved(y, own, bias, window, channels)


@handles("DepthwiseConv1D", "DepthwiseConv2D")
def _depthwise_convolution(use: Use, x: Signal) -> Signal:
    name = "kernel" if use.version >= "3" else "depthwise_kernel"
    kernel, bias = use.biased(name)
    return _channels_first(use, x, lambda y: _depthwise(use, y, kernel, bias))


@handles("SeparableConv1D", "SeparableConv2D")
def _separable(use: Use, x: Signal) -> Signal:
    deep, point, bias = use.biased("depthwise_kernel pointwise_kernel")
    ones = (1,) * use.rank
    window = windows.Windows(ones, ones, ((0, 0),) * use.rank, ones)
    return _channels_first(
        use, x, lambda y: windows.convolved(_depthwise(use, y, deep, None), _front(point), bias, window, 1)
    )


@handles("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def _transposed(use: Use, x: Signal) -> Signal:
    kernel, bias = use.biased("kernel")
    n = use.rank
    stride, dilation = use.each("strides"), use.each("dilation_rate")
    given = use.each("output_padding") if use.config.get("output_padding") is not None else (None,) * n
    same = str(use.config.get("padding", "valid")).lower() == "same"

    def transposed(y: Signal) -> Signal:
        pads, extra = [], []
        for k, s, d, more in zip(kernel.shape[:n], stride, dilation, given, strict=True):
            size, before = d * (k - 1) + 1, 0
            grown = max(s - size, 0) if more is None else more  # the output has (n - 1) s + size + grown entries
            if same:
                grown = s - size if more is None else size % 2 + more - size
                spare = s + size - 2 if more is None else size + size % 2 - 2 + more
                before = max(size - 1 - (spare + 1) // 2, 0)
            pads.append((before, max(-grown - before, 0)))
            extra.append(max(grown + before, 0))
        window = windows.Windows(kernel.shape[:n], stride, tuple(pads), dilation)
        return windows.deconvolved(y, _front(kernel), bias, window, extra, 1)

    return _channels_first(use, x, transposed)


@handles(*(f"{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)))
def _pool(use: Use, x: Signal) -> Signal:
    kernel = use.each("pool_size", 2)

    def pooled(y: Signal) -> Signal:
        window = _windows_of(use, y, kernel, use.each("strides", kernel))
        return windows.pooled(y, window) if use.layer.kind[0] == "M" else windows.averaged(y, window, False)

    return _channels_first(use, x, pooled)


@handles(*(f"Global{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)))
def _global_pool(use: Use, x: Signal) -> Signal:
    axes = [axis + (2 if use.first else 1) for axis in range(use.rank)]
    over: Callable[..., Signal] = signals.maximum_over if "Max" in use.layer.kind else windows.averaged_over
    return over(x, axes, bool(use.config.get("keepdims", False)))


# ---------------------------------------------------------------- shapes


@handles("Flatten")
def _flatten(use: Use, x: Signal) -> Any:
    if use.first and len(x.shape) > 1:
        x = signals.move([x], lambda at: np.moveaxis(at, 1, -1))
    return signals.spread(x, (1, x.size))


@handles("Reshape")
def _reshape(use: Use, x: Signal) -> Signal:
    wanted = tuple(int(n) for n in use.config["target_shape"])
    rest = x.size // max(1, -math.prod(wanted)) if -1 in wanted else 0
    shape = tuple(rest if n == -1 else n for n in wanted)
    if math.prod(shape) != x.size:
        raise UnsupportedError(f"makes {wanted} of a tensor of shape {x.shape[1:]}; mend the model")
    return signals.spread(x, (1, *shape))


@handles("Permute")
def _permute(use: Use, x: Signal) -> Any:
    return signals.move([x], lambda at: np.transpose(at, (0, *use.config["dims"])))


@handles("RepeatVector")
def _repeat(use: Use, x: Signal) -> Any:
    return signals.move([x], lambda at: np.repeat(at[:, None], int(use.config["n"]), axis=1))


def _pairs(use: Use, key: str) -> list[tuple[int, int]]:
    """Numbers before and behind along each axis of space."""
    value = use.config[key]
    value = value if isinstance(value, (list, tuple)) else [value] * use.rank
    if use.rank == 1 and len(value) == 2:
        value = [value]
    return [(int(one[0]), int(one[1])) if isinstance(one, (list, tuple)) else (int(one), int(one)) for one in value]


def _around(use: Use, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same for all axes."""
    return [(0, 0), (0, 0), *pairs] if use.first else [(0, 0), *pairs, (0, 0)]


@handles("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def _pad(use: Use, x: Signal) -> Any:
    return signals.move([x], lambda at: np.pad(at, _around(use, _pairs(use, "padding"))))


@handles("Cropping1D", "Cropping2D", "Cropping3D")
def _crop(use: Use, x: Signal) -> Any:
    pairs = _around(use, _pairs(use, "cropping"))
    within = tuple(slice(before, n - after) for n, (before, after) in zip(x.shape, pairs, strict=True))
    return signals.move([x], lambda at: at[within])


@handles("UpSampling1D", "UpSampling2D", "UpSampling3D")
def _upsample(use: Use, x: Signal) -> Any:
    if use.config.get("interpolation", "nearest") != "nearest":
        raise UnsupportedError(f"interpolates {use.config['interpolation']!r}, which is not read; use 'nearest'")

    def repeated(at: FloatArray) -> FloatArray:
        for axis, n in enumerate(use.each("size", 2), start=2 if use.first else 1):
            at = np.repeat(at, n, axis)
        return at

    return signals.move([x], repeated)


# ---------------------------------------------------------------- scales, sums, maxima


@handles("BatchNormalization")
def _batch_norm(use: Use, x: Signal) -> Signal:
    axis = use.config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) else axis
    names = ["gamma"] * bool(use.config.get("scale", True)) + ["beta"] * bool(use.config.get("center", True))
    *own, mean, variance = use.weights([*names, "moving_mean", "moving_variance"])
    scale = dict(zip(names, own, strict=True))
    return signals.normalised(x, axis, mean, variance, float(use.config["epsilon"]), **scale)


@handles("Rescaling")
def _rescale(use: Use, x: Signal) -> Signal:
    return signals.scaled(x, use.config["scale"], use.config.get("offset", 0.0))


@handles("Normalization")
def _normalise(use: Use, x: Signal) -> Signal:
    if use.config.get("mean") is not None:
        mean, variance = floats(use.config["mean"]), floats(use.config["variance"])
    else:
        mean, variance = use.weights(["mean", "variance"])
    axes = use.config.get("axis", -1)
    axes = [] if axes is None else [axes] if isinstance(axes, int) else list(axes)
    shape = [1] * len(x.shape)
    for axis in axes:
        shape[axis] = x.shape[axis]
    mean, spread = (part.reshape(shape) if part.size > 1 else part.reshape(()) for part in (mean, np.sqrt(variance)))
    spread = np.maximum(spread, 1e-7)
    if use.config.get("invert"):
        return signals.scaled(x, spread, mean)
    return signals.scaled(signals.scaled(x, 1.0, -mean), 1.0 / spread)


def _merged(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Tensors with as many axes; Keras puts missing ones behind the batch."""
    rank = max(len(one.shape) for one in tensors)
    return [
        one if len(one.shape) == rank or not isinstance(one, Signal)
        else signals.spread(one, (1, *(1,) * (rank - len(one.shape)), *one.shape[1:]))
        for one in tensors
    ]  # fmt: skip


@handles("Add", "Average", "Maximum", "Minimum")
def _merge(use: Use, *tensors: Signal) -> Any:
    each, kind = _merged(tensors), use.layer.kind
    if kind in ("Maximum", "Minimum"):
        return (signals.maximum if kind == "Maximum" else signals.minimum)(each)
    made = signals.total(each)
    return signals.scaled(made, 1.0 / len(each)) if kind == "Average" else made


@handles("Subtract")
def _subtract(use: Use, one: Tensor, other: Tensor) -> Signal:
    one, other = _merged([one, other])
    return signals.total([one, signals.negated(other)])


@handles("Multiply")
def _multiply(use: Use, one: Tensor, other: Tensor) -> Signal:
    return product(one, other)


def product(one: Tensor, other: Tensor) -> Signal:
    """By a constant, or by a mask of the same signal."""
    if isinstance(one, Signal) and isinstance(other, Signal):
        return signals.combined([one, other], lambda f, g: f * g, "is a product")
    return signals.scaled(one, other) if isinstance(one, Signal) else signals.scaled(other, one)  # type: ignore[arg-type]


@handles("Concatenate")
def _concatenate(use: Use, *tensors: Signal) -> Any:
    return signals.move(tensors, lambda *at: np.concatenate(at, int(use.config.get("axis", -1))))


# ---------------------------------------------------------------- activations


@handles("ReLU")
def _relu(use: Use, x: Signal) -> Signal:
    top, slope, cut = (use.config.get(key) for key in ("max_value", "negative_slope", "threshold"))
    return _bounded_relu(x, np.inf if top is None else float(top), float(slope or 0.0), float(cut or 0.0))


def _bounded_relu(x: Signal, top: float, slope: float, cut: float) -> Signal:
    """x between the threshold and the top, slope * (x - threshold) below."""
    if (top, slope, cut) == (np.inf, 0.0, 0.0):
        return signals.activated(x, Activation.relu())
    if top == np.inf and cut == 0.0:
        return signals.activated(x, signals.leaky(slope))
    line = Scalar.line

    def function(f: Scalar) -> Scalar:
        made = f.above(line(0.0, cut), True).where(f, (f + line(0.0, -cut)) * line(0.0, slope))
        return made if top == np.inf else f.above(line(0.0, top), True).where(line(0.0, top), made)

    return signals.combined([x], function, "is a function")


@handles("LeakyReLU")
def _leaky_relu(use: Use, x: Signal) -> Signal:
    return signals.activated(x, signals.leaky(float(use.config.get("negative_slope", use.config.get("alpha", 0.3)))))


@handles("PReLU")
def _p_relu(use: Use, x: Signal) -> Signal:
    (slopes,) = use.weights(["alpha"])
    return signals.activated_each(x, signals.leaky, slopes)


@handles("ThresholdedReLU")
def _thresholded(use: Use, x: Signal) -> Signal:
    cut = Scalar.line(0.0, float(use.config.get("theta", 1.0)))
    return signals.combined([x], lambda f: f.above(cut).where(f, Scalar.line(0.0, 0.0)), "is a function")


def _hard_sigmoid(x: Signal, version: str) -> Signal:
    """Of another slope before Keras 3."""
    if version < "3":
        return signals.clipped(signals.scaled(x, 0.2, 0.5), 0.0, 1.0)
    return signals.scaled(signals.clipped(signals.scaled(x, 1.0, 3.0), 0.0, 6.0), 1.0 / 6.0)


def _soft_shrink(x: Signal, version: str) -> Signal:
    return signals.activated(x, Activation(np.array([-0.5, 0.5]), np.array([1.0, 0.0, 1.0]), 0.5))


ACTIVATIONS.update({
    "linear": lambda x, version: x,
    "relu": lambda x, version: signals.activated(x, Activation.relu()),
    "relu6": lambda x, version: signals.clipped(x, 0.0, 6.0),
    "leaky_relu": lambda x, version: signals.activated(x, signals.leaky(0.2)),
    "hard_sigmoid": _hard_sigmoid,
    "hard_tanh": lambda x, version: signals.clipped(x, -1.0, 1.0),
    "soft_shrink": _soft_shrink,
    "sparse_sigmoid": lambda x, version: signals.clipped(signals.scaled(x, 0.5, 0.5), 0.0, 1.0),
    "abs": lambda x, version: signals.absolute(x),
    "negative": lambda x, version: signals.scaled(x, -1.0),
})  # fmt: skip
ACTIVATIONS |= {"absolute": ACTIVATIONS["abs"], "neg": ACTIVATIONS["negative"]}
OPERATIONS.update({  # of keras.ops and of tf, by their last names
    "add": lambda x, y: signals.total([x, y]),
    "subtract": lambda x, y: signals.total([x, signals.negated(y)]),
    "multiply": product,
    "divide": lambda x, y: product(x, 1.0 / floats(y)),
    "maximum": lambda x, y: signals.maximum([x, y]),
    "minimum": lambda x, y: signals.minimum([x, y]),
})  # fmt: skip
OPERATIONS |= {"sub": OPERATIONS["subtract"], "mul": OPERATIONS["multiply"], "truediv": OPERATIONS["divide"]}
OPERATIONS |= {"true_divide": OPERATIONS["divide"]}
