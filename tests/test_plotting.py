"""Plots: what they draw, not how it looks."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import specgeo as sg

pytest.importorskip("matplotlib", reason="needs the extra viz")
plotting = pytest.importorskip("specgeo.plotting")


@pytest.fixture(scope="module")
def plane(random_network):
    return sg.enumerate_regions(random_network([2, 8, 6, 2], seed=3), sg.Box([-1, -2], [1, 2]))


@pytest.fixture(scope="module")
def line(random_network):
    return sg.enumerate_regions(random_network([1, 8, 6, 2], seed=3), sg.Box([-1], [1]))


def shoelace(corners):
    x, y = corners.T
    return 0.5 * float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def test_polygons_are_the_cells_counter_clockwise(plane):
    found = plotting.polygons(plane)
    assert len(found) == plane.n_cells
    np.testing.assert_allclose([shoelace(p) for p in found], plane.volumes, rtol=1e-9, atol=1e-15)


def test_vertex_values_are_the_network(plane, random_network):
    net = random_network([2, 8, 6, 2], seed=3)
    for output in (0, 1):
        np.testing.assert_allclose(
            plotting.vertex_values(plane, output), net(plane.vertices)[:, output], atol=1e-12
        )
    with pytest.raises(sg.InvalidInputError, match="output"):
        plotting.vertex_values(plane, 2)


@pytest.mark.parametrize("color", ["value", "gradient"])
def test_region_map(plane, color, tmp_path):
    figure = plotting.region_map(plane, color=color, output=1)
    figure.savefig(tmp_path / "map.png", dpi=40)
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    axes = figure.axes[0]
    np.testing.assert_allclose([*axes.get_xlim(), *axes.get_ylim()], [-1, 1, -2, 2])
    edges = axes.collections[-1].get_segments()
    assert len(edges) == plane.f_vector[1]


def test_function_plot_passes_through_every_kink(line):
    figure = plotting.function_plot(line)
    drawn = figure.axes[0].lines
    assert len(drawn) == 2
    np.testing.assert_allclose(drawn[1].get_xdata(), np.sort(line.vertices[:, 0]))


def test_wrong_dimensions_are_refused(plane, line):
    actions = (plotting.region_map, line), (plotting.polygons, line), (plotting.function_plot, plane)
    for action, cx in actions:
        with pytest.raises(sg.UnsupportedError, match="slice"):
            action(cx)
    with pytest.raises(sg.InvalidInputError, match="color"):
        plotting.region_map(plane, color="rainbow")


@pytest.mark.parametrize("count", [50, 1000])
def test_spectrum_plot_guides_have_their_slopes(count):
    k = np.geomspace(0.5, 500.0, count)
    figure = plotting.spectrum_plot(np.append(k, 0.0), np.append(k**-2.5, 7.0), np.append(k**-2.4, 7.0))
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    for exponent in (2, 3):
        x, y = lines[f"$k^{{-{exponent}}}$"].get_data()
        np.testing.assert_allclose(np.polyfit(np.log(x), np.log(y), 1)[0], -exponent)
    assert any("sampled" in label for label in lines)
    assert figure.axes[0].get_xlim()[0] > 0.0  # k = 0 is left out


def test_spectrum_plot_of_zeros_and_mismatched_shapes(tmp_path):
    plotting.spectrum_plot(np.arange(1.0, 9.0), np.zeros(8)).savefig(tmp_path / "zero.png")
    with pytest.raises(sg.InvalidInputError, match="exact"):
        plotting.spectrum_plot(np.ones((3, 2)), np.ones(4))


def test_shell_means_against_a_loop():
    rng = np.random.default_rng(0)
    size, amplitude = rng.uniform(1.0, 100.0, 500), rng.normal(size=500)
    centers, values = plotting.shell_means(size, amplitude, 7)
    edges = np.geomspace(size.min(), size.max() * (1 + 1e-12), 8)
    for i, (center, value) in enumerate(zip(centers, values, strict=True)):
        inside = (size >= edges[i]) & (size < edges[i + 1])
        assert value == pytest.approx(np.sqrt(np.mean(amplitude[inside] ** 2)))
        assert edges[i] <= center <= edges[i + 1]


def test_without_matplotlib_the_message_names_the_extra():
    code = (
        "import sys; sys.modules['matplotlib'] = None; sys.modules['matplotlib.figure'] = None\n"
        "sys.modules['matplotlib.backends.backend_agg'] = None\n"
        "from specgeo.plotting import new_figure\n"
        "try: new_figure()\n"
        "except ImportError as e: print(type(e).__name__, e)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert out.startswith("MissingDependencyError") and "specgeo[viz]" in out
