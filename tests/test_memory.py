"""Work space is used again only when nothing looks into it, and results never live in it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import specgeo as sg
from specgeo.enumeration import _memory
from specgeo.enumeration._memory import workspace
from specgeo.testing import random_network

SHAPE = (1 << 14, 3)


@pytest.fixture(autouse=True)
def empty_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_memory, "_local", threading.local())


def test_arrays_in_use_never_share_memory() -> None:
    arrays = [workspace(SHAPE, np.float64) for _ in range(5)]
    for i, a in enumerate(arrays):
        assert a.shape == SHAPE and a.dtype == np.float64 and a.flags.c_contiguous
        assert not any(np.shares_memory(a, b) for b in arrays[:i])


def test_a_view_keeps_its_memory() -> None:
    view = workspace(SHAPE, np.float64)[5:7, 1]
    assert not np.shares_memory(view, workspace(SHAPE, np.float64))


def test_memory_is_used_again_for_other_types_and_smaller_sizes() -> None:
    first = workspace(SHAPE, np.float64)
    where = first.ctypes.data
    del first
    assert workspace((SHAPE[0], 4), np.int32).ctypes.data == where


def test_no_more_than_the_limit_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_memory, "_KEPT", 1 << 20)
    for size in range(1 << 17, 1 << 21, 1 << 16):
        workspace((size,), np.uint8)
        assert sum(map(len, _memory._local.buffers)) <= 1 << 20


def test_another_thread_has_its_own() -> None:
    where = workspace(SHAPE, np.float64).ctypes.data
    seen = []
    thread = threading.Thread(target=lambda: seen.append(workspace(SHAPE, np.float64).ctypes.data))
    thread.start()
    thread.join()
    assert seen[0] != where


def test_a_complex_is_not_touched_by_the_next_enumeration() -> None:
    box = sg.Box([-1, -1], [1, 1])
    first = sg.enumerate_regions(random_network([2, 24, 24, 1], 0), box)
    before = [first.vertices.copy(), first.vertex_errors.copy(), first.facet_walls.copy()]
    before += [part.copy() for k in range(2) for part in (first.faces[k].offsets, first.faces[k].indices)]
    before += [first.signs.positive.copy(), first.signs.negative.copy()]
    second = sg.enumerate_regions(random_network([2, 24, 24, 1], 1), box)
    assert second.f_vector != first.f_vector
    after = [first.vertices, first.vertex_errors, first.facet_walls]
    after += [part for k in range(2) for part in (first.faces[k].offsets, first.faces[k].indices)]
    after += [first.signs.positive, first.signs.negative]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
