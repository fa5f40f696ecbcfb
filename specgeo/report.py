"""`spectral_report`: from a network to its complex, its analytic spectrum, and the claims that tie both down.

The series is that of the mirror extension (theory of the mirror torus): continuous, so that no jump
at the walls of the box hides the decay of the network itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import FloatArray
from specgeo._display import counted
from specgeo._figures import typeset
from specgeo._progress import reported
from specgeo.domain import Box
from specgeo.enumeration import enumerate_regions
from specgeo.errors import DomainError
from specgeo.fourier.sampled import SampledSpectrum, afford_samples, sample_counts
from specgeo.fourier.series import mode_wavevectors
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.structure import require_network
from specgeo.network import Network
from specgeo.plotting import function_plot, region_map, rendered, shell_means, solid_map, spectrum_plot
from specgeo.results import Check, empty_figure, jsonable
from specgeo.slices import AffineSlice
from specgeo.theory.variation import kinks
from specgeo.verification.claims.geometry import complex_is_sound
from specgeo.verification.claims.spectrum import mirror_series, sampling
from specgeo.verification.report import VerificationReport, examine
from specgeo.verification.subject import Progress, Subject, as_progress

DEFAULT_SAMPLES = {1: 1024, 2: 256, 3: 48}
"""Samples a period and axis: enough to show the decay, few enough for seconds."""

AMPLITUDE = r"$|c_n|$: mean of $f(x)\,\Pi_j\,\cos\,k_j (x_j - a_j)$"
"""What the spectrum of a report shows: coefficients of the mirror series, a the lower corner of the box."""

SELECTION = (complex_is_sound, mirror_series, sampling)
"""The claims of the theory that the report examines; `specgeo.verify` examines all."""


@dataclass(frozen=True, eq=False)
class SpectralReport(VerificationReport):
    """What `spectral_report` found: a `VerificationReport` of a few claims, with the spectrum.

    Attributes
    ----------
    claims : tuple of Claim
        Each with its checks: measured value, bound, whether it holds.
    numbers : dict
        Counts, measures, timings.
    table : dict of lists
        The spectrum by logarithmic shells of ``|k|``: root mean squares of the exact coefficients, of the
        FFT, and of their difference.
    complex, spectrum : PolyhedralComplex, SampledSpectrum
    """

    numbers: dict[str, Any]
    table: dict[str, list[float]]
    complex: PolyhedralComplex
    spectrum: SampledSpectrum

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
        more = {"numbers": self.numbers, "shells": self.table, "coefficients": coefficients}
        return {**super().to_dict(), **{key: jsonable(value) for key, value in more.items()}}

    def __str__(self) -> str:
        return _as_text(self)

    def _files(self) -> dict[str, bytes]:
        cx = self.complex
        k = mode_wavevectors(self.spectrum.modes, cx.domain).reshape(-1, cx.dim)
        exact, sampled = self.spectrum.exact[..., 0].ravel(), self.spectrum.sampled[..., 0].ravel()
        figures = {"spectrum.png": spectrum_plot(k, exact, sampled, title=typeset(self.title), amplitude=AMPLITUDE)}
        if cx.dim == 1:
            figures["function.png"] = function_plot(cx)
        elif cx.dim == 2:
            figures["regions.png"] = region_map(cx)
            figures["gradients.png"] = region_map(cx, color="gradient", edges=False)
        else:
            figures["solid.png"] = solid_map(cx)
            figures["slices.png"] = slice_maps(cx)
        for axes in list(figures.values())[1:]:
            axes.set_title(axes.get_title().partition("\n")[0])  # the title of all has the slice
            axes.figure.suptitle(typeset(self.title), fontsize="medium")
        pictures = {name: rendered(axes, "png", dpi=120) for name, axes in figures.items()}
        return {"report.json": self.to_json().encode(), **pictures}


def slice_maps(cx: PolyhedralComplex) -> Any:
    """A complex in space on the three planes through the middle of its box, side by side; the last Axes."""
    layers, middle = require_network(cx, "a slice")[0], (cx.domain.lower + cx.domain.upper) / 2
    names, figure = cx.notes.get("input_names", ["x_0", "x_1", "x_2"]), empty_figure(15.0, 4.8)
    for fixed in range(3):
        plane = [axis for axis in range(3) if axis != fixed]
        net = Network(*layers).restrict(AffineSlice.axes(plane, middle))
        part = enumerate_regions(net, Box(cx.domain.lower[plane], cx.domain.upper[plane]))
        words = typeset(f"{names[fixed]} = {middle[fixed]:g}, {counted(part.n_cells, 'cell')}")
        drawn = region_map(part, names=[names[i] for i in plane], title=words, ax=figure.add_subplot(1, 3, fixed + 1))
    return drawn


@checked
@within_memory
@np.errstate(all="ignore")  # what overflows is refused by name
@reported
def spectral_report(
    net: Network,
    domain: Box,
    *,
    output: int = 0,
    samples: int | None = None,
    max_cells: int | None = None,
    max_bytes: int | None = None,
    progress: Progress | bool | None = None,
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
    progress : bool or callable, optional
        True: a bar. A callable is called with a message and the fraction done.
    name : str
        For titles.

    Returns
    -------
    SpectralReport
        Of three claims: the complex is sound and its signs are certified; for every mode
        ``|c_n| |k|^2 |Omega| <= sum |c_F||F| + sum_B |d_nu f||B|``, the ``O(k^-2)`` law with its constant; for every
        mode ``|FFT - exact|`` is within the alias certificate.

    Raises
    ------
    InvalidInputError, DomainError, BudgetError
        Bad arguments; a domain that is not a box of dimension 1 to 3; too many cells or bytes.

    Examples
    --------
    >>> import specgeo as sg
    >>> tent = sg.Network([[[1.0], [1.0]], [[1.0, -2.0]]], [[0.0, -0.5], [0.0]])
    >>> sg.spectral_report(tent, sg.Box([0], [1]), samples=32).holds
    True
    """
    started, tell = time.perf_counter(), as_progress(progress)
    if not isinstance(domain, Box) or domain.dim not in DEFAULT_SAMPLES:
        raise DomainError("domain: a Box of dimension 1 to 3 is wanted; restrict the network to a slice first")
    samples = DEFAULT_SAMPLES[domain.dim] if samples is None else samples
    # bad counts are refused before the work, and too many
    afford_samples(sample_counts(samples, domain.dim, "mirror"), "mirror", 1, max_bytes)
    one_of, net = f", output {output}" if net.output_dim > 1 else "", net.component(output)
    subject = Subject(
        net, domain, 0, 0, max_cells, max_bytes, samples, lambda message, share: tell(message, 0.5 * share)
    )
    cx = subject.complex
    enumerated = time.perf_counter()
    tell("coefficients and FFT", 0.5)
    spectrum = subject.sampled
    transformed = time.perf_counter()
    claims, summary = examine(subject, SELECTION, lambda title, share: tell(title, 0.8 + 0.2 * share))
    ended = time.perf_counter()
    seconds = {"enumeration": enumerated - started, "spectrum": transformed - enumerated, "checks": ended - transformed}
    table, slope = _shells(mode_wavevectors(spectrum.modes, domain).reshape(-1, cx.dim), spectrum)
    numbers = _numbers(subject)
    numbers |= {"fitted_exponent_of_shell_rms": slope, "expected_exponent": -(cx.dim + 3) / 2, "seconds": seconds}
    tell("done", 1.0)
    sides = " x ".join(f"[{a:g}, {b:g}]" for a, b in zip(domain.lower, domain.upper, strict=True))
    place = net.slice_notes.get("slice", "")
    title = f"{name}{one_of} on {sides}{f' ({place})' if place else ''}"
    words = title, repr(net), repr(domain), summary, claims, subject.seed, ended - started
    return SpectralReport(*words, numbers, table, cx, spectrum)


