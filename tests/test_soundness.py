"""The error bounds of the sign filter against rational arithmetic, and the integer arithmetic against Fractions.

Right complexes do not show that a bound is rigorous: signs are rarely close. Here the bounds themselves are
compared with the true errors, plane by plane and vertex by vertex.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import specgeo as sg
from specgeo._cast import FloatArray, IntArray
from specgeo._jit import kernel
from specgeo.enumeration import _layers
from specgeo.enumeration._domain import domain_state
from specgeo.enumeration._exact import Exact, evaluate
from specgeo.enumeration._layers import BIAS, ROWS, History, N, flatten
from specgeo.enumeration._layout import VERTICES, Frame, Scratch, Size, State
from specgeo.enumeration._maps import STEPS, Maps, row_factors
from specgeo.enumeration._positions import place, sharpen
from specgeo.enumeration._products import roundings
from specgeo.enumeration._run import Run
from specgeo.enumeration._vertex_signs import own_faces, own_factors
from specgeo.enumeration._vertex_values import (
    FEW,
    common_roundings,
    limits_of,
    value_bound,
    values_at,
    values_inside,
)

Row = list[Fraction]


@kernel
def evaluate_once(
    ex: Exact, history: History, state: State, vertex: int, layer: int, unit: int, cell: int, dim: int
) -> int:
    """`evaluate` has no entry from Python of its own."""
    return evaluate(ex, history, state, vertex, layer, unit, cell, dim)


@kernel
def factors_once(maps: Maps, cell: int, n_previous: int, reach: float) -> tuple[float, float, float]:
    return row_factors(maps, cell, n_previous, reach)


@kernel
def values_once(
    state: State, history: History, before: Maps, layer: int, vertices: IntArray, frame: Frame, scratch: Scratch,
    bounds: FloatArray,
) -> None:  # fmt: skip
    """The values of a layer at some vertices in scratch.values; their own bounds, and in the last row the shared.

    More than `FEW` vertices share what is common to their cells.
    """
    layers, meta, own = history.layers, history.layers.meta[layer - 1], 0.0
    if len(vertices) > FEW:
        error, size = values_inside(state, history, before, layer, vertices, scratch)
        steps, own = common_roundings(layers, layer, frame.dim), size
    else:
        error, size = values_at(state, history, before, layer, vertices, scratch)
        steps = roundings(layers, layer)
    limits_of(layers, layer, error, size, steps, frame.reach, 1.0, bounds[len(vertices)])
    for i in range(len(vertices)):
        terms = own_factors(layers, layer, scratch.inputs[0 if own > 0.0 else i], own, frame)
        for j in range(meta[N]):
            norm, bias = layers.norms[meta[BIAS] + j], layers.biases[meta[BIAS] + j]
            bounds[i, j] = value_bound(norm, bias, terms, scratch.errors[i])


@kernel
def own_faces_once(state: State, dim: int) -> None:
    own_faces(state, dim)


@kernel
def place_once(state: State, vertex: int, p: int, q: int, plane: int, dim: int) -> bool:
    return place(state, vertex, p, q, plane, dim)


@kernel
def sharpen_once(state: State, vertex: int, a: FloatArray, dim: int) -> None:
    sharpen(state, vertex, a, dim)


def intersection(rows: list[Row]) -> Row:
    """Of as many planes as there are dimensions, by elimination."""
    rows, dim = list(rows), len(rows)
    for c in range(dim):
        pivot = next(r for r in range(c, dim) if rows[r][c])
        rows[c], rows[pivot] = rows[pivot], rows[c]
        rows[c] = [v / rows[c][c] for v in rows[c]]
        for r in range(dim):
            if r != c and rows[r][c]:
                rows[r] = [v - rows[r][c] * w for v, w in zip(rows[r], rows[c], strict=True)]
    return [-row[-1] for row in rows]


class Twin:
    """A run of the hidden layers, with its planes, vertices and signs in Fractions beside it."""

    def __init__(self, net: sg.Network, lower: Any, upper: Any, layers: int | None = None) -> None:
        self.net, self.dim = net, net.input_dim
        state, self.extent = domain_state(sg.Box(lower, upper), self.dim, True, 64)
        self.run = Run(flatten(net.weights[:-1], net.biases[:-1], net.activations), state, self.extent, True)
        for layer in range(1, (len(net.hidden_widths) if layers is None else layers) + 1):
            self.run.layer(layer)
        self.maps: dict[tuple[int, int], list[Row]] = {}
        self.points: dict[int, Row] = {}

    def map(self, layer: int, cell: int) -> list[Row]:
        """Pre-activations of ``layer`` on a cell of the complex before it."""
        if (layer, cell) not in self.maps:
            d = self.dim
            if layer == 1:
                rows = [[Fraction(int(i == c)) for c in range(d + 1)] for i in range(d)]
            else:
                activation = self.net.activations[layer - 2]
                t, s = activation.breakpoints.tolist(), [Fraction(v) for v in activation.slopes.tolist()]
                shifts = [Fraction(activation.intercept)]
                for i, at in enumerate(t):
                    shifts.append(shifts[-1] - (s[i + 1] - s[i]) * Fraction(at))
                bits = self.run.past.signs(layer - 1)[cell]
                rows = []
                for k, row in enumerate(self.map(layer - 1, int(self.run.past.parents(layer - 1)[cell]))):
                    p = sum(int(bits[u >> 6]) >> (u & 63) & 1 for u in range(k * len(t), (k + 1) * len(t)))
                    rows.append([s[p] * v for v in row])
                    rows[-1][-1] += shifts[p]
            result = []
            for w, b in zip(self.net.weights[layer - 1].tolist(), self.net.biases[layer - 1].tolist(), strict=True):
                used = [(Fraction(v), row) for v, row in zip(w, rows, strict=True) if v]
                result.append([sum((v * row[c] for v, row in used), Fraction(0)) for c in range(d + 1)])
                result[-1][-1] += Fraction(b)
            self.maps[layer, cell] = result
        return self.maps[layer, cell]

    def row(self, layer: int, unit: int, cell: int) -> Row:
        """A unit of ``layer``: its neuron minus the breakpoint."""
        breakpoints = self.net.activations[layer - 1].breakpoints
        row = list(self.map(layer, cell)[unit // len(breakpoints)])
        row[-1] -= Fraction(float(breakpoints[unit % len(breakpoints)]))
        return row

    def plane(self, plane: int) -> Row:
        layer, unit, cell = (int(v) for v in self.run.state.porigin[plane])
        if layer < 1:
            return [Fraction(v) for v in self.run.state.planes[plane, : self.dim + 1].tolist()]
        return self.row(layer, unit, cell)

    def point(self, vertex: int) -> Row:
        """The intersection of the planes of a vertex."""
        if vertex not in self.points:
            self.points[vertex] = intersection([self.plane(int(p)) for p in self.run.state.vplanes[vertex, : self.dim]])
        return self.points[vertex]

    def value(self, row: Row, vertex: int) -> Fraction:
        return sum((g * x for g, x in zip(row, self.point(vertex), strict=False)), row[-1])

    def check_planes(self) -> int:
        """Each row differs from the true one, on the whole domain, by at most its bound."""
        s, d, n = self.run.state, self.dim, 0
        most = [*(Fraction(v) for v in self.extent.tolist()), Fraction(1)]
        for plane in range(2 * d, int(s.sizes[Size.PLANES])):
            *row, norm, bound = s.planes[plane, : d + 3].tolist()
            if not np.isfinite(bound):
                continue
            true = self.plane(plane)
            assert sum(abs(Fraction(v)) for v in row[:d]) <= Fraction(norm) * (1 + Fraction(1, 10**8))
            off = sum(abs(Fraction(v) - w) * size for v, w, size in zip(row, true, most, strict=True))
            assert off <= Fraction(bound), (plane, float(off), bound)
            n += 1
        return n

    def check_maps(self, layer: int, cells: Any) -> None:
        """Every row of the maps just used is off by at most its bound, on the whole domain."""
        maps, n_previous = self.run.maps, self.net.weights[layer - 1].shape[1]
        most = [*(Fraction(v) for v in self.extent.tolist()), Fraction(1)]
        norms = [sum((abs(Fraction(v)) for v in w), Fraction(0)) for w in self.net.weights[layer - 1].tolist()]
        for cell in cells:
            f, g, t = (Fraction(v) for v in factors_once(maps, cell, n_previous, self.run.frame.reach))
            for j, true in enumerate(self.map(layer, cell)):
                bias = float(self.net.biases[layer - 1][j])
                *row, doubt = (Fraction(v) for v in maps.rows[cell, :, j].tolist())
                off = sum(abs(v - w) * size for v, w, size in zip(row, true, most, strict=True))
                assert off <= doubt + norms[j] * f + abs(Fraction(bias)) * g + t, (layer, cell, j)

    def layer_with_values(self, number: int) -> int:
        """Cut by a layer; before that, its values at the vertices that exist must be off by at most their bounds."""
        run, d = self.run, self.dim
        before, s = run.maps, run.state
        n_vertices = int(s.sizes[Size.VERTICES])
        own_faces_once(s, d)
        scratch, n = run.scratch, self.net.weights[number - 1].shape[0]
        order = np.random.default_rng(0).permutation(n_vertices)
        batches = [order[i : i + FEW] for i in range(0, n_vertices, FEW)]
        if number > 1 and run.layers.meta[number - 1, ROWS] < 0:  # `VERTICES` of one parent, some more than once
            parents = run.past.parents(number - 1)[s.vplanes[order, d]]
            batches += [np.resize(order[parents == parent], VERTICES) for parent in np.unique(parents)]
        for part in batches:
            bounds = np.empty((len(part) + 1, n))
            values_once(s, run.past.history, before, number, part, run.frame, scratch, bounds)
            assert np.all(bounds[:-1] <= bounds[-1])
            for i, vertex in enumerate(part.tolist()):
                for j, row in enumerate(self.map(number, int(s.vplanes[vertex, d]))):
                    off = abs(Fraction(float(scratch.values[i, j])) - self.value(row, vertex))
                    assert off <= Fraction(float(bounds[i, j])), (number, vertex, j)
        run.layer(number)
        return n_vertices

    def check_vertices(self) -> int:
        """Each vertex is off by at most its radius."""
        s, d = self.run.state, self.dim
        for v in range(int(s.sizes[Size.VERTICES])):
            radius = float(s.x[v, d])
            assert np.isfinite(radius)
            off = max(abs(Fraction(x) - y) for x, y in zip(s.x[v, :d].tolist(), self.point(v), strict=True))
            assert off <= Fraction(radius), (v, float(off), radius)
        return int(s.sizes[Size.VERTICES])

    def check_evaluate(self, layer: int, vertices: Any, units: Any) -> dict[int, int]:
        """`evaluate` gives the signs of Fractions at vertices of the complex before ``layer``."""
        s, d, seen = self.run.state, self.dim, {-1: 0, 0: 0, 1: 0}
        own_faces_once(s, d)
        for v in vertices:
            for unit in units:
                cell = int(s.vplanes[v, d])
                sign = evaluate_once(
                    self.run.arithmetic, self.run.past.history, s, v, layer, unit, cell, d,
                )  # fmt: skip
                true = self.value(self.row(layer, unit, cell), v)
                assert sign == (true > 0) - (true < 0), (v, unit)
                seen[sign] += 1
        return seen


def network(widths: list[int], seed: int, scales: float = 0.0, activation: Any = "relu", through: Any = None) -> Any:
    """Gaussian weights times powers of two up to 2^scales; every zero set passes near one point."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-0.5, 0.5, widths[0]) if through is None else np.asarray(through, float)
    act = activation if isinstance(activation, sg.Activation) else getattr(sg.Activation, activation)()
    weights, biases = [], []
    for n_previous, n in zip(widths[:-1], widths[1:], strict=True):
        w = rng.normal(size=(n, n_previous)) * 2.0 ** rng.integers(-scales, scales + 1, (n, n_previous))
        b = -w @ x + rng.normal(size=n) * rng.choice([0.0, 1e-16, 1e-8, 0.3], n) * (np.abs(w) @ np.abs(x))
        weights.append(w)
        biases.append(b)
        x = act(w @ x + b)
    return sg.Network(weights, biases, activation=act)


