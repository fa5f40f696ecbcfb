"""The memory that the library may take."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

import specgeo as sg
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


GROUPS = {
    "/proc/self/cgroup": "0::/one/two\n",
    "/sys/fs/cgroup/one/two/memory.max": "max\n",
    "/sys/fs/cgroup/one/memory.max": "5000\n",
    "/sys/fs/cgroup/one/memory.current": "3000\n",
    "/sys/fs/cgroup/one/memory.stat": "anon 1\ninactive_file 700\nactive_file 9\n",
    "/sys/fs/cgroup/memory.max": "",
}
OLD_GROUPS = {
    "/proc/self/cgroup": "9:name=systemd:/\n4:memory,hugetlb:/one\n0::/\n",
    "/sys/fs/cgroup/memory/one/memory.limit_in_bytes": "5000\n",
    "/sys/fs/cgroup/memory/one/memory.usage_in_bytes": "4000\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": "1\n",
}


@pytest.mark.parametrize(("files", "left"), [(GROUPS, [2700]), (OLD_GROUPS, [1000]), ({}, [])])
def test_the_groups_around_a_process_limit_it(
    files: dict[str, str], left: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lines(path: str) -> list[bytes]:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path].encode().splitlines()

    monkeypatch.setattr(_budget, "_lines", lines)
    assert _budget._group_bytes() == left


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


# -- the whole library, with little memory at hand


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(_budget, "available_bytes", lambda: size)


SHAPES = [
    ([1, 4000, 2, 1], "relu", (10, 30, 60)),
    ([1, 1500, 1500, 3], "relu", (20, 100)),
    ([2, 150, 100, 1], "relu", (12, 24, 48)),
    ([2, *[12] * 20, 1], "relu", (14, 30)),
    ([3, 20, 20, 1], "hard_tanh", (12, 60)),
    ([4, 14, 10, 1], "relu", (20, 60)),
    ([3, 64, 4, 1], "relu", (30, 600)),  # faces grow
    ([2, 300, 200, 1], "relu", (40, 600)),  # maps
    ([6, 10, 1], "abs", (10, 80)),
]


@pytest.mark.parametrize(("widths", "activation", "budgets"), SHAPES, ids=str)
def test_a_run_never_takes_more_than_its_budget(widths: list[int], activation: str, budgets: tuple[int, ...]) -> None:
    """Within a tenth and 16 MB, as numpy's own book-keeping sees it; and the largest budget suffices."""
    rng, pairs = np.random.default_rng(0), list(pairwise(widths))
    weights = [rng.normal(size=(b, a)) / np.sqrt(a) for a, b in pairs]
    box = sg.Box([-1.0] * widths[0], [1.0] * widths[0])
    one, none = np.eye(widths[0]), np.zeros(widths[0])
    small = sg.Network([one, one, one, np.ones((1, widths[0]))], [none, none, none, [0.0]], activation)
    sg.enumerate_regions(small, box)  # the kernels are there
    for megabytes in budgets:
        net = sg.Network(weights, [rng.normal(size=b) / 2 for _, b in pairs], activation)
        refused = ""
        tracemalloc.start()
        try:
            sg.enumerate_regions(net, box, max_bytes=megabytes * 10**6)
        except BudgetError as error:
            refused = str(error)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak <= 1.1e6 * megabytes + 16e6, (peak, megabytes, refused)
        assert not refused or ("max_bytes" in refused and "are allowed; raise max_bytes" in refused)
        assert not (refused and megabytes == budgets[-1]), refused
    sg.enumerate_regions(small, box)


def test_a_large_run_ends_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 10**8)
    rng = np.random.default_rng(0)
    widths = [2, 200, 400, 400, 1]
    net = sg.Network([rng.normal(size=(b, a)) for a, b in pairwise(widths)], [rng.normal(size=b) for b in widths[1:]])
    with pytest.raises(BudgetError, match="max_bytes: .* bytes would be needed .* are available; raise max_bytes"):
        sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]))


def test_derived_data_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cube of dimension 9: its triangulation would have more than 9! simplices, its facets nearly as many."""
    net = sg.Network([np.ones((1, 9)), [[1.0]]], [[0.5], [0.0]])
    cx = sg.enumerate_regions(net, sg.Box([-1] * 9, [1] * 9))
    wave = np.ones((1, 9))
    free(monkeypatch, 3 * 10**7)
    tracemalloc.start()
    for derive in (
        lambda: cx.facets, lambda: cx.volumes, lambda: cx.centroids,
        lambda: cx.triangulation(9), lambda: sg.spectrum(cx, wave), lambda: sg.fourier_coefficients(cx, [[1] * 9]),
        lambda: sg.ray_spectrum(cx, wave[0], [1.0]),
    ):  # fmt: skip
        with pytest.raises(BudgetError, match="simplices of dimension .* are available; shrink"):
            derive()
    assert cx.dual_graph().nnz == 2  # takes none
    made = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made < 4e7


def test_many_points_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    from specgeo.fourier.sampled import sampled_spectrum
    from specgeo.report import spectral_report

    net = sg.Network([np.eye(2), [[1.0, 2.0]]], [[0.1, 0.0], [0.0]])
    box = sg.Box([-1, -1], [1, 1])
    cx = sg.enumerate_regions(net, box)
    with pytest.raises(BudgetError, match="n_samples: 2,500,100,001 samples: .* take fewer n_samples or raise"):
        sampled_spectrum(cx, 100_000)
    with pytest.raises(BudgetError, match="n_samples: .* take fewer"):
        spectral_report(net, box, samples=100_000)
    with pytest.raises(BudgetError, match="max_bytes: .* 9,000,000 are allowed; take fewer n_samples"):
        spectral_report(net, box, samples=1000, max_bytes=9_000_000)
    free(monkeypatch, 10**7)
    waves = np.random.default_rng(0).normal(size=(10**6, 2))
    for ask in (lambda: sg.spectrum(cx, waves), lambda: net(waves)):
        with pytest.raises(BudgetError, match="pass fewer at a time"):
            ask()


def test_a_failed_allocation_is_a_budget_error(monkeypatch: pytest.MonkeyPatch) -> None:
    net = sg.Network([np.eye(2), [[1.0, 2.0]]], [[0.1, 0.0], [0.0]])
    cx = sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]))

    def fails(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 9 GiB")

    for module, ask in (
        ("specgeo.geometry.facets.Facets", lambda: cx.facets),
        ("specgeo.geometry.locate.locate", lambda: cx.locate([[0.0, 0.0]])),
        ("specgeo.fourier.spectra.evaluate", lambda: sg.spectrum(cx, [[1.0, 0.0]])),
        ("specgeo.enumeration.enumerate.as_complex", lambda: sg.enumerate_regions(net, cx.domain)),
    ):
        monkeypatch.setattr(module, fails)
        with pytest.raises(BudgetError, match="memory ran out"):
            ask()
