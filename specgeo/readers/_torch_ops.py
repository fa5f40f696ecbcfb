"""What the operations of a torch graph (ATen) make of signals, by the name of the operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from specgeo._cast import FloatArray
from specgeo.activation import Activation
from specgeo.errors import UnsupportedError
from specgeo.readers import _signals as signals
from specgeo.readers import _windows as windows
from specgeo.readers._remedies import remedy_of_operation
from specgeo.readers._signals import Signal, Tensor

Arguments: TypeAlias = dict[str, Any]
Run: TypeAlias = Callable[..., Any]  # the operation itself, on tensors for some of its arguments by name
_MOVES = (
    "view reshape _unsafe_view unsafe_view permute transpose t numpy_T slice select index split split_with_sizes chunk "
    "unbind cat stack squeeze unsqueeze expand expand_as repeat repeat_interleave flip roll narrow movedim flatten "
    "unflatten index_select gather take_along_dim pixel_shuffle pixel_unshuffle channel_shuffle slice_scatter "
    "select_scatter tril triu diagonal diag_embed im2col upsample_nearest1d upsample_nearest2d upsample_nearest3d "
    "_upsample_nearest_exact1d _upsample_nearest_exact2d reflection_pad1d reflection_pad2d reflection_pad3d "
    "replication_pad1d replication_pad2d replication_pad3d rot90 swapaxes unfold broadcast_to tile hstack vstack "
    "tensor_split hsplit vsplit swapdims moveaxis ravel concat concatenate masked_select "
    "take meshgrid broadcast_tensors index_copy"
).split()  # fmt: skip
_LINEAR = (
    "matmul mm bmm mv dot einsum inner outer tensordot cumsum trace col2im kron diff upsample_linear1d "
    "upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d _upsample_bilinear2d_aa _upsample_bicubic2d_aa "
    "trapz trapezoid"
).split()  # fmt: skip
_SAME = "clone contiguous lift_fresh_copy detach alias dropout alpha_dropout _to_copy to type_as".split()
_POSITIONS = {"indices", "index", "mask", "condition", "repeats"}  # arguments that say where, and move nothing
Handler: TypeAlias = Callable[[Arguments, Run], Any]
HANDLERS: dict[str, Handler] = {}


def handles(*names: str) -> Callable[[Handler], Handler]:
    """The handler of these operations."""

    def add(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return add


def array(tensor: Any) -> Any:
    """A constant as numpy has it; signals and numbers as they are."""
    return tensor.detach().numpy() if hasattr(tensor, "detach") else tensor


def operand(value: Any) -> Tensor:
    """A signal, or a constant as an array of floats."""
    return value if isinstance(value, Signal) else np.asarray(array(value), np.float64)


def tensor_of(values: FloatArray) -> Any:
    import torch

    return torch.from_numpy(np.array(values))


def _varying(a: Arguments) -> list[str]:
    """Names of the arguments that are signals, or lists with one."""
    return [
        name for name, value in a.items()
        if isinstance(value, Signal) or (isinstance(value, (list, tuple)) and any(isinstance(v, Signal) for v in value))
    ]  # fmt: skip


@handles(*_MOVES)
def move(a: Arguments, run: Run) -> Any:
    """Run on positions; every tensor among the arguments takes part, but those that say where."""
    parts: list[Tensor] = []
    slots: dict[str, Any] = {}
    for name, value in a.items():
        several = isinstance(value, (list, tuple))
        each = list(value) if several else [value]
        if name in _POSITIONS or not any(isinstance(v, Signal) or hasattr(v, "detach") for v in each):
            if name in _varying(a):
                raise UnsupportedError("its positions depend on the input, which is not piecewise linear; drop it")
            continue
        slots[name] = (several, range(len(parts), len(parts) + len(each)))
        parts += [array(v) for v in each]

    def rearrange(*places: FloatArray) -> Any:
        given = {
            name: [tensor_of(places[i]) for i in at] if several else tensor_of(places[at[0]])
            for name, (several, at) in slots.items()
        }
        made = run(**given)
        return [m.numpy() for m in made] if isinstance(made, (list, tuple)) else made.numpy()

    return signals.move(parts, rearrange)


@handles(*_LINEAR)
def _linear_operation(a: Arguments, run: Run) -> Signal:
    """Run on unit vectors in the one argument that varies."""
    names = _varying(a)
    several = isinstance(a[names[0]], (list, tuple))
    inner = [i for i, v in enumerate(a[names[0]]) if isinstance(v, Signal)] if several else [0]
    if len(names) > 1 or len(inner) > 1:
        raise UnsupportedError("is a product of two signals, which is not piecewise linear; train without it")
    if names[0] == "self" and a["name"] in ("matmul", "mm", "bmm"):
        other = array(a.get("mat2", a.get("other")))
        if other.ndim == 2 and len(a["self"].shape) > 1:
            return signals.rows_times(a["self"], other.T)
    name, at = names[0], inner[0]

    def push(unit: FloatArray) -> Any:
        value = [tensor_of(unit) if i == at else v for i, v in enumerate(a[name])] if several else tensor_of(unit)
        return run(**{name: value}).numpy()

    return signals.push(a[name][at] if several else a[name], push)


@handles("linear")
def _linear(a: Arguments, run: Run) -> Signal:
    if _varying(a) != ["input"]:
        raise UnsupportedError("has weights that depend on the input, which is not piecewise linear; train without it")
    return signals.rows_times(a["input"], array(a["weight"]), array(a["bias"]))


@handles("addcmul", "addcdiv")
def _add_factors(a: Arguments, run: Run) -> Tensor:
    one, other = operand(a["tensor1"]), operand(a["tensor2"])
    if a["name"] == "addcdiv":
        other = operand(_divide({"self": np.ones(1), "other": a["tensor2"]}, run))
    return signals.total([operand(a["self"]), product(one, _times(other, float(a["value"])))])


@handles("lerp")
def _between(a: Arguments, run: Run) -> Tensor:
    weight = operand(a["weight"])
    if isinstance(weight, Signal):
        raise UnsupportedError("has weights that depend on the input, which is not piecewise linear; train without it")
    return signals.total([product(operand(a["self"]), 1.0 - weight), product(operand(a["end"]), weight)])


@handles("addmm", "addmv", "baddbmm", "addbmm")
def _add_product(a: Arguments, run: Run) -> Tensor:
    first, second = (k for k in a if k in ("mat1", "mat2", "mat", "vec", "batch1", "batch2"))
    factors = {"name": "matmul", "self": a[first], "other": a[second]}
    alpha, beta = float(a.get("alpha", 1)), float(a.get("beta", 1))
    addend = _times(operand(a["self"]), beta)
    if not _varying(factors):
        return signals.total([addend, alpha * (array(a[first]) @ array(a[second]))])

    def product(**replaced: Any) -> Any:
        given = factors | replaced
        return given["self"] @ given["other"]

    return signals.total([_times(_linear_operation(factors, product), alpha), addend])


def _times(tensor: Tensor, factor: float) -> Tensor:
    return signals.scaled(tensor, factor) if isinstance(tensor, Signal) else tensor * factor


@handles("add", "sub", "rsub", "add_", "subtract")
def _add(a: Arguments, run: Run) -> Tensor:
    alpha = float(a.get("alpha", 1))
    factors = {"add": (1.0, alpha), "rsub": (-alpha, 1.0)}.get(a["name"].strip("_"), (1.0, -alpha))
    terms = zip((operand(a["self"]), operand(a["other"])), factors, strict=True)
    return signals.total([_times(tensor, factor) for tensor, factor in terms])


@handles("neg", "negative")
def _negative(a: Arguments, run: Run) -> Tensor:
    return signals.scaled(a["self"], -1.0)


def product(one: Tensor, other: Tensor) -> Tensor:
    """By a constant, or of two functions of one signal, of which one is constant where the other varies."""
    if isinstance(one, Signal) and isinstance(other, Signal):
        return signals.combined([one, other], lambda f, g: f * g, "is a product")
    if not isinstance(one, Signal):
        one, other = other, one
    return signals.scaled(one, other) if isinstance(one, Signal) else one * other


@handles("mul", "multiply")
def _multiply(a: Arguments, run: Run) -> Tensor:
    return product(operand(a["self"]), operand(a["other"]))


@handles("div", "divide", "true_divide")
def _divide(a: Arguments, run: Run) -> Tensor:
    if isinstance(a["other"], Signal):
        raise UnsupportedError("is a division by a signal, which is not piecewise linear; train without it")
    if a.get("rounding_mode") is not None:
        raise UnsupportedError("rounds, which is not continuous; drop it")
    divisor = np.asarray(array(a["other"]), np.float64)
    if np.any(divisor == 0.0):
        raise UnsupportedError("divides by zero; mend the module")
    return product(operand(a["self"]), 1.0 / divisor)


@handles("sum", "mean")
def _mean(a: Arguments, run: Run) -> Tensor:
    axes = a.get("dim")
    axes = [axes] if isinstance(axes, int) else list(axes or [])
    return windows.averaged_over(a["self"], axes, bool(a.get("keepdim")), a["name"] == "mean")


@handles("batch_norm", "_native_batch_norm_legit_no_training", "_native_batch_norm_legit")
def _batch_norm(a: Arguments, run: Run) -> Any:
    if a.get("training"):
        raise UnsupportedError("uses the statistics of the batch; train it with track_running_stats=True")
    if a.get("running_mean") is None or a.get("running_var") is None:
        raise UnsupportedError("keeps no running statistics; train it with track_running_stats=True")
    parts = (array(a[key]) for key in ("running_mean", "running_var", "eps", "weight", "bias"))
    made = signals.normalised(a["input"], 1, *parts)
    return made if a["name"] == "batch_norm" else [made, None, None]


def _each(value: Any, n: int) -> tuple[int, ...]:
    """A number for each axis."""
    values = tuple(int(v) for v in value) if isinstance(value, (list, tuple)) else (int(value),)
    return values * n if len(values) == 1 else values


def _windows(a: Arguments, kernel: tuple[int, ...]) -> windows.Windows:
    n = len(kernel)
    stride = _each(a["stride"], n) if a.get("stride") not in (None, []) else kernel
    dilation = _each(a.get("dilation", 1), n)
    padding = a.get("padding", 0)
    if isinstance(padding, str):
        spare = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, kernel, strict=True)]
        pads = tuple((s // 2, s - s // 2) for s in spare)
    else:
        pads = tuple((p, p) for p in _each(padding, n))
    return windows.Windows(kernel, stride, pads, dilation, bool(a.get("ceil_mode")))


@handles("conv1d", "conv2d", "conv3d", "convolution", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _convolution(a: Arguments, run: Run) -> Signal:
    if _varying(a) != ["input"]:
        raise UnsupportedError("has weights that depend on the input, which is not piecewise linear; train without it")
    weight, bias = array(a["weight"]), array(a["bias"])
    window, groups = _windows(a, weight.shape[2:]), int(a["groups"])
    if "transpose" in a["name"] or a.get("transposed"):
        extra = _each(a["output_padding"], weight.ndim - 2)
        return windows.deconvolved(a["input"], weight, bias, window, extra, groups)
    return windows.convolved(a["input"], weight, bias, window, groups)


@handles("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _average(a: Arguments, run: Run) -> Signal:
    window = _windows(a, _each(a["kernel_size"], int(a["name"][8])))
    return windows.averaged(a["self"], window, bool(a["count_include_pad"]), a.get("divisor_override"))


@handles("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "_adaptive_avg_pool2d")
def _adaptive_average(a: Arguments, run: Run) -> Signal:
    return windows.averaged_to(a["self"], _counts(a))


def _counts(a: Arguments) -> tuple[int, ...]:
    n = int(a["name"].rstrip("d")[-1])
    return _each(a["output_size"], n)


@handles("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def _adaptive_largest(a: Arguments, run: Run) -> Any:
    return [windows.pooled_to(a["self"], _counts(a)), None]


@handles(*(f"max_pool{n}d{end}" for n in (1, 2, 3) for end in ("", "_with_indices")))
def _largest_of_window(a: Arguments, run: Run) -> Any:
    made = windows.pooled(a["self"], _windows(a, _each(a["kernel_size"], int(a["name"][8]))))
    return [made, None] if a["name"].endswith("indices") else made


@handles("relu", "relu6", "hardtanh", "clamp", "clip", "clamp_min", "clamp_max", "relu_")
def _clip(a: Arguments, run: Run) -> Any:
    name = a["name"]
    low, high = {"relu": (0.0, np.inf), "relu6": (0.0, 6.0)}.get(name, (-np.inf, np.inf))
    low = next((a[key] for key in ("min", "min_val") if a.get(key) is not None), low)
    high = next((a[key] for key in ("max", "max_val") if a.get(key) is not None), high)
    if not isinstance(low, Signal) and not isinstance(high, Signal):
        return signals.clipped(a["self"], array(low), array(high))
    return signals.minimum([signals.maximum([a["self"], operand(low)]), operand(high)])


@handles("leaky_relu")
def _leaky(a: Arguments, run: Run) -> Signal:
    return signals.activated(a["self"], signals.leaky(float(a["negative_slope"])))


@handles("prelu", "_prelu_kernel")
def _prelu(a: Arguments, run: Run) -> Signal:
    slopes = array(a["weight"])
    if isinstance(slopes, Signal):
        raise UnsupportedError("has slopes that depend on the input, which is not piecewise linear; train without it")
    if a["name"] == "prelu" and slopes.size > 1:
        slopes = slopes.reshape(-1, *(1,) * (len(a["self"].shape) - 2))
    return signals.activated_each(a["self"], signals.leaky, slopes)


@handles("rrelu")
def _random_leaky(a: Arguments, run: Run) -> Signal:
    return signals.activated(a["self"], signals.leaky((float(a["lower"]) + float(a["upper"])) / 2.0))


@handles("abs", "absolute")
def _absolute(a: Arguments, run: Run) -> Signal:
    return signals.absolute(a["self"])


@handles("hardsigmoid")
def _hard_sigmoid(a: Arguments, run: Run) -> Signal:
    return signals.scaled(signals.clipped(signals.scaled(a["self"], 1.0, 3.0), 0.0, 6.0), 1.0 / 6.0)


@handles("softshrink")
def _soft_shrink(a: Arguments, run: Run) -> Signal:
    bound = float(a["lambd"])
    if bound == 0.0:
        return a["self"]  # type: ignore[no-any-return]
    return signals.activated(a["self"], Activation(np.array([-bound, bound]), np.array([1.0, 0.0, 1.0]), bound))


@handles("maximum", "fmax")
def _largest(a: Arguments, run: Run) -> Any:
    return signals.maximum([operand(a["self"]), operand(a["other"])])


@handles("minimum", "fmin")
def _least(a: Arguments, run: Run) -> Any:
    return signals.minimum([operand(a["self"]), operand(a["other"])])


@handles("amax", "max", "amin", "min", "topk")
def _largest_along(a: Arguments, run: Run) -> Any:
    if "other" in a:
        return (_largest if a["name"] == "max" else _least)(a, run)
    if a["name"] == "topk" and a["k"] != 1:
        raise UnsupportedError("sorts, which is not read for k > 1; use max")
    axes = a.get("dim", [])
    keep = bool(a.get("keepdim", a["name"] == "topk"))
    negative = a["name"].endswith("min") or a.get("largest") is False
    factor = -1.0 if negative else 1.0
    over = [axes] if isinstance(axes, int) else list(axes or [])
    made = signals.scaled(signals.maximum_over(signals.scaled(a["self"], factor), over, keep), factor)
    return [made, None] if isinstance(axes, int) else made


@handles("aminmax")
def _ends(a: Arguments, run: Run) -> Any:
    axes, keep = [] if a.get("dim") is None else [a["dim"]], bool(a.get("keepdim"))
    least = signals.maximum_over(signals.scaled(a["self"], -1.0), axes, keep)
    return [signals.scaled(least, -1.0), signals.maximum_over(a["self"], axes, keep)]


@handles("linalg_vector_norm")
def _norm(a: Arguments, run: Run) -> Any:
    """Of the sizes of entries the sum, or the largest."""
    if a["ord"] not in (1, np.inf):
        raise UnsupportedError(remedy_of_operation(a["name"]))
    axes, keep = list(a.get("dim") or []), bool(a.get("keepdim"))
    sizes = signals.absolute(a["self"])
    if a["ord"] == 1:
        return windows.averaged_over(sizes, axes, keep, False)
    return signals.maximum_over(sizes, axes, keep)


@handles("constant_pad_nd", "pad")
def _pad(a: Arguments, run: Run) -> Any:
    value = a.get("value")
    fill = np.array([0.0 if value is None else float(value)])

    def rearrange(places: FloatArray, constant: FloatArray) -> Any:
        new = float(constant[0]) if fill[0] else 0.0
        given = {} if a.get("mode", "constant") != "constant" else {"value": new}
        return run(self=tensor_of(places), **given).numpy()

    return signals.move([a["self"], fill], rearrange)


@handles("copy")
def _copy(a: Arguments, run: Run) -> Any:
    source, shape = array(a["src"]), a["self"].shape
    return signals.spread(source, tuple(shape)) if isinstance(source, Signal) else np.broadcast_to(source, shape)


@handles("scatter_add", "index_add")
def _add_at(a: Arguments, run: Run) -> Any:
    """The sum of what was there and of what is added to zeros."""
    zeros = tensor_of(np.zeros(a["self"].shape))
    added = a | {"self": zeros}
    if float(a.get("alpha", 1)) != 1.0 or not _varying(added):
        raise UnsupportedError("adds constants at positions, or with a factor, which is not read; add a tensor")
    return signals.total([operand(a["self"]), _linear_operation(added, lambda **given: run(self=zeros, **given))])


@handles("fill", "zeros_like", "ones_like", "empty_like", "full_like", "new_zeros", "new_ones", "new_full", "new_empty")
def _like(a: Arguments, run: Run) -> Any:
    return run(self=tensor_of(np.zeros(a["self"].shape)))


@handles(*_SAME)
def _same(a: Arguments, run: Run) -> Any:
    import torch

    kind = a.get("dtype")
    if kind is not None and not (kind.is_floating_point or (kind == torch.bool and a["self"].known is None)):
        raise UnsupportedError(f"a cast to {kind} is not continuous; drop it")
    return a.get("self", a.get("input"))
