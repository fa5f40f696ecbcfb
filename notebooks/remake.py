"""Execute notebook sources and store them as .ipynb: ``python notebooks/remake.py [folder or source ...]``.

Default: those beside this file. Sources in ``paper`` store their tables of results too (small settings; what a full run
stores, ``SPECGEO_FULL=1 python notebooks/paper/NN_name.py``, is left as it is). Needs jupytext, nbconvert and ipykernel
(extra ``dev``), and torch for ``paper``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jupytext
import nbformat
from nbconvert.preprocessors import ExecutePreprocessor

FOLDER = Path(__file__).parent


def remake(source: Path) -> Path:
    """Execute one source in its own kernel; returns the notebook written."""
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"  # the same from run to run
    place = {"metadata": {"path": str(source.parent)}}
    ExecutePreprocessor(timeout=300, kernel_name="python3").preprocess(notebook, place)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    target = source.with_suffix(".ipynb")
    nbformat.write(notebook, target)
    return target


def main(arguments: list[str]) -> int:
    """All sources, in order."""
    os.environ["SPECGEO_STORE"] = "1"
    for unwanted in ("SPECGEO_FULL", "MPLBACKEND"):  # figures are to be inline
        os.environ.pop(unwanted, None)
    for place in [Path(a).resolve() for a in arguments] or [FOLDER]:
        for source in sorted(place.glob("[0-9]*.py")) if place.is_dir() else [place]:
            print(remake(source).name, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
