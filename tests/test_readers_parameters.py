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
