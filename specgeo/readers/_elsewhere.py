"""Networks in compressed files, and formats that other packages read."""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path

from specgeo._files import open_regular
from specgeo.errors import ReadError, one_line
from specgeo.network import Network
from specgeo.readers._limit import Limit

_GROUP = "specgeo.readers"
_CHUNK = 1 << 20


@contextmanager
def unpacked(file: Path, max_bytes: int | None) -> Iterator[Path]:
    """The decompressed file, in a folder of its own that is gone afterwards."""
    if file.with_suffix("").suffix.lower() in ("", ".gz"):
        raise ReadError(f"path: {file.name!a} does not say what is compressed in it; name it such as net.onnx.gz")
    limit = Limit(max_bytes)
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder) / file.with_suffix("").name
        with open_regular(file) as packed, inside.open("wb") as out:
            try:
                with gzip.GzipFile(fileobj=packed) as stream:
                    while chunk := stream.read(_CHUNK):
                        limit.take(len(chunk), f"max_bytes: {file.name}, decompressed")
                        out.write(chunk)
            except (OSError, EOFError, zlib.error) as error:
                raise ReadError(f"{file.name}: no readable gzip file ({one_line(error, 80)}); make it again") from error
        yield inside


def reader_of_others(suffix: str) -> Callable[..., Network] | None:
    """The reader that an installed package has for a suffix."""
    for entry in entry_points(group=_GROUP):
        if f".{entry.name.lower().lstrip('.')}" == suffix:
            found: Callable[..., Network] = entry.load()
            return found
    return None
