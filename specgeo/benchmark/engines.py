"""Enumerators of regions behind one call: those of specgeo, those that pip installs, and one's own.

An engine counts the regions of a network on a box. What it needs is imported when it counts, in a process of its own:
rivals print, and may stop their process.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray
from specgeo.benchmark.machine import cores, installed
from specgeo.domain import Box
from specgeo.errors import InvalidInputError
from specgeo.layer_activations import LayerActivation, MaxGroups, NeuronActivations
from specgeo.network import Network

Flags = npt.NDArray[np.bool_]
Counts = int | Sequence[int]
"""Cells, or the numbers of faces of each dimension, vertices first."""


@dataclass(frozen=True)
class Engine:
    """An enumerator and what it takes; ``package`` is its distribution, None for what is part of specgeo or yours.

    ``cpu``: it runs in its process with one thread, so that processor time is what it takes, whatever else runs.
    """

    name: str
    count: Callable[[Network, Box], Counts]
    reads: str
    package: str | None = None
    licence: str = ""
    dims: tuple[int, ...] | None = None
    activations: tuple[str, ...] | None = None
    cpu: bool = True

    def refuses(self, network: Network) -> str | None:
        """Why this network is not for it, or None."""
        if self.package is not None and installed(self.package) is None:
            return f"not installed: pip install {self.package}"
        if self.dims is not None and network.input_dim not in self.dims:
            return f"reads {self.reads}"
        kinds = {kind_of(activation) for activation in network.activations} - {"identity"}
        if self.activations is not None and kinds - set(self.activations):
            return f"reads {self.reads}"
        return None


def kind_of(activation: LayerActivation) -> str:
    """What an activation is, whatever its name: "identity", "relu", "leaky_relu", "hard_tanh" or "other"; of layers
    whose neurons differ "skip", ReLU beside pass-through, and "max", one maximum over all."""
    if isinstance(activation, MaxGroups):
        return "max" if len(activation.groups) == 1 else "other"
    if isinstance(activation, NeuronActivations):
        return "skip" if {kind_of(kind) for kind in activation.kinds} == {"identity", "relu"} else "other"
    breaks, slopes = activation.breakpoints.tolist(), activation.slopes.tolist()
    if not breaks:
        return "identity" if slopes == [1.0] and activation.intercept == 0.0 else "other"
    if breaks == [0.0] and slopes[1] == 1.0 and activation.intercept == 0.0:
        return "relu" if slopes[0] == 0.0 else "leaky_relu"
    clips = breaks == [-1.0, 1.0] and slopes == [0.0, 1.0, 0.0] and activation.intercept == -1.0
    return "hard_tanh" if clips else "other"


def _specgeo(network: Network, box: Box) -> Counts:
    from specgeo.enumeration import enumerate_regions

    return enumerate_regions(network, box, executor=1).f_vector


def _float_only(network: Network, box: Box) -> Counts:
    from specgeo.enumeration import enumerate_regions

    return enumerate_regions(network, box, exact=False).f_vector


def _streamed(network: Network, box: Box, threads: int = 1) -> Counts:
    from specgeo.streaming import FVector, reduce_regions

    faces: tuple[int, ...] = reduce_regions(network, box, {"f": FVector()}, executor=threads)["f"]
    return faces


def _threads(network: Network, box: Box) -> Counts:
    return _streamed(network, box, cores())


def _regioncam(network: Network, box: Box) -> Counts:
    from regioncam import Regioncam, nn

    # its domain is the square [-r, r]^2 and its numbers are float32
    network, radius = _centred(network, box)
    regions = Regioncam(size=radius)
    layers = _hidden(network)
    halves = None  # of the values, which are those of a residual block: what is added is added there
    afters: list[FloatArray | None] = [*(weight for weight, _, _ in layers[1:]), None]
    for (weight, bias, activation), after in zip(layers, afters, strict=True):
        kind, weight = kind_of(activation), weight if halves is None else weight[:, halves]
        bent = _relus(activation, len(bias))
        halves = bent if kind == "skip" and _is_block(weight, bias, bent, after) else None
        if halves is not None:
            regions.add(nn.Residual(nn.Sequential(_linear(weight[bent], bias[bent]), nn.ReLU())))
            continue
        if isinstance(activation, MaxGroups):
            weight, bias = weight[activation.members], bias[activation.members]
        regions.add(_linear(weight, bias))
        if kind == "skip":  # z + relu(-z), where it bends
            rows = np.eye(len(bias))[bent]
            back = _linear(rows.T, np.zeros(len(bias)))
            regions.add(nn.Residual(nn.Sequential(_linear(-rows, np.zeros(len(rows))), nn.ReLU(), back)))
        elif kind == "leaky_relu":
            regions.leaky_relu(float(activation.slopes[0]))
        elif kind == "max":
            regions.max_pool()
        else:
            regions.relu()
    return regions.num_vertices, regions.num_edges, regions.num_faces


def _linear(weight: FloatArray, bias: FloatArray) -> Any:
    """A layer of regioncam, in float32."""
    from regioncam import nn

    return nn.Linear(np.ascontiguousarray(weight.T, dtype=np.float32), bias.astype(np.float32))


def _relus(activation: LayerActivation, n: int) -> Flags:
    """Which of n neurons have ReLU."""
    if isinstance(activation, MaxGroups):
        return np.zeros(n, np.bool_)
    return np.array([kind_of(one) == "relu" for one in activation.each(n)])


def _is_block(weight: FloatArray, bias: FloatArray, bent: Flags, after: FloatArray | None) -> bool:
    """Whether a layer is h -> h + relu(W h + b): what is passed through is h, and the next layer adds the two."""
    through = weight[~bent]
    if 2 * len(through) != len(bent) or not np.array_equal(through, np.eye(*through.shape)) or bias[~bent].any():
        return False
    return after is None or np.array_equal(after[:, bent], after[:, ~bent])


def _affinitree(network: Network, box: Box) -> Counts:
    from affinitree import AffFunc, AffTree, Architecture, Polytope, builder

    layers: Any = Architecture(network.input_dim)
    for weight, bias, activation in _hidden(network):
        layers.linear(AffFunc.from_mats(weight, bias))
        if kind_of(activation) == "leaky_relu":
            layers.leaky_relu(float(activation.slopes[0]))
        elif kind_of(activation) == "hard_tanh":
            layers.hard_tanh()
        elif kind_of(activation) == "skip":
            for neuron in np.flatnonzero(_relus(activation, len(bias))).tolist():
                layers.partial_relu(neuron)
        else:
            layers.relu()
    sides = list(zip(box.lower.tolist(), box.upper.tolist(), strict=True))
    inside = AffTree.from_poly(Polytope.hyperrectangle(box.dim, sides), AffFunc.identity(box.dim), None)
    tree: Any = builder.from_layers(layers, inside, None)
    return int(tree.num_terminals())


def _relucent(network: Network, box: Box) -> Counts:
    from relucent import Complex
    from relucent.model.convert_model import convert

    network, radius = _centred(network, box)
    hidden = [(weight, bias) for weight, bias, _ in _hidden(network)]
    found = Complex(convert([*hidden, (np.ones((1, len(hidden[-1][1]))), np.zeros(1))]))
    start = radius * 0.02 * np.sqrt(np.arange(2.0, 2.0 + box.dim))  # at the origin it fails where a zero set passes
    found.bfs(start=start, cube_radius=radius, cube_mode="clipped", nworkers=1, verbose=0)
    return len(found)


def _hidden(network: Network) -> list[tuple[FloatArray, FloatArray, LayerActivation]]:
    """Weights, biases and activations of the layers that cut; affine layers are folded into these, in floats."""
    found = []
    weight, bias = np.eye(network.input_dim), np.zeros(network.input_dim)
    for own, shift, activation in zip(network.weights, network.biases, network.activations, strict=False):
        weight, bias = own @ weight, own @ bias + shift
        if kind_of(activation) != "identity":
            found.append((weight, bias, activation))
            weight, bias = np.eye(len(bias)), np.zeros(len(bias))
    return found


def _centred(network: Network, box: Box) -> tuple[Network, float]:
    """The network as one on a cube [-r, r]^d, and r; unless the box is one, an affine map comes first."""
    half, middle = (box.upper - box.lower) / 2, (box.upper + box.lower) / 2
    if not middle.any() and np.all(half == half[0]):
        return network, float(half[0])
    return network.precompose(np.diag(half), middle), 1.0


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("specgeo", _specgeo, "any dimension, all piecewise-linear activations; a complex, proved"),
        Engine("float-only", _float_only, "as specgeo, signs of rounded values (exact=False)"),
        Engine("streamed", _streamed, "as specgeo, counts alone in flat memory (reduce_regions), one thread"),
        Engine("threads", _threads, "as streamed, a thread for each core", cpu=False),
        Engine(
            "regioncam", _regioncam, "the plane; ReLU, leaky ReLU, residual blocks, a maximum over all; float32",
            "regioncam", "MIT or Apache-2.0", dims=(2,), activations=("relu", "leaky_relu", "skip", "max"),
        ),
        Engine(
            "affinitree", _affinitree, "any dimension; ReLU, leaky ReLU, hard tanh, skips; a tree, by LP", "affinitree",
            "Apache-2.0", activations=("relu", "leaky_relu", "hard_tanh", "skip"),
        ),
        Engine(
            "relucent", _relucent, "any dimension; ReLU; by LP, within the size of Gurobi's free licence", "relucent",
            "AGPL-3.0, and Gurobi's", activations=("relu",),
        ),
    )
}  # fmt: skip
OURS = ("specgeo", "float-only", "streamed", "threads")
RIVALS = tuple(name for name in ENGINES if name not in OURS)
ELSEWHERE = {
    "splinecam": "is not on the package index, needs graph-tool and does not import on current torch",
    "syrenn": "is not on the package index and is built with Bazel",
    "edge_subdivision": "is not on the package index",
    "canonicalpoly": "is not on the package index and counts on the whole space",
    "parx": "counts on the whole space, not on a box",
}


def engine_named(name: str) -> Engine:
    """An engine by its name, or the function ``module:function`` of the caller.

    Raises
    ------
    InvalidInputError
        There is none.
    """
    if name in ENGINES:
        return ENGINES[name]
    if name.lower() in ELSEWHERE:
        raise InvalidInputError(
            f"against: {name} {ELSEWHERE[name.lower()]}; wrap your copy as my_module:count, a function from a Network"
            " and a Box to the number of cells or an f-vector"
        )
    module, colon, function = name.partition(":")
    if not colon:
        known = ", ".join(ENGINES)
        raise InvalidInputError(f"against: {name!r} given; engines are {known}, or my_module:count for your own")
    try:
        count = getattr(importlib.import_module(module), function)
    except Exception as error:  # whatever a module of the user's does
        raise InvalidInputError(f"against: {name} cannot be imported ({error}); check the name and the path") from error
    if not callable(count):
        raise InvalidInputError(f"against: {name} is no function; name one that counts")
    return Engine(name, count, "whatever it reads (yours)", cpu=False)
