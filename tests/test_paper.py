"""The notebooks of the paper's experiments run with small settings and find the results stored beside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "notebooks" / "paper"
SOURCES = sorted(FOLDER.glob("[0-9]*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_source_finds_its_stored_results(source: Path) -> None:
    """In a process of its own: the settings of torch and matplotlib are the notebook's, not the tests'."""
    for package in ("matplotlib", "torch", "sklearn"):
        if f"import {package}" in source.read_text() or f"from {package}" in source.read_text():
            pytest.importorskip(package)
    unwanted = ("SPECGEO_FULL", "SPECGEO_STORE")
    environment = {key: value for key, value in os.environ.items() if key not in unwanted}
    environment |= {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, str(source)], capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.rstrip().endswith("all results as stored")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_what_lies_beside_a_source(source: Path) -> None:
    """The executed notebook has the source's cells, and the stored tables are numbers."""
    executed = json.loads(source.with_suffix(".ipynb").read_text())
    code = ["".join(cell["source"]) for cell in executed["cells"] if cell["cell_type"] == "code"]
    written = source.read_text()
    assert code and all(cell in written for cell in code)
    assert any("image/png" in out.get("data", {}) for of in executed["cells"] for out in of.get("outputs", []))
    assert json.loads((FOLDER / "results" / f"{source.stem}.small.json").read_text())


def test_every_notebook_of_an_experiment_has_its_row() -> None:
    """On the page that goes through the paper's claims; 10 is no experiment of the paper."""
    page = (FOLDER.parent.parent / "docs" / "explanation" / "paper.md").read_text(encoding="utf-8")
    assert all(f"<../paper/{source.stem}>" in page for source in SOURCES if not source.stem.startswith("10"))
