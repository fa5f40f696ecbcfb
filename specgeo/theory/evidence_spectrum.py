"""Evidence for the claims about decay: Lemma 1, Theorem 1, its constants, the shell law."""

from __future__ import annotations

from typing import Any

import numpy as np

import specgeo
from specgeo._cast import ComplexArray, FloatArray
from specgeo.errors import UnsupportedError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.structure import stated_errors
from specgeo.theory._results import Check
from specgeo.theory.subject import Evidence, Subject

_LEMMA_TERMS = {True: 400_000, False: 100_000}  # simplices times wavevectors of Lemma 1's cell form: d <= 3, or more
_SHELL_TERMS, _WAVEVECTOR = 1e9, 300  # facet simplices times wavevectors of a window; what a wavevector costs alone


def lemma_1(subject: Subject) -> Evidence:
    """f^ = -i sum (k.g)/|k|^2 1^_P for a compactly supported f, against the facet form."""
    cx = subject.compact
    simplices = cx.triangulation(cx.dim)[0]
    n = int(np.clip(_LEMMA_TERMS[cx.dim <= 3] // len(simplices), 2, 60))
    k = _wavevectors(cx, subject, n, decades=2.0)
    cells = _cell_form(cx, k)
    exact, error = specgeo.spectrum(cx, k, return_error=True)
    gap = np.abs(cells - exact[:, 0])
    # Each term of the cell form is (|g| / |k|) |1^_P| <= |g| |P| / |k|, with a relative error of some 1e-15 (the factor
    # is wider); and moving the walls of P by the error of its vertices moves the term by |g| |dP| / |k| times it.
    slope = np.linalg.norm(cx.gradients[:, 0], axis=1)
    size = (1e-13 * (slope @ cx.volumes) + _moved(cx, slope)) / np.linalg.norm(k, axis=1)
    worst = int(np.argmax(gap - error[:, 0] - size))
    check = Check(
        "lemma1.identity", "largest |cell form - facet form| over the wavevectors", float(gap[worst]), 0.0, "==",
        float(error[worst, 0] + size[worst]), {"k": k[worst]},
    )  # fmt: skip
    facts: dict[str, Any] = {"wavevectors": n}
    clear = np.abs(exact[:, 0]) > 1e3 * (error[:, 0] + size)
    if np.any(clear):
        modulus = np.abs(exact[clear, 0])
        facts["largest relative gap"] = float(np.max(gap[clear] / modulus))
        facts["the same with the paper's sign"] = float(np.max(np.abs(-cells[clear] - exact[clear, 0]) / modulus))
    return Evidence([check], facts)


def _moved(cx: PolyhedralComplex, slope: FloatArray) -> float:
    """sum over cells P and their facets F of |g_P| |F| times the error of F's vertices."""
    lists = cx.vertices_of(cx.dim - 1)
    errors = np.maximum.reduceat(stated_errors(cx)[lists.indices], lists.offsets[:-1])
    first, second = cx.facets.cells.T
    sides = slope[first] + np.where(second >= 0, slope[second], 0.0)
    return float(sides @ (cx.facets.measures * errors))


def bounds_on_domain(subject: Subject) -> Evidence:
    """The explicit bounds for f cut to its domain."""
    from specgeo.theory.decay import decay_report, sample_wavevectors

    cx = subject.complex
    k = sample_wavevectors(cx, subject.affordable(cx, 600), subject.rng(2))
    report = decay_report(cx, k, subject.output)
    checks = [check for check in report.checks if not check.claim.startswith("decay.compact")]
    facts: dict[str, Any] = {"wavevectors": len(report.wavevectors), "sum |c_F||F|": report.variation}
    if report.bound.max() > 0:
        facts["median share of the bound reached"] = float(np.median(report.magnitude / report.bound))
        facts["smallest C in C L_f N / k²"] = report.paper_constant
    panels = (report.plot,) if report.magnitude.max() > 0 else ()
    return Evidence(
        checks, facts, panels, "The exact spectrum of f on its domain and the bound, wavevector by wavevector."
    )


def compact_support(subject: Subject) -> Evidence:
    """J(u)/|k|^2 and the identity of the jumps, for f clamped to zero on the walls."""
    from specgeo.theory.decay import decay_report, directional_variation, sample_wavevectors
    from specgeo.theory.directions import free_identities

    cx = subject.compact
    report = decay_report(cx, sample_wavevectors(cx, subject.affordable(cx, 600), subject.rng(3)))
    checks = [check for check in report.checks if check.claim.startswith("decay.compact")]
    checks.append(free_identities(cx))

    def ratio(ax: Any) -> None:
        length = np.linalg.norm(report.wavevectors, axis=1)
        variation = directional_variation(cx, report.wavevectors, 0, "zero")
        ax.loglog(length, np.maximum(report.magnitude * length**2 / variation, 1e-12), ".", ms=3)
        ax.axhline(1.0, color="k", lw=1)
        ax.set(xlabel="|k|", ylabel="$|\\hat f(k)|\\,|k|^2 / J(\\hat k)$", title="1 is the bound")

    facts: dict[str, Any] = {"cells after clamping": cx.n_cells}
    if report.lipschitz > 0:
        facts["smallest C in C L_f N / k²"] = report.paper_constant
    panels = (report.plot, ratio) if report.magnitude.max() > 0 else ()
    return Evidence(checks, facts, panels, "Without a jump at the walls the law is k⁻² with the constant J.")


def directions(subject: Subject) -> Evidence:
    """Theorem 1 along the heaviest facet normal and a generic direction."""
    from specgeo.theory.directions import direction_report, normal_directions

    cx = subject.compact
    diameter = float(np.linalg.norm(np.ptp(cx.vertices, axis=0)))
    ways = {"the heaviest facet normal": normal_directions(cx).directions[:1]}
    if subject.dim > 1:
        ways["a generic direction"] = _most_generic(cx, subject)[None]
    checks: list[Check] = []
    facts: dict[str, Any] = {}
    panels: list[Any] = []
    for name, rows in ways.items():
        if len(rows) == 0:
            facts["f"] = "has no kink: it vanishes"
            continue
        report = direction_report(cx, rows[0], window=(200.0 / diameter, 5000.0 / diameter))
        checks += [_renamed(check, name) for check in report.checks]
        if report.codimensions:
            facts[f"{name}: exponents present"] = [-n - 1 for n in report.codimensions]
            facts[f"{name}: rms as t → ∞, over the window"] = [report.predicted_rms[0], report.measured_rms]
            if report.fitted_slope is not None:
                facts[f"{name}: fitted slope"] = report.fitted_slope
            panels.append(_titled(report.plot, f"along {name}"))
    return Evidence(
        checks,
        facts,
        tuple(panels),
        "Dots: exact. Line: amplitude and exponent that Theorem 1's slowest class predicts.",
    )


def shells(subject: Subject) -> Evidence:
    """E(t) t^4 against the Porod constant."""
    from specgeo.theory.directions import shell_law, shell_size

    if subject.dim > 3:
        raise UnsupportedError(f"shell averages are computed in dimension 1 to 3, not {subject.dim}")
    cx = subject.compact
    diameter = float(np.linalg.norm(np.ptp(cx.vertices, axis=0)))
    starts = {1: [100.0, 1000.0, 10000.0], 2: [50.0, 100.0, 200.0], 3: [5.0, 10.0, 20.0]}[subject.dim]
    simplices = len(cx.triangulation(cx.dim - 1)[0])
    windows = [t * 2.8 / diameter for t in starts]
    windows = [t for t in windows if shell_size(cx, t) * (simplices + _WAVEVECTOR) < _SHELL_TERMS] or windows[:1]
    law = shell_law(cx, windows)
    facts: dict[str, Any] = {"limit 2(2π)^(d−1) Σ c²|F|": law.predicted}
    for start, mean in zip(law.windows, law.measured, strict=True):
        share = f", {100 * mean / law.predicted:.4g} % of the limit" if law.predicted > 0 else ""
        facts[f"mean over t in [{start:.4g}, {2 * start:.4g}]"] = f"{mean:.5g}{share}"
    panels = (law.plot,) if law.predicted > 0 else ()
    return Evidence(law.checks, facts, panels, "Means of E(t) t⁴ over windows [T, 2T]; the line is the exact limit.")


def _most_generic(cx: PolyhedralComplex, subject: Subject) -> FloatArray:
    """Of some random directions the one farthest from facet normals: where the generic law sets in first."""
    from specgeo.theory.decay import kinks

    candidates = subject.rng(4).standard_normal((200, subject.dim))
    candidates /= np.linalg.norm(candidates, axis=1, keepdims=True)
    bends = kinks(cx, 0, "zero")
    # |F^(tu)| falls faster than 1/t only beyond t of about 1 / (|F| sin(angle of u and n_F)).
    sine = 1.0 - (candidates @ bends.normals.T) ** 2
    cost = (bends.jumps**2 / np.maximum(sine, 1e-30)).sum(axis=1)
    return np.asarray(candidates[int(np.argmin(cost))])


def _cell_form(cx: PolyhedralComplex, k: FloatArray) -> ComplexArray:
    """-i sum over cells of (k . g) / |k|^2 times the transform of the cell's indicator."""
    simplices, owner = cx.triangulation(cx.dim)
    indicator = specgeo.simplex_transform(cx.vertices[simplices], k)
    weight = cx.gradients[owner, 0] @ k.T / (k**2).sum(axis=1)
    return np.asarray(-1j * np.sum(weight * indicator, axis=0))


def _wavevectors(cx: PolyhedralComplex, subject: Subject, n: int, decades: float) -> FloatArray:
    from specgeo.theory.decay import sample_wavevectors

    return sample_wavevectors(cx, n, subject.rng(6), decades)


def _renamed(check: Check, where: str) -> Check:
    statement = f"{check.statement}, along {where}"
    return Check(check.claim, statement, check.measured, check.bound, check.relation, check.tolerance, check.details)


def _titled(plot: Any, title: str) -> Any:
    def panel(ax: Any) -> None:
        plot(ax)
        ax.set_title(title)

    return panel
