"""Deterministic mutations of files: a seed and a corpus give the same mutant everywhere."""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
from collections.abc import Callable

import numpy as np

EXTREMES = (
    b"0", b"-1", b"1", b"1e308", b"-1e308", b"1e999", b"nan", b"inf", b"-0.0", b"5e-324", b"0.5", b"2.5", b"1_0",
    b"999999999999999999999", b"18446744073709551616", b"4294967296", b"", b"-", b"x", b"\xd9\xa1", b"1e-320", b"None",
)  # fmt: skip
BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFF)
INTEGERS = (0, 1, -1, 2**31 - 1, -(2**31), 2**32 - 1, 2**62, 2**63 - 1, -(2**63), 127, 255, 65535)
_NUMBER = re.compile(rb"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")


def _spot(rng: random.Random, data: bytes) -> int:
    return rng.randrange(len(data) + 1)


def _flip(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _set(rng: random.Random, data: bytes) -> bytes:
    at = _spot(rng, data)
    return data[:at] + bytes([rng.choice(BYTES)]) + data[at + 1 :]


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: _spot(rng, data)] if rng.random() < 0.7 else data[_spot(rng, data) :]


def _drop(rng: random.Random, data: bytes) -> bytes:
    at = _spot(rng, data)
    return data[:at] + data[at + rng.choice((1, 2, 4, 16, 100)) :]


def _double(rng: random.Random, data: bytes) -> bytes:
    at, size = _spot(rng, data), rng.choice((1, 4, 16, 100))
    return data[:at] + data[at : at + size] * rng.choice((2, 2, 3, 50)) + data[at + size :]


def _move(rng: random.Random, data: bytes) -> bytes:
    a, b, size = _spot(rng, data), _spot(rng, data), rng.choice((2, 8, 40))
    return data[:a] + data[b : b + size] + data[a + size :]


def _number(rng: random.Random, data: bytes) -> bytes:
    """A number in the text becomes another one."""
    found = list(_NUMBER.finditer(data))
    if not found:
        return _flip(rng, data)
    hit = rng.choice(found)
    return data[: hit.start()] + rng.choice(EXTREMES) + data[hit.end() :]


def _line(rng: random.Random, data: bytes) -> bytes:
    """A line less, twice, elsewhere."""
    lines = data.splitlines(keepends=True) or [b""]
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    new = {0: [], 1: [lines[i]] * 2, 2: [lines[j]], 3: [b"// " + lines[i]], 4: [lines[i].strip() + b",1,\n"]}
    return b"".join((*lines[:i], *new[rng.randrange(5)], *lines[i + 1 :]))


def _integer(rng: random.Random, data: bytes) -> bytes:
    """Fields of fixed width: sizes, offsets, dimensions."""
    width, form = rng.choice(((2, "<H"), (4, "<I"), (8, "<Q")))
    value = rng.choice(INTEGERS) & ((1 << 8 * width) - 1)
    at = (
        rng.choice([m.start() for m in re.finditer(rb"PK", data)] or [0]) + rng.randrange(46)
        if b"PK" in data
        else _spot(rng, data)
    )
    return data[:at] + struct.pack(form, value) + data[at + width :]


def _varint(rng: random.Random, data: bytes) -> bytes:
    """Fields of protobuf: keys, lengths and numbers of variable width."""
    value, out = rng.choice(INTEGERS) & (2**64 - 1), bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    at = _spot(rng, data)
    return data[:at] + bytes(out) + data[at + rng.choice((0, 1, 1, 2)) :]


