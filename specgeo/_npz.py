"""Archives of arrays (``.npz``): written whole or not at all, read within a budget, nothing pickled.

An archive is a zip file of ``.npy`` files, stored or deflated. Sizes are compared with the budget before anything is
unfolded: a small file can announce arrays of any size. The headers of ``.npy`` files are matched with the form in
which numpy writes them, not evaluated.
"""

from __future__ import annotations

import math
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from specgeo._budget import afford
from specgeo._files import open_regular, replacing
from specgeo._progress import Tell, as_tell
from specgeo.errors import InvalidInputError, ReadError, SpecgeoError, one_line

Arrays = dict[str, npt.NDArray[Any]]

KINDS = "biufcU"  # truth values, numbers and text
_ENTRY = (
    rb"""['"]descr['"]\s*+:\s*+['"](?P<type>[<>|=]?[a-zA-Z]\d{0,18})['"]""",
    rb"""['"]fortran_order['"]\s*+:\s*+(?P<fortran>True|False)""",
    rb"""['"]shape['"]\s*+:\s*+\((?P<shape>[\d\s,]{0,400})\)""",
)
_HEADER = re.compile(rb"\s*+\{\s*+" + rb"\s*+,\s*+".join(_ENTRY) + rb"\s*+,?\s*+\}\s*+")
_CHUNK = 1 << 20
REMEDY = "raise max_bytes, or read it on a larger machine"


def write_npz(path: Path, arrays: Mapping[str, npt.NDArray[Any]], name: str = "path") -> None:
    """A compressed ``.npz`` file, nothing pickled, whole or not at all; ``name`` is the argument that names it."""
    check_arrays(arrays)
    with replacing(path, name) as stream:
        # numpy before 2.2 would store an argument allow_pickle as an array; the kinds above need none
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def check_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """That all are numbers or text, under names that can be read."""
    for key, array in arrays.items():
        if array.dtype.kind not in KINDS or not key.isprintable():
            raise InvalidInputError(f"{key!a}: an array of {array.dtype} cannot be saved under this name; drop it")


def read_npz(path: Path, max_bytes: int | None = None, tell: Tell | None = None) -> Arrays:
    """All arrays of an ``.npz`` file; ``tell`` hears how much of it is read.

    Twice their size, for the copies that are made of them, must be within the budget.
    """
    with open_regular(path) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                return _read_members(archive, path.name, max_bytes, as_tell(tell))
        except SpecgeoError:
            raise
        except MemoryError as error:
            raise ReadError(f"{path.name}: memory ran out; free some, or read it on a larger machine") from error
        except Exception as error:  # what zipfile and zlib raise on corrupt archives has no common class
            reason = one_line(error, 200)
            raise ReadError(f"{path.name}: not a readable .npz file ({reason}); it may be truncated") from error


def read_npy(path: Path, max_bytes: int | None = None) -> npt.NDArray[Any]:
    """The array of an ``.npy`` file, within the same budget."""
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        afford(2 * size, f"max_bytes: reading {path.name}", REMEDY, max_bytes)
        try:
            return _read_array(stream, size)
        except ReadError as error:
            raise ReadError(f"{path.name}: {error}; save it with numpy.save") from error


def _read_members(archive: zipfile.ZipFile, name: str, max_bytes: int | None, tell: Tell) -> Arrays:
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    afford(2 * total, f"max_bytes: reading {name}", REMEDY, max_bytes)
    arrays: Arrays = {}
    done = 0

    def took(n: int) -> None:
        nonlocal done
        done += n
        tell(f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB", done / total)

    for member in members:
        key = member.filename.removesuffix(".npy")
        if key in arrays:
            raise ReadError(f"{name}: corrupt, holds {key!a} twice")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ReadError(f"{name}: {key!a} is compressed in another way than numpy does; save it with numpy")
        with archive.open(member) as stream:
            try:
                arrays[key] = _read_array(stream, member.file_size, took)
            except ReadError as error:
                raise ReadError(f"{name}: corrupt: {key!a} {error}") from error
    return arrays


def _read_array(
    stream: IO[bytes], size: int, took: Callable[[int], None] = lambda n: None
) -> npt.NDArray[Any]:
    """One array; ``size`` bytes are there; ``took`` hears of each part."""
    start = stream.read(8)
    if len(start) < 8 or start[:6] != b"\x93NUMPY" or start[6] not in (1, 2, 3):
        raise ReadError("is no array")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(stream.read(width), "little")
    found = _HEADER.fullmatch(stream.read(length)) if length <= 10_000 else None
    if found is None:
        raise ReadError("has no header as numpy writes it for plain arrays")
    try:
        kind = np.dtype(found["type"].decode())
        shape = tuple(int(n) for n in found["shape"].split(b",") if n.strip())
    except (TypeError, ValueError, OverflowError) as error:
        raise ReadError(f"has a header that says nothing ({error})") from error
    if kind.kind not in KINDS or kind.itemsize == 0:
        raise ReadError(f"holds {kind}, not numbers or text")
    if math.prod(shape) * kind.itemsize != size - 8 - width - length or len(shape) > 32:
        raise ReadError(f"does not hold the {shape} entries that it announces")
    flat = np.empty(math.prod(shape), kind)
    view = flat.view(np.uint8) if flat.size else np.empty(0, np.uint8)
    at = 0
    while at < len(view):
        part = stream.read(min(_CHUNK, len(view) - at))
        if not part:
            raise ReadError("ends too early")
        view[at : at + len(part)] = np.frombuffer(part, np.uint8)
        at += len(part)
        took(len(part))
    return flat.reshape(shape, order="F" if found["fortran"] == b"True" else "C")
