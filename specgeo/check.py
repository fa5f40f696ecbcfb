"""Proves a stored complex with the standard library alone: ``python -m specgeo.check complex.npz``.

Nothing of specgeo is imported (``python check.py complex.npz`` does the same) and no float decides anything. The format
is that of docs/complex-format.md. Prints one line; exit code 0: proved, 1: not proved, 2: cannot be read.

Words. D is the domain {x : r_j(x) >= 0}. A *unit* u = (layer, neuron, breakpoint t) has at x the value z(x) - t. A
vector sigma of signs, one for each unit, chooses a linear piece of each neuron: piece p if p of its units are positive.
With these pieces each unit is an affine function h_u, and P(sigma) = {x in D : sigma_u h_u(x) >= 0 for all u, and
h_u(x) = 0 where sigma_u = 0}. Where moreover sigma_u h_u > 0 unless sigma_u = 0, the network has the signs sigma (by
induction over the layers its units are the h_u): such sets are disjoint for different sigma. The *complex of the
network* consists of all P(sigma) that have such points and an interior, the cells, and of their faces.
    Where a layer takes maxima over groups, the members of groups of two and more are units. Positive is the winner,
the first of those that are equal on the cell; it is compared with no one. h_u of another is its z less the winner's,
which is not positive on the cell: losers are not compared with each other. Cells with different winners are disjoint.

Theorem. If nothing is refused, then D is bounded; the cells in the file are the cells of the complex of the network on
D, each once, with their signs; the k-faces in the file are all faces of dimension k of these cells, each once, with
their boundaries; no coordinate is farther from the vertex than the error in the file says; no entry of an affine piece
is farther from the network's than the format allows; the walls in the file are walls that the facets lie in.

Proof. A face F is known by its vertices V_F, those of its boundary faces; a cell also by its signs sigma.
"point"   Each vertex is a rational point, the solution of d equations of a cell.
"side"    For each cell, r_j >= 0 and sigma_u h_u >= 0 at all of its vertices, and h_u is not 0 at all of them; but if
          sigma_u = 0, h_u is the zero function. So their convex hull K lies in P(sigma), and in its relative interior
          (where each vertex has a positive weight) sigma_u h_u > 0 unless sigma_u = 0.
"face"    For a face F of the cell and a listed boundary face G of it, V_G is not all of V_F but those vertices of F at
          which some of the functions vanish (h_u with sigma_u not 0, r_j). These have one sign on V_F, so conv(V_G) is
          a proper face of conv(V_F). A listed k-face begins a chain of k + 1 proper faces down to a vertex, and a cell
          has d + 1 in R^d: so dimensions are what they should be, and all of V_F are corners.
"ridge"   Each boundary face of a boundary face of F is in exactly two boundary faces of F (an edge has two ends), and
"twice"   no two k-faces have the same vertices. By induction over k all facets of conv(V_F) are listed: all facets of
          a listed facet are, beyond each lies exactly one more facet of conv(V_F), that is the second one listed
          there, and the facets of a polytope are connected in this way. So the faces of K are right. Each of its
          facets is in a plane h_u = 0 or r_j = 0 that P(sigma) does not cross: K = P(sigma), a cell of the network.
"signs"   Two cells have different signs: their insides are disjoint.
"glue"    A facet has two cells, on either side of it as their insides are disjoint, or one and is in a wall r_j = 0.
          So the inside of D leaves the union of the cells at most through faces of dimension d - 2 or less. These do
          not disconnect it, so D is the union, and bounded. A P(sigma) with inner points of its own signs meets the
          inside of a listed cell: none is missing. Nor is a face of several cells listed twice, under different
          vertices: the cells round a point of it hang together through facets, which they have in common.
"unused"  Every face bounds another, up to the cells: none is too many. "error", "piece", "wall" compare numbers.
"""

from __future__ import annotations

import ast
import json
import math
import os
import struct
import sys
import zipfile
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from itertools import accumulate, pairwise
from operator import and_, getitem, mul
from typing import Any

