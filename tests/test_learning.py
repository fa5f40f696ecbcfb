"""Spectra while a network learns, against samples, quadrature and finite differences."""

import numpy as np
import pytest

import specgeo as sg
from specgeo.learning.differentiable import coefficient_pullback
from specgeo.learning.targets import Sines, mean_squared_error, sine_coefficients

LINE, PLANE = sg.Box([-1], [2]), sg.Box([0, -1], [1, 1])


def _network(widths, seed=0, activation="relu"):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(b, a)) / np.sqrt(a) for a, b in zip(widths[:-1], widths[1:], strict=True)]
    return sg.Network(weights, [0.3 * rng.normal(size=len(w)) for w in weights], activation)


def _mean(function, box, n=400):
    """Mean over a box by Gauss' rule on pieces."""
    nodes, weights = np.polynomial.legendre.leggauss(4)
    axes, shares = [], []
    for low, high in zip(box.lower, box.upper, strict=True):
        edges = np.linspace(low, high, n + 1)
        axes.append((edges[:-1, None] + (nodes + 1) / 2 * np.diff(edges)[:, None]).ravel())
        shares.append(np.tile(weights / 2, n) / n)
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    share = shares[0] if box.dim == 1 else np.multiply.outer(*shares)
    return (function(grid) * share).sum()


def _product(function, k, extension, box):
    """The function times the wave of a mode."""
    if extension == "mirror":
        return lambda x: function(x) * np.cos(k * (x - box.lower)).prod(axis=-1)
    return lambda x: function(x) * np.exp(-1j * (x - box.lower) @ k)


def test_default_quantities_are_those_of_the_complex():
    net = _network((1, 12, 12, 1))
    cx = sg.enumerate_regions(net, LINE)
    modes = np.arange(30)
    tracker = sg.SpectrumTracker(LINE, modes, every=2)
    assert not tracker.record(1, net)
    assert tracker.record(2, net)
    np.testing.assert_allclose(tracker.coefficients[0], sg.fourier_coefficients(cx, modes[:, None])[:, 0], atol=1e-15)
    found = {name: float(value[0]) for name, value in tracker.quantities.items()}
    assert found["lipschitz"] == pytest.approx(sg.theory.lipschitz_constant(cx), rel=1e-11)
    assert found["kink_mass"] == pytest.approx(sg.theory.total_variation(cx), rel=1e-11)
    both = sg.theory.total_variation(cx, boundary="mirror")
    assert found["variation"] == pytest.approx(6.0 * 2.0 * both, rel=1e-11)
    assert found["regions"] == cx.n_cells
    assert (np.abs(tracker.coefficients[0, 1:]) <= found["variation"] / (4 * np.pi**2 * modes[1:] ** 2) * 1.0001).all()


def test_in_the_plane():
    net, modes = _network((2, 8, 8, 1)), np.array([[0, 0], [1, 2], [3, 0]])
    cx = sg.enumerate_regions(net, PLANE)
    tracker = sg.SpectrumTracker(PLANE, modes, "periodic", quantities=["linear_regions", "spectral_norms", "memory"])
    tracker.record(0, net)
    np.testing.assert_array_equal(tracker.coefficients[0], sg.fourier_coefficients(cx, modes, "periodic")[:, 0])
    assert tracker.quantities["kink_mass"][0] == sg.theory.total_variation(cx)
    assert tracker.quantities["linear_regions"][0] == cx.n_linear_regions
    np.testing.assert_array_equal(tracker.quantities["spectral_norms"][0], sg.theory.spectral_norms(net))


@pytest.mark.parametrize(("box", "widths"), [(LINE, (1, 6, 6, 1)), (PLANE, (2, 5, 5, 1))])
def test_the_loss_against_sines_is_that_of_quadrature(box, widths):
    net, rng = _network(widths), np.random.default_rng(1)
    target = Sines(rng.normal(size=(3, box.dim)) * 4, [1.0, 0.5, 2.0], [0.1, 2.0, -1.0])
    wanted = _mean(lambda x: (net(x)[..., 0] - target(x)) ** 2, box, 3000 if box.dim == 1 else 300)
    found = mean_squared_error(sg.enumerate_regions(net, box), target)
    assert found == pytest.approx(wanted, rel=1e-6 if box.dim == 1 else 1e-4)
    modes = rng.integers(-3, 4, (5, box.dim))
    for extension, turns in (("mirror", np.pi), ("periodic", 2 * np.pi)):
        coefficients = sine_coefficients(target, box, modes, extension)
        for n, c in zip(modes, coefficients, strict=True):
            shifts = turns * n / (box.upper - box.lower)
            assert c == pytest.approx(_mean(_product(target, shifts, extension, box), box, 60), abs=1e-9)


