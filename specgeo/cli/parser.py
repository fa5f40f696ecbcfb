"""The parser of the command line, put together from the modules of the commands."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NoReturn

from specgeo.cli import benchmark, decisions, info, path, regions, report, slice, spectrum, transform, verify, warmup
from specgeo.cli.options import Commands

EXAMPLES = """\
examples:
  specgeo info net.onnx
  specgeo report examples/flower.onnx --box -1 1 --out report
  specgeo regions net.npz --box -1 1 -2 2 --figure regions.png
  specgeo regions acas.nnet --axes 0 1 --box -0.5 0.5 --json
  specgeo decisions net.onnx --box -1 1 --figure classes.png
  specgeo slice net.onnx --through images.npz --pick 0 5 9 --figure slice.png
  specgeo path net.onnx --between images.npz --pick 0 5
  specgeo spectrum net.onnx --box 0 1 --grid -50 50 101 --save spectrum.csv
  specgeo transform cube.stl --k 1 2 3
  specgeo verify net.onnx --box -1 1 --out theory
  specgeo benchmark net.onnx --box -1 1

exit codes: 0 all is well, 1 a claim fails or no path is found, 2 bad input
"""

COMMANDS = (info, regions, decisions, slice, path, spectrum, transform, report, verify, benchmark, warmup)


class Parser(argparse.ArgumentParser):
    """Complains in one line that names the option, and guesses what a mistyped word was to be."""

    def error(self, message: str) -> NoReturn:
        message = re.sub(r"^argument ([^:]+):", r"\1:", " ".join(message.split()))
        wrong = re.search(r"invalid choice: '([^']*)'|unrecognized arguments: (-\S+)", message)
        known: Iterable[str] = self._option_string_actions
        if wrong and wrong[1] is not None:
            known = re.findall(r"'?([\w.-]+)'?", message.partition("choose from")[2])
        guess = get_close_matches(next(filter(None, wrong.groups()), ""), known, 1) if wrong else []
        hint = f"; did you mean {guess[0]}?" if guess else ""
        print(f"specgeo: error: {message}{hint} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(2)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Options that are not known are refused where they stand, by the command that lacks them."""
        found, left = super().parse_known_args(args, namespace)
        if left:
            self.error(f"unrecognized arguments: {' '.join(left)}")
        return found, left


def make_parser() -> argparse.ArgumentParser:
    """The parser of ``specgeo``."""
    from specgeo import __version__

    parser = Parser(
        prog="specgeo",
        description="Exact piecewise-linear geometry and analytic spectra of ReLU networks.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"specgeo {__version__}")
    commands = Commands(parser)
    for command in COMMANDS:
        command.add(commands)
    return parser


def usable_words(words: Iterable[str]) -> list[str]:
    """Argparse takes -1e-3 and -inf for options; with a space in front it does not."""
    return [f" {word}" if _is_negative(word) else word for word in words]


def _is_negative(word: str) -> bool:
    try:
        return word.startswith("-") and float(word.replace(",", "")) <= 0.0
    except ValueError:
        return False
