"""Keras files as plain data: the model's configuration, and the weights of its layers, without Keras.

Two layouts hold weights. Keras 3 (``.keras``, ``.weights.h5``) numbers the variables of a layer below the name of its
class, ``layers/conv2d_1/vars/0``; files of Keras 2 (``.h5``) have names, ``model_weights/head/dense/kernel:0``.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from specgeo._cast import FloatArray
from specgeo._files import open_regular
from specgeo.errors import MissingDependencyError, ReadError, UnsupportedError
from specgeo.readers._limit import Limit

_NUMBERED = ("layers", "_layer_checkpoint_dependencies")  # the latter in the first releases


@dataclass(frozen=True)
class Place:
    """Where a layer is: its name and its number-bearing name, of the models around it first."""

    names: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()

    def below(self, name: str, unique: str) -> Place:
        """A layer of the model at this place."""
        return Place((*self.names, name), (*self.unique, unique))


class Weights:
    """Datasets of an HDF5 file by the layers that they belong to."""

    def __init__(self, file: Any, h5py: Any, limit: Limit) -> None:
        self.limit = limit
        self.datasets: dict[str, Any] = {}
        file.visititems(  # follows hard links alone
            lambda name, one: self.datasets.update({name: one}) if isinstance(one, h5py.Dataset) else None
        )
        self.root = next((root for root in _NUMBERED if root in file), None)
        self.above = "" if self.root or "model_weights" not in file else "model_weights/"

    def of(self, place: Place, variables: Sequence[str]) -> list[FloatArray]:
        """The variables of a layer."""
        found = self._numbered(place) if self.root else self._named(place)
        if self.root and len(found) >= len(variables):  # counts of what was seen may follow
            found = {name: found[str(i)] for i, name in enumerate(variables)}
        if not set(variables) <= found.keys():
            shown = sorted(found) or "none"
            raise ReadError(f"needs the weights {list(variables)}, there are {shown}; save the whole model again")
        return [self._array(found[name], name) for name in variables]

    def _numbered(self, place: Place) -> dict[str, Any]:
        path = "".join(f"{self.root}/{name}/" for name in place.unique) + "vars/"
        found = {name.removeprefix(path): one for name, one in self.datasets.items() if name.startswith(path)}
        if any(one.parent.attrs.get("name", place.names[-1]) != place.names[-1] for one in found.values()):
            raise ReadError("is not the layer whose weights are at its place; save the whole model again")
        return {str(i): found[str(i)] for i in range(len(found)) if str(i) in found}

    def _named(self, place: Place) -> dict[str, Any]:
        above = f"{self.above}{place.names[0]}/"
        each = [name for name in self.datasets if name.startswith(above)]
        own = [name for name in each if f"/{name}".rpartition("/")[0].endswith(f"/{place.names[-1]}")]
        names = own if len(place.names) > 1 or own else each
        found = {name.rpartition("/")[2].partition(":")[0]: self.datasets[name] for name in names}
        if len(found) < len(names):
            raise ReadError(f"has weights of one name, {sorted(names)!s:.200}; save the model as .keras")
        return found

    def _array(self, data: Any, name: str) -> FloatArray:
        """A dataset in float64."""
        if data.is_virtual or data.external or data.shape is None:
            raise ReadError(f"its {name} lies elsewhere; save the whole model again")
        self.limit.take(12 * data.size, f"its {name}")
        if str(data.attrs.get("dtype", "")) == "bfloat16":
            raw = np.asarray(data[()]).view(np.uint16)
            return (raw.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
        if data.dtype.kind != "f":
            raise UnsupportedError(f"its {name} is of type {data.dtype}, not of real floats; read it unquantised")
        return np.asarray(data[()], np.float64)


@contextmanager
def opened(file: Path, config: Path | None, limit: Limit) -> Iterator[tuple[dict[str, Any], str, Weights]]:
    """Configuration, version of Keras, and weights."""
    try:
        import h5py
    except ImportError as error:
        raise MissingDependencyError("reading Keras files needs h5py: pip install 'specgeo[hdf5]'") from error
    with open_regular(file) as stream:
        packed = zipfile.is_zipfile(stream)
        stream.seek(0)
        if packed:
            stored, version, stream = _unzipped(stream, limit)
        with h5py.File(stream, "r") as weights:
            if not packed:
                stored, version = weights.attrs.get("model_config"), weights.attrs.get("keras_version", "")
            found = _configuration(stored, config)
            version = version or found.get("keras_version") or ("3" if "module" in found else "2")
            yield found, str(version), Weights(weights, h5py, limit)


def _unzipped(stream: Any, limit: Limit) -> tuple[bytes, Any, Any]:
    with zipfile.ZipFile(stream) as archive:
        parts = []
        for name in ("config.json", "metadata.json", "model.weights.h5"):
            if name not in archive.namelist():
                raise ReadError(f"has no {name}; the file is corrupt, or no model of Keras")
            limit.take(2 * archive.getinfo(name).file_size, name)
            parts.append(archive.read(name))
    version = json.loads(parts[1]).get("keras_version", "")
    return parts[0], version, io.BytesIO(parts[2])


def _configuration(stored: Any, config: Path | None) -> dict[str, Any]:
    """What the file says of the model, or what is given."""
    if config is not None:
        with open_regular(config) as stream:
            stored = stream.read()
    if stored is None:
        raise ReadError(
            "holds weights and no architecture; save the model as .keras, or give config=, a file of model.to_json()"
        )
    found = json.loads(stored)
    if not isinstance(found, dict) or not isinstance(found.get("config"), (dict, list)):
        raise ReadError("its configuration is no model of Keras; the file is corrupt")
    return found
