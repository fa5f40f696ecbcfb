"""`spectral_report`: from a network to its complex, its analytic spectrum, and the checks that tie both down.

The series is that of the mirror extension (theory of the mirror torus): continuous, so that no jump
at the walls of the box hides the decay of the network itself.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from specgeo._budget import within_memory
from specgeo._cast import FloatArray
from specgeo._files import make_folder, write_bytes
from specgeo.domain import Box
from specgeo.errors import DomainError, InvalidInputError
from specgeo.fourier.sampled import SampledSpectrum, afford_samples, sample_counts, sampled_spectrum
from specgeo.fourier.series import mode_wavevectors
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.soundness import failures
from specgeo.network import Network
from specgeo.plotting import function_plot, region_map, rendered, shell_means, spectrum_plot
from specgeo.theory._results import Check, jsonable

Progress = Callable[[str, float], None]

DEFAULT_SAMPLES = {1: 1024, 2: 256, 3: 48}
"""Samples a period and axis: enough to show the decay, few enough for seconds."""

ROUNDING = 1e-9
"""Relative slack of the two checks that compare float64 results of different routes (volumes, values)."""


@dataclass(frozen=True, eq=False)
class SpectralReport:
    """What `spectral_report` found.

    Attributes
    ----------
    claims : tuple of Check
        Each with the measured value, the bound and whether it holds.
    numbers : dict
        Counts, measures, timings.
    table : dict of lists
        The spectrum by logarithmic shells of |k|: root mean squares of the exact coefficients, of the
        FFT, and of their difference.
    complex, spectrum : PolyhedralComplex, SampledSpectrum
    """

    title: str
    claims: tuple[Check, ...]
    numbers: dict[str, Any]
    table: dict[str, list[float]]
    complex: PolyhedralComplex
    spectrum: SampledSpectrum

    @property
    def holds(self) -> bool:
        """True when every claim holds."""
        return all(claim.holds for claim in self.claims)

    def to_dict(self) -> dict[str, Any]:
        """Every number, ready for JSON; the coefficients are in ``coefficients``, mode by mode."""
        spectrum = self.spectrum
        coefficients = {
            "modes": spectrum.modes.reshape(-1, self.complex.dim),
            "exact": spectrum.exact[..., 0].ravel(),
            "fft": spectrum.sampled[..., 0].ravel(),
            "alias_bound": spectrum.alias_bound[..., 0].ravel(),
            "exact_error": spectrum.exact_error[..., 0].ravel(),
        }
        parts = {
            "title": self.title,
            "holds": self.holds,
            "claims": [claim.to_dict() for claim in self.claims],
            "numbers": self.numbers,
            "shells": self.table,
            "coefficients": coefficients,
        }
        return {key: jsonable(value) for key, value in parts.items()}

    def __str__(self) -> str:
        return _as_text(self)

    def write(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write ``report.json`` and the figures into a folder (made if needed); the paths written."""
        target = make_folder(Path(folder), "folder")
        figures = {"spectrum.png": self._spectrum_figure()}
        if self.complex.dim == 1:
            figures["function.png"] = function_plot(self.complex)
        elif self.complex.dim == 2:
            figures["regions.png"] = region_map(self.complex)
            figures["gradients.png"] = region_map(self.complex, color="gradient", edges=False)
        lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in self.to_dict().items()]
        contents = {"report.json": ("{\n" + ",\n".join(lines) + "\n}\n").encode()}
        contents |= {name: rendered(figure, "png", dpi=120) for name, figure in figures.items()}
        for name, data in contents.items():  # nothing is replaced before all is there
            write_bytes(target / name, data, "folder")
        return [target / name for name in contents]

    def _spectrum_figure(self) -> Any:
        cx = self.complex
        k = mode_wavevectors(self.spectrum.modes, cx.domain).reshape(-1, cx.dim)
        return spectrum_plot(
            k, self.spectrum.exact[..., 0].ravel(), self.spectrum.sampled[..., 0].ravel(), title=self.title
        )


