"""torch modules against their own forward pass, and stand-ins of the same shape."""

from __future__ import annotations

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