SCHEMA = "specgeo complex 1"
ENTRIES = {"kind dense", "kind neurons", "kind max", "name ", "intercept "}  # what may be said of a layer
MOST_BYTES = 1 << 28  # of the unpacked file: the lists made of it are some five times as large
TYPES = {"f8": "d", "f4": "f", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u8": "Q", "u4": "I", "u2": "H", "u1": "B"}
Row = Sequence[int]  # (a_1, ..., a_d, b) is the function a . x + b times a positive number


class Unreadable(Exception): ...


class Refused(Exception): ...


def require(holds: bool, check: str, where: str) -> None:
    if not holds:
        raise Refused(f"{check}: {where}")


def read_archive(path: str) -> dict[str, Any]:
    """Shape and numbers of each .npy file in it: magic, version, length of the header, header, numbers."""
    if not os.path.isfile(path):  # a pipe would be waited for
        raise Unreadable("no regular file of that name")
    arrays: dict[str, Any] = {}
    with zipfile.ZipFile(path) as archive:
        infos = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if len(infos) < len(archive.infolist()) or sum(info.file_size for info in infos.values()) > MOST_BYTES:
            raise Unreadable(f"two arrays of one name, or more than {MOST_BYTES:,} bytes")
        for name, info in infos.items():
            data = archive.read(info)
            start = 10 if data[6] == 1 else 12
            stop = start + int.from_bytes(data[8:start], "little")
            header = ast.literal_eval(data[start:stop].decode("latin1").strip())
            shape, order, kind = header["shape"], header["descr"][0].replace("|", "<"), header["descr"][1:]
            known = data[:6] == b"\x93NUMPY" and order in "<>" and kind in TYPES and not header["fortran_order"]
            if not known or not all(type(n) is int and n >= 0 for n in shape):
                raise Unreadable(f"an array of kind {header}")
            arrays[name] = shape, struct.unpack(f"{order}{math.prod(shape)}{TYPES[kind]}", data[stop:])
    return arrays


def take(arrays: dict[str, Any], name: str, *shape: int | None, whole: bool = False) -> list[Any]:
    """Takes an array of this shape out of the archive, as nested lists of floats or whole numbers."""
    if name not in arrays:
        raise Unreadable(f"{name} is missing, and nothing can be proved without it")
    found, flat = arrays.pop(name)
    fits = len(found) == len(shape) and all(n in (None, m) for n, m in zip(shape, found, strict=True))
    require(fits, "format", f"{name} has the shape {found}")
    right = all(type(x) is int for x in flat) if whole else all(map(math.isfinite, flat))
    require(right, "format", f"{name} holds numbers that it may not hold")
    rows = list(flat) if whole else list(map(float, flat))
    for i in range(len(found) - 1, 0, -1):
        rows = [rows[j * found[i] : (j + 1) * found[i]] for j in range(math.prod(found[:i]))]
    return rows


def take_weight(arrays: dict[str, Any], i: int, m: int, n: int) -> list[list[float]]:
    """Takes the (m, n) weights of layer i: all of them, or those that are not zero, with their rows and columns."""
    if f"weight_{i}_rows" not in arrays:
        return take(arrays, f"weight_{i}", m, n)
    rows, columns = (take(arrays, f"weight_{i}_{name}", None, whole=True) for name in ("rows", "columns"))
    places = list(zip(rows, columns, strict=True))
    fits = all(0 <= r < m and 0 <= j < n for r, j in places) and places == sorted(set(places))
    require(fits and m * n <= MOST_BYTES >> 3, "format", f"weight_{i}_rows or weight_{i}_columns")
    entries = dict(zip(places, take(arrays, f"weight_{i}", len(places)), strict=True))
    return [[entries.get((r, j), 0.0) for j in range(n)] for r in range(m)]


def binary(values: Sequence[Any]) -> int:
    """The least e >= 0 for which all values times 2^e are whole."""
    return max((v.as_integer_ratio()[1].bit_length() - 1 for v in values), default=0)


def scaled(values: Sequence[Any], e: int) -> list[int]:
    return [(p << e) // q for p, q in (v.as_integer_ratio() for v in values)]


def read_outputs(arrays: dict[str, Any], entry: dict[str, Any], i: int, n: int) -> list[Any]:
    """Of each output of layer i, which has n neurons, its units and pieces, as `Layer` has them."""
    if entry.get("kind") == "max":
        members, sizes = (take(arrays, f"{name}_{i}", None, whole=True) for name in ("members", "sizes"))
        fits = sum(sizes) == len(members) and min(sizes) > 0 and all(0 <= k < n for k in members)
        groups = [[members.pop(0) for _ in range(size)] for size in sizes if fits]
        require(fits and all(len(set(group)) == len(group) for group in groups), "format", f"groups of layer {i}")
        return [([(j, 0.0) for j in group if group[1:]], [(j, 1.0, Fraction(0)) for j in group]) for group in groups]
    breaks, values = take(arrays, f"breakpoints_{i}", None), entry["intercept"]
    sizes, which, values = [len(breaks)], [0] * n, values if isinstance(values, list) else [values]
    if entry.get("kind") == "neurons":
        sizes, which = take(arrays, f"sizes_{i}", len(values), whole=True), take(arrays, f"kinds_{i}", n, whole=True)
    slopes, kinds = take(arrays, f"slopes_{i}", len(breaks) + len(sizes)), []
    require(sum(sizes) == len(breaks) and min(*sizes, *which) >= 0, "format", f"kinds of layer {i}")
    for size in sizes:
        own, steps = [breaks.pop(0) for _ in range(size)], [slopes.pop(0) for _ in range(size + 1)]
        fits = all(a < b for a, b in pairwise(own)) and all(a != b for a, b in pairwise(steps))
        require(fits, "format", f"breakpoints or slopes of layer {i}")
        jumps = (Fraction(t) * (Fraction(a) - Fraction(b)) for t, (a, b) in zip(own, pairwise(steps), strict=True))
        kinds.append((own, steps, [*accumulate(jumps, initial=Fraction(float.fromhex(values.pop(0))))]))
    each = [(j, *kinds[k]) for j, k in enumerate(which)]
    return [([(j, t) for t in own], [(j, *line) for line in zip(*lines, strict=True)]) for j, own, *lines in each]


def read_signs(arrays: dict[str, Any], layers: list[Layer], n_cells: int) -> list[list[int]]:
    units = [(i, j, t) for i, x in enumerate(layers) for j, own in enumerate(x.units) for t in range(len(own))]
    labels = (take(arrays, f"signs_{x}", len(units), whole=True) for x in ("layers", "neurons", "breakpoints"))
    require(list(zip(*labels, strict=True)) == units, "format", "the units listed are not those of the network")
    n = len(units)
    both = [take(arrays, f"signs_{name}", n_cells, (n + 63) // 64, whole=True) for name in ("positive", "negative")]
    signs = []
    for c, rows in enumerate(zip(*both, strict=True)):
        plus, minus = (sum(word << 64 * i for i, word in enumerate(row)) for row in rows)
        require(plus & minus == 0 <= min(plus, minus) and (plus | minus) >> n == 0, "format", f"the signs of cell {c}")
        signs.append([(plus >> u & 1) - (minus >> u & 1) for u in range(n)])
    return signs


def read_domain(arrays: dict[str, Any], kind: Any, d: int) -> list[Row]:
    """Functions that are >= 0 on the domain: for a box first the lower walls."""
    if kind == "Box":
        lower, upper = take(arrays, "domain_lower", d), take(arrays, "domain_upper", d)
        rows = [[*(s * (i == j) for i in range(d)), -s * e[j]] for s, e in ((1, lower), (-1, upper)) for j in range(d)]
    elif kind == "Polytope":
        a = take(arrays, "domain_A", None, d)
        rows = [[*(-x for x in row), b] for row, b in zip(a, take(arrays, "domain_b", len(a)), strict=True)]
    else:
        raise Unreadable(f"unknown domain {kind!r}")
    require(all(any(row[:d]) for row in rows), "format", "a wall without direction")
    return [scaled(row, binary(row)) for row in rows]


class Layer:
    """A layer in integers: z = weight a + bias; output k is s z_j + c for the piece (j, s, c) of pieces[k] it is on."""

    def __init__(self, arrays: dict[str, Any], entry: dict[str, Any] | None, i: int, n: int, e: int) -> None:
        """Layer i, given n numbers times 2^e. Without an entry it is the last and passes z on."""
        bias = take(arrays, f"bias_{i}", None)
        weight = take_weight(arrays, i, m := len(bias), n)
        self.maximum = entry is not None and entry.get("kind") == "max"
        each = [([], [(j, 1.0, Fraction(0))]) for j in range(m)] if entry is None else read_outputs(arrays, entry, i, m)
        units, pieces = zip(*each, strict=True)
        _, slopes, intercepts = zip(*(piece for own in pieces for piece in own), strict=True)
        lines = [[(j, abs(s), abs(float(c))) for j, s, c in own] for own in pieces]
        self.sizes = [list(map(abs, row)) for row in weight], list(map(abs, bias)), lines  # absolute values as floats
        inner = max(*map(binary, weight), binary([*bias, *(t for own in units for _, t in own)]) - e)
        outer = max(binary(slopes), binary(intercepts) - e - inner)
        self.weight, self.bias = [scaled(row, inner) for row in weight], scaled(bias, e + inner)
        # of each output: its neuron and the breakpoints t of that, or the members j of its group of two and more and 0
        self.units = [[(j, *scaled([t], e + inner)) for j, t in own] for own in units]
        self.bits = e + inner + outer  # outputs are the network's times 2^bits
        self.pieces = [[(j, *scaled([s], outer), *scaled([c], self.bits)) for j, s, c in own] for own in pieces]


class Complex:
    """What is in a file."""

    def __init__(self, path: str) -> None:
        arrays = read_archive(path)
        header = json.loads(bytes(arrays.pop("header", ((), b"{}"))[1]))
        if header.get("schema") != SCHEMA:
            raise Unreadable(f"written as {header.get('schema')!r}, this program reads {SCHEMA!r}")
        entries = header.get("layers") or []
        unknown = header.keys() - {"schema", "dim", "domain", "certificate", "metadata", "layers"}
        unknown |= {f"{key} {entry[key] if key == 'kind' else ''}" for entry in entries for key in entry} - ENTRIES
        if unknown or header.get("layers") is None:
            raise Unreadable(f"unknown entries {sorted(unknown)} or no network")
        require(type(d := header["dim"]) is int and d > 0, "format", "dim")
        self.dim, self.vertices = d, take(arrays, "vertices", None, d)
        # faces[k][f]: the boundary of face f of dimension k, empty for k = 0; corners[k][f]: its vertices
        self.faces: list[list[list[int]]] = [[[] for _ in self.vertices]]
        self.corners = [[frozenset((v,)) for v in range(len(self.vertices))]]
        for k in range(1, d + 1):
            starts, items = (take(arrays, f"faces_{k}_{name}", None, whole=True) for name in ("offsets", "indices"))
            fits = all(b - a == 2 if k == 1 else b > a for a, b in pairwise(starts))  # an edge has two ends
            require(fits and [*starts[:1], *starts[1:][-1:]] == [0, len(items)], "format", f"faces_{k}_offsets")
            require(all(0 <= i < len(self.faces[-1]) for i in items), "format", f"faces_{k}_indices")
            self.faces.append([items[a:b] for a, b in pairwise(starts)])
            self.corners.append([frozenset().union(*(self.corners[-1][g] for g in face)) for face in self.faces[-1]])
        self.layers: list[Layer] = []
        n, bits = d, 0
        for i, entry in enumerate([*entries, None]):
            self.layers.append(Layer(arrays, entry, i, n, bits))
            n, bits = len(self.layers[-1].units), self.layers[-1].bits
        n_cells = len(self.faces[d])
        slopes, offsets = take(arrays, "gradients", n_cells, n, d), take(arrays, "offsets", n_cells, n)
        self.maps = [[[*g, o] for g, o in zip(*cell, strict=True)] for cell in zip(slopes, offsets, strict=True)]
        self.signs = read_signs(arrays, self.layers[:-1], n_cells)
        self.domain = read_domain(arrays, header["domain"], d)
        self.errors = take(arrays, "metadata_vertex_errors", len(self.vertices))
        self.walls = take(arrays, "metadata_facet_walls", len(self.faces[d - 1]), whole=True)
        if not all(name.startswith("metadata_") for name in arrays):
            raise Unreadable(f"unknown arrays among {sorted(arrays)}")
        self.others = ["the certificate's account of decisions and times", "names of activations"]
        self.others += map(repr, [*sorted(arrays), *sorted(header["metadata"])])


def evaluate(layers: list[Layer], x: Row, one: int, pieces: list[list[int]]) -> tuple[list[int], list[int]]:
    """Units (times positive numbers) and outputs of the network made affine, at x / one; one = 0: without offsets."""
    a, units = x, []
    for layer, piece in zip(layers, pieces, strict=True):
        z = [sum(map(mul, w, a)) + b * one for w, b in zip(layer.weight, layer.bias, strict=True)]
        a = [s * z[j] + c * one for j, s, c in map(getitem, layer.pieces, piece)]
        units += [z[j] - (y if layer.maximum else t * one) for y, us in zip(a, layer.units, strict=True) for j, t in us]
    return units, list(a)


def solve(rows: list[Row], d: int) -> tuple[int, ...] | None:
    """The point where all rows vanish, as (N_1, ..., N_d, D) in lowest terms, D > 0; None if they leave it open."""
    basis: list[tuple[int, Row]] = []  # rows with their pivots; each is 0 at the pivots before
    for row in rows:
        for j, pivot in basis:
            if row[j]:
                row = [pivot[j] * x - row[j] * y for x, y in zip(row, pivot, strict=True)]
        column = next((j for j in range(d) if row[j]), None)
        if column is not None:
            basis.append((column, [x // math.gcd(*row) for x in row]))
    x: dict[int, Fraction] = {}
    for j, row in reversed(basis):
        x[j] = -(row[d] + sum((row[i] * x[i] for i in x), Fraction(0))) / row[j]
    bottom = math.lcm(*(value.denominator for value in x.values()))
    return (*(int(x[j] * bottom) for j in range(d)), bottom) if len(x) == d else None


def bounds(layers: list[Layer], d: int, pieces: list[list[int]]) -> list[list[float]]:
    """The d slopes and the offset of the map of each output, all numbers replaced by their absolute values, times u.

    u = 2^-52 K, K = 2 + the sum of 2 n + 2 q + 4 over hidden layers of n neurons and q maxima, twice what roundings in
    any order come to: these sums may be rounded themselves. 2^-1000 stands for what underflows.
    """
    u = 2.0**-52 * (2 + sum(2 * len(x.bias) + 2 * len(x.units) * x.maximum + 4 for x in layers[:-1]))
    columns = []
    for column in range(d + 1):  # u comes first: less overflows
        a, one, total = [u * (i == column) for i in range(d)], u * (column == d), u
        for (weight, bias, lines), piece in zip((layer.sizes for layer in layers), pieces, strict=True):
            z = [sum(map(mul, w, a)) + b * one for w, b in zip(weight, bias, strict=True)]
            a = [s * z[j] + c * one for j, s, c in map(getitem, lines, piece)]
            total += sum(z) + sum(a)
        columns.append([x + total * (2.0**-1000 / u) for x in a])
    return [list(row) for row in zip(*columns, strict=True)]


def choose(layers: list[Layer], signs: list[int], c: int) -> tuple[list[list[int]], list[int]]:
    """By the signs of a cell the piece of each output, for a maximum its winner's place; and the signs that count."""
    left, pieces, counted = iter(signs), [], []
    for layer in layers:
        own = [[next(left) for _ in unit] for unit in layer.units]
        if layer.maximum:
            one = all(s.count(1) == 1 and 0 not in s[: s.index(1)] for s in own if s)
            require(one, "signs", f"a group without one winner on cell {c}")
        pieces.append([s.index(1) if s and layer.maximum else sum(x > 0 for x in s) for s in own])
        counted += [min(x, 0) if layer.maximum else x for s in own for x in s]
    return pieces, counted


def check_cell(cx: Complex, c: int, rows_of: list[list[tuple[bool, int]]], points: list[Any]) -> None:
    """ "point", "side", "face", "ridge" and "piece" for one cell; points that are new are added."""
    d = cx.dim
    pieces, signs = choose(cx.layers, cx.signs[c], c)
    columns = [evaluate(cx.layers, [int(i == j) for i in range(d)], int(j == d), pieces) for j in range(d + 1)]
    units, maps = (list(zip(*part, strict=True)) for part in zip(*columns, strict=True))
    require(all(s or not any(h) for h, s in zip(units, signs, strict=True)), "side", f"a unit of sign 0 on cell {c}")
    for v in cx.corners[d][c]:
        if points[v] is None:  # the facets through it say which equations to solve: a guess, all is checked below
            chosen = {row for f in cx.faces[d][c] if v in cx.corners[d - 1][f] for row in rows_of[f]}
            points[v] = solve([units[i] if unit else cx.domain[i] for unit, i in sorted(chosen)], d)
            require(points[v] is not None, "point", f"vertex {v} is not where facets of cell {c} meet")
    active = [([s * x for x in h], f"unit {u}") for u, (h, s) in enumerate(zip(units, signs, strict=True)) if s]
    zeros = {v: 0 for v in cx.corners[d][c]}  # bit i: function i vanishes at the vertex
    for i, (row, name) in enumerate([*active, *((r, f"wall {j}") for j, r in enumerate(cx.domain))]):
        for v in zeros:
            value = sum(map(mul, row, points[v]))
            require(value >= 0, "side", f"vertex {v} of cell {c} is on the wrong side of {name}")
            zeros[v] |= (value == 0) << i
    everywhere = reduce(and_, zeros.values())
    require(everywhere & ((1 << len(active)) - 1) == 0, "side", f"a unit of sign +-1 vanishes on all of cell {c}")
    level = [c]
    for k in range(d, 0, -1):
        for f in level:  # its boundary faces are faces of its convex hull, and all of them
            mine, ridges = cx.corners[k][f], Counter(r for g in cx.faces[k][f] for r in cx.faces[k - 1][g])
            for g in cx.faces[k][f]:
                theirs = cx.corners[k - 1][g]
                common = reduce(and_, (zeros[v] for v in theirs))
                cut = {v for v in mine if zeros[v] & common == common}
                require(cut == theirs != mine, "face", f"{k - 1}-face {g} is not cut out of {k}-face {f}")
            require(all(n == 2 for n in ridges.values()), "ridge", f"{k}-face {f} is not closed")
        level = sorted({g for f in level for g in cx.faces[k][f]})
    for stored, exact, allowed in zip(cx.maps[c], maps, bounds(cx.layers, d, pieces), strict=True):
        near = [close(x, y, 1 << cx.layers[-1].bits, b) for x, y, b in zip(stored, exact, allowed, strict=True)]
        require(all(near), "piece", f"the affine map of cell {c} is not within a finite bound of the network's")


def close(stored: float, top: int, bottom: int, bound: float) -> bool:
    """|stored - top / bottom| <= bound, exactly; no infinite bound counts."""
    (p, q), (r, s) = stored.as_integer_ratio(), (bound if math.isfinite(bound) else -1.0).as_integer_ratio()
    return abs(p * bottom - top * q) * s <= r * q * bottom


def prove(cx: Complex) -> None:
    """Raises `Refused` with the first check that fails."""
    d = cx.dim
    for k in range(d):
        used = {g for boundary in cx.faces[k + 1] for g in boundary}
        require(len(used) == len(cx.faces[k]), "unused", f"a {k}-face in no {k + 1}-face")
        require(len(set(cx.corners[k])) == len(cx.faces[k]), "twice", f"two {k}-faces with the same vertices")
    require(len(set(map(tuple, cx.signs))) == len(cx.signs), "signs", "two cells have the same")
    cells: list[list[int]] = [[] for _ in cx.faces[d - 1]]  # of each facet
    for c, f in ((c, f) for c, boundary in enumerate(cx.faces[d]) for f in boundary):
        cells[f].append(c)
    rows_of = []  # for each facet (False, wall), or (True, unit) for the units that change their signs there
    for f, (sides, wall) in enumerate(zip(cells, cx.walls, strict=True)):
        require(len(sides) <= 2, "glue", f"facet {f} has {len(sides)} cells")
        require(-1 <= wall < len(cx.domain) and (wall < 0) == (len(sides) == 2), "wall", f"wall {wall} of facet {f}")
        bent = [u for u, s in enumerate(zip(*(cx.signs[c] for c in sides), strict=True)) if math.prod(s) == -1]
        rows_of.append([(False, wall)] if wall >= 0 else [(True, u) for u in bent])
    points: list[Any] = [None] * len(cx.vertices)
    for c in range(len(cx.faces[d])):
        check_cell(cx, c, rows_of, points)
    for f, wall in enumerate(cx.walls):
        on = wall < 0 or not any(sum(map(mul, cx.domain[wall], points[v])) for v in cx.corners[d - 1][f])
        require(on, "glue", f"facet {f} of one cell is not in the wall that it is said to be in")
    for v, (x, (*tops, bottom)) in enumerate(zip(cx.vertices, points, strict=True)):
        near = all(close(stored, top, bottom, cx.errors[v]) for stored, top in zip(x, tops, strict=True))
        require(near, "error", f"vertex {v} is farther from the stored coordinates than the stored error")


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m specgeo.check complex.npz", file=sys.stderr)
        return 2
    try:
        prove(cx := Complex(arguments[0]))
    except Exception as reason:  # Refused, Unreadable, and whatever else a file may do to its reader
        refused = isinstance(reason, Refused)
        print(f"not proved: {reason}" if refused else f"cannot be checked: {type(reason).__name__}: {reason}")
        return 1 if refused else 2
    counts = ", ".join(f"{len(faces)} faces of dimension {k}" for k, faces in enumerate(cx.faces))
    print(f"proved: {counts}; not part of the proof: {', '.join(cx.others)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
