"""Surfaces as vertices and faces, from the contents of OBJ, PLY and STL files.

OBJ: lines ``v x y z`` and ``f a/b/c ...``, numbered from 1, or from the end if negative. PLY: a header that declares
elements, then text or numbers of either byte order. STL: triangles, each with corners of its own; float32 in the
binary form (80 bytes, a count, 50 bytes a triangle), ``vertex x y z`` in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo._progress import Tell
from specgeo.errors import ReadError

Faces = list[IntArray]
EACH = 1024  # lines, faces or records between two reports of progress

_PLY_TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"), **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"), **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"), **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"), **dict.fromkeys(("double", "float64"), "f8"),
}  # fmt: skip
_PLY_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">"}


def _number(word: str) -> float:
    if "_" in word or not word.isascii():  # Python reads 1_0 and digits of all scripts
        raise ReadError(f"{word!a:.40} is no number")
    return float(word)


def _indices(words: list[str], n: int, first: int) -> IntArray:
    """Numbers of vertices; ``first`` is that of the first one, and -1 the last where it is 1."""
    found = np.array([int(_number(word)) for word in words], np.int64)
    found = np.where((found < 0) & (first == 1), found + n, found - first)
    if np.any((found < 0) | (found >= n)):
        raise ReadError(f"a face names vertex {' '.join(words)!a:.40}, and there are {n}; the file is corrupt")
    return found


def read_obj(contents: bytes, tell: Tell) -> tuple[FloatArray, Faces]:
    """Wavefront OBJ; normals, textures, groups and materials are passed over."""
    points: list[list[float]] = []
    faces: Faces = []
    text = contents.decode("utf-8", errors="replace").replace("\\\r\n", " ").replace("\\\n", " ")
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if number % EACH == 0:
            tell(f"line {number + 1:,} of {len(lines):,}", number / len(lines))
        kind, *words = line.partition("#")[0].split() or [""]
        if kind == "v":
            if len(words) < 3:
                raise ReadError(f"vertex {len(points) + 1} has {len(words)} coordinates, 3 wanted; the file is corrupt")
            points.append([_number(word) for word in words[:3]])
        elif kind == "f":
            faces.append(_indices([word.partition("/")[0] for word in words], len(points), 1))
        elif kind in ("curv", "curv2", "surf"):
            raise ReadError("has curved surfaces; export it as polygons")
    return np.array(points).reshape(-1, 3), faces


def read_stl(contents: bytes, tell: Tell) -> tuple[FloatArray, Faces]:
    """STL; the normals are passed over, the order of the corners says where the outside is."""
    tell("triangles", 0.0)
    count = int.from_bytes(contents[80:84], "little")
    if len(contents) >= 84 and len(contents) == 84 + 50 * count:
        record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("more", "<u2")])
        points = np.frombuffer(contents, record, offset=84)["corners"].astype(np.float64).reshape(-1, 3)
    elif contents[:5].lower() == b"solid":
        text = contents.decode("utf-8", errors="replace")
        found = re.findall(r"^\s*vertex\s+(\S+)\s+(\S+)\s+(\S+)\s*$", text, re.M | re.I)
        points = np.array([[_number(word) for word in row] for row in found]).reshape(-1, 3)
        if not re.search(r"^\s*endsolid", text, re.M | re.I):
            raise ReadError("has no endsolid at its end; the file may be truncated")
    else:
        raise ReadError(f"announces {count:,} triangles and has {len(contents):,} bytes; the file is corrupt")
    if len(points) % 3:
        raise ReadError(f"has {len(points)} corners, not three a triangle; the file is corrupt")
    return points, list(np.arange(len(points), dtype=np.int64).reshape(-1, 3))


class _Property(NamedTuple):
    name: str
    kind: str
    counter: str  # type of the length of a list, "" for a single value


class _Element(NamedTuple):
    name: str
    size: int
    properties: list[_Property]


def read_ply(contents: bytes, tell: Tell) -> tuple[FloatArray, Faces]:
    """PLY; elements and properties other than the corners and their numbers are passed over."""
    header = re.match(rb"ply\s*\n.*?^end_header\s*?\n", contents, re.S | re.M)
    if header is None:
        raise ReadError("has no header of PLY; the file is corrupt")
    order, elements = _ply_header(header[0].decode("ascii", errors="replace"))
    body = contents[header.end() :]
    tables = _ply_text(body, elements, tell) if order == "" else _ply_binary(body, elements, order, tell)
    if "vertex" not in tables or not {"x", "y", "z"} <= tables["vertex"].keys():
        raise ReadError("has no vertices with x, y and z; save them")
    points = np.stack([np.array(tables["vertex"][axis], np.float64).reshape(-1) for axis in "xyz"], axis=1)
    found = tables.get("face", {})
    lists = found.get("vertex_indices", found.get("vertex_index", []))
    return points, [_indices([str(int(i)) for i in face], len(points), 0) for face in lists]


def _ply_header(text: str) -> tuple[str, list[_Element]]:
    """Byte order ("" for text) and the elements."""
    order: str | None = None
    elements: list[_Element] = []
    for line in text.splitlines():
        kind, *words = line.split() or [""]
        if kind == "format":
            order = _PLY_ORDERS.get(words[0], "" if words[0] == "ascii" else None)
        elif kind == "element":
            elements.append(_Element(words[0], int(words[1]), []))
        elif kind == "property" and words[0] == "list":
            elements[-1].properties.append(_Property(words[3], _PLY_TYPES[words[2]], _PLY_TYPES[words[1]]))
        elif kind == "property":
            elements[-1].properties.append(_Property(words[1], _PLY_TYPES[words[0]], ""))
    if order is None:
        raise ReadError("has a format other than ascii, binary_little_endian and binary_big_endian; save it anew")
    return order, elements


Tables = dict[str, dict[str, list[npt.NDArray[np.float64]]]]


def _records(element: _Element, tell: Tell) -> Iterator[int]:
    """The numbers of its records; how far they are is told."""
    for number in range(element.size if element.properties else 0):
        if number % EACH == 0:
            tell(f"{element.name} {number + 1:,} of {element.size:,}", number / element.size)
        yield number


def _ply_text(body: bytes, elements: list[_Element], tell: Tell) -> Tables:
    words = iter(body.decode("ascii", errors="replace").split())
    tables: Tables = {}
    try:
        for element in elements:
            table = tables.setdefault(element.name, {one.name: [] for one in element.properties})
            for _ in _records(element, tell):
                for one in element.properties:
                    length = int(_number(next(words))) if one.counter else 1
                    table[one.name].append(np.array([_number(next(words)) for _ in range(length)]))
    except StopIteration as error:
        raise ReadError("ends inside an element; the file is truncated") from error
    return tables


def _ply_binary(body: bytes, elements: list[_Element], order: str, tell: Tell) -> Tables:
    tables: Tables = {}
    at = 0

    def take(kind: str, count: int) -> npt.NDArray[np.float64]:
        nonlocal at
        end = at + count * int(kind[1])
        if count < 0 or end > len(body):
            raise ReadError("ends inside an element; the file is truncated")
        values = np.frombuffer(body[at:end], order + kind).astype(np.float64)
        at = end
        return values

    for element in elements:
        table = tables.setdefault(element.name, {one.name: [] for one in element.properties})
        for _ in _records(element, tell):
            for one in element.properties:
                length = int(take(one.counter, 1)[0]) if one.counter else 1
                table[one.name].append(take(one.kind, length))
    return tables
