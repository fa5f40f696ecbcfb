"""Reader of ONNX files: every operation between the graph's input and an output is done to signals.

Each tensor is either a constant (initialiser, Constant node, or computed from constants and from shapes) or a
*signal*, which depends on the input. What the output needs is computed in order, each tensor once. Sorting of the
nodes, branches that lead elsewhere, and initialisers that are also listed as inputs do not matter.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import as_floats
from specgeo._caution import caution
from specgeo._files import as_path
from specgeo._progress import Tell, as_tell, reported
from specgeo.errors import BudgetError, InvalidInputError, ReadError, UnsupportedError, one_line
from specgeo.network import Network
from specgeo.readers import _onnx_moves
from specgeo.readers._graph import Graph
from specgeo.readers._onnx_constants import Constants
from specgeo.readers._onnx_model import Constant, Model, Node, input_shape, load_model
from specgeo.readers._onnx_ops import BOOL, FLOAT_TYPES, HANDLERS
from specgeo.readers._remedies import SWAPPED, ends_before, is_readout, keeps_order, remedy
from specgeo.readers._signals import Signal, Tensor, parts

_INTEGER_TYPES = {2, 3, 4, 5, 6, 7, 9, 12, 13}  # and truth values
_REARRANGE = {"Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze", *_onnx_moves.MOVED}


class _Graph:
    """The nodes of an ONNX graph by the tensors they make, and the values of those that are needed."""

    def __init__(self, model: Model, fixed: Mapping[str, Any]) -> None:
        self.model = model
        self.free = [name for name in model.inputs if name not in fixed]
        self.producers = {name: node for node in model.nodes for name in node.outputs if name}
        self.constants = Constants(model, self.producers)
        for name, value in fixed.items():
            self.constants.set(name, _fixed(model, name, value))
        self.signals = self._signals()
        self.values: dict[str, Signal | None] = {}
        self.whole: set[str] = set()  # signals that are integers

    def _signals(self) -> set[str]:
        """The tensors that depend on the network's input; shapes are constants."""
        users: dict[str, list[Node]] = {}
        for node in self.model.nodes:
            for name in set(node.inputs):
                users.setdefault(name, []).append(node)
        found = set(self.free)
        stack = list(found)
        while stack:
            for node in users.get(stack.pop(), ()):
                if node.op_type not in ("Shape", "Size"):
                    new = [name for name in node.outputs if name and name not in found]
                    found.update(new)
                    stack.extend(new)
        return found

    def order(self, output: str) -> list[Node]:
        """The nodes that the output needs, each after those that it needs itself; those of constants too."""
        found: dict[int, Node] = {}
        under_way: set[int] = set()
        stack = [(output, False)]
        while stack:
            name, ready = stack.pop()
            node = self.producers.get(name)
            if node is None or id(node) in found:
                continue
            if ready:
                found[id(node)] = node
                under_way.discard(id(node))
            elif id(node) in under_way:
                if name in self.signals:
                    raise ReadError("graph: has a cycle; the file is corrupt")
            else:
                under_way.add(id(node))
                stack.append((name, True))
                stack += [(source, False) for source in node.inputs]
        return list(found.values())

    def cut(self, tensor: str) -> str:
        """The advice to end before a node that ``tensor`` enters, if something comes before it."""
        return "" if tensor in self.model.inputs else f"; or end before it with output={tensor!r}"

    def value(self, name: str) -> Tensor:
        """A tensor that a node needs."""
        if name not in self.signals:
            return self.constants.value(name)
        made = self.values.get(name)
        if made is None:
            node = self.producers[name]
            raise UnsupportedError(
                f"{node}: only its first output is supported, not {name!r}; choose output={node.outputs[0]!r}"
            )
        return made

    def begin(self, nodes: list[Node], output: str) -> tuple[Graph, list[str]]:
        """The inputs that an output depends on as signals, one behind the other; their names."""
        used = {name for node in nodes for name in node.inputs} | {output}
        names = [name for name in self.free if name in used]
        shapes = [input_shape(name, self.model.inputs[name]) for name in names]
        for name in names:
            kind = self.model.input_types[name]
            if kind and kind not in FLOAT_TYPES | _INTEGER_TYPES:
                raise UnsupportedError(
                    f"graph: input {name!r} does not hold real numbers; export the model with floats"
                )
            if kind in _INTEGER_TYPES:
                self.whole.add(name)
        graph = Graph(sum(map(math.prod, shapes)), self.model.limit)
        self.values.update(zip(names, parts(graph, shapes), strict=True))
        return graph, names

    def logits(self, output: str) -> tuple[str, list[Node]]:
        """The tensor before probabilities at the end, and the nodes that are left out."""
        name, behind, found = output, list[Node](), (output, list[Node]())
        while (node := self.producers.get(name)) is not None and name in self.signals:
            varying = [source for source in node.inputs if source in self.signals]
            both = self._both_classes(node)
            if both is None and (len(varying) != 1 or not (is_readout(node.op_type) or keeps_order(node.op_type))):
                break
            behind.insert(0, node)
            name = both or varying[0]
            if is_readout(node.op_type):
                found = name, list(behind)
        return found

    def _both_classes(self, node: Node) -> str | None:
        """The probability p of which a node makes (1 - p, p), as scikit-learn's classifiers of two classes do."""
        if node.op_type != "Concat" or len(node.inputs) != 2:
            return None
        other = self.producers.get(node.inputs[0])
        one = other is not None and other.op_type == "Sub" and other.inputs[1:] == node.inputs[1:]
        if not one or other is None or other.inputs[0] in self.signals:
            return None
        made = self.producers.get(node.inputs[1])
        same = made is not None and made.op_type == "Sigmoid" and np.all(self.constants.value(other.inputs[0]) == 1)
        return node.inputs[1] if same else None

    def step(self, node: Node) -> None:
        """Compute the outputs of a node, or the shape that it asks for."""
        varying = [name for name in node.inputs if name in self.signals]
        if not varying:  # what it seemed to depend on has turned out constant, the type of a tensor for one
            self.signals.difference_update(node.outputs)
            return
        if node.op_type in ("Shape", "Size"):
            shape, bounds = self.value(varying[0]).shape, node.attributes
            part = math.prod(shape) if node.op_type == "Size" else shape[bounds.get("start") : bounds.get("end")]
            self.constants.set(node.outputs[0], np.array(part, np.int64))
            return
        kind = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        if kind not in HANDLERS:
            raise UnsupportedError(f"{node}: {self._what_to_do(node, varying[0])}")
        self._of_integers(node, varying)
        inputs = [self.value(name) if name else None for name in node.inputs]
        try:
            made = HANDLERS[kind](self.model, node, inputs)
        except (UnsupportedError, ReadError, BudgetError) as error:
            shown = str(error) if str(error).startswith("node ") else f"{node}: {error}"
            cut = self.cut(varying[0]) if isinstance(error, UnsupportedError) and "output=" not in shown else ""
            raise type(error)(f"{shown}{cut}") from error
        except Exception as error:  # onnx raises all kinds about nodes that it does not understand
            reason = str(error) if isinstance(error, InvalidInputError) else repr(error)
            raise ReadError(f"{node}: malformed ({reason}); the file is corrupt") from error
        for name, tensor in zip(node.outputs, made if isinstance(made, list) else [made], strict=False):
            if isinstance(tensor, Signal):
                self.values[name] = tensor
            elif name:
                self.signals.discard(name)
                self.constants.set(name, tensor)

    def _of_integers(self, node: Node, varying: list[str]) -> None:
        """Inputs of integers are real numbers once a Cast says so; what is computed before it is not."""
        if self.whole.isdisjoint(varying) or node.op_type == "Cast":
            return
        if node.op_type not in _REARRANGE:
            raise UnsupportedError(f"{node}: computes in integers; export the model with inputs of floats")
        self.whole.update(node.outputs)

    def _what_to_do(self, node: Node, before: str) -> str:
        """About a node that is not supported; ``before`` is the tensor that enters it."""
        kind = "" if node.domain else node.op_type
        return remedy(kind, "nodes of Abs, Add, Clip, Conv, Gemm, MatMul, MaxPool, Relu") + self.cut(before)


