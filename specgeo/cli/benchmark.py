"""``specgeo benchmark``: enumerators side by side, on named networks or one's own."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from specgeo.cli.files import Write, check_files, emit, figure_argument, figure_plan
from specgeo.cli.options import Commands, domain_arguments, load_on_box, network_argument, number, whole
from specgeo.cli.work import working

if TYPE_CHECKING:
    from specgeo.benchmark import Case, Comparison

SETS = ("quick", "table", "growth", "arrangements", "structured", "degenerate", "transforms")


def add(commands: Commands) -> None:
    parser = commands.add(
        "benchmark", run, "measure specgeo and other enumerators on the same networks: counts, seconds, memory",
        "specgeo benchmark",
        "specgeo benchmark net.onnx --box -1 1 --save out.json --plot out.png",
        "specgeo benchmark --set table degenerate --against regioncam affinitree",
        "specgeo benchmark net.npz --box -1 1 --against my_module:count",
        more="Each run has a process of its own and one thread. A yardstick is a forward pass, in chunks, at as many "
             "points as the complex has vertices, in turns with the engine.",
    )  # fmt: skip
    parser.set_defaults(names={"limit": "--limit", "repeats": "--repeats", "against": "--against"})
    network_argument(parser, optional=True)
    domain_arguments(parser, output=False, optional=True)
    parser.add_argument(
        "--set", nargs="+", choices=SETS, metavar="NAME", dest="sets",
        help=f"named networks ({', '.join(SETS)}); without a network file: quick and degenerate",
    )  # fmt: skip
    parser.add_argument(
        "--against", nargs="+", metavar="ENGINE",
        help="engines beside specgeo: regioncam, affinitree, relucent, float-only, streamed, threads, MODULE:FUNCTION, "
             "or none (default: those that are installed)",
    )  # fmt: skip
    parser.add_argument("--repeats", type=whole, default=5, metavar="N", help="least turns of each median (default 5)")
    parser.add_argument(
        "--limit", type=number, default=5.0, metavar="S", help="seconds for a call, and for its repeats (default 5)"
    )
    parser.add_argument("--save", metavar="FILE.json", help="write all that was measured, with the machine")
    figure_argument(parser, "draw cells against seconds", "--plot")


def run(arguments: argparse.Namespace) -> int:
    from specgeo.benchmark import compare, compare_spectra, compare_transforms

    check_files(arguments, (".json",))
    sets = arguments.sets or ([] if arguments.network else ["quick", "degenerate"])
    with working(arguments, enumerates=False) as progress:
        found = compare(
            [*_own(arguments), *_named(sets)],
            _against(arguments),
            degenerate="degenerate" in sets,
            repeats=arguments.repeats,
            limit=arguments.limit,
            progress=progress,
        )
        if "transforms" in sets:
            found = replace(found, transforms=compare_transforms(progress=progress), spectra=compare_spectra())
    draw = found.plot if found.runs or not found.transforms else found.plot_transforms
    emit(arguments, found.to_dict, str(found), [*_plan(arguments, found), *figure_plan(arguments, draw)])
    return 1 if any(one.engine == "specgeo" and one.outcome == "wrong" for one in found.runs) else 0


def _against(arguments: argparse.Namespace) -> list[str] | None:
    """The engines named; commas may stand between them."""
    if arguments.against is None:
        return None
    words = [name for word in arguments.against for name in word.split(",") if name]
    return [] if words == ["none"] else words


def _own(arguments: argparse.Namespace) -> list[Case]:
    """The network of the file on its box, and on parts of it."""
    from specgeo.benchmark.cases import Case, parts_of
    from specgeo.errors import InvalidInputError

    if arguments.network is None:
        if arguments.box is not None or arguments.axes is not None:
            raise InvalidInputError("--box, --axes: belong to a network; name its file first")
        return []
    if Path(arguments.network).suffix.lower() == ".json":
        raise InvalidInputError("network: a .json file given; --json prints, --save FILE.json writes what was measured")
    if arguments.box is None:
        raise InvalidInputError("--box: missing; give LO HI, or one pair for each input")
    net, box = load_on_box(arguments)
    return parts_of(Case(Path(arguments.network).name, net, box))


def _named(sets: list[str]) -> list[Case]:
    """The cases of the sets, each once."""
    from specgeo.benchmark import named_cases

    found = [case for name in sets if name not in ("degenerate", "transforms") for case in named_cases(name)]  # type: ignore[arg-type]
    return list({case.name: case for case in found}.values())


def _plan(arguments: argparse.Namespace, found: Comparison) -> list[Write]:
    """The file of --save, if one is wanted."""
    if not arguments.save:
        return []

    def write() -> list[Path]:
        from specgeo._files import write_text

        path = Path(arguments.save)
        write_text(path, json.dumps(found.to_dict(), indent=1) + "\n", "--save")
        return [path]

    return [write]
