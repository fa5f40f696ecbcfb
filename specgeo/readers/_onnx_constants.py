"""Constants of an ONNX graph: what nodes make of initialisers and of shapes, computed within a budget.

The values come from the reference implementation that onnx ships. Before a node is evaluated its output's size is
computed from its inputs, since a few bytes can ask for any amount of memory; a node whose size is not known here
(a loop, a random number) is not evaluated.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from specgeo.errors import ReadError, SpecgeoError, UnsupportedError, one_line
from specgeo.readers._onnx_model import Constant, Model, Node

Inputs = list[Constant]


def _broadcast(node: Node, inputs: Inputs) -> int:
    return math.prod(np.broadcast_shapes(*(value.shape for value in inputs)))


def _together(node: Node, inputs: Inputs) -> int:
    return sum(value.size for value in inputs)


def _gather(node: Node, inputs: Inputs) -> int:
    data, indices = inputs
    return int(data.size // max(1, data.shape[int(node.attributes.get("axis", 0))]) * indices.size)


def _matrix_product(node: Node, inputs: Inputs) -> int:
    """The number of products, which bounds time and size."""
    a, b = inputs[:2]
    return a.size * b.size // max(1, min(a.shape[-1:] + b.shape[-1:], default=1)) + _together(node, inputs)


def _expand(node: Node, inputs: Inputs) -> int:
    return math.prod(np.broadcast_shapes(inputs[0].shape, _whole(inputs[1])))


def _tile(node: Node, inputs: Inputs) -> int:
    return inputs[0].size * math.prod(_whole(inputs[1]))


def _constant_of_shape(node: Node, inputs: Inputs) -> int:
    return math.prod(_whole(inputs[0]))


def _range(node: Node, inputs: Inputs) -> int:
    start, limit, delta = (float(value) for value in inputs)
    return max(0, math.ceil((limit - start) / delta))


def _pad(node: Node, inputs: Inputs) -> int:
    data = inputs[0]
    pads = _whole(inputs[1]) if len(inputs) > 1 else tuple(node.attributes["pads"])
    return math.prod(n + abs(before) + abs(after) for n, before, after in zip(
        data.shape, pads[: data.ndim], pads[data.ndim :], strict=False
    ))  # fmt: skip


def _whole(value: Constant) -> tuple[int, ...]:
    return tuple(int(n) for n in value.ravel())


_SIZES: dict[Callable[[Node, Inputs], int], str] = {
    _broadcast: "Add Sub Mul Div Mod Pow Min Max Sum Mean Where Equal Less LessOrEqual Greater GreaterOrEqual And Or "
    "Xor Not Neg Abs Sqrt Exp Log Reciprocal Floor Ceil Round Sign Relu LeakyRelu PRelu Clip Sigmoid Tanh Erf Sin Cos "
    "BitShift IsNaN IsInf",
    _together: "Identity Cast CastLike Reshape Transpose Squeeze Unsqueeze Flatten Slice Split Concat Shape Size "
    "ReduceSum ReduceProd ReduceMin ReduceMax ReduceMean ReduceL1 ReduceL2 ReduceSumSquare ArgMax ArgMin CumSum Trilu "
    "Compress Dropout BatchNormalization EyeLike DequantizeLinear GatherElements GatherND NonZero",
    _gather: "Gather",
    _matrix_product: "MatMul Gemm",
    _expand: "Expand",
    _tile: "Tile",
    _constant_of_shape: "ConstantOfShape",
    _range: "Range",
    _pad: "Pad",
}
_SIZE_OF = {kind: size for size, kinds in _SIZES.items() for kind in kinds.split()}
_ENTRY = 16  # bytes of the largest type


class Constants:
    """Values of the tensors that do not depend on the network's input, each computed once, when it is asked for."""

    def __init__(self, model: Model, producers: dict[str, Node]) -> None:
        self.model = model
        self._producers = producers
        self._values: dict[str, Constant] = {}

    def set(self, name: str, value: Constant) -> None:
        """Make a value known."""
        self._values[name] = value

    def value(self, name: str) -> Constant:
        """Value of a tensor."""
        begun: set[str] = set()
        stack = [name]
        while stack:
            current = stack[-1]
            if current in self._values or not current:
                stack.pop()
            elif current in self.model.initializers:
                self._values[current] = self.model.initializer(current)
            elif current in self.model.inputs:
                raise UnsupportedError(
                    f"graph: the value of {name!r} needs the shape of a tensor that is not on the way to it; "
                    "export the model with fixed shapes"
                )
            elif current not in self._producers:
                raise ReadError(f"graph: tensor {current!r} is made by no node; the file is corrupt")
            elif current not in begun:
                begun.add(current)
                stack.extend(source for source in self._producers[current].inputs if source not in self._values)
            else:
                node = self._producers[current]
                if any(source and source not in self._values for source in node.inputs):
                    raise ReadError(f"graph: tensor {current!r} is made of itself; the file is corrupt")
                self._evaluate(node)
        return self._values[name]

    def _evaluate(self, node: Node) -> None:
        try:
            if node.op_type == "Constant" and not node.domain and "value" in node.attributes:
                self._values[node.outputs[0]] = self.model.array(node.attributes["value"], str(node))
                return
            if node.op_type != "Constant":
                if node.domain or node.op_type not in _SIZE_OF:
                    raise UnsupportedError(
                        f"{node}: its constant value is not computed; fold constants with onnxsim or onnxruntime first"
                    )
                size = _SIZE_OF[node.op_type](node, [self._values[n] for n in node.inputs if n])
                self.model.limit.take(_ENTRY * (size + 8), f"{node}: its constant value")
            values = Operation(self.model, node)([self._values.get(n) for n in node.inputs])
        except SpecgeoError:
            raise
        except Exception as error:  # the reference implementation is for valid models
            raise UnsupportedError(
                f"{node}: its constant value cannot be computed ({one_line(error, 200)}); check the model"
            ) from error
        for name, value in zip([n for n in node.outputs if n], values, strict=True):
            self._values[name] = np.asarray(value)


class Operation:
    """A node alone, evaluated by the reference implementation of onnx."""

    def __init__(self, model: Model, node: Node) -> None:
        from onnx import helper
        from onnx.reference import ReferenceEvaluator

        self._node, self._limit = node, model.limit
        given = [helper.make_empty_tensor_value_info(n) for n in dict.fromkeys(node.inputs) if n]
        made = [helper.make_empty_tensor_value_info(n) for n in node.outputs if n]
        graph = helper.make_graph([node.proto], "alone", given, made)
        opsets = model.opset_imports
        if node.op_type == "DequantizeLinear" and not node.domain:  # the same at each, and not there before
            opsets = [helper.make_opsetid("", max(19, model.opset))]
        self._evaluator = ReferenceEvaluator(helper.make_model(graph, opset_imports=opsets))

    def __call__(self, inputs: list[Any]) -> list[Any]:
        """Outputs for inputs by slot; a node whose output may be large needs a budget."""
        values = {name: value for name, value in zip(self._node.inputs, inputs, strict=False) if name}
        if self._node.op_type in ("Expand", "Tile", "Gather"):
            size = _SIZE_OF[self._node.op_type](self._node, [np.asarray(v) for v in inputs if v is not None])
            self._limit.take(_ENTRY * size, f"{self._node}: its value")
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found: list[Any] = self._evaluator.run(None, values)
        return found
