"""Networks of modules in training: read and checked whole once, after that by their parameters.

A torch module is compared with what its calls make when it is first seen, which takes many times longer than a step of
training. Where that shows that the network is made of the weights and biases of its Linear layers as they are, nothing
but these is read from then on, as long as the modules inside and their settings stay the same.
"""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import numpy as np

from specgeo._cast import FloatArray
from specgeo.errors import InvalidInputError
from specgeo.layer_activations import LayerActivation
from specgeo.network import Network
from specgeo.readers import from_sklearn, from_torch


class Plain(NamedTuple):
    """A torch module whose network has the parameters of the Linear layers at these places, in order."""

    parts: tuple[Part, ...]  # all modules inside, the module itself first
    places: tuple[int, ...]
    activations: tuple[LayerActivation, ...]


class Part(NamedTuple):
    """A module inside a module, not kept alive, with its settings: mode, slopes, hooks."""

    itself: weakref.ref[Any]
    settings: tuple[object, ...]


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
        if known is not None and known.parts == _parts(model):
            weights, biases = zip(*map(_parameters, self.layers(model) or ()), strict=True)
            return Network(weights, biases, known.activations)
        network, self._known = from_torch(model), None
        layers = linear_layers(model, network) if callable(getattr(model, "modules", None)) else None
        if layers is not None:
            ids = [id(part) for part in model.modules()]
            places = tuple(ids.index(id(layer)) for layer in layers)
            self._known = Plain(_parts(model), places, network.activations)
        return network

    def layers(self, model: Any) -> list[Any] | None:
        """The Linear layers that the network just read is made of; None where it is not as simple."""
        if self._known is None:
            return None
        parts = list(model.modules())
        return [parts[place] for place in self._known.places]


def _parts(module: Any) -> tuple[Part, ...]:
    return tuple(Part(weakref.ref(part), _settings(part)) for part in module.modules())


def _settings(part: Any) -> tuple[object, ...]:
    """Numbers and words among the attributes, and how many parameters, hooks, ... there are."""
    found = vars(part).items()
    return tuple((name, len(value) if isinstance(value, dict) else value) for name, value in found
                 if isinstance(value, (bool, int, float, str, dict)))  # fmt: skip


_READERS: weakref.WeakKeyDictionary[Any, ModuleReader] = weakref.WeakKeyDictionary()


def reader_of(module: Any) -> ModuleReader:
    """The reader of a torch module, the same as long as the module lives."""
    return _READERS.setdefault(module, ModuleReader())
