"""``specgeo regions``: the complex of a network on a box."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from specgeo._display import counted
from specgeo.cli.files import Write, check_files, emit, figure_argument, figure_plan
from specgeo.cli.options import Commands, domain_arguments, load_on_box, network_argument
from specgeo.cli.work import enumerate_within, working


def add(commands: Commands) -> None:
    parser = commands.add(
        "regions", run, "enumerate the activation regions of a network on a box",
        "specgeo regions examples/flower.onnx --box -1 1 --figure regions.png",
    )  # fmt: skip
    network_argument(parser)
    domain_arguments(parser)
    parser.add_argument("--save", metavar="FILE.npz", help="write the complex; specgeo.load_complex reads it")
    figure_argument(parser, "draw the cells, dimension 1 to 3", "--map")
    parser.add_argument("--color", choices=["value", "gradient"], default="value", help="colouring of the figure")


def run(arguments: argparse.Namespace) -> int:
    from specgeo.errors import UnsupportedError

    check_files(arguments, (".npz",))
    net, box = load_on_box(arguments)
    if arguments.figure and box.dim > 3:
        raise UnsupportedError(f"--figure: dimension {box.dim} cannot be drawn; vary one to three inputs with --axes")
    started = time.perf_counter()
    with working(arguments) as progress:
        cx = enumerate_within(arguments, net, box, progress)
    seconds = time.perf_counter() - started
    smallest = float(cx.volumes.min())
    data: dict[str, Any] = {
        "network": repr(net),
        "f_vector": list(cx.f_vector),
        "cells": cx.n_cells,
        "linear_regions": cx.n_linear_regions,
        "euler_characteristic": cx.euler_characteristic,
        "smallest_cell": smallest,
        "certificate": cx.certificate.to_dict(),
        "seconds": seconds,
    }
    text = [
        f"{net!r} on {box!r}",
        f"  {counted(cx.n_cells, 'activation region')}, {counted(cx.n_linear_regions, 'linear region')}",
        f"  faces: {', '.join(f'{n:,} of dimension {k}' for k, n in enumerate(cx.f_vector))}",
        f"  smallest cell: {smallest:.3g}",
        f"  {cx.certificate}",
        f"  {seconds:.2f} s, compilation included",
    ]
    color = {} if cx.dim == 1 else {"color": arguments.color}
    which = {"outputs": [arguments.output]} if cx.dim == 1 else {"output": arguments.output}
    draw = figure_plan(arguments, lambda: cx.plot(**which, **color))
    emit(arguments, lambda: data, "\n".join(text), [*complex_plan(arguments, cx), *draw])
    return 0


def complex_plan(arguments: argparse.Namespace, cx: Any) -> list[Write]:
    """The file of --save, if one is wanted."""
    if not arguments.save:
        return []

    def write() -> list[Path]:
        from specgeo.errors import InvalidInputError

        try:
            cx.save(arguments.save)
        except InvalidInputError as error:
            raise InvalidInputError(str(error).replace("path:", "--save:", 1)) from error
        return [Path(arguments.save)]

    return [write]
