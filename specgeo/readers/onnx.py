"""Reader of ONNX files: the path from the graph's input to its output must be a chain.

Each tensor is either a constant (initialiser, Constant node, or computed from constants) or the
*signal*, which depends on the input. From the output the reader walks back along the signal; every node on
that way must have exactly one signal input. Then it walks forward and collects affine maps and
activations; the shape of the signal is a constant. Sorting of the nodes, branches that lead elsewhere, and
initialisers that are also listed as inputs do not matter. Every step is linear in the size of the graph.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from difflib import get_close_matches

import numpy as np

from specgeo._files import as_path
from specgeo._progress import Tell, as_tell, reported
from specgeo.errors import BudgetError, InvalidInputError, ReadError, UnsupportedError, one_line
from specgeo.network import Network
from specgeo.readers._onnx_constants import Constants
from specgeo.readers._onnx_model import Model, Node, input_shape, load_model
from specgeo.readers._onnx_ops import HANDLERS, Signal, refuse_integers
from specgeo.readers._remedies import ends_at_probabilities, remedy


class _Graph:
    """The nodes of an ONNX graph by the tensors they make and use."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.producers = {name: node for node in model.nodes for name in node.outputs if name}
        self.constants = Constants(model, self.producers)
        self.users: dict[str, list[Node]] = defaultdict(list)
        for node in model.nodes:
            for name in set(node.inputs):
                self.users[name].append(node)
        self.signals = self._signals()

    def _signals(self) -> set[str]:
        """The tensors that depend on the network's input; shapes are constants."""
        found = set(self.model.inputs)
        stack = list(found)
        while stack:
            for node in self.users.get(stack.pop(), ()):
                if node.op_type != "Shape":
                    new = [name for name in node.outputs if name and name not in found]
                    found.update(new)
                    stack.extend(new)
        return found

    def node_path(self, output: str) -> tuple[str, list[tuple[Node, int]]]:
        """The input that the output depends on, and the nodes from it to the output, each with its signal slot."""
        path: list[tuple[Node, int]] = []
        name = output
        while name not in self.model.inputs:
            node = self.producers.get(name)
            if node is None:
                raise ReadError(f"graph: tensor {name!r} is made by no node; the file is corrupt")
            slots = [i for i, source in enumerate(node.inputs) if source in self.signals]
            if len(slots) != 1:
                advice = "choose an output that does"
                if slots:
                    advice = "only chains of layers are read: carry what skips layers along in them as"
                    advice += f" relu(x) - relu(-x){self.cut(node.inputs[slots[0]])}"
                raise UnsupportedError(f"{node}: {len(slots)} of its inputs depend on the network's input; {advice}")
            if name != node.outputs[0]:
                raise UnsupportedError(
                    f"{node}: only its first output is supported, not {name!r}; choose output={node.outputs[0]!r}"
                )
            path.append((node, slots[0]))
            name = node.inputs[slots[0]]
            if len(path) > len(self.model.nodes):
                raise ReadError("graph: has a cycle; the file is corrupt")
        return name, path[::-1]

    def cut(self, tensor: str) -> str:
        """The advice to end before a node that ``tensor`` enters, if something comes before it."""
        return "" if tensor in self.model.inputs else f"; or end before it with output={tensor!r}"

    def set_shape(self, name: str, shape: tuple[int, ...]) -> None:
        """Shape of a tensor on the way: the constant that Shape nodes make of it."""
        for node in self.users.get(name, ()):
            if node.op_type == "Shape" and node.inputs == (name,):
                bounds = node.attributes
                part = shape[bounds.get("start") : bounds.get("end")]
                self.constants.set(node.outputs[0], np.array(part, np.int64))


@reported
def read_onnx(
    path: str | os.PathLike[str],
    output: str | None = None,
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
) -> Network:
    """Read an ONNX file.

    Parameters
    ----------
    path : path-like
    output : str, optional
        The tensor at which the network ends: any one on the way from the input, such as the logits before a Softmax.
        By default the output of the graph; needed when there are several.
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
        A node is not supported, or the graph is not a chain; the message names the node and what to do, for a Softmax
        or Sigmoid at the end the ``output`` that are the logits.
    BudgetError
        The file unfolds to more than ``max_bytes``.
    MissingDependencyError
        The package onnx is not installed.

    Notes
    -----
    Supported: Gemm, MatMul with the weight on either side, Add, Sub, Mul, Div, Neg with constants, Relu, LeakyRelu,
    PRelu with one slope, Clip, Abs, BatchNormalization, Flatten, Reshape, Squeeze, Unsqueeze, Transpose, Identity,
    Cast between float types, Dropout, Constant and what common nodes compute from constants and from shapes of the
    signal.

    Examples
    --------
    >>> import specgeo as sg
    >>> sg.readers.read_onnx("examples/flower.onnx")  # doctest: +SKIP
    Network(2-48-48-1, relu)
    """
    file = as_path(path)
    try:
        graph = _Graph(load_model(file, max_bytes))
        return _follow(graph, _choose(graph, output), as_tell(progress, 0.2))
    except (UnsupportedError, ReadError, InvalidInputError, BudgetError) as error:
        message = f"{error}" if str(error).startswith("path: ") else f"{file.name}: {error}"
        message = f"max_bytes: {message}" if isinstance(error, BudgetError) else message
        raise type(error)(one_line(message)) from error


def _choose(graph: _Graph, output: str | None) -> str:
    names = graph.model.outputs
    if output is None and len(names) > 1:
        raise InvalidInputError(f"output: there are several; choose one of {names}")
    if output is not None and output not in names and output not in graph.signals:
        close = get_close_matches(output, graph.signals, 3)
        inner = f", or a tensor on the way, such as {', '.join(map(repr, close))}" if close else ""
        raise InvalidInputError(f"output: there is no {output!r}; choose one of {names}{inner}")
    return names[0] if output is None else output


def _what_to_do(graph: _Graph, node: Node, before: str, last: bool) -> str:
    """About a node that is not supported; ``before`` is the tensor that enters it."""
    if last and not node.domain and ends_at_probabilities(node.op_type):
        return f"turns logits into probabilities, which is not piecewise linear; read the logits: output={before!r}"
    known = remedy("" if node.domain else node.op_type, f"nodes of {', '.join(sorted(HANDLERS))}")
    return known + graph.cut(before)


def _follow(graph: _Graph, output: str, tell: Tell) -> Network:
    """The network between the input and an output."""
    source, path = graph.node_path(output)
    refuse_integers(graph.model.input_types[source], source, [node for node, _ in path])
    signal = Signal(input_shape(source, graph.model.inputs[source]), graph.model.opset, graph.model.limit)
    for number, (node, slot) in enumerate(path):
        tell(f"node {number + 1} of {len(path)}: {node.op_type}", number / len(path))
        graph.set_shape(node.inputs[slot], signal.shape)
        if node.domain or node.op_type not in HANDLERS:
            raise UnsupportedError(f"{node}: {_what_to_do(graph, node, node.inputs[slot], node is path[-1][0])}")
        others = {i: graph.constants.value(name) for i, name in enumerate(node.inputs) if i != slot and name}
        try:
            HANDLERS[node.op_type](signal, node, slot, others)
        except (UnsupportedError, ReadError, BudgetError):
            raise
        except (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError) as error:
            reason = str(error) if isinstance(error, InvalidInputError) else repr(error)
            raise ReadError(f"{node}: malformed ({reason}); the file is corrupt") from error
    try:
        return signal.chain.network()
    except InvalidInputError as error:
        raise ReadError(f"{error}; the file is corrupt") from error
