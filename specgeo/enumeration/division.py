"""Wide layers behind few cells as several of fewer neurons, with the same complex: so that cells come in groups there.

Block after block of the neurons is cut by, the others wait: what the layer acts on is passed on by neurons with the
identity as activation, which cut nothing, as are the values of neurons that have had their turn. Weights of 1 and 0
round nothing, and units keep their order.

A first layer comes as two blocks from fewer regions on: its pieces, that all lie in one cell, are too many for the
cache, and those of the second block lie in small cells, one after the other. In the plane waiting costs more, and from
dimension 5 on groups do.

How many cells there are is judged as if all units so far were hyperplanes (Zaslavsky 1975). Behind many cells a wide
layer is left as it is: a group has few of them.
"""

from __future__ import annotations

from math import comb
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from specgeo._sparse import SparseMatrix, csr
from specgeo.activation import Activation
from specgeo.layer_activations import MaxGroups
from specgeo.network import Network

FEW = 10_000  # regions before a layer, up to which it may be divided
MANY = 1_000_000  # regions that there may be behind it, from which on it is divided
FIRST = 40_000  # that there may be behind the first of its blocks
MANY_FIRST, MANY_ALONE = 100_000, 40_000  # behind a first layer, or the only one, from which on it comes as two blocks
FIRST_OF_TWO = 15_000
LISTED = 1 << 20  # entries, zeros counted, from which on the matrix of a block is sparse
_GROWTH = 1.5  # from one block end to the next

_divided: WeakKeyDictionary[Network, Network | None] = WeakKeyDictionary()  # None: not divided


def divided(network: Network) -> Network:
    """The network, or one with the same complex in which few regions become many step by step; outputs may differ.

    Where there are maxima, whose cells are put together after some of the layers, it is the network itself.
    """
    if network not in _divided:
        contests = any(isinstance(one, MaxGroups) for one in network.activations)
        blocks = [] if contests else _blocks(network)
        _divided[network] = _blockwise(network, blocks) if any(len(ends) > 1 for ends in blocks) else None
    return _divided[network] or network


def blocks_of(network: Network) -> list[int]:
    """As how many layers each hidden layer comes."""
    return [len(ends) for ends in _blocks(network)]


def _blocks(network: Network) -> list[list[int]]:
    """For each hidden layer after which of its neurons blocks end."""
    found, before, rank = [], 0, network.input_dim
    many_first = MANY_ALONE if len(network.hidden_widths) == 1 else MANY_FIRST
    for width, activation in zip(network.hidden_widths, network.activations, strict=True):
        each = len(activation.units(width).owners) // width  # units of a neuron
        regions = _regions(before + each * width, rank)
        in_two = before == 0 and rank in (3, 4) and many_first <= regions < MANY
        ends = [width]
        if in_two or (_regions(before, rank) < FEW and regions >= MANY):
            end, first = 1, FIRST_OF_TWO if in_two else FIRST
            while end < width and _regions(before + each * end, rank) < first:
                end += 1
            while end < width:
                ends.insert(-1, end)
                end = width if in_two else int(np.ceil(_GROWTH * end))
        found.append(ends)
        before, rank = before + each * width, min(rank, width)
    return found


def _regions(units: int, rank: int) -> int:
    """The most that so many hyperplanes can have, of normals of this rank."""
    return sum(comb(units, i) for i in range(rank + 1))


def _blockwise(network: Network, blocks: list[list[int]]) -> Network:
    weights, biases, activations = [*network.weights], [*network.biases], [*network.activations]
    for layer in range(len(blocks) - 1, -1, -1):
        if len(blocks[layer]) > 1:
            made = _layers(network, layer, blocks[layer])
            weights[layer : layer + 1], biases[layer : layer + 1], activations[layer : layer + 1] = made
    if len(blocks[-1]) > 1:  # the last block alone is there
        weights[-1], biases[-1] = np.zeros((1, weights[-2].shape[0])), np.zeros(1)
    return Network(weights, biases, activations)


def _layers(network: Network, layer: int, ends: list[int]) -> tuple[list[Any], list[Any], list[Any]]:
    """Weights, biases and activations of the blocks of a layer."""
    weight, bias, own = network.weights[layer], network.biases[layer], network.activations[layer]
    assert not isinstance(own, MaxGroups)
    entries = SparseMatrix.from_dense(weight) if isinstance(weight, np.ndarray) else weight
    kinds, passes, n_in = [*own.each(len(weight))], [Activation.identity()], weight.shape[1]
    deep = layer < len(network.hidden_widths) - 1  # somebody asks for the values of the layer
    made: tuple[list[Any], list[Any], list[Any]] = [], [], []
    start, before = 0, 0  # neurons that have had their turn; their values come in front of what the layer acts on
    for end in ends:
        done, waiting = start * deep, n_in * (end < len(weight))  # passed on
        old, new, later = np.arange(done), entries.take(np.arange(start, end)), np.arange(waiting)
        rows = np.concatenate((old, done + new.rows, done + end - start + later))
        columns = np.concatenate((old, before + new.columns, before + later))
        values = np.concatenate((np.ones(done), new.values, np.ones(waiting)))
        shape = done + end - start + waiting, before + n_in
        block = csr(rows, columns, values, shape)
        made[0].append(block.toarray() if shape[0] * shape[1] < LISTED else block)
        made[1].append(np.concatenate((np.zeros(done), bias[start:end], np.zeros(waiting))))
        made[2].append([*passes * done, *kinds[start:end], *passes * waiting])
        start, before = end, done + end - start
    return made
