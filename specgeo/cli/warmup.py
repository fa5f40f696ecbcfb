"""``specgeo warmup``: the kernels, compiled beforehand."""

from __future__ import annotations

import argparse
import sys

from specgeo.cli.files import emit
from specgeo.cli.options import Commands


def add(commands: Commands) -> None:
    commands.add("warmup", run, "compile the kernels into the cache", "specgeo warmup")


def run(arguments: argparse.Namespace) -> int:
    from specgeo import warmup

    def show(message: str, fraction: float) -> None:
        if not arguments.quiet:
            print(f"[{fraction:4.0%}] {message}", file=sys.stderr, flush=True)

    seconds = warmup(progress=show)
    emit(arguments, lambda: {"seconds": seconds}, f"the kernels are compiled ({seconds:.1f} s)")
    return 0
