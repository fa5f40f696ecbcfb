"""Wavevectors from the command line (listed, on a grid, from a file), and the table of a transform at them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NamedTuple

from specgeo._display import counted
from specgeo.cli.files import Write, figure_argument, figure_plan, table_plan
from specgeo.cli.inputs import FILES, key_argument, read_rows
from specgeo.cli.options import number

if TYPE_CHECKING:
    from specgeo._cast import ComplexArray, FloatArray

MOST_ROWS = 40  # printed


class Wavevectors(NamedTuple):
    """Points (n, d); for a grid its ticks along each axis, so that n is the product of their numbers."""

    k: FloatArray
    ticks: tuple[FloatArray, ...] | None


def wavevector_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to evaluate, and the files that take the values."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--k", action="append", nargs="+", type=number, metavar="K",
        help="components of one wavevector, in angular units; may be given many times",
    )  # fmt: skip
    where.add_argument(
        "--grid", action="append", nargs=3, type=number, metavar=("LO", "HI", "N"),
        help="N equidistant values from LO to HI; once for all axes, or once for each",
    )  # fmt: skip
    where.add_argument("--k-file", metavar="FILE", help=f"wavevectors: {FILES}")
    key_argument(parser)
    parser.add_argument("--save", metavar="FILE", help="write wavevectors, values and errors as .csv or .npz")
    figure_argument(parser, "draw the amplitudes: a map on a grid of dimension 2, else over |k|")


def read_wavevectors(arguments: argparse.Namespace, dim: int) -> Wavevectors:
    """The wavevectors asked for, of ``dim`` components."""
    import numpy as np

    from specgeo.errors import InvalidInputError

    if arguments.k_file is not None:
        return Wavevectors(read_rows(arguments.k_file, "--k-file", dim, arguments.key), None)
    if arguments.key is not None:
        raise InvalidInputError("--key: has no effect without --k-file; drop it")
    if arguments.k is not None:
        wrong = next((k for k in arguments.k if len(k) != dim), None)
        if wrong is not None:
            raise InvalidInputError(
                f"--k: {counted(len(wrong), 'number')} given; give {counted(dim, 'component')} for each wavevector"
            )
        return Wavevectors(np.array(arguments.k), None)
    return _grid(arguments.grid, dim)


def _grid(given: list[list[float]], dim: int) -> Wavevectors:
    import numpy as np

    from specgeo._budget import afford
    from specgeo.errors import InvalidInputError

    if len(given) not in (1, dim):
        raise InvalidInputError(f"--grid: given {len(given)} times; give it once, or {dim} times (once an axis)")
    for low, high, count in given:
        if not (np.isfinite([low, high]).all() and count >= 1 and count == int(count)):
            raise InvalidInputError(f"--grid: {low:g} {high:g} {count:g} given; LO, HI and a whole number wanted")
        if (low < high) != (count > 1):
            raise InvalidInputError(
                f"--grid: {low:g} {high:g} {count:g} given; LO must be below HI, or equal it where N is 1"
            )
    axes = given * dim if len(given) == 1 else given
    total = float(np.prod([count for *_, count in axes]))
    afford(16.0 * total * dim, f"--grid: {total:,.0f} wavevectors", "give a smaller N")
    ticks = tuple(np.linspace(low, high, int(count)) for low, high, count in axes)
    return Wavevectors(np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, dim), ticks)


def check_figure(arguments: argparse.Namespace, where: Wavevectors) -> None:
    """Refuse a figure of one wavelength before the work."""
    import numpy as np

    from specgeo.errors import InvalidInputError

    lengths = np.linalg.norm(where.k, axis=1)
    if arguments.figure and len(np.unique(lengths[lengths > 0.0])) < 2:
        raise InvalidInputError("--figure: needs wavevectors of two lengths at least, 0 not counted; give more")


def text_of(k: FloatArray, values: ComplexArray, error: FloatArray) -> str:
    """The table, its beginning where it is long."""
    lines = ["".join(f"{f'k_{j}':>10s}" for j in range(k.shape[1])) + f" {'real':>20s} {'imag':>20s}  error"]
    for row, value, bound in zip(k[:MOST_ROWS], values, error, strict=False):
        numbers = "".join(f"{v:10.4g}" for v in row)
        lines.append(f"{numbers} {value.real:20.13e} {value.imag:20.13e}  {bound:.0e}")
    if len(k) > MOST_ROWS:
        lines.append(f"... and {len(k) - MOST_ROWS:,} more; --save FILE.csv or --json has all")
    return "\n".join(lines)


def data_of(k: FloatArray, values: ComplexArray, error: FloatArray) -> dict[str, Any]:
    """The table as plain lists."""
    return {
        "k": k.tolist(),
        "real": values.real.tolist(),
        "imag": values.imag.tolist(),
        "error_bound": error.tolist(),
    }


def plan(
    arguments: argparse.Namespace, where: Wavevectors, values: ComplexArray, error: FloatArray, title: str
) -> list[Write]:
    """The table and the figure, where they are wanted."""
    columns = {f"k_{j}": where.k[:, j] for j in range(where.k.shape[1])}
    columns |= {"real": values.real, "imag": values.imag, "error": error}
    table = table_plan(arguments, columns, {"k": where.k, "values": values, "error": error})

    def draw() -> Any:
        from specgeo.cli.figures import amplitude_map
        from specgeo.plotting import spectrum_plot

        if where.ticks is not None and len(where.ticks) == 2 and min(map(len, where.ticks)) > 1:
            return amplitude_map(where.ticks, values, title)
        return spectrum_plot(where.k, values, title=title)

    return [*table, *figure_plan(arguments, draw)]