def _member(rng: random.Random, data: bytes) -> bytes:
    """An archive whose checksums are right, with a member changed, dropped, renamed or doubled."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:
        return _flip(rng, data)
    names = list(members)
    if not names:
        return _flip(rng, data)
    name, act = rng.choice(names), rng.randrange(8)
    if act == 0:
        del members[name]
    elif act == 1:
        members[rng.choice(("W9.npy", "x", "W0", "metadata.npy", "a/b.npy"))] = members.pop(name)
    elif act == 2:
        members[name] = members[rng.choice(names)]
    elif act == 3:
        members[name] = _array(rng, members[name])
    else:
        members[name] = rng.choice((_flip, _set, _cut, _drop, _double, _number, _entry, _entry))(rng, members[name])
    out = io.BytesIO()
    kind = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(out, "w", kind if rng.random() < 0.3 else zipfile.ZIP_DEFLATED) as archive:
        for key, content in members.items():
            archive.writestr(zipfile.ZipInfo(key), content, archive.compression)
    return out.getvalue()


def _entry(rng: random.Random, data: bytes) -> bytes:
    """An entry of an array becomes an extreme one."""
    at = 128 + 8 * rng.randrange(max(1, (len(data) - 128) // 8))
    value = rng.choice((0.0, -0.0, np.nan, np.inf, 1e308, -1e308, 5e-324, 1.0, -1.0, 2.0**53, None))
    raw = struct.pack("<q", rng.choice(INTEGERS)) if value is None else struct.pack("<d", value)
    return data[:at] + raw + data[at + 8 :]


def _array(rng: random.Random, data: bytes) -> bytes:
    """Another array in its place."""
    shape = rng.choice(((), (0,), (1,), (3,), (2, 2), (0, 3), (1, 2, 3)))
    kind = rng.choice(("f8", "f4", "f2", "i8", "i4", "u1", "?", "c16", "U3", "S2", "M8[s]", ">f8", ">i4"))
    out = io.BytesIO()
    np.save(out, np.zeros(shape, kind) if rng.random() < 0.5 else np.ones(shape).astype(kind), allow_pickle=False)
    return out.getvalue()


def _field(rng: random.Random, data: bytes) -> bytes:
    """A field of the model, at any depth, gets another value; repeated ones grow, shrink or change places."""
    import onnx

    try:
        message = model = onnx.load_model_from_string(data)
    except Exception:
        return _flip(rng, data)
    while True:
        fields = [(field, value) for field, value in message.ListFields() if field.name != "doc_string"]
        if not fields:
            return _varint(rng, data)
        field, value = rng.choice(fields)
        many = hasattr(value, "__len__") and not isinstance(value, (str, bytes))
        if many and rng.random() < 0.25:
            i, j = rng.randrange(len(value)), rng.randrange(len(value))
            if rng.random() < 0.5:
                del value[i]
            elif field.message_type:
                value.add().CopyFrom(value[i])
            else:
                value.append(value[j])
            return bytes(model.SerializeToString())
        if field.message_type:
            message = rng.choice(value) if many else value
            continue
        break
    old = rng.choice(value) if many else value
    if isinstance(old, (str, bytes)):
        words = ("x", "y", "W", "", "z", "Relu", "Add", "Concat", "Loop", "Reshape", "Mul", "Gather", "If", "Shape")
        new = old[: len(old) // 2] if isinstance(old, bytes) else rng.choice(words)
    else:
        new = (
            rng.choice((0.0, -1.0, 1e30, float("nan"), float("inf")))
            if isinstance(old, float)
            else rng.choice((0, 1, 2, -1, 3, 6, 7, 11, 100, 10**6, 2**31 - 1))
        )
    try:
        if many:
            value[rng.randrange(len(value))] = new
        else:
            setattr(message, field.name, new)
    except (ValueError, TypeError):
        message.ClearField(field.name)
    return bytes(model.SerializeToString())


_COMMON = (_flip, _set, _cut, _drop, _double, _move)
MUTATIONS: dict[str, tuple[Callable[[random.Random, bytes], bytes], ...]] = {
    "onnx": (*_COMMON, _varint, _varint, *[_field] * 12),
    "npz": (*_COMMON, _integer, *[_member] * 10),
    "complex": (*_COMMON, _integer, *[_member] * 14),
    "nnet": (*_COMMON, *[_number] * 4, *[_line] * 4),
}


def mutant(seeds: list[bytes], form: str, seed: int) -> bytes:
    """The mutant number ``seed`` of a corpus: one to four mutations of one of its files."""
    rng = random.Random(f"{form} {seed}")
    data = rng.choice(seeds)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4))):
        data = rng.choice(MUTATIONS[form])(rng, data)
    return data[: 1 << 20]
