"""Complexes for the two proofs, files of them, and damage to files: each tampered file says something false."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import network_zoo as zoo
import numpy as np

import specgeo as sg
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.testing import random_network

Arrays = dict[str, Any]
KINDS = ("he", "zero-bias", "integer", "quarter", "pruned", "duplicated")
SHAPES = ([1, 4, 3, 1], [2, 4, 3, 2], [3, 3, 2, 1], [1, 6, 1], [2, 3, 2, 2, 1], [3, 4, 1], [2, 6, 1])
ACTIVATIONS = ("relu", "relu", "leaky_relu", "abs", "hard_tanh")


def complexes() -> Iterator[tuple[str, PolyhedralComplex]]:
    """The zoo's degenerate networks, then random ones without end; boxes and polytopes, dimension 1 to 3."""
    for name, (net, _) in zoo.FAILURES.items():
        yield name, sg.enumerate_regions(net, sg.Box(*zoo.failure_box(name)))
    for seed in count():
        shape, kind = SHAPES[seed % len(SHAPES)], KINDS[seed % len(KINDS)]
        base = random_network(shape, seed, kind)
        net = sg.Network(base.weights, base.biases, ACTIVATIONS[seed % len(ACTIVATIONS)])
        d, domain = shape[0], sg.Box([-1.0] * shape[0], [1.0, 0.7, 0.6][: shape[0]])
        if seed % 4 == 3:
            domain = sg.Polytope(np.vstack((-np.eye(d), np.full((2, d), 0.7))), [0.3] * d + [0.9, 1.1])
        yield f"{shape} {kind} {seed}", sg.enumerate_regions(net, domain)


def contents(cx: PolyhedralComplex, path: Path) -> Arrays:
    """The arrays of the file of a complex."""
    cx.save(path)
    with np.load(path) as file:
        return dict(file)


def write(path: Path, arrays: Arrays) -> Path:
    with open(path, "wb") as stream:
        np.savez(stream, **arrays)
    return path


