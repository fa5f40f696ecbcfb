"""The claims about curves in the input space: a network on a petal curve, decision regions and paths in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from specgeo._running_error import values_with_error
from specgeo.domain import Box
from specgeo.paths import DecisionRegions, RegionPath, decision_regions
from specgeo.results import Check
from specgeo.theory.latent import energy_comparison, low_pass_check
from specgeo.theory.lipschitz import lipschitz_constant
from specgeo.theory.manifolds import PetalCurve, curve_kernel, kernel_bound, restrict_to_curve
from specgeo.verification.claim import Evidence, NotApplicable, claim
from specgeo.verification.subject import Subject

_PETALS = 4
_SEGMENTS = 1000
_PLANAR_MODES = 300_000  # of the box, for the energies in the plane
_MODES = (1, 2, 4, 8, 16, 32, 64)


@claim(
    "manifold",
    "Low input frequencies, high frequencies on a curved manifold",
    "Section 4, appendix C.7",
    "On a closed curve γ latent frequency n needs |k| of about n/ρ, ρ = sup|γ'|/2π: below that the kernel "
    "P_γ(n, k) has no stationary phase and is small, with an explicit bound.",
    "The paper leaves out (2π)^{−d} and argues by stationary phase. Here: the network on a petal curve in a plane "
    "with its certificate, the kernel against its bound, and the latent energy of the low-pass part against its "
    "bound.",
)
def on_a_curve(subject: Subject) -> Evidence:
    """Section 4: f along the curve with its certificate; the kernel's bound; energies on the curve and in the plane."""
    if subject.dim == 1:
        raise NotApplicable("a closed curve needs a plane; this network has one input")
    net, cx, box = subject.plane
    curve = _petals(box, _PETALS)
    restriction = restrict_to_curve(net, curve, _SEGMENTS, lipschitz_constant(cx))
    z = subject.generator(7).random(20_000)
    points = curve(z)
    values, rounding = values_with_error(net, points, 2.0**-50 * np.abs(points).max())  # the points are rounded too
    gap = np.abs(values[:, 0] - restriction.function(z)[:, 0])
    checks = [
        Check("manifold.polyline", f"|f(γ(z)) − f(γ_h(z))| at {len(z)} places ≤ L_f sup|γ''| h²/8", float(gap.max()),
              restriction.curve_error, "<=", float(restriction.function.error[0] + rounding.max())),
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


def _petals(box: Box, petals: int) -> PetalCurve:
    """The paper's curve, scaled to nine tenths of the box."""
    half, centre = (box.upper - box.lower) / 2, (box.upper + box.lower) / 2
    return PetalCurve(petals, scale=0.9 * float(half.min()) / 1.5, centre=(float(centre[0]), float(centre[1])))


def _kernel_check(curve: PetalCurve, subject: Subject) -> Check:
    """|P(n, k)| against its bound at wavevectors without a stationary phase: the one that comes closest."""
    rng, centred = subject.generator(8), replace(curve, centre=(0.0, 0.0))  # which |P| does not see, but rounding does
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


@claim(
    "paths",
    "Are inputs of one class connected?",
    "Section 4, appendix A.7 (Experiment 9)",
    "Decision regions and their components, exactly; a path is connected only where its margins are proved "
    "positive at every breakpoint.",
    "That all inputs of one class can be joined inside it is an observation on data, not a theorem: the count of "
    "components shows whether it holds on this domain.",
)
def decision(subject: Subject) -> Evidence:
    """Appendix A.7: components of decision regions, and a certified path inside the largest one."""
    net, remark = subject.net, ""
    if net.output_dim == 1:
        net = net.postcompose([[1.0]], [-subject.mean])
        remark = f"One output is no classifier: the classes are f below (0) and above (1) its mean {subject.mean:.5g}."
    regions = decision_regions(net, subject.domain)
    facts: dict[str, Any] = {
        "components": regions.n_components,
        "of them islands inside the domain": regions.n_islands,
    }
    for label in np.unique(regions.labels):
        mine = regions.components_of(int(label))
        count = f"{len(mine)} component{'' if len(mine) == 1 else 's'}"
        facts[f"class {label}"] = f"{count}, measure {regions.measures[mine].sum():.5g}"
    if regions.tie_measure > 0:
        facts["no class: two are equal and largest"] = f"measure {regions.tie_measure:.5g}"
    total = float(regions.measures.sum() + regions.tie_measure)
    checks = [
        Check("paths.partition", "decision regions and ties fill the domain", total, subject.domain.volume, "==",
              1e-9 * subject.domain.volume),
    ]  # fmt: skip
    panels: list[Any] = [regions.plot]
    path = _path_inside(regions, subject)
    if path is not None:
        proof = path.certificate
        checks.append(
            Check("paths.certificate", "smallest margin along a path in the largest component exceeds its proved "
                  "rounding error: certified without sampling", proof.margin, proof.error_bound, ">=")
        )  # fmt: skip
        facts["length of that path"] = path.length
        facts["breakpoints on it"] = proof.n_breakpoints

        def with_path(ax: Any) -> None:
            regions.plot(ax)
            if subject.dim == 2:
                ax.plot(*path.vertices.T, "-o", color="k", lw=1.4, ms=2.5)
            ax.set_title(f"{regions.n_components} components, {regions.n_islands} islands")

        panels = [with_path, path.plot]
    return Evidence(
        checks, facts, tuple(panels), "Components (shades of one hue per class), and the margin along the path.", remark
    )


def _path_inside(regions: DecisionRegions, subject: Subject) -> RegionPath | None:
    """A certified path between the two most distant of some points of the largest component, where one is certified."""
    if regions.n_components == 0:
        return None
    largest = int(np.argmax(regions.measures))
    cells = np.flatnonzero(regions.cell_component == largest)
    if len(cells) < 2:
        return None
    centres = regions.complex.centroids[cells]
    some = centres[subject.generator(1).permutation(len(centres))[:200]]
    gaps = np.linalg.norm(some[:, None] - some[None], axis=2)
    a, b = np.unravel_index(int(np.argmax(gaps)), gaps.shape)
    path = regions.shortest_path(some[a], some[b])
    # Where the path runs through cells of rounding size the certificate may be undecided: then nothing is claimed.
    return path if path is not None and path.certificate.status != "undecided" else None
