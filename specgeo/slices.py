"""Where a network of many inputs is looked at: affine slices and polylines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, as_floats, as_indices, as_points
from specgeo.errors import DomainError, InvalidInputError


class AffineSlice:
    """The affine slice {origin + t @ basis : t in R^s}, to which a network can be restricted.

    Parameters
    ----------
    origin : array_like of floats, shape (d,)
    basis : array_like of floats, shape (s, d)
        One direction a row; linearly independent, not necessarily of unit length.

    Attributes
    ----------
    names : tuple of str, (s,)
        What pictures call the coordinates t: x_i on coordinate axes, else t_0, t_1, ...

    Raises
    ------
    InvalidInputError
        Shapes do not match, or the directions are linearly dependent.

    Examples
    --------
    >>> import specgeo as sg
    >>> plane = sg.AffineSlice([0, 0, 5], [[1, 0, 0], [0, 1, 0]])
    >>> plane([2.0, 3.0])
    array([2., 3., 5.])
    """

    origin: FloatArray
    basis: FloatArray
    names: tuple[str, ...]

    def __init__(self, origin: npt.ArrayLike, basis: npt.ArrayLike) -> None:
        self.origin = as_floats(origin, "origin", (None,)).copy()
        self.basis = as_floats(basis, "basis", (None, len(self.origin))).copy()
        if 0 in self.basis.shape:
            raise InvalidInputError(f"basis: shape {self.basis.shape} has an empty axis; give at least one direction")
        largest = np.abs(self.basis).max(axis=1, keepdims=True)
        if not np.all(largest) or np.linalg.matrix_rank(self.basis / largest) < len(self.basis):
            raise InvalidInputError("basis: the directions are linearly dependent; drop the dependent ones")
        self.names = tuple(f"t_{i}" for i in range(len(self.basis)))
        self.origin.setflags(write=False)
        self.basis.setflags(write=False)

    @classmethod
    def axes(cls, axes: Sequence[int], origin: npt.ArrayLike) -> AffineSlice:
        """The slice through ``origin`` along coordinate axes; the other coordinates stay fixed.

        The origin is used with zeros along the axes, so that t are the coordinates themselves; ``names`` says
        which: x_2 and x_0 here.

        Examples
        --------
        >>> import specgeo as sg
        >>> sg.AffineSlice.axes([2, 0], origin=[9.0, 7.0, 8.0])([1.0, 2.0])
        array([2., 7., 1.])
        """
        point = as_floats(origin, "origin", (None,)).copy()
        chosen = as_indices(axes, "axes", len(point))
        if len(np.unique(chosen)) != len(chosen):
            raise InvalidInputError(f"axes: {chosen.tolist()} given; give each axis once")
        point[chosen] = 0.0
        made = cls(point, np.eye(len(point))[chosen])
        made.names = tuple(f"x_{i}" for i in chosen)
        return made

    @classmethod
    def through(cls, points: npt.ArrayLike) -> AffineSlice:
        """The slice through two or more points: a line through two, a plane through three.

        Point 0 is the origin, t = 0, and point i is at the unit vector t = e_i.

        Parameters
        ----------
        points : array_like of floats, shape (s + 1, d)

        Returns
        -------
        AffineSlice
            Of dimension s, basis[i - 1] = points[i] - points[0], rounded once. It contains point 0 exactly, and point
            i within half an ulp of each coordinate of that difference: exactly where floats hold the difference, as
            they do for pixels k / 256 or coordinates within a factor of two of each other.

        Raises
        ------
        InvalidInputError
            Fewer than two points, or points that lie in a slice of lower dimension.

        Examples
        --------
        >>> import specgeo as sg
        >>> plane = sg.AffineSlice.through([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
        >>> plane([[0, 0], [1, 0], [0, 1], [1 / 3, 1 / 3]]).round(3)
        array([[1.   , 0.   , 0.   ],
               [0.   , 1.   , 0.   ],
               [0.   , 0.   , 1.   ],
               [0.333, 0.333, 0.333]])
        """
        array = as_floats(points, "points", (None, None))
        if len(array) < 2 or array.shape[1] == 0:
            raise InvalidInputError(f"points: shape {array.shape} given; give two points for a line, three for a plane")
        with np.errstate(over="ignore"):
            steps = array[1:] - array[0]
        if not np.all(np.isfinite(steps)):
            raise InvalidInputError("points: their differences are beyond the range of floats; scale them down")
        try:
            return cls(array[0], steps)
        except InvalidInputError as error:
            raise InvalidInputError(
                f"points: {len(array)} given that lie in a slice of dimension less than {len(steps)}; drop those that"
                " coincide or are on a line with others"
            ) from error

    @property
    def dim(self) -> int:
        """Dimension s of the slice."""
        return int(self.basis.shape[0])

    @property
    def ambient_dim(self) -> int:
        """Dimension d of the space it lies in."""
        return int(self.basis.shape[1])

    def __call__(self, t: npt.ArrayLike) -> FloatArray:
        """Points of the space: (..., s) -> (..., d)."""
        return np.asarray(as_points(t, "t", self.dim) @ self.basis + self.origin)

    def __repr__(self) -> str:
        return f"AffineSlice(dimension {self.dim} in {self.ambient_dim})"


class Polyline:
    """A chain of straight segments in R^d.

    Parameters
    ----------
    points : array_like of floats, shape (n, d), n >= 2
        Neighbours differ.

    Raises
    ------
    DomainError
        Fewer than two points, or two neighbours coincide.

    Examples
    --------
    >>> import specgeo as sg
    >>> path = sg.Polyline([[0, 0], [3, 4], [3, 5]])
    >>> path.lengths
    array([5., 1.])
    >>> path([2.5, 5.5])
    array([[1.5, 2. ],
           [3. , 4.5]])
    """

    points: FloatArray

    def __init__(self, points: npt.ArrayLike) -> None:
        self.points = as_floats(points, "points", (None, None)).copy()
        if len(self.points) < 2 or self.points.shape[1] == 0:
            raise DomainError(f"points: shape {self.points.shape} given; give at least two points")
        if np.any(np.all(np.diff(self.points, axis=0) == 0.0, axis=1)):
            raise DomainError("points: two neighbours coincide; drop one of them")
        self.points.setflags(write=False)

    @property
    def ambient_dim(self) -> int:
        """Dimension d of the space it lies in."""
        return int(self.points.shape[1])

    @property
    def lengths(self) -> FloatArray:
        """Length of each segment, shape (n - 1,)."""
        return np.asarray(np.linalg.norm(np.diff(self.points, axis=0), axis=1))

    @property
    def length(self) -> float:
        """Total length."""
        return float(self.lengths.sum())

    @property
    def segments(self) -> tuple[AffineSlice, ...]:
        """The segments p_i + t (p_{i+1} - p_i), t in [0, 1], as slices of dimension 1."""
        steps = np.diff(self.points, axis=0)
        return tuple(AffineSlice(p, step[None, :]) for p, step in zip(self.points[:-1], steps, strict=True))

    def __call__(self, s: npt.ArrayLike) -> FloatArray:
        """Points at arc length s, clamped to [0, length]: (...) -> (..., d)."""
        arc = as_floats(s, "s")
        knots = np.concatenate(([0.0], np.cumsum(self.lengths)))
        return np.stack([np.interp(arc, knots, column) for column in self.points.T], axis=-1)

    def __repr__(self) -> str:
        return f"Polyline({len(self.points)} points in dimension {self.ambient_dim})"


def notes_of(where: AffineSlice, names: Sequence[str], outer: Mapping[str, Any]) -> dict[str, Any]:
    """Names of the coordinates of a slice, and where it lies in words; of inputs with these names and notes."""
    axes = np.argmax(where.basis, axis=1)
    ones = where.basis[np.arange(where.dim), axes] == 1.0
    if np.all(ones) and np.count_nonzero(where.basis) == where.dim and not np.any(where.origin[axes]):  # t are inputs
        given, rest = [names[i] for i in axes], np.setdiff1d(np.arange(len(names)), axes)
        fixed = [f"{names[i]} = {where.origin[i]:g}" for i in rest]
        if len(rest) > 4 and np.ptp(where.origin[rest]) == 0:
            fixed = [f"the other {len(rest)} inputs {where.origin[rest[0]]:g}"]
        place = _first(fixed)
    else:
        given, place = list(where.names), f"through ({_first([f'{x:g}' for x in where.origin])})"
    return {"input_names": given, "slice": "; ".join(part for part in (place, outer.get("slice", "")) if part)}


def _first(words: list[str]) -> str:
    return ", ".join(words if len(words) <= 6 else [*words[:5], f"... ({len(words) - 5} more)"])
