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
from specgeo._sparse import Matrix, SparseMatrix
from specgeo.activation import Activation
from specgeo.errors import InvalidInputError
from specgeo.layer_activations import LayerActivation, MaxGroups, NeuronActivations

NETWORK_FORMAT, NETWORK_SCHEMA = "specgeo network", 2
Array = npt.NDArray[Any]


class Layers(NamedTuple):
    """z_l = W_l a_{l-1} + b_l, a_l = sigma_l(z_l), l = 1..L, and f = W_{L+1} a_L + b_{L+1}."""

    weights: Sequence[Matrix]  # (n_1, d), (n_2, n_1), ..., (m, n_L)
    biases: Sequence[FloatArray]  # (n_1,), ..., (m,)
    activations: Sequence[LayerActivation]  # L of them


class Names(NamedTuple):
    """What the arrays of layer i are called, before the number i."""

    weight: str
    bias: str
    breakpoints: str
    slopes: str
    kinds: str
    sizes: str
    members: str


OF_COMPLEX = Names("weight_", "bias_", "breakpoints_", "slopes_", "kinds_", "sizes_", "members_")
OF_NETWORK = Names("W", "b", "t", "s", "k", "n", "g")


def pack(layers: Layers, names: Names) -> dict[str, Array]:
    """The arrays under their names; intercepts and labels of the activations are left to the caller.

    Where neurons have activations of their own, breakpoints and slopes are those of all kinds, one after the other;
    sizes the number of breakpoints of each, and kinds the one that each neuron has. Where outputs are maxima, members
    are those of all groups, one after the other, and sizes their numbers. Of a sparse weight matrix there are the
    entries that are not zero, row by row, with their rows and columns.
    """
    arrays: dict[str, Array] = {}
    for i, (weight, bias) in enumerate(zip(layers.weights, layers.biases, strict=True)):
        arrays[f"{names.weight}{i}"], arrays[f"{names.bias}{i}"] = weight, bias  # type: ignore[assignment]
        if isinstance(weight, SparseMatrix):
            arrays[f"{names.weight}{i}"], arrays[f"{names.weight}{i}_rows"] = weight.values, weight.rows
            arrays[f"{names.weight}{i}_columns"] = weight.columns
    for i, activation in enumerate(layers.activations):
        if isinstance(activation, MaxGroups):
            arrays[f"{names.members}{i}"], arrays[f"{names.sizes}{i}"] = activation.members, activation.sizes
            continue
        arrays[f"{names.breakpoints}{i}"], arrays[f"{names.slopes}{i}"] = activation.breakpoints, activation.slopes
        if isinstance(activation, NeuronActivations):
            arrays[f"{names.kinds}{i}"] = activation.which
            arrays[f"{names.sizes}{i}"] = np.array([len(kind.breakpoints) for kind in activation.kinds])
    return arrays


