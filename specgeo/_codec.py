"""A network as arrays (`Layers`), and the names that these arrays have in files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, as_floats
from specgeo._files import as_path
from specgeo._npz import write_npz
from specgeo.activation import Activation
from specgeo.errors import InvalidInputError

NETWORK_FORMAT, NETWORK_SCHEMA = "specgeo network", 1
Array = npt.NDArray[Any]


class Layers(NamedTuple):
    """z_l = W_l a_{l-1} + b_l, a_l = sigma_l(z_l), l = 1..L, and f = W_{L+1} a_L + b_{L+1}."""

    weights: Sequence[FloatArray]  # (n_1, d), (n_2, n_1), ..., (m, n_L)
    biases: Sequence[FloatArray]  # (n_1,), ..., (m,)
    activations: Sequence[Activation]  # L of them


class Names(NamedTuple):
    """What the arrays of layer i are called, before the number i."""

    weight: str
    bias: str
    breakpoints: str
    slopes: str


OF_COMPLEX = Names("weight_", "bias_", "breakpoints_", "slopes_")
OF_NETWORK = Names("W", "b", "t", "s")


def pack(layers: Layers, names: Names) -> dict[str, Array]:
    """The arrays under their names; intercepts and labels of the activations are left to the caller."""
    arrays: dict[str, Array] = {}
    for i, (weight, bias) in enumerate(zip(layers.weights, layers.biases, strict=True)):
        arrays[f"{names.weight}{i}"], arrays[f"{names.bias}{i}"] = weight, bias
    for i, activation in enumerate(layers.activations):
        arrays[f"{names.breakpoints}{i}"], arrays[f"{names.slopes}{i}"] = activation.breakpoints, activation.slopes
    return arrays


def unpack(arrays: Mapping[str, Array], names: Names, hidden: Sequence[tuple[float, str]]) -> Layers:
    """Layers from their arrays, and from intercept and label of the activation of each hidden layer."""
    count = range(len(hidden) + 1)
    weights = [as_floats(arrays[key], key, (None, None)) for key in (f"{names.weight}{i}" for i in count)]
    biases = [as_floats(arrays[key], key, (None,)) for key in (f"{names.bias}{i}" for i in count)]
    activations = [
        Activation(arrays[f"{names.breakpoints}{i}"], arrays[f"{names.slopes}{i}"], intercept, label)
        for i, (intercept, label) in enumerate(hidden)
    ]
    return Layers(tuple(weights), tuple(biases), tuple(activations))


def write_network(layers: Layers, path: str | os.PathLike[str]) -> None:
    """The native format, which `specgeo.readers.npz` describes and reads."""
    file = as_path(path)
    if file.suffix.lower() != ".npz":
        raise InvalidInputError(f"path: {file.name} must end in .npz")
    metadata = {
        "format": NETWORK_FORMAT,
        "schema": NETWORK_SCHEMA,
        "layers": len(layers.weights),
        "activations": [activation.name for activation in layers.activations],
    }
    arrays = {"metadata": np.array(json.dumps(metadata)), **pack(layers, OF_NETWORK)}
    arrays |= {f"c{i}": np.array(activation.intercept) for i, activation in enumerate(layers.activations)}
    write_npz(file, arrays)
