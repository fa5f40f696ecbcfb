"""Evidence for the claims about data manifolds: a network of two inputs on a petal curve."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from specgeo.domain import Box
from specgeo.network import Network
from specgeo.results import Check
from specgeo.theory.latent import energy_comparison, low_pass_check
from specgeo.theory.lipschitz import lipschitz_constant
from specgeo.theory.manifolds import PetalCurve, curve_kernel, kernel_bound, restrict_to_curve
from specgeo.theory.subject import Evidence, NotApplicable, Subject

_PETALS = 4
_SEGMENTS = 1000
_PLANAR_MODES = 300_000  # of the box, for the energies in the plane
_MODES = (1, 2, 4, 8, 16, 32, 64)


def on_a_curve(subject: Subject) -> Evidence:
    """Section 4: f along the curve with its certificate; the kernel's bound; energies on the curve and in the plane."""
    if subject.dim == 1:
        raise NotApplicable("a closed curve needs a plane; this network has one input")
    net, cx, box = subject.plane
    curve = _petals(box, _PETALS)
    restriction = restrict_to_curve(net, curve, _SEGMENTS, lipschitz_constant(cx))
    z = subject.rng(7).random(20_000)
    gap = np.abs(net(curve(z))[:, 0] - restriction.function(z)[:, 0])
    checks = [
        Check("manifold.polyline", f"|f(γ(z)) − f(γ_h(z))| at {len(z)} places ≤ L_f sup|γ''| h²/8", float(gap.max()),
              restriction.curve_error, "<=", float(restriction.function.error[0]) + _rounding(net, box)),
        _kernel_check(curve, subject),
        low_pass_check(cx, curve, 12.0 * np.pi / float((box.upper - box.lower).max())),
    ]  # fmt: skip
    facts: dict[str, Any] = {"petals": _PETALS, "ρ": curve.rho, "segments": _SEGMENTS, "box": repr(box)}
    if subject.dim > 2:
        facts["plane"] = "of the first two inputs, the others at the centre"
    caption = "Left: f along the curve. Right: energy beyond n on the curve, and in the plane beyond n/ρ and beyond n."
    panels: tuple[Any, ...] = (restriction.plot,)
    varies = restriction.function.mean_square[0] > restriction.function.mean[0] ** 2 * (1 + 1e-12)
    modes = float(np.prod(1 + _MODES[-1] / min(1.0, curve.rho) * (box.upper - box.lower) / np.pi))
    if not varies or modes > _PLANAR_MODES:
        caption = "f along the curve."
    else:
        tails = energy_comparison(cx, restriction, curve, _MODES)
        panels = (restriction.plot, tails.plot)
        facts["share of variance beyond n = 16 on the curve"] = float(tails.latent_tail[4])
        facts["in the plane beyond 16/ρ"] = float(tails.input_tail[4])
        facts["in the plane beyond 16"] = float(tails.same_tail[4])
    return Evidence(checks, facts, panels, caption)


def _rounding(net: Network, box: Box) -> float:
    """Of the forward pass that the restriction is compared with: a few roundings of the largest terms of each layer."""
    size = np.maximum(np.abs(box.lower), np.abs(box.upper))
    for weight, bias, activation in zip(net.weights[:-1], net.biases[:-1], net.activations, strict=True):
        size = np.abs(weight) @ size + np.abs(bias)
        size = np.abs(activation.slopes).max() * size + np.abs(activation.intercepts).max()
    size = np.abs(net.weights[-1]) @ size + np.abs(net.biases[-1])
    terms = sum(w.shape[1] + 4 for w in net.weights)
    return float(2.0**-52 * terms * size.max())


def _petals(box: Box, petals: int) -> PetalCurve:
    """The paper's curve, scaled to nine tenths of the box."""
    half, centre = (box.upper - box.lower) / 2, (box.upper + box.lower) / 2
    return PetalCurve(petals, scale=0.9 * float(half.min()) / 1.5, centre=(float(centre[0]), float(centre[1])))


def _kernel_check(curve: PetalCurve, subject: Subject) -> Check:
    """|P(n, k)| against its bound at wavevectors without a stationary phase: the one that comes closest."""
    rng, centred = subject.rng(8), replace(curve, centre=(0.0, 0.0))  # which |P| does not see, but rounding does
    worst = (-1.0, 0.0, 1.0, 0, 0.0)
    for _ in range(60):
        n = int(rng.integers(20, 90))
        size = float(n / curve.rho * rng.uniform(0.05, 0.5))
        angle = rng.uniform(0, 2 * np.pi)
        value = abs(curve_kernel(centred, n, [size * np.cos(angle), size * np.sin(angle)]))
        bound = float(kernel_bound(curve, n, size))
        worst = max(worst, (value / bound, value, bound, n, size))
    statement = "|P_γ(n, k)| ≤ |k| sup|γ''| / (2πn − |k| sup|γ'|)² at 60 pairs with |k| < n/2ρ"
    return Check("manifold.kernel", statement, worst[1], worst[2], "<=", 1e-13, {"n": worst[3], "|k|": worst[4]})
