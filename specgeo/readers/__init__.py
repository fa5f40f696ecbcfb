"""Readers of network files, of live models and of shapes, one module a format; their packages are imported lazily."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from specgeo._files import as_path
from specgeo._progress import reported
from specgeo.errors import InvalidInputError, ReadError
from specgeo.network import Network
from specgeo.readers._elsewhere import reader_of_others, unpacked
from specgeo.readers.encodings import with_encoding
from specgeo.readers.keras import read_keras
from specgeo.readers.nnet import read_nnet
from specgeo.readers.npz import read_npz, save_network
from specgeo.readers.onnx import read_onnx
from specgeo.readers.parameters import from_parameters, read_safetensors
from specgeo.readers.shapes import read_shape
from specgeo.readers.sklearn import from_sklearn
from specgeo.readers.torch import from_torch

__all__ = [
    "from_parameters", "from_sklearn", "from_torch", "read_keras", "read_network", "read_nnet", "read_npz",
    "read_onnx", "read_safetensors", "read_shape", "save_network", "with_encoding",
]  # fmt: skip

_READERS: dict[str, Callable[..., Network]] = {
    ".npz": read_npz, ".onnx": read_onnx, ".nnet": read_nnet, ".safetensors": read_safetensors,
    ".keras": read_keras, ".h5": read_keras, ".hdf5": read_keras,
}  # fmt: skip
_OTHERS = {
    **dict.fromkeys((".pt", ".pth", ".ckpt"), ": load it with torch, and use specgeo.from_torch or torch.onnx.export"),
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), ": load it and use specgeo.from_sklearn or specgeo.from_torch"),
}
_KERAS = (".keras", ".h5", ".hdf5")
_OPTIONS = {  # beside max_bytes, which all readers take
    "output": (".onnx", *_KERAS), "inputs": (".onnx", *_KERAS), "config": _KERAS, "normalized": (".nnet",),
    "activation": (".safetensors",), "layers": (".safetensors",),
}  # fmt: skip


@reported
def read_network(
    path: str | os.PathLike[str],
    *,
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
    **options: Any,
) -> Network:
    """Read a network; the file name's suffix says the format.

    Parameters
    ----------
    path : path-like
        ``.npz`` (`read_npz`), ``.onnx`` (`read_onnx`), ``.keras`` or ``.h5`` (`read_keras`), ``.nnet`` (`read_nnet`) or
        ``.safetensors`` (`read_safetensors`), or one of these compressed, as ``.onnx.gz``; other suffixes if a package
        that is installed has an entry point for them.
    max_bytes : int, optional
        Budget for what the file may unfold to in memory. By default four fifths of the memory that is available, and
        for ``.onnx`` 256 MiB and 64 times the size of the file if that is less.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.
    **options
        Passed on: ``normalized=False`` for ``.nnet``, ``output="name"`` and ``inputs={"name": array}`` for ``.onnx``
        and Keras, ``config`` for weights of Keras, ``activation`` and ``layers`` for ``.safetensors``.

    Returns
    -------
    Network

    Raises
    ------
    InvalidInputError
        ``path`` is no name of a file, or an option is for another format.
    ReadError
        The file is missing, corrupt or of another format.
    BudgetError
        The file unfolds to more than ``max_bytes``.
    UnsupportedError
        The file holds a layer that is not piecewise linear or not supported; the message names it.
    MissingDependencyError
        ``.onnx`` without the package onnx, ``.keras`` or ``.h5`` without h5py.

    Notes
    -----
    A package adds a format by an entry point of the group ``specgeo.readers``: its name is the suffix without the dot,
    its object a function of a path and options that returns a `Network`.

    Examples
    --------
    >>> import specgeo as sg, tempfile, pathlib
    >>> net = sg.Network([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "abs.npz"
    ...     net.save(path)
    ...     sg.read_network(path)
    Network(1-2-1, relu)
    """
    file = as_path(path)
    suffix = file.suffix.lower()
    if suffix == ".gz":
        with unpacked(file, max_bytes) as inside:
            return read_network(inside, max_bytes=max_bytes, progress=progress, **options)
    reader = _READERS.get(suffix)
    if reader is None:
        reader = reader_of_others(suffix)
        if reader is not None:
            return reader(file, **options)
        other = _OTHERS.get(suffix, "")
        raise ReadError(f"path: {file.name!a} has suffix {file.suffix!r}; one of {sorted(_READERS)} can be read{other}")
    for option in options:
        if suffix not in _OPTIONS.get(option, ()):
            known = ", ".join(f"{name} (for {' and '.join(kinds)})" for name, kinds in _OPTIONS.items())
            raise InvalidInputError(f"{option}: not an option for {suffix} files; drop it; there are {known}")
    return reader(file, max_bytes=max_bytes, progress=progress, **options)
