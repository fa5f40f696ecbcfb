"""The fixtures that other projects can run (tests/fixtures): the engine gets every count right, and proves it again."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

import specgeo as sg


def load_runner() -> ModuleType:
    """The runner as another project would load it: from its file."""
    path = Path(__file__).parent / "fixtures" / "runner.py"
    spec = importlib.util.spec_from_file_location("fixture_runner", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


runner = load_runner()
FIXTURES = {fixture.name: fixture for fixture in runner.fixtures()}


def test_there_are_as_many_as_the_table_lists() -> None:
    rows = [line.split(" | ")[0].strip("| ") for line in (runner.FOLDER.parent / "README.md").read_text().splitlines()]
    assert len(FIXTURES) >= 60 and set(FIXTURES) <= set(rows)


@pytest.mark.parametrize("name", FIXTURES)
def test_counts(name: str) -> None:
    fixture = FIXTURES[name]
    cx = runner.enumerate_fixture(fixture)
    assert (cx.f_vector, cx.n_linear_regions) == (fixture.f_vector, fixture.linear_regions)
    assert cx.certificate.certified
    assert cx.reprove().proved


def test_text_and_fixture_are_the_same(tmp_path: Path) -> None:
    for fixture in FIXTURES.values():
        runner.write(fixture, tmp_path)
        assert (tmp_path / f"{fixture.name}.txt").read_text() == (runner.FOLDER / f"{fixture.name}.txt").read_text()


def test_floats_alone_get_some_of_them_wrong() -> None:
    """The fixtures bite: signs of rounded values give other counts, and the runner says so."""
    assert runner.main(f"{__name__}:count_in_floats") >= 5


def count_in_floats(fixture: object) -> tuple[int, ...]:
    """The engine without its proofs."""
    enumerate_exactly = sg.enumerate_regions
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sg, "enumerate_regions", lambda net, domain: enumerate_exactly(net, domain, exact=False))
        found: tuple[int, ...] = runner.enumerate_fixture(fixture).f_vector
    return found