def _numbers(subject: Subject) -> dict[str, Any]:
    cx, spectrum, bends = subject.complex, subject.sampled, kinks(subject.complex)
    return {
        "network": repr(subject.net),
        "f_vector": list(cx.f_vector),
        "cells": cx.n_cells,
        "linear_regions": cx.n_linear_regions,
        "smallest_cell": float(cx.volumes.min()),
        "lipschitz_constant": subject.lipschitz,
        "integral": subject.mean * float(cx.volumes.sum()),
        "sum_jump_measure": float(np.abs(bends.jumps) @ bends.measures),
        "sum_jump_squared_measure": float(bends.jumps**2 @ bends.measures),
        "samples_a_period": subject.samples,
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
    for claim in report.claims:
        lines.append(f"  {claim.status}: {claim.title}{f' ({claim.failure})' if claim.failure else ''}")
        lines += [_check_line(check) for check in claim.checks]
    verdict = "all claims hold" if report.holds else "SOME CLAIM FAILS"
    lines += [
        "",
        f"{verdict}; enumeration {seconds['enumeration']:.2f} s, spectrum {seconds['spectrum']:.2f} s, "
        f"checks {seconds['checks']:.2f} s",
    ]
    return "\n".join(lines)


def _check_line(check: Check) -> str:
    word = "holds" if check.holds else "FAILS"
    sides = f"{check.measured:11.5g} {check.relation} {check.bound:<11.5g}"
    return f"    {word}  {check.name:20s} {sides} {check.statement}"