def test_the_loss_against_a_network_is_zero_for_itself_and_else_that_of_quadrature():
    net, other = _network((1, 6, 6, 1)), _network((1, 5, 1), 3)
    cx = sg.enumerate_regions(net, LINE)
    assert mean_squared_error(cx, net) == 0.0
    wanted = _mean(lambda x: (net(x)[..., 0] - other(x)[..., 0]) ** 2, LINE, 4000)
    assert mean_squared_error(cx, other) == pytest.approx(wanted, rel=1e-6)
    with pytest.raises(sg.InvalidInputError, match="target: 1 inputs"):
        mean_squared_error(sg.enumerate_regions(_network((2, 3, 1)), PLANE), _network((1, 3, 1)))
    with pytest.raises(sg.UnsupportedError, match="target: a float given"):
        mean_squared_error(cx, 3.0)


def test_the_loss_against_a_network_in_the_plane():
    """f and target of other depths and activations; their kinks cross."""
    net, other = _network((2, 6, 5, 2)), _network((2, 4, 1), 3, "abs")
    cx = sg.enumerate_regions(net, PLANE)
    wanted = _mean(lambda x: (net(x)[..., 1] - other(x)[..., 0]) ** 2, PLANE, 300)
    for target in (other, sg.enumerate_regions(other, PLANE)):
        assert mean_squared_error(cx, target, 1) == pytest.approx(wanted, rel=1e-4)
    assert mean_squared_error(cx, net.component(1), 1) == pytest.approx(0.0, abs=1e-28)
    tracker = sg.SpectrumTracker(PLANE, [[1, 0]], target=other, quantities=["loss"], output=1)
    tracker.record(0, net)
    assert tracker.quantities["loss"][0] == mean_squared_error(cx, other, 1)


def test_a_short_cell_keeps_its_slope():
    eps = 2.0**-40
    net = sg.Network([np.ones((3, 1)), [[1.0, -2.0, 1.0]]], [[-0.5, -0.5 - eps, -0.5 - 2 * eps], [1.0 / 3.0]])
    tracker = sg.SpectrumTracker(sg.Box([0], [1]), [1])
    tracker.record(0, net)
    assert tracker.quantities["lipschitz"][0] == 1.0
    assert tracker.quantities["kink_mass"][0] == pytest.approx(4.0, rel=1e-12)


def test_what_is_saved_goes_on(tmp_path):
    target, net = Sines([6.0], 2.0), _network((1, 5, 1))
    tracker = sg.SpectrumTracker(LINE, [0, 1, 2], target=target, quantities=["loss"])
    tracker.record(0, net)
    tracker.save(tmp_path / "a.npz")
    with pytest.raises(sg.InvalidInputError, match="needs a target"):
        sg.SpectrumTracker.load(tmp_path / "a.npz")
    again = sg.SpectrumTracker.load(tmp_path / "a.npz", target=target)
    for one in (tracker, again):
        one.record(5, _network((1, 5, 1), 1))
    np.testing.assert_array_equal(again.coefficients, tracker.coefficients)
    np.testing.assert_array_equal(again.quantities["loss"], tracker.quantities["loss"])
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:200])
    with pytest.raises(sg.ReadError):
        sg.SpectrumTracker.load(tmp_path / "b.npz")


def test_to_xarray():
    pytest.importorskip("xarray")
    tracker = sg.SpectrumTracker(LINE, [0, 1, 2], quantities=["spectral_norms"])
    tracker.record(3, _network((1, 5, 1)))
    data = tracker.to_xarray()
    assert data.coefficients.sel(step=3, mode=2) == tracker.coefficients[0, 2]
    assert data.spectral_norms.shape == (1, 2)


def test_estimators_in_a_loop_of_partial_fits():
    sklearn = pytest.importorskip("sklearn.neural_network")
    x = np.linspace(0, 1, 40)[:, None]
    model, tracker = (
        sklearn.MLPRegressor(hidden_layer_sizes=(8,), random_state=0),
        sg.SpectrumTracker(sg.Box([0], [1]), range(4)),
    )
    for step in range(3):
        model.partial_fit(x, np.sin(6 * x[:, 0]))
        tracker.record(step, model)
    assert len(tracker) == 3
    assert np.abs(np.diff(tracker.coefficients, axis=0)).max() > 0


def test_doors():
    tracker = sg.SpectrumTracker(LINE, [1])
    with pytest.raises(sg.InvalidInputError, match="model: a int given"):
        tracker.record(0, 3)
    with pytest.raises(sg.InvalidInputError, match="dimension 1"):
        tracker.record(0, _network((2, 3, 1)))
    tracker.record(4, _network((1, 3, 1)))
    with pytest.raises(sg.InvalidInputError, match="steps must increase"):
        tracker.record(4, _network((1, 3, 1)))
    with pytest.raises(sg.InvalidInputError, match="quantities"):
        sg.SpectrumTracker(LINE, [1], quantities=["colour"])


