"""``specgeo regions``: the complex of a network on a box, or in all of space."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from specgeo._display import counted
from specgeo.cli.files import Write, check_files, emit, figure_argument, figure_plan
from specgeo.cli.options import Commands, domain_arguments, load_on_domain, network_argument
from specgeo.cli.work import enumerate_within, working


def add(commands: Commands) -> None:
    parser = commands.add(
        "regions", run, "enumerate the activation regions of a network on a box, or all of them",
        "specgeo regions examples/flower.onnx --box -1 1 --figure regions.png",
        "specgeo regions examples/flower.onnx --whole-space",
    )  # fmt: skip
    network_argument(parser)
    domain_arguments(parser, space=True)
    parser.add_argument("--save", metavar="FILE.npz", help="write the complex; specgeo.load_complex reads it")
    figure_argument(parser, "draw the cells, dimension 1 to 3", "--map")
    parser.add_argument("--color", choices=["value", "gradient"], help="colouring of the figure (default value)")


def run(arguments: argparse.Namespace) -> int:
    import numpy as np

    from specgeo.errors import UnsupportedError

    check_files(arguments, (".npz",))
    net, domain = load_on_domain(arguments)
    if arguments.figure and domain.dim > 3:
        dim = domain.dim
        raise UnsupportedError(f"--figure: dimension {dim} cannot be drawn; vary one to three inputs with --axes")
    disk = arguments.whole_space and domain.dim == 2
    if disk and arguments.color == "value":
        raise UnsupportedError("--color: values on a whole plane are unbounded, its cells have the colour of gradients")
    started = time.perf_counter()
    with working(arguments) as progress:
        cx = enumerate_within(arguments, net, domain, progress)
    seconds = time.perf_counter() - started
    finite = cx.volumes[np.isfinite(cx.volumes)]
    smallest = float(finite.min()) if len(finite) else None
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
        f"{net!r} on {domain!r}",
        f"  {counted(cx.n_cells, 'activation region')}, {counted(cx.n_linear_regions, 'linear region')}",
        f"  faces: {_by_dimension(cx.f_vector)}",
    ]
    if arguments.whole_space:
        data |= {"bounded": list(cx.bounded_f_vector), "at_infinity": list(cx.f_vector_at_infinity)}
        text.append(f"  bounded: {_by_dimension(cx.bounded_f_vector)}")
    text += [
        f"  smallest cell: {smallest:.3g}" if smallest is not None else "  no cell is bounded",
        f"  {cx.certificate}",
        f"  {seconds:.2f} s, compilation included",
    ]
    color = {"color": arguments.color or "value"} if cx.dim == 2 and not disk else {}
    which = {"outputs": [arguments.output]} if cx.dim == 1 else {"output": arguments.output}
    draw = figure_plan(arguments, lambda: cx.plot(**which, **color))
    emit(arguments, lambda: data, "\n".join(text), [*complex_plan(arguments, cx), *draw])
    return 0


def _by_dimension(counts: Sequence[int]) -> str:
    return ", ".join(f"{n:,} of dimension {k}" for k, n in enumerate(counts))


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
