"""Regions of the whole space as cones: the homogenised network, and the box on which its complex is enumerated.

`specgeo.geometry.homogeneous` has the argument, and reads the complex of R^d off the result.
"""

from __future__ import annotations

from specgeo.domain import Box, WholeSpace
from specgeo.errors import DomainError, UnsupportedError
from specgeo.geometry.homogeneous import cone_box, homogenised
from specgeo.network import Network

MAX_DIM = 11
"""Of the space: cones have one dimension more."""


def of_cones(network: Network, space: WholeSpace, exact: bool) -> tuple[Network, Box]:
    """Network and domain whose complex is that of the cones over the regions of a network in the whole space."""
    d = network.input_dim
    if space.dim != d:
        raise DomainError(f"domain: dimension {space.dim}, but the network has {d} inputs; make them equal")
    if d > MAX_DIM:
        raise UnsupportedError(
            f"network: {d} inputs, at most {MAX_DIM} are supported on the whole space; restrict it to a slice "
            "(Network.restrict)"
        )
    if not exact:
        raise UnsupportedError("exact: False on the whole space, where all neurons meet in one point; use exact=True")
    return Network(*homogenised(network.layers)), cone_box(d)
