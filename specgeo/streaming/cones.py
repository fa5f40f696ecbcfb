"""Groups of regions of the whole space, as cones (`specgeo.geometry.homogeneous`).

A region of R^d is what a cone of the homogenised network has at x_0 = 1, and cones are enumerated on the box
[0, 1] x [-1, 1]^d. Faces of R^d are, each once, the faces there that lie in no wall of the box: those in x_0 = 0 are
directions at infinity, those in the others are where the box ends. A face lies in a wall where its carrier does, the
face of the head in whose relative interior it is; and the head, being the whole of an early complex, knows which of its
faces are in a wall: those of facets that are.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from specgeo._cast import FloatArray
from specgeo.domain import WholeSpace
from specgeo.enumeration.groups import Group
from specgeo.streaming.groups import Flags, RegionGroup


class ConeGroup(RegionGroup):
    """A group of regions of the whole space; its ``complex`` is that of the cones."""

    def __init__(self, beyond: Flags, run: Group, number: int) -> None:
        super().__init__(run, number)
        self.domain, self._beyond = WholeSpace(run.dim - 1), beyond

    @cached_property
    def owned(self) -> tuple[Flags, ...]:
        carriers, dims = self._open.carriers()[0], self._open.dimensions()
        return tuple(own & ~self._beyond[carriers[dims == k]] for k, own in enumerate(super().owned) if k > 0)

    @property
    def gradients(self) -> FloatArray:
        return np.asarray(self.complex.gradients[:, :, 1:])
