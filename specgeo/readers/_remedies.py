"""What to do about a layer that is not read, by the names that ONNX, torch and Keras give it."""

from __future__ import annotations

from collections.abc import Sequence

_SMOOTH = "is not piecewise linear; train with ReLU, leaky ReLU or hard tanh in its place"
_MATRIX = "is not read; for one size of input it is a matrix: pass that to specgeo.Network(weights, biases)"
_MAXIMUM = "is not read; max(a, b) = b + relu(a - b): put Linear and ReLU in its place"
_SEVERAL = "multiplies or divides by what depends on the input, which is not piecewise linear; train without it"
_PROBABILITIES = frozenset("softmax logsoftmax softmax2d sigmoid logsigmoid argmax hardmax zipmap".split())
_REARRANGES = frozenset(
    "identity reshape flatten squeeze unsqueeze cast dropout view unsafeview clone contiguous detach alias tocopy"
    .split()
)  # fmt: skip
_SORTS = "is not read; use max, or torch.maximum of pairs"
_JUMPS = "is not continuous piecewise linear; drop it"
_CODES = "rounds what depends on the input, which is not continuous; read the model before it was quantised"
_WAVES = (
    "is not piecewise linear; interpolate sin(w x) by tents on a grid of spacing h: the error is at most (w h)^2 / 8,"
    " and specgeo.readers.with_encoding makes the layer"
)
_KINDS = {
    _SMOOTH: "Tanh Sigmoid LogSigmoid Softplus Softsign Gelu GELU Erf Elu ELU Selu SELU Celu CELU SiLU Swish Mish "
    "HardSwish Hardswish Hardsilu Squareplus Sparseplus "
    "Exponential Exp Log Sqrt Pow Reciprocal Asin Acos Atan Sinh Cosh Tan LpPool LRN ReduceL2 ReduceLogSumExp "
    "Softmax LogSoftmax Softmax2d Tanhshrink",
    _WAVES: "Sin Cos",
    _MATRIX: "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d AvgPool1d AvgPool2d AvgPool3d "
    "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d Upsample ZeroPad2d Unflatten BatchNorm2d BatchNorm3d",
    _MAXIMUM: "MaxPool1d MaxPool2d MaxPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d Maxout",
    _SEVERAL: "LSTM GRU RNN Attention MultiHeadAttention MultiheadAttention LayerNormalization LayerNorm "
    "InstanceNormalization RMSNormalization LpNormalization GroupNormalization GroupNorm RMSNorm Transformer "
    "TransformerEncoderLayer Bilinear",
    _JUMPS: "ArgMax ArgMin Argmax Floor Ceil Round Hardmax Hardshrink Threshold Mod",
    _CODES: "QuantizeLinear DynamicQuantizeLinear QLinearConv QLinearMatMul MatMulInteger ConvInteger",
    "is not read; it is clip(a x + b, 0, 1): put Linear and Clip or Hardtanh in its place": "Hardsigmoid",
    "runs code that is not in the file; write it with layers": "Lambda",
    "is not read; put LeakyReLU in its place where all slopes are one": "PReLU RReLU",
}
SWAPPED = "an activation before a maximum was moved behind it: the function is the same, its activation regions are not"
_REMEDY = {kind: remedy for remedy, kinds in _KINDS.items() for kind in kinds.split()}


def is_readout(kind: str) -> bool:
    """Whether a layer makes probabilities or a class of logits: at the end of a network it is left out."""
    return _plain(kind) in _PROBABILITIES


def keeps_order(kind: str) -> bool:
    """Whether a layer leaves all entries as they are, in their order: one behind probabilities is left out too."""
    return _plain(kind) in _REARRANGES


def ends_before(kinds: Sequence[str]) -> str:
    """The notice about layers that are left out at the end."""
    names = ", ".join(kind for kind in kinds if is_readout(kind))
    return (
        f"the network ends before its {names}, which is not piecewise linear: its outputs are logits, of which the"
        " largest is the same; a sigmoid is 1/2 where its logit is 0"
    )


def _plain(kind: str) -> str:
    return kind.rpartition(".")[2].replace("_", "").lower()


def linear_or_maximum(kind: str) -> bool:
    """Whether a layer is piecewise linear, but no layer of a chain."""
    return _REMEDY.get(kind) in (_MATRIX, _MAXIMUM) or kind in ("PReLU", "RReLU", "Hardsigmoid", "Softshrink")


def remedy(kind: str, known: str) -> str:
    """What is wrong with a kind of layer and what to do; ``known`` names those that can be read."""
    return _REMEDY.get(kind, f"is not supported; use {known}")


def remedy_of_operation(name: str) -> str:
    """What is wrong with an operation of torch that is not read."""
    plain = _plain(name)
    own = {kind.lower(): text for kind, text in _REMEDY.items()}
    others = {
        "logsumexp": _SMOOTH, "linalgvectornorm": _SMOOTH, "std": _SMOOTH, "var": _SMOOTH, "norm": _SMOOTH,
        "nativelayernorm": _SEVERAL, "nativegroupnorm": _SEVERAL, "scaleddotproductattention": _SEVERAL,
        "glu": _SEVERAL, "instancenorm": _SEVERAL, "cosinesimilarity": _SEVERAL, "prod": _SEVERAL,
        "cdist": _SMOOTH, **dict.fromkeys(("floordivide", "trunc", "frac", "remainder", "fmod", "bucketize"), _JUMPS),
        **dict.fromkeys(("sort", "median", "kthvalue", "cummax", "cummin"), _SORTS),
        **dict.fromkeys(("rnnrelu", "rnntanh", "lstm", "gru"), "is not read; write its steps with Linear and ReLU"),
    }  # fmt: skip
    text = own.get(plain) or others.get(plain, "is not read; write it with linear operations, ReLU and maxima")
    return text
