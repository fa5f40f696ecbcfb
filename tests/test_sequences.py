"""Sequences of operations: whatever was restricted, composed, saved and loaded, the complex is the network's.

A machine keeps a network, an exact twin of it (layers of Fractions), a box and perhaps a complex. After each step the
network must equal its twin at rational points, and each complex must be proved, agree with its network and survive a
round trip through a file.
"""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import specgeo as sg
from specgeo.testing import assert_complex_valid, random_network

KINDS = ["he", "zero-bias", "integer", "quarter", "pruned", "duplicated"]
NUMBERS = st.sampled_from([-2.0, -1.0, -0.5, -0.1, 0.0, 1.0 / 3.0, 0.5, 1.0, 3.0])
Maps = list[tuple[list[list[Fraction]], list[Fraction], bool]]  # weight, bias, whether ReLU follows


def exactly(matrix: object, vector: object, relu: bool) -> tuple[list[list[Fraction]], list[Fraction], bool]:
    rows = [[Fraction(float(x)) for x in row] for row in np.asarray(matrix)]
    return rows, [Fraction(float(x)) for x in np.asarray(vector)], relu


def value(maps: Maps, point: list[Fraction]) -> list[Fraction]:
    """f at a rational point."""
    for weight, bias, relu in maps:
        rows = zip(weight, bias, strict=True)
        point = [sum((w * x for w, x in zip(row, point, strict=True)), b) for row, b in rows]
        point = [max(Fraction(0), z) for z in point] if relu else point
    return point


class Sequences(RuleBasedStateMachine):
    """Operations on a network and its complex, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.cx: sg.PolyhedralComplex | None = None

    def teardown(self) -> None:
        self.folder.cleanup()

    @initialize(
        widths=st.sampled_from([[1, 5, 4, 1], [2, 4, 3, 1], [2, 3, 3, 2], [3, 3, 2, 1]]),
        kind=st.sampled_from(KINDS),
        seed=st.integers(0, 50),
    )
    def start(self, widths: list[int], kind: str, seed: int) -> None:
        self.net = random_network(widths, seed, kind)
        depth = len(self.net.weights)
        layers = zip(self.net.weights, self.net.biases, strict=True)
        self.twin: Maps = [exactly(w, b, n + 1 < depth) for n, (w, b) in enumerate(layers)]

    @precondition(lambda self: self.net.input_dim > 1)
    @rule(data=st.data())
    def restrict(self, data: st.DataObject) -> None:
        d = self.net.input_dim
        s = data.draw(st.integers(1, d - 1))
        origin = data.draw(st.lists(NUMBERS, min_size=d, max_size=d))
        basis = np.array([data.draw(st.lists(NUMBERS, min_size=d, max_size=d)) for _ in range(s)])
        if np.linalg.matrix_rank(basis) < s:
            return
        self.net = self.net.restrict(sg.AffineSlice(origin, basis))
        self.twin = [exactly(basis.T, origin, False), *self.twin]
        self.cx = None

    @precondition(lambda self: len(self.net.weights) < 7)
    @rule(data=st.data())
    def precompose(self, data: st.DataObject) -> None:
        d = self.net.input_dim
        matrix = [data.draw(st.lists(NUMBERS, min_size=d, max_size=d)) for _ in range(d)]
        offset = data.draw(st.lists(NUMBERS, min_size=d, max_size=d))
        self.net = self.net.precompose(matrix, offset)
        self.twin = [exactly(matrix, offset, False), *self.twin]
        self.cx = None

    @precondition(lambda self: len(self.net.weights) < 7)
    @rule(data=st.data())
    def postcompose(self, data: st.DataObject) -> None:
        m = self.net.output_dim
        rows = data.draw(st.integers(1, 2))
        matrix = [data.draw(st.lists(NUMBERS, min_size=m, max_size=m)) for _ in range(rows)]
        offset = data.draw(st.lists(NUMBERS, min_size=rows, max_size=rows))
        self.net = self.net.postcompose(matrix, offset)
        self.twin = [*self.twin, exactly(matrix, offset, False)]
        self.cx = None

    @rule(side=st.sampled_from([0.7, 1.0, 2.0]), middle=NUMBERS, tilted=st.booleans())
    def enumerate(self, side: float, middle: float, tilted: bool) -> None:
        d = self.net.input_dim
        domain: sg.Box | sg.Polytope = sg.Box([middle - side] * d, [middle + side] * d)
        if tilted:
            normals = np.vstack((np.eye(d), -np.eye(d), np.full((1, d), 0.3)))
            bounds = [middle + side] * d + [side - middle] * d + [0.3 * d * middle + 0.1 * side]
            domain = sg.Polytope(normals, bounds)
        self.cx = sg.enumerate_regions(self.net, domain)

    @rule()
    def save_and_load_the_network(self) -> None:
        file = Path(self.folder.name) / "net.npz"
        self.net.save(file)
        self.net = sg.read_network(file)

    @precondition(lambda self: self.cx is not None)
    @rule()
    def save_and_load_the_complex(self) -> None:
        assert self.cx is not None
        file = Path(self.folder.name) / "cx.npz"
        self.cx.save(file)
        loaded = sg.load_complex(file)
        assert loaded.f_vector == self.cx.f_vector
        np.testing.assert_array_equal(loaded.vertices, self.cx.vertices)
        np.testing.assert_array_equal(loaded.gradients, self.cx.gradients)
        np.testing.assert_array_equal(loaded.sign_vectors, self.cx.sign_vectors)
        self.cx = loaded

    @precondition(lambda self: self.cx is not None)
    @rule()
    def prove(self) -> None:
        assert self.cx is not None
        assert self.cx.reprove().proved

    @precondition(lambda self: self.cx is not None)
    @rule()
    def check(self) -> None:
        assert self.cx is not None
        assert_complex_valid(self.cx, self.net)

    @invariant()
    def the_network_is_its_twin(self) -> None:
        points = [[0.0] * self.net.input_dim, [0.375] * self.net.input_dim, [-1.25] * self.net.input_dim]
        for point, found in zip(points, self.net(points), strict=True):
            right = value(self.twin, [Fraction(x) for x in point])
            size = float(max(abs(x) for w, b, _ in self.twin for row in [*w, b] for x in row)) + 1.0
            np.testing.assert_allclose(found, [float(x) for x in right], rtol=0, atol=1e-13 * size ** len(self.twin))
        assert value(layers_of(self.net), [Fraction(1, 3)] * self.net.input_dim) == value(
            self.twin, [Fraction(1, 3)] * self.net.input_dim
        )

    @invariant()
    def vertices_are_where_the_complex_says(self) -> None:
        if self.cx is not None:
            exact = self.cx.exact_vertices([0, len(self.cx.vertices) - 1])
            errors = self.cx.vertex_errors[[0, -1]]
            for point, stored, error in zip(exact, self.cx.vertices[[0, -1]], errors, strict=True):
                distances = [abs(x - Fraction(float(y))) for x, y in zip(point, stored, strict=True)]
                assert max(distances) <= Fraction(float(error))


def layers_of(net: sg.Network) -> Maps:
    """The layers of the network as they are now, exactly; only ReLU and identity occur here."""
    kinds = [*(a.is_relu for a in net.activations), False]
    return [exactly(w, b, relu) for w, b, relu in zip(net.weights, net.biases, kinds, strict=True)]


TestSequences = Sequences.TestCase
TestSequences.settings = settings(max_examples=40, stateful_step_count=12, deadline=None, derandomize=True)
