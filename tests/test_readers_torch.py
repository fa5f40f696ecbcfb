"""torch modules against their own forward pass, and stand-ins of the same shape."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import specgeo as sg


def layer(kind, **attributes):
    return type(kind, (), attributes)()


def sequential(*children):
    return layer("Sequential", named_children=lambda self: [(str(i), c) for i, c in enumerate(children)])


def test_torch_stand_ins(random_network):
    net = random_network([3, 4, 4, 2], seed=2)
    statistics = {"running_mean": np.full(4, 0.5), "running_var": np.full(4, 4.0), "eps": 0.0}
    norm = layer("BatchNorm1d", **statistics, weight=np.full(4, 3.0), bias=np.full(4, 0.25))
    linear = [layer("Linear", weight=w, bias=b) for w, b in zip(net.weights, net.biases, strict=True)]
    inner = sequential(linear[1], layer("Dropout"), layer("LeakyReLU", negative_slope=0.2), layer("Identity"))
    module = sequential(layer("Flatten"), linear[0], norm, layer("ReLU"), inner, linear[2])
    x = np.random.default_rng(0).normal(size=(20, 3))
    z = x @ net.weights[0].T + net.biases[0]
    z = np.maximum((z - 0.5) / 2.0 * 3.0 + 0.25, 0) @ net.weights[1].T + net.biases[1]
    z = np.where(z > 0, z, 0.2 * z) @ net.weights[2].T + net.biases[2]
    np.testing.assert_allclose(sg.from_torch(module)(x), z, atol=1e-12)


def test_torch_names_the_layer_it_does_not_know():
    linear = layer("Linear", weight=np.ones((1, 1)), bias=None)
    with pytest.raises(sg.UnsupportedError, match=r"1\.0 is a Tanh"):
        sg.from_torch(sequential(linear, sequential(layer("Tanh"))))
    with pytest.raises(sg.InvalidInputError, match="Linear"):
        sg.from_torch(sequential(linear, layer("Linear", weight=np.ones((1, 3)), bias=None)))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (layer("Linear"), "module: module has no weight; pass a torch layer"),
        (layer("Linear", weight=None, bias=None), r"module\.weight: None given; pass real floats"),
        (layer("Linear", weight=np.ones((2, 3)), bias=np.zeros(3)), r"module\.bias: shape \(3,\) given, \(2,\) wanted"),
        (layer("ReLU"), "before any Linear"),
        (layer("BatchNorm1d"), "running statistics"),
        (layer("BatchNorm1d", running_mean=np.ones(2), running_var=np.ones(2)), "has no eps"),
        (layer("Sequential"), "has no named_children"),
    ],
)
def test_torch_layers_without_their_attributes(module, message):
    with pytest.raises((sg.InvalidInputError, sg.UnsupportedError), match=message):
        sg.from_torch(module)
    linear = layer("Linear", weight=np.ones((2, 1)), bias=None)
    with pytest.raises(sg.InvalidInputError, match=r"module: 1 has no negative_slope"):
        sg.from_torch(sequential(linear, layer("LeakyReLU")))


def test_torch_batch_norm_of_another_width():
    linear = layer("Linear", weight=np.ones((2, 1)), bias=None)
    norm = layer("BatchNorm1d", running_mean=np.zeros(1), running_var=np.ones(1), eps=0.0, weight=None, bias=None)
    with pytest.raises(sg.InvalidInputError, match=r"module: 1 \(BatchNorm1d\) has 1 features, 2 arrive"):
        sg.from_torch(sequential(linear, norm))


def test_torch_itself():
    torch = pytest.importorskip("torch", reason="needs the extra torch")
    nn = torch.nn
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Flatten(),
        nn.Linear(3, 8),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Sequential(nn.Linear(8, 6, bias=False), nn.Hardtanh(-0.5, 2.0), nn.Dropout(0.3)),
        nn.Linear(6, 5),
        nn.LeakyReLU(0.1),
        nn.Identity(),
        nn.Linear(5, 2),
    )
    module(torch.randn(64, 3))  # moves the running statistics
    module.eval()
    x = torch.randn(50, 3)
    net = sg.from_torch(module)
    expected = module.double()(x.double()).detach().numpy()
    np.testing.assert_allclose(net(x.double().numpy()), expected, atol=1e-12)


# ---------------------------------------------------------------- real modules, by what their call makes


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="needs the extra torch")


def compare(torch, module, shape=None, tolerance=1e-5):
    """Read the module, see that it did not change, and compare with its forward pass."""
    state = {key: value.clone() for key, value in module.state_dict().items()}
    training, generator = [part.training for part in module.modules()], torch.get_rng_state()
    net = sg.from_torch(module)
    assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())
    assert training == [part.training for part in module.modules()]
    assert torch.equal(generator, torch.get_rng_state())
    x = torch.randn(20, net.input_dim, generator=torch.Generator().manual_seed(0))
    kind = next(module.parameters()).dtype
    with torch.no_grad():
        expected = module.eval()(x.to(kind)).double().numpy()
    size = np.abs(expected).max()
    np.testing.assert_allclose(net(x.to(kind).double().numpy()) / size, expected / size, atol=tolerance)
    if shape is not None:
        assert (net.input_dim, *net.hidden_widths, net.output_dim) == shape
    return net


def test_torch_layers_used_twice_are_read_twice(torch):
    nn = torch.nn
    torch.manual_seed(0)
    relu, square = nn.ReLU(), nn.Linear(16, 16)
    part = nn.Sequential(square, relu)
    compare(torch, nn.Sequential(nn.Linear(2, 16), relu, nn.Linear(16, 16), relu, nn.Linear(16, 1)), (2, 16, 16, 1))
    compare(torch, nn.Sequential(nn.Linear(2, 16), relu, square, relu, square, relu), (2, 16, 16, 16, 16))
    compare(torch, nn.Sequential(nn.Linear(2, 16), relu, part, part, nn.Sequential(part)), (2, 16, 16, 16, 16, 16))


def test_torch_weights_are_those_that_a_call_computes(torch):
    nn, prune = torch.nn, pytest.importorskip("torch.nn.utils.prune")
    torch.manual_seed(1)

    def chain(wrap):
        return nn.Sequential(wrap(nn.Linear(2, 5)), nn.ReLU(), nn.Linear(5, 1))

    for wrap in (
        nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm,
        nn.utils.parametrizations.orthogonal, nn.utils.spectral_norm,
    ):  # fmt: skip
        compare(torch, chain(wrap))
    with pytest.warns(FutureWarning):
        old = chain(nn.utils.weight_norm)
    old(torch.zeros(1, 2))  # its weight is now part of a graph of gradients
    with torch.no_grad():
        old[0].weight_g *= 3.0  # and out of date
    stale = old[0].weight.detach().numpy()
    assert not np.allclose(compare(torch, old).weights[0], stale)
    masked = chain(lambda layer: prune.l1_unstructured(layer, "weight", 0.5))
    with torch.no_grad():
        masked[0].weight_orig += 1.0
    assert np.count_nonzero(compare(torch, masked).weights[0] == 0.0) == 5


@pytest.mark.parametrize(
    ("name", "tolerance"), [("float16", 1e-2), ("bfloat16", 1e-1), ("float32", 1e-5), ("float64", 1e-13)]
)
def test_torch_types_are_widened(torch, name, tolerance):
    nn = torch.nn
    torch.manual_seed(2)
    module = nn.Sequential(
        nn.Flatten(), nn.Linear(70, 90), nn.BatchNorm1d(90), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(90, 4),
        nn.Hardtanh(-1.0, 0.5, inplace=True), nn.Linear(4, 3), nn.ReLU6(),
    ).to(getattr(torch, name))  # fmt: skip
    net = compare(torch, module, tolerance=tolerance)
    assert np.array_equal(net.weights[0], module[1].weight.detach().double().numpy())


def test_torch_refuses_what_it_cannot_see(torch):
    nn = torch.nn

    class Doubled(nn.Sequential):
        def forward(self, x):
            return 2.0 * super().forward(x)

    class Reversed(nn.Sequential):
        def __iter__(self):
            return iter(list(self._modules.values())[::-1])

    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.ones(2, 2)), None

        def forward(self, x):
            return 3.0 * x

    def hooked(register):
        module = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        getattr(module[0], register)(lambda *given: None)
        return module

    def patched():
        module = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        module[1].forward = torch.tanh
        return module

    class Copied(nn.Linear):
        def __deepcopy__(self, memo):
            return nn.Linear(2, 2) if self.bias is None else self

    class Renewed(nn.Linear):
        def __deepcopy__(self, memo):
            return Renewed(2, 2)

    class Uncopied(nn.Linear):
        def __deepcopy__(self, memo):
            raise OSError("two\nlines")

    def with_child(child):
        module = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        module._modules["1"] = child
        return module

    def bounded(lower, upper):
        module = nn.Sequential(nn.Linear(2, 2), nn.Hardtanh())
        module[1].min_val, module[1].max_val = lower, upper
        return module

    nested = nn.Linear(2, 2)
    for _ in range(1500):
        nested = nn.Sequential(nested)
    circle = nn.Sequential(nn.Linear(2, 2))
    circle.add_module("again", circle)
    for module, words in (
        (nn.Sequential(nn.Linear(2, 2), Doubled(nn.Linear(2, 2))), r"1 is a Doubled with a forward of its own"),
        (nn.Sequential(nn.Linear(2, 2), Reversed(nn.Linear(2, 2))), r"1 is a Reversed with a forward of its own"),
        (nn.Sequential(Linear()), r"0 is a Linear of .*not torch\.nn's"),
        (hooked("register_forward_hook"), r"0 \(Linear\) has a hook"),
        (hooked("register_forward_pre_hook"), r"0 \(Linear\) has a hook"),
        (patched(), "1 is a ReLU with a forward of its own"),
        (circle, "again contains itself"),
        (nn.Sequential(nn.LazyLinear(3)), "0 is a LazyLinear whose weights are not initialised"),
        (nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, device="meta")), r"1\.weight is on the device 'meta'"),
        (nn.Sequential(nn.Linear(2, 2, dtype=torch.cfloat)), r"0\.weight is of type torch\.complex64"),
        (nn.Sequential(nn.Linear(3, 2), nn.Linear(3, 2)), r"1 \(Linear\) takes 3 inputs, 2 arrive"),
        (nn.Sequential(nn.Flatten(0), nn.Linear(3, 2)), "a call of it fails .*the layer that fails is 1"),
        (nn.Sequential(Copied(2, 2), nn.ReLU()), "cannot be copied .*copies itself to something else"),
        (nn.Sequential(Copied(2, 2, bias=False), nn.ReLU()), "cannot be copied .*copies itself to something else"),
        (nn.Sequential(Renewed(2, 2), nn.ReLU()), "cannot be copied .*other numbers"),
        (nn.Sequential(Uncopied(2, 2), nn.ReLU()), "cannot be copied .*two lines"),
        (with_child(None), "1 is None, which is no module"),
        (with_child(torch.relu), "1 is <built-in method relu.*, which is no module"),
        (bounded(1.0, 1.0), r"1 \(Hardtanh\): lower, upper: 1.0 and 1.0 given"),
        (bounded(float("nan"), 1.0), r"1 \(Hardtanh\): lower, upper: nan and 1.0 given"),
        (nested, "s Sequentials are nested too deeply"),
    ):
        before = hooks(module)
        with pytest.raises((sg.UnsupportedError, sg.InvalidInputError), match=f"module: (its? ?)?{words}") as caught:
            sg.from_torch(module)
        assert "\n" not in str(caught.value)
        assert hooks(module) == before


def hooks(module):
    """The hooks of all layers, where torch itself can list these."""
    try:
        return [(*part._forward_hooks, *part._forward_pre_hooks) for part in module.modules()]
    except (RecursionError, AttributeError):
        return None


def test_torch_scripted_modules_are_refused_without_a_warning(torch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that scripts are deprecated
        module = torch.jit.script(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(sg.UnsupportedError, match="is a script, .*pass the module that it was made of"):
            sg.from_torch(module)


def test_torch_random_numbers_of_the_caller_are_left_alone(torch):
    class Noisy(torch.nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x)

    module = torch.nn.Sequential(torch.nn.Linear(2, 2))
    torch.nn.utils.parametrize.register_parametrization(module[0], "weight", Noisy())
    before = torch.get_rng_state()
    with pytest.raises(sg.InvalidInputError, match="makes other values"):
        sg.from_torch(module)
    assert torch.equal(before, torch.get_rng_state())


def test_torch_bounds_that_are_infinite_are_none(torch):
    nn = torch.nn
    inf = float("inf")
    for bounds in ((-inf, 0.5), (-0.5, inf), (-inf, inf)):
        compare(torch, nn.Sequential(nn.Linear(2, 3), nn.Hardtanh(*bounds), nn.Linear(3, 1)))


def test_objects_that_raise_when_looked_at_are_refused_in_one_line():
    class Linear:
        def __getattr__(self, name):
            raise RuntimeError("two\nlines")

    with pytest.raises(sg.UnsupportedError, match="module: it cannot be read .two lines.") as caught:
        sg.from_torch(Linear())
    assert "\n" not in str(caught.value)


def test_torch_comparison_names_the_layer_that_differs(torch, monkeypatch):
    """Negative controls: a reader that goes wrong in one layer, by each part of it."""
    from specgeo.readers import torch as reader

    nn = torch.nn
    torch.manual_seed(3)
    module = nn.Sequential(nn.Linear(2, 9), nn.LeakyReLU(0.1), nn.Linear(9, 9), nn.BatchNorm1d(9), nn.Hardtanh())
    right = reader._values
    for layer, key, factor in (
        ("0", "bias", 1.00001), ("2", "weight", 1.00001), ("1", "negative_slope", 1.0001), ("3", "eps", 100.0),
        ("3", "running_var", 1.001), ("4", "max_val", 1.0001),
    ):  # fmt: skip
        def wrong(one, name, shown, *shape, layer=layer, key=key, factor=factor, **options):
            return right(one, name, shown, *shape, **options) * (factor if (shown, name) == (layer, key) else 1.0)

        monkeypatch.setattr(reader, "_values", wrong)
        with pytest.raises(sg.InvalidInputError, match=rf"module: {layer} \("):
            sg.from_torch(module)
    monkeypatch.setattr(reader, "_values", right)
    sg.from_torch(module)


def test_torch_parameters_that_need_gradients_are_no_arrays(torch):
    with pytest.raises(sg.InvalidInputError, match=r"weights\[0\].*detach"):
        sg.Network([torch.nn.Parameter(torch.ones(1, 1))], [[0.0]])


REMEDIES = {
    "Tanh": (lambda nn: nn.Tanh(), "train with ReLU"),
    "GELU": (lambda nn: nn.GELU(), "train with ReLU"),
    "Conv1d": (lambda nn: nn.Conv1d(1, 1, 3), "matrix: pass that to specgeo.Network"),
    "MaxPool1d": (lambda nn: nn.MaxPool1d(2), r"b \+ relu\(a - b\)"),
    "LayerNorm": (lambda nn: nn.LayerNorm(3), "train without"),
    "Hardsigmoid": (lambda nn: nn.Hardsigmoid(), "Hardtanh"),
    "Bilinear": (lambda nn: nn.Bilinear(1, 1, 1), "train without"),
    "Softshrink": (lambda nn: nn.Softshrink(), "use a Sequential of Linear"),
}


@pytest.mark.parametrize("kind", REMEDIES)
def test_a_layer_that_is_not_read_has_a_remedy(kind: str) -> None:
    nn = pytest.importorskip("torch").nn
    make, words = REMEDIES[kind]
    with pytest.raises(sg.UnsupportedError, match=f"module: 1 is a {kind}, which .*{words}"):
        sg.from_torch(nn.Sequential(nn.Linear(3, 3), make(nn)))


@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax", "Sigmoid", "LogSigmoid"])
def test_probabilities_at_the_end_are_left_out_with_a_notice(kind: str) -> None:
    nn = pytest.importorskip("torch").nn
    make = getattr(nn, kind)
    last = [make(1) if "max" in kind else make(), nn.Flatten()]
    module = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 4)), *last)
    with pytest.warns(UserWarning, match=f"module: the network ends before its {kind}, .*outputs are logits"):
        net = sg.from_torch(module)
    plain = sg.from_torch(module[:2])
    assert all(map(np.array_equal, net.weights, plain.weights)) and net.hidden_widths == (3,)
    with pytest.raises(sg.UnsupportedError, match=rf"2 \({kind}\) is not piecewise linear.*only at the end"):
        sg.from_torch(nn.Sequential(*module, nn.ReLU()))


def test_a_module_with_a_forward_of_its_own_has_a_remedy() -> None:
    torch = pytest.importorskip("torch")

    class Residual(torch.nn.Module):
        def forward(self, x):
            return x + torch.relu(x)

    with pytest.raises(sg.UnsupportedError, match=r"Residual, which has a forward.*Sequential\(.*torch.onnx.export"):
        sg.from_torch(Residual())
