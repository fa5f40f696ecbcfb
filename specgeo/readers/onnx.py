"""Reader of ONNX files: the path from the graph's input to its output must be a chain.

Each tensor is either a constant (initialiser, Constant node, or computed from constants) or the
*signal*, which depends on the input. From the output the reader walks back along the signal; every node on
that way must have exactly one signal input. Then it walks forward and collects affine maps and
activations; the shape of the signal is a constant. Sorting of the nodes, branches that lead elsewhere, and
initialisers that are also listed as inputs do not matter.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._files import as_path
from specgeo.errors import InvalidInputError, MissingDependencyError, ReadError, UnsupportedError
from specgeo.network import Network
from specgeo.readers._onnx_ops import HANDLERS, Signal, describe

Constant = npt.NDArray[Any]


def _load(file: Path) -> Any:
    try:
        import onnx
    except ImportError as error:
        raise MissingDependencyError(
            "reading .onnx files needs the package onnx: pip install 'specgeo[onnx]'"
        ) from error
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(os.fspath(file))
    except (OSError, DecodeError, ValueError, onnx.checker.ValidationError) as error:
        raise ReadError(f"not a readable ONNX file ({error}); it may be truncated") from error
    if not model.graph.output or not model.graph.input:
        raise ReadError("the graph has no input or no output; the file is corrupt or not ONNX")
    return model


class _Graph:
    """The nodes of an ONNX graph by the tensors they make."""

    def __init__(self, model: Any) -> None:
        from onnx import numpy_helper

        self.model = model
        self.constants: dict[str, Constant] = {}
        for tensor in model.graph.initializer:
            try:
                self.constants[tensor.name] = numpy_helper.to_array(tensor)
            except Exception as error:
                message = f"graph: initialiser {tensor.name!r} cannot be read ({error}); the file is corrupt"
                raise ReadError(message) from error
        if model.graph.sparse_initializer:
            raise UnsupportedError("graph: sparse initialisers are not supported; store dense ones")
        self.producers = {name: node for node in model.graph.node for name in node.output if name}
        self.inputs = {value.name: value for value in model.graph.input if value.name not in self.constants}

    def node_path(self, output: str) -> tuple[str, list[tuple[Any, int]]]:
        """The input that the output depends on, and the nodes from it to the output, each with its signal slot."""
        path: list[tuple[Any, int]] = []
        name = output
        while name not in self.inputs:
            node = self.producers.get(name)
            if node is None:
                raise ReadError(f"graph: tensor {name!r} is made by no node; the file is corrupt")
            slots = [i for i, source in enumerate(node.input) if source and self.depends_on_input(source)]
            if len(slots) != 1:
                raise UnsupportedError(
                    f"{describe(node)}: {len(slots)} of its inputs depend on the network's input; "
                    "only chains of layers are supported"
                )
            if name != node.output[0]:
                raise UnsupportedError(f"{describe(node)}: only its first output is supported, not {name!r}")
            path.append((node, slots[0]))
            name = node.input[slots[0]]
            if len(path) > len(self.model.graph.node):
                raise ReadError("graph: has a cycle; the file is corrupt")
        return name, path[::-1]

    def depends_on_input(self, name: str) -> bool:
        """Whether a tensor depends on the network's input."""
        seen: set[str] = set()
        stack = [name]
        while stack:
            current = stack.pop()
            if current in self.inputs:
                return True
            if current in self.producers and current not in seen and self.producers[current].op_type != "Shape":
                stack.extend(source for source in self.producers[current].input if source)
            seen.add(current)
        return False

    def set_shape(self, name: str, shape: tuple[int, ...]) -> None:
        """Shape of a tensor on the way: the constant that Shape nodes make of it."""
        for node in self.model.graph.node:
            if node.op_type == "Shape" and list(node.input) == [name]:
                bounds = {a.name: a.i for a in node.attribute}
                self.constants[node.output[0]] = np.array(shape[bounds.get("start") : bounds.get("end")], np.int64)

    def constant(self, name: str) -> Constant:
        """Value of a tensor that does not depend on the input."""
        order: list[str] = []
        stack = [name]
        while stack:
            current = stack.pop()
            if current in self.constants or not current:
                continue
            if current in self.inputs:
                raise UnsupportedError(
                    f"graph: the value of {name!r} needs the shape of a tensor that is not on the way to it; "
                    "export the model with fixed shapes"
                )
            if current not in self.producers or len(order) > 4 * len(self.producers):
                raise ReadError(f"graph: tensor {current!r} is made by no node or by itself; the file is corrupt")
            order.append(current)
            stack.extend(self.producers[current].input)
        for current in reversed(order):
            if current not in self.constants:
                self._evaluate(self.producers[current])
        return self.constants[name]

    def _evaluate(self, node: Any) -> None:
        """Evaluate a node of constants by the reference implementation that onnx ships."""
        from onnx import helper
        from onnx.reference import ReferenceEvaluator

        names = [n for n in dict.fromkeys(node.input) if n]
        empty = [helper.make_empty_tensor_value_info(n) for n in names]
        outputs = [helper.make_empty_tensor_value_info(n) for n in node.output if n]
        graph = helper.make_graph([node], "constant", empty, outputs)
        model = helper.make_model(graph, opset_imports=self.model.opset_import)
        try:
            values = ReferenceEvaluator(model).run(None, {n: self.constants[n] for n in names})
        except Exception as error:
            raise UnsupportedError(f"{describe(node)}: its constant value cannot be computed ({error})") from error
        self.constants.update(zip([n for n in node.output if n], values, strict=True))


