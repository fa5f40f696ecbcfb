"""Evidence for the claims about the complex, the Lipschitz constant, region counts and decision regions."""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo.geometry.soundness import failures
from specgeo.theory._results import Check
from specgeo.theory.subject import Evidence, Subject


def complex_is_sound(subject: Subject) -> Evidence:
    """Self-checks of the complex that all other claims rest on."""
    cx = subject.complex
    failure = "; ".join(failures(cx, subject.net.layers))
    volume = float(cx.volumes.sum())
    checks = [
        Check("complex.euler", "Euler characteristic of a convex domain", cx.euler_characteristic, 1, "=="),
        Check("complex.volume", "volumes of the cells add up to the domain's", volume, subject.domain.volume, "==",
              1e-9 * subject.domain.volume),
        Check("complex.self-checks", "self-checks that fail: incidence, convexity, continuity across facets, gradient "
              "jumps along normals, divergence identity, values and signs at centroids", int(bool(failure)), 0, "==",
              details={"failure": failure}),
    ]  # fmt: skip
    facts: dict[str, Any] = {f"{k}-faces": n for k, n in enumerate(cx.f_vector)}
    if cx.certificate is not None:
        facts["certificate"] = str(cx.certificate)
    return Evidence(checks, facts, _portrait(subject), "The network on its domain and its cells, exactly.")


def lipschitz(subject: Subject) -> Evidence:
    """Equation (7)."""
    from specgeo.theory.lipschitz import cell_lipschitz, lipschitz_chain

    chain = lipschitz_chain(subject.net, subject.complex)
    per_cell = cell_lipschitz(subject.complex)

    def distribution(ax: Any) -> None:
        low, high = float(per_cell.min()), float(per_cell.max())
        room = max(0.02 * (high - low), 1e-3 * max(high, 1e-300))  # all norms may be equal
        shares = subject.complex.volumes / subject.complex.volumes.sum()
        ax.hist(per_cell, bins=60, range=(low - room, high + room), weights=shares)
        ax.axvline(chain.exact, color="k", lw=1)
        ax.set(xlabel="gradient norm on the cell", ylabel="share of the domain", title="exact, up to $L_f$ (line)")

    facts = {
        "reached on cell": chain.cell,
        "spectral norms": chain.layer_spectral,
        "volume-weighted mean gradient norm": float(per_cell @ subject.complex.volumes / subject.complex.volumes.sum()),
    }
    return Evidence(
        chain.checks, facts, (chain.plot, distribution), "The chain of bounds, and the gradients behind it."
    )


def counting(subject: Subject) -> Evidence:
    """Section 2.2: counts of linear regions."""
    from specgeo.theory.counting import region_table

    table = region_table(subject.net, subject.complex)
    activation, linear, distinct = table.activation_regions, table.linear_regions, table.distinct_maps
    assert activation is not None and linear is not None and distinct is not None  # the complex was given
    facts = {"linear regions": linear, "activation regions": activation, "distinct affine maps": distinct}
    upper = [b.value for b in table.bounds if b.kind == "upper"]
    checks = [*table.checks, Check("counting.linear", "linear regions <= the smallest of these", linear, min(upper))]
    return Evidence(checks, facts, (table.plot,), "Activation regions against the bounds, base-10 logarithms.")


def decision(subject: Subject) -> Evidence:
    """Appendix A.7: components of decision regions, and a certified path inside the largest one."""
    from specgeo.theory.regions import decision_regions

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


def _path_inside(regions: Any, subject: Subject) -> Any:
    """A certified path between the two most distant of some points of the largest component, where one is certified."""
    if regions.n_components == 0:
        return None
    largest = int(np.argmax(regions.measures))
    cells = np.flatnonzero(regions.cell_component == largest)
    if len(cells) < 2:
        return None
    centres = regions.complex.centroids[cells]
    some = centres[subject.rng(1).permutation(len(centres))[:200]]
    gaps = np.linalg.norm(some[:, None] - some[None], axis=2)
    a, b = np.unravel_index(int(np.argmax(gaps)), gaps.shape)
    path = regions.shortest_path(some[a], some[b])
    # Where the path runs through cells of rounding size the certificate may be undecided: then nothing is claimed.
    return path if path is not None and path.certificate.status != "undecided" else None


def _portrait(subject: Subject) -> tuple[Any, ...]:
    from specgeo import plotting

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
