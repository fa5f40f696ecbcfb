"""Parameters without a program: trees of flax, modules of equinox, state dicts, safetensors, with the activation."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from specgeo._cast import as_floats
from specgeo._files import as_path, open_regular
from specgeo._progress import as_tell, reported
from specgeo.activation import Activation, as_activation
from specgeo.errors import InvalidInputError, ReadError, SpecgeoError, one_line
from specgeo.network import Network
from specgeo.readers._equinox import called, numbers, says_its_functions
from specgeo.readers._limit import Limit

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_HEADER = 100_000_000  # bytes, the format's own limit
_KEYS = {"weight", "kernel", "bias"}


def from_parameters(
    parameters: Any, activation: str | Activation = "relu", layers: Sequence[str] | None = None
) -> Network:
    """A chain of dense layers from its parameters alone: flax trees, equinox modules, state dicts.

    Parameters
    ----------
    parameters : mapping, or object with ``layers``
        Nested or with dotted names. Each layer has a ``kernel`` of shape (inputs, outputs), as flax keeps it, or a
        ``weight`` of shape (outputs, inputs), and may have a ``bias``. Of flax.nnx the state: ``nnx.state(module)``. An
        equinox module is such a tree too; one that lists its layers and functions (``MLP``, ``Sequential``) is read as
        it is called.
    activation : str or Activation
        Of all hidden layers; trees do not say it, and functions that an equinox module has must be this one.
    layers : sequence of str, optional
        Names of the layers in the order of evaluation; needed where they are not one word and numbers.

    Returns
    -------
    Network

    Raises
    ------
    InvalidInputError
        No layers are found, something else is among them, or their order is not clear; the message lists the names.
        Or a function of an equinox module is not the activation.

    Warns
    -----
    UserWarning
        An equinox module ends with a softmax or sigmoid, which is left out: outputs are logits.

    Examples
    --------
    >>> import numpy as np, specgeo as sg
    >>> tree = {"Dense_0": {"kernel": np.ones((2, 3)), "bias": np.zeros(3)}, "Dense_1": {"kernel": np.ones((3, 1))}}
    >>> sg.readers.from_parameters({"params": tree})
    Network(2-3-1, relu)
    """
    if not isinstance(parameters, Mapping) and says_its_functions(parameters):
        return called(parameters, as_activation(activation))
    found: dict[str, dict[str, Any]] = {}
    for name, array in _arrays(parameters, ""):
        layer, _, key = name.rpartition(".")
        if key not in _KEYS:
            raise InvalidInputError(
                f"parameters: {name!a:.80} is neither weight, kernel nor bias of a dense layer; pass the parameters of"
                " dense layers alone"
            )
        found.setdefault(layer, {})[key] = array
    weights, biases = [], []
    for name in _ordered(found, layers):
        parts = found[name]
        kernel = "kernel" in parts
        if not kernel and "weight" not in parts:
            raise InvalidInputError(f"parameters: {name!a:.80} has a bias and no weight; pass both")
        matrix = as_floats(parts["kernel" if kernel else "weight"], f"parameters: {name}", (None, None))
        weights.append(matrix.T if kernel else matrix)
        biases.append(np.zeros(len(weights[-1])) if parts.get("bias") is None else parts["bias"])
    try:
        return Network(weights, biases, as_activation(activation))
    except InvalidInputError as error:
        shown = str(error)
        raise InvalidInputError(shown if shown.startswith("activation") else f"parameters: {shown}") from error


def _arrays(tree: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Arrays of a tree with dotted names."""
    layers = getattr(tree, "layers", None)
    if isinstance(layers, (list, tuple)):
        tree = {"layers": {str(i): {k: getattr(one, k) for k in ("weight", "bias") if hasattr(one, k)}
                           for i, one in enumerate(layers)}}  # fmt: skip
    if not isinstance(tree, Mapping) and is_dataclass(tree):  # of equinox
        tree = {one.name: getattr(tree, one.name) for one in fields(tree)}
        tree = {key: value for key, value in tree.items() if not callable(value) or is_dataclass(value)}
        if "weight" in tree:
            tree = {key: tree[key] for key in ("weight", "bias") if key in tree}
    if not isinstance(tree, Mapping):
        raise InvalidInputError(
            f"parameters: {name or type(tree).__name__} is no mapping of names to arrays; pass one (of a module of"
            " flax.nnx its nnx.state)"
        )
    for key, value in tree.items():
        below = f"{name}.{key}" if name else str(key)
        if isinstance(value, Mapping) or is_dataclass(value):
            yield from _arrays(value, below)
        elif value is not None:
            yield below, numbers(value)


