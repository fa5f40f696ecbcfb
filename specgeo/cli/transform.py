"""``specgeo transform``: the transform of a polygon or a polyhedron."""

from __future__ import annotations

import argparse
from pathlib import Path

from specgeo._display import counted
from specgeo.cli.files import check_files, emit
from specgeo.cli.options import Commands, number
from specgeo.cli.wavevectors import check_figure, data_of, plan, read_wavevectors, text_of, wavevector_arguments
from specgeo.cli.work import working


def add(commands: Commands) -> None:
    parser = commands.add(
        "transform", run, "evaluate the transform int_P exp(-i k.x) dx of a polygon or polyhedron at wavevectors",
        "specgeo transform cube.stl --k 0 0 0 --k 1 2 3",
        "specgeo transform land.geojson --grid -5 5 101 --save land.csv --figure land.png",
    )  # fmt: skip
    parser.set_defaults(names={"polytope": "shape", "path": "shape"})
    parser.add_argument("shape", help="file: polygons (.geojson, .json, .wkt) or a closed surface (.obj, .ply, .stl)")
    wavevector_arguments(parser)
    parser.add_argument("--density", type=number, default=1.0, metavar="RHO", help="density of the shape (default 1)")
    parser.add_argument("--flip", action="store_true", help="turn all faces of a surface that is inside out")


def run(arguments: argparse.Namespace) -> int:
    import numpy as np

    from specgeo.errors import DomainError, InvalidInputError
    from specgeo.fourier import polytope_transform
    from specgeo.readers import read_shape

    check_files(arguments)
    shape = read_shape(arguments.shape)
    dim = 3 if isinstance(shape, tuple) else 2
    if arguments.flip:
        if not isinstance(shape, tuple):
            raise InvalidInputError("--flip: polygons have no inside out; drop it")
        shape = shape[0], [face[::-1] for face in shape[1]]
    where = read_wavevectors(arguments, dim)
    check_figure(arguments, where)
    with working(arguments, enumerates=False):
        try:
            origin, _ = polytope_transform(shape, np.zeros((1, dim)), return_error=True)
        except DomainError as fault:
            turned = " (--flip turns all)" if "counter-clockwise" in str(fault) else ""
            raise DomainError(f"{fault}{turned}") from fault
        values, error = polytope_transform(shape, where.k, arguments.density, return_error=True)
    size, name = float(origin[0].real), Path(arguments.shape).name
    if isinstance(shape, tuple):
        parts = f"{counted(len(shape[0]), 'vertex', 'vertices')}, {counted(len(shape[1]), 'face')}"
    else:
        parts = counted(_rings(shape), "polygon")
    what = "volume" if dim == 3 else "area"
    data = {"shape": name, what: size, "density": arguments.density, **data_of(where.k, values, error)}
    text = f"{name}: {parts}, {what} {size:.12g}\n{text_of(where.k, values, error)}"
    emit(arguments, lambda: data, text, plan(arguments, where, values, error, name))
    return 0


def _rings(shape: object) -> int:
    """Polygons in a geometry, at any depth."""
    parts = getattr(shape, "geoms", None)
    return 1 if parts is None else sum(map(_rings, parts))
