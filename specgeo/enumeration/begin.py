"""What comes before every enumeration: checks of network and thread, the layers as kernels want them, an empty run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from specgeo._budget import afford
from specgeo._cast import IntArray
from specgeo._tournament import Lowered, lowered
from specgeo.enumeration._domain import domain_state
from specgeo.enumeration._layers import Layers, flat_bytes, flatten
from specgeo.enumeration._memory import Loans, give_back
from specgeo.enumeration._merge import merge
from specgeo.enumeration._run import Run
from specgeo.enumeration._units import bits_of_layers
from specgeo.enumeration.division import blocks_of, divided
from specgeo.errors import UnsupportedError
from specgeo.layer_activations import MaxGroups
from specgeo.network import Network

_MAX_DIM = 12
_SPARE_CELLS = 1 << 14  # room to begin with, in the plane; faces per cell grow with the dimension


def begin(
    network: Network,
    domain: Any,
    exact: bool = True,
    max_cells: int | None = None,
    report: Callable[[int, float, IntArray], None] | None = None,
    max_bytes: int | None = None,
    divides: bool = False,
) -> Run:
    """A run on the whole domain, before its first layer; ``divides``: a wide first layer may come as several."""
    dim = network.input_dim
    check_dimension(dim)
    if max_bytes is not None:  # what was kept of larger runs would count for more than is used of it
        give_back(0)
    loans = Loans(kept=max_bytes is None)  # what grows is let go of where bytes are few
    state, extent = domain_state(domain, dim, exact, _SPARE_CELLS >> (2 * max(0, dim - 2)), max_bytes, loans)
    layers, _ = layers_of(divided(network) if divides else network, max_bytes)
    origins = None if len(layers.meta) == len(network.activations) else _origins(network)
    return Run(layers, state, extent, exact, max_cells, report, max_bytes, loans=loans, origins=origins)


def _origins(network: Network) -> list[int]:
    """Which hidden layer, from 1, each layer of a run is a part of: blocks of its neurons, or rounds of its maxima."""
    contests = sorted(lowered_of(network).contests, reverse=True)
    if not contests:
        return [layer for layer, n in enumerate(blocks_of(network), 1) for _ in range(n)]
    found: list[int] = []
    for layer, activation in enumerate(network.activations, 1):
        last = contests.pop() if isinstance(activation, MaxGroups) else len(found) + 1
        found += [layer] * (last - len(found))
    return found


def cut_by(run: Run, low: Lowered, layer: int) -> None:
    """Cut by a layer, and put together what the comparisons of maxima have cut for nothing."""
    run.layer(layer)
    if layer in low.contests:
        merge(run, layer, low.contests[layer])


def check_dimension(dim: int) -> None:
    """Raise unless there are few enough inputs."""
    if dim > _MAX_DIM:
        raise UnsupportedError(
            f"network: {dim} inputs, at most {_MAX_DIM} are supported; restrict it to a slice (Network.restrict)"
        )


_NUMBERS = 2.0**-1022, 5e-324, 0.5, 1.0, 2.0, 2.0**-54


def require_ieee_arithmetic() -> None:
    """Error bounds rest on rounding to nearest and on subnormal numbers; both are settings of the thread."""
    tiny, tiniest, half, one, two, half_ulp = _NUMBERS  # not written out here, or Python would compute at once
    subnormal = tiny * half > 0.0 and tiniest * two > 0.0
    nearest = one + half_ulp == one and -one - half_ulp == -one and one - half_ulp * half == one
    if not (subnormal and nearest):
        raise UnsupportedError(
            "exact: this thread flushes subnormal numbers to zero or does not round to nearest, so that no sign can be "
            "proved; a library built with -ffast-math may have set it so: load it after the enumeration, enumerate in "
            "another thread, or use exact=False"
        )


Labels = tuple[IntArray, IntArray, IntArray]
_flattened: WeakKeyDictionary[Network, tuple[Layers, Labels]] = WeakKeyDictionary()
_lowered: WeakKeyDictionary[Network, Lowered] = WeakKeyDictionary()


def lowered_of(network: Network) -> Lowered:
    """The network without layers of maxima, which the engine takes; this is done once."""
    found = _lowered.get(network)
    if found is None:
        found = _lowered[network] = lowered(network.layers)
    return found


def layers_of(network: Network, max_bytes: int | None = None) -> tuple[Layers, Labels]:
    """The hidden layers as the kernels want them, and layer, neuron and breakpoint of each unit of the network.

    A network does not change, so this is done once, if there are so many bytes for it.
    """
    found = _flattened.get(network)
    if found is None:
        plain = lowered_of(network)
        needed = flat_bytes(plain.weights[:-1], plain.activations)
        afford(needed, "max_bytes", "raise max_bytes, or take a smaller network", max_bytes)
        layers = flatten(plain.weights[:-1], plain.biases[:-1], plain.activations)
        bits_of_layers(layers)  # written down now: threads may share them
        units = [a.units(n) for n, a in zip(network.hidden_widths, network.activations, strict=True)]
        none = np.arange(0)
        labels = (
            np.repeat(np.arange(len(units)), [len(own.owners) for own in units]),
            np.concatenate([none, *(own.owners for own in units)]),
            np.concatenate([none, *(own.breakpoints for own in units)]),
        )
        found = _flattened[network] = layers, labels
    return found