def _ordered(found: dict[str, Any], layers: Sequence[str] | None) -> list[str]:
    """Names in the order of evaluation."""
    if layers is None:
        if not found:
            raise InvalidInputError("parameters: there are none; pass those of at least one dense layer")
        words = {re.sub(r"\d+", "0", name) for name in found}
        if len(found) > 1 and (len(words) > 1 or "0" not in words.pop()):
            raise InvalidInputError(f"layers: missing; the order of {sorted(found)!s:.200} is not clear: list them")
        return sorted(found, key=lambda name: [int(n) for n in re.findall(r"\d+", name)])
    wanted = [] if isinstance(layers, str) or not isinstance(layers, Sequence) else list(layers)
    wanted = [name if name in found else f"params.{name}" for name in wanted]  # as flax calls the tree
    if sorted(map(str, wanted)) != sorted(found):
        raise InvalidInputError(f"layers: {layers!r:.200} given; list all of {sorted(found)!s:.200} in their order")
    return wanted


@reported
def read_safetensors(
    path: str | os.PathLike[str],
    activation: str | Activation = "relu",
    layers: Sequence[str] | None = None,
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
) -> Network:
    """Read dense layers from a safetensors file, which holds parameters and no architecture.

    Parameters
    ----------
    path : path-like
    activation : str or Activation
        Of all hidden layers.
    layers : sequence of str, optional
        As in `from_parameters`.
    max_bytes : int, optional
        Budget for the memory that reading takes; four fifths of what is available by default.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.

    Returns
    -------
    Network

    Raises
    ------
    ReadError
        The file is corrupt, or does not hold real floats.
    InvalidInputError
        The parameters are no chain of dense layers, or their order is not clear.
    BudgetError
        The file takes more than ``max_bytes``.

    Examples
    --------
    >>> import specgeo as sg
    >>> sg.readers.read_safetensors("mlp.safetensors", "relu", ["fc1", "fc2"])  # doctest: +SKIP
    Network(2-16-1, relu)
    """
    file, tell = as_path(path), as_tell(progress)
    arrays: dict[str, Any] = {}
    try:
        with open_regular(file) as stream:
            size = os.fstat(stream.fileno()).st_size
            Limit(max_bytes).take(4 * size, f"max_bytes: {file.name}")
            n = int.from_bytes(stream.read(8), "little")
            if not 2 <= n <= min(_HEADER, size - 8):
                raise ReadError("has no header; the file is corrupt or no safetensors file")
            header = json.loads(stream.read(n))
            data = stream.read()
        names = [name for name in header if name != "__metadata__"]
        for number, name in enumerate(names):
            arrays[name] = _array(data, name, header[name])
            tell(f"array {number + 1} of {len(names)}", (number + 1) / len(names))
        return from_parameters(arrays, activation, layers)
    except ReadError as error:
        raise ReadError(f"{file.name}: {error}") from error
    except SpecgeoError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError, OverflowError) as error:
        raise ReadError(f"{file.name}: malformed ({one_line(error, 100)}); the file is corrupt") from error


def _array(data: bytes, name: str, entry: dict[str, Any]) -> Any:
    """An array of the file in float64."""
    kind, (begin, end) = entry["dtype"], entry["data_offsets"]
    if kind not in _TYPES:
        raise ReadError(f"{name!a:.80} is of type {kind!a:.20}, not of real floats; convert it")
    if not 0 <= begin <= end <= len(data):
        raise ReadError(f"{name!a:.80} lies outside of the file, which is truncated; download it again")
    found = np.frombuffer(data[begin:end], _TYPES[kind])
    if kind == "BF16":
        found = (found.astype(np.uint32) << 16).view(np.float32)
    return found.reshape(entry["shape"]).astype(np.float64)
