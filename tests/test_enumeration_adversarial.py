"""Floats chosen to mislead: one-ulp perturbations, extreme scales, subnormal weights, mixed magnitudes."""

from __future__ import annotations

import ctypes
import pickle
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import network_zoo as zoo
import numpy as np
import pytest
from naive.rational import rational_complex

import specgeo as sg
from specgeo.testing import assert_complex_valid, random_network


def agree(net: sg.Network, lower: list[float], upper: list[float], valid: bool = True) -> sg.PolyhedralComplex:
    """Right, or a clear refusal; vertices may coincide after rounding, so only combinatorics are compared."""
    cx = sg.enumerate_regions(net, sg.Box(lower, upper))
    truth = rational_complex(net, lower, upper)
    assert cx.f_vector == truth.f_vector
    assert {tuple(row) for row in cx.sign_vectors.tolist()} == truth.sign_vectors
    assert cx.certificate.certified
    if valid:
        assert_complex_valid(cx, net)
    return cx


def nudged(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each entry moved by -1, 0 or 1 ulp."""
    step = rng.integers(-1, 2, array.shape)
    return np.where(step > 0, np.nextafter(array, np.inf), np.where(step < 0, np.nextafter(array, -np.inf), array))


@pytest.mark.parametrize("seed", range(12))
def test_almost_concurrent_lines(seed: int) -> None:
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(5, 2))
    offsets = -normals @ np.array([1.0 / 3.0, 0.1])
    agree(zoo.one_layer(normals, nudged(offsets, rng)), [-1, -1], [1, 1])


@pytest.mark.parametrize("seed", range(6))
def test_almost_concurrent_planes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(5, 3))
    offsets = -normals @ np.array([1.0 / 3.0, 0.1, -0.2])
    agree(zoo.one_layer(normals, nudged(offsets, rng)), [-1] * 3, [1] * 3, valid=False)


@pytest.mark.parametrize("name", ["b1 two identical neurons", "c4 four lines through (1/3, 1/3)", "e zero bias"])
@pytest.mark.parametrize("seed", range(3))
def test_failure_networks_one_ulp_off(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    net, _ = zoo.FAILURES[name]
    weights = [nudged(w, rng) for w in net.weights]
    biases = [nudged(b, rng) for b in net.biases]
    agree(sg.Network(weights, biases), [-1.0, -1.0], [1.0, 1.0], valid=False)


@pytest.mark.parametrize("seed", range(4))
def test_almost_parallel_duplicates_in_a_deep_layer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    net = random_network([2, 4, 3, 1], seed)
    second = np.vstack((net.weights[1], nudged(net.weights[1], rng)))
    weights = [net.weights[0], second, np.ones((1, 6))]
    biases = [net.biases[0], np.concatenate((net.biases[1], net.biases[1])), [0.0]]
    agree(sg.Network(weights, biases), [-1.0, -1.0], [1.0, 1.0], valid=False)


@pytest.mark.parametrize("scale", [1e-150, 1e-100, 1e-30, 1e30, 1e100, 1e150])
@pytest.mark.parametrize("widths", [[1, 4, 3, 1], [2, 4, 3, 1], [3, 3, 2, 1]])
def test_extreme_scales_of_a_layer(scale: float, widths: list[int]) -> None:
    net = random_network(widths, 2)
    d = widths[0]
    plain = sg.enumerate_regions(net, sg.Box([-1.0] * d, [1.0] * d))
    weights = [net.weights[0] * scale, *net.weights[1:]]
    biases = [net.biases[0] * scale, net.biases[1] * scale, net.biases[2]]
    scaled = sg.Network(weights, biases)
    try:
        cx = agree(scaled, [-1.0] * d, [1.0] * d, valid=False)
    except sg.SpecgeoError:
        return
    assert cx.f_vector == plain.f_vector


@pytest.mark.parametrize("scale", [1e-150, 1e-9, 1e9, 1e150])
def test_extreme_scales_of_the_domain(scale: float) -> None:
    net = random_network([2, 4, 3, 1], 2, "zero-bias")
    try:
        agree(net, [-scale, -scale], [scale, scale], valid=False)
    except sg.SpecgeoError:
        return


@pytest.mark.parametrize("tiny", [5e-324, 1e-310, 2.2250738585072014e-308])
def test_subnormal_weights(tiny: float) -> None:
    net = sg.Network(
        [[[tiny, 0.0], [0.0, tiny], [1.0, tiny]], [[1.0, -1.0, 1.0], [1.0, 1.0, -1.0]], [[1.0, 1.0]]],
        [[0.0, tiny, 0.0], [0.0, tiny], [0.0]],
    )
    try:
        agree(net, [-1.0, -1.0], [1.0, 1.0], valid=False)
    except sg.SpecgeoError:
        return


@pytest.mark.parametrize("seed", range(4))
def test_neurons_of_very_different_size_in_one_layer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    net = random_network([2, 4, 4, 1], seed, "quarter")
    factors = 10.0 ** rng.integers(-60, 61, 4)
    weights = [net.weights[0] * factors[:, None], net.weights[1], net.weights[2]]
    try:
        agree(sg.Network(weights, [net.biases[0] * factors, *net.biases[1:]]), [-1, -1], [1, 1], valid=False)
    except sg.SpecgeoError:
        return


def test_overflowing_network_is_right_or_refused() -> None:
    huge = np.finfo(float).max
    net = sg.Network([[[huge], [-huge]], [[huge, -huge]], [[1.0]]], [[huge, huge], [0.0], [0.0]])
    try:
        agree(net, [-2.0], [2.0], valid=False)
    except sg.SpecgeoError:
        return


@pytest.mark.parametrize(
    ("weight", "bias"),
    [([[1e308, 0.0], [1.0, 0.3]], [0.0, -0.1]), ([[1e308, 1e307], [1.0, 0.3]], [0.0, -0.1])],
    ids=["axis", "slanted"],
)
def test_difference_of_end_values_overflows(weight: list[list[float]], bias: list[float]) -> None:
    """A vertex between values 1.2e308 and -1.5e308: their difference is infinite and proves no position."""
    agree(sg.Network([weight, [[1.0, 1.0]]], [bias, [0.0]]), [-1.5, -1.0], [1.2, 1.0], valid=False)


def test_difference_of_end_values_overflows_on_a_line() -> None:
    cx = agree(sg.Network([[[1e308], [1.0]], [[1.0, 1.0]]], [[0.0, -0.5], [0.0]]), [-1.5], [1.2], valid=False)
    assert np.allclose(np.sort(cx.vertices.ravel()), [-1.5, 0.0, 0.5, 1.2], rtol=0, atol=1e-15)


@pytest.mark.parametrize("seed", range(10))
def test_one_huge_neuron(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.uniform(-1, 1, (4, 2))
    first[0] /= np.abs(first[0]).sum()
    first[0] *= 1.2e308
    net = sg.Network(
        [first, [[0, 1.0, 1, -1], [0, 1, -1, 0.5]], [[1.0, 1.0]]],
        [[0.0, *rng.uniform(-0.3, 0.3, 3)], rng.uniform(-0.3, 0.3, 2), [0.0]],
    )
    agree(net, [-1.4, -1.3], [1.2, 1.4], valid=False)


@pytest.mark.parametrize(("inner", "outer"), [(1e-160, 1e-160), (1e-200, 1e-300), (1e-170, 1e-150)])
@pytest.mark.parametrize("dim", [1, 2])
def test_row_of_a_plane_underflows(dim: int, inner: float, outer: float) -> None:
    """A row of zeros after underflow belongs to a unit that is not zero."""
    first = np.array([[inner, 0.0], [0.0, inner], [1.0, 1.0]])[:, :dim]
    if dim == 1:
        first[1, 0] = inner
    net = sg.Network(
        [first, [[0, 0, 1.0], [3 * outer, -2.02 * outer, 0]], [[1.0, 1.0]]],
        [[2 * inner, 3 * inner, 5.0], [-4.9, 0.0], [0.0]],
    )
    agree(net, [-1.0] * dim, [1.0] * dim, valid=False)


@pytest.mark.parametrize("scale", [1e-155, 1e-300, 1e250])
def test_products_underflow_on_a_huge_domain(scale: float) -> None:
    rng = np.random.default_rng(0)
    net = sg.Network(
        [rng.normal(size=(3, 2)) * scale, rng.normal(size=(3, 3)) * scale, [[1.0] * 3]],
        [rng.normal(size=3) * scale * 1e50, rng.normal(size=3) * min(scale, 1e-160) ** 1.5, [0.0]],
    )
    try:
        agree(net, [-1e50, -1e50], [1e50, 1e50], valid=False)
    except sg.SpecgeoError:
        return


def test_exact_vertices_where_cells_are_smaller_than_an_ulp() -> None:
    """The wall of a boundary facet is known, not guessed from rounded vertices."""
    rng = np.random.default_rng(880)
    upper = 1.0 + 2.0**-40
    normals = rng.normal(size=(3, 2))
    near = -(normals @ np.full(2, upper)) * (1 - 2.0**-52)
    net = sg.Network([normals, [[1.0] * 3]], [near, [0.0]])
    cx = agree(net, [1.0, 1.0], [upper, upper], valid=False)
    assert cx.reprove().proved


def test_difference_of_bias_and_threshold_overflows() -> None:
    """A unit without inputs is not zero because its bias minus its threshold is infinite."""
    bend = sg.Activation([-1.5e308], [1.0, 0.5])
    net = sg.Network([[[0.0], [1.0]], np.ones((1, 2))], [[1.5e308, 0.0], [0.0]], activation=bend)
    cx = sg.enumerate_regions(net, sg.Box([-1.0], [1.0]))
    assert cx.sign_vectors.tolist() == [[1, 1]] and cx.certificate.certified


def test_domain_of_which_the_sum_of_extents_overflows() -> None:
    agree(random_network([2, 4, 1], 0), [-1e308, -1e308], [1e308, 1e308], valid=False)


def test_float_only_enumeration_says_that_it_is_not_certified() -> None:
    net = random_network([2, 8, 8, 1], 0)
    cx = sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]), exact=False)
    assert not cx.certificate.certified
    assert cx.f_vector == sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1])).f_vector


def test_budget_stops_the_run() -> None:
    with pytest.raises(sg.BudgetError, match="max_cells"):
        sg.enumerate_regions(random_network([2, 32, 32, 1], 0), sg.Box([-1, -1], [1, 1]), max_cells=100)


def test_a_budget_of_cells_stops_before_memory_runs_out() -> None:
    """Faces of low dimension are cut first: they alone tell that there will be too many cells."""
    resource = pytest.importorskip("resource")
    net, box = random_network([8, 40, 1], 0), sg.Box([-1.0] * 8, [1.0] * 8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(sg.BudgetError, match="max_cells"):
        sg.enumerate_regions(net, box, max_cells=10)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kilobytes


@pytest.mark.parametrize("widths", [[1, 6, 4, 1], [2, 5, 4, 1], [3, 4, 3, 1], [4, 5, 1]])
def test_the_budget_of_cells_is_sharp(widths: list[int]) -> None:
    net, box = random_network(widths, 1), sg.Box([-1.0] * widths[0], [1.0] * widths[0])
    n = sg.enumerate_regions(net, box).n_cells
    assert sg.enumerate_regions(net, box, max_cells=n).n_cells == n
    with pytest.raises(sg.BudgetError):
        sg.enumerate_regions(net, box, max_cells=n - 1)


def test_a_budget_of_bytes() -> None:
    net, box = random_network([3, 32, 32, 1], 0), sg.Box([-1.0] * 3, [1.0] * 3)
    with pytest.raises(sg.BudgetError, match="max_bytes.*raise"):
        sg.enumerate_regions(net, box, max_bytes=10_000_000)
    assert sg.enumerate_regions(net, box, max_bytes=1_000_000_000).n_cells == 40141


def test_high_dimension_needs_no_quadratic_work_space() -> None:
    cx = sg.enumerate_regions(random_network([6, 14, 1], 0), sg.Box([-1.0] * 6, [1.0] * 6), max_bytes=2_000_000_000)
    assert sum((-1) ** k * n for k, n in enumerate(cx.f_vector)) == 1


def test_a_thread_that_flushes_subnormals_is_refused() -> None:
    """Arithmetic in which tiny results vanish, as after loading a library made with -ffast-math."""
    if sys.platform != "linux" or shutil.which("gcc") is None or platform.machine() != "x86_64":
        pytest.skip("needs gcc on Linux x86-64")
    program = """if True:
        import ctypes, pathlib, subprocess, sys
        import specgeo as sg
        net = sg.Network([[[3e-308], [1.0]], [[1.0, -1e-308]], [[1.0]]], [[2e-308, 0.5], [-3e-308], [0.0]])
        folder = pathlib.Path(sys.argv[1])
        (folder / "e.c").write_text("int e(void) { return 0; }")
        subprocess.run(["gcc", "-shared", "-fPIC", "-ffast-math", "-o", folder / "e.so", folder / "e.c"], check=True)
        ctypes.CDLL(str(folder / "e.so"))
        if 2.0**-1022 * float("0.5") > 0.0:
            sys.exit("this compiler's -ffast-math leaves subnormals alone")
        try:
            sg.enumerate_regions(net, sg.Box([-1.0], [1.0]))
        except sg.UnsupportedError as error:
            print(error)
    """
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True)
    if "leaves subnormals alone" in run.stderr:
        pytest.skip(run.stderr.strip())
    assert run.returncode == 0, run.stderr
    assert "exact:" in run.stdout and "another thread" in run.stdout


@pytest.mark.parametrize("mode", ["upward", "downward", "towards zero"])
def test_a_thread_that_does_not_round_to_nearest_is_refused(mode: str) -> None:
    """Every error bound assumes rounding to nearest; floats that are taken at their word do not."""
    codes = {
        "x86_64": {"upward": 0x800, "downward": 0x400, "towards zero": 0xC00},
        "aarch64": {"upward": 0x400000, "downward": 0x800000, "towards zero": 0xC00000},
    }
    if sys.platform != "linux" or platform.machine() not in codes:
        pytest.skip("knows the rounding modes of Linux on x86-64 and arm64")
    library = ctypes.CDLL("libm.so.6")
    net, box, found = random_network([2, 6, 1], 0), sg.Box([-1, -1], [1, 1]), []
    cells = sg.enumerate_regions(net, box).n_cells

    def work() -> None:
        assert library.fesetround(codes[platform.machine()][mode]) == 0
        try:
            with pytest.raises(sg.UnsupportedError, match="exact: .* does not round to nearest.*another thread"):
                sg.enumerate_regions(net, box)
            found.append(sg.enumerate_regions(net, box, exact=False))
        finally:
            library.fesetround(0)
        found.append(sg.enumerate_regions(net, box))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [cx.n_cells for cx in found] == [cells, cells]
    assert [cx.certificate.certified for cx in found] == [False, True]


def test_signs_of_rounded_values_are_never_called_certified(tmp_path: Path) -> None:
    net, box = random_network([2, 6, 1], 0), sg.Box([-1, -1], [1, 1])
    for exact in (True, False):
        cx = sg.enumerate_regions(net, box, exact=exact)
        cx.save(tmp_path / "cx.npz")
        for certificate in (cx.certificate, sg.load_complex(tmp_path / "cx.npz").certificate):
            assert certificate.certified is certificate.to_dict()["certified"] is exact
            assert str(certificate).startswith("certified: " if exact else "not certified: ")
            assert "exact=False" in str(certificate) or exact
    assert cx.certificate.exact == cx.certificate.refined_filter == 0 < cx.certificate.decisions


def test_a_network_does_not_change() -> None:
    net = random_network([2, 4, 1], 0)
    with pytest.raises(AttributeError, match="make a new one"):
        net.biases = (net.biases[0] + 0.3, net.biases[1])
    again = pickle.loads(pickle.dumps(net))
    assert all(np.array_equal(a, b) for a, b in zip(net.weights, again.weights, strict=True))
