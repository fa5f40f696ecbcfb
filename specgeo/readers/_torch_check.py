"""A torch module is what its call makes: refusal of what cannot be seen, a copy to call, and the comparison.

The comparison is local: each layer's output is compared with the layer in float64 at the very input that arrived,
within the rounding of the module's own type; the input must be the output before, bit by bit. So the first layer that
differs is known, and errors do not pile up.
"""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np

from specgeo._cast import FloatArray
from specgeo._progress import Tell
from specgeo.activation import Activation
from specgeo.errors import InvalidInputError, UnsupportedError

KNOWN = (
    "Sequential", "Linear", "BatchNorm1d", "ReLU", "LeakyReLU", "Hardtanh", "ReLU6", "Flatten", "Dropout",
    "AlphaDropout", "Dropout1d", "Identity", "Softmax", "LogSoftmax", "Sigmoid", "LogSigmoid",
)  # fmt: skip
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_SCALES = (1e-3, 1.0, 30.0, 1e3)
_POINTS = 8  # at each scale
_PLAIN = "pass a torch.nn.Sequential of plain layers"


class Layer(NamedTuple):
    """A layer and its dotted name."""

    name: str
    module: Any


class Step(NamedTuple):
    """A layer as a function in float64, the sum of the sizes of its terms, and how many roundings these see."""

    value: Callable[[FloatArray], FloatArray]
    size: Callable[[FloatArray], FloatArray]
    roundings: float

    @classmethod
    def identity(cls) -> Step:
        """Nothing happens, and nothing rounds."""
        return cls(lambda x: x, np.abs, 0.0)

    @classmethod
    def linear(cls, matrix: FloatArray, bias: FloatArray) -> Step:
        """Sums in any order; their errors add up like a random walk, with a margin of several deviations."""
        n = matrix.shape[1]
        return cls(
            lambda x: x @ matrix.T + bias,
            lambda x: np.abs(x) @ np.abs(matrix).T + np.abs(bias),
            min(n + 2.0, 2.0 * np.sqrt(n) + 8.0),
        )

    @classmethod
    def norm(cls, factor: FloatArray, mean: FloatArray, bias: FloatArray) -> Step:
        """Factors are rounded too."""
        return cls(
            lambda x: factor * (x - mean) + bias,
            lambda x: np.abs(factor) * (np.abs(x) + np.abs(mean)) + np.abs(bias),
            12.0,
        )

    @classmethod
    def activation(cls, activation: Activation) -> Step:
        """A product with a slope, and bounds, are rounded."""
        bounds = float(np.abs(activation.breakpoints).max(initial=0.0))
        return cls(lambda x: activation(x), lambda x: np.abs(activation(x)) + bounds, 4.0)


def is_torch(module: Any) -> bool:
    """Whether it is a module of torch, and no stand-in."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(module, torch.nn.Module)


def kind_of(module: Any, name: str) -> str:
    """Name of the torch layer as which the module behaves: its class may be derived, its forward must be torch's."""
    if not is_torch(module):
        return type(module).__name__
    import torch

    shown = f"module: {name or 'module'} is a {type(module).__name__}"
    refuse_lazy(module, name)
    refuse_quantised(module, name)
    for cls in type(module).__mro__:
        if cls.__name__ in KNOWN and cls is getattr(torch.nn, cls.__name__):
            own = {"forward", "__call__"} & vars(module).keys()
            same = type(module).forward is cls.forward and type(module).__call__ is torch.nn.Module.__call__
            if cls is torch.nn.Sequential:
                same = same and type(module).__iter__ is cls.__iter__
            if own or not same:
                raise UnsupportedError(
                    f"{shown} with a forward of its own, which is not read; use torch.nn.{cls.__name__}, or give"
                    " input_shape, the shape of one input: then it is read as it is"
                )
            return str(cls.__name__)
    if type(module).__name__ in KNOWN:
        raise UnsupportedError(f"{shown} of {type(module).__module__}, not torch.nn's; use that of torch.nn")
    return type(module).__name__


def refuse_lazy(module: Any, name: str) -> None:
    """A layer gets its weights when it is called first."""
    import torch

    if any(torch.nn.parameter.is_lazy(p) for p in (*module._parameters.values(), *module._buffers.values())):
        shown = f"module: {name or 'module'} is a {type(module).__name__}"
        raise InvalidInputError(f"{shown} whose weights are not initialised; call the module once first")


def refuse_quantised(module: Any, name: str) -> None:
    """Its weights are whole numbers, and its call rounds."""
    place = type(module).__module__
    if "quantized" in place or "torchao" in place:
        raise UnsupportedError(
            f"module: {name or 'module'} is a quantised {type(module).__name__} ({place}), which rounds; pass the"
            " module that it was made of"
        )


