"""Files of neural implicit surfaces (Sharp and Jacobson 2022): arrays NNNN.operation.name in order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from specgeo._cast import as_floats
from specgeo.activation import Activation
from specgeo.errors import ReadError, UnsupportedError
from specgeo.network import Network
from specgeo.readers._graph import Graph
from specgeo.readers._limit import Limit
from specgeo.readers._remedies import remedy_of_operation

_KEY = re.compile(r"(\d{4})\.(\w+)\.(\w+)")


def is_implicit(arrays: Mapping[str, Any]) -> bool:
    """Whether all names are of that form."""
    return bool(arrays) and all(_KEY.fullmatch(name) for name in arrays)


def read_implicit(arrays: Mapping[str, Any], limit: Limit) -> Network:
    """The network: dense layers x @ A + b and ReLUs; what else occurs in such files is refused by its name."""
    steps: dict[tuple[str, str], dict[str, Any]] = {}
    for name in sorted(arrays):
        number, kind, part = name.split(".")
        steps.setdefault((number, kind), {})[part] = arrays[name]
    graph, value = None, None
    for (number, kind), parts in steps.items():
        name = f"{number}.{kind}"
        if kind == "dense":
            if not {"A", "b"} <= parts.keys():
                raise ReadError(f"{name} has arrays {sorted(parts)}, not A and b; the file is corrupt")
            matrix = as_floats(parts["A"], f"{name}.A", (value.width if value else None, None)).T
            graph = graph or Graph(matrix.shape[1], limit)
            value = graph.affine(value or graph.input, matrix, as_floats(parts["b"], f"{name}.b", (len(matrix),)))
        elif kind == "relu" and graph is not None and value is not None:
            value = graph.activate(value, [Activation.relu()])
        elif kind != "squeeze_last":
            text = "comes before any dense layer" if kind == "relu" else remedy_of_operation(kind)
            raise UnsupportedError(f"{name} {text}")
    if graph is None or value is None:
        raise ReadError("holds no dense layer; the file is corrupt")
    return graph.network(value)