def test_pictures():
    pytest.importorskip("matplotlib")
    tracker = sg.SpectrumTracker(LINE, range(8), target=Sines([2.0, 5.0]))
    with pytest.raises(sg.InvalidInputError, match="nothing is recorded"):
        tracker.plot()
    for step in range(3):
        tracker.record(10 * step, _network((1, 5, 5, 1), step))
    axes = tracker.plot()
    assert axes.get_xlabel() == "step"
    np.testing.assert_allclose(axes.lines[0].get_ydata(), tracker.frontier(1.0))
    moving = tracker.animate()
    moving._init_draw()
    moving._draw_was_started = True


@pytest.mark.parametrize("extension", ["mirror", "periodic"])
@pytest.mark.parametrize(("box", "widths"), [(LINE, (1, 6, 6, 1)), (PLANE, (2, 5, 4, 1))])
def test_the_pull_of_coefficients_is_that_of_differences(extension, box, widths):
    net, rng = _network(widths, 2, "leaky_relu"), np.random.default_rng(0)
    modes = np.array(np.meshgrid(*[range(3)] * box.dim)).reshape(box.dim, -1).T
    weights = rng.normal(size=len(modes)) + (1j * rng.normal(size=len(modes)) if extension == "periodic" else 0)
    theta = sg.theory.parameter_vector(net)

    def loss(parameters):
        cx = sg.enumerate_regions(sg.theory.with_parameters(net, parameters), box)
        return (np.conj(weights) @ sg.fourier_coefficients(cx, modes, extension)[:, 0]).real

    parts = coefficient_pullback(net, sg.enumerate_regions(net, box), modes, extension, weights)
    step = 1e-6
    wanted = [(loss(theta + step * e) - loss(theta - step * e)) / (2 * step) for e in np.eye(len(theta))]
    np.testing.assert_allclose(np.concatenate([part.ravel() for part in parts]), wanted, atol=2e-8)


def _module(torch, *widths):
    torch.manual_seed(0)
    layers = []
    for a, b in zip(widths[:-1], widths[1:], strict=True):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def test_a_module_in_training_is_read_by_its_parameters():
    torch = pytest.importorskip("torch")
    module, tracker = _module(torch, 1, 8, 8, 1), sg.SpectrumTracker(LINE, range(5))
    for step in range(3):
        tracker.record(step, module)
        assert (tracker._read._known is not None) and tracker._read._known.parts[0].itself() is module
        cx = sg.enumerate_regions(sg.from_torch(module), LINE)
        np.testing.assert_allclose(
            tracker.coefficients[-1], sg.fourier_coefficients(cx, np.arange(5)[:, None])[:, 0], atol=1e-15
        )
        with torch.no_grad():
            for p in module.parameters():
                p += 0.1 * torch.randn_like(p)
    module[1] = torch.nn.LeakyReLU(0.5)  # another function
    tracker.record(3, module)
    assert tracker._read(module).activations[0].slopes[0] == 0.5
    module[1].negative_slope = 0.25  # the same modules, another function
    assert tracker._read(module).activations[0].slopes[0] == 0.25


def test_a_spectrum_reads_its_module_once_and_keeps_it_not_alive(monkeypatch):
    torch = pytest.importorskip("torch")
    import gc
    import weakref

    from specgeo.learning import modules

    read, calls = modules.from_torch, []
    monkeypatch.setattr(modules, "from_torch", lambda module: calls.append(1) or read(module))
    module = _module(torch, 1, 5, 1)
    for _ in range(3):
        found = sg.torch_spectrum(module, LINE, [0, 1, 2])
        network = sg.from_torch(module)
        exact = sg.fourier_coefficients(sg.enumerate_regions(network, LINE), [[0], [1], [2]])[:, 0]
        np.testing.assert_allclose(found.detach().numpy(), exact, atol=1e-15)
        with torch.no_grad():
            module[0].weight += 0.1
    assert len(calls) == 1
    module.register_forward_hook(lambda module, inputs, output: 2 * output)
    with pytest.raises(sg.UnsupportedError):
        sg.torch_spectrum(module, LINE, [0])
    alone, single = weakref.ref(module), torch.nn.Linear(1, 1)
    sg.torch_spectrum(single, LINE, [0])
    gone = weakref.ref(single)
    del module, single, found
    gc.collect()
    assert alone() is None and gone() is None