@within_memory
@np.errstate(all="ignore")  # what overflows is refused by name
def spectral_report(
    net: Network,
    domain: Box,
    *,
    output: int = 0,
    samples: int | None = None,
    max_cells: int | None = None,
    max_bytes: int | None = None,
    progress: Progress | None = None,
    name: str = "network",
) -> SpectralReport:
    """Enumerate, transform, compare with a sampled FFT, and check the decay.

    Parameters
    ----------
    net : Network
    domain : Box
        Of dimension 1 to 3.
    output : int
        Which output of the network.
    samples : int, optional
        Samples of the FFT a period and axis (even); `DEFAULT_SAMPLES` by default. The exact coefficients are
        computed for the modes that this FFT resolves.
    max_cells, max_bytes : int, optional
        Budgets of the enumeration, as in `specgeo.enumerate_regions`.
    progress : callable, optional
        Called with a message and the fraction done.
    name : str
        For titles.

    Returns
    -------
    SpectralReport
        Claims: signs certified; Euler characteristic 1; volumes add up; self-checks of the complex; pieces equal to the
        network; |c_n| |k|^2 |Omega| <= sum |c_F||F| + sum_B |d_nu f||B| for every mode (the O(k^-2) law with
        its constant); |FFT - exact| within the alias certificate for every mode.

    Raises
    ------
    InvalidInputError, DomainError, BudgetError
        Bad arguments; a domain that is not a box of dimension 1 to 3; too many cells or bytes.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.report import spectral_report
    >>> tent = sg.Network([[[1.0], [1.0]], [[1.0, -2.0]]], [[0.0, -0.5], [0.0]])
    >>> spectral_report(tent, sg.Box([0], [1]), samples=32).holds
    True
    """
    from specgeo.enumeration import enumerate_regions

    _validate(net, domain, output)
    samples = DEFAULT_SAMPLES[domain.dim] if samples is None else samples
    # bad counts are refused before the work, and too many
    afford_samples(sample_counts(samples, domain.dim, "mirror"), "mirror", 1, max_bytes)
    if net.output_dim > 1:
        net = net.postcompose(np.eye(net.output_dim)[[output]])
    started = time.perf_counter()
    cx = enumerate_regions(
        net,
        domain,
        max_cells=max_cells,
        max_bytes=max_bytes,
        progress=None if progress is None else lambda m, f: progress(m, 0.5 * f),
    )
    enumerated = time.perf_counter()
    _tell(progress, "coefficients and FFT", 0.5)
    spectrum = sampled_spectrum(cx, samples, "mirror", function=net)
    transformed = time.perf_counter()
    _tell(progress, "checks", 0.8)
    k = mode_wavevectors(spectrum.modes, domain).reshape(-1, cx.dim)
    claims = (*_geometry_claims(cx, net), _decay_claim(cx, spectrum, k), _fft_claim(cx, spectrum, net))
    numbers = _numbers(cx, net, spectrum, samples)
    seconds = {"enumeration": enumerated - started, "spectrum": transformed - enumerated}
    seconds["checks"] = time.perf_counter() - transformed
    table, slope = _shells(k, spectrum)
    numbers |= {"fitted_exponent_of_shell_rms": slope, "expected_exponent": -(cx.dim + 3) / 2, "seconds": seconds}
    _tell(progress, "done", 1.0)
    sides = " x ".join(f"[{a:g}, {b:g}]" for a, b in zip(domain.lower, domain.upper, strict=True))
    return SpectralReport(f"{name} on {sides}", claims, numbers, table, cx, spectrum)


