"""An ONNX file as plain data: nodes, initialisers and the input's shapes, read at one door.

What protobuf and onnx raise on corrupt files has no common class, and some of it only when a field is looked at. All
fields are therefore taken here, in time linear in the file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from specgeo._files import open_regular
from specgeo.errors import MissingDependencyError, ReadError, SpecgeoError, UnsupportedError
from specgeo.readers._limit import Limit

Constant = npt.NDArray[Any]
T = TypeVar("T")

_SPARE = 1 << 28  # a file may unfold to this,
_RATIO = 64  # and this many times its size, before max_bytes must be given


@dataclass(frozen=True, eq=False)
class Node:
    """A node of the graph."""

    op_type: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    proto: Any = field(repr=False)

    def __str__(self) -> str:
        """The node as messages name it."""
        name = repr(self.name) if self.name else f"that makes {self.outputs[0] if self.outputs else ''!r}"
        return f"node {name} of type {f'{self.domain}.' if self.domain else ''}{self.op_type}"

    @cached_property
    def attributes(self) -> dict[str, Any]:
        """Attributes by name."""
        from onnx import helper

        return guarded(
            lambda: {one.name: helper.get_attribute_value(one) for one in self.proto.attribute}, f"{self}: malformed"
        )


@dataclass(frozen=True, eq=False)
class Model:
    """What an ONNX file says."""

    nodes: list[Node]
    initializers: dict[str, Any]
    inputs: dict[str, tuple[int, ...] | None]  # shapes; 0 or less where symbolic
    input_types: dict[str, int]  # of the entries
    outputs: list[str]
    opset: int
    opset_imports: Any
    folder: Path
    limit: Limit

    def initializer(self, name: str) -> Constant:
        """The value of an initialiser."""
        return self.array(self.initializers[name], f"initialiser {name!r}")

    def array(self, tensor: Any, what: str) -> Constant:
        """The value of a tensor of the file, or of the file that it names."""
        from onnx import numpy_helper

        def convert() -> Constant:
            if any(n < 0 for n in tensor.dims):
                raise ReadError(f"graph: {what} has a negative size; the file is corrupt")
            if tensor.data_location:
                self.limit.take(2 * self._external_size(tensor, what), what)
            return np.asarray(numpy_helper.to_array(tensor, str(self.folder)))

        value = guarded(convert, f"graph: {what} cannot be read")
        self.limit.take(value.nbytes, what)
        if value.dtype.kind == "V":  # types that numpy lacks, bfloat16 for one; float64 holds all of them
            value = guarded(lambda: value.astype(np.float64), f"graph: {what} cannot be read")
        return value

    def _external_size(self, tensor: Any, what: str) -> int:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        path = self.folder / entries["location"]
        if not path.is_file():
            raise ReadError(f"graph: {what} is in {entries['location']!r}, which is no file; keep it beside the model")
        return int(entries["length"]) if "length" in entries else path.stat().st_size


def guarded(read: Callable[[], T], what: str) -> T:
    """What ``read`` returns; what protobuf and onnx raise on corrupt files becomes a `ReadError`."""
    try:
        return read()
    except SpecgeoError:
        raise
    except MemoryError as error:
        raise ReadError(f"{what} (memory ran out); free some, or read it on a larger machine") from error
    except Exception as error:
        raise ReadError(f"{what} ({error}); the file is corrupt") from error


def load_model(file: Path, max_bytes: int | None) -> Model:
    """The model in an ONNX file."""
    with open_regular(file) as stream:
        content = guarded(stream.read, "not readable")
    limit = Limit(max_bytes, _SPARE + _RATIO * len(content))
    limit.take(2 * len(content), "the model")
    try:
        import onnx
    except ImportError as error:
        raise MissingDependencyError(
            "reading .onnx files needs the package onnx: pip install 'specgeo[onnx]'"
        ) from error
    return guarded(  # nodes that make nothing are of no use
        lambda: _take(onnx.load_model_from_string(content), file, limit), "not a readable ONNX file, may be truncated"
    )


def _take(proto: Any, file: Path, limit: Limit) -> Model:
    if proto.functions:
        from onnx.inliner import inline_local_functions

        proto = inline_local_functions(proto)
    graph = proto.graph
    if not graph.output or not graph.input:
        raise ReadError("the graph has no input or no output; the file is corrupt or not ONNX")
    if graph.sparse_initializer:
        raise UnsupportedError("graph: sparse initialisers are not supported; store dense ones")
    nodes = [
        Node(one.op_type, "" if one.domain == "ai.onnx" else one.domain, one.name, tuple(one.input),
             tuple(one.output), one)
        for one in graph.node if any(one.output)
    ]  # fmt: skip
    names = [name for node in nodes for name in (node.op_type, node.domain, node.name, *node.inputs, *node.outputs)]
    names += [one.name for part in (graph.input, graph.output, graph.initializer) for one in part]
    if any(isinstance(name, bytes) for name in names):  # protobuf's way with what is no UTF-8
        raise ReadError("graph: a name is not text; the file is corrupt")
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    given = [value for value in graph.input if value.name not in initializers]
    inputs = {value.name: _shape(value) for value in given}
    made = [name for node in nodes for name in node.outputs if name] + list(initializers) + list(inputs)
    if len(set(made)) < len(made) or len(initializers) < len(graph.initializer) or len(inputs) < len(given):
        raise ReadError("graph: two nodes, inputs or initialisers make the same tensor; the file is corrupt")
    types = {value.name: value.type.tensor_type.elem_type for value in given}
    opsets = [one.version for one in proto.opset_import if one.domain in ("", "ai.onnx")]
    return Model(
        nodes, initializers, inputs, types, [value.name for value in graph.output], max(opsets, default=1),
        proto.opset_import, file.parent, limit,
    )  # fmt: skip


def _shape(value: Any) -> tuple[int, ...] | None:
    kind = value.type.tensor_type
    return tuple(dim.dim_value for dim in kind.shape.dim) if kind.HasField("shape") else None


def input_shape(name: str, sizes: tuple[int, ...] | None) -> tuple[int, ...]:
    """Shape of the input with a symbolic or missing batch size taken as 1."""
    if sizes is None:
        raise UnsupportedError(f"graph: input {name!r} has no shape; export the model with one")
    if sizes and max(sizes) <= 0:
        raise UnsupportedError(
            f"graph: all axes of input {name!r} are symbolic, so the number of features is unknown; "
            "export the model with only the batch axis symbolic"
        )
    shape = tuple(size if size > 0 else 1 for size in sizes)
    if len(shape) > 32 or math.prod(shape) >= 1 << 40:
        raise ReadError(f"graph: input {name!r} of shape {shape!s:.80} is beyond all memory; the file is corrupt")
    if len(shape) > 1 and shape[0] > 1 and max(shape[1:]) > 1:
        raise UnsupportedError(
            f"graph: input {name!r} has shape {shape} with a fixed batch of {shape[0]}; "
            "export the model with batch size 1 or a symbolic one"
        )
    return shape