def _input_shape(value: Any) -> tuple[int, ...]:
    """Shape of the input with a symbolic or missing batch size taken as 1."""
    if not value.type.tensor_type.HasField("shape"):
        raise UnsupportedError(f"graph: input {value.name!r} has no shape; export the model with one")
    sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    if sizes and max(sizes) <= 0:
        raise UnsupportedError(
            f"graph: all axes of input {value.name!r} are symbolic, so the number of features is unknown; "
            "export the model with only the batch axis symbolic"
        )
    shape = [size if size > 0 else 1 for size in sizes]
    if len(shape) > 1 and shape[0] > 1 and max(shape[1:]) > 1:
        raise UnsupportedError(
            f"graph: input {value.name!r} has shape {tuple(shape)} with a fixed batch of {shape[0]}; "
            "export the model with batch size 1 or a symbolic one"
        )
    return tuple(shape)


def read_onnx(path: str | os.PathLike[str], output: str | None = None) -> Network:
    """Read an ONNX file.

    Parameters
    ----------
    path : path-like
    output : str, optional
        Name of the output to follow; needed only when the graph has several.

    Returns
    -------
    Network
        The real function of the stored weights: float32 weights are widened exactly, intermediate
        roundings to float32 are not imitated. BatchNormalization and Div are evaluated in float64, all
        other operations keep the numbers of the file.

    Raises
    ------
    ReadError
        The file is corrupt.
    UnsupportedError
        A node is not supported (named in the message with its type), or the graph is not a chain.
    MissingDependencyError
        The package onnx is not installed.

    Notes
    -----
    Supported: Gemm, MatMul with the weight on either side, Add, Sub, Mul, Div, Neg with constants, Relu, LeakyRelu,
    PRelu with one slope, Clip, Abs, BatchNormalization, Flatten, Reshape, Squeeze, Unsqueeze, Transpose, Identity,
    Cast between float types, Dropout, Constant and anything computed from constants and from shapes of the signal.
    """
    file = as_path(path)
    try:
        graph = _Graph(_load(file))
        return _follow(graph, _choose(graph, output))
    except (UnsupportedError, ReadError, InvalidInputError) as error:
        raise type(error)(f"{file.name}: {error}") from error


def _choose(graph: _Graph, output: str | None) -> str:
    names = [value.name for value in graph.model.graph.output]
    if output is None and len(names) > 1:
        raise InvalidInputError(f"output: there are several; choose one of {names}")
    if output is not None and output not in names:
        raise InvalidInputError(f"output: there is no {output!r}; choose one of {names}")
    return output or str(names[0])


def _follow(graph: _Graph, output: str) -> Network:
    """The network between the input and an output."""
    source, path = graph.node_path(output)
    signal = Signal(_input_shape(graph.inputs[source]))
    for node, slot in path:
        graph.set_shape(node.input[slot], signal.shape)
        if node.domain not in ("", "ai.onnx") or node.op_type not in HANDLERS:
            raise UnsupportedError(
                f"{describe(node)}: this type of node is not supported; supported are {', '.join(sorted(HANDLERS))}"
            )
        others = {i: graph.constant(name) for i, name in enumerate(node.input) if i != slot and name}
        try:
            HANDLERS[node.op_type](signal, node, slot, others)
        except (UnsupportedError, ReadError):
            raise
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ReadError(f"{describe(node)}: malformed ({error!r}); the file is corrupt") from error
    try:
        return signal.chain.network()
    except InvalidInputError as error:
        raise ReadError(f"{error}; the file is corrupt") from error
