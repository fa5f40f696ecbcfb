"""Domains: `Box`, `Polytope`, `WholeSpace`, and what can be turned into them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo import _halfspaces
from specgeo._cast import FloatArray, as_floats, as_whole
from specgeo._caution import caution
from specgeo._exact import orientations
from specgeo.errors import DomainError, InvalidInputError


class Box:
    """The box {x : lower <= x <= upper}.

    Parameters
    ----------
    lower, upper : array_like of floats, shape (d,)
        Or numbers, with ``dim``.
    dim : int, optional
        Dimension d of a box whose sides are alike.

    Raises
    ------
    DomainError
        Some side has no positive length.
    InvalidInputError
        Shapes do not fit; numbers without ``dim``.

    Examples
    --------
    >>> import specgeo as sg
    >>> sg.Box([-1, -1], [1, 1]).volume
    4.0
    >>> sg.Box(-1, 1, dim=2)
    Box([-1.0, -1.0], [1.0, 1.0])
    """

    lower: FloatArray
    upper: FloatArray

    def __init__(self, lower: npt.ArrayLike, upper: npt.ArrayLike, dim: int | None = None) -> None:
        if dim is not None:
            ends = as_floats(lower, "lower"), as_floats(upper, "upper")
            if any(end.shape not in ((), (as_whole(dim, "dim"),)) for end in ends):
                raise InvalidInputError(f"dim: {dim} given for bounds of shapes {ends[0].shape}, {ends[1].shape}")
            lower, upper = (np.broadcast_to(end, dim) for end in ends)
        elif np.ndim(lower) == 0 or np.ndim(upper) == 0:
            raise InvalidInputError("lower, upper: numbers given; pass lists, or dim too: Box(-1, 1, dim=2)")
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
        """Product of the side lengths; infinite beyond the largest float64, 0 below the smallest."""
        ends = np.stack([self.lower, self.upper])
        _, units = np.frexp(np.abs(ends).max(axis=0))
        mantissas, exponents = np.frexp(np.subtract(*np.ldexp(ends, -units)[::-1]))
        with np.errstate(over="ignore", under="ignore"):
            return float(np.ldexp(np.prod(mantissas), int((exponents + units).sum())))

    @property
    def vertices(self) -> FloatArray:
        """The 2^d corners in lexicographic order, shape (2^d, d)."""
        sides = np.meshgrid(*zip(self.lower, self.upper, strict=True), indexing="ij")
        return np.stack([side.ravel() for side in sides], axis=-1)

    def bounding_box(self) -> Box:
        """The box itself."""
        return self

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw it (`specgeo.plotting.shape_plot` has the options), in dimension 1 to 3; the matplotlib Axes."""
        from specgeo.plotting import shape_plot

        return shape_plot(self, ax=ax, **options)

    def _repr_html_(self) -> str:
        from specgeo._display import as_html

        return as_html(self)

    def __repr__(self) -> str:
        if self.dim > 4:
            alike = np.ptp(self.lower) == 0 and np.ptp(self.upper) == 0
            return f"Box({self.lower[0]}, {self.upper[0]}, dim={self.dim})" if alike else f"Box(dimension {self.dim})"
        return f"Box({self.lower.tolist()}, {self.upper.tolist()})"


