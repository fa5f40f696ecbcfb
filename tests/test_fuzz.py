"""Two thousand mutants of each format: a SpecgeoError or something valid, without warnings, in bounded time and memory.

The long run is ``python -m tests.fuzz``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fuzz.__main__ import run
from tests.fuzz.mutate import MUTATIONS, mutant
from tests.fuzz.trial import SUFFIX, attempt, corpus

COUNT, SECONDS = 2000, 22.0  # a slow machine tries fewer


@pytest.mark.parametrize("form", sorted(MUTATIONS))
def test_mutants(form: str) -> None:
    if form == "onnx":
        pytest.importorskip("onnx", reason="needs the extra onnx")
    outcomes, failures = run(form, 0, COUNT, SECONDS)
    assert not failures, failures
    assert outcomes["refused"] > 0 and outcomes["read"] > 0
    assert set(outcomes) == {"refused", "read"}


@pytest.mark.parametrize("form", sorted(MUTATIONS))
def test_every_file_of_the_corpus(form: str, tmp_path: Path) -> None:
    if form == "onnx":
        pytest.importorskip("onnx", reason="needs the extra onnx")
    for content in corpus(form):
        path = tmp_path / f"seed{SUFFIX[form]}"
        path.write_bytes(content)
        outcome, text = attempt(form, path)
        assert outcome in ("read", "refused"), text


def test_mutants_are_the_same_everywhere() -> None:
    seeds = [b"1,2,3,\n4,5,6,\n", b"7\n"]
    assert [mutant(seeds, "nnet", n) for n in range(50)] == [mutant(seeds, "nnet", n) for n in range(50)]
    assert len({mutant(seeds, "nnet", n) for n in range(50)}) > 30


@pytest.mark.parametrize(
    ("fault", "words"),
    [("raise KeyError('x')", "KeyError"), ("while True: pass", "more than"),
     ("import warnings; warnings.warn('w')", "w"),
     ("raise sg.ReadError('allow_pickle=True')", "message"), ("bytearray(1 << 40)", "MemoryError")],
)  # fmt: skip
def test_the_harness_notices(fault: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative controls: a reader with each kind of fault fails."""
    import specgeo as sg
    from tests.fuzz import trial

    monkeypatch.setattr(trial, "SECONDS", 0.2)
    monkeypatch.setattr(sg, "read_network", lambda path, **_: exec(fault, {"sg": sg}))
    if sys.platform == "win32" and "while" in fault:
        pytest.skip("no timer here")
    outcome, text = attempt("npz", tmp_path / "x.npz")
    assert outcome == "failed" and words in text
