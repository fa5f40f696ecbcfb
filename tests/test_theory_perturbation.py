"""Parameter derivatives of spectra: finite differences of exact spectra, identities, laws, sampled volumes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from theory_cases import random_network, random_wavevectors

import specgeo as sg
from specgeo.fourier.series import fourier_coefficients
from specgeo.learning.differentiable import coefficient_pullback
from specgeo.theory import perturbation as pt
from specgeo.theory import volume as vl

CASES = [
    (1, (8, 8), "relu"),
    (2, (5, 4), "relu"),
    (3, (4, 3), "relu"),
    (2, (4, 3), "hard_tanh"),
    (1, (5,), "leaky_relu"),
]


def case(d: int, widths: tuple[int, ...], activation: str = "relu", seed: int = 0, outputs: int = 1):
    plain = random_network(d, widths, "he", seed, outputs)
    net = sg.Network(plain.weights, plain.biases, activation)
    box = sg.Box([-1.0] * d, [1.0] * d)
    return net, box, sg.enumerate_regions(net, box)


def test_parameters_round_trip() -> None:
    net, _, _ = case(2, (5, 4))
    theta = pt.parameter_vector(net)
    assert len(theta) == 5 * 3 + 4 * 6 + 5
    again = pt.with_parameters(net, theta)
    pairs = zip(net.weights + net.biases, again.weights + again.biases, strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)
    with pytest.raises(sg.InvalidInputError):
        pt.with_parameters(net, theta[:-1])


@pytest.mark.parametrize("d", [1, 2])
def test_gradients_through_maxima(d) -> None:
    """Of spectra, by cells and by facets, and of Fourier coefficients, against differences of exact ones."""
    rng = np.random.default_rng(d)
    kinds = [sg.MaxGroups([[0, 1, 2], [2, 3], [4]]), "leaky_relu", sg.MaxGroups([[0, 1], [1, 2]])]
    shapes = [(5, d), (4, 3), (3, 4), (1, 2)]
    net = sg.Network([rng.normal(size=s) for s in shapes], [rng.normal(size=n) / 2 for n, _ in shapes], kinds)
    box = sg.Box([-1.0] * d, [1.0] * d)
    cx, k = sg.enumerate_regions(net, box), random_wavevectors(d, 4, 0.5, 20.0)
    assert cx.n_cells > 3
    exact = pt.spectral_gradient(net, cx, k)
    by_facets = pt.spectral_gradient(net, cx, k, method="facets")
    np.testing.assert_allclose(by_facets, exact, atol=1e-9 * np.abs(exact).max())
    modes = np.array([[1] * d, [2] * d])
    pull = np.concatenate([part.ravel() for part in coefficient_pullback(net, cx, modes, "mirror", np.ones(2))])
    theta, h = pt.parameter_vector(net), 1e-6
    for j in rng.choice(len(theta), 12, replace=False):
        step = np.eye(len(theta))[j] * h
        moved = [sg.enumerate_regions(pt.with_parameters(net, theta + s), box) for s in (step, -step)]
        plus, minus = (sg.spectrum(one, k)[:, 0] for one in moved)
        assert np.abs((plus - minus) / (2 * h) - exact[:, j]).max() < 2e-6 * np.abs(exact).max()
        more, less = (fourier_coefficients(one, modes, "mirror")[:, 0].sum() for one in moved)
        assert abs((more - less) / (2 * h) - pull[j]) < 2e-6 * np.abs(pull).max()


@pytest.mark.parametrize(("d", "widths", "activation"), CASES)
@pytest.mark.parametrize("boundary", ["cut", "interior"])
def test_gradient_against_differences_of_exact_spectra(d, widths, activation, boundary) -> None:
    net, box, cx = case(d, widths, activation)
    k = random_wavevectors(d, 6, 0.5, 20.0)
    if boundary == "interior" and d > 1:
        with pytest.raises(sg.UnsupportedError, match="interior"):
            pt.spectral_gradient(net, cx, k, boundary=boundary)
        return
    exact = pt.spectral_gradient(net, cx, k, boundary=boundary)
    theta, h = pt.parameter_vector(net), 1e-6
    scale = np.abs(exact).max()
    for j in np.random.default_rng(0).choice(len(theta), 12, replace=False):
        step = np.eye(len(theta))[j] * h
        plus, minus = (
            sg.spectrum(sg.enumerate_regions(pt.with_parameters(net, theta + s), box), k, boundary)[:, 0]
            for s in (step, -step)
        )
        assert np.abs((plus - minus) / (2 * h) - exact[:, j]).max() < 2e-6 * scale


@pytest.mark.parametrize(("d", "widths", "activation"), CASES)
def test_cell_and_facet_forms_agree(d, widths, activation) -> None:
    net, _, cx = case(d, widths, activation)
    k = random_wavevectors(d, 40, 1.0, 200.0)
    cells, facets = (pt.spectral_gradient(net, cx, k, method=m) for m in ("cells", "facets"))
    assert np.abs(cells - facets).max() < 1e-12 * np.abs(cells).max() * 10


@pytest.mark.parametrize(("d", "widths", "activation"), CASES)
def test_rate_bound(d, widths, activation) -> None:
    for seed in range(3):
        net, _, cx = case(d, widths, activation, seed)
        k = random_wavevectors(d, 150, 0.3, 1e4, seed)
        gradient, bound = np.abs(pt.spectral_gradient(net, cx, k)), pt.gradient_bound(net, cx, k)
        assert np.all(gradient <= bound * (1 + 1e-9) + 1e-15 * bound.max())
        report = pt.rate_report(net, cx, samples=50, rng=seed)
        assert report.checks[0].holds, str(report)


def test_second_output() -> None:
    net, _, cx = case(2, (4,), outputs=2)
    single = sg.Network([net.weights[0], net.weights[1][1:]], [net.biases[0], net.biases[1][1:]])
    k = random_wavevectors(2, 5)
    full, alone = pt.spectral_gradient(net, cx, k, 1), pt.spectral_gradient(single, cx=_cx(single), k=k)
    keep = np.r_[0:12, 12 + 4 : 12 + 8, 12 + 8 + 1]  # W_1, b_1, second row of W_2, second bias
    assert np.abs(full[:, keep] - alone).max() < 1e-13
    assert np.abs(np.delete(full, keep, axis=1)).max() == 0


def _cx(net: sg.Network):
    return sg.enumerate_regions(net, sg.Box([-1.0] * net.input_dim, [1.0] * net.input_dim))


@pytest.mark.parametrize("seed", range(4))
def test_exact_coefficient_of_the_one_over_k_law(seed: int) -> None:
    """1-8-8-1: RMS of k |d f^_int| is (sum |c_j d x_j|^2)^{1/2}; output weights move no kink and decay as k^-2."""
    net, _, cx = case(1, (8, 8), seed=seed)
    report = pt.rate_report(net, cx, window=(2e4, 2e6), samples=3000)
    moving = report.coefficient > 1e-3
    assert moving.sum() > 10
    assert np.abs(report.measured[moving] / report.coefficient[moving] - 1).max() < 0.08
    last = np.zeros(len(moving), dtype=bool)
    last[-9:] = True
    assert np.all(report.coefficient[last] < 1e-13)
    assert np.all(report.measured[last] < 1e-3)


def test_kink_velocity() -> None:
    """2 relu(w x + b) has its kink at -b/w with jump 2 w: c dx/db = -2, c dx/dw = 2 b / w."""
    w, b = 1.5, 0.3
    net = sg.Network([[[w]], [[2.0]]], [[b], [0.0]])
    jumps = pt.facet_jumps(net, _cx(net))
    assert jumps == pytest.approx(np.array([[-2 * b / w, 2.0, 0.0, 0.0]]), abs=1e-14)


def test_fourier_ntk_is_the_gradient_flow() -> None:
    """d/dt of c_n under gradient flow on int |f - target|^2, from the parameters and from the kernel."""
    net = random_network(1, (6, 5), "he", 3)
    box = sg.Box([0], [1])
    cx = sg.enumerate_regions(net, box)
    n = np.arange(-400, 401)
    k = 2 * np.pi * n[:, None]
    kernel = pt.fourier_ntk(net, cx, k)
    assert np.allclose(kernel, kernel.conj().T)
    residual = sg.spectrum(cx, k)[:, 0]
    residual[n == 3] -= -0.5j
    residual[n == -3] -= 0.5j
    flow = -2 * kernel @ residual
    x = (np.arange(200_000) + 0.5) / 200_000
    cells = np.searchsorted(np.sort(cx.vertices[:, 0])[1:-1], x)
    derivative = pt.CellDerivatives(net, cx)(np.argsort(cx.centroids[:, 0])[cells], x[:, None])
    error = net(x[:, None])[:, 0] - np.sin(2 * np.pi * 3 * x)
    theta_dot = -2 * derivative.T @ error / len(x)
    direct = pt.spectral_gradient(net, cx, k) @ theta_dot
    near = np.abs(n) <= 5
    assert np.abs(flow - direct)[near].max() < 0.01 * np.abs(direct)[near].max()
    diagonal = kernel.diagonal().real[np.abs(n) > 50] * (2 * np.pi * n[np.abs(n) > 50]) ** 2
    assert diagonal.max() < 20 * diagonal.mean()


def test_random_perturbations_follow_the_first_order() -> None:
    net = random_network(1, (6, 5), "he", 3)
    k = 2 * np.pi * np.array([1, 5, 20])[:, None]
    response = pt.perturbation_response(net, sg.Box([0], [1]), k, [1e-6, 1e-5], 300)
    assert response.rms_change / response.predicted_change == pytest.approx(np.ones((2, 3)), rel=0.2)
    assert response.mean_magnitude[0] == pytest.approx(response.baseline, rel=1e-3)
    assert json.dumps(response.to_dict(), allow_nan=False)
    assert "1e-05" in str(response)


def test_parameter_volume_reference() -> None:
    """1-4-4-1, U[-1, 1], eps = 0.01: E J = 0.392, shares .704 .520 .135 0 0, Markov 9.8 ... .038, kappa 277."""
    ks = [2.0, 4.0, 8.0, 16.0, 32.0]
    result = vl.parameter_volume([4, 4], 1.0, 0.01, ks, samples=1500, rng=1, confidence=0.999)
    reference = np.array([0.704, 0.520, 0.135, 0.0, 0.0])
    noise = 4 * np.sqrt(2 * np.maximum(reference * (1 - reference), 1e-3) / 1500)
    assert np.all(np.abs(result.fraction - reference) < noise), str(result)
    assert abs(result.mean_variation - 0.392) < 6 * result.mean_variation_error
    assert result.markov[1] == pytest.approx([9.8, 2.45, 0.613, 0.153, 0.038], rel=0.12)
    assert round(result.kappa) == 277
    assert 8 < result.largest_kappa < 30
    assert result.undecided.max() < 0.01
    assert all(check.holds for check in result.checks), str(result)
    assert np.all(result.lower <= np.minimum.reduce(list(result.markov.values())) * 1.2)
    assert json.dumps(result.to_dict(), allow_nan=False)


def test_exceedance_against_a_dense_grid() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        c, x, ks = rng.normal(size=5), rng.uniform(0, 1, 5), np.array([1.0, 3.0, 6.0, 9.0])
        dense = np.linspace(1, 60, 60_001)
        size = np.abs(np.exp(-1j * np.outer(dense, x)) @ c) / dense**2
        truth = np.array([(size[dense > k] > 0.02).any() for k in ks])
        sure, maybe = vl._exceeds(c, x, 0.02, ks)
        assert np.all(sure <= truth) and np.all(truth <= maybe)
        assert np.mean(sure == maybe) > 0.7
    assert not np.any(vl._exceeds(np.zeros(0), np.zeros(0), 0.02, ks)[1])


def test_clopper_pearson_covers() -> None:
    from scipy.stats import binomtest

    for s, n in ((0, 10), (3, 10), (10, 10), (135, 1500)):
        reference = binomtest(s, n).proportion_ci(0.95, "exact")
        assert vl.clopper_pearson(s, n) == pytest.approx((reference.low, reference.high), abs=1e-9)


def test_figures_and_bad_input() -> None:
    net, _, cx = case(2, (4,))
    with pytest.raises(sg.InvalidInputError, match="zero wavevector"):
        pt.spectral_gradient(net, cx, [[0.0, 0.0]], boundary="interior")
    with pytest.raises(sg.InvalidInputError, match="complex"):
        pt.spectral_gradient(random_network(1, (4,)), cx, [[1.0, 0.0]])
    with pytest.raises(sg.InvalidInputError, match="one input"):
        pt.facet_jumps(net, cx)
    with pytest.raises(sg.InvalidInputError):
        vl.parameter_volume([3], -1.0, 0.1, [1.0])
    assert pt.spectral_gradient(net, cx, [[0.0, 0.0]]).shape == (1, 17)
    pytest.importorskip("matplotlib")
    line, _, cx1 = case(1, (4,))
    assert pt.rate_report(line, cx1, samples=20).plot().has_data()
    assert pt.rate_report(net, cx, samples=20).plot().has_data()
    assert vl.parameter_volume([3], 1.0, 0.01, [2.0, 8.0], 20).plot().has_data()
    assert pt.perturbation_response(line, sg.Box([0], [1]), [[3.0], [9.0]], [0.01], 3).plot().has_data()


def test_zero_network() -> None:
    """Only the parameters of the output layer move a network whose output weights vanish."""
    zero = sg.Network([[[1.0], [-1.0]], [[0.0, 0.0]]], [[0.1, 0.2], [0.0]])
    cx = _cx(zero)
    k = random_wavevectors(1, 20)
    gradient = pt.spectral_gradient(zero, cx, k)
    assert np.all(gradient[:, :4] == 0)
    assert np.all(np.abs(gradient[:, 4:]).max(axis=0) > 0)
    report = pt.rate_report(zero, cx, samples=30)
    assert report.checks[0].holds
    assert np.all(report.coefficient < 1e-15)
    assert str(report)