def refuse_hooks(module: Any, name: str) -> None:
    """Hooks can change all; only those with which torch computes weights anew are known."""
    if not is_torch(module):
        return
    for key in _HOOKS:
        for hook in getattr(module, key).values():
            if not type(hook).__module__.startswith("torch.nn.utils.") and not _prunes(hook):
                raise UnsupportedError(
                    f"module: {name or 'module'} ({type(module).__name__}) has a hook, which may change what it "
                    "computes; remove the hook (the handle that registered it has remove())"
                )


def _prunes(hook: Any) -> bool:
    prune = sys.modules.get("torch.nn.utils.prune")
    return prune is not None and isinstance(hook, prune.BasePruningMethod)


def working_copy(module: Any, layers: list[Layer]) -> Any:
    """A copy on the processor, in evaluation mode, whose parameters are as a call leaves them."""
    import torch

    twin = own_copy(module, layers)
    width = _width(twin)
    if width is not None:
        with suppress(InvalidInputError):  # the layer at fault is named when all are known
            call(twin, torch.zeros((2, width), dtype=type_of(twin)))
    return twin


def own_copy(module: Any, layers: list[Layer]) -> Any:
    """A copy on the processor, in evaluation mode; ``layers`` have all parameters of the module."""
    for layer in layers:
        for key, tensor in (*layer.module._parameters.items(), *layer.module._buffers.items()):
            if tensor is not None and tensor.is_meta:
                raise InvalidInputError(
                    f"module: {layer.name}.{key} is on the device 'meta' and has no values; load the weights first"
                )
            if tensor is not None and tensor.is_complex():
                raise UnsupportedError(f"module: {layer.name}.{key} is of type {tensor.dtype}, not of real floats")
    try:
        return _deep_copy(module)
    except RecursionError:
        raise
    except Exception as error:  # any attribute of the module may refuse to be copied
        raise UnsupportedError(f"module: it cannot be copied to be called ({error}); pass plain layers") from error


def _deep_copy(module: Any) -> Any:
    """A copy that shares no layer with the module, and starts with the same numbers."""
    import torch

    memo: dict[int, Any] = {}
    for part in module.modules():  # what a call computed is no leaf of the graph of gradients, and is not copied
        for value in (*vars(part).values(), *part._buffers.values()):
            if isinstance(value, torch.Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    twin = copy.deepcopy(module, memo)
    parts, twins = list(module.modules()), list(twin.modules())
    kinds = [{_class(part) for part in each} for each in (parts, twins)]
    if kinds[0] != kinds[1] or set(parts) & set(twins):
        raise ValueError("a layer copies itself to something else")
    twin = twin.cpu().eval()
    before, after = (dict((*one.named_parameters(), *one.named_buffers())) for one in (module, twin))
    if before.keys() != after.keys() or not all(_same(before[key].cpu(), after[key]) for key in before):
        raise ValueError("a copy has other numbers")
    return twin


def _class(part: Any) -> type:
    """A graph of torch.fx has a class of its own, and so has its copy."""
    import torch

    return torch.fx.GraphModule if isinstance(part, torch.fx.GraphModule) else type(part)


def _width(module: Any) -> int | None:
    """Features of the first layer that has any."""
    for part in module.modules():
        for key in ("in_features", "num_features"):
            if hasattr(part, key):
                return int(getattr(part, key))
    return None


def type_of(module: Any) -> Any:
    """The type of the module's numbers."""
    import torch

    return next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)


@contextmanager
def quiet() -> Iterator[None]:
    """Without gradients, warnings, lower precision, and traces in the generator of random numbers."""
    import torch

    no_grad: Any = torch.no_grad
    with (
        no_grad(), warnings.catch_warnings(), torch.random.fork_rng(devices=[]),
        torch.autocast("cpu", enabled=False), np.errstate(all="ignore"),
    ):  # fmt: skip
        warnings.simplefilter("ignore")
        yield


def call(module: Any, *inputs: Any) -> Any:
    """The value, in double precision where the module's type or mixture of types has no forward pass."""
    first: Exception | None = None
    for double in (False, True):
        try:
            return module.double()(*(x.double() for x in inputs)) if double else module(*inputs)
        except Exception as error:  # torch raises all kinds
            first = first or error
    reason = " ".join(str(first).split())
    raise InvalidInputError(f"module: a call of it fails ({reason:.200}); mend the module") from first


