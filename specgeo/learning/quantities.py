"""What a tracker measures of a network: each quantity is a function of a `Snapshot`.

On a line all of it comes from the values at the kinks, which the enumeration leaves: no affine piece is multiplied
out, but over cells so short that a difference of values has too few digits for the slope.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo._double import UNIT_ROUNDOFF
from specgeo.domain import Box
from specgeo.fourier.line import line_coefficients
from specgeo.fourier.series import fourier_coefficients
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.pieces import backward
from specgeo.geometry.vertex_values import vertex_values
from specgeo.learning.targets import mean_squared_error
from specgeo.network import Network
from specgeo.theory.lipschitz import lipschitz_constant, norm_products, spectral_norms
from specgeo.theory.variation import total_variation

_DIGITS = (
    1e-10  # a slope over a short cell is multiplied out where differences would lose more, relative to the largest
)

Extension = Literal["mirror", "periodic"]
Quantity = Callable[["Snapshot"], float | FloatArray]


class Snapshot:
    """A network at one step, and what is derived from it once."""

    def __init__(
        self, net: Network, cx: PolyhedralComplex, modes: IntArray, extension: Extension, output: int, target: Any
    ) -> None:
        self.net, self.cx, self.modes = net, cx, modes
        self.extension: Extension = extension
        self.output, self.target = output, target

    @cached_property
    def line(self) -> tuple[FloatArray, FloatArray]:
        """On a line: vertices (n,) in order and values there (n,)."""
        order = np.argsort(self.cx.vertices[:, 0], kind="stable")
        return self.cx.vertices[order, 0], vertex_values(self.cx)[order, self.output]

    @cached_property
    def slopes(self) -> FloatArray:
        """On a line: slopes of the cells from left to right."""
        x, f = self.line
        gaps = np.diff(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = np.diff(f) / gaps
            noise = 16.0 * UNIT_ROUNDOFF * (np.abs(f[1:]) + np.abs(f[:-1])) / gaps
        largest = np.abs(slopes[noise < np.inf]).max(initial=0.0)
        short = np.flatnonzero(~(noise <= _DIGITS * largest))
        if len(short) and self.cx.layers is not None and self.cx.signs is not None:
            cells = np.argsort(self.cx.centroids[:, 0], kind="stable")[short]
            slopes[short] = backward(self.cx.layers, self.cx.signs.take(cells))[0][:, self.output, 0]
        return slopes

    def coefficients(self) -> npt.NDArray[np.float64 | np.complex128]:
        """Those of the modes, (n_modes,)."""
        if self.cx.dim > 1 or not isinstance(self.cx.domain, Box):
            return np.asarray(fourier_coefficients(self.cx, self.modes, self.extension))[:, self.output]
        x, f = self.line
        lower, upper = float(self.cx.domain.lower[0]), float(self.cx.domain.upper[0])
        return line_coefficients(x, f[:, None], lower, upper, self.modes[:, 0], self.extension)[:, 0]

    def lipschitz(self) -> float:
        """L_f: the largest gradient."""
        if self.cx.dim > 1:
            return lipschitz_constant(self.cx, self.output)
        return float(np.abs(self.slopes).max())

    def kink_mass(self) -> float:
        """Sum of |c_F| |F| over the facets inside."""
        if self.cx.dim > 1:
            return total_variation(self.cx, self.output)
        return float(np.abs(np.diff(self.slopes)).sum())

    def variation(self) -> float:
        """J: with it, |c_n| <= J / (4 pi^2 n^2) on a line where the extension is continuous; else that of one box."""
        if self.cx.dim > 1:
            return total_variation(self.cx, self.output, "mirror" if self.extension == "mirror" else "interior")
        (first, last), side = self.slopes[[0, -1]], float(np.ptp(self.cx.domain.vertices))
        if self.extension == "mirror":
            return 4.0 * side * float(self.kink_mass() + abs(first) + abs(last))
        return side * float(self.kink_mass() + abs(first - last))

    def seam(self) -> float:
        """On a line: f at the upper end less f at the lower one, the jump of the periodic extension."""
        f = self.line[1]
        return float(f[-1] - f[0])


DEFAULT: dict[str, Quantity] = {
    "lipschitz": Snapshot.lipschitz,
    "variation": Snapshot.variation,
    "kink_mass": Snapshot.kink_mass,
    "regions": lambda s: float(s.cx.n_cells),
}
ON_REQUEST: dict[str, Quantity] = {
    "norm_product": lambda s: norm_products(s.net)[0],
    "frobenius_product": lambda s: norm_products(s.net)[1],
    "max_norm": lambda s: norm_products(s.net)[2],
    "spectral_norms": lambda s: spectral_norms(s.net),
    "linear_regions": lambda s: float(s.cx.n_linear_regions),
    "seam": Snapshot.seam,
    "loss": lambda s: mean_squared_error(s.cx, s.target, s.output),
    "memory": lambda s: _peak_memory(),
}


def _peak_memory() -> float:
    """Largest resident size of the process so far, in bytes; NaN where the system does not say."""
    try:
        import resource
        import sys
    except ImportError:
        return float("nan")
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * (1.0 if sys.platform == "darwin" else 1024.0)
