"""Evidence for the claims about sampling, peaks and frequencies in reach."""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo.domain import Box, Polytope
from specgeo.errors import UnsupportedError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.theory.subject import Evidence, Subject

_DERIVATIVES = 800_000  # parameters times cells: beyond it the sensitivities are checked on a smaller box
_DIRECTIONS = 24  # random perturbations of all weights
_VOLUME_WIDTH = 8  # networks drawn for the parameter volume are no wider than this
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


def sensitivity(subject: Subject) -> Evidence:
    """How fast the spectrum can move with the parameters: |d_theta f^(k)| <= C / |k|."""
    from specgeo.theory.perturbation import rate_report

    cx, box, n_parameters = _small_enough(subject)
    report = rate_report(subject.scalar, cx, samples=12 if subject.dim == 2 else 200, rng=subject.rng(10))
    facts: dict[str, Any] = {"parameters": n_parameters, "domain": repr(box), "cells": cx.n_cells}
    if report.coefficient is None or report.measured is None:
        return Evidence(report.checks, facts)
    moving = report.coefficient > 1e-9 * report.coefficient.max(initial=0.0)
    gap = np.abs(report.measured[moving] / report.coefficient[moving] - 1)
    facts["parameters that move a kink"] = int(moving.sum())
    facts["median gap of the rms of |k||∂f̂| to (Σ|c ∂x|²)^½"] = float(np.median(gap)) if len(gap) else 0.0
    return Evidence(
        report.checks, facts, (report.plot,), "One dot a parameter: its measured 1/|k| law and the exact one."
    )


def robustness(subject: Subject) -> Evidence:
    """Experiment 2: spectra of randomly perturbed networks, exactly, beside the first-order prediction."""
    from specgeo.theory.perturbation import perturbation_response

    _, box, _ = _small_enough(subject)
    if not isinstance(box, Box):
        raise UnsupportedError("the domain is not a box; perturbed networks are enumerated on boxes")
    side = float((box.upper - box.lower).max())
    k = np.zeros((24, subject.dim))
    k[:, 0] = np.geomspace(2.0, 400.0, 24) / side
    length = float(np.linalg.norm(np.concatenate([w.ravel() for w in subject.scalar.weights])))
    deltas = length * np.array([1e-7, 1e-2, 1e-1])
    response = perturbation_response(subject.scalar, box, k, deltas, directions=_DIRECTIONS, rng=subject.rng(12))
    facts: dict[str, Any] = {"domain": repr(box), "directions": _DIRECTIONS}
    ratio = response.rms_change / np.maximum(response.predicted_change, 1e-300)
    for share, row in zip((1e-7, 1e-2, 1e-1), ratio, strict=True):
        facts[f"rms change / first order at δ = {share:g}|W|"] = float(np.median(row))

    def retained(ax: Any) -> None:
        for share, row in zip((1e-2, 1e-1), response.mean_magnitude[1:], strict=True):
            ax.semilogx(k[:, 0], row / np.maximum(response.baseline, 1e-300), "o-", ms=3, label=f"δ = {share:g}|W|")
        ax.axhline(1.0, color="k", lw=0.8)
        ax.set(xlabel="|k|", ylabel="mean |f̂| / unperturbed |f̂|", yscale="log")
        ax.legend()

    caption = (
        "Left: rms change (dots) and first-order prediction (lines). Right: magnitudes kept, gains above 1 shown too."
    )
    return Evidence((), facts, (response.plot, retained), caption)


def _small_enough(subject: Subject) -> tuple[PolyhedralComplex, Box | Polytope, int]:
    """The complex, its domain shrunk about the centre until derivatives by all parameters fit; their number."""
    net = subject.scalar
    if subject.dim > 2 or not all(a.is_relu for a in net.activations):
        raise UnsupportedError("exact parameter derivatives are taken for ReLU networks of one or two inputs")
    n_parameters = sum(w.size + b.size for w, b in zip(net.weights, net.biases, strict=True))
    cx, box = subject.scalar_complex, subject.domain
    while n_parameters * cx.n_cells > _DERIVATIVES and cx.n_cells > 1 and isinstance(box, Box):
        centre, half = (box.upper + box.lower) / 2, (box.upper - box.lower) / 2
        box = Box(centre - 0.6 * half, centre + 0.6 * half)
        cx = subject.enumerate(net, box)
    return cx, box, n_parameters


def volume(subject: Subject) -> Evidence:
    """Appendix D: the share of parameter space that holds a frequency, sampled, against the repaired bound."""
    from specgeo.theory.volume import parameter_volume

    if subject.dim != 1 or not all(a.is_relu for a in subject.scalar.activations):
        raise UnsupportedError("the parameter volume is sampled for ReLU networks of one input")
    widths = [min(n, _VOLUME_WIDTH) for n in subject.net.hidden_widths]
    if not widths:
        raise UnsupportedError("the parameter volume needs a hidden layer")
    result = parameter_volume(widths, 1.0, 0.01, [2.0, 4.0, 8.0, 16.0, 32.0], samples=150, rng=subject.rng(11))
    facts: dict[str, Any] = {
        "widths drawn": widths,
        "draws": result.samples,
        "mean of J": result.mean_variation,
        "largest κ drawn": result.largest_kappa,
        "a-priori κ": result.kappa,
    }
    return Evidence(
        result.checks, facts, (result.plot,), "Share of the weights in [−1, 1] with |f̂| > 0.01 somewhere beyond k."
    )
