"""Regions of a network in groups, as those see them who sum over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo.domain import Box, Polytope, WholeSpace
from specgeo.enumeration.finish import as_complex, certificate_of
from specgeo.enumeration.groups import Group, Head
from specgeo.errors import InvalidInputError
from specgeo.geometry.certificate import Certificate
from specgeo.geometry.complex import PolyhedralComplex

Flags = npt.NDArray[np.bool_]


class RegionGroup:
    """What a reducer sees: some cells of the complex of a network, with all their faces.

    It is good for the call that gets it: the next group takes its place in memory.

    Attributes
    ----------
    complex : PolyhedralComplex
        The cells of this group alone. What divides it from other groups are boundary facets of it, and it has no
        ``domain``: that is the whole's. On the whole space it is that of the cones over them, with x_0 as its first
        coordinate (`specgeo.geometry.homogeneous`).
    domain : Box, Polytope or WholeSpace
        Of the whole.
    gradients : ndarray, shape (n_d, m, d)
        Of the cells.
    facet_walls : ndarray of int, shape (n_{d-1},)
        For each facet the wall of the domain that it lies in, -1 for others; numbered as in `PolyhedralComplex`.
    number, n_groups : int
        Groups are numbered from 0, in the order in which results are merged; one that was too large comes in parts.
    owned : tuple of bool arrays, d + 1
        Faces of each dimension, vertices first, that are to be counted here: each face of the whole complex is owned in
        one group. Cells are in one group anyway.
    seam : ndarray of int, shape (n,)
        Facets between this group and another.
    seam_keys : ndarray of int, shape (n,)
        What these lie in: the n-th facet of a key here and the n-th of that key in the other group are the same, and
        no third group has it.
    certificate : Certificate
        How signs were decided in this group.
    """

    def __init__(self, run: Group, number: int) -> None:
        self.number, self.n_groups = number, len(run.head.groups)
        self.domain: Box | Polytope | WholeSpace = run.head.domain
        self._run: Group | None = run

    @property
    def _open(self) -> Group:
        if self._run is None:
            raise InvalidInputError("group: it is gone; take what you need of it within update(group)")
        return self._run

    @cached_property
    def complex(self) -> PolyhedralComplex:
        """The cells of this group alone."""
        return replace(self._whole, domain=None, facet_walls=None)

    @cached_property
    def _whole(self) -> PolyhedralComplex:
        head = self._open.head
        return as_complex(self._open, head.network, head.labels, head.domain)

    @property
    def gradients(self) -> FloatArray:
        """Of the cells."""
        return self.complex.gradients

    @cached_property
    def facet_walls(self) -> IntArray:
        walls = self._whole.facet_walls
        assert walls is not None
        return walls

    @cached_property
    def owned(self) -> tuple[Flags, ...]:
        run = self._open
        (faces, vertices), dims = run.carriers(), run.dimensions()
        owns = run.state.counts.view(np.bool_)  # by carrier
        mine = owns[faces]
        return (owns[vertices], *(mine[dims == k] for k in range(1, run.dim + 1)))

    @cached_property
    def seam(self) -> IntArray:
        return np.flatnonzero(self.complex.facets.is_boundary & (self.facet_walls < 0))

    @cached_property
    def seam_keys(self) -> IntArray:
        run = self._open
        faces, vertices = run.carriers()
        lie_in = -1 - vertices if run.dim == 1 else faces[run.dimensions() == run.dim - 1]
        keys: IntArray = lie_in[self.seam]
        return keys

    @cached_property
    def certificate(self) -> Certificate:
        return certificate_of(self._open)

    def close(self) -> None:
        """Its place in memory is another's from now on."""
        self._run = None


class Worker:
    """Takes groups through all layers, one after the other; each thread has its own."""

    def __init__(self, head: Head, kind: Callable[[Group, int], RegionGroup] = RegionGroup) -> None:
        self.head, self.run, self._kind = head, Group(head), kind

    def groups(self, number: int) -> Iterator[RegionGroup]:
        """The group, or its parts where it is too large to be held at once."""
        for _ in self.run.parts(number):
            group = self._kind(self.run, number)
            yield group
            group.close()
