"""Negative controls: spectra 1.5 times too large must fail, and constants are pinned where a looser one would pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from theory_cases import random_network, tent

import specgeo as sg
from specgeo.fourier import spectra
from specgeo.geometry.facet_errors import moved_facets
from specgeo.theory import (
    decay,
    directions,
    normals,
    peaks,
    perturbation,
    robustness,
    sampling,
    support,
    variation,
    volume,
)
from specgeo.theory import parameters as pm
from specgeo.verification.claims.spectrum import mirror_series
from specgeo.verification.subject import Subject

K = np.array([[np.pi]])  # where the tent attains its bound


@pytest.fixture
def line():
    return sg.enumerate_regions(
        sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]]), sg.Box([-2], [2])
    )


def test_constants_of_the_tent_exactly(line) -> None:
    """f = max(0, 1 - |x|) on [-2, 2]: 4 cells, jumps 1, -2, 1, L_f = 1, Per = 2; 3 facets are met by the line."""
    report = decay.decay_report(line, K)
    bounds = {check.name: check.bound for check in report.checks}
    squared = np.pi**2
    wanted = {
        "decay.cut": 4 / squared, "decay.gradient": 4 / squared, "decay.interior": 4 / squared,
        "decay.cells": 2 * 4 / squared, "decay.variation": 6.0, "decay.lines": 6.0,
        "decay.compact": 4 / squared, "decay.compact-variation": 8.0,
    }  # fmt: skip
    assert bounds == pytest.approx(wanted, rel=1e-13)
    measured = {check.name: check.measured for check in report.checks}
    for claim in ("decay.cut", "decay.gradient", "decay.interior", "decay.compact"):
        assert measured[claim] == pytest.approx(4 / squared, rel=1e-13)  # attained
    assert measured["decay.variation"] == measured["decay.compact-variation"] == 4.0
    assert all(check.tolerance < 1e-11 for check in report.checks)
    small = decay.decay_report(line, [[1e-3]])  # int |f| = 1 counts for small k
    assert {c.name: c.bound for c in small.checks}["decay.compact"] == pytest.approx(1.0, rel=1e-13)


def test_the_trace_of_a_cut_exactly() -> None:
    """f = 3 on [0, 1]: |f^(k)| = 6 |sin(k / 2)| / k reaches the trace of its two walls, 3 / k each, at k = pi."""
    cx = sg.enumerate_regions(sg.Network([[[0.0]]], [[3.0]]), sg.Box([0], [1]))
    cut = decay.decay_report(cx, K).checks[0]
    assert cut.name == "decay.cut" and cut.bound == pytest.approx(6 / np.pi, rel=1e-13)
    assert cut.measured == pytest.approx(cut.bound, rel=1e-13) and cut.holds


def test_variations_on_intervals_of_any_length_exactly() -> None:
    """x on [0, 1] reflected is a triangle wave, which attains B / n^2; |x - 1| on [0, 3] has J = 3 (2 + 2)."""
    ramp = sg.Network([[[1.0]]], [[0.0]])
    subject = Subject(ramp, sg.Box([0], [1]))
    (check,) = mirror_series.evidence(subject).checks
    assert check.bound == pytest.approx(2, rel=1e-13) and check.holds and check.ratio == pytest.approx(1)
    assert sampling.alias_constant(subject.complex) == pytest.approx(2 / np.pi**2, rel=1e-13)
    bent = sg.Network([[[1.0]], [[1.0]]], [[-1.0], [0.0]], "abs")
    assert peaks.circle_variation(sg.enumerate_regions(bent, sg.Box([0], [3]))).slope == pytest.approx(12.0)


def test_decay_notices_spectra_that_are_too_large(line, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate = spectra.evaluate
    for factor, failing in ((1.001, True), (1.5, True), (1.0, False)):
        def larger(*arguments, factor=factor):  # noqa: ANN002, ANN202
            values, errors = evaluate(*arguments)
            return factor * values, errors

        monkeypatch.setattr(spectra, "evaluate", larger)
        wrong = {check.name for check in decay.decay_report(line, K).checks if not check.holds}
        attained = {"decay.cut", "decay.gradient", "decay.interior", "decay.compact"}
        assert wrong == (attained if failing else set())
        share = peaks.variation_check(line, K)
        assert share.holds is not failing and share.measured == pytest.approx(factor, rel=1e-9)


def test_the_mirror_series_notices_coefficients_that_are_too_large() -> None:
    """The triangle wave attains its law at every odd mode: |c_n| = 2 / (pi n)^2 = 2 / k^2, J = 2, on [0, 1]."""
    cx = sg.enumerate_regions(sg.Network([[[1.0]]], [[0.0]]), sg.Box([0], [1]))
    n = np.array([[1], [3], [5]])
    size, error = (rows[:, 0] for rows in sg.fourier_coefficients(cx, n, return_error=True))
    for factor in (1.0, 1.001, 1.5):
        check = decay.mirror_check(cx, np.pi * n, factor * np.abs(size), error)
        assert check.bound == 2.0 and check.holds is (factor == 1.0)
        assert check.ratio == pytest.approx(factor, rel=1e-12)


def test_a_variation_that_is_too_large_fails(line, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = variation.directional_variation
    monkeypatch.setattr(decay, "directional_variation", lambda *a, **b: 2.25 * exact(*a, **b))
    wrong = {check.name for check in decay.decay_report(line, K).checks if not check.holds}
    assert wrong == {"decay.variation", "decay.lines", "decay.compact-variation"}


def test_costs_of_a_peak_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tent of slope 8 about 1/2 and 16 samples: L_f h = 1/2, so sup >= 1/4 and N MSE >= (1/3)^2 + 2 (1/6)^2."""
    net = sg.Network([[[8.0]] * 3, [[1.0, -2.0, 1.0]]], [[-3.0, -4.0, -5.0], [0.0]])
    cx = sg.enumerate_regions(net, sg.Box([0], [1]))
    sup, squared = peaks.peak_report(net, cx, 16).checks
    assert (sup.measured, sup.bound) == (0.5, 0.25)
    assert (squared.measured, squared.bound) == (0.5, pytest.approx(1 / 6, rel=1e-13))
    assert sup.reached == 0.5 and sup.holds and squared.holds
    monkeypatch.setattr(peaks, "lipschitz_constant", lambda *_: 8.0 / 1e3)  # a constant that is too small
    for check in peaks.peak_report(net, cx, 16).checks:
        assert check.holds is (check.measured >= check.bound) and (check.name != "peaks.squared" or not check.holds)


