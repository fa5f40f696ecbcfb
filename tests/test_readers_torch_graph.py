"""torch modules of any form, read through torch.export, against their own forward pass in float64."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import specgeo as sg

torch = pytest.importorskip("torch", reason="needs the extra torch")
nn, F = torch.nn, torch.nn.functional


class Function(nn.Module):
    """A forward given as a function of the input and of parts."""

    def __init__(self, function, *parts):
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, x):
        return self.function(x, *self.parts)


def read(module, shape):
    """Read the module, see that it did not change, and compare with its forward pass."""
    torch.manual_seed(0)
    module.eval()
    before = copy.deepcopy(module.state_dict())
    net = sg.from_torch(module, shape)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    x = 2.0 * torch.randn(30, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        double = copy.deepcopy(module).double()
        expected = torch.stack([double(one[None]).flatten() for one in x]).numpy()
    np.testing.assert_allclose(net(x.flatten(1).numpy()), expected, atol=1e-12 * (1 + np.abs(expected).max()))
    return net


IMAGE, VECTOR = (2, 6, 6), (8,)
LINEAR = {
    "convolution": (lambda: nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2, dilation=2), IMAGE),
    "one axis": (lambda: nn.Conv1d(2, 3, 3, dilation=2, padding="same"), (2, 9)),
    "three axes": (lambda: nn.Conv3d(1, 2, 2), (1, 3, 4, 5)),
    "reflected": (lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), IMAGE),
    "transposed": (lambda: nn.ConvTranspose2d(2, 4, 3, 2, 1, 1, groups=2, dilation=2), IMAGE),
    "average": (lambda: nn.AvgPool2d(3, 2, 1), IMAGE),
    "average, ceil": (lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True), IMAGE),
    "average of what is inside": (lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), IMAGE),
    "adaptive average": (lambda: nn.AdaptiveAvgPool2d(4), IMAGE),
    "nearest": (lambda: nn.Upsample(scale_factor=2), IMAGE),
    "bilinear": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE),
    "rows": (lambda: nn.Linear(8, 3), (4, 8)),
    "einsum": (lambda: Function(lambda x, a: torch.einsum("bi,oi->bo", x, a.weight), nn.Linear(8, 4)), VECTOR),
    "addmm": (lambda: Function(lambda x, a: torch.addmm(a.bias, x, a.weight.t()), nn.Linear(8, 4)), VECTOR),
    "index": (lambda: Function(lambda x: x[:, [0, 3, 3, 1]]), VECTOR),
    "stack": (lambda: Function(lambda x: torch.stack([x, torch.ones_like(x), 2 * x.flip(1)], 1)), VECTOR),
    "pad": (lambda: Function(lambda x: F.pad(x, (1, 2), value=3.0)), VECTOR),
    "lower triangle": (lambda: Function(lambda x: x.tril()), IMAGE),
    "masked": (lambda: Function(lambda x: x.masked_fill(torch.eye(8)[0].bool(), 7.0)), VECTOR),
    "written in place": (lambda: Function(lambda x: _written(x)), VECTOR),
    "sums": (lambda: Function(lambda x: 2 - x.sum(1, keepdim=True) / 4 + x.mean((0, 1)) - 0.5 * x.cumsum(1)), VECTOR),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(8, 4)), VECTOR),
    "spectral norm": (lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(8, 4)), VECTOR),
}


def _written(x):
    y = torch.zeros_like(x)
    y[:, :2] = x[:, 2:4]
    return y


@pytest.mark.parametrize("name", LINEAR)
def test_linear_operations(name):
    make, shape = LINEAR[name]
    assert read(make(), shape).hidden_widths == ()


ACTIVATIONS = {
    "relu6": (lambda: nn.ReLU6(), [0.0, 6.0]),
    "random leaky": (lambda: nn.RReLU(0.1, 0.3), [0.0]),
    "soft shrink": (lambda: nn.Softshrink(0.25), [-0.25, 0.25]),
    "hard sigmoid": (lambda: nn.Hardsigmoid(), [0.0, 6.0]),
    "threshold": (lambda: nn.Threshold(0.5, 0.5), [0.5]),
    "selection": (lambda: Function(lambda x: torch.where(x > 0, x, 0.1 * x)), [0.0]),
    "selection of values": (lambda: Function(lambda x: torch.where(x <= 2, 2.0, 3 * x - 4)), [2.0]),
    "mask": (lambda: Function(lambda x: x * (x > 0)), [0.0]),
    "filled": (lambda: Function(lambda x: x.masked_fill(x < 0, 0.0)), [0.0]),
    "larger of two lines": (lambda: Function(lambda x: torch.max(x, 0.25 * x)), [0.0]),
    "bounds": (lambda: Function(lambda x: torch.clamp(x, torch.zeros(8), torch.ones(8))), [0.0, 1.0]),
    "absolute": (lambda: Function(lambda x: abs(x)), [0.0]),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_however_they_are_written(name):
    make, breakpoints = ACTIVATIONS[name]
    net = read(make(), VECTOR)
    assert [a.breakpoints.tolist() for a in net.activations] == [breakpoints]


STEPS = torch.arange(8.0) / 4
PER_ENTRY = {
    "slopes": lambda x: torch.where(x > 0, x, STEPS * x),
    "thresholds": lambda x: torch.where(x > STEPS, x - STEPS, 0.0),
    "scaled first": lambda x: torch.where(x > 0, 2 * x, STEPS * x) - 1,
    "two lines": lambda x: torch.maximum(x, STEPS * x),
    "both conditions": lambda x: torch.where((x > 0) & ~(x > 1), x, torch.where(x > 1, 1.0, 0.0)),
    "behind a scale": lambda x: (lambda y: torch.where(y > 0, y, 0.1 * y))(x / 3 + STEPS),
    "of a scale": lambda x: torch.where(2 * x > 0, 6 * x, x),
    "either": lambda x: torch.where((x < 0) | (x == 0), 0.25 * x, x),
    "zeroed": lambda x: _zeroed(x),
}


def _zeroed(x):
    y = x.clone()
    y[y < 0] = 0
    return y


@pytest.mark.parametrize("name", PER_ENTRY)
def test_selections_entry_by_entry(name):
    """Each is one layer of activations, of as many kinds as there are."""
    assert set(read(Function(PER_ENTRY[name]), VECTOR).hidden_widths) == {8}


AT = torch.tensor([[0, 2, 2, 1, 0, 3, 3, 3]])
WRITES = {
    "scatter": lambda x: torch.zeros(1, 9, dtype=x.dtype).scatter(1, torch.arange(1, 9)[None], x) + 1,
    "a number": lambda x: x.scatter(1, AT[:, :2], 3.0),
    "added": lambda x: torch.ones(1, 4, dtype=x.dtype).scatter_add(1, AT, x),
    "added along an axis": lambda x: x.index_add(1, AT[0], 2 * x),
    "put": lambda x: x.index_put((torch.tensor([0]), torch.tensor([1])), x[0, 3:4]),
    "set": lambda x: _set(x),
    "taken": lambda x: x.take(AT),
    "grid": lambda x: torch.cat(torch.meshgrid(x[0, :2], x[0, 2:4], indexing="ij")),
    "interpolated": lambda x: torch.lerp(x[:, :4], x[:, 4:], 0.25),
    "with factors": lambda x: torch.addcmul(x[:, :4], x[:, 2:6], STEPS[:4], value=2),
    "factors": lambda x: torch.addmm(x, x, torch.ones(8, 8, dtype=x.dtype), beta=0.5, alpha=2),
    "trapezoid": lambda x: torch.trapz(x, dim=1),
    "kronecker": lambda x: torch.kron(x, torch.ones(1, 2, dtype=x.dtype)),
}  # fmt: skip


def _set(x):
    y = x.clone()
    y[:, 0], y[:, 1] = 0.5, 3 * x[:, 2]
    return y


@pytest.mark.parametrize("name", WRITES)
def test_writes_and_other_linear_operations(name):
    assert read(Function(WRITES[name]), VECTOR).hidden_widths == ()


def _set_where(x, on_columns):
    y = x.clone()
    if on_columns:
        y[:, x[0] > 0] = 0.5
    else:
        y[x[:, 0] > 0] = 0.5
    return y


@pytest.mark.parametrize("on_columns", [True, False])
def test_writes_where_a_condition_holds_on_some_axes_are_refused(on_columns):
    with pytest.raises(sg.UnsupportedError, match="writes where a condition holds on a part of the axes; use torch.wh"):
        sg.from_torch(Function(lambda x: _set_where(x, on_columns)), VECTOR)


def test_norms_and_ends():
    net = read(Function(lambda x: x.norm(p=1, dim=1) + x.norm(p=float("inf"), dim=1)), VECTOR)
    assert net.hidden_widths[0] == 8  # their sizes are made once
    read(Function(lambda x: torch.aminmax(x, dim=1)[0] - torch.aminmax(x, dim=1, keepdim=True)[1]), VECTOR)


def test_slopes_in_code_are_those_of_python():
    net = sg.from_torch(nn.LeakyReLU(0.1), 3)
    assert net.activations[0].slopes.tolist() == [0.1, 1.0]


def test_an_average_pool_network_is_a_chain():
    module = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(),
        nn.Dropout(), nn.Linear(4, 3),
    )  # fmt: skip
    net = read(module, IMAGE)
    assert net.hidden_widths == (144, 4)  # a quarter of a sum is exact
    dense = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    both = sg.from_torch(dense), sg.from_torch(dense, 3)
    for one, other in zip(*(net.weights + net.biases for net in both), strict=True):
        assert np.array_equal(one, other)


def test_batch_normalisation_of_channels():
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))
    module(3.0 * torch.randn(16, *IMAGE))  # moves the running statistics
    read(module, IMAGE)


def test_half_precision_compiled_and_hooked_modules():
    read(nn.Sequential(nn.Linear(3, 4), nn.ReLU()).half(), (3,))
    plain = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    compiled = sg.from_torch(torch.compile(plain, backend="eager"), 3)
    assert np.array_equal(compiled.weights[0], sg.from_torch(plain).weights[0])
    hooked = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    hooked[0].register_forward_hook(lambda one, given, made: 2.0 * made)
    assert read(hooked, (3,)).n_units == 4


def test_graphs_of_fx_and_of_torch_export():
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    plain = sg.from_torch(module)
    program = torch.export.export(module, (torch.zeros(1, 3),))
    for one in (torch.fx.symbolic_trace(module), program.module()):
        assert np.array_equal(sg.from_torch(one, 3).weights[0], plain.weights[0])
    quantised = type("Linear", (nn.Linear,), {"__module__": "torch.ao.nn.quantized.dynamic"})
    for given, words in (
        (program, r"exported program given; .*\.module\(\)"), (module.state_dict(), "use .*readers.from_parameters"),
        ("net.pt", "a name of a file given"), (nn.Linear, "the class Linear given; pass an instance"),
        (nn.Sequential(quantised(3, 2)), "0 is a quantised Linear .*pass the module that it was made of"),
    ):  # fmt: skip
        for shape in (None, 3):
            with pytest.raises((sg.InvalidInputError, sg.UnsupportedError), match=f"module: .*{words}"):
                sg.from_torch(given, shape)


def test_probabilities_at_the_end_are_left_out_with_a_notice():
    module = Function(lambda x, a: torch.log_softmax(a(x), 1), nn.Linear(3, 4))
    with pytest.warns(UserWarning, match="ends before its log_softmax"):
        net = sg.from_torch(module, 3)
    assert np.array_equal(net.weights[0], module.parts[0].weight.detach().double().numpy())


class Ends(nn.Module):
    """Two inputs, several outputs."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(3, 4), nn.Conv1d(1, 2, 3, padding=1)

    def forward(self, x, image):
        a, b = self.one(x), self.other(image).flatten(1)
        return {"sum": torch.relu(a).sum(1) + b.relu().sum(1), "inner": [a, torch.softmax(b, 1)], "none": None}