@reported
def read_onnx(
    path: str | os.PathLike[str],
    output: str | None = None,
    inputs: Mapping[str, npt.ArrayLike] | None = None,
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
) -> Network:
    """Read an ONNX file.

    Parameters
    ----------
    path : path-like
    output : str, optional
        The tensor at which the network ends: any one that depends on the input, such as the logits before a Softmax.
        By default the output of the graph; needed when there are several.
    inputs : mapping of names to arrays, optional
        Inputs of the graph that are fixed at these values, which become part of the network. Of those that are left the
        network takes all numbers together, in the order of the graph.
    max_bytes : int, optional
        Budget for the memory that reading takes, computed constants included. By default 256 MiB and 64 times the
        size of the file, or four fifths of what is available if that is less.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.

    Returns
    -------
    Network
        The real function of the stored weights: float32 weights are widened exactly, intermediate
        roundings to float32 are not imitated. BatchNormalization, Div and the factor of Gemm's bias are evaluated
        in float64, all other operations keep the numbers of the file.

    Raises
    ------
    ReadError
        The file is corrupt.
    UnsupportedError
        A node is not supported; the message names the node and what to do.
    BudgetError
        The file unfolds to more than ``max_bytes``.
    MissingDependencyError
        The package onnx is not installed.

    Warns
    -----
    UserWarning
        The network ends before a Softmax, LogSoftmax, Sigmoid or ArgMax, so that its outputs are logits: the largest is
        the same, and a sigmoid is 1/2 where its logit is 0. Or an activation before a max-pool was moved behind it,
        which leaves the function as it is, with fewer activation regions. Or the graph has several inputs that are not
        fixed.

    Notes
    -----
    Read are graphs of linear operations (Gemm, MatMul, Einsum, Conv, ConvTranspose, AveragePool, BatchNormalization,
    ReduceSum and ReduceMean, Add, Sub, Mul, Div with constants, sums of signals), of those that move data (Reshape,
    Transpose, Concat, Split, Slice, Gather, Pad, Expand, Resize, ...), of activations (Relu, LeakyRelu, PRelu, Clip,
    Abs, HardSigmoid, comparisons and Where if they are continuous) and maxima (Max, Min, MaxPool, ReduceMax). What
    common nodes compute from constants and from shapes is a constant; functions of the model are inlined.

    Examples
    --------
    >>> import specgeo as sg
    >>> sg.readers.read_onnx("examples/flower.onnx")  # doctest: +SKIP
    Network(2-48-48-1, relu)
    """
    file = as_path(path)
    try:
        if inputs is not None and not isinstance(inputs, Mapping):
            raise InvalidInputError(f"inputs: {type(inputs).__name__} given; pass a dict of names to arrays")
        graph = _Graph(load_model(file, max_bytes), inputs or {})
        net, notices = _follow(graph, _choose(graph, output), as_tell(progress, 0.2))
    except (UnsupportedError, ReadError, InvalidInputError, BudgetError) as error:
        message = f"{error}" if str(error).startswith("path: ") else f"{file.name}: {error}"
        message = f"max_bytes: {message}" if isinstance(error, BudgetError) else message
        raise type(error)(one_line(message)) from error
    for notice in notices:
        caution(f"{file.name}: {notice}")
    return net


