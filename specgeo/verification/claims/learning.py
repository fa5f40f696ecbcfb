"""The claims about peaks, sensitivity to the weights, and frequencies in reach."""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo.activation import Activation
from specgeo.domain import Box, Polytope
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.results import RADIANS
from specgeo.theory.decay import sample_wavevectors
from specgeo.theory.peaks import peak_report, variation_check
from specgeo.theory.perturbation import rate_report
from specgeo.theory.robustness import PerturbationResponse, perturbation_response
from specgeo.theory.sampling import alias_constant
from specgeo.theory.volume import parameter_volume
from specgeo.verification.claim import Evidence, NotApplicable, claim
from specgeo.verification.subject import Subject

_DERIVATIVES = (800_000, 800_000, 200_000)  # parameters times cells, by dimension: beyond it a smaller domain is taken
_SCALAR_DERIVATIVES = 4_000  # the same in dimension 4 and more, where simplices are summed one by one
_DIRECTIONS = 24  # random perturbations of all weights
_SHARES = (1e-7, 1e-2, 1e-1)  # their lengths, as shares of the length of all weights
_VOLUME_WIDTHS = {1: 8, 2: 5, 3: 4}  # networks drawn for the parameter volume are no wider than this, by dimension


@claim(
    "peaks",
    "High frequencies have to be paid for",
    "Abstract; Experiment 7",
    "J(k̂) ≥ |k|² |f̂(k)| for f zero on the walls (here the clamped network): a spectrum that stays above ½ up to K "
    "needs J ≥ K²/2, J ≤ L_f N Per.",
    "A delta peak cannot be fitted with finite weights because J is finite then. The bound by the product of "
    "weight norms is too loose to explain the failures shown in the paper.",
)
def peaks(subject: Subject) -> Evidence:
    """What a frequency costs: J >= |k|^2 |f^(k)|, and on one input the cost of a sampled peak."""
    cx = subject.compact
    checks = [variation_check(cx, sample_wavevectors(cx, subject.affordable(cx, 400), subject.generator(9)))]
    if subject.dim > 1:
        return Evidence(checks)
    facts: dict[str, Any] = {}
    report = peak_report(subject.scalar, subject.scalar_complex, 200, height=max(subject.largest, 1e-300))
    if subject.largest > 0:  # n^2 |c_n| <= B, the law of the mirror series
        reach = float(np.sqrt(2 * alias_constant(subject.box_complex) / subject.largest))
        facts["no mirror mode n can have |c_n| = max |f| / 2 beyond n ="] = reach
    caption = "What fitting one sample of 200 among zeros costs; the network was not trained on this target."
    return Evidence([*checks, *report.checks], facts, (report.plot,), caption)


@claim(
    "sensitivity",
    "How fast the spectrum moves with the weights",
    "Equation (9), Propositions 1 and 2",
    "|∂_θ f̂(k)| ≤ C_θ/|k| for every parameter and every k ≠ 0, f cut to its domain; on one input the rms of "
    "|k||∂_θ f̂| without the walls tends to (Σ |c_j ∂_θ x_j|²)^{1/2}, x_j the kinks.",
    "The paper's O(k^{−Δ}) for the residual rate is an upper bound at fixed weights. The exact form shows which "
    "parameters attain 1/|k|: those that move a kink. Output weights move none, and without the walls have one "
    "power more.",
)
def sensitivity(subject: Subject) -> Evidence:
    """How fast the spectrum can move with the parameters: |d_theta f^(k)| <= C / |k|."""
    cx, domain, n_parameters = _small_enough(subject, subject.domain)
    samples = {1: 200, 2: 12, 3: 12}.get(subject.dim, 4)
    report = rate_report(subject.scalar, cx, samples=samples, rng=subject.generator(10))
    facts: dict[str, Any] = {"parameters": n_parameters, "wavevectors": samples, "cells": cx.n_cells}
    if domain is not subject.domain:
        facts["on the smaller domain"] = repr(domain)
    if report.coefficient is None or report.measured is None:
        return Evidence(report.checks, facts)
    moving = report.coefficient > 1e-9 * report.coefficient.max(initial=0.0)
    facts["parameters that move a kink"] = int(moving.sum())
    if not np.any(moving):
        return Evidence(report.checks, facts)
    gap = np.abs(report.measured[moving] / report.coefficient[moving] - 1)
    facts[f"median gap of the rms of |k||∂f̂| at {samples} places to (Σ|c ∂x|²)^½"] = float(np.median(gap))
    return Evidence(
        report.checks, facts, (report.plot,), "One dot a parameter: the rms of |k||∂f̂|, and its limit (line)."
    )


