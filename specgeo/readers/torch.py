"""Reader of torch modules by their class names and attributes; torch itself is not imported.

Any object whose class has the name of a torch layer and carries its attributes will do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from specgeo._cast import FloatArray, as_floats
from specgeo.activation import Activation
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.network import Network
from specgeo.readers._chain import Chain

_TRANSPARENT = {"Flatten", "Dropout", "Identity", "AlphaDropout", "Dropout1d"}


def _values(layer: Any, key: str, name: str, *shape: int | None) -> FloatArray:
    """A parameter of a layer as an array of that shape."""
    if not hasattr(layer, key):
        raise InvalidInputError(f"module: {name} has no {key}; pass a torch layer, or an object with its attributes")
    tensor = getattr(layer, key)
    for method in ("detach", "cpu", "double", "numpy"):
        tensor = getattr(tensor, method)() if hasattr(tensor, method) else tensor
    return as_floats(tensor, f"{name}.{key}", shape)


def _has(layer: Any, key: str) -> bool:
    """Whether an optional parameter is there."""
    return getattr(layer, key, None) is not None


def _walk(module: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Layers of nested Sequentials in order, with their dotted names."""
    if type(module).__name__ != "Sequential":
        yield name, module
        return
    if not hasattr(module, "named_children"):
        raise InvalidInputError(f"module: {name or 'Sequential'} has no named_children; pass a torch Sequential")
    for key, child in module.named_children():
        yield from _walk(child, f"{name}.{key}" if name else str(key))


def _batch_norm(module: Any, name: str) -> tuple[FloatArray, FloatArray]:
    """Factor and offset of a BatchNorm1d in evaluation mode."""
    if not _has(module, "running_mean") or not _has(module, "running_var"):
        raise UnsupportedError(f"module: {name} (BatchNorm1d) keeps no running statistics; train it with them")
    mean = _values(module, "running_mean", name, None)
    n = len(mean)
    factor = 1.0 / np.sqrt(_values(module, "running_var", name, n) + float(_values(module, "eps", name)))
    if _has(module, "weight"):
        factor = factor * _values(module, "weight", name, n)
    offset = -mean * factor
    return factor, offset + _values(module, "bias", name, n) if _has(module, "bias") else offset


def _activation(module: Any, kind: str, name: str) -> Activation | None:
    if kind == "ReLU":
        return Activation.relu()
    if kind == "LeakyReLU":
        slope = float(_values(module, "negative_slope", name))
        return Activation.identity() if slope == 1.0 else Activation.leaky_relu(slope)
    if kind == "Hardtanh":
        return Activation.clip(float(_values(module, "min_val", name)), float(_values(module, "max_val", name)))
    if kind == "ReLU6":
        return Activation.clip(0.0, 6.0)
    return None


def from_torch(module: Any) -> Network:
    """A torch ``Sequential`` (nested ones too) as a `Network`, in evaluation mode.

    Parameters
    ----------
    module : torch.nn.Module
        ``Sequential`` of Linear, ReLU, LeakyReLU, Hardtanh, ReLU6, BatchNorm1d, Flatten, Dropout,
        Identity, or one such layer. float32 is widened exactly; BatchNorm1d is evaluated in float64.

    Returns
    -------
    Network

    Raises
    ------
    UnsupportedError
        Another layer occurs; the message names it.

    Examples
    --------
    Any object that looks like the torch layer will do:

    >>> import specgeo as sg
    >>> class Linear:
    ...     weight, bias = [[1.0, 2.0]], None
    >>> sg.from_torch(Linear())([[3.0, 4.0]])
    array([[11.]])
    """
    layers = list(_walk(module, ""))
    chain: Chain | None = None
    for name, layer in layers:
        kind = type(layer).__name__
        shown = name or "module"
        if kind in _TRANSPARENT:
            continue
        if kind == "Linear":
            matrix = _values(layer, "weight", shown, None, None)
            if chain is None:
                chain = Chain(matrix.shape[1])
            if matrix.shape[1] != chain.width:
                raise InvalidInputError(
                    f"module: {shown} (Linear) takes {matrix.shape[1]} inputs, {chain.width} arrive; mend the module"
                )
            n = len(matrix)
            chain.affine(matrix, _values(layer, "bias", shown, n) if _has(layer, "bias") else np.zeros(n))
        elif kind == "BatchNorm1d":
            factor, offset = _batch_norm(layer, shown)
            chain = chain or Chain(len(factor))
            if len(factor) != chain.width:
                raise InvalidInputError(
                    f"module: {shown} (BatchNorm1d) has {len(factor)} features, {chain.width} arrive; mend the module"
                )
            chain.scale(factor)
            chain.shift(offset)
        elif (activation := _activation(layer, kind, shown)) is not None:
            if chain is None:
                raise UnsupportedError(f"module: {shown} ({kind}) comes before any Linear; put a Linear first")
            chain.activate(activation)
        else:
            raise UnsupportedError(
                f"module: {shown} is a {kind}, which is not supported; use a Sequential of Linear, ReLU, LeakyReLU, "
                "Hardtanh, ReLU6, BatchNorm1d, Flatten, Dropout and Identity"
            )
    if chain is None:
        raise InvalidInputError("module: has no Linear layer; pass a Sequential with at least one")
    return chain.network()
