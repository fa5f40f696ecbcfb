"""Networks of modules in training: read and checked whole once, after that by their parameters.

A torch module is compared with what its calls make when it is first seen, which takes many times longer than a step of
training. Where that shows that the network is made of the weights and biases of its Linear layers as they are, nothing
but these is read from then on, as long as the modules inside stay the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from specgeo._cast import FloatArray
from specgeo.errors import InvalidInputError
from specgeo.network import Network
from specgeo.readers import from_sklearn, from_torch


class Plain(NamedTuple):
    """A torch module whose network has the parameters of these layers, in order."""

    module: Any
    parts: tuple[int, ...]  # ids of all modules inside
    layers: list[Any]
    network: Network


def linear_layers(module: Any, network: Network) -> list[Any] | None:
    """The Linear layers whose own parameters are the network's, in order; None where it is not as simple."""
    layers = [part for part in module.modules() if hasattr(part, "in_features")]
    simple = len(layers) == len(network.weights) and not any(part._forward_pre_hooks for part in module.modules())
    if not simple or not all("weight" in part._parameters for part in layers):
        return None
    ours = zip(network.weights, network.biases, strict=True)
    same = all(
        np.array_equal(a, weight) and np.array_equal(b, bias)
        for (a, b), (weight, bias) in zip(ours, map(_parameters, layers), strict=True)
    )
    return layers if same else None


def _parameters(layer: Any) -> tuple[FloatArray, FloatArray]:
    """Copies in float64."""
    weight = layer.weight.detach().cpu().double().numpy().copy()
    bias = np.zeros(len(weight)) if layer.bias is None else layer.bias.detach().cpu().double().numpy().copy()
    return weight, bias


class ModuleReader:
    """Networks of a module that changes its parameters."""

    def __init__(self) -> None:
        self._known: Plain | None = None

    def __call__(self, model: Any) -> Network:
        """The network of a Network, a torch module or an estimator of scikit-learn."""
        if isinstance(model, Network):
            return model
        if hasattr(model, "coefs_") or (hasattr(model, "partial_fit") and hasattr(model, "hidden_layer_sizes")):
            return from_sklearn(model)
        if not callable(getattr(model, "modules", None)) and not hasattr(model, "weight"):
            raise InvalidInputError(
                f"model: a {type(model).__name__} given; pass a Network, a torch module or an estimator of scikit-learn"
            )
        known = self._known
        if known is not None and known.module is model and known.parts == _ids(model):
            weights, biases = zip(*map(_parameters, known.layers), strict=True)
            return Network(weights, biases, known.network.activations)
        network, self._known = from_torch(model), None
        layers = linear_layers(model, network) if callable(getattr(model, "modules", None)) else None
        if layers is not None:
            self._known = Plain(model, _ids(model), layers, network)
        return network


def _ids(module: Any) -> tuple[int, ...]:
    return tuple(id(part) for part in module.modules())
