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
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import accumulate, pairwise
from operator import and_, mul
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


def parse_array(data: bytes) -> tuple[tuple[int, ...], Sequence[Any]]:
    """Shape and numbers of a .npy file: magic, version, length of the header, header, numbers."""
    start = 10 if data[6] == 1 else 12
    stop = start + int.from_bytes(data[8:start], "little")
    header = ast.literal_eval(data[start:stop].decode("latin1").strip())
    shape, order, kind = tuple(header["shape"]), header["descr"][0], header["descr"][1:]
    whole = all(type(n) is int and n >= 0 for n in shape)
    if data[:6] != b"\x93NUMPY" or order not in "<>|" or kind not in TYPES or not whole or header["fortran_order"]:
        raise Unreadable(f"an array of kind {header}")
    return shape, struct.unpack(f"{order.replace('|', '<')}{math.prod(shape)}{TYPES[kind]}", data[stop:])


def read_archive(path: str) -> dict[str, Any]:
    if not os.path.isfile(path):  # a pipe would be waited for
        raise Unreadable("no regular file of that name")
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        names = [info.filename.removesuffix(".npy") for info in infos]
        if len(set(names)) < len(names) or sum(info.file_size for info in infos) > MOST_BYTES:
            raise Unreadable(f"two arrays of one name, or more than {MOST_BYTES:,} bytes")
        return {name: parse_array(archive.read(info)) for name, info in zip(names, infos, strict=True)}


def nested(shape: Sequence[int], flat: Sequence[Any]) -> list[Any]:
    n = math.prod(shape[1:])
    return list(flat) if len(shape) == 1 else [nested(shape[1:], flat[i * n : i * n + n]) for i in range(shape[0])]


def take(arrays: dict[str, Any], name: str, *shape: int | None, whole: bool = False) -> list[Any]:
    """Takes an array of this shape out of the archive, as nested lists of floats or whole numbers."""
    if name not in arrays:
        raise Unreadable(f"{name} is missing, and nothing can be proved without it")
    found, flat = arrays.pop(name)
    fits = len(found) == len(shape) and all(n in (None, m) for n, m in zip(shape, found, strict=True))
    require(fits, "format", f"{name} has the shape {found}")
    right = all(type(x) is int for x in flat) if whole else all(map(math.isfinite, flat))
    require(right, "format", f"{name} holds numbers that it may not hold")
    return nested(found, flat if whole else [float(x) for x in flat])


@dataclass
class Layer:
    """A layer in integers: z = weight a + bias, then slopes[j][p] z_j + intercepts[j][p]; the last passes z on."""

    weight: list[list[int]]
    bias: list[int]
    breaks: list[list[int]]  # of each neuron; of each group of two and more its members
    slopes: list[list[int]]
    intercepts: list[list[int]]
    groups: list[list[int]]  # maxima are taken over, if there are any
    sizes: tuple[Any, ...]  # absolute values as floats: columns of the weight, [bias], slopes, intercepts


@dataclass
class Complex:
    dim: int
    vertices: list[list[float]]
    faces: list[list[list[int]]]  # faces[k][f]: the boundary of face f of dimension k; empty lists for k = 0
    corners: list[list[frozenset[int]]]  # of each face its vertices
    layers: list[Layer]
    bits: int  # outputs of the integer layers are the network's times 2^bits
    signs: list[list[int]]  # of each cell, one for each unit in the order of layers, neurons and breakpoints
    domain: list[Row]
    pieces: list[list[list[float]]]  # of each cell and output d slopes and an offset
    errors: list[float]
    walls: list[int]
    others: list[str]  # what is stored beside


