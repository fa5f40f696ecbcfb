"""The cache of compiled kernels notices an edit of any file that has kernels."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import specgeo

PROGRAM = """
import numba
from specgeo.enumeration._scalars import popcount
popcount.compile((numba.uint64,))
print(sum(popcount.stats.cache_hits.values()), sum(popcount.stats.cache_misses.values()))
"""


def test_an_edit_of_another_file_with_kernels_compiles_again(tmp_path: Path) -> None:
    package = tmp_path / "specgeo"
    shutil.copytree(Path(specgeo.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def hits_and_misses() -> list[int]:
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return [int(word) for word in run.stdout.split()]

    assert hits_and_misses() == [0, 1]
    assert hits_and_misses() == [1, 0]
    with open(package / "enumeration" / "_layout.py", "a") as file:
        file.write("# edited\n")
    assert hits_and_misses() == [0, 1]
    assert hits_and_misses() == [1, 0]
