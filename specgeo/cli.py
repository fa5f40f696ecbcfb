"""The command ``specgeo``.

Exit codes: 0 when all is well, 1 when a claim fails, 2 for bad input (one line on stderr).
Results go to stdout, progress to stderr.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specgeo._compile import compile_ahead
from specgeo._process import discard_output, own_process
from specgeo._progress import Progress

if TYPE_CHECKING:
    from specgeo.domain import Box
    from specgeo.network import Network

EXAMPLES = """\
examples:
  specgeo info net.onnx
  specgeo report examples/flower.onnx --box -1 1 --out report
  specgeo regions net.npz --box -1 1 -2 2 --map regions.png
  specgeo regions acas.nnet --axes 0 1 --box -0.5 0.5 --json
  specgeo spectrum net.onnx --box 0 1 --k 0 1.5 --k 0 3
  specgeo verify net.onnx --box -1 1 --out theory

exit codes: 0 all is well, 1 a claim fails, 2 bad input
"""

OPTIONS = {
    "axes": "--axes",
    "domain": "--box",
    "exact": "arithmetic",
    "k": "--k",
    "lower": "--box, lower bounds",
    "max_bytes": "--max-bytes",
    "max_cells": "--max-cells",
    "max_seconds": "--max-seconds",
    "max_simplices": "--max-simplices",
    "n_samples": "--samples",
    "Network.restrict": "--axes",
    "origin": "--origin",
    "output": "--output",
    "map": "--map",
    "folder": "--out",
    "path": "network",
    "rng": "--seed",
    "upper": "--box, upper bounds",
}
"""What users gave for the arguments that the messages of the library name."""

BOX_HELP = "LO HI for all inputs, or one pair for each input"


def _parser() -> argparse.ArgumentParser:
    from specgeo import __version__

    parser = argparse.ArgumentParser(
        prog="specgeo",
        description="Exact piecewise-linear geometry and analytic spectra of ReLU networks.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"specgeo {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str, example: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        sub.set_defaults(run=run)
        sub.add_argument("--json", action="store_true", help="print JSON instead of text")
        sub.add_argument("--quiet", action="store_true", help="no progress on stderr")
        return sub

    info = add("info", _info, "describe a network file", "specgeo info examples/flower.onnx")
    _network_argument(info)
    regions = add(
        "regions", _regions, "enumerate the activation regions of a network on a box",
        "specgeo regions examples/flower.onnx --box -1 1 --map regions.png",
    )  # fmt: skip
    _network_arguments(regions)
    regions.add_argument("--save", metavar="FILE.npz", help="write the complex; specgeo.load_complex reads it")
    regions.add_argument("--map", metavar="FILE.png", help="draw the cells (dimension 1 or 2)")
    regions.add_argument("--color", choices=["value", "gradient"], default="value", help="colouring of the map")
    spectrum = add(
        "spectrum", _spectrum, "evaluate the transform int f(x) exp(-i k.x) dx at wavevectors",
        "specgeo spectrum examples/flower.onnx --box -1 1 --k 0 3.5 --k 10 10",
    )  # fmt: skip
    _network_arguments(spectrum)
    spectrum.add_argument(
        "--k", action="append", nargs="+", type=float, metavar="K", required=True,
        help="components of one wavevector, in angular units; may be given many times",
    )  # fmt: skip
    spectrum.add_argument(
        "--boundary", choices=["cut", "interior"], default="cut", help="f cut off outside the box, or its kinks only"
    )
    report = add(
        "report", _report, "the main job: complex, analytic spectrum, comparison with a sampled FFT, O(k^-2) check",
        "specgeo report examples/flower.onnx --box -1 1 --out report",
    )  # fmt: skip
    _network_arguments(report)
    report.add_argument("--samples", type=int, metavar="N", help="samples of the FFT a period and axis (even)")
    report.add_argument("--out", metavar="FOLDER", help="write report.json and figures there")
    verify = add(
        "verify", _verify, "check the theory of spectral bias on a network: every claim with bound and slack",
        "specgeo verify examples/sines.onnx --box 0 1 --out theory",
    )  # fmt: skip
    _network_arguments(verify)
    verify.add_argument("--out", metavar="FOLDER", help="write verify.json and verify.html there")
    verify.add_argument(
        "--max-simplices", type=int, default=1_000_000, metavar="N",
        help="a claim that takes a triangulation of more than this is not checked (default 1000000)",
    )  # fmt: skip
    verify.add_argument(
        "--max-seconds", type=float, default=120.0, metavar="S",
        help="about the time that the whole may take; claims that need more are not checked (default 120)",
    )  # fmt: skip
    verify.add_argument("--seed", type=int, default=0, help="seed of what is sampled (default 0)")
    add("warmup", _warmup, "compile the kernels into the cache", "specgeo warmup")
    return parser


def _network_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", help="file: .onnx, .npz or .nnet")
    parser.add_argument(
        "--physical", action="store_true", help="inputs and outputs of a .nnet file in physical, not normalised, units"
    )
    parser.add_argument("--max-bytes", type=int, metavar="N", help="stop when more memory than this is needed")


def _network_arguments(parser: argparse.ArgumentParser) -> None:
    _network_argument(parser)
    parser.add_argument("--box", nargs="+", type=float, required=True, metavar="B", help=BOX_HELP)
    parser.add_argument("--axes", nargs="+", type=int, metavar="I", help="vary these inputs only (from 0)")
    parser.add_argument("--origin", nargs="+", type=float, metavar="X", help="the other inputs (default 0)")
    parser.add_argument("--output", type=int, default=0, metavar="J", help="output of the network (default 0)")
    parser.add_argument("--max-cells", type=int, metavar="N", help="stop when there are more cells than this")


def _load(arguments: argparse.Namespace) -> Network:
    from specgeo.errors import InvalidInputError
    from specgeo.readers import read_network

    if not arguments.physical:
        return read_network(arguments.network, max_bytes=arguments.max_bytes)
    if Path(arguments.network).suffix.lower() != ".nnet":
        raise InvalidInputError("--physical: only .nnet files have a normalisation in their header")
    return read_network(arguments.network, normalized=False, max_bytes=arguments.max_bytes)


def _load_on_box(arguments: argparse.Namespace) -> tuple[Network, Box]:
    from specgeo.domain import AffineSlice, Box
    from specgeo.errors import InvalidInputError

    net = _load(arguments)
    if arguments.axes is not None:
        origin = [0.0] * net.input_dim if arguments.origin is None else arguments.origin
        if len(origin) != net.input_dim:
            raise InvalidInputError(f"--origin: {len(origin)} numbers given, {net.input_dim} wanted (one an input)")
        net = net.restrict(AffineSlice.axes(arguments.axes, origin))
    elif arguments.origin is not None:
        raise InvalidInputError("--origin: has no effect without --axes; say which inputs vary")
    numbers, dim = arguments.box, net.input_dim
    if len(numbers) == 2:
        numbers = numbers * dim
    if len(numbers) != 2 * dim:
        raise InvalidInputError(f"--box: {len(numbers)} numbers given; give LO HI, or {dim} pairs (one an input)")
    if not 0 <= arguments.output < net.output_dim:
        raise InvalidInputError(f"--output: {arguments.output} given; the outputs are 0 to {net.output_dim - 1}")
    box = Box(numbers[0::2], numbers[1::2])
    _check_outputs(arguments, box.dim)
    return net, box


def _check_outputs(arguments: argparse.Namespace, dim: int) -> None:
    """Refuse what cannot be written or drawn before the work begins."""
    from specgeo._files import as_path, check_file, make_folder
    from specgeo.errors import InvalidInputError, UnsupportedError

    given: dict[str, Path] = {}
    for name in ("save", "map", "out"):
        if (words := getattr(arguments, name, None)) is not None:
            if not words:
                raise InvalidInputError(f"--{name}: an empty name given; name a file or folder")
            given[name] = as_path(words, f"--{name}")
    for name, path in given.items():
        (make_folder if name == "out" else check_file)(path, f"--{name}")
    if "map" in given:
        from specgeo.plotting import new_figure

        if dim > 2:
            raise UnsupportedError(f"--map: dimension {dim} cannot be drawn; vary two inputs with --axes")
        suffix, known = given["map"].suffix, new_figure()[0].canvas.get_supported_filetypes()
        if suffix[1:].lower() not in known:
            raise InvalidInputError(f"--map: files {suffix!r} cannot be drawn; use one of .{', .'.join(sorted(known))}")


def _emit(
    arguments: argparse.Namespace,
    data: Callable[[], dict[str, Any]],
    text: str,
    write: Callable[[], list[Path]] = list,
) -> None:
    """Print, then write files: neither a full disk nor a closed pipe takes both."""
    try:
        print(json.dumps(data(), indent=1) if arguments.json else text)
    finally:
        written = write()
    if written and not arguments.json:
        print(f"written: {', '.join(map(str, written))}")


def _info(arguments: argparse.Namespace) -> int:
    import numpy as np

    net = _load(arguments)
    layers = [
        {
            "width": int(weight.shape[0]),
            "activation": activation.name if activation else "output",
            "spectral_norm": float(np.linalg.norm(weight, 2)),
            "largest_weight": float(np.abs(weight).max()),
            "zeros": int(np.count_nonzero(weight == 0.0)),
        }
        for weight, activation in zip(net.weights, [*net.activations, None], strict=True)
    ]
    data: dict[str, Any] = {
        "network": repr(net),
        "inputs": net.input_dim,
        "outputs": net.output_dim,
        "hidden_widths": list(net.hidden_widths),
        "units": net.n_units,
        "parameters": sum(w.size + b.size for w, b in zip(net.weights, net.biases, strict=True)),
        "layers": layers,
    }
    lines = [
        f"{arguments.network}: {net!r}",
        f"  {net.input_dim} inputs, {net.output_dim} outputs, {net.n_units} units, {data['parameters']:,} parameters",
        "  layer  width  activation    spectral norm  largest weight  zeros",
    ]
    for number, row in enumerate(layers, start=1):
        lines.append(
            f"  {number:5d}  {row['width']:5d}  {row['activation']:12s}  {row['spectral_norm']:13.6g}  "
            f"{row['largest_weight']:14.6g}  {row['zeros']:5d}"
        )
    _emit(arguments, lambda: data, "\n".join(lines))
    return 0


def _regions(arguments: argparse.Namespace) -> int:
    from specgeo.enumeration import enumerate_regions
    from specgeo.errors import InvalidInputError

    net, box = _load_on_box(arguments)
    started = time.perf_counter()
    with compile_ahead(), Progress(arguments.quiet) as progress:
        cx = enumerate_regions(
            net, box, progress=progress, max_cells=arguments.max_cells, max_bytes=arguments.max_bytes
        )
    seconds = time.perf_counter() - started
    data = {
        "network": repr(net),
        "f_vector": list(cx.f_vector),
        "cells": cx.n_cells,
        "linear_regions": cx.n_linear_regions,
        "euler_characteristic": cx.euler_characteristic,
        "smallest_cell": float(cx.volumes.min()),
        "certificate": cx.certificate.to_dict(),
        "seconds": seconds,
    }
    faces = ", ".join(f"{n:,} of dimension {k}" for k, n in enumerate(cx.f_vector))
    text = [
        f"{net!r} on {box!r}",
        f"  {cx.n_cells:,} activation regions, {cx.n_linear_regions:,} linear regions",
        f"  faces: {faces}",
        f"  smallest cell: {cx.volumes.min():.3g}",
        f"  {cx.certificate}",
        f"  {seconds:.2f} s, compilation included",
    ]

    def write() -> list[Path]:
        if arguments.save:
            try:
                cx.save(arguments.save)
            except InvalidInputError as error:
                raise InvalidInputError(str(error).replace("path:", "--save:", 1)) from error
        if arguments.map:
            from specgeo._files import write_bytes
            from specgeo.plotting import function_plot, region_map, rendered

            figure = (
                function_plot(cx, outputs=[arguments.output], names=net.input_names)
                if cx.dim == 1
                else region_map(cx, color=arguments.color, output=arguments.output, names=net.input_names)
            )
            path = Path(arguments.map)
            write_bytes(path, rendered(figure, path.suffix[1:].lower(), dpi=160, bbox_inches="tight"), "map")
        return [Path(path) for path in (arguments.save, arguments.map) if path]

    _emit(arguments, lambda: data, "\n".join(text), write)
    return 0


def _spectrum(arguments: argparse.Namespace) -> int:
    import numpy as np

    from specgeo.enumeration import enumerate_regions
    from specgeo.errors import InvalidInputError
    from specgeo.fourier import spectrum

    net, box = _load_on_box(arguments)
    if any(len(k) != box.dim for k in arguments.k):
        raise InvalidInputError(f"--k: give {box.dim} components for each wavevector")
    k = np.array(arguments.k)
    with compile_ahead(), Progress(arguments.quiet) as progress:
        cx = enumerate_regions(
            net, box, progress=progress, max_cells=arguments.max_cells, max_bytes=arguments.max_bytes
        )
        values, error = spectrum(cx, k, boundary=arguments.boundary, return_error=True)
    values, error = values[:, arguments.output], error[:, arguments.output]
    data = {
        "network": repr(net),
        "boundary": arguments.boundary,
        "k": k.tolist(),
        "real": values.real.tolist(),
        "imag": values.imag.tolist(),
        "error_bound": error.tolist(),
    }
    lines = ["".join(f"{f'k{j + 1}':>12s}" for j in range(box.dim)) + f"{'real':>22s} {'imag':>20s}   error"]
    for row, value, bound in zip(k, values, error, strict=True):
        numbers = "".join(f"{v:12.5g}" for v in row)
        lines.append(f"{numbers}  {value.real:20.13e} {value.imag:20.13e}  {bound:.0e}")
    _emit(arguments, lambda: data, "\n".join(lines))
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from specgeo.report import spectral_report

    net, box = _load_on_box(arguments)
    with compile_ahead(), Progress(arguments.quiet) as progress:
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
    _emit(arguments, report.to_dict, str(report), lambda: report.write(arguments.out) if arguments.out else [])
    return 0 if report.holds else 1


def _verify(arguments: argparse.Namespace) -> int:
    from specgeo import verify

    net, box = _load_on_box(arguments)
    with compile_ahead(), Progress(arguments.quiet) as progress:
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
    _emit(arguments, report.to_dict, str(report), lambda: report.write(arguments.out) if arguments.out else [])
    return 0 if report.holds else 1


def _warmup(arguments: argparse.Namespace) -> int:
    from specgeo import warmup

    def show(message: str, fraction: float) -> None:
        if not arguments.quiet:
            print(f"[{fraction:4.0%}] {message}", file=sys.stderr, flush=True)

    seconds = warmup(progress=show)
    _emit(arguments, lambda: {"seconds": seconds}, f"the kernels are compiled ({seconds:.1f} s)")
    return 0


def _is_negative(word: str) -> bool:
    try:
        return word.startswith("-") and float(word) <= 0.0
    except ValueError:
        return False


def _in_options(message: str) -> str:
    """A message of the library in one line, with options in place of arguments."""
    head, colon, rest = " ".join(message.split()).partition(":")
    heads = ", ".join(dict.fromkeys(OPTIONS.get(name, name) for name in head.split(", ")))
    names = r"max_cells|max_bytes|max_seconds|max_simplices|n_samples|Network\.restrict"
    return heads + colon + re.sub(names, lambda m: OPTIONS[m[0]], rest)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    from specgeo.errors import SpecgeoError, one_line

    if argv is None:
        own_process()
    words = sys.argv[1:] if argv is None else argv
    # argparse takes -1e-3 and -inf for options; with a space in front it does not
    arguments = _parser().parse_args([f" {w}" if _is_negative(w) else w for w in words])
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except SpecgeoError as error:
        print(f"specgeo: error: {_in_options(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe (head, less) has gone
        discard_output()
        return 0
    except OSError as error:
        discard_output()
        print(f"specgeo: error: {error}", file=sys.stderr)
        return 2
    except MemoryError:
        print("specgeo: error: memory ran out; shrink the box, or set --max-bytes to stop earlier", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("specgeo: interrupted", file=sys.stderr)
        return 130
    except Exception as error:  # a fault of specgeo's own; exit code 1 would say that a claim fails
        reason = one_line(f"{type(error).__name__}: {error}")
        print(f"specgeo: error: {reason}; this is a fault of specgeo, please report it", file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main())
