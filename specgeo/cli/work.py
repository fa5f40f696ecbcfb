"""What surrounds the work of a command: compilation in a second process, and progress on stderr."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from specgeo._compile import compile_ahead
from specgeo._progress import Progress

if TYPE_CHECKING:
    from specgeo.domain import Box, WholeSpace
    from specgeo.network import Network


@contextmanager
def working(arguments: argparse.Namespace, enumerates: bool = True, transforms: bool = False) -> Iterator[Progress]:
    """Progress for a command; where they have to be, kernels that it needs many of are compiled first."""
    with Progress(arguments.quiet) as progress, compile_ahead(transforms) if enumerates else nullcontext():
        yield progress


def enumerate_within(
    arguments: argparse.Namespace, net: Network, domain: Box | WholeSpace, progress: Progress
) -> Any:
    """The complex, within the budgets of the command: a `PolyhedralComplex`, or a `WholeSpaceComplex`."""
    from specgeo.enumeration import enumerate_regions

    return enumerate_regions(
        net, domain, progress=progress, max_cells=arguments.max_cells, max_bytes=arguments.max_bytes
    )
