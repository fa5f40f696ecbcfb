"""Execute every notebook source beside this file and store it as .ipynb: ``python notebooks/remake.py``.

Needs jupytext, nbconvert and ipykernel (extra ``dev``).
"""

from __future__ import annotations

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
    ExecutePreprocessor(timeout=300, kernel_name="python3").preprocess(notebook, {"metadata": {"path": str(FOLDER)}})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    target = source.with_suffix(".ipynb")
    nbformat.write(notebook, target)
    return target


def main() -> int:
    """All sources, in order."""
    for source in sorted(FOLDER.glob("[0-9]*.py")):
        print(remake(source).name, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
