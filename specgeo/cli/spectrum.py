"""``specgeo spectrum``: the transform of a network on a box."""

from __future__ import annotations

import argparse
from pathlib import Path

from specgeo.cli.files import check_files, emit
from specgeo.cli.options import Commands, domain_arguments, load_on_box, network_argument
from specgeo.cli.wavevectors import check_figure, data_of, plan, read_wavevectors, text_of, wavevector_arguments
from specgeo.cli.work import enumerate_within, working


def add(commands: Commands) -> None:
    parser = commands.add(
        "spectrum", run, "evaluate the transform int f(x) exp(-i k.x) dx at wavevectors",
        "specgeo spectrum examples/flower.onnx --box -1 1 --k 0 3.5 --k 10 10",
        "specgeo spectrum examples/flower.onnx --box -1 1 --grid -60 60 121 --save f.csv --figure f.png",
    )  # fmt: skip
    network_argument(parser)
    domain_arguments(parser)
    wavevector_arguments(parser)
    parser.add_argument(
        "--boundary", choices=["cut", "interior"], default="cut", help="f cut off outside the box, or its kinks only"
    )


def run(arguments: argparse.Namespace) -> int:
    from specgeo.fourier import spectrum

    check_files(arguments)
    net, box = load_on_box(arguments)
    where = read_wavevectors(arguments, box.dim)
    check_figure(arguments, where)
    with working(arguments, transforms=True) as progress:
        cx = enumerate_within(arguments, net, box, progress)
        values, error = spectrum(cx, where.k, boundary=arguments.boundary, return_error=True, progress=progress)
    values, error = values[:, arguments.output], error[:, arguments.output]
    data = {"network": repr(net), "boundary": arguments.boundary, **data_of(where.k, values, error)}
    name = Path(arguments.network).name
    title = f"{name}, output {arguments.output}" if net.output_dim > 1 else name
    emit(arguments, lambda: data, text_of(where.k, values, error), plan(arguments, where, values, error, title))
    return 0
