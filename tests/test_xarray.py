"""Labelled arrays: what stands under a label is what the object has there."""

import numpy as np
import pytest

import specgeo as sg

pytest.importorskip("xarray")


def test_cells():
    net = sg.testing.random_network([2, 6, 6, 2], 0)
    cx = sg.enumerate_regions(net, sg.Box(-1, 1, dim=2))
    data = cx.to_xarray()
    assert data.sizes == {"cell": cx.n_cells, "input": 2, "output": 2, "unit": 12}
    np.testing.assert_allclose(data["value"], net(cx.centroids), atol=1e-12)
    assert data.gradient.sel(cell=5, output=1, input="x_0") == cx.gradients[5, 1, 0]
    second = data.pattern.where(data.layer == 1, drop=True)  # units of the second hidden layer
    np.testing.assert_array_equal(second.astype(bool), cx.patterns[:, 6:])
    assert float((data["value"] * data.volume).sum("cell")[0]) == pytest.approx(float(cx.means[:, 0] @ cx.volumes))


def test_spectra():
    line = sg.enumerate_regions(sg.testing.random_network([1, 8, 1], 0), sg.Box([-1], [1]))
    radial = sg.radial_spectrum(line, np.linspace(1, 9, 7))
    data = radial.to_xarray().set_coords("t")
    np.testing.assert_array_equal(data.power.values, radial.power)
    np.testing.assert_array_equal(data.t.values, radial.t)
    plane = sg.enumerate_regions(sg.testing.random_network([2, 6, 1], 0), sg.Box(-1, 1, dim=2))
    for extension in ("mirror", "periodic"):
        sampled = sg.fourier.sampled_spectrum(plane, [8, 6], extension)
        data = sampled.to_xarray()
        for index in ((0, 0), (2, 1), (-1, 2)):
            mode = dict(zip(("n_0", "n_1"), sampled.modes[index].tolist(), strict=True))
            assert data.exact.sel(mode).values == sampled.exact[index]
    path = sg.theory.path_spectrum(sg.testing.random_network([2, 6, 1], 0), [[0, 0]], [[1, 1]], [0, 1, 5])
    data = path.to_xarray()
    assert data.coefficients.sel(path=0, mode=5, output=0) == path.coefficients[0, 2, 0]