def test_expansion_and_amplitude_notice_wrong_coefficients(monkeypatch: pytest.MonkeyPatch) -> None:
    _, cx = tent(1)
    exact = directions.directional_expansion

    def louder(*arguments):  # noqa: ANN002, ANN202
        expansion = exact(*arguments)
        parts = tuple(replace(part, coefficients=part.coefficients / 1.5) for part in expansion.classes)
        return replace(expansion, classes=parts)

    assert all(check.holds for check in directions.direction_report(cx, [1.0]).checks)
    monkeypatch.setattr(directions, "directional_expansion", louder)
    wrong = {check.name for check in directions.direction_report(cx, [1.0]).checks if not check.holds}
    assert wrong == {"decay.expansion", "decay.envelope", "decay.amplitude"}


def test_the_identity_of_the_jumps_allows_for_vertices_that_are_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a box a million away vertices are off by some 1e-10: the identity holds within what they move, no further."""
    for dim in (1, 2, 3):
        lower = np.full(dim, 1e6)
        net = random_network(dim, (4,), "he", 2)
        moved = sg.Network(net.weights, [net.biases[0] - net.weights[0] @ (lower + 0.5), net.biases[1]])
        box = sg.Box(lower, lower + 1)
        cx = sg.enumerate_regions(support.clamp_to_support(moved, box, 8.0), box)
        check = directions.free_identities(cx)
        errors = cx.vertex_errors.max()
        assert check.holds and check.tolerance <= 1e-11 + 1e3 * errors * (dim > 1), (check.measured, check.tolerance)
        bends = variation.kinks(cx, 0, "zero")
        heavy = int(np.argmax(np.abs(bends.jumps) * bends.measures))
        jumps = bends.jumps.copy()
        jumps[heavy] *= 1 + 1e-2
        with monkeypatch.context() as patch:
            patch.setattr(directions, "kinks", lambda *a, b=bends, j=jumps: b._replace(jumps=j))
            assert not directions.free_identities(cx).holds


def test_what_an_error_of_the_vertices_moves() -> None:
    """A tent in the plane: |F| n n^T of a facet moves by at most 6 e, by the ends of it."""
    for dim, facets in ((1, 0.0), (2, 6.0)):
        _, cx = tent(dim)
        cx.vertex_errors[:] = 1e-3
        assert moved_facets(cx) == pytest.approx(facets * 1e-3)
        cx.vertex_errors[:] = 0.0
    _, cx = tent(3)
    cx.vertex_errors[:] = 1e-3
    inner = ~cx.facets.is_boundary & (np.abs(cx.facets.measures - 0.5) < 1e-9)  # right triangles with legs of length 1
    assert moved_facets(cx)[inner] == pytest.approx(3e-3 * 2 * np.pi * np.sqrt(5) / 3)
    cx.vertex_errors[:] = 0.0


def test_normals_that_differ_in_their_last_digits_or_sign_are_one_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Diagonals, whose largest entry is a matter of rounding, and normals on both sides of a step of the grid."""
    half = np.sqrt(0.5)
    angle = np.arccos(np.sqrt(0.25 + 0.5 * normals.SAME_NORMAL))  # n_1^2 on the border of two steps
    pairs = [(half, -half), (-half * (1 - 2e-16), half * (1 + 2e-16)), (half * (1 + 3e-16), -half)]
    pairs += [(np.cos(a), np.sin(a)) for a in angle + np.array([-1e-15, 0.0, 1e-15])] + [(1.0, 0.0), (-1.0, 1e-17)]
    bends = variation.Kinks(np.array(pairs), np.ones(8), np.ones(8))
    monkeypatch.setattr(normals, "kinks", lambda *_: bends)
    found = directions.normal_directions(tent(2)[1])
    assert found.variation.tolist() == [3.0, 3.0, 2.0]
    assert np.all(found.directions[np.arange(3), np.abs(found.directions).argmax(axis=1)] > 0)
    close = variation.Kinks(np.array([(1.0, 0.0), (1.0, 1e-7)]), np.ones(2), np.ones(2))
    monkeypatch.setattr(normals, "kinks", lambda *_: close)
    assert len(directions.normal_directions(tent(2)[1]).directions) == 2


