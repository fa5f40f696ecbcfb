"""The claims a verification report goes through, in order: number in the paper, statement, remark, evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from specgeo.theory import evidence_curves, evidence_geometry, evidence_learning, evidence_spectrum
from specgeo.theory.subject import Evidence, Subject


@dataclass(frozen=True)
class Template:
    """A claim before it is looked at on a network."""

    key: str
    title: str
    source: str
    statement: str
    evaluate: Callable[[Subject], Evidence]
    remark: str = ""


CLAIMS: tuple[Template, ...] = (
    Template(
        "complex",
        "The polyhedral complex is sound",
        "Section 2.1, Lemma 3",
        "f is continuous and affine on finitely many convex cells that tile the domain; gradients jump along facet "
        "normals only.",
        evidence_geometry.complex_is_sound,
        "All other entries rest on this complex. Its combinatorics are proved: every sign behind them was decided by "
        "a rigorous filter or in exact arithmetic.",
    ),
    Template(
        "lemma1",
        "Fourier transform by cells",
        "Lemma 1",
        "For compact support f̂(k) = −i Σ (k·g_P)/|k|² 1̂_P(k), the sum over cells P with gradients g_P.",
        evidence_spectrum.lemma_1,
        "The paper prints +i, which contradicts its own convention e^{−ik·x}: the gradient transforms to +ik f̂. "
        "Absolute values, hence all decay claims, are unaffected. Checked on the network clamped to zero on the walls "
        "of the domain, against the independent facet form.",
    ),
    Template(
        "decay",
        "Decay on the domain, with explicit constants",
        "Theorem 1",
        "|f̂(k)| ≤ |k|⁻² [J(k̂) + boundary flux] + |k|⁻¹ boundary trace for every k ≠ 0, J(u) = Σ |c_F| (u·n_F)² |F|.",
        evidence_spectrum.bounds_on_domain,
        "The paper's C_n = O(L_f N_f) is not uniform over directions: near a direction orthogonal to a face the "
        "factors 1/|u_F| blow up. These bounds hold at every wavevector; the form in L_f N is among them.",
    ),
    Template(
        "compact",
        "The k⁻² law for compact support",
        "Theorem 1; abstract",
        "|f̂(k)| ≤ min(∫|f|, J(k̂)/|k|²) where f vanishes on the boundary, and J(u) ≤ L_f N Per(Ω); the jumps satisfy "
        "Σ c_F |F| n nᵀ = 0.",
        evidence_spectrum.compact_support,
        "The network is clamped between ±h, h growing linearly from the walls of the domain.",
    ),
    Template(
        "directions",
        "How fast, along which direction",
        "Theorem 1, Lemma 2",
        "f̂(tu) = Σ_n t^{−(n+1)} Σ_q a_{n,q} e^{−i t s_q}: t⁻² along facet normals, t^{−(d+1)} in generic directions.",
        evidence_spectrum.directions,
        "Θ(1) in the paper holds as O(1) only: the oscillating sums vanish for some t, and whole classes may cancel "
        "(interior vertices of a one-hidden-layer network do). Where f has compact support the expansion is exact for "
        "all t, not asymptotic. Amplitudes are compared, as mean squares over a window, because slopes fitted over one "
        "are biased.",
    ),
    Template(
        "shells",
        "The shell energy decays as t⁻⁴ in every dimension",
        "Section 2; the reading of O(k⁻²) that needs no direction",
        "E(t) t⁴ → 2 (2π)^{d−1} Σ c_F² |F| for compact support, E(t) the energy on the shell |k| = t.",
        evidence_spectrum.shells,
        "A limit, not a bound: means over windows [T, 2T], taken by quadrature without sampling error, approach it as "
        "T grows. In one dimension their distance to it has a bound, which is checked. Of the clamped network.",
    ),
    Template(
        "lipschitz",
        "Lipschitz constant and weight norms",
        "Equation (7), Proposition 3",
        "max over cells of the gradient norm = L_f ≤ Π spectral norms ≤ Π Frobenius norms ≤ ‖θ‖∞^{L+1} √(d m) Π d_l, "
        "each times the largest slopes of the activations (1 for ReLU).",
        evidence_geometry.lipschitz,
        "L_f is that of all m outputs together, on the domain, in Euclidean norms.",
    ),
    Template(
        "counting",
        "Number of linear regions",
        "Section 2.2 (N_f)",
        "The exact numbers of linear regions and of activation regions exceed none of the upper bounds that apply.",
        evidence_geometry.counting,
        "Counted on the domain, which can only lower the numbers. A linear region is a largest union of activation "
        "regions, joined through facets, with one affine map.",
    ),
    Template(
        "sampling",
        "What an FFT of samples can know",
        "Section 3 (figures by FFT)",
        "|F_n − c_n| ≤ certified alias bound at every mode of the mirror series that an FFT of N samples resolves.",
        evidence_learning.sampling,
        "The paper's FFT is taken on the training grid: with zero training loss it equals the target's, whatever the "
        "network does between the samples. Exact coefficients have no such blind spot.",
    ),
    Template(
        "peaks",
        "High frequencies have to be paid for",
        "Abstract; Experiment 7",
        "J(k̂) ≥ |k|² |f̂(k)| for f zero on the walls (here the clamped network): a spectrum that stays above ½ up to K "
        "needs J ≥ K²/2, J ≤ L_f N Per.",
        evidence_learning.peaks,
        "A delta peak cannot be fitted with finite weights because J is finite then. The bound by the product of "
        "weight norms is too loose to explain the failures shown in the paper.",
    ),
    Template(
        "sensitivity",
        "How fast the spectrum moves with the weights",
        "Equation (9), Propositions 1 and 2",
        "|∂_θ f̂(k)| ≤ C_θ/|k| for every parameter and every k ≠ 0, f cut to its domain; on one input the rms of "
        "|k||∂_θ f̂| without the walls tends to (Σ |c_j ∂_θ x_j|²)^{1/2}, x_j the kinks.",
        evidence_learning.sensitivity,
        "The paper's O(k^{−Δ}) for the residual rate is an upper bound at fixed weights. The exact form shows which "
        "parameters attain 1/|k|: those that move a kink. Output weights move none, and without the walls have one "
        "power more.",
    ),
    Template(
        "robustness",
        "Are low frequencies more robust to noise on the weights?",
        "Section 5, Experiment 2",
        "To first order E|c_{θ+δv} − c_θ|² = δ² |∂_θ c|²/p for a random unit direction v in p parameters, c a "
        "coefficient of the mirror series, which has no jump at the walls. Where noise moves kinks, c falls by a "
        "power of |k| faster than ∂_θ c, so that high frequencies would change first in relative terms.",
        evidence_learning.robustness,
        "The paper normalises by the unperturbed magnitude and clips at 1, which hides gains; here nothing is clipped.",
    ),
    Template(
        "volume",
        "Lower frequencies occupy more of parameter space",
        "Appendix D, Lemma 4",
        "P_θ(sup_{k'>k} |f̂(k'u)| > ε) ≤ E[J]/(ε k²), and it is 0 beyond κ = √(sup J/ε); J = Σ |c_F| |F|, u the "
        "first axis, f̂ without the walls.",
        evidence_learning.volume,
        "The paper's proof uses |f̂| where its inequality is shown only beyond κ(θ); Markov's inequality with J "
        "repairs it with explicit constants. A claim about networks of this kind, not about these weights: drawn are "
        "networks of this depth on the unit cube, weights uniform in [−1, 1]. E[J] is a sample mean; its spread is "
        "allowed for.",
    ),
    Template(
        "manifold",
        "Low input frequencies, high frequencies on a curved manifold",
        "Section 4, appendix C.7",
        "On a closed curve γ latent frequency n needs |k| of about n/ρ, ρ = sup|γ'|/2π: below that the kernel "
        "P_γ(n, k) has no stationary phase and is small, with an explicit bound.",
        evidence_curves.on_a_curve,
        "The paper leaves out (2π)^{−d} and argues by stationary phase. Here: the network on a petal curve in a plane "
        "with its certificate, the kernel against its bound, and the latent energy of the low-pass part against its "
        "bound.",
    ),
    Template(
        "paths",
        "Are inputs of one class connected?",
        "Section 4, appendix A.7 (Experiment 9)",
        "Decision regions and their components, exactly; a path is connected only where its margins are proved "
        "positive at every breakpoint.",
        evidence_geometry.decision,
        "That all inputs of one class can be joined inside it is an observation on data, not a theorem: the count of "
        "components shows whether it holds on this domain.",
    ),
)
