"""Points from files: inputs of a network, or wavevectors, one a row (.csv, .txt, .npy, .npz)."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from specgeo._cast import FloatArray, as_floats
from specgeo._display import counted
from specgeo._files import as_path, open_regular
from specgeo._npz import read_npy, read_npz
from specgeo.cli.options import number, whole
from specgeo.errors import InvalidInputError, ReadError

FILES = "rows of a .csv, .npy or .npz file"


def pick_arguments(parser: argparse.ArgumentParser, option: str, text: str) -> None:
    """A file of inputs, and which of them are meant."""
    parser.add_argument(option, metavar="FILE", help=f"{text}: {FILES}; images are read row by row")
    parser.add_argument("--pick", nargs="+", type=whole, metavar="I", help="which rows of the file (from 0)")
    key_argument(parser)


def key_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", metavar="NAME", help="which array of the .npz file, where it holds several")


def read_rows(words: str, option: str, dim: int, key: str | None = None) -> FloatArray:
    """The points of a file, shape (n, dim)."""
    path = as_path(words, option)
    try:
        array = _read(path, option, key)
    except ReadError as error:
        message = str(error)
        raise ReadError(f"{option}: {message.removeprefix('path: ')}") from error
    array = as_floats(array, f"{option}: {path.name}")
    if array.size == dim:
        return array.reshape(1, dim)
    if array.ndim == 1 and dim == 1:
        return array.reshape(-1, 1)
    rows = array.reshape(len(array), -1) if array.ndim > 1 and len(array) else array.reshape(1, -1)
    if rows.shape[1] != dim:
        raise InvalidInputError(
            f"{option}: {path.name} has rows of {counted(rows.shape[1], 'number')} (shape {array.shape}), {dim} wanted"
        )
    return rows


def _read(path: Path, option: str, key: str | None) -> Any:
    suffix = path.suffix.lower()
    if key is not None and suffix != ".npz":
        raise InvalidInputError("--key: only .npz files hold several arrays; drop it")
    if suffix == ".npy":
        return read_npy(path)
    if suffix == ".npz":
        arrays = read_npz(path)
        known = ", ".join(sorted(arrays)) or "none"
        if key is None and len(arrays) != 1:
            raise InvalidInputError(f"{option}: {path.name} holds {len(arrays)} arrays; choose with --key: {known}")
        if key is not None and key not in arrays:
            raise InvalidInputError(f"--key: {path.name} holds no {key!r}; there are: {known}")
        return arrays[next(iter(arrays)) if key is None else key]
    if suffix in (".csv", ".txt"):
        return _read_text(path)
    raise ReadError(f"{path.name} has suffix {suffix!r}; one of .csv, .txt, .npy, .npz can be read")


def _read_text(path: Path) -> FloatArray:
    """Numbers with commas, semicolons or blanks between them; a line of names may come first, # begins a comment."""
    with open_regular(path) as stream:
        lines = stream.read().decode("utf-8-sig", errors="replace").splitlines()
    rows: list[list[float]] = []
    for at, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        mark = next((mark for mark in ",;" if mark in text), None)
        try:
            row = [number(word) for word in text.split(mark)]
        except argparse.ArgumentTypeError as error:
            if not rows and at == next(i for i, one in enumerate(lines, start=1) if one.partition("#")[0].strip()):
                continue  # names
            raise ReadError(f"{path.name}: line {at}: {error}") from error
        if rows and len(row) != len(rows[0]):
            raise ReadError(f"{path.name}: line {at} has {counted(len(row), 'number')}, the first {len(rows[0])}")
        rows.append(row)
    if not rows:
        raise ReadError(f"{path.name}: holds no numbers; one row a point is wanted")
    return np.array(rows)


def picked(arguments: argparse.Namespace, option: str, words: str, dim: int, counts: tuple[int, ...]) -> FloatArray:
    """The rows of a file that are meant: as many as one of ``counts``."""
    rows = read_rows(words, option, dim, arguments.key)
    wanted = " or ".join(map(str, counts))
    if arguments.pick is None:
        if len(rows) not in counts:
            raise InvalidInputError(f"--pick: missing; {option} has {counted(len(rows), 'row')}: say which {wanted}")
        return rows
    for index in arguments.pick:
        if not 0 <= index < len(rows):
            raise InvalidInputError(f"--pick: {index} given; {option} has rows 0 to {len(rows) - 1}")
    if len(arguments.pick) not in counts:
        raise InvalidInputError(f"--pick: {counted(len(arguments.pick), 'row')} given; {wanted} wanted")
    return np.ascontiguousarray(rows[arguments.pick])
