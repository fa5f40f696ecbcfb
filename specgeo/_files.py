"""Names of files from the caller, and writing, with errors that name the argument."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from specgeo.errors import InvalidInputError


def as_path(path: Any) -> Path:
    """A path-like argument."""
    try:
        return Path(path)
    except TypeError as error:
        raise InvalidInputError(f"path: {path!r} given; pass the name of a file") from error


@contextmanager
def replacing(path: Path, name: str = "path") -> Iterator[IO[bytes]]:
    """A binary stream whose contents become the file ``path`` when the block ends well, and not before.

    It is written beside the target, flushed to the disk and renamed, so that a kill, a full disk or an error leaves
    the old file as it was. What is no regular file (a pipe, a device) is written directly.
    """
    check_file(path, name)
    target = path.resolve()  # a link stays a link
    try:
        if target.exists() and not target.is_file():
            with open(target, "wb") as stream:
                yield stream
            return
        beside = target.parent / f".{target.name[:100]}.{secrets.token_hex(4)}.part"
        try:
            with open(beside, "xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if target.exists():
                os.chmod(beside, target.stat().st_mode & 0o7777)
            os.replace(beside, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(beside)
            raise
    except OSError as error:
        reason = error.strerror or error
        raise InvalidInputError(f"{name}: {path} cannot be written ({reason}); choose another") from error


def write_bytes(path: Path, contents: bytes, name: str = "path") -> None:
    """A file, whole or not at all."""
    with replacing(path, name) as stream:
        stream.write(contents)


def write_text(path: Path, text: str, name: str = "path") -> None:
    """A text file in UTF-8, whole or not at all."""
    write_bytes(path, text.encode(), name)


def write_npz(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """A compressed ``.npz`` file, nothing pickled, whole or not at all."""
    with replacing(path) as stream:
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