class Polytope:
    """The bounded polytope {x : A x <= b}.

    The rows are kept bit for bit: they are what the engine cuts by. Vertices and volume are float64
    roundings.

    Parameters
    ----------
    A : array_like of floats, shape (n, d)
        Redundant and duplicate rows are harmless; a row 0 x <= b with b >= 0 is dropped.
    b : array_like of floats, shape (n,)

    Raises
    ------
    DomainError
        The polytope is unbounded, empty or flat.
    InvalidInputError
        Shapes do not match, or an entry is NaN or infinite.

    Notes
    -----
    Boundedness and the enclosing box are proved by weak duality, the interior point by rational
    arithmetic; a linear program (scipy, HiGHS) supplies the candidates.

    Examples
    --------
    >>> import specgeo as sg
    >>> triangle = sg.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    >>> round(triangle.volume, 12)
    0.5
    >>> triangle.vertices.round(12) + 0.0
    array([[0., 0.],
           [0., 1.],
           [1., 0.]])
    """

    A: FloatArray
    b: FloatArray

    def __init__(self, A: npt.ArrayLike, b: npt.ArrayLike) -> None:
        rows = as_floats(A, "A", (None, None))
        bounds = as_floats(b, "b", (len(rows),))
        if rows.shape[1] == 0:
            raise DomainError("A: has no columns; give one for each dimension")
        zero = ~np.any(rows, axis=1)
        if np.any(bounds[zero] < 0.0):
            raise DomainError("A, b: a row says 0 <= b with b < 0, so the polytope is empty; drop or correct it")
        if np.all(zero):
            raise DomainError("A, b: no row restricts anything, so the polytope is unbounded; add rows")
        self.A, self.b = rows[~zero].copy(), bounds[~zero].copy()
        self._center, lower, upper = _halfspaces.locate(self.A, self.b)
        self._enclosing = Box(lower, upper)
        self._vertices: FloatArray | None = None
        self._freeze()

    def _freeze(self) -> None:
        for array in (self.A, self.b, self._center):
            array.setflags(write=False)

    @classmethod
    def from_vertices(cls, points: npt.ArrayLike) -> Polytope:
        """Convex hull of points.

        Parameters
        ----------
        points : array_like of floats, shape (n, d)
            Points inside the hull are ignored.

        Returns
        -------
        Polytope
            Its rows are the exact facet planes when the coordinates are short numbers (small integers,
            multiples of 1/1024, ...), and their float64 roundings otherwise. Facets that coincide
            within 1e-9 of the size count as one.

        Warns
        -----
        UserWarning
            Rounded planes of more than d facets do not meet in one point: the polytope has more vertices than were
            given, within rounding of these.

        Raises
        ------
        DomainError
            The points do not span the space (decided exactly), or barely: then half-spaces in float64 do not hold
            the polytope. `specgeo.polytope_transform` takes such points as they are.

        Examples
        --------
        >>> import specgeo as sg
        >>> diamond = sg.Polytope.from_vertices([[1, 0], [-1, 0], [0, 1], [0, -1], [0, 0]])
        >>> len(diamond.A), round(diamond.volume, 12)
        (4, 2.0)
        """
        array = as_floats(points, "points", (None, None))
        if 0 in array.shape:
            raise DomainError(f"points: shape {array.shape} given; give at least d + 1 points of dimension d >= 1")
        a, b, corners = _halfspaces.facets_of(array)
        try:
            polytope = cls(a, b)
        except DomainError as error:
            raise DomainError(
                f"points: their hull is too thin for half-spaces in float64 ({error}); stretch it along its short side"
            ) from error
        split = _halfspaces.split_vertices(a, b, corners)
        if split > len(corners):
            caution(
                f"points: a hull of {len(corners)} vertices became a polytope of {split}: where more than {a.shape[1]}"
                " facets meet, their rows, rounded to float64, do not meet in one point; points of fewer bits have"
                " exact rows (np.round(2**14 * points) / 2**14 in 3-D)"
            )
        polytope._vertices = corners
        corners.setflags(write=False)
        return polytope

    @property
    def dim(self) -> int:
        """Dimension d."""
        return int(self.A.shape[1])

    @property
    def vertices(self) -> FloatArray:
        """Vertices, shape (n_v, d), merged within 1e-9 of the size along each axis."""
        if self._vertices is None:
            box = self._enclosing
            self._vertices = _halfspaces.vertices_of(self.A, self.b, self._center, (box.lower, box.upper))
            self._vertices.setflags(write=False)
        return self._vertices

    @property
    def center(self) -> FloatArray:
        """A point with A x < b, in general the centre of a largest inscribed ball, shape (d,)."""
        return self._center

    @property
    def volume(self) -> float:
        """Volume (length, area) of the hull of `vertices`; infinite beyond the largest float64."""
        return _halfspaces.volume_of(self.vertices)

    def bounding_box(self) -> Box:
        """A box with the polytope in its interior: the tightest one, widened to short binary numbers.

        It is larger by at least 1/32 and at most 1/4 of the width on each side, so that no wall of
        the box touches the polytope.
        """
        return self._enclosing

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw it (`specgeo.plotting.shape_plot` has the options), in dimension 1 to 3; the matplotlib Axes."""
        from specgeo.plotting import shape_plot

        return shape_plot(self, ax=ax, **options)

    def _repr_html_(self) -> str:
        from specgeo._display import as_html

        return as_html(self)

    def __repr__(self) -> str:
        return f"Polytope({len(self.A)} half-spaces in dimension {self.dim})"


class WholeSpace:
    """All of R^d, as a domain: `specgeo.enumerate_regions` then finds every region, unbounded ones included.

    Parameters
    ----------
    dim : int
        Dimension d, 1 or more.

    Raises
    ------
    DomainError
        ``dim`` is 0.
    InvalidInputError
        ``dim`` is no integer.

    Examples
    --------
    >>> import specgeo as sg
    >>> fold = sg.Network([[[1.0, 1.0]], [[3.0]]], [[0.0], [0.0]])
    >>> sg.enumerate_regions(fold, sg.WholeSpace(2))
    WholeSpaceComplex(dim=2, f_vector=(0, 1, 2), 0 bounded cells)
    """

    dim: int

    def __init__(self, dim: int) -> None:
        self.dim = as_whole(dim, "dim")
        if self.dim == 0:
            raise DomainError("dim: 0 given; a space has dimension 1 or more")

    @property
    def volume(self) -> float:
        """Infinite."""
        return float("inf")

    def __repr__(self) -> str:
        return f"WholeSpace({self.dim})"


def as_domain(value: Any) -> Box | Polytope:
    """A Box or Polytope as it is; a convex polygon of shapely or a ConvexHull of scipy as Polytope."""
    if isinstance(value, (Box, Polytope)):
        return value
    if isinstance(value, WholeSpace):
        raise DomainError(
            f"domain: {value} is unbounded, and this needs a bounded domain; pass a Box (all vertices are in the "
            "bounding_box() of what enumerate_regions finds in the whole space)"
        )
    if all(hasattr(value, name) for name in ("points", "vertices", "simplices", "equations")):
        return Polytope.from_vertices(value.points[value.vertices])
    kind = getattr(value, "geom_type", None)
    if kind is None:
        raise DomainError(
            f"domain: {type(value).__name__} given; pass a specgeo.Box or a specgeo.Polytope, a convex shapely Polygon"
            " or a scipy ConvexHull"
        )
    ring = np.empty((0, 2)) if kind != "Polygon" or value.has_z else np.array(value.exterior.coords)[:-1, :2]
    if len(ring) < 3 or not value.is_valid or len(value.interiors):
        raise DomainError(f"domain: a shapely {kind}; pass one valid convex Polygon without holes or z")
    turns = orientations(np.stack([np.roll(ring, 1, axis=0), ring, np.roll(ring, -1, axis=0)], axis=1))
    if turns.min() * turns.max() < 0:
        raise DomainError("domain: the shapely Polygon is not convex; cut it into convex ones or pass its convex_hull")
    return Polytope.from_vertices(ring)
