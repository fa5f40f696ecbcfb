"""`WholeSpaceComplex`: the polyhedral complex of a network on all of R^d, unbounded faces included.

It is read off a complex of cones, see `specgeo.geometry.homogeneous`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NoReturn

import numpy as np
import numpy.typing as npt

from specgeo._budget import within_memory
from specgeo._cast import FloatArray, IntArray, as_points
from specgeo._codec import Layers, Names, labels_of, pack, unpack
from specgeo._display import as_html
from specgeo.domain import Box, WholeSpace
from specgeo.errors import DomainError, ReadError, one_line
from specgeo.geometry.arrays import Patterns, unpacked
from specgeo.geometry.cell import Cell
from specgeo.geometry.certificate import Certificate, Reproof
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.homogeneous import cone_box, homogenised, signs_of_cells
from specgeo.geometry.pieces import affine_pieces
from specgeo.geometry.point_signs import PointSigns
from specgeo.geometry.unbounded import UnboundedLattice

_NAMES = Names(*(f"space_{name}_" for name in Names._fields))
_ACTIVATIONS = "space_activations"


class _Unbounded(DomainError, AttributeError):
    """What a complex of the whole space does not have."""


@dataclass(frozen=True, eq=False, repr=False)
class WholeSpaceComplex(UnboundedLattice):
    """The polyhedral complex of a network on R^d: every region, unbounded ones with their directions at infinity.

    Made by ``specgeo.enumerate_regions(network, specgeo.WholeSpace(d))``. Treat it as immutable, its arrays too. Each
    face is the hull of its points (vertices) and of its rays, as `specgeo.geometry.UnboundedLattice` says.

    Parameters
    ----------
    cone : PolyhedralComplex
        The complex of the homogenised network on [0, 1] x [-1, 1]^d (`specgeo.geometry.homogeneous`).
    layers : Layers
        Those of the network itself.
    notes : dict
        Names and place of its slice.

    Raises
    ------
    DomainError
        When something is asked for that only bounded domains have (centroids, spectra, level sets, exports):
        ``cx.on(domain)`` has it. It is an AttributeError too.

    Examples
    --------
    Three lines in general position:

    >>> import specgeo as sg
    >>> net = sg.Network([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]], [[0, 0, -1], [0]])
    >>> cx = sg.enumerate_regions(net, sg.WholeSpace(2))
    >>> cx.f_vector, cx.bounded_f_vector
    ((3, 9, 7), (3, 3, 1))
    >>> cx.volumes[cx.is_bounded()], cx.volumes.max()
    (array([0.5]), np.float64(inf))
    >>> cell = cx.locate([100.0, 100.0])
    >>> cx.vertices[cx.vertices_of(2)[cell]], cx.rays[cx.rays_of(2)[cell]] + 0.0
    (array([[0., 1.],
           [1., 0.]]), array([[0., 1.],
           [1., 0.]]))
    """

    layers: Layers
    notes: dict[str, Any]

    instead: ClassVar[str] = "cx.on(domain) is its complex on a bounded domain"

    @property
    def domain(self) -> WholeSpace:
        """The space R^d."""
        return WholeSpace(self.dim)

    @property
    def certificate(self) -> Certificate:
        """How the signs were proved."""
        known: Certificate = self.cone.certificate
        return known

    # the function

    @cached_property
    @within_memory
    def signs(self) -> Patterns:
        """Signs of the units on the cells."""
        return signs_of_cells(self.cone, self.layers)

    @property
    @within_memory
    def patterns(self) -> npt.NDArray[np.bool_]:
        """True where a unit is positive, (n_cells, n_units), as `PolyhedralComplex.patterns`."""
        return unpacked(self.signs.positive, len(self.signs.layers))

    @property
    @within_memory
    def sign_vectors(self) -> npt.NDArray[np.int8]:
        """Signs -1, 0, 1 of the units on each cell, (n_cells, n_units); 0: the unit vanishes on the cell."""
        return self.signs.vectors()

    @property
    def known_signs(self) -> Patterns:
        """``signs``."""
        return self.signs

    @cached_property
    @within_memory
    def _affine(self) -> tuple[FloatArray, FloatArray]:
        return affine_pieces(self.layers, self.signs)

    @property
    def gradients(self) -> FloatArray:
        """Gradient of each output on each cell, shape (n_cells, m, d)."""
        return self._affine[0]

    @property
    def offsets(self) -> FloatArray:
        """Constant term of each output on each cell, shape (n_cells, m)."""
        return self._affine[1]

    @property
    def linear_regions(self) -> IntArray:
        """Label of the linear region of each cell, (n_cells,): cells that share a facet and have one affine map.

        Decided exactly, as `PolyhedralComplex.linear_regions`.
        """
        return self.cone.linear_regions  # two maps are equal where the homogeneous ones are

    @property
    def n_linear_regions(self) -> int:
        """Number of linear regions: maximal unions of cells, connected through facets, with one affine map."""
        return self.cone.n_linear_regions

    @within_memory
    def locate(self, x: npt.ArrayLike) -> IntArray:
        """Cell index of each point, (..., d) -> (...), decided exactly; on a common face the first of its cells."""
        points = as_points(x, "x", self.dim)
        flat = np.ascontiguousarray(points.reshape(-1, self.dim))
        # (1, x), divided by a power of two, is in the box of the cones: exactly, unless something underflows
        exponents = np.maximum(np.frexp(np.abs(flat).max(axis=1, initial=0.0))[1], 0)
        scaled = np.ldexp(np.column_stack((np.ones(len(flat)), flat)), -exponents[:, None])
        found = self.cone.locate(scaled)
        with np.errstate(over="ignore"):
            lost = np.flatnonzero(np.any(np.ldexp(scaled[:, 1:], exponents[:, None]) != flat, axis=1))
        if len(lost):
            signs = self.sign_vectors
            for i, own in zip(lost.tolist(), PointSigns(self.layers).exact(flat[lost]), strict=True):
                found[i] = int(np.argmax(~np.any(signs * own < 0, axis=1)))
        return np.asarray(found.reshape(points.shape[:-1]))

    @within_memory
    def __call__(self, x: npt.ArrayLike) -> FloatArray:
        """Values f(x) from the affine piece of the cell of each point, (..., d) -> (..., m)."""
        points = as_points(x, "x", self.dim)
        cells = self.locate(points)
        return np.asarray(np.einsum("...md,...d->...m", self.gradients[cells], points) + self.offsets[cells])

    # on to what needs a bounded domain, and to files

    def on(self, domain: Any, **options: Any) -> PolyhedralComplex:
        """The complex of the same network on a bounded domain, by `specgeo.enumerate_regions`."""
        from specgeo.enumeration import enumerate_regions
        from specgeo.network import Network

        cx: PolyhedralComplex = enumerate_regions(Network.of(self.layers, self.notes), domain, **options)
        return cx

    def plot(self, ax: Any = None, *, window: Any = None, **options: Any) -> Any:
        """Draw the complex on a window (a Box), with the options of `PolyhedralComplex.plot`.

        Without one, a plane is drawn whole, by `specgeo.plotting.disk_map`, and others on their `bounding_box`.
        """
        if window is None and self.dim == 2:
            from specgeo.plotting import disk_map

            return disk_map(self, ax=ax, **options)
        return self.on(self.bounding_box() if window is None else window).plot(ax, **options)

    @within_memory
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to one file (``.npz``, or HDF5 by its suffix): the complex of cones, the network beside.

        `specgeo.check` proves the former; `load` reads both.
        """
        names = [labels_of(activation) for activation in self.layers.activations]
        notes = self.notes | pack(self.layers, _NAMES) | {_ACTIVATIONS: names}
        replace(self.cone, pieces=(self.cone.gradients, self.cone.offsets), notes=notes).save(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], max_bytes: int | None = None) -> WholeSpaceComplex:
        """Read a complex written by `save`.

        Raises
        ------
        ReadError
            The file is missing, corrupt, or that of a complex on a bounded domain.
        """
        from specgeo.geometry.storage import read_complex

        cone = read_complex(path, max_bytes)
        notes = dict(cone.notes)
        if _ACTIVATIONS not in notes:
            raise ReadError(f"{path}: a complex on a bounded domain; read it with specgeo.load_complex")
        try:
            hidden = notes.pop(_ACTIVATIONS)  # JSON keeps every digit
            own = {name: notes.pop(name) for name in list(notes) if name.startswith(_NAMES)}
            made = cls(replace(cone, notes={}), unpack(own, _NAMES, hidden, cone.dim - 1), notes)
            failure = made._mismatch()
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            failure = f"not a complex saved by specgeo, or corrupt ({one_line(repr(error), 200)})"
        if failure:
            raise ReadError(f"{path}: {failure}")
        return made

    def _mismatch(self) -> str | None:
        """Why the cones are not those of the network, if they are not."""
        wanted, given, box = homogenised(self.layers), self.cone.layers, self.cone.domain
        dim = wanted.weights[0].shape[1] - 1
        if not isinstance(box, Box) or repr(box) != repr(cone_box(dim)):
            return "domain: not the box of cones over the whole space"
        if given is None or len(given.weights) != len(wanted.weights):
            return "network: not the homogenised one"
        arrays, others = pack(given, _NAMES), pack(wanted, _NAMES)
        same = arrays.keys() == others.keys() and all(np.array_equal(arrays[key], others[key]) for key in arrays)
        values = [[labels_of(activation)[0] for activation in each.activations] for each in (given, wanted)]
        return None if same and values[0] == values[1] else "network: not the homogenised one"

    def reprove(self) -> Reproof:
        """Prove the complex again, in integers: that of the cones (`PolyhedralComplex.reprove`), and whose they are."""
        proof, failure = self.cone.reprove(), self._mismatch()
        return proof if failure is None else replace(proof, proved=False, failure=failure)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_") or not hasattr(PolyhedralComplex, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise _Unbounded(f"{name}: needs a bounded domain; cx.on(cx.bounding_box()).{name}, or on a Box of your choice")

    def __len__(self) -> int:
        """Number of cells."""
        return self.n_cells

    def __getitem__(self, cell: int) -> Cell:
        """One cell by its number, as `locate` gives it."""
        return Cell.of(self, cell)

    def __iter__(self) -> Iterator[Cell]:
        return (self[cell] for cell in range(self.n_cells))

    def __bool__(self) -> bool:
        return True

    def _repr_html_(self) -> str:
        return as_html(self, draw=self.n_cells <= 20_000)