MANY = sg.Activation([-1.0, -0.1, 0.1, 1.0 / 3.0], [0.3, -1.0, 1e-3, 7.0, 0.0], intercept=0.1)
STEEP = sg.Activation([0.0], [2.0**-40, 2.0**20])


@pytest.mark.parametrize("widths", [[1, 6, 5, 4, 1], [2, 6, 5, 4, 1], [3, 4, 3, 1]])
@pytest.mark.parametrize("scales", [0, 6, 40])
@pytest.mark.parametrize("activation", ["relu", MANY, STEEP])
def test_bounds_of_planes_and_positions(widths: list[int], scales: float, activation: Any) -> None:
    if activation is MANY and widths[0] > 1:
        widths = [widths[0], 3, 2, 1]
    twin = Twin(network(widths, 7, scales, activation), -np.ones(widths[0]), np.ones(widths[0]))
    assert twin.check_planes() > 0
    assert twin.check_vertices() > 2 ** widths[0]


@pytest.mark.parametrize("widths", [[1, 6, 5, 4, 1], [2, 5, 4, 3, 1], [3, 4, 3, 1]])
@pytest.mark.parametrize("scales", [0, 6, 40])
@pytest.mark.parametrize("activation", ["relu", MANY, STEEP])
def test_bounds_of_values_at_vertices(widths: list[int], scales: float, activation: Any) -> None:
    if activation is MANY and widths[0] > 1:
        widths = [widths[0], 3, 2, 1]
    twin = Twin(network(widths, 3, scales, activation), -np.ones(widths[0]), np.ones(widths[0]), 0)
    seen = [twin.layer_with_values(layer) for layer in range(1, len(widths) - 1)]
    assert seen[-1] > 2 ** widths[0]


