"""Reader of torch modules: what ``forward`` executes; torch itself is not imported.

Without the shape of an input a module must be a Sequential of plain layers, which are read one by one. Any object whose
class has the name of a torch layer and carries its attributes will do. A real module is copied, the copy is called in
evaluation mode, and its layers are read after that, with the parameters as the call left them (weight normalisation
and pruning compute them anew); then each layer is compared with what the call made of its input
(`specgeo.readers._torch_check`). With a shape torch.export lists what a call does (`specgeo.readers._torch_export`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from specgeo._cast import FloatArray, as_floats
from specgeo._caution import caution
from specgeo._progress import Tell, as_tell, reported
from specgeo.activation import Activation
from specgeo.errors import InvalidInputError, SpecgeoError, UnsupportedError, one_line
from specgeo.network import Network
from specgeo.readers._graph import Graph, Value
from specgeo.readers._remedies import ends_before, is_readout, linear_or_maximum, remedy
from specgeo.readers._torch_check import (
    KNOWN,
    Layer,
    Step,
    check_calls,
    is_torch,
    kind_of,
    quiet,
    refuse_hooks,
    working_copy,
)
from specgeo.readers._torch_export import read_exported

_TRANSPARENT = {"Flatten", "Dropout", "Identity", "AlphaDropout", "Dropout1d"}
_MOST_LAYERS = 100_000


def _values(layer: Any, key: str, name: str, *shape: int | None, finite: bool = True) -> FloatArray:
    """A parameter of a layer as an array of that shape."""
    if not hasattr(layer, key):
        raise InvalidInputError(f"module: {name} has no {key}; pass a torch layer, or an object with its attributes")
    tensor = getattr(layer, key)
    if hasattr(tensor, "detach"):
        tensor = _numbers(tensor.detach(), f"{name}.{key}")
    return as_floats(tensor, f"module: {name}.{key}", shape, finite=finite)


def _numbers(tensor: Any, name: str) -> Any:
    """A tensor of real floats as an array, widened exactly."""
    if getattr(tensor, "is_meta", False):
        raise InvalidInputError(f"module: {name} is on the device 'meta' and has no values; load the weights first")
    kind = str(getattr(tensor, "dtype", ""))
    if getattr(tensor, "is_quantized", False) or not getattr(tensor, "is_floating_point", lambda: True)():
        raise UnsupportedError(f"module: {name} is of type {kind}, not of real floats; convert the layer to float")
    try:
        if not str(getattr(tensor, "layout", "torch.strided")).endswith("strided"):
            tensor = tensor.to_dense()
        for method in ("cpu", "double", "numpy"):
            tensor = getattr(tensor, method)() if hasattr(tensor, method) else tensor
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise UnsupportedError(f"module: {name} cannot be read ({error}); convert the layer to float") from error
    return tensor


def _has(layer: Any, key: str) -> bool:
    """Whether an optional parameter is there."""
    return getattr(layer, key, None) is not None


_KNOWN_WORDS = "a Sequential of Linear, ReLU, LeakyReLU, Hardtanh, ReLU6, BatchNorm1d, Flatten, Dropout and Identity"


_BY_SHAPE = "; or give input_shape, the shape of one input without the batch axis: then it is read as it is"


def _what_to_do(kind: str, module: Any) -> str:
    """About a module that is not read."""
    if is_torch(module) and not type(module).__module__.startswith("torch."):
        return (
            "has a forward of its own, which is not read; put its layers into torch.nn.Sequential(...), or export it"
            f" with torch.onnx.export and use specgeo.read_network{_BY_SHAPE}"
        )
    return remedy(kind, _KNOWN_WORDS) + (_BY_SHAPE if is_torch(module) and linear_or_maximum(kind) else "")


def _walk(module: Any, name: str, above: tuple[int, ...] = ()) -> Iterator[Layer]:
    """Layers of nested Sequentials in the order of execution, with their dotted names; one used twice comes twice."""
    kind = kind_of(module, name)
    if kind not in KNOWN:
        raise UnsupportedError(f"module: {name or 'module'} is a {kind}, which {_what_to_do(kind, module)}")
    if kind != "Sequential":
        yield Layer(name or "module", module)
        return
    refuse_hooks(module, name)
    if id(module) in above:
        raise InvalidInputError(f"module: {name} contains itself; mend the module")
    if not hasattr(module, "_modules") and not hasattr(module, "named_children"):
        raise InvalidInputError(f"module: {name or 'Sequential'} has no named_children; pass a torch Sequential")
    children = module._modules.items() if hasattr(module, "_modules") else module.named_children()
    for key, child in children:
        below = f"{name}.{key}" if name else str(key)
        if is_torch(module) and not is_torch(child):
            raise InvalidInputError(f"module: {below} is {child!r:.80}, which is no module; mend the module")
        yield from _walk(child, below, (*above, id(module)))


def _batch_norm(module: Any, name: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Factor, mean and bias of a BatchNorm1d in evaluation mode: factor * (x - mean) + bias."""
    if not _has(module, "running_mean") or not _has(module, "running_var"):
        raise UnsupportedError(
            f"module: {name} (BatchNorm1d) keeps no running statistics; train it with track_running_stats=True"
        )
    mean = _values(module, "running_mean", name, None)
    n = len(mean)
    spread = _values(module, "running_var", name, n) + float(_values(module, "eps", name))
    if not np.all(spread > 0.0):
        raise InvalidInputError(f"module: {name}.running_var is not positive; mend the module")
    factor = 1.0 / np.sqrt(spread)
    if _has(module, "weight"):
        factor = factor * _values(module, "weight", name, n)
    return factor, mean, _values(module, "bias", name, n) if _has(module, "bias") else np.zeros(n)