def _validate(net: Network, domain: Any, output: int) -> None:
    if not isinstance(net, Network):
        raise InvalidInputError(f"net: a {type(net).__name__} given; pass a specgeo.Network")
    if not isinstance(domain, Box) or domain.dim not in DEFAULT_SAMPLES:
        raise DomainError("domain: a Box of dimension 1 to 3 is wanted; restrict the network to a slice first")
    if domain.dim != net.input_dim:
        raise InvalidInputError(
            f"domain: has dimension {domain.dim}, the network {net.input_dim} inputs; give one interval for each "
            "input or restrict the network"
        )
    if not 0 <= output < net.output_dim:
        raise InvalidInputError(f"output: {output} given; the network has outputs 0 to {net.output_dim - 1}")


def _tell(progress: Progress | None, message: str, fraction: float) -> None:
    if progress is not None:
        progress(message, fraction)


def _geometry_claims(cx: PolyhedralComplex, net: Network) -> list[Check]:
    found = failures(cx, net.layers)
    values = net(cx.centroids)[:, 0]
    pieces = cx.means[:, 0]
    scale = float(np.abs(values).max()) or 1.0
    volume = float(cx.domain.volume)
    return [
        Check("complex.certified", "every sign that decides the combinatorics is proved",
              int(cx.certificate.certified), 1, "=="),
        Check("complex.euler", "alternating sum of the f-vector is 1", cx.euler_characteristic, 1, "=="),
        Check("complex.volume", "relative gap between the cells' volumes and the domain's",
              abs(float(cx.volumes.sum()) / volume - 1.0), ROUNDING),
        Check("complex.pieces", "affine pieces against a forward pass at the centroids, relative to max |f|",
              float(np.abs(values - pieces).max()) / scale, ROUNDING),
        Check("complex.self_checks", "failed checks of incidence, convexity, continuity and jumps",
              len(found), 0, "==", details={"failures": found}),
    ]  # fmt: skip


def _decay_claim(cx: PolyhedralComplex, spectrum: SampledSpectrum, k: FloatArray) -> Check:
    facets = cx.facets
    inner, outer = ~facets.is_boundary, facets.is_boundary
    kinks = float(np.abs(facets.jumps[inner, 0]) @ facets.measures[inner])
    flux = np.abs(np.einsum("ij,ij->i", cx.gradients[facets.cells[outer, 0], 0], facets.normals[outer]))
    walls = float(flux @ facets.measures[outer])
    square = np.einsum("ij,ij->i", k, k)
    error = spectrum.exact_error[..., 0].ravel()
    measured = float(np.max((np.abs(spectrum.exact[..., 0].ravel()) - error) * square)) * float(cx.domain.volume)
    return Check(
        "spectrum.decay", "O(k^-2): max |c_n| |k|^2 |Omega| against sum |c_F||F| + sum_B |d_nu f||B|",
        measured, kinks + walls, tolerance=1e-12 * (kinks + walls), details={"kinks": kinks, "walls": walls},
    )  # fmt: skip


def _fft_claim(cx: PolyhedralComplex, spectrum: SampledSpectrum, net: Network) -> Check:
    size = float(np.abs(net(cx.vertices)).max())
    rounding = 1e-15 * size * np.log2(spectrum.exact.size + 2)
    allowed = spectrum.alias_bound + spectrum.exact_error + rounding
    return Check(
        "spectrum.fft", "max over modes of |FFT - exact| / alias certificate",
        float(np.max(spectrum.difference / np.where(allowed > 0.0, allowed, 1.0))), 1.0,
        details={"largest_difference": float(spectrum.difference.max())},
    )  # fmt: skip


def _numbers(cx: PolyhedralComplex, net: Network, spectrum: SampledSpectrum, samples: int) -> dict[str, Any]:
    inner = ~cx.facets.is_boundary
    return {
        "network": repr(net),
        "f_vector": list(cx.f_vector),
        "cells": cx.n_cells,
        "linear_regions": cx.n_linear_regions,
        "smallest_cell": float(cx.volumes.min()),
        "lipschitz_constant": float(np.linalg.norm(cx.gradients[:, 0], axis=1).max()),
        "integral": float(cx.volumes @ cx.means[:, 0]),
        "sum_jump_measure": float(np.abs(cx.facets.jumps[inner, 0]) @ cx.facets.measures[inner]),
        "sum_jump_squared_measure": float(cx.facets.jumps[inner, 0] ** 2 @ cx.facets.measures[inner]),
        "samples_a_period": samples,
        "modes": int(spectrum.exact[..., 0].size),
        "largest_error_bound_of_exact": float(spectrum.exact_error.max()),
        "certificate": cx.certificate.to_dict(),
    }


