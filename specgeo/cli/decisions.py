"""``specgeo decisions``: the decision regions of a network on a box."""

from __future__ import annotations

import argparse
from typing import Any

from specgeo.cli.files import TABLES, check_files, emit, figure_argument, figure_plan, table_plan
from specgeo.cli.options import Commands, domain_arguments, load_on_box, network_argument
from specgeo.cli.work import working


def add(commands: Commands) -> None:
    parser = commands.add(
        "decisions", run, "find the connected components of all classes on a box, with their sizes",
        "specgeo decisions examples/flower.onnx --box -1 1 --figure classes.png --save components.csv",
        more="The class is the largest output; of one output, its sign.",
    )  # fmt: skip
    network_argument(parser)
    domain_arguments(parser, output=False)
    parser.add_argument("--save", metavar="FILE", help="write the components, one a row, as .csv or .npz")
    parser.add_argument("--smallest", action="store_true", help="the class is the smallest output: outputs are costs")
    parser.add_argument(
        "--class-names", metavar="A,B,...", type=lambda text: text.split(","), help="names of the classes, with commas"
    )
    figure_argument(parser, "draw the components (dimension 2), or their sizes")


def run(arguments: argparse.Namespace) -> int:
    from specgeo.paths import decision_regions

    check_files(arguments, TABLES)
    net, box = load_on_box(arguments)
    with working(arguments) as progress:
        regions = decision_regions(
            net, box, arguments.max_cells, progress, arguments.max_bytes,
            smallest=arguments.smallest, class_names=arguments.class_names,
        )  # fmt: skip
    columns: dict[str, Any] = {
        "class": regions.labels,
        "enclosed": regions.enclosed,
        "cells": regions.n_cells,
        "measure": regions.measures,
        "boundary": regions.boundary_measures,
        "decision_boundary": regions.interface_measures,
    }
    text = f"{net!r} on {box!r}\n{regions}"
    plan = [*table_plan(arguments, columns), *figure_plan(arguments, regions.plot)]
    emit(arguments, regions.to_dict, text, plan)
    return 0