def test_several_inputs_and_outputs():
    module = Ends().double()
    x = torch.randn(9, 3, dtype=torch.float64), torch.randn(9, 1, 4, dtype=torch.float64)
    flat = torch.cat([x[0], x[1].flatten(1)], 1).numpy()
    made = module(*x)
    for output, expected in (("sum", made["sum"][:, None]), (0, made["sum"][:, None]), ("inner.0", made["inner"][0])):
        net = sg.from_torch(module, [3, (1, 4)], output=output)
        np.testing.assert_allclose(net(flat), expected.detach().numpy(), atol=1e-14)
    with pytest.warns(UserWarning, match="ends before its softmax"):
        assert sg.from_torch(module, [3, (1, 4)], output="inner.1").output_dim == 8
    with pytest.raises(sg.UnsupportedError, match=r"3 tensors \('sum' of shape \(\), 'inner.0' of shape \(4,\)"):
        sg.from_torch(module, [3, (1, 4)])
    for output in (3, -1, "x", True, 0.5):
        with pytest.raises(sg.InvalidInputError, match="output: .* given; the module returns 'sum'"):
            sg.from_torch(module, [3, (1, 4)], output=output)
    with pytest.raises(sg.InvalidInputError, match="output: without input_shape"):
        sg.from_torch(module, output=0)
    with pytest.raises(sg.InvalidInputError, match="a call of it fails .*missing 1 required positional argument"):
        sg.from_torch(module, 3)