def _fixed(model: Model, name: str, value: Any) -> Constant:
    """The value of an input that is given, of the shape that it has."""
    if name not in model.inputs:
        raise InvalidInputError(f"inputs: there is no {name!r:.80}; there are {list(model.inputs)}")
    found, sizes = as_floats(value, f"inputs: {name!r}"), model.inputs[name]
    fits = sizes is None or (
        found.ndim == len(sizes) and all(n <= 0 or n == m for n, m in zip(sizes, found.shape, strict=True))
    )
    if not fits:
        shape = input_shape(name, sizes)
        if found.size != math.prod(shape):
            wanted = tuple(n if n > 0 else None for n in sizes or ())
            raise InvalidInputError(f"inputs: {name!r} has shape {wanted}, {found.shape} given; pass one that fits")
        found = found.reshape(shape)
    kind = model.input_types[name]
    if kind in FLOAT_TYPES:
        return found
    whole = found.astype(bool if kind == BOOL else np.int64)
    if kind not in _INTEGER_TYPES or not np.array_equal(whole, found):
        raise InvalidInputError(f"inputs: {name!r} does not hold such numbers; pass whole ones")
    return whole


def _choose(graph: _Graph, output: str | None) -> str:
    names = graph.model.outputs
    if output is None and len(names) > 1:
        raise InvalidInputError(f"output: there are several; choose one of {names}")
    if output is not None and output not in names and output not in graph.signals:
        close = get_close_matches(output, graph.signals, 3)
        inner = f", or a tensor on the way, such as {', '.join(map(repr, close))}" if close else ""
        raise InvalidInputError(f"output: there is no {output!r}; choose one of {names}{inner}")
    return names[0] if output is None else output


def _follow(graph: _Graph, output: str, tell: Tell) -> tuple[Network, list[str]]:
    """The network between the input and an output, and notices."""
    if output not in graph.signals:
        made = graph.producers.get(output)
        name = f"{made}" if made else f"tensor {output!r}"
        raise UnsupportedError(f"{name}: 0 of its inputs depend on the network's input; choose an output that does")
    output, behind = graph.logits(output)
    nodes = graph.order(output)
    begin, names = graph.begin(nodes, output)
    for number, node in enumerate(nodes):
        tell(f"node {number + 1} of {len(nodes)}: {node.op_type}", number / len(nodes))
        graph.step(node)
    last = graph.value(output)
    if not isinstance(last, Signal):
        raise UnsupportedError(f"tensor {output!r}: does not depend on the network's input; choose another")
    try:
        value = last.value
    except UnsupportedError as error:
        raise UnsupportedError(f"{graph.producers[output]}: {error}") from error
    try:
        net = begin.network(value)
    except InvalidInputError as error:
        raise ReadError(f"{error}; the file is corrupt") from error
    notices = [ends_before([node.op_type for node in behind])] if behind else []
    if len(names) > 1:
        each = ", ".join(f"{name!r} ({graph.values[name].size})" for name in names)  # type: ignore[union-attr]
        notices.append(f"the network takes the entries of its inputs {each} together, in this order")
    return net, [*notices, SWAPPED] if begin.swapped else notices
