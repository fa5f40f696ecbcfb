"""The memory that the library may take."""

from __future__ import annotations

import subprocess
import sys

import pytest

from specgeo import _budget
from specgeo.errors import BudgetError, InvalidInputError


def test_a_budget_of_the_callers_own_is_kept_to_the_byte() -> None:
    _budget.afford(1000, "max_bytes", "raise max_bytes", 1000)
    with pytest.raises(BudgetError, match="max_bytes: 1,001 bytes .* 1,000 are allowed; raise"):
        _budget.afford(1001, "max_bytes", "raise max_bytes", 1000)
    with pytest.raises(InvalidInputError, match="max_bytes"):
        _budget.memory_budget(0)


def test_more_than_the_machine_has_is_refused() -> None:
    with pytest.raises(BudgetError, match="k: .* are available; fewer wavevectors"):
        _budget.afford(1e18, "k", "fewer wavevectors")


def test_the_smallest_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_budget, "_machine_bytes", lambda: 1 << 40)
    monkeypatch.setattr(_budget, "_group_bytes", lambda: [1 << 30, 1 << 35])
    monkeypatch.setattr(_budget, "_ulimit_bytes", lambda: [])
    assert _budget.available_bytes() == 1 << 30
    monkeypatch.setattr(_budget, "_group_bytes", lambda: [-5])
    assert _budget.available_bytes() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="address space of Linux")
def test_a_limit_on_the_address_space_counts() -> None:
    code = """
import resource
from specgeo._budget import available_bytes
resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))
print(available_bytes())
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 1 << 20 < int(ended.stdout) < 1 << 32
