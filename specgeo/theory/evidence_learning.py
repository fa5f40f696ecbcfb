"""Evidence for the claims about sampling, peaks and frequencies in reach."""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo.errors import UnsupportedError
from specgeo.theory.subject import Evidence, Subject

_SAMPLES = {1: 256, 2: 64, 3: 16}  # of the FFT, a period along each axis


def sampling(subject: Subject) -> Evidence:
    """An FFT of samples against exact coefficients, with the certified alias bound."""
    from specgeo.theory.sampling import alias_report, samples_needed

    subject.box  # noqa: B018  (says so where the domain is no box)
    if subject.dim > 3:
        raise UnsupportedError(f"sampled spectra are for dimension 1 to 3, not {subject.dim}")
    cx, n = subject.scalar_complex, _SAMPLES[subject.dim]
    report = alias_report(cx, n, function=subject.scalar)
    size = np.linalg.norm(report.modes, axis=1)
    far = report.relative_error[np.isfinite(report.relative_error) & (size > n / 4)]
    mode = [n // 8] * subject.dim
    tolerance = 1e-3 * float(np.abs(report.exact[size > 0]).max(initial=0.0))
    facts: dict[str, Any] = {
        "samples a period and axis": n,
        "modes": len(report.modes),
        f"median relative error beyond |n| = {n // 4}": float(np.median(far)) if len(far) else 0.0,
    }
    if tolerance > 0:
        needed = samples_needed(cx, mode, tolerance)
        facts[f"samples a period that certify mode {mode} to {tolerance:.2g}"] = needed
    return Evidence(
        report.checks, facts, (report.plot,), "Exact coefficients, the error of the FFT, and its certified bound."
    )


def peaks(subject: Subject) -> Evidence:
    """What a frequency costs: J >= |k|^2 |f^(k)|, and on one input the cost of a sampled peak."""
    from specgeo.theory.decay import sample_wavevectors
    from specgeo.theory.peaks import circle_variation, largest_mode, peak_report, variation_check

    cx = subject.compact
    checks = [variation_check(cx, sample_wavevectors(cx, 400, subject.rng(9)))]
    facts: dict[str, Any] = {}
    panels: tuple[Any, ...] = ()
    caption = ""
    if subject.dim == 1:
        report = peak_report(subject.scalar, subject.scalar_complex, 200, height=max(subject.largest, 1e-300))
        checks += report.checks
        variation = circle_variation(subject.scalar_complex)
        facts["J on the circle"] = variation
        facts["largest mode in reach with the amplitude max |f|"] = largest_mode(variation, subject.largest or 1.0)
        panels = (report.plot,)
        caption = "What fitting one sample of 200 among zeros costs; the network was not trained on this target."
    return Evidence(checks, facts, panels, caption)
