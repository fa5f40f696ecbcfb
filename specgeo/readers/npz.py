"""The native format: ``.npz`` with arrays W0, b0, W1, b1, ... and JSON metadata.

Schema 1. The entry ``metadata`` is a JSON string with ``format`` ("specgeo network"), ``schema``
(1), ``layers`` (number of affine maps) and ``activations`` (for each hidden layer its name and
the arrays ``t<i>`` of breakpoints, ``s<i>`` of slopes, ``c<i>`` the intercept). Nothing is
pickled.

Schema 2, where neurons of a layer have activations of their own: its entry in ``activations`` is the list of the names
of the kinds, ``t<i>``, ``s<i>`` and ``c<i>`` are those of all kinds, one after the other, ``n<i>`` the number of
breakpoints of each kind, ``k<i>`` the kind of each neuron. Where outputs are maxima over groups, the entry is null,
``g<i>`` the members of all groups, one after the other, and ``n<i>`` their numbers. Of a sparse weight matrix ``W<i>``
has the entries that are not zero, row by row, ``W<i>_rows`` and ``W<i>_columns`` their places; where the first is
sparse, the metadata have ``inputs``, the number of its columns.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from specgeo._arguments import check
from specgeo._codec import NETWORK_FORMAT, NETWORK_SCHEMA, OF_NETWORK, unpack
from specgeo._files import as_path
from specgeo._npz import read_npz as read_arrays
from specgeo._progress import as_tell, reported
from specgeo.errors import InvalidInputError, ReadError, UnsupportedError, one_line
from specgeo.network import Network
from specgeo.readers._implicit import is_implicit, read_implicit
from specgeo.readers._limit import Limit

_MOST_INPUTS = 2**31 - 1  # as many as a sparse matrix of 32-bit indices has columns


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
    network.save(path)


@reported
def read_npz(
    path: str | os.PathLike[str],
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
) -> Network:
    """Read a network that `save_network` wrote, or a neural implicit surface with arrays ``0000.dense.A``, ....

    Parameters
    ----------
    path : path-like
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
        The file is corrupt, is not a network, or has a newer schema.
    UnsupportedError
        A neural implicit surface has a layer that is not piecewise linear, such as ELU.
    BudgetError
        The file unfolds to more than ``max_bytes``.

    Examples
    --------
    >>> import specgeo as sg
    >>> sg.readers.read_npz("examples/flower.npz")  # doctest: +SKIP
    Network(2-48-48-1, relu)
    """
    file = as_path(path)
    arrays = read_arrays(file, max_bytes, as_tell(progress))
    try:
        if is_implicit(arrays):
            return read_implicit(arrays, Limit(max_bytes))
        metadata = json.loads(str(arrays["metadata"][()]))
        if metadata.get("format") != NETWORK_FORMAT:
            raise ReadError(f"holds {metadata.get('format')!a:.80}, not a network; use its own reader")
        if metadata["schema"] > NETWORK_SCHEMA:
            raise ReadError(f"schema {metadata['schema']} is newer than {NETWORK_SCHEMA}; update specgeo")
        hidden = [
            ([float(c) for c in arrays[f"c{i}"]], list(map(str, name)))
            if isinstance(name, list)
            else (None, None)
            if name is None
            else (float(arrays[f"c{i}"]), str(name))
            for i, name in enumerate(metadata["activations"])
        ]
        if metadata["layers"] != len(hidden) + 1:
            raise ReadError(f"{len(hidden)} activations for {metadata['layers']} layers; save the network again")
        inputs = metadata.get("inputs", 0)
        if type(inputs) is not int or not 0 <= inputs <= _MOST_INPUTS:
            raise ReadError(f"metadata: {inputs!r:.80} inputs; save the network again")
        return Network(*unpack(arrays, OF_NETWORK, hidden, inputs))
    except UnsupportedError as error:
        raise UnsupportedError(f"{file.name}: {error}") from error
    except (InvalidInputError, ReadError) as error:
        raise ReadError(f"{file.name}: {error}") from error
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError) as error:
        reason = one_line(error, 200)
        raise ReadError(f"{file.name}: {reason} is missing or malformed; save the network again") from error
