"""Options that commands share, and what they stand for: numbers, the network, its box."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from specgeo.domain import Box, WholeSpace
    from specgeo.network import Network
    from specgeo.slices import AffineSlice


class Commands:
    """Adds commands with what all have in common."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(
        self, name: str, run: Callable[[argparse.Namespace], int], text: str, *examples: str, more: str = ""
    ) -> argparse.ArgumentParser:
        """A command with its help; ``text`` begins in lower case, ``more`` follows it where there is room."""
        shown = "".join(f"\n  {line}" for line in examples)
        command: argparse.ArgumentParser = self._commands.add_parser(
            name, help=text, description=fill(f"{text[0].upper()}{text[1:]}. {more}", 78),
            epilog=f"example{'s' * (len(examples) > 1)}:{shown}", formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        command.set_defaults(run=run)
        command.add_argument("--json", action="store_true", help="print JSON instead of text")
        command.add_argument("--quiet", action="store_true", help="no progress on stderr")
        return command


def number(word: str) -> float:
    """A number as people write it: Python would read 1_0 as 10, and the digits of all scripts."""
    word = word.strip()
    try:
        if "_" in word or not word.isascii():
            raise ValueError
        return float(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is no number; {_hint(word)}") from None


def whole(word: str) -> int:
    """A whole number."""
    word = word.strip()
    try:
        if "_" in word or not word.isascii():
            raise ValueError
        return int(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is no whole number; {_hint(word)}") from None


def _hint(word: str) -> str:
    if Path(word).suffix[1:2].isalpha():
        return "put the name of a file before the options"
    if "_" in word:
        return f"write it without underscores: {word.replace('_', '')}"
    if "," in word:
        return "put blanks between numbers, and a point before decimals"
    return "write digits, such as -1, 0.5 or 1e-3"


def network_argument(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    """The network file, how to read it, and, unless it may be left out, a budget of memory."""
    parser.add_argument("network", nargs="?" if optional else None, help="file: .onnx, .npz or .nnet")
    parser.add_argument(
        "--physical", action="store_true", help="inputs and outputs of a .nnet file in physical, not normalised, units"
    )
    parser.add_argument(
        "--output-node", metavar="NAME", help="end at this tensor of an .onnx file, or this layer of a Keras model"
    )
    parser.set_defaults(max_bytes=None)
    if not optional:
        parser.add_argument("--max-bytes", type=whole, metavar="N", help="stop when more memory than this is needed")


def domain_arguments(
    parser: argparse.ArgumentParser, output: bool = True, optional: bool = False, space: bool = False
) -> None:
    """The box, the inputs that vary in it, the output, and, unless all may be left out, a budget of cells.

    ``space``: all of space may stand for the box.
    """
    where = parser.add_mutually_exclusive_group(required=not optional) if space else parser
    where.add_argument(
        "--box", nargs="+", type=number, required=not (optional or space), metavar="B",
        help="LO HI for all inputs, or one pair for each input",
    )  # fmt: skip
    if space:
        where.add_argument("--whole-space", action="store_true", help="all of space, without a box")
    parser.add_argument("--axes", nargs="+", type=whole, metavar="I", help="vary these inputs only (from 0)")
    parser.add_argument("--origin", nargs="+", type=number, metavar="X", help="the other inputs (default 0)")
    if output:
        output_argument(parser)
    if not optional:
        parser.add_argument("--max-cells", type=whole, metavar="N", help="stop when there are more cells than this")


def output_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=whole, default=0, metavar="J", help="output of the network (default 0)")


def load(arguments: argparse.Namespace) -> Network:
    """The network of the file."""
    from specgeo.errors import InvalidInputError
    from specgeo.readers import read_network

    suffix = Path(arguments.network.lower().removesuffix(".gz")).suffix
    options: dict[str, Any] = {}
    if arguments.physical:
        if suffix != ".nnet":
            raise InvalidInputError("--physical: only .nnet files have a normalisation in their header; drop it")
        options["normalized"] = False
    if arguments.output_node is not None:
        if suffix not in (".onnx", ".keras", ".h5", ".hdf5"):
            raise InvalidInputError("--output-node: only .onnx and Keras files name their tensors; drop it")
        options["output"] = arguments.output_node
    try:
        return read_network(arguments.network, max_bytes=arguments.max_bytes, **options)
    except InvalidInputError as error:
        raise type(error)(str(error).replace("output:", "--output-node:", 1)) from error


def load_on_box(arguments: argparse.Namespace) -> tuple[Network, Box]:
    """The network, restricted to the inputs that vary, and the box of these."""
    from specgeo.domain import Box
    from specgeo.errors import InvalidInputError

    net = _restricted(arguments)
    numbers, dim = arguments.box, net.input_dim
    if len(numbers) == 2:
        numbers = numbers * dim
    if len(numbers) != 2 * dim:
        raise InvalidInputError(
            f"--box: {len(numbers)} number{'s' * (len(numbers) > 1)} given; give LO HI, or {dim} pairs (one an input)"
        )
    check_output_number(arguments, net)
    return net, Box(numbers[0::2], numbers[1::2])


def load_on_domain(arguments: argparse.Namespace) -> tuple[Network, Box | WholeSpace]:
    """The same for a command that takes all of space too."""
    from specgeo.domain import WholeSpace

    if not arguments.whole_space:
        return load_on_box(arguments)
    net = _restricted(arguments)
    check_output_number(arguments, net)
    return net, WholeSpace(net.input_dim)


def _restricted(arguments: argparse.Namespace) -> Network:
    from specgeo.errors import InvalidInputError

    net = load(arguments)
    if arguments.axes is not None:
        return net.restrict(_axes(arguments, net.input_dim))
    if arguments.origin is not None:
        raise InvalidInputError("--origin: has no effect without --axes; say which inputs vary")
    return net


def _axes(arguments: argparse.Namespace, dim: int) -> AffineSlice:
    from specgeo.errors import InvalidInputError
    from specgeo.slices import AffineSlice

    origin = [0.0] * dim if arguments.origin is None else arguments.origin
    if len(origin) != dim:
        raise InvalidInputError(
            f"--origin: {len(origin)} numbers given, {dim} wanted (one an input; those along --axes do not matter)"
        )
    return AffineSlice.axes(arguments.axes, origin)


def check_output_number(arguments: argparse.Namespace, net: Network) -> None:
    """That the network has the output asked for."""
    from specgeo.errors import InvalidInputError

    if hasattr(arguments, "output") and not 0 <= arguments.output < net.output_dim:
        last = net.output_dim - 1
        known = f"outputs are 0 to {last}" if last else "network has one output, 0"
        raise InvalidInputError(f"--output: {arguments.output} given; the {known}")
