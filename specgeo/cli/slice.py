"""``specgeo slice``: a network of many inputs on the line through two of them, or the plane through three."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from specgeo._display import counted
from specgeo.cli.files import check_files, emit, figure_argument, figure_plan
from specgeo.cli.inputs import pick_arguments, picked
from specgeo.cli.options import Commands, check_output_number, load, network_argument, number, output_argument, whole
from specgeo.cli.regions import complex_plan
from specgeo.cli.work import enumerate_within, working

if TYPE_CHECKING:
    from specgeo._cast import FloatArray


def add(commands: Commands) -> None:
    parser = commands.add(
        "slice", run, "look at a network on the line through two inputs, or the plane through three",
        "specgeo slice net.onnx --through images.npz --pick 0 5 9 --figure slice.png",
        "specgeo slice net.nnet --point 0 0 0 0 0 --point 1 0 0 0.5 0",
        more="Point 0 is at t = 0, point i at the i-th unit vector. Drawn are the regions, the classes (of one output:"
        " its sign) with the decision boundary, and the points.",
    )  # fmt: skip
    parser.set_defaults(names={"points": "--through", "domain": "--margin", "Network.restrict": "--through"})
    network_argument(parser)
    pick_arguments(parser, "--through", "the inputs from a file")
    parser.add_argument(
        "--point", action="append", nargs="+", type=number, metavar="X", help="one input; give it two or three times"
    )
    parser.add_argument(
        "--margin", type=number, default=0.5, metavar="M", help="t runs from -M to 1 + M on each axis (default 0.5)"
    )
    output_argument(parser)
    parser.add_argument(
        "--color", choices=["class", "value", "gradient"], default="class", help="colouring of the figure"
    )
    parser.add_argument("--max-cells", type=whole, metavar="N", help="stop when there are more cells than this")
    parser.add_argument("--save", metavar="FILE.npz", help="write the complex; specgeo.load_complex reads it")
    figure_argument(parser, "draw the slice")


def run(arguments: argparse.Namespace) -> int:
    import numpy as np

    from specgeo.domain import Box
    from specgeo.errors import InvalidInputError
    from specgeo.paths import classify, decision_regions
    from specgeo.slices import AffineSlice

    check_files(arguments, (".npz",))
    whole_net = load(arguments)
    check_output_number(arguments, whole_net)
    if not 0.0 <= arguments.margin < np.inf:
        raise InvalidInputError(f"--margin: {arguments.margin:g} given; pass 0 or more, so that the points are in it")
    points = _points(arguments, whole_net.input_dim)
    where = AffineSlice.through(points)
    box = Box(-arguments.margin, 1.0 + arguments.margin, dim=where.dim)
    net = whole_net.restrict(where)
    with working(arguments) as progress:
        cx = enumerate_within(arguments, net, box, progress)
        regions = decision_regions(net, box, arguments.max_cells, progress, arguments.max_bytes)
    classes = np.atleast_1d(classify(whole_net, points))
    places = np.vstack([np.zeros(where.dim), np.eye(where.dim)])
    names = [f"row {i}" for i in arguments.pick] if arguments.pick else [f"point {i}" for i in range(len(points))]
    data: dict[str, Any] = {
        "network": repr(whole_net),
        "points": {"t": places.tolist(), "class": classes.tolist(), "name": names},
        "distances": np.linalg.norm(points[1:] - points[0], axis=1).tolist(),
        "cells": cx.n_cells,
        "linear_regions": cx.n_linear_regions,
        "certificate": cx.certificate.to_dict(),
        "decision_regions": regions.to_dict(),
    }
    lines = [
        f"{whole_net!r} on the {'line' if where.dim == 1 else 'plane'} through {', '.join(names)}",
        *(f"  {n}: t = {t.tolist()}, class {c}" for n, t, c in zip(names, places, classes, strict=True)),
        f"  {counted(cx.n_cells, 'activation region')}, {counted(cx.n_linear_regions, 'linear region')} for t in "
        f"[{-arguments.margin:g}, {1 + arguments.margin:g}]{'^2' * (where.dim == 2)}",
        *(f"  {line}" for line in str(regions).splitlines()),
        f"  {cx.certificate}",
    ]

    def draw() -> Any:
        from specgeo.cli.figures import slice_figure

        return slice_figure(cx, regions, places, names, arguments.color, arguments.output)

    emit(arguments, lambda: data, "\n".join(lines), [*complex_plan(arguments, cx), *figure_plan(arguments, draw)])
    return 0


def _points(arguments: argparse.Namespace, dim: int) -> FloatArray:
    """Two or three inputs, given as numbers or picked from a file."""
    import numpy as np

    from specgeo.errors import InvalidInputError

    if (arguments.through is None) == (arguments.point is None):
        raise InvalidInputError("--through: give either a file (and --pick), or two or three times --point")
    if arguments.through is not None:
        return picked(arguments, "--through", arguments.through, dim, (2, 3))
    for option in ("pick", "key"):
        if getattr(arguments, option) is not None:
            raise InvalidInputError(f"--{option}: has no effect without --through; drop it")
    if len(arguments.point) not in (2, 3):
        raise InvalidInputError(f"--point: given {len(arguments.point)} times; give it two or three times")
    for point in arguments.point:
        if len(point) != dim:
            raise InvalidInputError(f"--point: {counted(len(point), 'number')} given, {dim} wanted (one an input)")
    return np.array(arguments.point)