def _shells(k: FloatArray, spectrum: SampledSpectrum) -> tuple[dict[str, list[float]], float]:
    """Shell table, and the exponent fitted to the exact shell means over the last quarter of the log range."""
    size = np.linalg.norm(k, axis=1)
    # inside the ball that the grid resolves in every direction
    keep = (size > 0.0) & (size <= min(float(np.abs(k[:, j]).max()) for j in range(k.shape[1])))
    exact, fft = spectrum.exact[..., 0].ravel()[keep], spectrum.sampled[..., 0].ravel()[keep]
    columns = {"exact": np.abs(exact), "fft": np.abs(fft), "difference": np.abs(exact - fft)}
    table: dict[str, list[float]] = {}
    for name, amplitude in columns.items():
        centers, values = shell_means(size[keep], amplitude, 12)
        table.setdefault("k", centers.tolist())
        table[name] = values.tolist()
    fine_k, fine = shell_means(size[keep], columns["exact"], 40)
    upper = (fine_k > fine_k[0] ** 0.25 * fine_k[-1] ** 0.75) & (fine > 0.0)
    slope = float(np.polyfit(np.log(fine_k[upper]), np.log(fine[upper]), 1)[0]) if upper.sum() > 1 else float("nan")
    return table, slope


def _as_text(report: SpectralReport) -> str:
    numbers, table = report.numbers, report.table
    faces = ", ".join(f"{n:,} of dimension {k}" for k, n in enumerate(numbers["f_vector"]))
    seconds = numbers["seconds"]
    lines = [
        f"{report.title}: {numbers['network']}",
        "",
        f"  cells            {numbers['cells']:,} activation regions, {numbers['linear_regions']:,} linear regions",
        f"  faces            {faces}",
        f"  smallest cell    {numbers['smallest_cell']:.3g}",
        f"  Lipschitz        {numbers['lipschitz_constant']:.6g} (exact on the domain)",
        f"  signs            {report.complex.certificate}",
        f"  spectrum         {numbers['modes']:,} exact coefficients, error at most "
        f"{numbers['largest_error_bound_of_exact']:.1e}; FFT of {numbers['samples_a_period']} samples per axis",
        "",
        "     |k|     exact rms       FFT rms    difference    k^2 x exact",
    ]
    for k, exact, fft, difference in zip(table["k"], table["exact"], table["fft"], table["difference"], strict=True):
        lines.append(f"{k:8.2f}  {exact:12.5e}  {fft:12.5e}  {difference:12.5e}   {k * k * exact:12.5e}")
    lines += [
        "",
        f"  shell means fall as |k|^{numbers['fitted_exponent_of_shell_rms']:.2f} over the last quarter of the range "
        f"(asymptotically |k|^{numbers['expected_exponent']:g} in dimension {report.complex.dim})",
        "",
    ]
    lines += [_claim_line(claim) for claim in report.claims]
    verdict = "all claims hold" if report.holds else "SOME CLAIM FAILS"
    lines += [
        "",
        f"{verdict}; enumeration {seconds['enumeration']:.2f} s, spectrum {seconds['spectrum']:.2f} s, "
        f"checks {seconds['checks']:.2f} s",
    ]
    return "\n".join(lines)


def _claim_line(claim: Check) -> str:
    word = "holds" if claim.holds else "FAILS"
    return f"  {word}  {claim.claim:20s} {claim.measured:11.5g} {claim.relation} {claim.bound:<11.5g} {claim.statement}"