def branches(x):
    return x if x.sum() > 0 else -x


REFUSED = {
    "GroupNorm": (lambda: nn.GroupNorm(1, 2), IMAGE, r"'group_norm' .*\(GroupNorm\): multiplies or divides"),
    "LayerNorm": (lambda: nn.LayerNorm(8), VECTOR, r"\(LayerNorm\): multiplies or divides"),
    "attention": (lambda: Function(lambda x, a: a(x, x, x)[0], nn.MultiheadAttention(8, 1)), (1, 8),
                  r"parts\.0 \(MultiheadAttention\): is a product of two signals"),
    "LSTM": (lambda: Function(lambda x, a: a(x)[0], nn.LSTM(8, 3)), (1, 8), r"parts\.0 \(LSTM\)"),
    "square": (lambda: Function(lambda x: x * x), VECTOR, "'mul' .*product of two functions that vary"),
    "gate": (lambda: Function(lambda x: x[:, :4] * x[:, 4:]), VECTOR, "is a product of different signals"),
    "softmax": (lambda: Function(lambda x: torch.softmax(x, 1) + x), VECTOR, "'softmax' .*not piecewise linear"),
    "tanh": (lambda: nn.Sequential(nn.Linear(8, 2), nn.Tanh()), VECTOR, r"in 1 \(Tanh\): is not piecewise linear"),
    "hard shrink": (lambda: nn.Hardshrink(), VECTOR, r"\(Hardshrink\): .*jumps at -0.5"),
    "threshold": (lambda: nn.Threshold(0.1, 0.0), VECTOR, "jumps at 0.1"),
    "norm": (lambda: Function(lambda x: x / x.norm()), VECTOR, "linalg_vector_norm.*not piecewise linear"),
    "reciprocal": (lambda: Function(lambda x: x / (1 + x.sum())), VECTOR, "division by a signal"),
    "a rest": (lambda: Function(lambda x: torch.remainder(x, 1)), VECTOR, "remainder .*not continuous"),
    "statistics": (lambda: nn.InstanceNorm2d(2), IMAGE, r"\(InstanceNorm2d\): multiplies or divides"),
    "recurrent": (lambda: Function(lambda x, a: a(x)[0], nn.RNN(8, 3)), (1, 8), "write its steps with Linear"),
    "jump of a condition": (lambda: Function(lambda x: x * ((x > 0) & (x < 1))), VECTOR, "jumps at 1"),
    "rounding": (lambda: Function(lambda x: x.round()), VECTOR, "of type round in"),
    "control flow": (lambda: Function(branches), VECTOR, "decides by values of the input .*torch.where"),
    "two outputs": (lambda: Function(lambda x: (x, 2 * x)), VECTOR,
                    r"returns 2 tensors \('0' of shape \(8,\), '1' of shape \(8,\)\); choose one by output='0'"),
    "constant": (lambda: Function(lambda x: torch.ones(1, 2)), VECTOR, "does not depend on its input"),
    "fails": (lambda: nn.Linear(3, 2), VECTOR, r"a call of it fails .*the layer that fails is module \(Linear\)"),
    "does not fit": (lambda: nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(5, 2)), VECTOR,
                     r"1x4 and 5x2.*the layer that fails is 2 \(Linear\), behind 1 \(ReLU\)"),
    "own statistics": (lambda: nn.BatchNorm1d(8, track_running_stats=False), (8, 3), "statistics of the batch"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named(name):
    make, shape, words = REFUSED[name]
    with pytest.raises((sg.UnsupportedError, sg.InvalidInputError), match=f"module: .*{words}") as caught:
        sg.from_torch(make().eval(), shape)
    assert "\n" not in str(caught.value)


def test_a_wrong_shape_and_a_script_are_refused():
    for shape in (0, (), (3, -1), "3", 2.5, True):
        with pytest.raises(sg.InvalidInputError, match="input_shape: "):
            sg.from_torch(nn.Linear(3, 2), shape)
    with pytest.raises(sg.InvalidInputError, match="with input_shape pass a torch module"):
        sg.from_torch(object(), 3)
    with pytest.warns():
        script = torch.jit.script(nn.Linear(3, 2))
    with pytest.raises(sg.UnsupportedError, match="is a script"):
        sg.from_torch(script, 3)
    with pytest.raises(sg.UnsupportedError, match="Conv2d, .*or give input_shape"):
        sg.from_torch(nn.Sequential(nn.Conv2d(1, 1, 3)))
