"""``specgeo verify``: the theory of spectral bias, claim by claim."""

from __future__ import annotations

import argparse

from specgeo.cli.files import check_files, emit
from specgeo.cli.options import Commands, domain_arguments, load_on_box, network_argument, number, whole
from specgeo.cli.work import working


def add(commands: Commands) -> None:
    parser = commands.add(
        "verify", run, "check the theory of spectral bias on a network: every claim with bound and slack",
        "specgeo verify examples/sines.onnx --box 0 1 --out theory",
    )  # fmt: skip
    network_argument(parser)
    domain_arguments(parser)
    parser.add_argument("--out", metavar="FOLDER", help="write verify.json and verify.html there")
    parser.add_argument(
        "--max-simplices", type=whole, default=1_000_000, metavar="N",
        help="a claim that takes a triangulation of more than this is not checked (default 1000000)",
    )  # fmt: skip
    parser.add_argument(
        "--max-seconds", type=number, default=120.0, metavar="S",
        help="about the time that the whole may take; claims that need more are not checked (default 120)",
    )  # fmt: skip
    parser.add_argument("--seed", type=whole, default=0, help="seed of what is sampled (default 0)")


def run(arguments: argparse.Namespace) -> int:
    from specgeo import verify

    net, box = load_on_box(arguments)
    check_files(arguments)
    with working(arguments, transforms=True) as progress:
        report = verify(
            net,
            box,
            progress=progress,
            rng=arguments.seed,
            output=arguments.output,
            max_cells=arguments.max_cells,
            max_bytes=arguments.max_bytes,
            max_simplices=arguments.max_simplices,
            max_seconds=arguments.max_seconds,
        )
    plan = [lambda: report.write(arguments.out)] if arguments.out else []
    emit(arguments, report.to_dict, str(report), plan)
    return 0 if report.holds else 1
