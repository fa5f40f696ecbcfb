"""Names of files from the caller, opening and writing, with errors that name the argument."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from specgeo.errors import InvalidInputError, ReadError


def as_path(path: Any, name: str = "path") -> Path:
    """A path-like argument that the file system can look up."""
    try:
        found = Path(path)
        os.lstat(found)
    except (TypeError, ValueError) as error:  # no name at all; a NUL, or what the file system's encoding lacks
        raise InvalidInputError(f"{name}: {path!r} given; pass the name of a file") from error
    except OSError as error:
        if error.errno in _NO_NAME:
            raise InvalidInputError(f"{name}: {str(path)[:80]!r} is no name of a file ({error.strerror})") from error
    return found


_NO_NAME = (errno.ENAMETOOLONG, errno.ELOOP)


def open_regular(path: Path) -> BinaryIO:
    """A regular file, opened for reading; pipes and devices, which may block or never end, are refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ReadError(f"path: {path}: no such file; check the name and the folder") from error
    except IsADirectoryError as error:  # from the start on some systems
        raise ReadError(f"path: {path} is a folder, not a file; give the name of a file in it") from error
    except OSError as error:
        raise ReadError(f"path: {path} cannot be read ({error.strerror or error}); check it and its rights") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise ReadError(f"path: {path} is a folder, not a file; give the name of a file in it")
        raise ReadError(f"path: {path} is not a file but a pipe or device; write what comes from it to a file first")
    return os.fdopen(descriptor, "rb")


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
        with _beside(target) as beside, open(beside, "xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise _unwritten(path, name, error) from error


@contextmanager
def replacing_file(path: Path, name: str = "path") -> Iterator[Path]:
    """As `replacing`, for libraries that open files by name: that of the file beside the target, a regular one."""
    check_file(path, name)
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise InvalidInputError(f"{name}: {path} is a pipe or a device; give the name of a file")
    try:
        with _beside(target) as beside:
            yield beside
            with open(beside, "rb+") as stream:
                os.fsync(stream.fileno())
    except OSError as error:
        raise _unwritten(path, name, error) from error


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """The name of a new file, which takes the target's place when the block ends well, and is gone otherwise."""
    beside = target.parent / f".{target.name[:100]}.{secrets.token_hex(4)}.part"
    try:
        yield beside
        if target.exists():
            os.chmod(beside, target.stat().st_mode & 0o7777)
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def _unwritten(path: Path, name: str, error: OSError) -> InvalidInputError:
    return InvalidInputError(f"{name}: {path} cannot be written ({error.strerror or error}); choose another")


def write_bytes(path: Path, contents: bytes, name: str = "path") -> None:
    """A file, whole or not at all."""
    with replacing(path, name) as stream:
        stream.write(contents)


def write_text(path: Path, text: str, name: str = "path") -> None:
    """A text file in UTF-8, whole or not at all."""
    write_bytes(path, text.encode(), name)


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