def _activation(module: Any, kind: str, name: str) -> Activation:
    try:
        if kind == "ReLU":
            return Activation.relu()
        if kind == "LeakyReLU":
            slope = float(_values(module, "negative_slope", name, *()))
            return Activation.identity() if slope == 1.0 else Activation.leaky_relu(slope)
        if kind == "ReLU6" and not _has(module, "min_val"):  # a stand-in
            return Activation.clip(0.0, 6.0)
        return Activation.clip(*(float(_values(module, key, name, finite=False)) for key in ("min_val", "max_val")))
    except InvalidInputError as error:
        message = str(error)
        shown = message if message.startswith("module: ") else f"module: {name} ({kind}): {message}"
        raise InvalidInputError(shown) from error


class _Chain:
    """The value behind the layers so far, over an input whose width the first of them says."""

    def __init__(self) -> None:
        self.graph: Graph | None = None
        self.value: Value | None = None

    def enter(self, n: int, shown: str, words: str) -> tuple[Graph, Value]:
        """The graph and the value that enters a layer of n inputs."""
        if self.graph is None or self.value is None:
            self.graph = Graph(n)
            self.value = self.graph.input
        if n != self.value.width:
            raise InvalidInputError(f"module: {shown} {words}, {self.value.width} arrive; mend the module")
        return self.graph, self.value

    def read(self, name: str, layer: Any) -> Step:
        """Append a layer; the layer as a function with the sizes of its terms."""
        kind = kind_of(layer, name)
        shown = f"{name} ({kind})"
        if kind in _TRANSPARENT:
            return Step.identity()
        if kind == "Linear":
            matrix = _values(layer, "weight", name, None, None)
            graph, value = self.enter(matrix.shape[1], shown, f"takes {matrix.shape[1]} inputs")
            bias = _values(layer, "bias", name, len(matrix)) if _has(layer, "bias") else np.zeros(len(matrix))
            self.value = graph.affine(value, matrix, bias)
            return Step.linear(matrix, bias)
        if kind == "BatchNorm1d":
            factor, mean, bias = _batch_norm(layer, name)
            graph, value = self.enter(len(factor), shown, f"has {len(factor)} features")
            self.value = graph.shift(graph.scale(value, factor), bias - mean * factor)
            return Step.norm(factor, mean, bias)
        if is_readout(kind):
            raise UnsupportedError(f"module: {shown} {remedy(kind, _KNOWN_WORDS)}; only at the end it is left out")
        activation = _activation(layer, kind, name)
        if self.graph is None or self.value is None:
            raise UnsupportedError(
                f"module: {shown} comes before any Linear, so the number of inputs is unknown; put a Linear first"
            )
        self.value = self.graph.activate(self.value, [activation])
        return Step.activation(activation)

    def network(self) -> Network:
        """The network of all layers."""
        if self.graph is None or self.value is None:
            raise InvalidInputError("module: has no Linear layer; pass a Sequential with at least one")
        try:
            return self.graph.network(self.value)
        except InvalidInputError as error:
            raise InvalidInputError(f"module: {error}") from error


