"""Work space is used again only when nothing looks into it, and results never live in it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import specgeo as sg
from specgeo.enumeration import _memory, _run, begin
from specgeo.enumeration._layout import State
from specgeo.enumeration._memory import Loans, can_grow, give_back, grown, held_bytes, workspace
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


@pytest.mark.own_groups
@pytest.mark.parametrize(("cuts", "spare"), [(1, 16), (3, 16), (1, 1 << 14)])
def test_cutting_goes_on_where_it_stopped(cuts: int, spare: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel returns after every few cuts, and whenever there is no room for one more, into arrays just larger."""
    cases = [(random_network([d, *widths, 1], 3), sg.Box([-1] * d, [1] * d)) for d, widths in WIDTHS]
    expected = [everything(sg.enumerate_regions(net, box, executor=1)) for net, box in cases]
    with_room, grows = _run.with_room, []

    def with_little_room(state: State, reserve: int = 1, **wanted: int) -> State:
        if "planes" in wanted:
            return with_room(state, **wanted)
        grows.append(wanted)  # twice what is needed
        assert len(grows) < 10_000, "it asks for room, gets it, and asks again"
        return with_room(state, 1, **{kind: (rows + 1) // 2 for kind, rows in wanted.items()})

    monkeypatch.setattr(begin, "_SPARE_CELLS", spare)
    monkeypatch.setattr(_run, "with_room", with_little_room)
    monkeypatch.setattr(_run, "_CUTS_A_CALL", cuts)
    for (net, box), arrays in zip(cases, expected, strict=True):
        assert everything(sg.enumerate_regions(net, box, executor=1)) == arrays
    assert len(grows) > 50 and {"vertices", "pool"} <= {kind for each in grows for kind in each}


WIDTHS = [(1, (12, 12)), (2, (8, 8)), (2, (80, 10)), (2, (24, 16)), (3, (8, 8, 8)), (3, (14, 14)), (4, (6, 6))]


def test_another_thread_has_its_own() -> None:
    where = workspace(SHAPE, np.float64).ctypes.data
    seen = []
    thread = threading.Thread(target=lambda: seen.append(workspace(SHAPE, np.float64).ctypes.data))
    thread.start()
    thread.join()
    assert seen[0] != where


def pair(n: int) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    return np.zeros(n), (np.ones(n),)


def test_what_is_given_back_is_lent_again_to_one_at_a_time() -> None:
    loans, other = Loans(), Loans()
    first = loans.take(pair, 5)
    assert other.take(pair, 5) is not first
    assert held_bytes(loans.arrays()) == 80
    loans.give_back()
    again = Loans()
    assert again.take(pair, 6) is not first
    assert again.take(pair, 5) is first
    assert again.take(pair, 5) is not first
    assert Loans(kept=False).take(pair, 5) is not first


def test_no_more_is_lent_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_memory, "_LENT", 100)
    loans = Loans()
    first = loans.take(pair, 5)
    loans.give_back()
    assert give_back(1000) == 80
    assert (loans.take(pair, 5) is first) and (loans.take(pair, 2) is not first)
    loans.give_back()
    assert give_back(1000) == 0
    assert loans.take(pair, 5) is not first


def everything(cx: sg.PolyhedralComplex) -> list[bytes]:
    assert cx.vertex_errors is not None and cx.facet_walls is not None and cx.signs is not None
    arrays = [cx.vertices, cx.vertex_errors, cx.facet_walls, cx.signs.positive, cx.signs.negative]
    return [part.tobytes() for part in (*arrays, *(x for f in cx.faces for x in (f.offsets, f.indices)))]


def test_runs_are_the_same_after_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Among them are runs that end early, run inside others, and leave signs to exact arithmetic."""
    degenerate = [[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [-0.1, 0.3]], [[1.0, -1.0, 0.5, 0.1], [0.1, 0.2, 0.3, -0.3]]]
    exact = sg.Network([*degenerate, [[1.0, 1.0]]], [[0.0] * 4, [0.0] * 2, [0.0]])
    boxes = sg.Box([-1, -1], [1, 1]), sg.Box([-0.0, -1.0], [2.0, 0.5])
    planar = exact, random_network([2, 9, 9, 1], 0), random_network([2, 70, 1], 1)
    cases: list[tuple[sg.Network, sg.Box | sg.Polytope]] = [(net, box) for net in planar for box in boxes]
    cases.append((exact, sg.Polytope([[-1, 0], [0, -1], [1, 1]], [0.5, 0.5, 1])))
    cases += [(random_network([d, 5, 4, 1], d), sg.Box(-1, 1, dim=d)) for d in (1, 3, 4)]

    def alone(net: sg.Network, box: sg.Box | sg.Polytope) -> list[bytes]:
        monkeypatch.setattr(_memory, "_local", threading.local())
        return everything(sg.enumerate_regions(net, box))

    expected = [alone(*case) for case in cases]
    assert sg.enumerate_regions(*cases[0]).certificate.exact > 0
    inside: list[list[bytes]] = []
    for _ in range(2):
        for (net, box), wanted in zip(cases, expected, strict=True):
            assert everything(sg.enumerate_regions(net, box)) == wanted
            with pytest.raises(sg.BudgetError):
                sg.enumerate_regions(net, box, max_cells=1)

            def tell(*_: object, net: sg.Network = net, box: sg.Box | sg.Polytope = box) -> None:
                inside.append(everything(sg.enumerate_regions(net, box)))

            assert everything(sg.enumerate_regions(net, box, progress=tell)) == wanted
            assert inside and all(one == wanted for one in inside)
            inside.clear()


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