def named_call(module: Any, *inputs: Any) -> Any:
    """`call`; where it fails, the message names the layer and the one before it."""
    leaves = [(name, part) for name, part in module.named_modules() if not any(part.children())]
    under_way, done, hooks = list[str](), list[str](), list[Any]()
    for name, part in leaves:
        shown = f"{name or 'module'} ({type(part).__name__})"
        hooks.append(part.register_forward_pre_hook(lambda *_, shown=shown: under_way.append(shown)))
        hooks.append(part.register_forward_hook(lambda *_: done.append(under_way.pop())))
    try:
        return call(module, *inputs)
    except InvalidInputError as error:
        before = f", behind {done[-1]}" if done else ""
        where = f"; the layer that fails is {under_way[-1]}{before}" if under_way else ""
        raise InvalidInputError(f"{error}{where}") from error
    finally:
        for hook in hooks:
            hook.remove()


def check_calls(module: Any, layers: list[Layer], steps: list[Step | None], width: int, tell: Tell) -> None:
    """That the layers are executed in this order, and that each makes of its input what the network makes of it.

    A layer without a step is torch's own, and is not in the network.
    """
    import torch

    before = [tensor.clone() for tensor in _tensors(layers)]
    rng = np.random.default_rng(0)
    points = np.concatenate([scale * rng.normal(size=(_POINTS, width)) for scale in _SCALES])
    calls: list[tuple[Any, Any, Any]] = []
    arrived: list[tuple[Any, Any]] = []
    for part in {id(layer.module): layer.module for layer in layers}.values():
        part.register_forward_pre_hook(lambda one, given: arrived.append((one, given[0].clone())))
        part.register_forward_hook(lambda one, _, out: calls.append((*arrived.pop(), out.clone())))
    x = torch.from_numpy(points).to(type_of(module))
    try:
        out = call(module, x.clone())
    except InvalidInputError as error:
        failed = [layer.name for layer in layers if arrived and layer.module is arrived[-1][0]]
        where = f"; the layer that fails is {failed[0]}" if failed else ""
        raise InvalidInputError(f"{error}{where}") from error
    _compare(calls[-len(layers) :], layers, steps, x, out, tell)
    if not all(map(_same, before, _tensors(layers))):
        raise UnsupportedError("module: a call changes the weights in evaluation mode; pass one that does not")


def _tensors(layers: list[Layer]) -> list[Any]:
    keys = ("weight", "bias", "running_mean", "running_var")
    found: list[Any] = [getattr(layer.module, key, None) for layer in layers for key in keys]
    return [tensor.detach() for tensor in found if hasattr(tensor, "detach")]


def _same(a: Any, b: Any) -> bool:
    if a.shape != b.shape:
        return False
    return a.dtype == b.dtype and a.equal(b) or bool(a.double().allclose(b.double(), 0.0, 0.0, equal_nan=True))


def _array(tensor: Any) -> FloatArray:
    found: FloatArray = tensor.detach().double().numpy()
    return found.reshape(len(found), -1) if found.ndim else found


def _compare(
    calls: list[tuple[Any, Any, Any]], layers: list[Layer], steps: list[Step | None], x: Any, out: Any, tell: Tell
) -> None:
    current = _array(x)
    for index, (layer, step) in enumerate(zip(layers, steps, strict=True)):
        name = f"module: {layer.name} ({type(layer.module).__name__})"
        tell(f"layer {index + 1} of {len(layers)} against a call of it", index / len(layers))
        if index >= len(calls) or calls[index][0] is not layer.module:
            raise UnsupportedError(f"{name}: a call does not execute it where it is listed; pass a plain Sequential")
        given, made = _array(calls[index][1]), _array(calls[index][2])
        if not np.array_equal(given, current.astype(given.dtype), equal_nan=True) and index:
            raise UnsupportedError(f"{name}: a call gives it another input than the layer before makes; {_PLAIN}")
        if step is not None and not _agree(step, given, made, calls[index][2].dtype):
            raise InvalidInputError(f"{name}: a call makes other values of its input than its parameters say; {_PLAIN}")
        current = made
    if len(calls) != len(layers) or not np.array_equal(current, _array(out), equal_nan=True):
        raise UnsupportedError("module: a call changes the values behind the last layer; pass a plain Sequential")


def _agree(step: Step, given: FloatArray, made: FloatArray, kind: Any) -> bool:
    """Within the rounding of the type; where a value leaves its range there is nothing to compare."""
    import torch

    limits = torch.finfo(kind)
    unit = limits.eps / 2.0
    if kind == torch.float32:  # torch may have been told to multiply in fewer digits
        unit = {"high": 2.0**-11, "medium": 2.0**-8}.get(torch.get_float32_matmul_precision(), unit)
    if made.shape != step.value(given).shape:
        return False
    size = step.size(given)
    whole = np.isfinite(given).reshape(len(given), -1).all(axis=1).reshape(-1, 1)
    inside = whole & (size < limits.max / 4.0)
    allowed = step.roundings * (unit * size + limits.tiny) + 1e-12 * size * (step.roundings > 0)
    return bool(np.all(~inside | (np.abs(made - step.value(given)) <= allowed)))
