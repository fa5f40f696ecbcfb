"""Trees of parameters and safetensors files, against products of their matrices."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

import specgeo as sg

SHAPES = [(7, 2), (5, 7), (3, 5)]


def parameters(seed=0):
    rng = np.random.default_rng(seed)
    return [tuple(rng.normal(size=size).astype(np.float32) for size in (shape, shape[0])) for shape in SHAPES]


def value(x):
    for i, (w, b) in enumerate(parameters()):
        x = x @ w.T.astype(float) + b
        x = np.maximum(x, 0.0) if i < 2 else x
    return x


def check(net):
    x = np.random.default_rng(1).normal(size=(20, 2))
    np.testing.assert_allclose(net(x), value(x), atol=1e-12)


def test_trees_of_flax_equinox_and_state_dicts():
    layers = parameters()
    flax = {f"Dense_{i}": {"kernel": w.T, "bias": b} for i, (w, b) in enumerate(layers)}
    check(sg.readers.from_parameters({"params": flax}))
    equinox = SimpleNamespace(layers=tuple(SimpleNamespace(weight=w, bias=b) for w, b in layers))
    check(sg.readers.from_parameters(equinox))
    flat = {f"net.{2 * i}.weight": w for i, (w, _) in enumerate(layers)}
    flat |= {f"net.{2 * i}.bias": b for i, (_, b) in enumerate(layers)}
    check(sg.readers.from_parameters(dict(reversed(flat.items()))))
    many = {f"l{i}": {"weight": np.eye(1) * (i + 1)} for i in (10, 9, 2)}
    assert [w[0, 0] for w in sg.readers.from_parameters(many, "identity").weights] == [3.0, 10.0, 11.0]


class Linear:
    """As equinox keeps it."""

    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias


class Dropout:
    """Does nothing here."""


def relu(x):
    return np.maximum(x, 0.0)


def module(*parts, **functions):
    return SimpleNamespace(layers=parts, **functions)


def test_modules_that_say_their_functions():
    one, two, three = (Linear(w, b) for w, b in parameters())
    last = SimpleNamespace(fn=lambda x: x)
    check(sg.readers.from_parameters(module(one, two, three, activation=relu, final_activation=lambda x: x)))
    check(sg.readers.from_parameters(module(one, relu, Dropout(), module(two, SimpleNamespace(fn=relu)), three, last)))
    both = sg.readers.from_parameters(module(one, two, relu, three))  # no function between the first two
    x = np.random.default_rng(1).normal(size=(20, 2))
    for weight, bias in parameters():
        x = x @ weight.T.astype(float) + bias
        x = relu(x) if len(bias) == 5 and weight.shape[1] == 7 else x
    np.testing.assert_allclose(both(np.random.default_rng(1).normal(size=(20, 2))), x, atol=1e-12)
    half = sg.readers.from_parameters(module(one, lambda x: np.maximum(x, x / 2), two), sg.Activation.leaky_relu(0.5))
    assert half.activations[0].slopes.tolist() == [0.5, 1.0]
    with pytest.warns(UserWarning, match="ends before its softmax"):

        def softmax(x):
            return np.exp(x) / np.exp(x).sum()

        assert sg.readers.from_parameters(module(one, relu, two, softmax)).output_dim == 5


class Conv:
    weight = np.ones((1, 1, 3))


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (lambda one, two: module(one, two, activation=np.tanh), r"activation: 'relu' given, activation \(tanh\) is"),
        (lambda one, two: module(one, np.abs, two), r"activation: 'relu' given, layers.1 \(absolute\) is another"),
        (lambda one, two: module(one, relu, one), r"layers.2 \(Linear\): takes 2 inputs, 7 arrive"),
        (lambda one, two: module(Conv(), relu), r"layers.0 \(Conv\) is not supported; use Linear and functions"),
        (lambda one, two: module(one, lambda x: x.no, two), r"layers.1 \(function\): a call of it fails"),
        (lambda one, two: module(relu), "there is no Linear layer"),
    ],
)
def test_modules_that_are_not_read(tree, words):
    one, two, _ = (Linear(w, b) for w, b in parameters())
    with pytest.raises((sg.InvalidInputError, sg.UnsupportedError), match=words):
        sg.readers.from_parameters(tree(one, two))


@pytest.mark.filterwarnings("ignore")  # of jax
def test_modules_of_an_installed_equinox():
    eqx, jax = pytest.importorskip("equinox"), pytest.importorskip("jax")
    key, x = jax.random.key(0), np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)

    class Own(eqx.Module):
        first: eqx.nn.Linear
        last: eqx.nn.Linear

        def __call__(self, x):
            return self.last(jax.nn.relu(self.first(x)))

    linear = [eqx.nn.Linear(3, 5, key=key), eqx.nn.Linear(5, 2, key=key)]
    sequential = eqx.nn.Sequential([linear[0], eqx.nn.Lambda(jax.nn.relu), eqx.nn.Dropout(inference=True), linear[1]])
    for one, layers in (
        (eqx.nn.MLP(3, 2, 5, 2, key=key), None), (eqx.nn.MLP(3, 1, 5, 1, final_activation=jax.nn.relu, key=key), None),
        (sequential, None), (eqx.nn.Sequential(linear), None), (Own(*linear), ["first", "last"]),
    ):  # fmt: skip
        net = sg.readers.from_parameters(one, layers=layers)
        np.testing.assert_allclose(net(x.astype(float)), np.asarray(jax.vmap(one)(x)), atol=2e-6)
    with pytest.raises(sg.InvalidInputError, match="activation: 'relu' given"):
        sg.readers.from_parameters(eqx.nn.MLP(3, 2, 5, 2, activation=jax.nn.tanh, key=key))


@pytest.mark.filterwarnings("ignore")  # of jax
def test_trees_of_an_installed_flax():
    flax, jax = pytest.importorskip("flax"), pytest.importorskip("jax")
    nn, nnx = pytest.importorskip("flax.linen"), pytest.importorskip("flax.nnx")
    key, x = jax.random.key(0), np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)

    class Named(nn.Module):
        def setup(self):
            self.enc, self.out = nn.Dense(5), nn.Dense(2)

        def __call__(self, x):
            return self.out(nn.relu(self.enc(x)))

    for one, layers in ((nn.Sequential([nn.Dense(5), nn.relu, nn.Dense(2)]), None), (Named(), ["enc", "out"])):
        tree = one.init(key, x)
        for given in (tree, tree["params"], flax.core.freeze(tree)):
            net = sg.readers.from_parameters(given, layers=layers)
            np.testing.assert_allclose(net(x.astype(float)), np.asarray(one.apply(tree, x)), atol=2e-6)
        half = jax.tree.map(lambda leaf: leaf.astype(jax.numpy.bfloat16), tree)
        kernel = half["params"]["layers_0" if layers is None else "enc"]["kernel"]
        wide = sg.readers.from_parameters(half, layers=layers).weights[0]
        np.testing.assert_array_equal(wide, np.asarray(kernel).astype(float).T)
    model = nnx.Sequential(nnx.Linear(3, 5, rngs=nnx.Rngs(0)), nnx.relu, nnx.Linear(5, 2, rngs=nnx.Rngs(1)))
    net = sg.readers.from_parameters(nnx.state(model))
    np.testing.assert_allclose(net(x.astype(float)), np.asarray(model(x)), atol=2e-6)
    with pytest.raises(sg.InvalidInputError, match="nnx.state"):
        sg.readers.from_parameters(model)


def test_state_dicts_of_torch():
    torch = pytest.importorskip("torch", reason="needs the extra torch")
    module = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1, bias=False))
    one, other = sg.readers.from_parameters(module.state_dict()), sg.from_torch(module)
    assert all(map(np.array_equal, one.weights, other.weights)) and all(map(np.array_equal, one.biases, other.biases))


@pytest.mark.parametrize(
    ("tree", "options", "words"),
    [
        ({}, {}, "parameters: there are none"),
        (3, {}, "int is no mapping"),
        ({"norm": {"scale": [1.0]}}, {}, "'norm.scale' is neither"),
        ({"a": {"weight": [[1.0]]}, "b": {"weight": [[1.0]]}}, {}, r"layers: missing.*'a', 'b'"),
        ({"a": {"weight": [[1.0]]}, "b": {"weight": [[1.0]]}}, {"layers": ["a"]}, "list all of"),
        ({"a": {"bias": [1.0]}}, {}, "'a' has a bias and no weight"),
        ({"a0": {"weight": [[1.0]]}, "a1": {"weight": np.ones((1, 2))}}, {}, r"parameters: weights\[1\]"),
        ({"a": {"weight": [[1.0]]}}, {"activation": "tanh"}, "activation: 'tanh'"),
    ],
)
def test_trees_that_are_no_chain(tree, options, words):
    with pytest.raises(sg.InvalidInputError, match=words):
        sg.readers.from_parameters(tree, **options)


def write(path, arrays, kinds=None, **changes):
    """A file byte by byte."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        kind = (kinds or {}).get(name, "F32")
        content = array.tobytes()
        offsets = [len(data), len(data) + len(content)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": offsets}
        header[name].update(changes.get(name, {}))
        data += content
    words = json.dumps(header).encode()
    path.write_bytes(len(words).to_bytes(8, "little") + words + data)


def test_safetensors(tmp_path):
    names = ["first", "second", "last"]
    arrays = {}
    for name, (w, b) in zip(names, parameters(), strict=True):
        arrays |= {f"{name}.weight": w, f"{name}.bias": b}
    write(tmp_path / "m.safetensors", arrays)
    check(sg.read_network(tmp_path / "m.safetensors", layers=names))
    half = np.array([[1.5, -2.0]], np.float32)
    upper = (half.view(np.uint32) >> 16).astype(np.uint16)
    write(tmp_path / "h.safetensors", {"0.weight": upper}, {"0.weight": "BF16"})
    assert np.array_equal(sg.read_network(tmp_path / "h.safetensors").weights[0], half)
    package = pytest.importorskip("safetensors.numpy")
    package.save_file(arrays, tmp_path / "p.safetensors")
    check(sg.read_network(tmp_path / "p.safetensors", layers=names))


def test_safetensors_that_are_damaged(tmp_path):
    path, one = tmp_path / "m.safetensors", {"0.weight": np.ones((1, 2), np.float32)}
    for changes, words in (
        ({"dtype": "I64"}, "'I64', not of real floats"), ({"data_offsets": [0, 99]}, "outside of the file"),
        ({"shape": [3, 3]}, "malformed"), ({"data_offsets": None}, "malformed"), ({"data_offsets": [0, 7]}, "malform"),
    ):  # fmt: skip
        write(path, one, **{"0.weight": changes})
        with pytest.raises(sg.ReadError, match=rf"m\.safetensors: .*{words}"):
            sg.read_network(path)
    for content in (b"", b"12345678", (99).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"[]"):
        path.write_bytes(content)
        with pytest.raises(sg.SpecgeoError):
            sg.read_network(path)