def unpack(arrays: Mapping[str, Array], names: Names, hidden: Sequence[tuple[Any, Any]], inputs: int) -> Layers:
    """Layers from their arrays, from intercept and label of the activation of each hidden layer, and number of inputs.

    The former are lists with one for each kind where neurons have activations of their own, and None for maxima.
    """
    count = range(len(hidden) + 1)
    biases = [as_floats(arrays[key], key, (None,)) for key in (f"{names.bias}{i}" for i in count)]
    activations: list[LayerActivation] = []
    for i, (intercept, label) in enumerate(hidden):
        if label is None:
            members, sizes = arrays[f"{names.members}{i}"], arrays[f"{names.sizes}{i}"]
            if sizes.ndim != 1 or np.any(sizes < 0) or len(members) != sizes.sum():
                raise InvalidInputError(f"activation of layer {i}: members and sizes of groups differ in number")
            activations.append(MaxGroups(tuple(map(tuple, np.split(members, np.cumsum(sizes)[:-1])))))
            continue
        breakpoints, slopes = arrays[f"{names.breakpoints}{i}"], arrays[f"{names.slopes}{i}"]
        if isinstance(label, str):
            activations.append(Activation(breakpoints, slopes, intercept, label))
            continue
        sizes, which = arrays[f"{names.sizes}{i}"], arrays[f"{names.kinds}{i}"]
        stops = np.cumsum(sizes)
        if not len(sizes) == len(label) == len(intercept) or np.any(sizes < 0) or len(which) != len(biases[i]):
            raise InvalidInputError(f"activation of layer {i}: kinds, sizes and labels differ in number")
        if stops[-1] != len(breakpoints) or len(slopes) != len(breakpoints) + len(sizes):
            raise InvalidInputError(f"activation of layer {i}: breakpoints, slopes and sizes differ in number")
        parts = np.split(breakpoints, stops[:-1]), np.split(slopes, stops[:-1] + np.arange(1, len(sizes)))
        kinds = [Activation(*part) for part in zip(*parts, intercept, label, strict=True)]
        activations.append(NeuronActivations(tuple(kinds), which))
    weights: list[Matrix] = []
    for i in count:
        weights.append(_weight(arrays, f"{names.weight}{i}", len(biases[i]), inputs))
        inputs = activations[i].width(len(weights[-1])) if i < len(hidden) else 0
    return Layers(tuple(weights), tuple(biases), tuple(activations))


def _weight(arrays: Mapping[str, Array], key: str, m: int, n: int) -> Matrix:
    """The weight matrix of a layer of m neurons and n inputs."""
    if f"{key}_rows" not in arrays:
        return as_floats(arrays[key], key, (None, None))
    places = arrays[f"{key}_rows"], arrays[f"{key}_columns"]
    return SparseMatrix.from_arrays(arrays[key], *places, (m, n), key)


def labels_of(activation: LayerActivation) -> tuple[Any, Any]:
    """Intercept and label, or lists with one for each kind: what `unpack` is given beside the arrays."""
    if isinstance(activation, MaxGroups):
        return None, None
    if isinstance(activation, Activation):
        return activation.intercept, activation.name
    return [kind.intercept for kind in activation.kinds], [kind.name for kind in activation.kinds]


def entry_of(activation: LayerActivation) -> dict[str, Any]:
    """What JSON says of a layer, beside the arrays."""
    intercept, name = labels_of(activation)
    if name is None:
        return {"kind": "max"}
    if isinstance(name, str):
        return {"kind": "dense", "name": name, "intercept": float(intercept).hex()}
    return {"kind": "neurons", "name": name, "intercept": [float(value).hex() for value in intercept]}


def labels_from(entry: dict[str, Any]) -> tuple[Any, Any]:
    """Intercept and label from what JSON says of a layer, as `labels_of` gives them."""
    if entry.get("kind") == "max":
        return None, None
    if entry.get("kind", "dense") == "dense":
        return float.fromhex(entry["intercept"]), str(entry["name"])
    return [float.fromhex(value) for value in entry["intercept"]], [str(name) for name in entry["name"]]


def write_network(layers: Layers, path: str | os.PathLike[str]) -> None:
    """The native format, which `specgeo.readers.npz` describes and reads."""
    file = as_path(path)
    if file.suffix.lower() != ".npz":
        raise InvalidInputError(f"path: {file.name} must end in .npz")
    labels = [labels_of(activation) for activation in layers.activations]
    plain = all(isinstance(name, str) for _, name in labels)
    plain = plain and not any(isinstance(weight, SparseMatrix) for weight in layers.weights)
    metadata: dict[str, Any] = {
        "format": NETWORK_FORMAT,
        "schema": 1 if plain else NETWORK_SCHEMA,
        "layers": len(layers.weights),
        "activations": [name for _, name in labels],
    }
    if isinstance(layers.weights[0], SparseMatrix):
        metadata["inputs"] = layers.weights[0].shape[1]
    arrays = {"metadata": np.array(json.dumps(metadata)), **pack(layers, OF_NETWORK)}
    arrays |= {f"c{i}": np.array(intercept) for i, (intercept, _) in enumerate(labels) if intercept is not None}
    write_npz(file, arrays)