def _layers(module: Any) -> list[Layer]:
    found: list[Layer] = []
    for layer in _walk(module, ""):
        refuse_hooks(layer.module, layer.name)
        found.append(layer)
        if len(found) > _MOST_LAYERS:
            raise UnsupportedError(f"module: more than {_MOST_LAYERS:,} layers are executed; pass a part: module[:100]")
    return found


@reported
def from_torch(
    module: Any,
    input_shape: int | Sequence[int] | Sequence[Sequence[int]] | None = None,
    output: int | str | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
) -> Network:
    """A torch module whose forward is piecewise linear as a `Network`, in evaluation mode.

    Parameters
    ----------
    module : torch.nn.Module
        With ``input_shape`` any module: convolutions, batch normalisation, pools, residual sums, concatenation,
        functional ReLUs, clamps, maxima and whatever else ``forward`` makes of them. Without it a ``Sequential``
        (nested ones too) of Linear, ReLU, LeakyReLU, Hardtanh, ReLU6, BatchNorm1d, Flatten, Dropout, Identity, or one
        such layer. A layer used twice is read twice; parametrised and pruned weights are read as a call computes
        them. The module is not changed.
    input_shape : int or sequence of ints, optional
        Shape of one input without the axis of the batch, such as (3, 32, 32). The network takes the entries in
        row-major order. ``torch.export`` then lists the operations of a call. A forward of several tensors has a list
        of shapes, such as [(3, 32, 32), 7]: the network takes the entries of the first, then those of the next, ....
    output : int or str, optional
        Which tensor of several that a module returns: its position, or its key where they are in a dict.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.

    Returns
    -------
    Network
        The real function of the weights: float32 and smaller types are widened exactly; batch normalisation, means and
        what is computed from weights alone are evaluated in float64. Numbers in the code of ``forward`` are those of
        Python: a slope 0.1 is 0.1.

    Raises
    ------
    UnsupportedError
        Something is not piecewise linear, or is not read without ``input_shape``; the message names it.
    InvalidInputError
        A layer has no weights yet or wrong ones, or a call of a copy of the module fails or makes other values than
        the network; the message names the layer.

    Warns
    -----
    UserWarning
        The network ends before a softmax, log-softmax, sigmoid or arg-max of the module, so that its outputs are
        logits: the largest is the same, and a sigmoid is 1/2 where its logit is 0. Or an activation before a max-pool
        was moved behind it, which leaves the function as it is, with fewer activation regions.

    Examples
    --------
    Any object that looks like the torch layer will do:

    >>> import specgeo as sg
    >>> class Linear:
    ...     weight, bias = [[1.0, 2.0]], None
    >>> sg.from_torch(Linear())([[3.0, 4.0]])
    array([[11.]])

    A module with a forward of its own needs the shape of an input:

    >>> class Residual(torch.nn.Module):  # doctest: +SKIP
    ...     def forward(self, x):
    ...         return x + torch.relu(-2 * x)
    >>> sg.from_torch(Residual(), input_shape=2)  # doctest: +SKIP
    Network(2-4-2, identity, relu)
    """
    shapes = None if input_shape is None else _shapes(input_shape)
    if output is not None and shapes is None:
        raise InvalidInputError("output: without input_shape there is one; give the shape of an input, or drop it")
    try:
        with quiet() if is_torch(module) else nullcontext():
            net, notices = _read(module, shapes, output, as_tell(progress))
    except SpecgeoError as error:
        raise type(error)(one_line(error)) from error
    except RecursionError as error:
        raise UnsupportedError("module: its Sequentials are nested too deeply; put their layers into one") from error
    except Exception as error:  # objects of others raise what they like
        raise UnsupportedError(f"module: it cannot be read ({one_line(error, 200)}); pass plain layers") from error
    for notice in notices:
        caution(f"module: {notice}")
    return net


