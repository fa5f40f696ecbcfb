"""Names of files from the caller, and writing, with errors that name the argument."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo.errors import InvalidInputError


def as_path(path: Any) -> Path:
    """A path-like argument."""
    try:
        return Path(path)
    except TypeError as error:
        raise InvalidInputError(f"path: {path!r} given; pass the name of a file") from error


def write_npz(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """A compressed ``.npz`` file, nothing pickled."""
    check_file(path, "path")
    with open(path, "wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)


def check_file(path: Path, name: str) -> None:
    """That a file can be written there, before the work begins."""
    if path.is_dir():
        raise InvalidInputError(f"{name}: {path} is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise InvalidInputError(f"{name}: there is no folder {path.parent}; make it or choose another")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InvalidInputError(f"{name}: {path} may not be written; choose another")


def make_folder(path: Path, name: str) -> Path:
    """The folder, made where it is missing."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(f"{name}: {path} cannot be made ({error.strerror}); choose another folder") from error
    if not os.access(path, os.W_OK):
        raise InvalidInputError(f"{name}: {path} may not be written; choose another folder")
    return path
