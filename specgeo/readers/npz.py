"""The native format: ``.npz`` with arrays W0, b0, W1, b1, ... and JSON metadata.

Schema 1. The entry ``metadata`` is a JSON string with ``format`` ("specgeo network"), ``schema``
(1), ``layers`` (number of affine maps) and ``activations`` (for each hidden layer its name and
the arrays ``t<i>`` of breakpoints, ``s<i>`` of slopes, ``c<i>`` the intercept). Nothing is
pickled.
"""

from __future__ import annotations

import json
import os

import numpy as np

from specgeo._arguments import check
from specgeo._files import as_path
from specgeo._npz import read_npz as read_arrays
from specgeo._npz import write_npz
from specgeo.activation import Activation
from specgeo.errors import InvalidInputError, ReadError, one_line
from specgeo.network import Network

FORMAT = "specgeo network"
SCHEMA = 1


def save_network(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a network as ``.npz``, bit for bit.

    Parameters
    ----------
    network : Network
    path : path-like
        Must end in ``.npz``.

    Raises
    ------
    InvalidInputError
        The name has another suffix, or there is no such folder.

    Examples
    --------
    >>> import pathlib, specgeo as sg, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "net.npz"
    ...     sg.save_network(sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]]), path)
    ...     sg.readers.read_npz(path)
    Network(1-1-1, relu)
    """
    check(network, "network", Network)
    file = as_path(path)
    if file.suffix.lower() != ".npz":
        raise InvalidInputError(f"path: {file.name} must end in .npz")
    metadata = {
        "format": FORMAT,
        "schema": SCHEMA,
        "layers": len(network.weights),
        "activations": [activation.name for activation in network.activations],
    }
    arrays: dict[str, np.ndarray] = {"metadata": np.array(json.dumps(metadata))}
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        arrays[f"W{i}"], arrays[f"b{i}"] = weight, bias
    for i, activation in enumerate(network.activations):
        arrays[f"t{i}"], arrays[f"s{i}"] = activation.breakpoints, activation.slopes
        arrays[f"c{i}"] = np.array(activation.intercept)
    write_npz(file, arrays)


def read_npz(path: str | os.PathLike[str], max_bytes: int | None = None) -> Network:
    """Read a network that `save_network` wrote.

    Parameters
    ----------
    path : path-like
    max_bytes : int, optional
        Budget for the memory that reading takes; four fifths of what is available by default.

    Returns
    -------
    Network

    Raises
    ------
    ReadError
        The file is corrupt, is not a network, or has a newer schema.
    BudgetError
        The file unfolds to more than ``max_bytes``.

    Examples
    --------
    >>> import specgeo as sg
    >>> sg.readers.read_npz("examples/flower.npz")  # doctest: +SKIP
    Network(2-48-48-1, relu)
    """
    file = as_path(path)
    arrays = read_arrays(file, max_bytes)
    try:
        metadata = json.loads(str(arrays["metadata"][()]))
        if metadata.get("format") != FORMAT:
            raise ReadError(f"holds {metadata.get('format')!a:.80}, not a network; use its own reader")
        if metadata["schema"] > SCHEMA:
            raise ReadError(f"schema {metadata['schema']} is newer than {SCHEMA}; update specgeo")
        layers = range(metadata["layers"])
        weights, biases = [arrays[f"W{i}"] for i in layers], [arrays[f"b{i}"] for i in layers]
        activations = [
            Activation(arrays[f"t{i}"], arrays[f"s{i}"], float(arrays[f"c{i}"]), str(name))
            for i, name in enumerate(metadata["activations"])
        ]
        return Network(weights, biases, activations)
    except (InvalidInputError, ReadError) as error:
        raise ReadError(f"{file.name}: {error}") from error
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        reason = one_line(error, 200)
        raise ReadError(f"{file.name}: {reason} is missing or malformed; save the network again") from error