@claim(
    "robustness",
    "Are low frequencies more robust to noise on the weights?",
    "Section 5, Experiment 2",
    "To first order E|c_{θ+δv} − c_θ|² = δ² |∂_θ c|²/p for a random unit direction v in p parameters, c a "
    "coefficient of the mirror series, which has no jump at the walls. Where noise moves kinks, c falls by a "
    "power of |k| faster than ∂_θ c, so that high frequencies would change first in relative terms.",
    "The paper normalises by the unperturbed magnitude and clips at 1, which hides gains; here nothing is clipped.",
)
def robustness(subject: Subject) -> Evidence:
    """Experiment 2: mirror spectra of randomly perturbed networks, exactly, beside the first-order prediction."""
    cx, domain, _ = _small_enough(subject, subject.box)
    assert isinstance(domain, Box)
    scale = float(np.linalg.norm(np.concatenate([np.ravel(w) for w in subject.scalar.weights])))
    if scale == 0:
        raise NotApplicable("all weights are zero: there is no length to measure perturbations by")
    k = _modes(subject, cx) * (np.pi / (domain.upper - domain.lower))
    response = perturbation_response(
        subject.scalar, domain, k, scale * np.array(_SHARES), _DIRECTIONS, rng=subject.generator(12), boundary="mirror"
    )
    if not np.all(np.isfinite(np.linalg.norm(response.rms_change, axis=1))):
        raise OverflowError("spectra of perturbed networks are beyond the range of floats")
    facts: dict[str, Any] = {"box": repr(domain), "directions": _DIRECTIONS, "modes": len(k)}
    order = np.argsort(np.linalg.norm(k, axis=1), kind="stable")
    first = [float(np.linalg.norm(rows)) for rows in response.predicted_change]
    if first[0] == 0:
        return Evidence((), facts, remark="To first order no weight moves any of these coefficients.")
    _, _, error = response.band(order)
    for i, share in enumerate(_SHARES):
        ratio = float(np.linalg.norm(response.rms_change[i])) / first[i]
        left = float(np.linalg.norm(response.remainder[i])) / first[i]
        facts[f"rms change / first order at δ = {share:g}|W|"] = (
            f"{ratio:.4g} ± {ratio * error:.2g} (standard error); the remainder is {left:.2g} of the first order"
        )
    remark = _by_thirds(response, order, facts)

    def retained(ax: Any) -> None:
        length = np.linalg.norm(k, axis=1)
        clear = response.baseline > 1e-12 * response.baseline.max()
        for share, row in zip(_SHARES[1:], response.mean_magnitude[1:], strict=True):
            ax.semilogx(length[clear], row[clear] / response.baseline[clear], "o", ms=3, label=f"δ = {share:g}|W|")
        ax.axhline(1.0, color="k", lw=0.8, label="unperturbed")
        ax.set(xlabel=RADIANS, ylabel="mean |c| / unperturbed |c|", yscale="log")
        ax.legend()

    caption = (
        "Left: rms change (dots) and first-order prediction (lines). Right: magnitudes kept, gains above 1 shown too."
    )
    return Evidence((), facts, (response.plot, retained), caption, remark)


def _by_thirds(response: PerturbationResponse, order: IntArray, facts: dict[str, Any]) -> str:
    """Relative changes of the low, middle and high third of the modes, and a sentence on what they do."""
    thirds = np.array_split(order, 3)
    changes = []
    for name, rows in zip(("low", "middle", "high"), thirds, strict=True):
        measured, predicted, error = response.band(rows)
        relative = float(measured[1])
        if not np.isfinite(relative) or not np.isfinite(predicted):
            return "Some third of the modes has no spectrum of its own: relative changes say nothing here."
        changes.append((predicted, predicted * error))
        facts[f"relative change at δ = {_SHARES[1]:g}|W|, {name} third"] = f"{relative:.3g} ± {relative * error:.1g}"
    low, middle, high = (value for value, _ in changes)
    shares = "the relative change to first order, which needs no samples, is in proportion " + " : ".join(
        f"{value / low:.3g}" if low > 0 else f"{value:.3g}" for value in (low, middle, high)
    )
    if low < middle < high and high > 1.5 * low:
        what = "Here high frequencies change first in relative terms"
    elif high < 0.99 * low:
        what = "Here high frequencies do not change first: in relative terms they change less than low ones"
    else:
        what = "Here no third of the frequencies changes clearly before the others in relative terms"
    sentence = f"{what}: {shares} (low, middle and high third of the modes)."
    left, first = (float(np.linalg.norm(rows[1])) for rows in (response.remainder, response.predicted_change))
    if left > 0.5 * first:
        sentence += f" Noise of δ = {_SHARES[1]:g}|W| is beyond the first order here."
    return sentence


