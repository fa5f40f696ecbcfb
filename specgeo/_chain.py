"""Weights, biases and activations as a user gives them, to layers that fit each other; or an error that says how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, as_floats
from specgeo._codec import Layers
from specgeo._sparse import Matrix, SparseMatrix
from specgeo.errors import InvalidInputError
from specgeo.layer_activations import LayerActivation, as_layer_activation


def chained(weights: Sequence[Any], biases: Sequence[npt.ArrayLike], activation: Any) -> Layers:
    """The layers of a network, copied; their arrays do not change."""
    try:
        weights, biases = list(weights), list(biases)
    except TypeError as error:
        raise InvalidInputError(
            f"weights, biases: {error}; pass a list of weight matrices and a list of bias vectors"
        ) from error
    if len(weights) == 0 or len(weights) != len(biases):
        raise InvalidInputError(
            f"weights, biases: {len(weights)} and {len(biases)} layers given; "
            "pass one bias vector for each of at least one weight matrix"
        )
    hidden = len(weights) - 1
    alone = isinstance(activation, str) or not isinstance(activation, Iterable)
    entries = [activation] * hidden if alone else list(activation)
    if len(entries) != hidden:
        raise InvalidInputError(
            f"activation: {len(entries)} given for {hidden} hidden layers; pass one for each (none for the last)"
        )
    try:
        return _layers(weights, biases, entries)
    except InvalidInputError as error:
        if not _chain_transposed(weights, biases):
            raise
        raise InvalidInputError(
            f"{error}; these weights are transposed, (inputs, outputs) as in scikit-learn and Keras:"
            " pass [np.transpose(w) for w in weights]"
        ) from None


def _layers(weights: list[Any], biases: list[npt.ArrayLike], entries: list[Any]) -> Layers:
    """Matrices and vectors whose shapes chain, and the activations between them."""
    matrices: list[Matrix] = []
    vectors: list[FloatArray] = []
    each: list[LayerActivation] = []
    width: int | None = None
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        matrix = _matrix(weight, f"weights[{layer}]", width)
        if 0 in matrix.shape:
            raise InvalidInputError(f"weights[{layer}]: shape {matrix.shape} has an empty axis; drop the layer")
        matrices.append(matrix)
        vectors.append(as_floats(bias, f"biases[{layer}]", (matrix.shape[0],)).copy())
        vectors[-1].setflags(write=False)
        if layer < len(entries):
            each.append(as_layer_activation(entries[layer], len(matrix), layer))
            width = each[-1].width(len(matrix))
    return Layers(tuple(matrices), tuple(vectors), tuple(each))


def _matrix(weight: Any, name: str, width: int | None) -> Matrix:
    """A weight matrix with so many columns, if that is known: sparse if it is given so."""
    if not hasattr(weight, "tocsr"):
        dense = as_floats(weight.toarray() if hasattr(weight, "toarray") else weight, name, (None, width)).copy()
        dense.setflags(write=False)
        return dense
    if width is not None and weight.shape[1:] != (width,):
        raise InvalidInputError(f"{name}: shape {weight.shape} given, (any, {width}) wanted")
    return weight if isinstance(weight, SparseMatrix) else SparseMatrix.of(weight, name)


def _chain_transposed(weights: list[Any], biases: list[npt.ArrayLike]) -> bool:
    """Whether shapes would chain if each matrix were transposed."""
    try:
        shapes, sizes = [np.shape(w) for w in weights], [np.shape(b) for b in biases]
    except ValueError:  # ragged
        return False
    chain = all(len(s) == 2 and size == s[1:] for s, size in zip(shapes, sizes, strict=True))
    return chain and all(a[1] == b[0] for a, b in zip(shapes, shapes[1:], strict=False))
