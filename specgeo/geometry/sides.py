"""On which side of a facet its cells lie, by the signs of the network's units: vertices may be too close to tell."""

from __future__ import annotations

from fractions import Fraction
from math import hypot

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._codec import Layers
from specgeo._limits import check_time
from specgeo.geometry.arrays import Patterns
from specgeo.geometry.integer_network import IntegerNetwork


def network_sides(layers: Layers, signs: Patterns, cells: IntArray, normals: FloatArray) -> FloatArray:
    """Cosines of the angle between normals (n, d) and the way from the first to the second of two cells (n, 2).

    A unit whose sign differs between the cells vanishes between them; its gradient, exact on the first, is that way:
    of a group whose maximum is taken, that of the member that wins on the second.
    0 where nothing says which it is: no such unit.
    """
    cosines = np.zeros(len(cells))
    network = IntegerNetwork(layers)
    maxima = signs.of_maxima(layers.activations)
    for i, (pair, normal) in enumerate(zip(cells, normals.tolist(), strict=True)):
        check_time()
        first, second = signs.take(pair).vectors()
        opposite = np.flatnonzero((first * second < 0) & ~(maxima & (first > 0)))
        if len(opposite) == 0:
            continue
        unit = opposite[0]
        row = np.concatenate(network.unit_rows(first, int(signs.layers[unit]) + 1))[unit, :-1].tolist()
        largest = max(map(abs, row))
        way = [float(Fraction(x, largest)) for x in row]
        cosines[i] = int(second[unit]) * sum(a * b for a, b in zip(way, normal, strict=True)) / hypot(*way)
    return cosines
