"""Work space is used again only when nothing looks into it, and results never live in it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import specgeo as sg
from specgeo.enumeration import _memory
from specgeo.enumeration._memory import can_grow, grown, held_bytes, workspace
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


def test_an_array_grows_where_it_is_and_only_what_was_asked_for_counts() -> None:
    first = workspace(SHAPE, np.float64, 8)
    first[:] = 1.0
    assert held_bytes([first, first[3:5]]) == first.nbytes
    assert can_grow(first, 8 * SHAPE[0]) and not can_grow(first, 8 * SHAPE[0] + 1)
    assert not can_grow(first[:5], 6), "a part of an array would grow into the rest of it"
    assert not can_grow(np.empty(SHAPE), 5) and not can_grow(workspace(SHAPE, np.float64), SHAPE[0] + 1)
    more = grown(first, 3 * SHAPE[0])
    assert more.shape == (3 * SHAPE[0], 3) and more.ctypes.data == first.ctypes.data and (more[: SHAPE[0]] == 1.0).all()
    assert held_bytes([first, more]) == more.nbytes
    assert not np.shares_memory(more, workspace((8 * SHAPE[0], 3), np.float64))


def test_a_buffer_that_grows_past_the_limit_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_memory, "_KEPT", 1 << 20)
    array = workspace((1 << 19,), np.uint8, 8)
    other = workspace((1 << 18,), np.uint8)
    assert len(_memory._local.buffers) == 2
    array = grown(array, 1 << 20)
    assert [len(buffer) for buffer in _memory._local.buffers] == [1 << 18]
    array[-1], other[-1] = 1, 2
    assert len(workspace((1 << 18,), np.uint8)) == 1 << 18 and array[-1] == 1 and other[-1] == 2


def test_addresses_that_cannot_be_had_are_not_needed() -> None:
    array = workspace(SHAPE, np.float64, 1 << 40)
    assert array.shape == SHAPE and not can_grow(array, SHAPE[0] + 1)


def test_arrays_that_grow_where_they_are_give_the_same_complex() -> None:
    """With a limit on memory nothing is reserved: arrays are copied each time."""
    net, box = random_network([3, 28, 28, 1], 2), sg.Box([-1] * 3, [1] * 3)
    one, two = (sg.enumerate_regions(net, box, max_bytes=limit) for limit in (None, 10**9))
    assert one.f_vector == two.f_vector and one.n_cells > 5000
    assert np.array_equal(one.vertices, two.vertices) and np.array_equal(one.vertex_errors, two.vertex_errors)
    for mine, theirs in zip(one.faces, two.faces, strict=True):
        assert np.array_equal(mine.offsets, theirs.offsets) and np.array_equal(mine.indices, theirs.indices)
    assert np.array_equal(one.signs.positive, two.signs.positive) and one.certificate.exact == two.certificate.exact


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
