"""What commands write: checked before the work begins, written whole after the results are printed, and named."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Write = Callable[[], list[Path]]
TABLES = (".csv", ".npz")
_INPUTS = ("network", "shape", "through", "between", "k_file")


class _Figure(argparse.Action):
    """Keeps the name of the option that was used, for messages."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        namespace.figure, namespace.figure_option = values, option_string


def figure_argument(parser: argparse.ArgumentParser, text: str, *more: str) -> None:
    parser.add_argument("--figure", *more, action=_Figure, metavar="FILE.png", help=f"{text} (.png, .pdf, .svg, ...)")


def check_files(arguments: argparse.Namespace, save: Sequence[str] = TABLES) -> None:
    """Refuse what cannot be written before the work begins; ``save`` are the suffixes that --save may have."""
    from specgeo._files import as_path, check_file, make_folder
    from specgeo.errors import InvalidInputError

    for name in ("save", "figure", "out"):
        words = getattr(arguments, name, None)
        if words is None:
            continue
        option = getattr(arguments, "figure_option", "--figure") if name == "figure" else f"--{name}"
        if not words:
            raise InvalidInputError(f"{option}: an empty name given; name a file or folder")
        path = as_path(words, option)
        if name == "out":
            make_folder(path, option)
            continue
        check_file(path, option)
        _check_suffix(path, option, *((_figure_kinds(), "drawn") if name == "figure" else (save, "written")))
        for given in filter(None, (getattr(arguments, one, None) for one in _INPUTS)):
            if path.exists() and Path(given).exists() and path.samefile(given):
                raise InvalidInputError(f"{option}: {path} is what the command reads; choose another name")


def _check_suffix(path: Path, option: str, known: Sequence[str], done: str) -> None:
    from specgeo.errors import InvalidInputError

    if path.suffix.lower() not in known:
        use = f"one of {', '.join(known)}" if len(known) > 1 else f"{path.stem}{known[0]}"
        raise InvalidInputError(f"{option}: files {path.suffix!r} cannot be {done}; use {use}")


def _figure_kinds() -> list[str]:
    from specgeo.plotting import new_figure

    return [f".{kind}" for kind in sorted(new_figure()[0].canvas.get_supported_filetypes())]


def emit(
    arguments: argparse.Namespace, data: Callable[[], dict[str, Any]], text: str, plan: Sequence[Write] = ()
) -> None:
    """Print, then write files: neither a full disk nor a closed pipe takes both."""
    try:
        print(json.dumps(data(), indent=1) if arguments.json else text)
    finally:
        written = _write(plan)
    aside = sys.stderr if arguments.json else sys.stdout  # JSON alone on stdout
    for path in written if not (arguments.json and arguments.quiet) else ():
        print(f"written: {path.resolve()}", file=aside)


def _write(plan: Sequence[Write]) -> list[Path]:
    """Carry out what was planned; Ctrl-C is answered with what is there by then."""
    from specgeo._process import writing

    written: list[Path] = []
    if not plan:
        return written
    try:
        with writing():
            for write in plan:
                written += write()
    except KeyboardInterrupt:
        names = ", ".join(str(path.resolve()) for path in written)
        raise KeyboardInterrupt(f"only {names} was written" if written else "nothing was written") from None
    return written


def figure_plan(arguments: argparse.Namespace, draw: Callable[[], Any]) -> list[Write]:
    """The figure that ``draw`` makes, if one is wanted."""
    if not arguments.figure:
        return []

    def write() -> list[Path]:
        from specgeo._files import write_bytes
        from specgeo.plotting import rendered

        path = Path(arguments.figure)
        picture = rendered(draw(), path.suffix[1:].lower(), dpi=160, bbox_inches="tight")
        write_bytes(path, picture, arguments.figure_option)
        return [path]

    return [write]


def table_plan(
    arguments: argparse.Namespace, columns: dict[str, Any], arrays: dict[str, Any] | None = None
) -> list[Write]:
    """The file of --save, if one is wanted: columns of numbers as .csv, or arrays (by default the columns) as .npz."""
    if not arguments.save:
        return []

    def write() -> list[Path]:
        import numpy as np

        from specgeo._files import write_text
        from specgeo._npz import write_npz

        path = Path(arguments.save)
        if path.suffix.lower() == ".npz":
            write_npz(path, {name: np.asarray(array) for name, array in (arrays or columns).items()}, "--save")
        else:  # the shortest decimals that read back as the same floats
            rows = zip(*(np.asarray(column).tolist() for column in columns.values()), strict=True)
            lines = [",".join(columns), *(",".join(map(_cell, row)) for row in rows)]
            write_text(path, "\n".join(lines) + "\n", "--save")
        return [path]

    return [write]


def _cell(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else repr(value)
