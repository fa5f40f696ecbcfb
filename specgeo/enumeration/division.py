"""A wide first layer as several of fewer neurons, with the same complex: then its cells come in groups too.

Block after block of the neurons is cut by, the others wait: coordinates are passed on by neurons with the identity as
activation, which cut nothing, as are the values of neurons that have had their turn. Weights of 1 and 0 round nothing,
and units keep their order.
"""

from __future__ import annotations

from math import comb
from weakref import WeakKeyDictionary

import numpy as np

from specgeo._cast import IntArray
from specgeo.activation import Activation
from specgeo.layer_activations import MaxGroups
from specgeo.network import Network

MANY = 1_000_000  # regions that a first layer may have, from which on it is divided
FIRST = 40_000  # that the first of its blocks may have
_GROWTH = 1.5  # from one block end to the next

_divided: WeakKeyDictionary[Network, Network | None] = WeakKeyDictionary()  # None: not divided


def divided(network: Network) -> Network:
    """The network, or one with the same complex whose first layer has few regions; outputs may differ.

    Where there are maxima, whose cells are put together after some of the layers, it is the network itself.
    """
    if network not in _divided:
        contests = any(isinstance(one, MaxGroups) for one in network.activations)
        few = not network.hidden_widths or _regions(network, network.hidden_widths[0]) < MANY
        _divided[network] = None if contests or few else _blockwise(network, _ends(network))
    return _divided[network] or network


def _regions(network: Network, neurons: int) -> int:
    """The most that the units of so many of the first neurons can have (Zaslavsky 1975)."""
    units = neurons * len(network.activations[0].units(network.hidden_widths[0]).owners) // network.hidden_widths[0]
    return sum(comb(units, i) for i in range(network.input_dim + 1))


def _ends(network: Network) -> IntArray:
    """After which neurons blocks end."""
    n = network.hidden_widths[0]
    end = next((m for m in range(1, n) if _regions(network, m) >= FIRST), n)
    ends = []
    while end < n:
        ends.append(end)
        end = int(np.ceil(_GROWTH * end))
    return np.array([*ends, n])


def _blockwise(network: Network, ends: IntArray) -> Network:
    dim, deep = network.input_dim, len(network.hidden_widths) > 1
    weight, bias, first = np.asarray(network.weights[0]), np.asarray(network.biases[0]), network.activations[0]
    assert not isinstance(first, MaxGroups)
    kinds, passes = [*first.each(len(weight))], [Activation.identity()]
    weights, biases, activations = [], [], []
    start, before = 0, 0  # neurons that have had their turn; values that come in front of the coordinates
    for end in ends.tolist():
        done, coordinates = start * deep, dim * (end < len(weight))  # passed on, where somebody asks for them
        block = np.zeros((done + end - start + coordinates, before + dim))
        block[:done, :done] = np.eye(done)
        block[done : done + end - start, before:] = weight[start:end]
        block[done + end - start :, before:] = np.eye(coordinates, dim)
        weights.append(block)
        biases.append(np.concatenate((np.zeros(done), bias[start:end], np.zeros(coordinates))))
        activations.append([*passes * done, *kinds[start:end], *passes * coordinates])
        start, before = end, done + end - start
    if not deep:
        return Network([*weights, np.zeros((1, len(weights[-1])))], [*biases, np.zeros(1)], activations)
    rest = [*network.weights[1:]], [*network.biases[1:]], [*network.activations[1:]]
    return Network([*weights, *rest[0]], [*biases, *rest[1]], [*activations, *rest[2]])
