"""Arrays in HDF5 files (``.h5``, ``.hdf5``), one dataset each: written whole or not at all, read within a budget.

h5py does the work. Datasets are chunked and compressed, so that other programs read parts of large ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._budget import afford
from specgeo._files import open_regular, replacing_file
from specgeo._npz import KINDS, REMEDY, Arrays, check_arrays
from specgeo._progress import Tell, as_tell
from specgeo.errors import InvalidInputError, MissingDependencyError, ReadError, SpecgeoError, one_line

SUFFIXES = (".h5", ".hdf5")


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise MissingDependencyError("path: HDF5 files need h5py; pip install specgeo[hdf5], or take .npz") from error
    return h5py


def write_hdf5(path: Path, arrays: Mapping[str, npt.NDArray[Any]], name: str = "path") -> None:
    """One compressed dataset an array; ``name`` is the argument that names the file."""
    h5py = _h5py()
    check_arrays(arrays)
    for key, array in arrays.items():
        if "/" in key or array.dtype.kind == "U":
            raise InvalidInputError(f"{key!a}: an array of {array.dtype} cannot be saved in HDF5 by this name; drop it")
    with replacing_file(path, name) as beside, h5py.File(beside, "x") as file:
        for key, array in arrays.items():
            packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if array.size else {}
            file.create_dataset(key, data=array, **packed)


def read_hdf5(path: Path, max_bytes: int | None = None, tell: Tell | None = None) -> Arrays:
    """All datasets at the top of the file; twice their size must be within the budget, for the copies made of them."""
    h5py = _h5py()
    try:
        with open_regular(path) as stream, h5py.File(stream, "r") as file:
            return _read_datasets(h5py, file, path.name, max_bytes, as_tell(tell))
    except SpecgeoError:
        raise
    except MemoryError as error:
        raise ReadError(f"{path.name}: memory ran out; free some, or read it on a larger machine") from error
    except Exception as error:  # what h5py raises on corrupt files has no common class
        reason = one_line(error, 200)
        raise ReadError(f"{path.name}: not a readable HDF5 file ({reason}); it may be truncated") from error


def _read_datasets(h5py: Any, file: Any, name: str, max_bytes: int | None, tell: Tell) -> Arrays:
    for key in file:
        link = file.get(key, getlink=True)
        if not isinstance(link, h5py.HardLink) or not isinstance(file[key], h5py.Dataset):
            raise ReadError(f"{name}: {key!a} is no dataset of its own; this is no file of specgeo")
        data = file[key]
        if data.is_virtual or data.external or data.dtype.kind not in KINDS or data.shape is None:
            raise ReadError(f"{name}: {key!a} holds {data.dtype}, or what lies elsewhere; this is no file of specgeo")
    total = sum(file[key].nbytes for key in file)
    afford(2 * total, f"max_bytes: reading {name}", REMEDY, max_bytes)
    arrays: Arrays = {}
    for key in file:
        arrays[key] = np.asarray(file[key][()])
        done = sum(array.nbytes for array in arrays.values())
        tell(f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB", done / max(total, 1))
    return arrays
