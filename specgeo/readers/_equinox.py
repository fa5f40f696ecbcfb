"""Modules of equinox that list their layers, MLP and Sequential, in the order in which a call goes through them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from specgeo._cast import as_floats
from specgeo._caution import caution
from specgeo.activation import Activation
from specgeo.errors import InvalidInputError, UnsupportedError, one_line
from specgeo.network import Network
from specgeo.readers._graph import Graph
from specgeo.readers._remedies import ends_before, is_readout, remedy

_SAME = ("Identity", "Dropout")
_POINTS = np.concatenate([np.linspace(-9.0, 9.0, 145), [-100.0, 100.0]])
_AGREE = 1e-6  # of values in float32


def numbers(value: Any) -> Any:
    """An array of another library, widened exactly."""
    if hasattr(value, "detach"):
        return value.detach().cpu().double().numpy()
    return np.asarray(value).astype(np.float64) if str(getattr(value, "dtype", "")) == "bfloat16" else value


def says_its_functions(module: Any) -> bool:
    """Whether a module with layers says what is between them; one of one's own may do that in its call alone."""
    layers = getattr(module, "layers", None)
    if not isinstance(layers, (list, tuple)):
        return False
    of_equinox = type(module).__module__.startswith("equinox.")
    return of_equinox or hasattr(module, "activation") or not all(hasattr(one, "weight") for one in layers)


def called(module: Any, activation: Activation) -> Network:
    """The network of a module whose functions are all one activation."""
    graph, value, behind = None, None, list[str]()
    for name, part in _parts(module, ""):
        kind = type(part).__name__
        shown = f"parameters: {name} ({kind})"
        if kind in _SAME:
            continue
        if kind == "Linear":
            if behind:
                raise UnsupportedError(f"parameters: {behind[0]} comes before {name}; {remedy('Softmax', 'layers')}")
            matrix = np.atleast_2d(as_floats(numbers(part.weight), f"{shown}: weight"))
            bias = getattr(part, "bias", None)
            offset = np.zeros(len(matrix)) if bias is None else as_floats(numbers(bias), f"{shown}: bias").reshape(-1)
            graph = graph or Graph(matrix.shape[1])
            value = value or graph.input
            if value.width != matrix.shape[1] or len(offset) != len(matrix):
                raise InvalidInputError(f"{shown}: takes {matrix.shape[1]} inputs, {value.width} arrive; mend it")
            value = graph.affine(value, matrix, offset)
            continue
        function = getattr(part, "fn", part)
        if not callable(function) or hasattr(part, "weight"):
            raise UnsupportedError(f"{shown} {remedy(kind, 'Linear and functions')}")
        named = getattr(function, "__name__", kind)
        if is_readout(named):
            behind.append(named)
        elif graph is not None and value is not None and not _is(function, Activation.identity(), shown):
            if not _is(function, activation, shown):
                raise InvalidInputError(
                    f"activation: {activation.name!r} given, {name} ({named}) is another function; pass the right one"
                )
            value = graph.activate(value, [activation])
    if graph is None or value is None:
        raise InvalidInputError("parameters: there is no Linear layer; pass a module with at least one")
    if behind:
        caution(f"parameters: {ends_before(behind)}")
    return graph.network(value)


def _parts(module: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Layers and functions in the order of a call, those of nested modules too."""
    layers = list(module.layers)
    between, last = getattr(module, "activation", None), getattr(module, "final_activation", None)
    for number, one in enumerate(layers):
        below = f"{name}layers.{number}"
        if isinstance(getattr(one, "layers", None), (list, tuple)):
            yield from _parts(one, f"{below}.")
        else:
            yield below, one
        behind = between if number + 1 < len(layers) else last
        if behind is not None:
            yield f"{name}{'activation' if number + 1 < len(layers) else 'final_activation'}", behind


def _is(function: Any, activation: Activation, shown: str) -> bool:
    """Whether the function takes the activation's values."""
    try:
        made = np.asarray(function(_POINTS.astype(np.float32)), np.float64)
    except Exception as error:  # whatever the function raises
        raise InvalidInputError(f"{shown}: a call of it fails ({one_line(error, 100)}); pass its parameters") from error
    wanted = activation(_POINTS)
    return made.shape == wanted.shape and bool(np.all(np.abs(made - wanted) <= _AGREE * (1.0 + np.abs(wanted))))
