"""The compiler's changes to numba (`_compiler`) change no result: functions compiled with them, and without numba."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
from numba.core import cgutils, lowering, postproc, ssa
from numba.np import arrayobj

from specgeo._compiler import Compiler
from specgeo._jit import _COMMON

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="numba is switched off")


class Inner(NamedTuple):
    rows: Any
    factor: float


class Outer(NamedTuple):
    inner: Inner
    counts: Any


def assigned_once_in_a_loop(o: Outer) -> float:
    total = 0.0
    for i in range(len(o.counts)):
        count = o.counts[i]  # one assignment, a value of its own in each turn
        for j in range(count):
            row = o.inner.rows[j]
            if j % 2 == 0:
                total += row[i % len(row)] * count
            else:
                total -= row[-1] * o.inner.factor
    return total


def assigned_in_a_branch(o: Outer) -> float:
    last, total = -1.0, 0.0
    for i in range(len(o.counts)):
        if o.counts[i] > 2:
            seen = o.inner.rows[i, 0]
            last = seen
        if i > 3 and last > 0.0:
            total += last * i
    return total


def views_of_views(o: Outer) -> float:
    total = 0.0
    for start in range(0, len(o.inner.rows), 2):
        part = o.inner.rows[start : start + 3]
        if len(part) > 2:
            part = part[1:]
        for row in part[::-1]:
            head = row[: len(row) - 1]
            total += head[-1] * len(part) + head.shape[0]
    return total


def tuples_that_change(o: Outer) -> float:
    low, high = (o.inner.factor, 1.0), (0.0, o.inner.factor)
    for i in range(len(o.counts)):
        if o.counts[i] % 2:
            low, high = high, low
        pair = (low[0] + high[1], low[1] * high[0] + i)
        low = pair
    inner = Inner(o.inner.rows[::2], low[0])
    outer = Outer(inner, o.counts[1:])
    return float(outer.inner.factor + outer.inner.rows[1, 0] + outer.counts[0] + low[1])


def loops_that_count_down_and_stop(o: Outer) -> float:
    total, n = 0.0, len(o.counts)
    for i in range(n - 1, -1, -1):
        k = i
        while k < n:
            if o.counts[k] == 0:
                break
            total += o.inner.rows[k, 1]
            k += 2
        else:
            total *= 0.5
    return total


def arrays_of_its_own(o: Outer) -> float:
    kept = np.zeros(3)
    for i in range(len(o.counts)):
        fresh = np.full(3, float(i))
        if i % 3 == 1:
            kept = fresh
        view = kept[1:]
        view[0] += o.counts[i]
    other = kept.copy()
    return float(other[0] + 10.0 * other[1] + 100.0 * kept[2])


FUNCTIONS = [
    assigned_once_in_a_loop,
    assigned_in_a_branch,
    views_of_views,
    tuples_that_change,
    loops_that_count_down_and_stop,
    arrays_of_its_own,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_compiled_as_interpreted(function: Callable[[Outer], float]) -> None:
    rng = np.random.default_rng(7)
    compiled = numba.njit(**_COMMON)(function)
    for _ in range(5):
        o = Outer(Inner(rng.normal(size=(9, 3)), 1.25), rng.integers(0, 9, 9))
        held = sys.getrefcount(o.inner.rows), sys.getrefcount(o.counts)
        assert compiled(o) == function(o)
        assert held == (sys.getrefcount(o.inner.rows), sys.getrefcount(o.counts))


@pytest.mark.parametrize("function", [f for f in FUNCTIONS if f is not arrays_of_its_own])
def test_without_reference_counting(function: Callable[[Outer], float]) -> None:
    o = Outer(Inner(np.arange(27.0).reshape(9, 3), 0.5), np.arange(9) % 4)
    assert numba.njit(_nrt=False, **_COMMON)(function)(o) == function(o)


def test_what_others_compile_is_not_touched() -> None:
    """Functions of numba are replaced while a kernel compiles, and put back, also after an error."""

    def theirs() -> list[Any]:
        proxy = cgutils._StructProxy
        return [
            *(proxy.__dict__[name] for name in ("__init__", "__getattr__", "__getitem__", "__setitem__", "_getvalue")),
            arrayobj.make_array,
            postproc.PostProcessor.run,
            ssa._run_block_rewrite,
            lowering.Lower.delvar,
        ]

    def wrong(x: float) -> Any:
        return x.nothing  # type: ignore[attr-defined]

    before = theirs()
    numba.njit(**_COMMON)(lambda x: x + 1.0)(1.0)
    with pytest.raises(numba.errors.TypingError):
        numba.njit(**_COMMON)(wrong)(1.0)
    assert theirs() == before
    assert _COMMON["pipeline_class"] is Compiler
