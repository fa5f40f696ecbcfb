"""The program that proves a file: agrees with `verify_certificate`, refuses tampered files, needs nothing installed.

The full run, 400 complexes and 1,000 tampered files in about two minutes: ``python tests/test_check.py 400 1000``.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import redirect_stdout
from itertools import islice
from pathlib import Path

import pytest
from complex_files import complexes, tampered
from damaged_complexes import DAMAGE

import specgeo as sg
from specgeo import check
from specgeo.geometry.complex import PolyhedralComplex


def verdict(path: Path) -> tuple[int, str]:
    """Exit code and line."""
    with redirect_stdout(io.StringIO()) as line:
        code = check.main([str(path)])
    return code, line.getvalue()


def proves(path: Path) -> bool:
    return verdict(path)[0] == 0


def verifies(path: Path) -> bool:
    """Whether the package itself takes the file for right."""
    try:
        return sg.load_complex(path).verify_certificate().proved
    except (sg.ReadError, sg.UnsupportedError):
        return False


@pytest.fixture(scope="module")
def some() -> list[tuple[str, PolyhedralComplex]]:
    return list(islice(complexes(), 60))


def test_both_proofs_hold(some: list[tuple[str, PolyhedralComplex]], tmp_path: Path) -> None:
    for name, cx in some:
        cx.save(tmp_path / "cx.npz")
        assert proves(tmp_path / "cx.npz"), name
        assert verifies(tmp_path / "cx.npz"), name


def test_both_proofs_refuse_tampered_files(some: list[tuple[str, PolyhedralComplex]], tmp_path: Path) -> None:
    for name, path in tampered(some, 200, tmp_path):
        assert not proves(path), name
        assert not verifies(path), name


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_refused_by_the_check_meant_to(name: str, tmp_path: Path) -> None:
    make, _, message = DAMAGE[name]
    make().save(tmp_path / "cx.npz")
    code, line = verdict(tmp_path / "cx.npz")
    assert code == 1 and re.match(f"not proved: {message}", line), line


def full_run(n_complexes: int, n_tampered: int) -> None:
    subjects, started = list(islice(complexes(), n_complexes)), time.perf_counter()
    codes: Counter[tuple[str, bool]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for name, cx in subjects:
            cx.save(Path(folder) / "cx.npz")
            if not (proves(Path(folder) / "cx.npz") and verifies(Path(folder) / "cx.npz")):
                sys.exit(f"a right complex is not proved: {name}")
        print(f"{len(subjects)} right complexes proved by both")
        for name, path in tampered(subjects, n_tampered, Path(folder)):
            proved, verified = proves(path), verifies(path)
            codes[name.split()[0], proved or verified] += 1
            if proved or verified:
                print(f"NOT REFUSED (check: {proved}, verify_certificate: {verified}): {name}")
    refused = sum(n for (_, through), n in codes.items() if not through)
    print(f"{refused} of {n_tampered} tampered files refused by both, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    full_run(int(sys.argv[1]), int(sys.argv[2]))
