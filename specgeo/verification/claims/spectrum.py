"""The claims about decay: Lemma 1, Theorem 1, its constants, the mirror series and its samples, the shell law."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from specgeo import theory  # what few claims need is loaded on first use
from specgeo._cast import ComplexArray, FloatArray
from specgeo._measures import lengths_of
from specgeo.errors import UnsupportedError
from specgeo.fourier import simplex_transform, spectrum
from specgeo.fourier.series import mode_wavevectors
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.structure import stated_errors
from specgeo.results import RADIANS, Check
from specgeo.theory.decay import decay_report, mirror_check, sample_wavevectors
from specgeo.theory.sampling import alias_report_of, samples_needed
from specgeo.theory.variation import directional_variation, kinks
from specgeo.verification.claim import Evidence, claim
from specgeo.verification.subject import Subject

_LEMMA_TERMS = {True: 400_000, False: 100_000}  # simplices times wavevectors of Lemma 1's cell form: d <= 3, or more
_SHELL_TERMS, _WAVEVECTOR = 1e9, 300  # facet simplices times wavevectors of a window; what a wavevector costs alone


@claim(
    "lemma1",
    "Fourier transform by cells",
    "Lemma 1",
    "For compact support f̂(k) = −i Σ (k·g_P)/|k|² 1̂_P(k), the sum over cells P with gradients g_P.",
    "The paper prints +i, which contradicts its own convention e^{−ik·x}: the gradient transforms to +ik f̂. "
    "Absolute values, hence all decay claims, are unaffected. Checked on the network clamped to zero on the walls "
    "of the domain, against the independent facet form.",
)
def lemma_1(subject: Subject) -> Evidence:
    """f^ = -i sum (k.g)/|k|^2 1^_P for a compactly supported f, against the facet form."""
    cx = subject.compact
    simplices = cx.triangulation(cx.dim)[0]
    n = int(np.clip(_LEMMA_TERMS[cx.dim <= 3] // len(simplices), 2, 60))
    k = sample_wavevectors(cx, n, subject.generator(6), decades=2.0)
    cells = _cell_form(cx, k)
    exact, error = spectrum(cx, k, return_error=True)
    gap = np.abs(cells - exact[:, 0])
    # Each term of the cell form is (|g| / |k|) |1^_P| <= |g| |P| / |k|, with a relative error of some 1e-15 (the factor
    # is wider); and moving the walls of P by the error of its vertices moves the term by |g| |dP| / |k| times it.
    slope = lengths_of(cx.gradients[:, 0])
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


@claim(
    "decay",
    "Decay on the domain, with explicit constants",
    "Theorem 1",
    "|f̂(k)| ≤ |k|⁻² [J(k̂) + boundary flux] + |k|⁻¹ boundary trace for every k ≠ 0, J(u) = Σ |c_F| (u·n_F)² |F|.",
    "The paper's C_n = O(L_f N_f) is not uniform over directions: near a direction orthogonal to a face the "
    "factors 1/|u_F| blow up. These bounds hold at every wavevector; the form in L_f N is among them.",
)
def bounds_on_domain(subject: Subject) -> Evidence:
    """The explicit bounds for f cut to its domain."""
    cx = subject.complex
    k = sample_wavevectors(cx, subject.affordable(cx, 600), subject.generator(2))
    report = decay_report(cx, k, subject.output)
    checks = [check for check in report.checks if not check.name.startswith("decay.compact")]
    facts: dict[str, Any] = {"wavevectors": len(report.wavevectors), "sum |c_F||F|": report.variation}
    if report.bound.max() > 0:
        facts["median share of the bound reached"] = float(np.median(report.magnitude / report.bound))
        facts["smallest C in C L_f N / k²"] = report.paper_constant
    panels = (report.plot,) if report.magnitude.max() > 0 else ()
    return Evidence(
        checks, facts, panels, "The exact spectrum of f on its domain and the bound, wavevector by wavevector."
    )


@claim(
    "compact",
    "The k⁻² law for compact support",
    "Theorem 1; abstract",
    "|f̂(k)| ≤ min(∫|f|, J(k̂)/|k|²) where f vanishes on the boundary, and J(u) ≤ L_f N Per(Ω); the jumps satisfy "
    "Σ c_F |F| n nᵀ = 0.",
    "The network is clamped between ±h, h growing linearly from the walls of the domain.",
)
def compact_support(subject: Subject) -> Evidence:
    """J(u)/|k|^2 and the identity of the jumps, for f clamped to zero on the walls."""
    cx = subject.compact
    report = decay_report(cx, sample_wavevectors(cx, subject.affordable(cx, 600), subject.generator(3)))
    checks = [check for check in report.checks if check.name.startswith("decay.compact")]
    checks.append(theory.free_identities(cx))

    def ratio(ax: Any) -> None:
        length = np.linalg.norm(report.wavevectors, axis=1)
        variation = directional_variation(cx, report.wavevectors, 0, "zero")
        ax.loglog(length, np.maximum(report.magnitude * length**2 / variation, 1e-12), ".", ms=3, label="exact")
        ax.axhline(1.0, color="k", lw=1, label="bound")
        ax.set(xlabel=RADIANS, ylabel="$|\\hat f(k)|\\,|k|^2 / J(\\hat k)$", title="1 is the bound")

    facts: dict[str, Any] = {"cells after clamping": cx.n_cells}
    if report.lipschitz > 0:
        facts["smallest C in C L_f N / k²"] = report.paper_constant
    panels = (report.plot, ratio) if report.magnitude.max() > 0 else ()
    return Evidence(checks, facts, panels, "Without a jump at the walls the law is k⁻² with the constant J.")


@claim(
    "mirror",
    "The k⁻² law of the mirror series",
    "Theorem 1, on the torus",
    "|c_n| ≤ |k|⁻² |Ω|⁻¹ [Σ |c_F| |F| + Σ_B |∂_ν f| |B|] for every mode n ≠ 0, k_j = π n_j / s_j, s_j the sides of the "
    "box.",
    "The mirror extension is continuous: walls are kinks and no jumps, so that nothing hides the decay of the network. "
    "Checked at every mode that the FFT of the entry on samples resolves.",
)
def mirror_series(subject: Subject) -> Evidence:
    """Exact coefficients of the modes that an FFT resolves, against the law."""
    cx, found = subject.box_complex, subject.sampled
    magnitude, error = np.abs(found.exact[..., 0]).ravel(), found.exact_error[..., 0].ravel()
    k = mode_wavevectors(found.modes, subject.box).reshape(-1, cx.dim)
    moving = np.any(k != 0, axis=1)
    check = mirror_check(cx, k[moving], magnitude[moving], error[moving])
    return Evidence([check], {"box": repr(subject.box), "modes": int(moving.sum())})


@claim(
    "sampling",
    "What an FFT of samples can know",
    "Section 3 (figures by FFT)",
    "|F_n − c_n| ≤ certified alias bound at every mode of the mirror series that an FFT of N samples resolves.",
    "The paper's FFT is taken on the training grid: with zero training loss it equals the target's, whatever the "
    "network does between the samples. Exact coefficients have no such blind spot.",
)
def sampling(subject: Subject) -> Evidence:
    """An FFT of samples against exact coefficients, with the certified alias bound."""
    report = alias_report_of(subject.sampled)
    cx, n = subject.box_complex, min(report.n_samples)
    size = np.linalg.norm(report.modes, axis=1)
    far = report.relative_error[np.isfinite(report.relative_error) & (size > n / 4)]
    mode = [n // 8] * subject.dim
    tolerance = 1e-3 * float(np.abs(report.exact[size > 0]).max(initial=0.0))
    facts: dict[str, Any] = {"box": repr(subject.box), "samples a period and axis": n, "modes": len(report.modes)}
    if len(far):
        facts[f"median relative error beyond |n| = {n // 4}"] = float(np.median(far))
    if tolerance > 1e-9 * subject.largest:
        needed = samples_needed(cx, mode, tolerance)
        facts[f"samples a period that certify mode {mode} to {tolerance:.2g}"] = needed
    return Evidence(
        report.checks, facts, (report.plot,), "Exact coefficients, the error of the FFT, and its certified bound."
    )


@claim(
    "directions",
    "How fast, along which direction",
    "Theorem 1, Lemma 2",
    "f̂(tu) = Σ_n t^{−(n+1)} Σ_q a_{n,q} e^{−i t s_q}: t⁻² along facet normals, t^{−(d+1)} in generic directions.",
    "Θ(1) in the paper holds as O(1) only: the oscillating sums vanish for some t, and whole classes may cancel "
    "(interior vertices of a one-hidden-layer network do). Where f has compact support the expansion is exact for "
    "all t, not asymptotic. Amplitudes are compared, as mean squares over a window, because slopes fitted over one "
    "are biased.",
)
def directions(subject: Subject) -> Evidence:
    """Theorem 1 along the heaviest facet normal and a generic direction."""
    cx = subject.compact
    diameter = float(np.linalg.norm(np.ptp(cx.vertices, axis=0)))
    ways = {"the heaviest facet normal": theory.normal_directions(cx).directions[:1]}
    if subject.dim > 1:
        ways["a generic direction"] = _most_generic(cx, subject)[None]
    checks: list[Check] = []
    facts: dict[str, Any] = {}
    panels: list[Any] = []
    for name, rows in ways.items():
        if len(rows) == 0:
            facts["f"] = "has no kink: it vanishes"
            continue
        report = theory.direction_report(cx, rows[0], window=(200.0 / diameter, 5000.0 / diameter))
        checks += [replace(check, statement=f"{check.statement}, along {name}") for check in report.checks]
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


@claim(
    "shells",
    "The shell energy decays as t⁻⁴ in every dimension",
    "Section 2; the reading of O(k⁻²) that needs no direction",
    "E(t) t⁴ → 2 (2π)^{d−1} Σ c_F² |F| for compact support, E(t) the energy on the shell |k| = t.",
    "A limit, not a bound: means over windows [T, 2T], taken by quadrature without sampling error, approach it as "
    "T grows. In one dimension their distance to it has a bound, which is checked. Of the clamped network.",
)
def shells(subject: Subject) -> Evidence:
    """E(t) t^4 against the Porod constant."""
    if subject.dim > 3:
        raise UnsupportedError(f"shell averages are computed in dimension 1 to 3, not {subject.dim}")
    cx = subject.compact
    diameter = float(np.linalg.norm(np.ptp(cx.vertices, axis=0)))
    starts = {1: [100.0, 1000.0, 10000.0], 2: [50.0, 100.0, 200.0], 3: [5.0, 10.0, 20.0]}[subject.dim]
    simplices = len(cx.triangulation(cx.dim - 1)[0])
    windows = [t * 2.8 / diameter for t in starts]
    cost = [theory.directions.shell_size(cx, t) * (simplices + _WAVEVECTOR) for t in windows]
    windows = [t for t, terms in zip(windows, cost, strict=True) if terms < _SHELL_TERMS] or windows[:1]
    law = theory.shell_law(cx, windows)
    facts: dict[str, Any] = {"limit 2(2π)^(d−1) Σ c²|F|": law.predicted}
    for start, mean in zip(law.windows, law.measured, strict=True):
        share = f", {100 * mean / law.predicted:.4g} % of the limit" if law.predicted > 0 else ""
        facts[f"mean over t in [{start:.4g}, {2 * start:.4g}]"] = f"{mean:.5g}{share}"
    panels = (law.plot,) if law.predicted > 0 else ()
    return Evidence(law.checks, facts, panels, "Means of E(t) t⁴ over windows [T, 2T]; the line is the exact limit.")


def _most_generic(cx: PolyhedralComplex, subject: Subject) -> FloatArray:
    """Of some random directions the one farthest from facet normals: where the generic law sets in first."""
    candidates = subject.generator(4).standard_normal((200, subject.dim))
    candidates /= np.linalg.norm(candidates, axis=1, keepdims=True)
    bends = kinks(cx, 0, "zero")
    # |F^(tu)| falls faster than 1/t only beyond t of about 1 / (|F| sin(angle of u and n_F)).
    sine = 1.0 - (candidates @ bends.normals.T) ** 2
    cost = (bends.jumps**2 / np.maximum(sine, 1e-30)).sum(axis=1)
    return np.asarray(candidates[int(np.argmin(cost))])


def _cell_form(cx: PolyhedralComplex, k: FloatArray) -> ComplexArray:
    """-i sum over cells of (k . g) / |k|^2 times the transform of the cell's indicator."""
    simplices, owner = cx.triangulation(cx.dim)
    indicator = simplex_transform(cx.vertices[simplices], k)
    weight = cx.gradients[owner, 0] @ k.T / (k**2).sum(axis=1)
    return np.asarray(-1j * np.sum(weight * indicator, axis=0))


def _titled(plot: Any, title: str) -> Any:
    def panel(ax: Any) -> None:
        plot(ax)
        ax.set_title(title)

    return panel
