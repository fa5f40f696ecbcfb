"""Residual sums, concatenation, pools and maxima: values against torch, complexes against counts known otherwise."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import specgeo as sg
from specgeo.readers._graph import Graph
from specgeo.readers._maps import Sparse, as_sparse, compose
from specgeo.readers._scalar import Scalar
from specgeo.readers._signals import Signal, activated, added, linear, maximum, move, scaled

torch = pytest.importorskip("torch", reason="needs the extra torch")
nn, F = torch.nn, torch.nn.functional
SQUARE = sg.Box(-1, 1, dim=2)


class Function(nn.Module):
    """A forward given as a function of the input and of parts."""

    def __init__(self, function, *parts):
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, x):
        return self.function(x, *self.parts)


def read(module, shape, **options):
    """The network, compared with the module in float64."""
    net = sg.from_torch(module, shape, **options)
    x = 2.0 * torch.randn(20, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = module.double()(x).flatten(1).numpy()
    np.testing.assert_allclose(net(x.flatten(1).numpy()), expected, atol=1e-12 * (1 + np.abs(expected).max()))
    return net


def residual(x):
    r = x + torch.relu(-2 * x)
    return torch.relu(r.sum(1, keepdim=True) - 0.5)


def concatenated(x):
    u = torch.relu(x[:, :1] + x[:, 1:])
    return torch.cat([u, torch.relu(x[:, :1] - x[:, 1:] - u + 0.5)], 1)


def tangents(x):
    g = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 2).to(x)
    return (x @ g.T - (g * g).sum(1) / 4).amax(1, keepdim=True)


COUNTS = {
    "residual": (residual, (13, 20, 8)),
    "concatenation": (concatenated, (7, 10, 4)),
    "maximum norm": (lambda x: torch.cat([x, -x], 1).amax(1, keepdim=True), (5, 8, 4)),
    "three functions": (lambda x: torch.cat([x, torch.zeros_like(x[:, :1])], 1).amax(1, keepdim=True), (7, 9, 3)),
    "behind a maximum": (lambda x: torch.relu(x.max(1, keepdim=True)[0]), (7, 10, 4)),
    "one that never wins": (lambda x: torch.cat([x, x.mean(1, keepdim=True)], 1).amax(1, keepdim=True), (4, 5, 2)),
    "tangents": (tangents, (16, 24, 9)),
}


@pytest.mark.parametrize("name", COUNTS)
def test_complexes_that_are_known(name):
    function, counts = COUNTS[name]
    net = read(Function(function), (2,))
    assert sg.enumerate_regions(net, SQUARE).f_vector == counts


def test_values_that_are_kept_have_no_units():
    block = Function(lambda x, a, b: torch.relu(b(torch.relu(a(x))) + x), nn.Linear(4, 4), nn.Linear(4, 4))
    net = read(nn.Sequential(nn.Linear(2, 4), nn.ReLU(), block, nn.Linear(4, 1)), (2,))
    assert net.n_units == 12 and sum(net.hidden_widths) == 16


def test_a_dense_unfolding_has_the_same_complex():
    """A skip of what is nonnegative, as identities and as ReLUs of its own."""
    torch.manual_seed(0)
    a, b, c = nn.Linear(2, 6), nn.Linear(6, 6), nn.Linear(12, 1)
    net = read(Function(lambda x, a, b, c: c(torch.cat([(h := torch.relu(a(x))), torch.relu(b(h))], 1)), a, b, c), (2,))
    w = [layer.weight.detach().double().numpy() for layer in (a, b, c)]
    v = [layer.bias.detach().double().numpy() for layer in (a, b, c)]
    dense = sg.Network([w[0], np.vstack([np.eye(6), w[1]]), w[2]], [v[0], np.append(np.zeros(6), v[1]), v[2]])
    one, other = (sg.enumerate_regions(n, SQUARE) for n in (net, dense))
    assert one.f_vector == other.f_vector
    assert one.patterns.shape[1] == other.patterns.shape[1] - 6


def test_a_small_convolutional_classifier():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.PReLU(3), nn.MaxPool2d(2),
        Function(lambda x, a, b: F.relu(x + b(F.relu(a(x)))), nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)),
        nn.Flatten(), nn.Linear(27, 4),
    )  # fmt: skip
    module(torch.randn(32, 1, 6, 6))
    with pytest.warns(UserWarning, match="moved behind it"):
        net = read(module.eval(), (1, 6, 6))
    assert [type(a).__name__ for a in net.activations].count("MaxGroups") == 1
    points = np.random.default_rng(0).uniform(size=(3, 36))
    plane = net.restrict(sg.AffineSlice.through(points))
    cx = sg.enumerate_regions(plane, sg.Box(0, 1, dim=2))
    inside = np.random.default_rng(1).uniform(size=(50, 2))
    np.testing.assert_allclose(cx(inside), plane(inside), atol=1e-12)
    assert cx.n_cells > 20


# ---------------------------------------------------------------- parts of the reader


def test_sparse_maps_are_composed_where_that_is_exact():
    rng = np.random.default_rng(0)
    from scipy.sparse import csr_array

    for bits, exact in ((20, True), (40, False)):
        a, b = (np.rint(rng.uniform(-1, 1, size=(9, 9)) * 2.0**bits) * (rng.uniform(size=(9, 9)) < 0.4) for _ in "ab")
        u, v = (np.rint(rng.uniform(-1, 1, size=9) * 2.0**bits) for _ in "uv")
        made = compose(Sparse(csr_array(a), u), Sparse(csr_array(b), v))
        assert (made is not None) == exact
        if made is not None:
            assert np.array_equal(as_sparse(made).matrix.toarray(), a @ b) and np.array_equal(made.offset, a @ v + u)


def test_sums_that_round_are_kept_apart():
    graph = Graph(1)
    x = Signal(graph, (1,), graph.input)
    third, tenth = scaled(x, 1.0 / 3.0), scaled(x, 0.1)
    net = graph.network(added([third, tenth]).value)
    assert [w.tolist() for w in net.weights] == [[[1.0 / 3.0], [0.1]], [[1.0, 1.0]]]
    assert graph.network(added([x, scaled(x, 0.5)]).value).weights[0].tolist() == [[1.5]]


def test_random_graphs_against_their_definition():
    """Sums, products, selections, activations and maxima in any order."""
    rng = np.random.default_rng(5)
    for _ in range(30):
        graph, x = Graph(3), rng.normal(size=(7, 3))
        made = [(Signal(graph, (3,), graph.input), x)]
        for _ in range(8):
            one, other = (made[i] for i in rng.integers(len(made), size=2))
            kind = rng.integers(5)
            if kind == 0:
                matrix = rng.integers(-3, 4, size=(3, 3)) / rng.choice([2.0, 3.0])
                made.append((linear(one[0], matrix, (3,)), one[1] @ matrix.T))
            elif kind == 1:
                made.append((added([one[0], other[0]]), one[1] + other[1]))
            elif kind == 2:
                made.append((activated(one[0], sg.Activation.leaky_relu(0.25)), np.maximum(one[1], 0.25 * one[1])))
            elif kind == 3:
                made.append((maximum([one[0], other[0]]), np.maximum(one[1], other[1])))
            else:
                order = rng.integers(6, size=3)
                both = np.concatenate([one[1], other[1]], axis=1)[:, order]
                made.append((move([one[0], other[0]], lambda a, b, o=order: np.concatenate([a, b])[o]), both))
        signal, expected = made[-1]
        np.testing.assert_allclose(graph.network(signal.value)(x), expected, atol=1e-10)


def test_functions_of_one_variable_in_exact_arithmetic():

    x, one, zero = Scalar.line(1.0, 0.0), Scalar.line(0.0, 1.0), Scalar.line(0.0, 0.0)
    tent = (one + -x.maximum(-x)).maximum(zero)
    points = [Fraction(k, 8) for k in range(-16, 17)]
    assert [tent(p) for p in points] == [max(0, 1 - abs(p)) for p in points]
    assert tent.activation().breakpoints.tolist() == [-1.0, 0.0, 1.0]
    assert x.above(zero)(Fraction(0)) == 0 and x.above(zero, equal=True)(Fraction(0)) == 1
    with pytest.raises(ValueError, match="jumps at 0"):
        x.above(zero).activation()
    with pytest.raises(ValueError, match="vary"):
        x * x
    with pytest.raises(ValueError, match="no float64"):
        Scalar.line(3.0, 1.0).maximum(zero).activation()
    step = x.above(Scalar.line(0.0, 0.25))
    for inner in (Scalar.line(2.0, 0.75), Scalar.line(-0.5, 0.75), Scalar.line(0.0, 0.25), x.maximum(-x), step):
        for outer in (x.maximum(zero), x.maximum(-x) + step, step):
            both = outer.after(inner)
            assert all(both(Fraction(k, 16)) == outer(inner(Fraction(k, 16))) for k in range(-40, 41))
