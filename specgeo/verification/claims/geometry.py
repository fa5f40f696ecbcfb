"""The claims about the complex, the Lipschitz constant and counts of regions."""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo import plotting, theory
from specgeo.geometry.soundness import failures
from specgeo.results import Check
from specgeo.theory.lipschitz import cell_lipschitz, lipschitz_chain
from specgeo.verification.claim import Evidence, claim
from specgeo.verification.subject import Subject


@claim(
    "complex",
    "The polyhedral complex is sound",
    "Section 2.1, Lemma 3",
    "f is continuous and affine on finitely many convex cells that tile the domain; gradients jump along facet "
    "normals only.",
    "All other entries rest on this complex. Its combinatorics are proved: every sign behind them was decided by "
    "a rigorous filter or in exact arithmetic.",
)
def complex_is_sound(subject: Subject) -> Evidence:
    """Self-checks of the complex that all other claims rest on."""
    cx = subject.complex
    failure = "; ".join(failures(cx, subject.net.layers))
    volume = float(cx.volumes.sum())
    certificate = cx.certificate
    checks = [
        Check("complex.certified", "every sign that decides the combinatorics is proved", int(certificate.certified), 1,
              "=="),
        Check("complex.euler", "Euler characteristic of a convex domain", cx.euler_characteristic, 1, "=="),
        Check("complex.volume", "volumes of the cells add up to the domain's", volume, subject.domain.volume, "==",
              1e-9 * subject.domain.volume),
        Check("complex.self-checks", "self-checks that fail: incidence, convexity, continuity across facets, gradient "
              "jumps along normals, divergence identity, values and signs at centroids", int(bool(failure)), 0, "==",
              details={"failure": failure}),
    ]  # fmt: skip
    facts: dict[str, Any] = {f"{k}-faces": n for k, n in enumerate(cx.f_vector)}
    facts["certificate"] = str(certificate)
    return Evidence(checks, facts, _portrait(subject), "The network on its domain and its cells, exactly.")


@claim(
    "lipschitz",
    "Lipschitz constant and weight norms",
    "Equation (7), Proposition 3",
    "max over cells of the gradient norm = L_f ≤ Π spectral norms ≤ Π Frobenius norms ≤ ‖θ‖∞^{L+1} √(d m) Π d_l, "
    "each times the largest slopes of the activations (1 for ReLU).",
    "L_f is that of all m outputs together, on the domain, in Euclidean norms.",
)
def lipschitz(subject: Subject) -> Evidence:
    """Equation (7)."""
    chain = lipschitz_chain(subject.net, subject.complex)
    per_cell = cell_lipschitz(subject.complex)

    def distribution(ax: Any) -> None:
        low, high = float(per_cell.min()), float(per_cell.max())
        room = max(0.02 * (high - low), 1e-3 * max(high, 1e-300))  # all norms may be equal
        shares = subject.complex.volumes / subject.complex.volumes.sum()
        ax.hist(per_cell, bins=60, range=(low - room, high + room), weights=shares, label="share of the domain")
        ax.axvline(chain.exact, color="k", lw=1, label="$L_f$, the largest")
        ax.set(xlabel="gradient norm on the cell (f per unit length)", ylabel="share of the domain", title="exact")

    facts = {
        "reached on cell": chain.cell,
        "spectral norms": chain.layer_spectral,
        "volume-weighted mean gradient norm": float(per_cell @ subject.complex.volumes / subject.complex.volumes.sum()),
    }
    return Evidence(
        chain.checks, facts, (chain.plot, distribution), "The chain of bounds, and the gradients behind it."
    )


@claim(
    "counting",
    "Number of linear regions",
    "Section 2.2 (N_f)",
    "The exact numbers of linear regions and of activation regions exceed none of the upper bounds that apply.",
    "Counted on the domain, which can only lower the numbers. A linear region is a largest union of activation "
    "regions, joined through facets, with one affine map.",
)
def counting(subject: Subject) -> Evidence:
    """Section 2.2: counts of linear regions."""
    table = theory.region_table(subject.net, subject.complex)
    activation, linear, distinct = table.activation_regions, table.linear_regions, table.distinct_maps
    assert activation is not None and linear is not None and distinct is not None  # the complex was given
    facts = {"linear regions": linear, "activation regions": activation, "distinct affine maps": distinct}
    upper = [b.value for b in table.bounds if b.kind == "upper"]
    checks = [*table.checks, Check("counting.linear", "linear regions <= the smallest of these", linear, min(upper))]
    return Evidence(checks, facts, (table.plot,), "Activation regions against the bounds, base-10 logarithms.")


def _portrait(subject: Subject) -> tuple[Any, ...]:
    cx = subject.complex
    if subject.dim == 1:
        return (lambda ax: plotting.function_plot(cx, outputs=[subject.output], ax=ax),)
    if subject.dim == 2:
        return (
            lambda ax: plotting.region_map(cx, output=subject.output, edges=False, ax=ax),
            lambda ax: plotting.region_map(cx, output=subject.output, color="gradient", ax=ax),
        )

    def sizes(ax: Any) -> None:
        volumes = cx.volumes[cx.volumes > 0]
        ax.hist(np.log10(volumes), bins=60)
        ax.set(xlabel="log10 of the volume of a cell", ylabel="cells")

    return (sizes,)
