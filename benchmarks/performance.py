"""The performance page of the documentation, from one run: ``python benchmarks/performance.py``.

Measures (some five minutes on a quiet machine; for all columns ``pip install regioncam affinitree relucent coxeter
python-flint``), stores ``performance.json`` beside this file, and writes docs/explanation/speed.md with its pictures
from that. With ``--page`` the page is written from what is stored.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from specgeo.benchmark import Comparison, compare, compare_spectra, compare_transforms, named_cases

HERE = Path(__file__).parent
STORED, PAGE = HERE / "performance.json", HERE.parent / "docs" / "explanation" / "speed.md"

INTRODUCTION = """\
# Speed

This page is written by `python benchmarks/performance.py` from one run, stored in `benchmarks/performance.json`; no
figure is typed by hand. `specgeo benchmark` measures the same on your machine, and on your networks
([](../howto/benchmarks.md)).

How to read it. *yardsticks* is the time over that of a forward pass in numpy (2048 points at a time) at as many
points as the complex has vertices, taken in turns with the engine in one process: of all figures it depends least on
the machine. Times are processor times; still, under load (the *load* of the first line above the number of cores) they
are too long. *count* compares with numbers known from elsewhere, or with specgeo's, which are proved; a rival's count
that is wrong stays in the table. *memory* is the peak of the process, interpreter and libraries included. *start* is
what comes before the first call: imports, and kernels loaded from their cache (the first run on a machine compiles
them: half a minute to a minute, or `specgeo warmup`).

```{image} ../_static/performance_networks.png
:alt: Cells against seconds for each engine
```

```{image} ../_static/performance_transforms.png
:alt: Errors of transforms against tolerance and throughput
```
"""
METHOD = """\
## How it is done

A layer cuts every face of the complex before it, in order of dimension. Signs at the vertices that exist come from a
forward pass through that layer alone; the planes that cut are summed one by one, both from affine maps of the layer
before, which pass from cell to neighbouring cell by an outer product for each neuron that differs. A sign that its
error bound does not prove is decided in integers (module docstrings of `specgeo/enumeration/` have the details and
the bounds; [](exact.md) what is proved). Transforms: [](transforms.md).

Further scripts, for one question each: `python -m pytest benchmarks -s` (degenerate networks, the price of the
certificate, reference networks; transforms and spectra on their own); `python benchmarks/arrangements.py` (resonance
arrangements up to R6 = 1,066,044 regions, threshold arrangements up to T5, with `--all` T6 = 15,028,134, streamed).
"""


def measure() -> Comparison:
    """All that the page shows."""
    cases = [*named_cases("table"), *named_cases("growth"), *named_cases("arrangements")]
    cases = sorted({case.name: case for case in cases}.values(), key=lambda case: (case.dim, case.network.n_units))
    cases += named_cases("structured")

    def show(message: str, fraction: float) -> None:
        print(f"[{fraction:4.0%}] {message}", file=sys.stderr, flush=True)

    found = compare(cases, degenerate=True, repeats=3, limit=6.0, progress=show)
    return replace(found, transforms=compare_transforms(repeats=3, progress=show), spectra=compare_spectra())


def page(found: Comparison) -> str:
    """The page in Markdown."""
    return f"{INTRODUCTION}\n{found.to_markdown()}\n{METHOD}"


def main(arguments: list[str]) -> int:
    """Measure, store, write."""
    if "--page" not in arguments:
        STORED.write_text(json.dumps(measure().to_dict(), indent=1) + "\n", encoding="utf-8")
    found = Comparison.of(json.loads(STORED.read_text(encoding="utf-8")))
    STORED.write_text(json.dumps(found.to_dict(), indent=1) + "\n", encoding="utf-8")  # what is derived, anew
    PAGE.write_text(page(found), encoding="utf-8")
    for name, drawn in (("networks", found.plot()), ("transforms", found.plot_transforms())):
        drawn.figure.savefig(HERE / f"performance_{name}.png", dpi=110, bbox_inches="tight")
    print(f"written: {PAGE.relative_to(HERE.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
