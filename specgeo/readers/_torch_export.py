"""Torch modules of any form: torch.export lists the operations of a call, each is done to signals in float64.

A call is made on a copy in evaluation mode; its graph has the parameters as inputs, and neither loops nor hidden
state. What does not depend on the input is computed by torch itself, in float64 from the stored numbers. At the end
the network is compared with calls of the copy.
"""

from __future__ import annotations

import io
import logging
import math
import operator
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import numpy as np

from specgeo._progress import Tell
from specgeo.errors import BudgetError, InvalidInputError, UnsupportedError, one_line
from specgeo.network import Network
from specgeo.readers import _signals as signals
from specgeo.readers._graph import Graph, Value
from specgeo.readers._remedies import SWAPPED, ends_before, is_readout, keeps_order, remedy_of_operation
from specgeo.readers._signals import Signal
from specgeo.readers._torch_check import Layer, call, named_call, own_copy, refuse_lazy, refuse_quantised, type_of
from specgeo.readers._torch_conditions import HANDLERS

_POINTS = 32
_AGREE = 1e-8  # of the largest value: what wrong reading exceeds, and rounding in float64 does not
_ROUNDED = 1e-3  # the same where the module itself computes in fewer digits


Shapes = tuple[tuple[int, ...], ...]


def read_exported(module: Any, shapes: Shapes, output: int | str | None, tell: Tell) -> tuple[Network, list[str]]:
    """The network of a module for inputs of these shapes without the axis of the batch, and notices."""
    import torch

    module = getattr(module, "_orig_mod", module)  # a compiled module holds the one that it was made of
    parts = [Layer(name or "module", part) for name, part in module.named_modules()]
    for part in parts:
        refuse_lazy(part.module, part.name)
        refuse_quantised(part.module, part.name)
    twin = own_copy(module, parts)
    zeros = [torch.zeros((1, *shape), dtype=type_of(twin)) for shape in shapes]
    made, program = _export(twin, zeros)
    number = _choose(made, output)
    graph = Graph(sum(map(math.prod, shapes)))
    reading = _Reading(program, number, signals.parts(graph, [(1, *shape) for shape in shapes]))
    for done, node in enumerate(reading.nodes):
        tell(f"operation {done + 1} of {len(reading.nodes)}", done / len(reading.nodes))
        reading.step(node)
    net = graph.network(reading.output())
    _check(net, reading, twin, shapes)
    notices = [SWAPPED] if graph.swapped else []
    if reading.behind:
        notices.insert(0, ends_before([_name(node) for node in reading.behind]))
    return net, notices


