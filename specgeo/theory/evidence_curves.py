"""Evidence for the claims about data manifolds: a network of two inputs on a petal curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo.errors import UnsupportedError
from specgeo.theory._results import Check
from specgeo.theory.latent import energy_comparison, low_pass_check
from specgeo.theory.manifolds import PetalCurve, curve_kernel, kernel_bound, restrict_to_curve
from specgeo.theory.subject import Evidence, Subject

_PETALS = 4
_SEGMENTS = 1000
_MODES = (1, 2, 4, 8, 16, 32, 64)


def on_a_curve(subject: Subject) -> Evidence:
    """Section 4: f along the curve with its certificate; the kernel's bound; energies on the curve and in the plane."""
    if subject.dim != 2:
        raise UnsupportedError(f"petal curves lie in the plane; this network has {subject.dim} input(s)")
    box = subject.box
    curve = _petals(subject, _PETALS)
    restriction = restrict_to_curve(subject.scalar, curve, _SEGMENTS, subject.lipschitz)
    z = subject.rng(7).random(20_000)
    gap = np.abs(subject.scalar(curve(z))[:, 0] - restriction.function(z)[:, 0])
    checks = [
        Check("manifold.polyline", f"|f(γ(z)) − f(γ_h(z))| at {len(z)} places ≤ L_f sup|γ''| h²/8", float(gap.max()),
              restriction.curve_error, "<=", float(restriction.function.error[0])),
        _kernel_check(curve, subject),
        low_pass_check(subject.scalar_complex, curve, 12.0 * np.pi / float((box.upper - box.lower).max())),
    ]  # fmt: skip
    facts: dict[str, Any] = {"petals": _PETALS, "ρ": curve.rho, "segments": _SEGMENTS}
    caption = "Left: f along the curve. Right: energy beyond n on the curve, and in the plane beyond n/ρ and beyond n."
    panels: tuple[Any, ...] = (restriction.plot,)
    if restriction.function.mean_square[0] > restriction.function.mean[0] ** 2 * (1 + 1e-12):
        tails = energy_comparison(subject.scalar_complex, restriction, curve, _MODES)
        panels = (restriction.plot, tails.plot)
        facts["share of variance beyond n = 16 on the curve"] = float(tails.latent_tail[4])
        facts["in the plane beyond 16/ρ"] = float(tails.input_tail[4])
        facts["in the plane beyond 16"] = float(tails.same_tail[4])
    return Evidence(checks, facts, panels, caption)


def _petals(subject: Subject, petals: int) -> PetalCurve:
    """The paper's curve, scaled to nine tenths of the box."""
    box = subject.box
    half, centre = (box.upper - box.lower) / 2, (box.upper + box.lower) / 2
    return PetalCurve(petals, scale=0.9 * float(half.min()) / 1.5, centre=(float(centre[0]), float(centre[1])))


def _kernel_check(curve: PetalCurve, subject: Subject) -> Check:
    """|P(n, k)| against its bound at wavevectors without a stationary phase: the one that comes closest."""
    rng = subject.rng(8)
    worst = (-1.0, 0.0, 1.0, 0, 0.0)
    for _ in range(60):
        n = int(rng.integers(20, 90))
        size = float(n / curve.rho * rng.uniform(0.05, 0.5))
        angle = rng.uniform(0, 2 * np.pi)
        value = abs(curve_kernel(curve, n, [size * np.cos(angle), size * np.sin(angle)]))
        bound = float(kernel_bound(curve, n, size))
        worst = max(worst, (value / bound, value, bound, n, size))
    statement = "|P_γ(n, k)| ≤ |k| sup|γ''| / (2πn − |k| sup|γ'|)² at 60 pairs with |k| < n/2ρ"
    return Check("manifold.kernel", statement, worst[1], worst[2], "<=", 1e-13, {"n": worst[3], "|k|": worst[4]})