def _shapes(given: Any) -> tuple[tuple[int, ...], ...]:
    """The shape of one input, or those of several."""
    if isinstance(given, (list, tuple)) and any(isinstance(one, (list, tuple)) for one in given):
        return tuple(map(_shape, given))
    return (_shape(given),)


def _shape(given: Any) -> tuple[int, ...]:
    """A shape of one to many numbers."""
    each = given if isinstance(given, (list, tuple)) else [given]
    if not each or not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n > 0 for n in each):
        raise InvalidInputError(f"input_shape: {given!r:.80} given; pass positive numbers, such as (3, 32, 32)")
    return tuple(int(n) for n in each)


def _read(
    module: Any, shapes: tuple[tuple[int, ...], ...] | None, output: int | str | None, tell: Tell
) -> tuple[Network, list[str]]:
    """The network of a module, and notices about it; what its objects raise is raised."""
    real = is_torch(module)
    _refuse_others(module, real)
    if shapes is not None:
        if not real:
            raise InvalidInputError(f"module: {type(module).__name__} given; with input_shape pass a torch module")
        return read_exported(module, shapes, output, tell)
    layers = _layers(module)
    if real:
        module, layers = working_copy(module, layers), []
        layers = _layers(module)
    chain, steps, behind = _Chain(), list[Step | None](), _readouts(layers)
    for number, layer in enumerate(layers):
        last = number >= len(layers) - len(behind)
        steps.append(None if last else chain.read(layer.name, layer.module))
        tell(f"layer {len(steps)} of {len(layers)}", 0.5 * len(steps) / len(layers))
    net = chain.network()
    if real:
        check_calls(module, layers, steps, net.input_dim, as_tell(tell, 0.5))
    return net, [ends_before([kind_of(layer.module, layer.name) for layer in behind])] if behind else []


def _refuse_others(module: Any, real: bool) -> None:
    """What is no module, and what is one without a program."""
    if isinstance(module, (str, os.PathLike)):
        raise InvalidInputError("module: a name of a file given; load it with torch, or use specgeo.read_network")
    if isinstance(module, Mapping):
        raise InvalidInputError("module: parameters alone given; use specgeo.readers.from_parameters(module, 'relu')")
    if isinstance(module, type):
        raise InvalidInputError(f"module: the class {module.__name__} given; pass an instance of it, with its weights")
    if type(module).__name__ == "ExportedProgram":
        raise InvalidInputError("module: an exported program given; pass the module that it was made of, or .module()")
    if real and any("ScriptModule" in cls.__name__ for cls in type(module).__mro__):
        raise UnsupportedError("module: is a script, which keeps no Python code; pass the module that it was made of")


def _readouts(layers: list[Layer]) -> list[Layer]:
    """The layers at the end that make probabilities of logits, and those between them that do nothing."""
    found: list[Layer] = []
    for number in reversed(range(len(layers))):
        kind = kind_of(layers[number].module, layers[number].name)
        if is_readout(kind):
            found = layers[number:]
        elif kind not in _TRANSPARENT:
            break
    return found