def test_the_shell_law_notices_a_wrong_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    _, cx = tent(1)
    assert directions.shell_law(cx, [1000.0]).checks[0].holds
    exact = directions.porod_constant
    for factor in (1.5, 0.9):
        monkeypatch.setattr(directions, "porod_constant", lambda *a, factor=factor: factor * exact(*a))
        assert not directions.shell_law(cx, [1000.0]).checks[0].holds


def test_rates_and_aliases_notice_what_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    net = random_network(1, (6,), "he", 2)
    cx = sg.enumerate_regions(net, sg.Box([-1], [1]))
    report = perturbation.rate_report(net, cx, samples=40)
    worst = report.checks[0].ratio
    assert report.checks[0].holds and worst <= 1
    exact = pm.spectral_gradient
    monkeypatch.setattr(perturbation, "spectral_gradient", lambda *a: 1.5 / worst * exact(*a))
    check = perturbation.rate_report(net, cx, samples=40).checks[0]
    assert not check.holds and check.ratio == pytest.approx(1.5)
    good = sampling.sampled_spectrum(cx, 32, "mirror", net)
    bad = replace(good, sampled=good.exact + 1.5 * good.alias_bound)
    monkeypatch.setattr(sampling, "sampled_spectrum", lambda *a: bad)
    assert not sampling.alias_report(cx, 32, function=net).checks[0].holds


# ---------------------------------------------------------------------- parameter volumes