def test_a_spectrum_can_be_trained_on():
    torch = pytest.importorskip("torch")
    module = _module(torch, 1, 6, 6, 1).double()
    parameters = list(module.parameters())

    def spectrum(*values):
        with torch.no_grad():
            for p, v in zip(parameters, values, strict=True):
                p.copy_(v)
        return sg.torch_spectrum(module, LINE, [0, 1, 2, 5])

    found = torch.autograd.grad(sg.torch_spectrum(module, LINE, [0, 1, 2, 5]).square().sum(), parameters)
    step, base = 1e-6, [p.detach().clone() for p in parameters]
    for i, (p, g) in enumerate(zip(base, found, strict=True)):
        flat = g.ravel()
        for j in range(p.numel()):
            ends = []
            for sign in (1, -1):
                moved = [q.clone() for q in base]
                moved[i].view(-1)[j] += sign * step
                ends.append(float(spectrum(*moved).detach().square().sum()))
            assert float(flat[j]) == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-7)
    with pytest.raises(sg.UnsupportedError, match="Linear layers"):
        sg.torch_spectrum(torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.BatchNorm1d(2)), LINE, [1])


def test_the_gradient_of_the_loss_and_the_rate_of_the_residual():
    net, k = _network((1, 4, 4, 1), 5), np.array([[1.0], [-1.0], [3.0], [-3.0]])
    cx, theta = sg.enumerate_regions(net, LINE), sg.theory.parameter_vector(net)
    transform = lambda t: sg.spectrum(  # noqa: E731
        sg.enumerate_regions(sg.theory.with_parameters(net, t), LINE), k
    )[:, 0]
    target = np.array([0.3 + 1j, 0.3 - 1j, 0.1j, -0.1j])
    h, step = transform(theta) - target, 1e-6
    shares = sg.learning.loss_gradient_by_frequency(net, cx, k, h)
    losses = [
        [(np.abs(transform(theta + s * step * e) - target) ** 2).sum() for s in (1, -1)] for e in np.eye(len(theta))
    ]
    np.testing.assert_allclose(shares.sum(axis=0), np.array(losses) @ [1, -1] / (2 * step), atol=1e-7)
    rate = sg.learning.residual_rate(net, cx, k, h)
    gradient = shares.sum(axis=0)
    moved = (transform(theta - step * gradient) - transform(theta + step * gradient)) / (2 * step)
    np.testing.assert_allclose(rate, moved, atol=1e-6)
    np.testing.assert_allclose(rate, -2 * sg.theory.fourier_ntk(net, cx, k) @ h, atol=1e-12)  # k and -k


def test_the_chain_of_norms_and_the_seam():
    net = _network((1, 8, 8, 1), activation=sg.Activation.leaky_relu(-2.0))
    names = ["norm_product", "frobenius_product", "max_norm", "seam"]
    tracker = sg.SpectrumTracker(LINE, range(1, 40), "periodic", quantities=names)
    tracker.record(0, net)
    found = {name: float(value[0]) for name, value in tracker.quantities.items()}
    chain = sg.theory.lipschitz_chain(net, sg.enumerate_regions(net, LINE))
    assert found["norm_product"] == chain.product_spectral == pytest.approx(4 * np.prod(sg.theory.spectral_norms(net)))
    assert (found["frobenius_product"], found["max_norm"]) == (chain.product_frobenius, chain.max_norm)
    assert found["lipschitz"] <= found["norm_product"] <= found["frobenius_product"] <= found["max_norm"]
    assert found["seam"] == pytest.approx(float(net([[2.0]])[0, 0] - net([[-1.0]])[0, 0]), rel=1e-12)
    # beyond the frontier no coefficient has half the amplitude; without the jump that would be false
    sizes = 2 * np.abs(tracker.coefficients[0])
    for amplitude in (2.0, 0.5, 0.05):
        assert (sizes[np.arange(1, 40) > tracker.frontier(amplitude)[0]] < amplitude).all()
    ramp = sg.Network([[[1.0]]], [[0.0]])
    straight = sg.SpectrumTracker(sg.Box([0], [1]), range(1, 9), "periodic", quantities=["seam"])
    straight.record(0, ramp)
    assert straight.frontier(1 / (4 * np.pi))[0] == pytest.approx(4.0)
    np.testing.assert_allclose(2 * np.abs(straight.coefficients[0]), 1 / (np.pi * np.arange(1, 9)))
    with pytest.raises(sg.UnsupportedError, match="seam"):
        sg.SpectrumTracker(LINE, [1], "periodic").frontier()
    with pytest.raises(sg.InvalidInputError, match="'seam' is for a line"):
        sg.SpectrumTracker(PLANE, [[1, 1]], quantities=["seam"])