def load(path: str) -> Complex:
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
    vertices = take(arrays, "vertices", None, d)
    faces: list[list[list[int]]] = [[[] for _ in vertices]]
    corners = [[frozenset((v,)) for v in range(len(vertices))]]
    for k in range(1, d + 1):
        starts, items = (take(arrays, f"faces_{k}_{name}", None, whole=True) for name in ("offsets", "indices"))
        fits = all(b - a == 2 if k == 1 else b > a for a, b in pairwise(starts))  # an edge has two ends
        require(fits and [*starts[:1], *starts[1:][-1:]] == [0, len(items)], "format", f"faces_{k}_offsets")
        require(all(0 <= i < len(faces[-1]) for i in items), "format", f"faces_{k}_indices")
        faces.append([items[a:b] for a, b in pairwise(starts)])
        corners.append([frozenset().union(*(corners[-1][g] for g in boundary)) for boundary in faces[-1]])
    layers, bits = read_layers(arrays, entries, d)
    n_cells, m = len(faces[d]), len(layers[-1].bias)
    slopes, offsets = take(arrays, "gradients", n_cells, m, d), take(arrays, "offsets", n_cells, m)
    pieces = [[[*g, o] for g, o in zip(*cell, strict=True)] for cell in zip(slopes, offsets, strict=True)]
    signs, domain = read_signs(arrays, layers[:-1], n_cells), read_domain(arrays, header["domain"], d)
    errors = take(arrays, "metadata_vertex_errors", len(vertices))
    walls = take(arrays, "metadata_facet_walls", len(faces[d - 1]), whole=True)
    notes = sorted(name for name in arrays if name.startswith("metadata_")) + sorted(header["metadata"])
    if not all(name.startswith("metadata_") for name in arrays):
        raise Unreadable(f"unknown arrays among {sorted(arrays)}")
    others = ["the certificate's account of decisions and times", "names of activations", *map(repr, notes)]
    return Complex(d, vertices, faces, corners, layers, bits, signs, domain, pieces, errors, walls, others)


def binary(values: Sequence[Any]) -> int:
    """The least e >= 0 for which all values times 2^e are whole."""
    return max((v.as_integer_ratio()[1].bit_length() - 1 for v in values), default=0)


