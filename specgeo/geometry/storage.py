"""Complexes on disk: one compressed ``.npz`` file, or HDF5 by the suffix ``.h5``; nothing pickled.

The file holds the faces, the signs, the affine pieces, the domain, the certificate, the network, the errors of the
vertices and the walls that facets lie in, so that a loaded complex can be verified like a fresh one. The format is
described in docs/complex-format.md, for other programs too; `specgeo.check` is one that proves a file right.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._codec import OF_COMPLEX, entry_of, labels_from, pack, unpack
from specgeo._files import as_path
from specgeo._hdf5 import SUFFIXES, read_hdf5, write_hdf5
from specgeo._npz import read_npz, write_npz
from specgeo._progress import as_tell, reported
from specgeo.domain import Box, Polytope
from specgeo.errors import InvalidInputError, ReadError, SpecgeoError, one_line
from specgeo.geometry.arrays import Patterns, Ragged
from specgeo.geometry.certificate import Certificate
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.structure import check_inside, check_structure, require

Arrays = Mapping[str, npt.NDArray[Any]]

SCHEMA = "specgeo complex 1"
_BESIDE = ("vertex_errors", "facet_walls")  # fields that the file keeps among the metadata


def save_complex(cx: PolyhedralComplex, path: str | os.PathLike[str]) -> None:
    """Write the complex to ``path``: HDF5 where it ends in .h5 or .hdf5, else .npz (no suffix is added)."""
    file = as_path(path)
    arrays: dict[str, npt.NDArray[Any]] = {"vertices": cx.vertices, "gradients": cx.gradients, "offsets": cx.offsets}
    header: dict[str, Any] = {"schema": SCHEMA, "dim": cx.dim}
    for k, lists in enumerate(cx.faces, start=1):
        arrays[f"faces_{k}_offsets"], arrays[f"faces_{k}_indices"] = lists.offsets, lists.indices
    if cx.signs is not None:
        arrays.update({f"signs_{name}": array for name, array in cx.signs._asdict().items()})
    header["domain"] = _pack_domain(cx.domain, arrays)
    header["certificate"] = None if cx.certificate is None else cx.certificate.to_dict()
    if cx.layers is not None:
        arrays |= pack(cx.layers, OF_COMPLEX)
        header["layers"] = [entry_of(activation) for activation in cx.layers.activations]
    beside = {name: value for name in _BESIDE if (value := getattr(cx, name)) is not None}
    taken = beside.keys() & cx.notes.keys()
    if taken:
        raise InvalidInputError(f"notes: {sorted(taken)} are fields of the complex; take other names")
    header["metadata"] = {}
    for name, value in (beside | cx.notes).items():
        if isinstance(value, np.ndarray) and value.dtype != object:
            arrays[f"metadata_{name}"] = value
        else:
            header["metadata"][name] = value
    try:
        text = json.dumps(header)
    except TypeError as error:
        raise InvalidInputError(f"notes: holds something that JSON cannot ({error}); remove it first") from error
    arrays["header"] = np.frombuffer(text.encode(), dtype=np.uint8)
    (write_hdf5 if file.suffix.lower() in SUFFIXES else write_npz)(file, arrays)


@reported
def load_complex(
    path: str | os.PathLike[str],
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
) -> PolyhedralComplex:
    """Read a complex written by `PolyhedralComplex.save`.

    Parameters
    ----------
    path : path-like
        HDF5 by its suffix .h5 or .hdf5, which needs h5py; .npz otherwise.
    max_bytes : int, optional
        Budget for the memory that reading takes; four fifths of what is available by default.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.

    Returns
    -------
    PolyhedralComplex

    Raises
    ------
    ReadError
        The file is missing, corrupt, of another kind or of a later version.
    BudgetError
        The file unfolds to more than ``max_bytes``.

    Examples
    --------
    >>> import os, tempfile
    >>> import specgeo as sg
    >>> tent = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> cx = sg.enumerate_regions(tent, sg.Box([-2], [2]))
    >>> path = os.path.join(tempfile.mkdtemp(), "tent.npz")
    >>> cx.save(path)
    >>> sg.load_complex(path).f_vector == cx.f_vector
    True
    """
    cx = read_complex(path, max_bytes, progress)
    if "space_activations" in cx.notes:
        raise ReadError(f"{path}: the complex of a whole space; read it with specgeo.WholeSpaceComplex.load")
    return cx


def read_complex(
    path: str | os.PathLike[str],
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
) -> PolyhedralComplex:
    """The complex in a file, that of the cones over a whole space too."""
    file = as_path(path)
    read = read_hdf5 if file.suffix.lower() in SUFFIXES else read_npz
    arrays = read(file, max_bytes, as_tell(progress, 0.0, 0.9))
    try:
        header = json.loads(bytes(arrays["header"]).decode())
        if header["schema"] != SCHEMA:
            raise ReadError(f"written as {header['schema']!r}, this version reads {SCHEMA!r}; upgrade specgeo")
        return _unpack(arrays, header)
    except SpecgeoError as error:
        raise ReadError(f"{file}: {error}") from error
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError) as error:
        raise ReadError(f"{file}: not a complex saved by specgeo, or corrupt ({one_line(repr(error), 200)})") from error


def _unpack(arrays: Arrays, header: dict[str, Any]) -> PolyhedralComplex:
    def take(name: str, dtype: Any, ndim: int) -> npt.NDArray[Any]:
        """An array in the byte order of this machine."""
        array = arrays[name].astype(dtype, order="C", casting="same_kind")
        if array.ndim != ndim or not np.array_equal(array, arrays[name]):  # NaN differs from itself
            raise ReadError(f"corrupt: {name} is no array of numbers with {ndim} axes")
        return array

    dim = header["dim"]
    require(type(dim) is int and dim == arrays["vertices"].shape[-1], "header: dim is not that of the vertices")
    notes = dict(header["metadata"])
    _check_names(arrays, header, dim)
    faces = tuple(
        Ragged(take(f"faces_{k}_offsets", np.int64, 1), take(f"faces_{k}_indices", np.int32, 1))
        for k in range(1, dim + 1)
    )
    signs = None
    if "signs_positive" in arrays:
        words = [take(f"signs_{name}", np.uint64, 2) for name in ("positive", "negative")]
        signs = Patterns(*words, *(take(f"signs_{name}", np.int64, 1) for name in ("layers", "neurons", "breakpoints")))
    for key, array in arrays.items():
        if key.startswith("metadata_"):
            notes[key.removeprefix("metadata_")] = array.astype(array.dtype.newbyteorder("="))
    layers = None
    if header.get("layers") is not None:
        layers = unpack(arrays, OF_COMPLEX, [labels_from(entry) for entry in header["layers"]], dim)
    cx = PolyhedralComplex(
        take("vertices", np.float64, 2),
        faces,
        (take("gradients", np.float64, 3), take("offsets", np.float64, 2)),
        signs,
        _unpack_domain(header["domain"], arrays),
        None if header["certificate"] is None else Certificate(**header["certificate"]),
        layers,
        notes.pop("vertex_errors", None),
        notes.pop("facet_walls", None),
        notes,
    )
    check_structure(cx)
    check_inside(cx)
    return cx


def _check_names(arrays: Arrays, header: dict[str, Any], dim: int) -> None:
    """Refuse what this version does not know: it would be lost, or mean that the rest is something else."""
    layers = header.get("layers") or []
    known = {"header", "vertices", "gradients", "offsets", *(f"domain_{name}" for name in ("lower", "upper", "A", "b"))}
    known |= {f"faces_{k}_{name}" for k in range(1, dim + 1) for name in ("offsets", "indices")}
    known |= {f"signs_{name}" for name in Patterns._fields}
    known |= {f"{name}_{i}" for i in range(len(layers)) for name in ("breakpoints", "slopes")}
    own = [i for i, layer in enumerate(layers) if layer.get("kind") == "neurons"]
    known |= {f"{name}_{i}" for i in own for name in ("kinds", "sizes")}
    maxima = [i for i, layer in enumerate(layers) if layer.get("kind") == "max"]
    known |= {f"{name}_{i}" for i in maxima for name in ("members", "sizes")}
    known |= {f"{name}_{i}" for i in range(len(layers) + 1) for name in ("weight", "bias")}
    known |= {f"weight_{i}_{name}" for i in range(len(layers) + 1) for name in ("rows", "columns")}
    unknown = sorted(name for name in arrays.keys() - known if not name.startswith("metadata_"))
    require(not unknown, f"unknown arrays {unknown}")
    unknown = sorted(header.keys() - {"schema", "dim", "domain", "certificate", "metadata", "layers"})
    require(not unknown, f"header: unknown entries {unknown}")
    kinds = {layer.get("kind", "dense") for layer in layers} - {"dense", "neurons", "max"}
    keys = {key for layer in layers for key in layer} - {"kind", "name", "intercept"}
    require(not kinds and not keys, f"layers of kinds {sorted(kinds)} or with entries {sorted(keys)}; upgrade specgeo")
    reserved = {"network", *_BESIDE} & header["metadata"].keys()
    require(not reserved and "metadata_network" not in arrays, "header: metadata that are arrays")


def _pack_domain(domain: Any, arrays: dict[str, npt.NDArray[Any]]) -> str | None:
    if domain is None:
        return None
    kind = type(domain).__name__
    names = {"Box": ("lower", "upper"), "Polytope": ("A", "b")}.get(kind)
    if names is None:
        raise InvalidInputError(f"domain: {kind} cannot be saved; use a Box or a Polytope")
    arrays.update({f"domain_{name}": getattr(domain, name) for name in names})
    return kind


def _unpack_domain(kind: str | None, arrays: Arrays) -> Any:
    if kind is None:
        return None
    if kind == "Box":
        return Box(arrays["domain_lower"], arrays["domain_upper"])
    if kind == "Polytope":
        return Polytope(arrays["domain_A"], arrays["domain_b"])
    raise ReadError(f"corrupt: unknown domain {kind!r}")
