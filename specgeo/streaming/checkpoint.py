"""A file with what the first groups of regions gave, so that a run that was stopped can go on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from specgeo._files import as_path, check_file
from specgeo._npz import read_npz, write_npz
from specgeo._sparse import SparseMatrix
from specgeo.errors import InvalidInputError, ReadError
from specgeo.streaming.executors import Parts, Question

_FORM = "specgeo sums 1"


class Checkpoint:
    """The file, and the call that it belongs to: a digest of the question, and one of the contents, are kept in it."""

    def __init__(self, path: Any, question: Question) -> None:
        self.path = as_path(path, "checkpoint")
        check_file(self.path, "checkpoint")
        self._question = question

    def save(self, parts: Parts, done: int) -> None:
        """What the first ``done`` groups gave."""
        arrays = {f"{name}/{key}": np.asarray(value) for name, part in parts.items() for key, value in part.items()}
        arrays["done"] = np.array(done)
        write_npz(
            self.path, {**arrays, "call": np.array(self._call()), "digest": np.array(_digest(arrays))}, "checkpoint"
        )

    def load(self) -> tuple[Parts, int]:
        """What is there, and of how many groups; nothing of none where there is no file yet."""
        if not self.path.exists():
            return self._question.start(), 0
        try:
            arrays = read_npz(self.path)
        except ReadError as error:
            raise ReadError(f"checkpoint: {error}; delete it to begin anew") from error
        call, digest = (str(arrays.pop(key, "")) for key in ("call", "digest"))
        if "done" not in arrays or digest != _digest(arrays):
            raise ReadError(f"checkpoint: {self.path} is damaged, or no checkpoint; delete it to begin anew")
        if call != self._call():
            raise InvalidInputError(
                f"checkpoint: {self.path} belongs to another network, domain, reducers or max_bytes; "
                "name another file, or delete it"
            )
        done = int(arrays.pop("done"))
        parts: Parts = {name: {} for name in self._question.start()}
        for key, value in arrays.items():
            name, _, entry = key.partition("/")
            parts[name][entry] = value
        return parts, done

    def _call(self) -> str:
        """A digest of all that the sums depend on."""
        q, head = self._question, self._question.head
        size = (head.layer, head.n_cells, head.most_cells, len(head.groups))
        asked = {name: (type(r).__module__, type(r).__qualname__, vars(r)) for name, r in q.reducers.items()}
        network = (q.network.weights, q.network.biases, q.network.activations)
        found = hashlib.sha256()
        _feed(found, (_FORM, network, type(q.domain).__name__, vars(q.domain), asked, size, *[q.cones] * q.cones))
        return found.hexdigest()


def _feed(found: Any, value: Any) -> None:
    """Give a value to a digest, arrays and functions by what they are."""
    if isinstance(value, Mapping):
        value = [(str(key), value[key]) for key in sorted(value, key=str)]
    if isinstance(value, (list, tuple)):
        found.update(f"({len(value)}".encode())
        for item in value:
            _feed(found, item)
    elif is_dataclass(value):
        _feed(found, {field.name: getattr(value, field.name) for field in fields(value)})
    elif isinstance(value, SparseMatrix):
        _feed(found, (value.shape, value.values, value.columns, value.starts))
    elif isinstance(value, np.ndarray):
        found.update(f"[{value.dtype.str}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    else:
        text = getattr(value, "__qualname__", None) or repr(value)
        found.update(f"<{len(text)}:{text}".encode())


def _digest(arrays: Mapping[str, Any]) -> str:
    found = hashlib.sha256()
    _feed(found, arrays)
    return found.hexdigest()