def scaled(values: Sequence[Any], e: int) -> list[int]:
    return [(p << e) // q for p, q in (v.as_integer_ratio() for v in values)]


def read_layers(arrays: dict[str, Any], entries: list[dict[str, Any]], n: int) -> tuple[list[Layer], int]:
    """The layers in integers; e: what a layer is given is times 2^e."""
    layers, e = [], 0
    for i in range(len(entries) + 1):
        weight = take(arrays, f"weight_{i}", None, n)
        bias = take(arrays, f"bias_{i}", len(weight))
        linear: list[Any] = [([], [1.0], [Fraction(0)])] * len(weight)
        groups = read_groups(arrays, i, len(weight)) if i < len(entries) and entries[i].get("kind") == "max" else []
        each = linear if groups or i == len(entries) else read_neurons(arrays, entries[i], i, len(weight))
        breaks, slopes, intercepts = zip(*each, strict=True)
        columns = [[abs(row[j]) for row in weight] for j in range(n)]
        tables = ([[abs(float(x)) for x in own] for own in table] for table in ([bias], slopes, intercepts))
        inner = max(*map(binary, weight), binary(bias) - e, *(binary(own) - e for own in breaks), 0)
        weight, e = [scaled(row, inner) for row in weight], e + inner
        outer = max(*map(binary, slopes), *(binary(own) - e for own in intercepts))
        whole = [[scaled(x, k) for x in part] for part, k in ((breaks, e), (slopes, outer), (intercepts, e + outer))]
        units = [group if len(group) > 1 else [] for group in groups] or whole[0]
        layers.append(Layer(weight, scaled(bias, e), units, whole[1], whole[2], groups, (columns, *tables)))
        n, e = len(units), e + outer
    return layers, e


def read_neurons(arrays: dict[str, Any], entry: dict[str, Any], i: int, n: int) -> list[Any]:
    """Breakpoints, slopes and intercepts of each of the n neurons of layer i."""
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
    return [kinds[k] for k in which]


def read_groups(arrays: dict[str, Any], i: int, n: int) -> list[list[int]]:
    members, sizes = (take(arrays, f"{name}_{i}", None, whole=True) for name in ("members", "sizes"))
    fits = sum(sizes) == len(members) and min(sizes) > 0 and all(0 <= k < n for k in members)
    groups = [[members.pop(0) for _ in range(size)] for size in sizes if fits]
    require(fits and all(len(set(group)) == len(group) for group in groups), "format", f"groups of layer {i}")
    return groups


def read_signs(arrays: dict[str, Any], layers: list[Layer], n_cells: int) -> list[list[int]]:
    units = [(i, j, t) for i, x in enumerate(layers) for j, own in enumerate(x.breaks) for t in range(len(own))]
    labels = (take(arrays, f"signs_{x}", len(units), whole=True) for x in ("layers", "neurons", "breakpoints"))
    require(list(zip(*labels, strict=True)) == units, "format", "the units listed are not those of the network")
    n, size = len(units), (n_cells, (len(units) + 63) // 64)
    both = [take(arrays, f"signs_{name}", *size, whole=True) for name in ("positive", "negative")]
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
        rows = [[*(float(i == j) for i in range(d)), -lower[j]] for j in range(d)]
        rows += [[*(-float(i == j) for i in range(d)), upper[j]] for j in range(d)]
    elif kind == "Polytope":
        a = take(arrays, "domain_A", None, d)
        rows = [[*(-x for x in row), b] for row, b in zip(a, take(arrays, "domain_b", len(a)), strict=True)]
    else:
        raise Unreadable(f"unknown domain {kind!r}")
    require(all(any(row[:d]) for row in rows), "format", "a wall without direction")
    return [scaled(row, binary(row)) for row in rows]


def evaluate(layers: list[Layer], x: Row, one: int, pieces: list[list[int]]) -> tuple[list[int], list[int]]:
    """Units (times positive numbers) and outputs of the network made affine, at x / one; one = 0: without offsets."""
    a, units = x, []
    for layer, piece in zip(layers, pieces, strict=True):
        z = [sum(map(mul, w, a)) + b * one for w, b in zip(layer.weight, layer.bias, strict=True)]
        if layer.groups:
            a = [z[group[p]] for group, p in zip(layer.groups, piece, strict=True)]
            units += [z[i] - top for top, group in zip(a, layer.breaks, strict=True) for i in group]
            continue
        units += [value - t * one for value, own in zip(z, layer.breaks, strict=True) for t in own]
        a = [s[p] * x + c[p] * one for p, x, s, c in zip(piece, z, layer.slopes, layer.intercepts, strict=True)]
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
            divisor = math.gcd(*row)
            basis.append((column, [x // divisor for x in row]))
    x: dict[int, Fraction] = {}
    for j, row in reversed(basis):
        x[j] = -(row[d] + sum((row[i] * x[i] for i in x), Fraction(0))) / row[j]
    bottom = math.lcm(*(value.denominator for value in x.values()))
    return (*(int(x[j] * bottom) for j in range(d)), bottom) if len(x) == d else None


def bounds(layers: list[Layer], pieces: list[list[int]]) -> list[list[float]]:
    """For each output the d slopes and the offset of the map, every number replaced by its absolute value, times u.

    2^-1000 stands for what underflows. u = 2^-52 K, K = 2 + the sum of 2 n + 2 q + 4 over hidden layers of n neurons
    and q maxima, twice what the roundings of any order of evaluation come to: these sums of positive floats may be
    rounded themselves.
    """
    u, tiny = 2.0**-52 * (2 + sum(2 * len(x.bias) + 2 * len(x.groups) + 4 for x in layers[:-1])), 2.0**-1000
    result = []
    for i, last in enumerate(layers[-1].sizes[1][0]):  # u comes first: less overflows
        row, offset = [u * column[i] + tiny for column in layers[-1].sizes[0]], u * last + tiny
        for layer, piece in zip(layers[-2::-1], pieces[-2::-1], strict=True):
            columns, (bias,), slopes, intercepts = layer.sizes
            if layer.groups:  # rows of groups to rows of their winners
                offset, wins = offset + len(row) * tiny, [g[p] for g, p in zip(layer.groups, piece, strict=True)]
                row = [sum((r + tiny for r, i in zip(row, wins, strict=True) if i == j), 0.0) for j in range(len(bias))]
                piece = [0] * len(bias)
            offset += sum(r * (c[p] + tiny) for r, p, c in zip(row, piece, intercepts, strict=True))
            row = [r * s[p] + tiny for r, p, s in zip(row, piece, slopes, strict=True)]
            offset += sum(map(mul, row, bias)) + tiny
            row = [sum(map(mul, row, column)) + tiny for column in columns]
        result.append([*row, offset])
    return result


def choose(layers: list[Layer], signs: list[int], c: int) -> tuple[list[list[int]], list[int]]:
    """By the signs of a cell, the piece of each neuron, or place of the winner in each group; and the signs that count.

    A winner is the first of those that are equal on the cell; it is compared with no one, the others with it.
    """
    left, pieces, counted = iter(signs), [], []
    for layer in layers:
        own = [[next(left) for _ in unit] for unit in layer.breaks]
        if layer.groups:
            one = all(s.count(1) == 1 and 0 not in s[: s.index(1)] for s in own if s)
            require(one, "signs", f"a group without one winner on cell {c}")
            pieces.append([s.index(1) if s else 0 for s in own])
            own = [[min(x, 0) for x in s] for s in own]
        else:
            pieces.append([sum(x > 0 for x in s) for s in own])
        counted += [x for s in own for x in s]
    return pieces, counted


def check_cell(cx: Complex, c: int, rows_of: list[list[tuple[bool, int]]], points: list[Any]) -> None:
    """ "point", "side", "face", "ridge" and "piece" for one cell; points that are new are added."""
    d = cx.dim
    pieces, signs = choose(cx.layers, cx.signs[c], c)
    columns = [evaluate(cx.layers, [int(i == j) for i in range(d)], int(j == d), pieces) for j in range(d + 1)]
    units: list[Row] = list(zip(*(column[0] for column in columns), strict=True))
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
        for f in level:
            check_face(cx, k, f, zeros)
        level = sorted({g for f in level for g in cx.faces[k][f]})
    maps: list[Row] = list(zip(*(column[1] for column in columns), strict=True))
    for stored, exact, allowed in zip(cx.pieces[c], maps, bounds(cx.layers, pieces), strict=True):
        near = [close(x, y, 1 << cx.bits, b) for x, y, b in zip(stored, exact, allowed, strict=True)]
        require(all(near), "piece", f"the affine map of cell {c} is not within a finite bound of the network's")


def check_face(cx: Complex, k: int, f: int, zeros: dict[int, int]) -> None:
    """The boundary faces of a k-face of a cell are faces of its convex hull, and all of them."""
    mine, ridges = cx.corners[k][f], Counter[int]()
    for g in cx.faces[k][f]:
        theirs = cx.corners[k - 1][g]
        common = reduce(and_, (zeros[v] for v in theirs))
        cut = {v for v in mine if zeros[v] & common == common}
        require(cut == theirs != mine, "face", f"{k - 1}-face {g} is not cut out of {k}-face {f}")
        ridges.update(cx.faces[k - 1][g])
    require(all(n == 2 for n in ridges.values()), "ridge", f"{k}-face {f} is not closed")


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
    for c, boundary in enumerate(cx.faces[d]):
        for f in boundary:
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
        cx = load(arguments[0])
        prove(cx)
    except Exception as reason:  # Refused, Unreadable, and whatever else a file may do to its reader
        refused = isinstance(reason, Refused)
        print(f"not proved: {reason}" if refused else f"cannot be checked: {type(reason).__name__}: {reason}")
        return 1 if refused else 2
    counts = ", ".join(f"{len(faces)} faces of dimension {k}" for k, faces in enumerate(cx.faces))
    print(f"proved: {counts}; not part of the proof: {', '.join(cx.others)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
