"""`SpectrumTracker`: exact spectra of a network while it learns."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, as_instance
from specgeo._files import as_path
from specgeo._npz import read_npz, write_npz
from specgeo._xarray import dataset
from specgeo.domain import Box
from specgeo.enumeration import enumerate_regions
from specgeo.errors import InvalidInputError, ReadError, UnsupportedError
from specgeo.fourier.series import as_modes
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.learning.modules import ModuleReader
from specgeo.learning.quantities import DEFAULT, ON_REQUEST, Extension, Snapshot
from specgeo.learning.targets import Sines
from specgeo.network import Network
from specgeo.theory.peaks import CircleVariation, largest_mode

SCHEMA = "specgeo spectrum tracker 1"


class SpectrumTracker:
    """Records exact Fourier coefficients, and what bounds them, step by step.

    Parameters
    ----------
    domain : Box
    modes : array_like of ints, shape (n, d), or (n,) on a line
        As in `fourier_coefficients`.
    extension : {"mirror", "periodic"}
    every : int
        Steps that are not multiples of it are passed over.
    output : int
        Output of the network.
    target : Sines, Network or PolyhedralComplex, optional
        What is learned: for the quantity "loss", and to normalise pictures.
    quantities : sequence of str
        Beside those recorded by default ("lipschitz", the largest gradient; "variation", J of the extension;
        "kink_mass", the sum of the jumps times the measures of their facets; "regions", activation regions;
        "seconds", what the record took):
        "spectral_norms" and the chain of bounds on the largest gradient, "norm_product" (of spectral norms),
        "frobenius_product" and "max_norm" (a singular value decomposition a layer each), "linear_regions" (affine
        pieces and a union of cells), "loss" (f^2 on the cells, and a transform a sine; for another network the
        enumeration of the difference), "seam" (on a line, f at the upper end less f at the lower one) and "memory"
        (peak resident bytes of the process so far), both free of charge.
    max_cells : int, optional
        Budget of each enumeration.

    Raises
    ------
    InvalidInputError
        ``modes`` are no integers, a quantity is unknown, or "loss" is asked for without a target.

    Notes
    -----
    On a line coefficients come from the values at the kinks, exact but for the rounding of a forward pass.

    Examples
    --------
    >>> import specgeo as sg
    >>> tracker = sg.SpectrumTracker(sg.Box([0], [1]), [0, 1, 3])
    >>> for step, weight in enumerate([1.0, 2.0]):
    ...     tracker.record(step, sg.Network([[[weight]], [[1.0]]], [[0.0], [0.0]]))
    True
    True
    >>> tracker.coefficients.round(3)
    array([[ 0.5  , -0.203, -0.023],
           [ 1.   , -0.405, -0.045]])
    >>> tracker.quantities["lipschitz"]
    array([1., 2.])
    """

    @checked
    def __init__(
        self,
        domain: Box,
        modes: npt.ArrayLike,
        extension: Extension = "mirror",
        every: int = 1,
        *,
        output: int = 0,
        target: Any = None,
        quantities: Sequence[str] = (),
        max_cells: int | None = None,
    ) -> None:
        self.domain = as_instance(domain, "domain", Box)
        given = np.asarray(modes)
        self.modes = as_modes(given[:, None] if given.ndim == 1 and domain.dim == 1 else given, domain.dim)
        if self.modes.ndim != 2 or len(self.modes) == 0:
            raise InvalidInputError(f"modes: shape {given.shape} given, (n, {domain.dim}) wanted with n >= 1")
        if every < 1 or output < 0:
            raise InvalidInputError(f"every, output: {every}, {output} given; pass a positive and a whole number >= 0")
        unknown = [name for name in quantities if name not in ON_REQUEST]
        if isinstance(quantities, str) or unknown:
            raise InvalidInputError(f"quantities: {quantities!r:.200} given; pass a list of {sorted(ON_REQUEST)}")
        if "loss" in quantities and target is None:
            raise InvalidInputError("quantities: 'loss' needs a target; pass target=")
        if "seam" in quantities and domain.dim > 1:
            raise InvalidInputError(f"quantities: 'seam' is for a line, and the domain has {domain.dim} dimensions")
        if target is not None and not isinstance(target, (Sines, Network, PolyhedralComplex)):
            raise InvalidInputError(f"target: a {type(target).__name__} given; pass Sines, a Network or a complex")
        self.extension: Extension = extension
        self.every, self.output, self.target, self._max_cells = every, output, target, max_cells
        self._wanted = DEFAULT | {name: ON_REQUEST[name] for name in quantities}
        self._read = ModuleReader()
        self._steps: list[int] = []
        self._rows: dict[str, list[Any]] = {"coefficients": [], **{name: [] for name in self._wanted}, "seconds": []}

    @checked
    def record(self, step: int, model: Any) -> bool:
        """Record a network at a step; whether it did (`every`).

        Parameters
        ----------
        step : int
            Larger than those recorded.
        model : Network, torch module, or fitted scikit-learn estimator
            The module and its mode are not changed.

        Raises
        ------
        InvalidInputError
            A step that is not larger, or a network of another dimension.
        UnsupportedError
            As the readers.
        """
        if step % self.every:
            return False
        if self._steps and step <= self._steps[-1]:
            raise InvalidInputError(f"step: {step} given after {self._steps[-1]}; steps must increase")
        start = time.perf_counter()
        net = self._read(model)
        if net.input_dim != self.domain.dim or self.output >= net.output_dim:
            raise InvalidInputError(
                f"model: {net.input_dim} inputs and {net.output_dim} outputs, but the domain has dimension "
                f"{self.domain.dim} and the output is number {self.output}"
            )
        cx = enumerate_regions(net, self.domain, max_cells=self._max_cells)
        snapshot = Snapshot(net, cx, self.modes, self.extension, self.output, self.target)
        row: dict[str, Any] = {"coefficients": snapshot.coefficients()}
        row |= {name: measure(snapshot) for name, measure in self._wanted.items()}
        row["seconds"] = time.perf_counter() - start
        self._steps.append(step)
        for name, value in row.items():
            self._rows[name].append(value)
        return True

    @property
    def steps(self) -> npt.NDArray[np.int64]:
        """The steps recorded, (s,)."""
        return np.array(self._steps, dtype=np.int64)

    @property
    def coefficients(self) -> npt.NDArray[np.float64 | np.complex128]:
        """Coefficients (s, n), float64 for "mirror", else complex128."""
        kind: Any = np.float64 if self.extension == "mirror" else np.complex128
        return np.array(self._rows["coefficients"], dtype=kind).reshape(len(self._steps), len(self.modes))

    @property
    def quantities(self) -> dict[str, FloatArray]:
        """The other quantities, each (s,) or (s, any)."""
        return {name: np.array(rows, dtype=float) for name, rows in self._rows.items() if name != "coefficients"}

    @checked
    def frontier(self, amplitude: float = 1.0) -> FloatArray:
        r"""The largest mode that can have amplitude A at each step, n_max(t) = sqrt(J(t) / (2 pi^2 A)): (s,).

        On a line. No mode beyond it has \|c_n\| = A / 2, for \|c_n\| <= J / (4 pi^2 n^2) where the extension is
        continuous: always for "mirror". For "periodic" a jump D at the seam adds D / (2 pi n), and it is the root of
        A n^2 / 2 = D n / (2 pi) + J / (4 pi^2) (`specgeo.theory.largest_mode`), with D from the quantity "seam".

        Parameters
        ----------
        amplitude : float
            A > 0: the mode is A cos(k.(x - a)) in f.

        Raises
        ------
        UnsupportedError
            Two dimensions or more, or the periodic extension without the quantity "seam".
        """
        if not self._has_frontier:
            raise UnsupportedError("frontier: for a line; the periodic extension needs quantities=['seam']")
        if amplitude <= 0.0:
            raise InvalidInputError(f"amplitude: {amplitude} given; pass a positive number")
        found = self.quantities
        jumps = np.abs(found["seam"]) if self.extension == "periodic" else np.zeros(len(self))
        reaches = map(CircleVariation, found["variation"], jumps)
        return np.array([largest_mode(reach, amplitude) for reach in reaches])

    @property
    def _has_frontier(self) -> bool:
        return self.domain.dim == 1 and (self.extension == "mirror" or "seam" in self._wanted)

    def to_xarray(self) -> Any:
        """An `xarray.Dataset`: ``coefficients`` over step and mode, the other quantities over step.

        Raises
        ------
        MissingDependencyError
            xarray is not installed.
        """
        data: dict[str, Any] = {"coefficients": (("step", "mode"), self.coefficients)}
        for name, values in self.quantities.items():
            data[name] = (("step", *(f"{name}_{axis}" for axis in range(1, values.ndim))), values)
        numbers = [tuple(row) if len(row) > 1 else row[0] for row in self.modes.tolist()]
        coordinates: dict[str, Any] = {"step": self.steps, "mode": np.arange(len(numbers))}
        coordinates |= {f"n_{axis}": ("mode", column) for axis, column in enumerate(self.modes.T)}
        if self.domain.dim == 1:
            coordinates["mode"] = np.array(numbers)
        return dataset(data, coordinates, extension=self.extension)

    @checked
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the record to one ``.npz`` file, whole or not at all; the target is not kept."""
        header = {"schema": SCHEMA, "extension": self.extension, "every": self.every, "output": self.output,
                  "on_request": [name for name in self._wanted if name in ON_REQUEST]}  # fmt: skip
        arrays: dict[str, Any] = {f"quantity_{name}": values for name, values in self.quantities.items()}
        arrays |= {"steps": self.steps, "modes": self.modes, "coefficients": self.coefficients}
        arrays |= {"lower": self.domain.lower, "upper": self.domain.upper}
        arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
        write_npz(as_path(path), arrays)

    @classmethod
    @checked
    def load(cls, path: str | os.PathLike[str], target: Any = None) -> SpectrumTracker:
        """A tracker from a file of `save`, which goes on recording where that stopped.

        Parameters
        ----------
        path : path-like
        target : optional
            As in the constructor: it is not kept in the file.

        Raises
        ------
        ReadError
            The file is missing, corrupt or of another kind.
        InvalidInputError
            It records the loss, and no target is given.
        """
        file = as_path(path)
        arrays = read_npz(file)
        try:
            header = json.loads(bytes(arrays["header"]).decode())
            if header["schema"] != SCHEMA:
                raise ReadError(f"{file}: written as {header['schema']!r}, this version reads {SCHEMA!r}")
            steps = arrays["steps"].tolist()
            names = [name for name in arrays if name.startswith("quantity_")]
            if any(len(arrays[name]) != len(steps) for name in (*names, "coefficients")):
                raise ReadError(f"{file}: its arrays differ in length; it may be truncated")
            domain = Box(arrays["lower"], arrays["upper"])
            options = {key: header[key] for key in ("extension", "every", "output")}
            found = cls(domain, arrays["modes"], **options, target=target, quantities=header["on_request"])
            found._steps = [int(step) for step in steps]
            found._rows = {"coefficients": list(arrays["coefficients"])}
            found._rows |= {name.removeprefix("quantity_"): list(arrays[name]) for name in names}
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            if isinstance(error, ReadError) or "target" in str(error):
                raise
            raise ReadError(f"{file}: not a record of a SpectrumTracker, or corrupt ({error})") from error
        return found

    def plot(self, ax: Any = None, *, amplitude: float | None = None) -> Any:
        r"""The heat map mode over step of \|c_n\|, relative to the target's where there is one; and the frontier.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            A new figure otherwise.
        amplitude : float, optional
            Draw the frontier for this amplitude; by default for the target's smallest, where the target is `Sines`.

        Returns
        -------
        matplotlib Axes
        """
        from specgeo.learning.pictures import heat_map

        return heat_map(self, ax, amplitude)

    @checked
    def animate(self, interval: int = 50) -> Any:
        """The spectrum step by step, as a matplotlib animation: ``.save("learning.gif")`` or ``.to_jshtml()``.

        Parameters
        ----------
        interval : int
            Milliseconds between two pictures.
        """
        from specgeo.learning.pictures import animation

        if interval < 1:
            raise InvalidInputError(f"interval: {interval} given; pass a positive number of milliseconds")

        return animation(self, interval)

    def __len__(self) -> int:
        """Number of records."""
        return len(self._steps)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"SpectrumTracker({len(self)} records of {len(self.modes)} modes, {self.extension})"
