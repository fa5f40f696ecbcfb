"""Domains: `Box`, `Polytope`, and the affine slices and polylines a network is restricted to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, as_floats
from specgeo.errors import DomainError


class Box:
    """The box {x : lower <= x <= upper}.

    Parameters
    ----------
    lower, upper : array_like of floats, shape (d,)

    Raises
    ------
    DomainError
        Some side has no positive length.

    Examples
    --------
    >>> import specgeo as sg
    >>> sg.Box([-1, -1], [1, 1]).volume
    4.0
    """

    lower: FloatArray
    upper: FloatArray

    def __init__(self, lower: npt.ArrayLike, upper: npt.ArrayLike) -> None:
        self.lower = as_floats(lower, "lower", (None,)).copy()
        self.upper = as_floats(upper, "upper", (len(self.lower),)).copy()
        if len(self.lower) == 0:
            raise DomainError("lower: empty; give one bound for each dimension")
        if not np.all(self.lower < self.upper):
            raise DomainError("upper: must exceed lower in every coordinate; the box is empty or flat")
        self.lower.setflags(write=False)
        self.upper.setflags(write=False)

    @property
    def dim(self) -> int:
        """Dimension d."""
        return len(self.lower)

    @property
    def volume(self) -> float:
        """Product of the side lengths."""
        return float(np.prod(self.upper - self.lower))

    def __repr__(self) -> str:
        return f"Box({self.lower.tolist()}, {self.upper.tolist()})"