@contextmanager
def _silent() -> Iterator[None]:
    """Without what torch writes about what it cannot export."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def _export(twin: Any, inputs: list[Any]) -> Any:
    """What a call makes, and the program."""
    import torch

    with _silent():
        made = named_call(twin, *inputs)  # so that errors of the module itself are told first
        try:
            return made, torch.export.export(twin, tuple(inputs)).run_decompositions({})
        except Exception as error:  # torch raises all kinds
            reason = one_line(error, 160)
            if "data-dependent" in str(error) or "dynamic control flow" in str(error):
                raise UnsupportedError(
                    f"module: its forward decides by values of the input ({reason}); write it with torch.where, or"
                    " read its branches one by one"
                ) from error
            raise UnsupportedError(
                f"module: torch.export cannot list its operations ({reason}); simplify its forward"
            ) from error


def _tensors(made: Any) -> list[tuple[str, Any]]:
    """The tensors in what a module returns, with the keys or positions that lead to them."""
    from torch.utils import _pytree as trees

    found = [(path, leaf) for path, leaf in trees.tree_flatten_with_path(made)[0] if hasattr(leaf, "detach")]
    plain = [".".join(str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path)
             for path, _ in found]  # fmt: skip
    return list(zip(plain, (leaf for _, leaf in found), strict=True))


def _choose(made: Any, output: int | str | None) -> int:
    """Which of the tensors in what a module returns is meant."""
    found = _tensors(made)
    names = [name for name, _ in found]
    shown = ", ".join(f"{name!r} of shape {tuple(tensor.shape)[1:]}" for name, tensor in found)
    if output is None and len(found) != 1:
        choice = f"choose one by output={names[0]!r}" if found else "make it return one"
        raise UnsupportedError(f"module: it returns {len(found)} tensors ({shown}); {choice}")
    if output is None or str(output) in names:
        return 0 if output is None else names.index(str(output))
    if isinstance(output, int) and not isinstance(output, bool) and 0 <= output < len(found):
        return output
    raise InvalidInputError(f"output: {output!r:.80} given; the module returns {shown}")


def _name(node: Any) -> str:
    schema = getattr(node.target, "_schema", None)
    return schema.name.split("::")[-1] if schema is not None else getattr(node.target, "__name__", str(node.target))


class _Reading:
    """Values of the nodes of an exported program."""

    def __init__(self, program: Any, number: int, inputs: list[Signal]) -> None:
        signature = program.graph_signature
        if signature.buffers_to_mutate:
            changed = ", ".join(signature.buffers_to_mutate.values())
            raise UnsupportedError(f"module: a call changes {changed} in evaluation mode; pass one that does not")
        stored = {**program.constants, **program.state_dict}
        targets = {spec.arg.name: spec.target for spec in signature.input_specs if spec.target is not None}
        self.values: dict[Any, Any] = {}
        self.nodes: list[Any] = []
        self.behind: list[Any] = []  # what comes after the last node that is read
        self.number = number  # of the output among those that are tensors
        left = iter(inputs)
        for node in program.graph.nodes:
            if node.op == "placeholder":
                name = targets.get(node.name)
                self.values[node] = next(left) if name is None else _widened(stored[name])
            elif node.op == "output":
                self.last = [one for one in node.args[0] if hasattr(one, "meta")][number]
            elif node.op == "call_function":
                self.nodes.append(node)
            else:
                raise UnsupportedError(f"module: {node.op} {node.target} is not read; simplify its forward")
        self._strip()

    def _strip(self) -> None:
        """End before probabilities, and what follows them without a change of order."""
        node, behind = self.last, list[Any]()
        while node.op == "call_function" and (is_readout(_name(node)) or keeps_order(_name(node))):
            behind.insert(0, node)
            node = node.args[0]
            if is_readout(_name(behind[0])):
                self.last, self.behind = node, list(behind)
        needed, stack = set(), [self.last]
        while stack:
            node = stack.pop()
            if node not in needed:
                needed.add(node)
                stack += node.all_input_nodes
        self.nodes = [node for node in self.nodes if node in needed]

    def output(self) -> Value:
        """What the module returns."""
        made = self.values[self.last]
        if not isinstance(made, Signal):
            raise UnsupportedError("module: what it returns does not depend on its input; return a tensor that does")
        with _named(self.last):
            return made.value

    def step(self, node: Any) -> None:
        """Compute the value of a node."""
        with _named(node):
            self.values[node] = self._value(node)

    def _value(self, node: Any) -> Any:
        import torch

        args = torch.fx.node.map_arg(node.args, self._known)
        options = torch.fx.node.map_arg(node.kwargs, self._known)
        if node.target is operator.getitem:
            return args[0][args[1]]
        if not any(_varies(value) for value in (*args, *options.values())):
            return _widened(node.target(*args, **options))
        if not hasattr(node.target, "_schema"):
            raise UnsupportedError("is not an operation of torch; use those of torch")
        name = _name(node)
        if name not in HANDLERS:
            raise UnsupportedError(remedy_of_operation(name))
        schema = node.target._schema.arguments
        given = dict(zip((argument.name for argument in schema), args, strict=False)) | options

        def run(**replaced: Any) -> Any:
            return node.target(**_double(given | replaced))

        defaults = {a.name: a.default_value for a in schema if a.name not in given and a.has_default_value()}
        return HANDLERS[name](defaults | given | {"name": name}, run)

    def _known(self, node: Any) -> Any:
        value = self.values[node]
        if value is None:
            raise UnsupportedError("uses positions of largest entries, which is not continuous; use the entries")
        return value


@contextmanager
def _named(node: Any) -> Iterator[None]:
    """Errors name the node."""
    where = f"module: node {node.name!r} of type {_name(node)}{_place(node)}"
    try:
        yield
    except (UnsupportedError, InvalidInputError) as error:
        raise UnsupportedError(f"{where}: {error}") from error
    except BudgetError as error:
        raise BudgetError(f"{where}: {error}") from error
    except Exception as error:  # torch raises all kinds
        raise UnsupportedError(f"{where}: cannot be read ({one_line(error, 200)}); simplify it") from error


def _place(node: Any) -> str:
    """The layer that a node comes from."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    if not stack:
        return ""
    name, kind = stack[-1]
    kind = kind if isinstance(kind, str) else kind.__name__
    return f" in {name or 'module'} ({kind.rpartition('.')[2]})"


def _varies(value: Any) -> bool:
    return isinstance(value, Signal) or (isinstance(value, (list, tuple)) and any(map(_varies, value)))


def _widened(value: Any) -> Any:
    """Constants in float64, as a deep network of one number format."""
    if isinstance(value, (list, tuple)):
        return [_widened(one) for one in value]
    if not hasattr(value, "detach"):
        return value
    value = value.detach()
    return value.double() if value.is_floating_point() else value


def _double(given: dict[str, Any]) -> dict[str, Any]:
    """Arguments of an operation, of which none asks for less than float64."""
    import torch

    return {
        name: torch.float64 if isinstance(value, torch.dtype) and value.is_floating_point else value
        for name, value in given.items()
    }


def _check(net: Network, reading: _Reading, twin: Any, shapes: Shapes) -> None:
    """That calls of the module make what the network makes."""
    import torch

    rng = np.random.default_rng(0)
    points = np.concatenate([scale * rng.normal(size=(_POINTS // 4, net.input_dim)) for scale in (0.1, 1, 1, 10)])
    cuts = np.cumsum([math.prod(shape) for shape in shapes])[:-1]

    def made_by(module: Any, kind: Any) -> Any:
        each = []
        for x in points:
            parts = zip(np.split(x, cuts), shapes, strict=True)
            inputs = [torch.from_numpy(part).to(kind).reshape(1, *shape) for part, shape in parts]
            each.append(_tensors(call(module, *inputs))[reading.number][1].detach())
        return torch.stack(each).double()

    found = torch.from_numpy(net(points)).reshape(len(points), *reading.values[reading.last].shape)
    for node in reading.behind:
        found = torch.stack([node.target(one, *node.args[1:], **node.kwargs) for one in found])
    try:
        expected = made_by(twin.double(), torch.float64)
        allowed = _ROUNDED if any(_name(node) == "_to_copy" for node in reading.nodes) else _AGREE
    except InvalidInputError:  # a forward that insists on its own type
        expected, allowed = made_by(twin.float(), torch.float32), _ROUNDED
    size = float(expected.abs().max())
    if expected.shape != found.shape or not bool((expected - found.double()).abs().max() <= allowed * max(size, 1e-30)):
        raise InvalidInputError(
            "module: a call makes other values than the operations that torch.export lists; simplify its forward"
        )

