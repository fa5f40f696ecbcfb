"""Domains cut where outputs of a network take given values.

The outputs become units of one more hidden layer. The enumerator cuts every cell by them as it does by those of any
layer, and proves their signs at every vertex of the complex: a face on which a unit vanishes is one at all vertices of
which it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from specgeo.activation import Activation
from specgeo.enumeration.enumerate import enumerate_with_signs
from specgeo.enumeration.reaching import Wanted
from specgeo.geometry.arrays import Flags, Signs, unpacked
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.structure import require_network
from specgeo.geometry.topology import within
from specgeo.network import Network


class Cut(NamedTuple):
    """A complex on whose cells some outputs are above or below their values, or equal to them.

    These comparisons are the last units of the complex.
    """

    complex: PolyhedralComplex
    signs: Signs  # (n_0, n_units) of the comparisons, at the vertices

    def on_cells(self) -> Signs:
        """Signs (n_cells, n_units) of the comparisons on the cells."""
        patterns, n = self.complex.known_signs, self.signs.shape[1]
        first = len(patterns.layers) - n
        above, below = (unpacked(words, first + n)[:, first:] for words in (patterns.positive, patterns.negative))
        return np.asarray(above.view(np.int8) - below.view(np.int8))

    def vanishing(self, unit: int) -> list[Flags]:
        """For each dimension 0..d the faces on which a comparison ends equal."""
        return within(self.complex, self.signs[:, unit] == 0)


def deepened(net: Network, activation: Activation) -> Network:
    """The network with its outputs as one more hidden layer; the new output is the sum of that layer."""
    weights, biases = [*net.weights, np.ones((1, net.output_dim))], [*net.biases, np.zeros(1)]
    return Network(weights, biases, [*net.activations, activation]).placed_like(net)


def cut(
    net: Network,
    activation: Activation,
    domain: Any,
    max_cells: int | None = None,
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | None = None,
    reaching: Wanted | None = None,
) -> Cut:
    """The domain cut where an output of the network is a breakpoint of the activation.

    ``reaching``: without cells that are proved to have no point, their boundary included, of what is wanted.
    """
    return Cut(*enumerate_with_signs(deepened(net, activation), domain, progress, max_cells, max_bytes, reaching))


def network_of(cx: PolyhedralComplex, what: str) -> Network:
    """The network that a complex was made from, or an error that says what needs it."""
    return Network.of(require_network(cx, what)[0], cx.notes)