@pytest.mark.parametrize(
    ("widths", "scales", "activation"),
    [
        ([1, 40, 10, 3, 1], 0, "relu"),
        ([2, 24, 4, 3, 1], 3, STEEP),
        ([2, 12, 12, 3, 3, 1], 0, "relu"),
        ([1, 12, 8, 3, 2, 1], 10, MANY),
        ([3, 8, 4, 3, 1], 60, "relu"),
    ],
)
def test_bounds_of_maps_after_many_corrections(widths: list[int], scales: float, activation: Any) -> None:
    d, rng = widths[0], np.random.default_rng(0)
    twin = Twin(network(widths, 5, scales, activation), -np.ones(d), np.ones(d), 0)
    longest = 0.0
    for layer in range(1, len(widths) - 2):  # the last layer has no map
        twin.run.layer(layer)
        steps = twin.run.maps.trust[:, STEPS]
        longest = max(longest, float(steps.max() - steps.min()))
        most_corrected = np.argsort(-steps, kind="stable")[:12].tolist()
        twin.check_maps(layer, {*most_corrected, *rng.integers(0, len(steps), 12).tolist()})
    assert longest >= 6 * 7  # seven corrections or more


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_bounds_of_sparse_layers(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few entries in a row: maps, planes, values and positions by lists of entries."""
    n, rng = 12 if dim < 3 else 8, np.random.default_rng(dim)
    dense = network([dim, n, n, n, 3, 1], 9, 6)
    keep = [np.argsort(rng.random(w.shape), axis=1) < n // 4 for w in dense.weights[1:3]]
    weights = [dense.weights[0], *(w * k for w, k in zip(dense.weights[1:3], keep, strict=True)), *dense.weights[3:]]
    monkeypatch.setattr(_layers, "_SPARSE", 1.0)
    net = sg.Network(weights, dense.biases, "relu")
    twin = Twin(net, -np.ones(dim), np.ones(dim), 0)
    assert np.count_nonzero(twin.run.layers.meta[:, _layers.ROWS] >= 0) == 2
    for layer in range(1, 5):
        assert twin.layer_with_values(layer) > 0
        if layer < 4:
            twin.check_maps(layer, set(rng.integers(0, len(twin.run.maps.trust), 12).tolist()))
    assert twin.check_planes() > 0 and twin.check_vertices() > 2**dim


@pytest.mark.parametrize(
    ("lower", "width"), [([1e8, 1e8], [1.0, 1.0]), ([1.0, 1.0], [2.0**-40, 2.0**-40]), ([-1e3, -1e-9], [2e3, 2e-9])]
)
def test_bounds_far_from_the_origin_and_on_slim_domains(lower: Any, width: Any) -> None:
    lower, width = np.array(lower), np.array(width)
    for seed in range(3):
        twin = Twin(network([2, 5, 4, 3, 1], seed, through=lower + 0.4 * width), lower, lower + width)
        twin.check_planes()
        twin.check_vertices()


@pytest.mark.parametrize("scale", [1e-150, 1e-60, 1e60, 1e150])
def test_bounds_at_extreme_scales(scale: float) -> None:
    net = network([2, 5, 4, 1], 3)
    scaled = sg.Network(
        [net.weights[0] * scale, *net.weights[1:]], [net.biases[0] * scale, net.biases[1] * scale, net.biases[2]]
    )
    twin = Twin(scaled, -np.ones(2), np.ones(2))
    assert twin.check_planes() > 0
    twin.check_vertices()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_lines_that_are_almost_parallel(dim: int) -> None:
    rng = np.random.default_rng(dim)
    for power in (-16, -15, -12, -8):
        w = rng.normal(size=(1, dim)) + 10.0**power * rng.normal(size=(4, dim))
        b = -w @ np.full(dim, 0.1) * (1 + 10.0**power * rng.normal(size=4))
        net = sg.Network([w, rng.normal(size=(3, 4)), np.ones((1, 3))], [b, np.zeros(3), [0.0]])
        twin = Twin(net, -np.ones(dim), np.ones(dim))
        twin.check_planes()
        twin.check_vertices()


@pytest.mark.parametrize("activation", ["relu", MANY])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_integer_arithmetic_on_a_wide_layer_of_mixed_exponents(dim: int, activation: Any) -> None:
    rng = np.random.default_rng(dim)
    first = network([dim, 2, 1], dim, 2, activation, np.zeros(dim))
    wide = rng.normal(size=(200, 2)) * 2.0 ** rng.integers(-60, 61, (200, 2))
    last = rng.normal(size=(6, 200)) * 2.0 ** rng.integers(-200, 201, (6, 200))
    weights = [first.weights[0], wide, last, np.ones((1, 6))]
    net = sg.Network(weights, [first.biases[0], np.ones(200), np.zeros(6), [0.0]], activation=first.activations[0])
    breaks = len(net.activations[0].breakpoints)
    twin = Twin(net, -np.ones(dim), np.ones(dim), 1)
    n = int(twin.run.state.sizes[Size.VERTICES])
    twin.check_evaluate(2, range(min(n, 8)), range(0, 200 * breaks, 7 * breaks + 1))
    if dim == 1 and breaks == 1:
        twin.run.layer(2)
        n = int(twin.run.state.sizes[Size.VERTICES])
        twin.check_evaluate(3, rng.integers(0, n, 6).tolist(), range(6))


@pytest.mark.parametrize("bits", [300, 1000])
def test_integer_arithmetic_of_extreme_exponents(bits: int) -> None:
    rng = np.random.default_rng(bits)
    w = rng.normal(size=(3, 2)) * 2.0 ** rng.integers(-bits, bits // 2, (3, 2))
    w[0] = [5e-324, 1e-310]
    second = np.vstack((rng.normal(size=(3, 3)) * 2.0 ** rng.integers(-bits, bits // 2, (3, 3)), np.zeros((1, 3))))
    third = np.array([[1.0, -1.0, 2.0, 0.0], [1e300, 5e-324, -3.0, 1.0]])
    net = sg.Network([w, second, third, [[1.0, 1.0]]], [-w @ [0.3, 0.1], [0.0, 0.0, 5e-324, 0.0], [0.0, 0.0], [0.0]])
    twin = Twin(net, [-1.0, -1.0], [1.0, 1.0], 0)
    for layer, units in ((1, 3), (2, 4), (3, 2)):
        twin.check_evaluate(layer, range(int(twin.run.state.sizes[Size.VERTICES])), range(units))
        twin.run.layer(layer)
    assert int(twin.run.state.sizes[Size.CELLS]) > 1


def test_integer_arithmetic_finds_zeros() -> None:
    rng = np.random.default_rng(0)
    w = rng.normal(size=(4, 2))
    net = sg.Network([w, [[1.0, -1.0, 0.5, 0.0], [-2.0, 2.0, -1.0, 0.0]], [[1.0, 1.0]]], [np.zeros(4), [0, 0], [0.0]])
    twin = Twin(net, [-1.0, -1.0], [1.0, 1.0], 1)
    seen = twin.check_evaluate(2, range(int(twin.run.state.sizes[Size.VERTICES])), range(2))
    assert all(seen.values())


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("row", [0, 1])
def test_a_bound_that_is_not_a_number_proves_no_position(dim: int, row: int) -> None:
    state, _ = domain_state(sg.Box(-np.ones(dim), np.ones(dim)), dim, True, 8)
    state.planes[state.vplanes[0, row], dim + 2] = np.nan
    state.x[0, dim] = np.inf
    sharpen_once(state, 0, np.empty((dim, 2 * dim)), dim)
    assert not state.x[0, dim] < np.inf


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_residuals_bound_the_error_of_a_position(dim: int) -> None:
    """Of exact rows, almost parallel or of very different sizes, and ends of an edge of which nothing is known."""
    rng = np.random.default_rng(dim)
    state, _ = domain_state(sg.Box(-np.ones(dim), np.ones(dim)), dim, True, 8)
    state.vplanes[2, :dim] = np.arange(dim)
    state.x[:2, dim] = np.inf
    n_known = 0
    for power in rng.choice([0, 4, 12, 14, 14.7, 15.2], 500) / max(1, dim - 1):
        near, off = rng.uniform(-1, 1, dim), 10.0 ** rng.choice([-30, -15, -8, -2])
        normals = rng.normal(size=dim) + 10.0**-power * rng.normal(size=(dim, dim))
        normals *= 2.0 ** (rng.choice([0, 20, 200]) * rng.integers(-1, 2, (dim, 1)))
        rows = np.column_stack((normals, -normals @ near))
        sizes = np.abs(rows).sum(axis=1)
        state.planes[:dim] = np.column_stack((rows, np.abs(normals).sum(axis=1), (dim + 2) * 2.0**-53 * sizes))
        true = intersection([[Fraction(v) for v in row] for row in rows.tolist()])
        if max(map(abs, true)) > 1:
            continue
        along = rng.normal(size=dim) if dim == 1 else np.linalg.svd(normals[:-1])[2][-1]
        state.x[:2, :dim] = [near - 1e-3 * along, near + 2e-3 * along] + off * rng.normal(size=(2, dim))
        settled = place_once(state, 2, 0, 1, dim - 1, dim)
        *x, radius = state.x[2].tolist()
        assert not settled
        if radius < np.inf:
            n_known += 1
            assert max(abs(Fraction(v) - w) for v, w in zip(x, true, strict=True)) <= Fraction(radius)
        if power == 0:
            rho = np.abs(rows @ [*x, 1.0]) + state.planes[:dim, dim + 2]
            assert radius < 2 * np.max(np.abs(np.linalg.inv(normals)) @ rho)
    assert n_known > 150