def _modes(subject: Subject, cx: PolyhedralComplex) -> FloatArray:
    """Modes n != 0 of the mirror series, lengths from 1 to 200 spread evenly on a logarithmic scale, (n, d)."""
    count = min(36, max(9, subject.affordable(cx, 36 * 64) // 64))
    length = np.geomspace(1.0, 200.0, count)[:, None]
    u = np.abs(subject.generator(13).standard_normal((count, subject.dim)))
    modes = np.unique(np.rint(length * u / np.linalg.norm(u, axis=1, keepdims=True)), axis=0)
    return np.asarray(modes[np.any(modes > 0, axis=1)])


def _small_enough(
    subject: Subject, domain: Box | Polytope
) -> tuple[PolyhedralComplex, Box | Polytope, int]:
    """The complex, its domain shrunk about the centre until derivatives by all parameters fit; their number."""
    net = subject.scalar
    n_parameters = sum(w.size + b.size for w, b in zip(net.weights, net.biases, strict=True))
    limit = _DERIVATIVES[subject.dim - 1] if subject.dim <= 3 else _SCALAR_DERIVATIVES
    cx = subject.scalar_complex if domain is subject.domain else subject.box_complex
    while n_parameters * cx.n_cells > limit and cx.n_cells > 1:
        domain = _shrunk(domain)
        cx = subject.enumerate(net, domain)
    return cx, domain, n_parameters


def _shrunk(domain: Box | Polytope) -> Box | Polytope:
    if isinstance(domain, Box):
        centre, half = (domain.upper + domain.lower) / 2, (domain.upper - domain.lower) / 2
        return Box(centre - 0.6 * half, centre + 0.6 * half)
    middle = domain.A @ domain.center
    return Polytope(domain.A, middle + 0.6 * (domain.b - middle))


@claim(
    "volume",
    "Lower frequencies occupy more of parameter space",
    "Appendix D, Lemma 4",
    "P_θ(sup_{k'>k} |f̂(k'u)| > ε) ≤ E[J]/(ε k²), and it is 0 beyond κ = √(sup J/ε); J = Σ |c_F| |F|, u the "
    "first axis, f̂ without the walls.",
    "The paper's proof uses |f̂| where its inequality is shown only beyond κ(θ); Markov's inequality with J "
    "repairs it with explicit constants. A claim about networks of this kind, not about these weights: drawn are "
    "networks of this depth on the unit cube, weights uniform in [−1, 1]. E[J] is a sample mean; its spread is "
    "allowed for.",
)
def volume(subject: Subject) -> Evidence:
    """Appendix D: the share of parameter space that holds a frequency, sampled, against the repaired bound."""
    net = subject.scalar
    widths = [min(n, _VOLUME_WIDTHS.get(subject.dim, 3)) for n in net.hidden_widths]
    if all(len(a.breakpoints) == 0 for a in net.activations):
        raise NotApplicable("the network has no hidden layer that bends: all its networks are affine")
    activations = [a for a in net.activations if isinstance(a, Activation)]
    if len(activations) < len(net.activations):
        raise NotApplicable("the neurons of a layer have different activations: drawn are layers with one")
    box = Box([0.0] * subject.dim, [1.0] * subject.dim)
    ks, draws = [2.0, 4.0, 8.0, 16.0, 32.0], {1: 150, 2: 60, 3: 40}.get(subject.dim, 20)
    result = parameter_volume(
        widths, 1.0, 0.01, ks, samples=draws, domain=box, rng=subject.generator(11), activation=activations
    )
    facts: dict[str, Any] = {
        "widths drawn": widths,
        "domain": repr(box),
        "draws": result.samples,
        "draws undecided, at most": int(round(float(result.undecided.max()) * result.samples)),
        "mean of J": result.mean_variation,
        "largest κ drawn": result.largest_kappa,
        "a-priori κ": result.kappa,
    }
    return Evidence(
        result.checks, facts, (result.plot,), "Share of the weights in [−1, 1] with |f̂| > 0.01 somewhere beyond k."
    )