def test_undecided_draws_count_in_the_upper_end_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A coarse grid leaves draws open: Clopper-Pearson of the sure ones below, of sure and open ones above."""
    monkeypatch.setattr(volume, "GRID_STEP", 3.0)
    result = volume.parameter_volume([4, 4], 1.0, 0.01, [4.0, 8.0], samples=60, rng=3)
    n = result.samples
    sure, open_ = np.rint(result.fraction * n), np.rint(result.undecided * n)
    assert np.any(open_ > 0) and np.any(sure > 0)
    for i in range(2):
        assert result.lower[i] == volume.clopper_pearson(int(sure[i]), n)[0]
        assert result.upper[i] == volume.clopper_pearson(int(sure[i] + open_[i]), n)[1]
        assert bool(result.upper[i] > volume.clopper_pearson(int(sure[i]), n)[1]) == bool(open_[i] > 0)
    monkeypatch.setattr(volume, "GRID_STEP", 0.02)
    fine = volume.parameter_volume([4, 4], 1.0, 0.01, [4.0, 8.0], samples=60, rng=3)
    assert np.all(result.fraction <= fine.fraction)
    assert np.all(fine.fraction + fine.undecided <= result.fraction + result.undecided)
    assert np.all((result.lower <= fine.fraction) & (fine.fraction <= result.upper))


def test_what_can_happen_between_grid_points_is_left_open() -> None:
    """A function that vanishes on the grid and is steep: nothing is sure, nothing ruled out before the stop at 10."""

    def size(grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(len(grid)), np.zeros(len(grid))

    ks = np.array([2.0, 9.9, 10.0])
    sure, maybe = volume._beyond(size, 1.0, 100.0, 1.0, 0.01, ks)
    assert not sure.any() and maybe.tolist() == [True, True, False]
    assert not volume._beyond(size, 1.0, 1e-9, 1.0, 0.01, ks)[1].any()
    erring = volume._beyond(lambda g: (np.full(len(g), 0.9), np.full(len(g), 0.9)), 1.0, 0.0, 1.0, 0.01, ks)
    assert not erring[0].any() and erring[1][0]


@pytest.mark.parametrize(("dim", "activation"), [(1, "leaky_relu"), (2, "relu"), (2, "hard_tanh"), (3, "abs")])
def test_volumes_of_other_networks_against_dense_spectra(dim: int, activation: str) -> None:
    """Each draw again by its exact spectrum on a dense grid along the first axis."""
    box, ks = sg.Box([0.0] * dim, [1.0] * dim), np.array([2.0, 5.0])
    result = volume.parameter_volume([3, 2], 1.0, 0.02, ks, 8, box, rng=5, activation=activation)
    assert all(check.holds for check in result.checks) and result.largest_kappa <= result.kappa
    rng, found = np.random.default_rng(5), np.zeros(2)
    for _ in range(8):
        shapes = [(3, dim), (2, 3), (1, 2)]
        weights = [rng.uniform(-1, 1, s) for s in shapes]
        biases = [rng.uniform(-1, 1, s[0]) for s in shapes]
        cx = sg.enumerate_regions(sg.Network(weights, biases, activation), box)
        dense = np.linspace(2, 60, 1500)
        size = np.abs(sg.spectrum(cx, dense[:, None] * np.eye(dim)[:1], "interior")[:, 0])
        found += [np.any(size[dense > k] > 0.02) for k in ks]
    assert np.all(np.rint(8 * result.fraction) <= found)
    assert np.all(found <= np.rint(8 * (result.fraction + result.undecided)))
    assert result.fraction.max() > 0


def test_volume_notices_a_bound_that_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    always = np.ones(1, dtype=bool)
    monkeypatch.setattr(volume, "_exceeds", lambda *_: (always, always))
    volume_check, kappa = volume.parameter_volume([4], 1.0, 0.01, [200.0], 60, rng=0).checks
    assert not volume_check.holds and kappa.holds
    monkeypatch.setattr(volume, "a_priori_kappa", lambda *_: 1.0)
    assert not volume.parameter_volume([4], 1.0, 0.01, [2.0], 60, rng=0).checks[1].holds


# ---------------------------------------------------------------------- perturbations


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_mirror_response_is_that_of_the_coefficients(dim: int) -> None:
    net = random_network(dim, (4,) if dim == 3 else (4, 3), "he", 3)
    box = sg.Box(0.5 * np.arange(dim) - 0.7, np.arange(dim) + 1.0)
    n = np.vstack([np.zeros(dim), np.eye(dim), np.random.default_rng(0).integers(0, 9, (4, dim))])
    k = n * np.pi / (box.upper - box.lower)
    response = perturbation.perturbation_response(net, box, k, [1e-6, 1e-3], 30, boundary="mirror")
    exact = np.abs(sg.fourier_coefficients(sg.enumerate_regions(net, box), n)[:, 0]) * box.volume
    assert response.baseline == pytest.approx(exact, abs=1e-14)
    # the gradient: differences of exact coefficients
    theta, h = pm.parameter_vector(net), 1e-6
    for j in range(0, len(theta), 5):
        step = h * np.eye(len(theta))[j]
        plus, minus = (
            sg.fourier_coefficients(sg.enumerate_regions(pm.with_parameters(net, theta + s), box), n)[:, 0]
            for s in (step, -step)
        )
        numeric = (plus - minus) / (2 * h) * box.volume
        assert np.abs(numeric - response.gradient[:, j]).max() < 1e-6 * np.abs(response.gradient).max()
    # the remainder is of second order, and the rms within its sampling error
    left = np.linalg.norm(response.remainder, axis=1) / np.linalg.norm(response.predicted_change, axis=1)
    assert left[0] < 1e-4 and left[0] < 0.05 * left[1]
    measured, predicted, error = response.band(np.arange(len(k)))
    assert abs(measured[0] / (1e-6 * predicted) - 1) < 5 * error and 0.01 < error < 0.25
    assert "gradient" not in response.to_dict()
    size = np.linalg.norm(response.gradient, axis=1) / np.sqrt(len(theta))
    assert response.predicted_change == pytest.approx(np.outer([1e-6, 1e-3], size), rel=1e-12)


def test_interior_and_mirror_are_refused_where_they_mean_nothing() -> None:
    net = random_network(2, (3,), "he", 0)
    triangle = sg.Polytope.from_vertices([[0, 0], [1, 0], [0, 1]])
    k = [[1.0, 2.0]]
    with pytest.raises(sg.DomainError, match="Box"):
        perturbation.perturbation_response(net, triangle, k, [1e-3], boundary="mirror")
    with pytest.raises(sg.UnsupportedError, match="interior"):
        perturbation.perturbation_response(net, triangle, k, [1e-3], boundary="interior")
    with pytest.raises(sg.InvalidInputError, match="boundary"):
        perturbation.perturbation_response(net, triangle, k, [1e-3], boundary="walls")
    cut = perturbation.perturbation_response(net, triangle, k, [1e-6], 20)
    assert (cut.remainder < 1e-3 * cut.predicted_change).all()


def test_sampling_error_against_many_directions() -> None:
    rng = np.random.default_rng(0)
    for p, n in ((3, 1), (12, 4)):
        gradient = rng.normal(size=(n, p)) + 1j * rng.normal(size=(n, p)) * 0.3
        v = rng.normal(size=(200_000, p))
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        energy = (np.abs(v @ gradient.T) ** 2).sum(axis=1)
        relative = energy.std() / energy.mean()
        assert energy.mean() == pytest.approx((np.abs(gradient) ** 2).sum() / p, rel=0.02)
        assert robustness.sampling_error(gradient, 1) == pytest.approx(relative / 2, rel=0.02)
        assert robustness.sampling_error(1e200 * gradient, 16) == pytest.approx(relative / 8, rel=0.02)
        along_axes = (np.abs(gradient) ** 2).sum(axis=0)  # every parameter alone, each as likely
        assert along_axes.mean() == pytest.approx((np.abs(gradient) ** 2).sum() / p)
        relative = along_axes.std() / along_axes.mean()
        assert robustness.sampling_error(gradient, 4, "axis-aligned") == pytest.approx(relative / 4, rel=1e-12)
    assert robustness.sampling_error(np.zeros((2, 3), dtype=complex), 4) == 0.0


def test_axis_aligned_perturbations_move_one_parameter() -> None:
    """2 relu(x) on [-1, 1]: int f = 1 grows by delta d_j in one parameter, d = (1, 2, 1/2, 2) to first order."""
    net = sg.Network([[[1.0]], [[2.0]]], [[0.0], [0.0]])
    delta, n = 1e-6, 150
    response = perturbation.perturbation_response(
        net, sg.Box([-1], [1]), [[0.0]], [delta, 0.5], n, perturbation="axis-aligned"
    )
    assert response.perturbation == "axis-aligned"
    assert response.predicted_change[0, 0] == pytest.approx(delta * np.sqrt((1 + 4 + 0.25 + 4) / 4), rel=1e-12)
    measured, predicted, error = response.band([0])
    assert abs(measured[0] / (delta * predicted) - 1) < 4 * error and 0.01 < error < 0.05
    # at delta = 1/2 by hand: w_1 up or down 1 +- 1/2; b_1: 2 (3/2)^2 / 2 or 2 (1/2)^2 / 2; w_2: 1 +- 1/4; b_2: 1 +- 1
    values = np.array([1.5, 0.5, 2.25, 0.25, 1.25, 0.75, 2.0, 0.0])
    ratio, lower, upper = response.retention()
    assert abs(ratio[1, 0] - values.mean()) < 4 * values.std() / np.sqrt(n)
    assert (upper - lower)[1, 0] == pytest.approx(2 * 1.964 * values.std() / np.sqrt(n), rel=0.1)
    assert (lower < ratio).all() and (ratio < upper).all() and lower[1, 0] > 0


def test_the_intervals_of_retention_cover() -> None:
    net, box, k = random_network(1, (4,), "he", 1), sg.Box([0], [1]), [[2 * np.pi], [40.0]]
    many = perturbation.perturbation_response(net, box, k, [0.3], 600, rng=0)
    truth, missed = many.retention()[0], 0
    for seed in range(1, 13):
        _, lower, upper = perturbation.perturbation_response(net, box, k, [0.3], 16, rng=seed).retention(confidence=0.9)
        missed += int(((truth < lower) | (truth > upper)).sum())
    assert missed <= 8  # of 24 at one in ten: the chance of more is below 1 in 1000
    alone = perturbation.perturbation_response(net, box, k, [0.3], 1)
    assert np.isinf(alone.retention()[2]).all() and (alone.retention()[1] == 0).all()
    with pytest.raises(sg.InvalidInputError, match="confidence"):
        alone.retention(confidence=95)
    both = many.retention([[0, 1], [1]])[0]
    sizes, base = many.spectra[0], many.baseline
    assert both[0, 0] == pytest.approx(np.linalg.norm(sizes, axis=1).mean() / np.linalg.norm(base))
    assert both[0, 1] == truth[0, 1] == pytest.approx(many.mean_magnitude[0, 1] / base[1])
    assert "spectra" not in many.to_dict()


def test_relative_changes_grow_where_kinks_move_and_not_where_none_does() -> None:
    """The tent's kinks move: high modes change first. |x| with a frozen kink (an affine network) scales alike."""
    k = np.pi * np.unique(np.geomspace(1, 200, 40).round())[:, None] / 2
    thirds = np.array_split(np.arange(len(k)), 3)
    net = random_network(1, (6, 5), "he", 3)
    bent = perturbation.perturbation_response(net, sg.Box([-1], [1]), k, [1e-6], 4, boundary="mirror")
    low, _, high = (bent.band(rows)[1] for rows in thirds)
    assert high > 5 * low
    straight = sg.Network([[[2.0]]], [[0.3]])
    affine = perturbation.perturbation_response(straight, sg.Box([-1], [1]), k[::2], [1e-6], 4, boundary="mirror")
    low, _, high = (affine.band(rows)[1] for rows in np.array_split(np.arange(0, len(k[::2])), 3))
    assert high == pytest.approx(low, rel=1e-6)
