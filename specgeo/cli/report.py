"""``specgeo report``: the main job."""

from __future__ import annotations

import argparse
from pathlib import Path

from specgeo.cli.files import check_files, emit
from specgeo.cli.options import Commands, domain_arguments, load_on_box, network_argument, whole
from specgeo.cli.work import working


def add(commands: Commands) -> None:
    parser = commands.add(
        "report", run, "the main job: complex, analytic spectrum, comparison with a sampled FFT, O(k^-2) check",
        "specgeo report examples/flower.onnx --box -1 1 --out report",
    )  # fmt: skip
    network_argument(parser)
    domain_arguments(parser)
    parser.add_argument("--samples", type=whole, metavar="N", help="samples of the FFT a period and axis (even)")
    parser.add_argument("--out", metavar="FOLDER", help="write report.json and figures there")


def run(arguments: argparse.Namespace) -> int:
    from specgeo.report import spectral_report

    net, box = load_on_box(arguments)
    check_files(arguments)
    with working(arguments, transforms=True) as progress:
        report = spectral_report(
            net,
            box,
            output=arguments.output,
            samples=arguments.samples,
            progress=progress,
            max_cells=arguments.max_cells,
            max_bytes=arguments.max_bytes,
            name=Path(arguments.network).name,
        )
    plan = [lambda: report.write(arguments.out)] if arguments.out else []
    emit(arguments, report.to_dict, str(report), plan)
    return 0 if report.holds else 1
