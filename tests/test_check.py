"""The program that proves a file: agrees with `reprove`, refuses tampered files, needs nothing installed.

The full run, 400 complexes and 1,000 tampered files in about two minutes: ``python tests/test_check.py 400 1000``.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from complex_files import change_header, complexes, contents, tampered, write
from damaged_complexes import DAMAGE
from naive.rational import Truth, rational_complex

import specgeo as sg
from specgeo import check
from specgeo.geometry.arrays import Patterns, Ragged
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.testing import random_network


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
        return sg.load_complex(path).reprove().proved
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


def from_truth(truth: Truth, net: sg.Network, box: sg.Box) -> PolyhedralComplex:
    """The complex of the rational twin in the arrays of the package: no part of the enumerator."""
    faces = [sorted(map(sorted, level)) for level in truth.faces]
    faces[0] = [[v] for v in range(len(truth.vertices))]
    faces[-1] = [sorted(vertices) for vertices, _, _ in truth.cells]
    lists = [
        Ragged.of([[g for g, below in enumerate(faces[k - 1]) if set(below) <= set(face)] for face in faces[k]])
        for k in range(1, truth.dim + 1)
    ]
    exact = [[Fraction(x) for x in p] for p in truth.vertices]
    vertices = np.array(exact, dtype=np.float64)
    pairs = zip(vertices, exact, strict=True)
    errors = [float(max(abs(Fraction(a) - b) for a, b in zip(x, p, strict=True))) for x, p in pairs]
    walls = []
    for face in faces[truth.dim - 1]:
        on = [all(exact[v][c] == b for v in face) for bound in (box.lower, box.upper) for c, b in enumerate(bound)]
        walls.append(on.index(True) if any(on) else -1)
    units = [(i, j, 0) for i, n in enumerate(net.hidden_widths) for j in range(n)]
    labels = (np.array(column, dtype=np.int64) for column in zip(*units, strict=True))
    words = [
        np.array([[sum((s == sign) << u for u, s in enumerate(signs))] for _, signs, _ in truth.cells], dtype=np.uint64)
        for sign in (1, -1)
    ]
    maps = np.array([maps for _, _, maps in truth.cells], dtype=np.float64)
    beside = net.layers, np.nextafter(errors, np.inf), np.array(walls, dtype=np.int64)
    pieces = maps[:, :, :-1].copy(), maps[:, :, -1].copy()
    return PolyhedralComplex(vertices, tuple(lists), pieces, Patterns(*words, *labels), box, None, *beside)


@pytest.mark.parametrize("widths", [[1, 4, 3, 1], [2, 4, 3, 2], [3, 3, 2, 1]])
@pytest.mark.parametrize("kind", ["he", "integer", "zero-bias"])
def test_complexes_that_the_enumerator_did_not_make(widths: list[int], kind: str, tmp_path: Path) -> None:
    net, d = random_network(widths, 5, kind), widths[0]
    truth = rational_complex(net, [-1.0] * d, [1.0] * d)
    from_truth(truth, net, sg.Box([-1.0] * d, [1.0] * d)).save(tmp_path / "cx.npz")
    assert verdict(tmp_path / "cx.npz")[0] == 0, verdict(tmp_path / "cx.npz")[1]
    assert verifies(tmp_path / "cx.npz")


def test_the_program_stands_alone(tmp_path: Path) -> None:
    text = Path(check.__file__).read_text()
    assert len(text.splitlines()) < 400
    names = {name.split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from ")) for name in
             [line.split()[1]]}  # fmt: skip
    assert names <= sys.stdlib_module_names
    damaged, right = tmp_path / "damaged.npz", tmp_path / "right.npz"
    DAMAGE["larger gradients"][0]().save(damaged)
    sg.enumerate_regions(random_network([2, 4, 1], 0), sg.Box([-1, -1], [1, 1])).save(right)
    lonely = [sys.executable, "-S", "-I", check.__file__]  # neither numpy nor specgeo can be imported
    for program in (lonely, [sys.executable, "-m", "specgeo.check"]):
        for arguments, code in ([str(right)], 0), ([str(damaged)], 1), ([str(tmp_path / "none.npz")], 2), ([], 2):
            done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=False)
            assert done.returncode == code, done
            assert len((done.stdout + done.stderr).splitlines()) == 1


def test_what_is_not_covered_is_said(tmp_path: Path) -> None:
    cx = sg.enumerate_regions(random_network([2, 4, 1], 0), sg.Box([-1, -1], [1, 1]))
    replace(cx, notes={"note": "mine", "extra": np.arange(3)}).save(tmp_path / "cx.npz")
    code, line = verdict(tmp_path / "cx.npz")
    assert code == 0 and "not part of the proof: the certificate" in line
    assert "metadata_extra" in line and "note" in line
    covered = sg.load_complex(tmp_path / "cx.npz").reprove().not_covered
    assert {"notes: note", "notes: extra"} < set(covered) and "certificate" in covered[0]


def first(array: np.ndarray, value: Any) -> np.ndarray:
    return np.where(np.arange(array.size).reshape(array.shape) == 0, array.dtype.type(value), array)


UNREADABLE = {
    "another schema": (lambda a: change_header(a, schema="specgeo complex 2"), "specgeo complex 2"),
    "another kind of layer": (lambda a: change_header(a, layers=[{"kind": "conv", "intercept": "0"}]), "conv"),
    "an option of a layer": (lambda a: change_header(a, layers=[{"stride": 2, "intercept": "0"}]), "stride"),
    "an entry of the header": (lambda a: change_header(a, skip=[0, 2]), "skip"),
    "no network": (lambda a: change_header(a, layers=None), "no network"),
    "another domain": (lambda a: change_header(a, domain="Ball"), "Ball"),
    "no domain": (lambda a: change_header(a, domain=None), "None"),
    "another array": (lambda a: a.update(kernel_0=np.ones(3)), "kernel_0"),
    "no vertices": (lambda a: a.pop("vertices"), "vertices is missing"),
    "no errors": (lambda a: a.pop("metadata_vertex_errors"), "metadata_vertex_errors is missing"),
    "complex numbers": (lambda a: a.update(vertices=a["vertices"] + 1j), "c16"),
    "columns first": (lambda a: a.update(vertices=np.asfortranarray(a["vertices"])), "fortran_order"),
}
FORMAT = {
    "dim": lambda a: change_header(a, dim=0),
    "vertices has the shape": lambda a: a.update(vertices=a["vertices"][:, :1]),
    "vertices holds": lambda a: a.update(vertices=first(a["vertices"], np.nan)),
    "faces_1_indices holds": lambda a: a.update(faces_1_indices=a["faces_1_indices"] + 0.0),
    "faces_1_offsets$": lambda a: a.update(faces_1_offsets=a["faces_1_offsets"] // 3),
    "faces_2_offsets$": lambda a: a.update(faces_2_offsets=np.sort(a["faces_2_offsets"])[::-1]),
    "faces_2_indices$": lambda a: a.update(faces_2_indices=first(a["faces_2_indices"], -1)),
    "faces_1_indices$": lambda a: a.update(faces_1_indices=first(a["faces_1_indices"], 1 << 20)),
    "breakpoints or slopes of layer 0": lambda a: a.update(slopes_0=a["slopes_0"] * 0.0),
    "breakpoints or slopes of layer 1": lambda a: a.update(breakpoints_1=a["breakpoints_1"][::-1]),
    "the units listed": lambda a: a.update(signs_neurons=a["signs_neurons"][::-1]),
    "the signs of cell 0": lambda a: a.update(signs_positive=a["signs_positive"] | np.uint64(1 << 63)),
    "the signs of cell": lambda a: a.update(signs_negative=a["signs_negative"] | a["signs_positive"]),
    "a wall without direction": lambda a: (
        change_header(a, domain="Polytope"), a.update(domain_A=np.zeros((1, 2)), domain_b=np.ones(1))
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    net = random_network([2, 4, 3, 2], 0)
    cx = sg.enumerate_regions(sg.Network(net.weights, net.biases, ["abs", "hard_tanh"]), sg.Box([-1, -1], [1, 1]))
    return contents(cx, tmp_path_factory.mktemp("check") / "cx.npz")


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_the_program_does_not_know_is_not_proved(arrays: dict[str, Any], name: str, tmp_path: Path) -> None:
    change, message = UNREADABLE[name]
    changed = dict(arrays)
    change(changed)
    code, line = verdict(write(tmp_path / "cx.npz", changed))
    assert code == 2 and re.match(f"cannot be checked: .*{message}", line), line


@pytest.mark.parametrize("message", FORMAT)
def test_files_against_the_format_are_refused(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    changed = dict(arrays)
    FORMAT[message](changed)
    code, line = verdict(write(tmp_path / "cx.npz", changed))
    assert code == 1 and re.match(f"not proved: format: {message}", line.strip()), line
    assert not verifies(tmp_path / "cx.npz")


def test_archives_that_are_none(arrays: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "cx.npz", arrays)
    assert verdict(path)[0] == 0
    whole = path.read_bytes()
    for part in (b"", whole[:1000], whole[:-1], b"text"):
        path.write_bytes(part)
        assert verdict(path)[0] == 2
    with zipfile.ZipFile(write(path, arrays), "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("vertices.npy", archive.read("vertices.npy"))
    assert "two arrays of one name" in verdict(path)[1]
    monkeypatch.setattr(check, "MOST_BYTES", 1000)
    assert verdict(write(path, arrays)) == (2, "cannot be checked: Unreadable: two arrays of one name, "
                                               "or more than 1,000 bytes\n")  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "none", "."):
        assert verdict(tmp_path / name) == (2, "cannot be checked: Unreadable: no regular file of that name\n")


@pytest.mark.parametrize("error", [np.inf, np.nan, -1.0])
def test_errors_that_bound_nothing_are_refused(arrays: dict[str, Any], error: float, tmp_path: Path) -> None:
    changed = arrays | {"metadata_vertex_errors": first(arrays["metadata_vertex_errors"], error)}
    assert verdict(write(tmp_path / "cx.npz", changed))[0] == 1
    assert not verifies(tmp_path / "cx.npz")


def test_pieces_without_a_finite_bound_are_refused(tmp_path: Path) -> None:
    """The sum of the absolute values is beyond floats, though that of the values is zero."""
    net = sg.Network([[[1.0]], [[1e300], [1e300]], [[1e300, -1e300]]], [[0.0], [0.0, 0.0], [0.0]])
    cx = sg.enumerate_regions(net, sg.Box([-1], [1]))
    cx.save(tmp_path / "cx.npz")
    assert "piece: " in verdict(tmp_path / "cx.npz")[1]
    assert "finite bound" in cx.reprove().failure


def test_bounds_are_finite_where_the_sum_of_absolute_values_just_overflows(tmp_path: Path) -> None:
    net = sg.Network([[[1.0]], [[1.0], [1.0]], [[1e308, -1e308]]], [[0.0], [0.0, 0.0], [0.0]])
    cx = sg.enumerate_regions(net, sg.Box([-1], [1]))
    cx.save(tmp_path / "cx.npz")
    assert verdict(tmp_path / "cx.npz")[0] == 0
    assert cx.reprove().proved


def test_other_byte_orders_and_widths(arrays: dict[str, Any], tmp_path: Path) -> None:
    swapped = {k: v if k == "header" else v.astype(v.dtype.newbyteorder("S")) for k, v in arrays.items()}
    assert verdict(write(tmp_path / "cx.npz", swapped))[0] == 0
    narrow = {k: v.astype(np.int16) if "faces" in k else v for k, v in arrays.items()}
    assert verdict(write(tmp_path / "cx.npz", narrow))[0] == 0


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
                print(f"NOT REFUSED (check: {proved}, reprove: {verified}): {name}")
    refused = sum(n for (_, through), n in codes.items() if not through)
    print(f"{refused} of {n_tampered} tampered files refused by both, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    full_run(int(sys.argv[1]), int(sys.argv[2]))
