"""What every notebook here shares: its settings, its table of results, its figures and its checkpoints.

Small settings by default; ``SPECGEO_FULL=1 python notebooks/paper/NN_name.py`` runs the paper's own, prints its progress,
keeps each unit of work in ``checkpoints/`` (a run that was interrupted goes on where it stopped) and stores
``results/NN_name.full.json`` and the figures ``results/NN_name.*.png``. ``python notebooks/remake.py notebooks/paper``
stores ``results/NN_name.small.json``; any other run compares with it, so that a changed result is an error.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
FULL = os.environ.get("SPECGEO_FULL", "") not in ("", "0")
STORING = FULL or os.environ.get("SPECGEO_STORE", "") not in ("", "0")


class Table:
    """The table of results of one notebook: numbers with the tolerance that another machine is allowed.

    ``table.add(name, value, rtol=..., atol=...)`` takes a number or a list of numbers; without tolerances the value must
    be the same (counts, verdicts), with ``atol=1e300`` it is shown and not compared. ``table.check()`` compares all with
    the stored table, or stores it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.full = FULL
        self._rows: dict[str, tuple[Any, float, float]] = {}
        self._started = time.perf_counter()

    def add(self, name: str, value: Any, *, rtol: float = 0.0, atol: float = 0.0) -> Any:
        """Put a result into the table; returns it."""
        self._rows[name] = (np.asarray(value).tolist(), rtol, atol)
        return value

    def keep(self, key: str, compute: Callable[[], Any]) -> Any:
        """compute(), lists and numbers in a dict; in a full run from its checkpoint if there is one, with progress."""
        if not self.full:
            return compute()
        file = FOLDER / "checkpoints" / self.name / f"{key}.json"
        if not file.exists():
            result = {entry: np.asarray(value).tolist() for entry, value in compute().items()}
            file.parent.mkdir(parents=True, exist_ok=True)
            file.with_suffix(".part").write_text(json.dumps(result))
            file.with_suffix(".part").replace(file)
            print(f"{time.perf_counter() - self._started:8.0f} s  {self.name}: {key}", flush=True)
        return json.loads(file.read_text())

    def figure(self, figure: Any, name: str) -> None:
        """Keep a figure of a full run beside its results."""
        if self.full:
            figure.savefig(self._file(f"{name}.png"), dpi=80)

    def check(self) -> None:
        """Compare with the stored table of the same settings; a run that stores writes it instead."""
        file = self._file("full.json" if self.full else "small.json")
        if STORING:
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps({name: row[0] for name, row in self._rows.items()}, indent=1) + "\n")
        stored = json.loads(file.read_text())
        assert stored.keys() == self._rows.keys(), f"other rows than stored: {stored.keys() ^ self._rows.keys()}"
        for name, (value, rtol, atol) in self._rows.items():
            np.testing.assert_allclose(value, stored[name], rtol=rtol, atol=atol, err_msg=f"{self.name}: {name}")

    def __str__(self) -> str:
        """The table, beside the figures of the full run where that is stored."""
        file = self._file("full.json")
        full = json.loads(file.read_text()) if file.exists() and not self.full else {}
        width = max(map(len, self._rows))
        lines = [f"{'':{width}}  {'this run':40}" + ("  full run" if full else "")]
        for name, (value, _, _) in self._rows.items():
            lines.append(f"{name:{width}}  {_short(value):40}" + (f"  {_short(full[name])}" if name in full else ""))
        return "\n".join(lines)

    def _file(self, ending: str) -> Path:
        return FOLDER / "results" / f"{self.name}.{ending}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
