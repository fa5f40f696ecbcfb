"""`Sines`: sums of sines, the targets of the paper's experiments, with their transforms over a box."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import ComplexArray, FloatArray, as_floats, as_points
from specgeo._display import counted
from specgeo._double import UNIT_ROUNDOFF
from specgeo.domain import Box
from specgeo.errors import InvalidInputError


class Sines:
    r"""A sum of sines, sum_i A_i sin(k_i.x + phi_i): the target of the paper's experiments.

    Parameters
    ----------
    wavevectors : array_like of floats, shape (q, d) or (q,) for d = 1
        In angular units: 2 pi n for n oscillations over a unit interval.
    amplitudes : array_like of floats, shape (q,) or ()
    phases : array_like of floats, shape (q,) or ()

    Raises
    ------
    InvalidInputError
        Shapes do not fit.

    Examples
    --------
    >>> import numpy as np, specgeo as sg
    >>> target = sg.learning.Sines([2 * np.pi], 3.0)
    >>> target([[0.25], [0.5]]).round(12)
    array([3., 0.])
    """

    @checked
    def __init__(
        self, wavevectors: npt.ArrayLike, amplitudes: npt.ArrayLike = 1.0, phases: npt.ArrayLike = 0.0
    ) -> None:
        k = as_floats(wavevectors, "wavevectors")
        if k.ndim not in (1, 2) or k.size == 0:
            raise InvalidInputError(f"wavevectors: shape {k.shape} given, (q, d) wanted, or (q,) for one dimension")
        self.wavevectors: FloatArray = k[:, None] if k.ndim == 1 else k
        for name, value in (("amplitudes", amplitudes), ("phases", phases)):
            numbers = as_floats(value, name)
            if numbers.shape not in ((), (len(k),)):
                raise InvalidInputError(f"{name}: shape {numbers.shape} given for {len(k)} sines; pass one for each")
            setattr(self, name, np.broadcast_to(numbers, (len(k),)))

    amplitudes: FloatArray
    phases: FloatArray

    def __repr__(self) -> str:
        n, d = self.wavevectors.shape
        return f"Sines({counted(n, 'sine')} of {counted(d, 'input')})"

    @checked
    def __call__(self, x: npt.ArrayLike) -> FloatArray:
        """Values at points x (..., d): shape (...)."""
        points = as_points(x, "x", self.wavevectors.shape[1])
        return np.asarray(np.sin(points @ self.wavevectors.T + self.phases) @ self.amplitudes)

    @checked
    def transform(self, k: npt.ArrayLike, box: Box) -> ComplexArray:
        """Transform at k (..., d) of the sum cut at a box, int e^{-i k.x} over it: shape (...)."""
        waves, centre, total = as_points(k, "k", box.dim), 0.5 * (box.lower + box.upper), np.complex128(0.0)
        if self.wavevectors.shape[1] != box.dim:
            raise InvalidInputError(f"box: dimension {box.dim} given, {self.wavevectors.shape[1]} wanted")
        for own, amplitude, phase in zip(self.wavevectors, self.amplitudes, self.phases, strict=True):
            for sign in (1.0, -1.0):  # sin t = (e^{i t} - e^{-i t}) / 2i
                w = sign * own - waves
                means = np.sinc(w * (box.upper - box.lower) / (2 * np.pi)).prod(axis=-1)
                total = total + sign * amplitude / 2j * means * np.exp(1j * (w @ centre + sign * phase))
        return np.asarray(box.volume * total)

    @checked
    def mean_square(self, box: Box) -> float:
        """Mean of its square over a box: sin a sin b = (cos(a - b) - cos(a + b)) / 2."""
        k, phi, a = self.wavevectors, self.phases, self.amplitudes
        total = np.zeros((len(k), len(k)))
        for sign in (1.0, -1.0):
            waves = k[:, None] - sign * k[None]
            centre, half = 0.5 * (box.lower + box.upper), 0.5 * (box.upper - box.lower)
            means = np.sinc(waves * half / np.pi).prod(axis=2)  # of e^{i w.(x - centre)}
            total += sign * means * np.cos(waves @ centre + phi[:, None] - sign * phi)
        return float(0.5 * a @ total @ a)


def transform_rounding(sines: Sines, k: FloatArray, box: Box) -> FloatArray:
    """Bound on the rounding of `Sines.transform` at k (q, d), shape (q,): of phases, of sinc, of the sum."""
    size = np.maximum(np.abs(box.lower), np.abs(box.upper)) + (box.upper - box.lower)
    phases = (np.abs(k) @ size)[:, None] + np.abs(sines.wavevectors) @ size + np.abs(sines.phases)
    growth = 16 * (box.dim + 1) + len(sines.amplitudes) + (box.dim + 6) * phases
    return np.asarray(UNIT_ROUNDOFF * box.volume * (growth @ np.abs(sines.amplitudes)))
