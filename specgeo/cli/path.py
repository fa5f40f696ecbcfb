"""``specgeo path``: a polyline between two inputs along which the network provably answers one class."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from specgeo.cli.files import check_files, emit, figure_argument, figure_plan, table_plan
from specgeo.cli.inputs import pick_arguments, picked
from specgeo.cli.options import Commands, load, network_argument, number, whole
from specgeo.cli.work import working

if TYPE_CHECKING:
    from specgeo._cast import FloatArray


def add(commands: Commands) -> None:
    parser = commands.add(
        "path", run, "join two inputs of one class by a path on which the network provably answers that class",
        "specgeo path net.onnx --between images.npz --pick 0 5 --bounds 0 1 --save path.npz",
        "specgeo path examples/flower.onnx --start -0.5 0.3 --stop 0.7 0.1",
    )  # fmt: skip
    names = {"start": "--start", "stop": "--stop", "lower": "--bounds", "upper": "--bounds"}
    parser.set_defaults(names=names)
    network_argument(parser)
    parser.add_argument("--start", nargs="+", type=number, metavar="X", help="the first input, one number each")
    parser.add_argument("--stop", nargs="+", type=number, metavar="X", help="the other input")
    pick_arguments(parser, "--between", "both inputs from a file")
    parser.add_argument("--bounds", nargs=2, type=number, metavar=("LO", "HI"), help="what all inputs must stay within")
    parser.add_argument(
        "--max-bends", type=whole, default=64, metavar="N", help="vertices that may be inserted (default 64)"
    )
    parser.add_argument("--save", metavar="FILE", help="write the vertices of the path as .csv or .npz")
    figure_argument(parser, "draw the margin along the path")


def run(arguments: argparse.Namespace) -> int:
    from specgeo.paths import find_path

    check_files(arguments)
    net = load(arguments)
    start, stop = _ends(arguments, net.input_dim)
    lower, upper = arguments.bounds or (None, None)
    with working(arguments, enumerates=False) as progress:
        found = find_path(
            net, start, stop, max_bends=arguments.max_bends, lower=lower, upper=upper, progress=progress
        )
    text = f"{net!r}, class {found.certificate.label}\n{found}\n{found.certificate}"
    if not found.connected:
        text += "\n(this does not mean that there is none: allow more --max-bends, or see specgeo decisions)"
    columns = {f"x_{j}": column for j, column in enumerate(found.vertices.T)}
    plan = [*table_plan(arguments, columns, {"vertices": found.vertices}), *figure_plan(arguments, found.plot)]
    emit(arguments, found.to_dict, text, plan)
    return 0 if found.connected else 1


def _ends(arguments: argparse.Namespace, dim: int) -> tuple[FloatArray, FloatArray]:
    """The two inputs, given as numbers or picked from a file."""
    import numpy as np

    from specgeo.errors import InvalidInputError

    given = {"--start": arguments.start, "--stop": arguments.stop}
    if arguments.between is not None:
        if any(given.values()):
            raise InvalidInputError("--between: gives both inputs; drop --start and --stop")
        start, stop = picked(arguments, "--between", arguments.between, dim, (2,))
        return start, stop
    for option in ("pick", "key"):
        if getattr(arguments, option) is not None:
            raise InvalidInputError(f"--{option}: has no effect without --between; drop it")
    for option, numbers in given.items():
        if not numbers:
            raise InvalidInputError(f"{option}: missing; give --start and --stop, or --between FILE --pick I J")
        if len(numbers) != dim:
            raise InvalidInputError(f"{option}: {len(numbers)} given, {dim} wanted (one number an input)")
    return np.array(arguments.start), np.array(arguments.stop)
