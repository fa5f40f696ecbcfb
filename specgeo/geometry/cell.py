"""`Cell`: one cell of a complex, as ``cx[i]`` gives it."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo._display import as_html


@dataclass(frozen=True, eq=False, repr=False)
class Cell:
    """One cell of a complex: a view of its arrays.

    Attributes
    ----------
    complex : PolyhedralComplex
    number : int
        Its row in all arrays of the complex.

    Examples
    --------
    >>> import specgeo as sg
    >>> fold = sg.Network([[[1.0, 1.0]], [[3.0]]], [[0.0], [0.0]])
    >>> cx = sg.enumerate_regions(fold, sg.Box([-1, -1], [1, 1]))
    >>> cell = cx[cx.locate([0.5, 0.5])]
    >>> cell, cell.gradient, cell.neighbours
    (Cell(1 of 2: 3 vertices, volume 2), array([[3., 3.]]), array([0]))
    """

    complex: Any  # `PolyhedralComplex` stands above
    number: int

    @classmethod
    def of(cls, cx: Any, number: int) -> Cell:
        """The cell of a number, counted from the end where it is negative."""
        at, n = operator.index(number), cx.n_cells
        if not -n <= at < n:
            raise IndexError(f"cell {at} of {n}")
        return cls(cx, at % n)

    @property
    def vertices(self) -> FloatArray:
        """Coordinates of its vertices, (n, d)."""
        return np.asarray(self.complex.vertices[self.complex.vertices_of(self.complex.dim)[self.number]])

    @property
    def volume(self) -> float:
        """Its d-dimensional measure."""
        return float(self.complex.volumes[self.number])

    @property
    def centroid(self) -> FloatArray:
        """Its centre of mass, (d,)."""
        return np.asarray(self.complex.centroids[self.number])

    @property
    def gradient(self) -> FloatArray:
        """Gradient of each output, (m, d)."""
        return np.asarray(self.complex.gradients[self.number])

    @property
    def offset(self) -> FloatArray:
        """Constant term of each output, (m,)."""
        return np.asarray(self.complex.offsets[self.number])

    @property
    def signs(self) -> npt.NDArray[np.int8]:
        """Signs -1, 0, 1 of the units on it, (n_units,)."""
        return np.asarray(self.complex.known_signs.take(np.array([self.number])).vectors()[0])

    @property
    def facets(self) -> IntArray:
        """Numbers of its facets, rows of ``complex.facets``."""
        return np.asarray(self.complex.faces[-1][self.number], dtype=np.int64)

    @property
    def neighbours(self) -> IntArray:
        """Numbers of the cells beyond its facets, ascending."""
        sides = self.complex.facet_cells[self.facets]
        return np.asarray(np.setdiff1d(sides, [-1, self.number]))

    def _repr_html_(self) -> str:
        return as_html(self, draw=False)

    def __repr__(self) -> str:
        n, corners = self.complex.n_cells, len(self.vertices)
        return f"Cell({self.number} of {n:,}: {corners} vertices, volume {self.volume:.6g})"