def change_header(a: Arrays, **changes: Any) -> None:
    header = json.loads(bytes(a["header"])) | changes
    a["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)


class Tamper:
    """Ways to change one thing in the arrays of a right complex so that they say something false.

    A way returns False where the complex does not offer it. Numbers move by more than twice the error that is allowed,
    so that the new ones are wrong wherever within it the old ones were.
    """

    def __init__(self, cx: PolyhedralComplex, arrays: Arrays, rng: np.random.Generator) -> None:
        self.cx, self.rng = cx, rng
        self.a = {name: array.copy() for name, array in arrays.items()}

    def one(self, candidates: Any) -> Any:
        """One of the candidates, or None."""
        items = list(candidates)
        return items[self.rng.integers(len(items))] if items else None

    def entry(self, array: np.ndarray) -> tuple[int, ...]:
        return tuple(int(self.rng.integers(n)) for n in array.shape)

    def lists(self, k: int) -> list[list[int]]:
        offsets, indices = self.a[f"faces_{k}_offsets"], self.a[f"faces_{k}_indices"]
        return [indices[i:j].tolist() for i, j in zip(offsets[:-1], offsets[1:], strict=True)]

    def put(self, k: int, lists: list[list[int]]) -> None:
        self.a[f"faces_{k}_offsets"] = np.cumsum([0, *map(len, lists)])
        self.a[f"faces_{k}_indices"] = np.array(sum(lists, []), dtype=np.int32)

    # coordinates

    def vertex_beside(self) -> bool:
        v, c = self.entry(self.a["vertices"])
        x, error = self.a["vertices"][v, c], self.a["metadata_vertex_errors"][v]
        self.a["vertices"][v, c] = np.nextafter(x + self.one([-1, 1]) * 2.1 * error, 9.0)
        return abs(Fraction(self.a["vertices"][v, c]) - Fraction(x)) > 2 * Fraction(error)

    def vertex_far(self) -> bool:
        self.a["vertices"][self.entry(self.a["vertices"])] -= 0.01
        return True

    def vertices_swapped(self) -> bool:
        v, w = self.rng.integers(len(self.cx.vertices), size=2)
        self.a["vertices"][[v, w]] = self.a["vertices"][[w, v]]
        return bool(np.abs(self.cx.vertices[v] - self.cx.vertices[w]).max() > 1e-6)

    def error_too_small(self) -> bool:
        exact = self.cx.exact_vertices()
        gaps = [
            max(abs(Fraction(a) - b) for a, b in zip(x, e, strict=True))
            for x, e in zip(self.cx.vertices, exact, strict=True)
        ]
        v = self.one(v for v, gap in enumerate(gaps) if gap > 0)
        if v is not None:
            self.a["metadata_vertex_errors"][v] = float(gaps[v]) * self.one([0.0, 0.5, 0.999])
        return v is not None

    def error_negative(self) -> bool:
        self.a["metadata_vertex_errors"][self.rng.integers(len(self.cx.vertices))] = self.one([-1.0, np.nan, -1e-300])
        return True

    # affine pieces

    def gradients_all(self) -> bool:
        self.a["gradients"] += 5.0
        return True

    def piece_beside(self) -> bool:
        array = self.a[self.one(["gradients", "offsets"])]
        array[self.entry(array)] += self.one([-1, 1]) * 1e-9 * (1.0 + np.abs(array).max())
        return True

    def piece_negated(self) -> bool:
        array = self.a[self.one(["gradients", "offsets"])]
        i = self.entry(array)
        array[i] = -array[i]
        return bool(abs(array[i]) > 1e-6)

    def pieces_swapped(self) -> bool:
        c, e = self.rng.integers(self.cx.n_cells, size=2)
        array = self.a[self.one(["gradients", "offsets"])]
        differ = np.abs(array[c] - array[e]).max() > 1e-6
        array[[c, e]] = array[[e, c]]
        return bool(differ)

    # signs

    def bit(self) -> tuple[int, int, int, np.uint64] | None:
        """A cell and a unit, and where its bit is."""
        cell, unit = self.entry(self.cx.sign_vectors) if self.cx.sign_vectors.size else (0, -1)
        return None if unit < 0 else (cell, unit, unit // 64, np.uint64(1 << unit % 64))

    def sign_changed(self) -> bool:
        where = self.bit()
        if where is not None:
            cell, unit, word, bit = where
            old = int(self.cx.sign_vectors[cell, unit])
            new = self.one({-1, 0, 1} - {old})
            for name, sign in (("signs_positive", 1), ("signs_negative", -1)):
                self.a[name][cell, word] &= ~bit
                self.a[name][cell, word] |= bit if new == sign else np.uint64(0)
        return where is not None

    def sign_both(self) -> bool:
        where = self.bit()
        if where is not None:
            cell, _, word, bit = where
            self.a["signs_positive"][cell, word] |= bit
            self.a["signs_negative"][cell, word] |= bit
        return where is not None

    def signs_swapped(self) -> bool:
        c, e = self.rng.integers(self.cx.n_cells, size=2)
        for name in ("signs_positive", "signs_negative"):
            self.a[name][[c, e]] = self.a[name][[e, c]]
        return bool(c != e)

    def unit_beyond(self) -> bool:
        n = self.cx.sign_vectors.shape[1]
        if n % 64:
            self.a["signs_positive"][0, -1] |= np.uint64(1 << n % 64)
        return bool(n % 64)

    def labels(self) -> bool:
        name = self.one(["signs_layers", "signs_neurons", "signs_breakpoints"])
        if len(self.a[name]):
            self.a[name][self.entry(self.a[name])] += 1
        return len(self.a[name]) > 0

    # faces

    def item_dropped(self) -> bool:
        k = self.one(range(1, self.cx.dim + 1))
        lists = self.lists(k)
        chosen = self.one(lists)
        chosen.pop(self.rng.integers(len(chosen)))
        self.put(k, lists)
        return True

    def item_replaced(self) -> bool:
        k = self.one(range(1, self.cx.dim + 1))
        indices, n = self.a[f"faces_{k}_indices"], self.cx.f_vector[k - 1]
        i = self.entry(indices)
        indices[i] = (indices[i] + self.rng.integers(1, n)) % n
        return True

    def item_doubled(self) -> bool:
        k = self.one(range(1, self.cx.dim + 1))
        lists = self.lists(k)
        chosen = self.one(lists)
        chosen.append(self.one(chosen))
        self.put(k, lists)
        return True

    def boundaries_swapped(self) -> bool:
        k = self.one(range(1, self.cx.dim + 1))
        lists = self.lists(k)
        i, j = self.rng.integers(len(lists), size=2)
        differ = set(lists[i]) != set(lists[j])
        lists[i], lists[j] = lists[j], lists[i]
        self.put(k, lists)
        return differ

    def cell_removed(self) -> bool:
        c = int(self.rng.integers(self.cx.n_cells))
        lists = self.lists(self.cx.dim)
        del lists[c]
        self.put(self.cx.dim, lists)
        for name in ("gradients", "offsets", "signs_positive", "signs_negative"):
            self.a[name] = np.delete(self.a[name], c, axis=0)
        return True

    def cell_doubled(self) -> bool:
        c = int(self.rng.integers(self.cx.n_cells))
        lists = self.lists(self.cx.dim)
        self.put(self.cx.dim, [*lists, lists[c]])
        for name in ("gradients", "offsets", "signs_positive", "signs_negative"):
            self.a[name] = np.concatenate((self.a[name], self.a[name][c : c + 1]))
        return True

    def cells_merged(self) -> bool:
        """Two neighbours become one cell, with the signs of the first; their facet goes."""
        cells = self.cx.facets.cells
        facet = self.one(np.flatnonzero(cells[:, 1] >= 0).tolist())
        if facet is None or self.cx.dim == 1:
            return False
        c, e = cells[facet].tolist()
        lists = self.lists(self.cx.dim)
        lists[c] = sorted({*lists[c], *lists[e]} - {facet})
        del lists[e]
        self.put(self.cx.dim, [[f - (f > facet) for f in items] for items in lists])
        below = self.lists(self.cx.dim - 1)
        del below[facet]
        self.put(self.cx.dim - 1, below)
        for name in ("gradients", "offsets", "signs_positive", "signs_negative"):
            self.a[name] = np.delete(self.a[name], e, axis=0)
        self.a["metadata_facet_walls"] = np.delete(self.a["metadata_facet_walls"], facet)
        return True

    def face_unused(self) -> bool:
        k = self.one(range(1, self.cx.dim)) if self.cx.dim > 1 else None
        if k is not None:
            lists = self.lists(k)
            self.put(k, [*lists, self.one(lists)])
            if k == self.cx.dim - 1:
                self.a["metadata_facet_walls"] = np.append(self.a["metadata_facet_walls"], -1)
        return k is not None

    # walls, domain, network

    def wall(self) -> bool:
        walls = self.a["metadata_facet_walls"]
        facet = int(self.rng.integers(len(walls)))
        walls[facet] = -1 if walls[facet] >= 0 else 0
        return True

    def wall_opposite(self) -> bool:
        walls, d = self.a["metadata_facet_walls"], self.cx.dim
        facet = self.one(np.flatnonzero(walls >= 0).tolist())
        walls[facet] = (walls[facet] + d) % (2 * d)
        return "domain_lower" in self.a

    def domain(self) -> bool:
        name = self.one(sorted(name for name in self.a if name in ("domain_lower", "domain_upper", "domain_b")))
        i = 0 if name == "domain_b" else self.entry(self.a[name])  # the last row of the polytopes is redundant
        self.a[name][i] = self.one([self.a[name][i] + 1e-3, self.a[name][i] - 1e-3, np.nextafter(self.a[name][i], 9.0)])
        return name != "domain_b" or abs(self.a[name][i] - 0.3) > 1e-4

    def hidden_layer(self) -> bool:
        """Another breakpoint moves: of a neuron that is on both sides of it."""
        signs, labels = self.cx.sign_vectors, self.cx.signs
        unit = self.one(np.flatnonzero((signs > 0).any(axis=0) & (signs < 0).any(axis=0)).tolist())
        if unit is not None:
            self.a[f"bias_{labels.layers[unit]}"][labels.neurons[unit]] += self.one([-1, 1]) * 1e-5
        return unit is not None

    def last_layer(self) -> bool:
        last = max(int(name.removeprefix("bias_")) for name in self.a if name.startswith("bias_"))
        self.a[f"bias_{last}"][self.rng.integers(len(self.a[f"bias_{last}"]))] += self.one([-1, 1]) * 1e-5
        return True

    def first_activation(self) -> bool:
        """All of it moves up, where that is seen in the outputs."""
        network, (first, *others) = self.cx.layers, json.loads(bytes(self.a["header"]))["layers"]
        moved = (float.fromhex(first["intercept"]) + 0.125).hex()
        change_header(self.a, layers=[first | {"intercept": moved}, *others])
        old, *rest = network.activations
        new = sg.Activation(old.breakpoints, old.slopes, old.intercept + 0.125)
        nets = (sg.Network(network.weights, network.biases, [a, *rest]) for a in (old, new))
        before, after = (net(self.cx.centroids) for net in nets)
        return bool(np.abs(before - after).max() > 1e-6)

    # header

    def header(self) -> bool:
        header = json.loads(bytes(self.a["header"]))
        change_header(
            self.a,
            **self.one(
                [
                    {"schema": "specgeo complex 2"},
                    {"dim": self.cx.dim + 1},
                    {"dim": self.cx.dim - 1},
                    {"domain": "Ball"},
                    {"domain": None},
                    {"layers": header["layers"][:-1]},
                    {"layers": [*header["layers"], header["layers"][0]]},
                    {"layers": [header["layers"][0] | {"kind": "maxpool"}, *header["layers"][1:]]},
                    {"layers": [header["layers"][0] | {"stride": 2}, *header["layers"][1:]]},
                    {"skip_connections": [[0, 2]]},
                ]
            ),
        )
        return True


WAYS = [name for name, way in vars(Tamper).items() if callable(way) and name[0] != "_"]
WAYS = [name for name in WAYS if name not in ("one", "entry", "lists", "put", "bit")]


def tampered(subjects: list[tuple[str, PolyhedralComplex]], n: int, folder: Path) -> Iterator[tuple[str, Path]]:
    """n damaged files, one way after the other, with what was done to which complex."""
    originals = [contents(cx, folder / "whole.npz") for _, cx in subjects]
    made = 0
    for step in count():
        rng = np.random.default_rng(step)
        i, way = int(rng.integers(len(subjects))), WAYS[step % len(WAYS)]
        tamper = Tamper(subjects[i][1], originals[i], rng)
        if getattr(tamper, way)():
            yield f"{way} (step {step}) of {subjects[i][0]}", write(folder / "tampered.npz", tamper.a)
            made += 1
        if made == n:
            return
