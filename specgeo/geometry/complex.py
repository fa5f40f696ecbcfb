"""`PolyhedralComplex`: the cells, faces and affine pieces of a piecewise-linear function.

Storage is struct of arrays. Faces of dimension k are numbered 0..n_k - 1; the boundary of each
is a ragged list of (k-1)-faces, so ``faces[k - 1]`` is the pair (offsets, indices) of k-faces in
terms of (k-1)-faces, k = 1..d. An edge lists its two vertices. Cells are the d-faces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray


class Ragged(NamedTuple):
    """Lists of varying length: list i is ``indices[offsets[i]:offsets[i + 1]]``."""

    offsets: IntArray
    indices: npt.NDArray[np.int32]


class Patterns(NamedTuple):
    """Signs of the units on each cell, packed: bit u of a row is unit u.

    A *unit* is a neuron together with one breakpoint t of its activation (ReLU: one unit a
    neuron); its sign is that of z - t. A cell on which it vanishes has neither bit.
    """

    positive: npt.NDArray[np.uint64]  # (n_cells, n_words)
    negative: npt.NDArray[np.uint64]  # (n_cells, n_words)
    layers: IntArray  # (n_units,) hidden layer of each unit, from 0
    neurons: IntArray  # (n_units,) neuron within the layer
    breakpoints: IntArray  # (n_units,) which breakpoint of the activation


@dataclass(frozen=True, eq=False)
class PolyhedralComplex:
    """A polyhedral complex with an affine function on each cell."""

    vertices: FloatArray  # (n_0, d)
    faces: tuple[Ragged, ...]  # faces[k - 1]: boundary of the k-faces, k = 1..d
    pieces: tuple[FloatArray, FloatArray] | Callable[[], tuple[FloatArray, FloatArray]]
    signs: Patterns | None = None
    domain: Any = None
    certificate: Any = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def dim(self) -> int:
        """Dimension d of the space and of the cells."""
        return int(self.vertices.shape[1])

    @property
    def f_vector(self) -> tuple[int, ...]:
        """Number of faces of each dimension (n_0, ..., n_d)."""
        return (len(self.vertices), *(len(faces.offsets) - 1 for faces in self.faces))

    @property
    def n_cells(self) -> int:
        """Number of activation regions."""
        return self.f_vector[-1]

    @cached_property
    def _affine(self) -> tuple[FloatArray, FloatArray]:
        return self.pieces() if callable(self.pieces) else self.pieces

    @property
    def gradients(self) -> FloatArray:
        """Gradient of each output on each cell, shape (n_cells, m, d)."""
        return self._affine[0]

    @property
    def offsets(self) -> FloatArray:
        """Constant term of each output on each cell, shape (n_cells, m)."""
        return self._affine[1]
