"""Exact Lipschitz constants: difference quotients below, norms above."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.sparse import csr_array
from theory_cases import KINDS, SHAPES, random_case, random_network, tent

import specgeo as sg
from specgeo.theory import lipschitz as lp


@pytest.mark.parametrize(("d", "widths"), SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_chain_and_difference_quotients(d: int, widths: tuple[int, ...], kind: str) -> None:
    net, cx = random_case(d, widths, kind)
    chain = lp.lipschitz_chain(net, cx)
    assert all(check.holds for check in chain.checks), str(chain)
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (2, 500, d))
    distance = np.linalg.norm(x - y, axis=1)
    difference = np.abs(net(x) - net(y))[:, 0]
    assert np.all(difference <= chain.exact * distance + 1e-14 * (1 + np.abs(net(x)[:, 0])))
    # reached: along the gradient inside the arg-max cell
    if chain.exact > 0:
        u = cx.gradients[chain.cell, 0] / chain.exact
        h = 1e-7
        there = cx.centroids[chain.cell]
        assert (net(there + h * u) - net(there - h * u))[0] / (2 * h) == pytest.approx(chain.exact, rel=1e-5)


def test_several_outputs_use_the_spectral_norm() -> None:
    net = random_network(2, (5,), outputs=3)
    cx = sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]))
    norms = [np.linalg.svd(g, compute_uv=False)[0] for g in cx.gradients]
    assert lp.lipschitz_constant(cx) == pytest.approx(max(norms), rel=1e-14)
    assert lp.lipschitz_constant(cx, 1) == pytest.approx(np.linalg.norm(cx.gradients[:, 1], axis=1).max(), rel=1e-14)
    assert all(check.holds for check in lp.lipschitz_chain(net, cx).checks)


def test_equality_of_the_chain() -> None:
    """One neuron in each layer: every link is an equality."""
    net = sg.Network([[[2.0]], [[2.0]], [[-2.0]]], [[0.1], [0.2], [0.0]])
    chain = lp.lipschitz_chain(net, sg.enumerate_regions(net, sg.Box([-1], [1])))
    assert [check.ratio for check in chain.checks] == pytest.approx([1.0] * 3, rel=1e-15)
    assert all(check.holds for check in chain.checks)


@pytest.mark.parametrize("scale", [2.0**600, 2.0**-600])
@pytest.mark.parametrize("outputs", [1, 3])
def test_slopes_whose_squares_are_out_of_range(scale: float, outputs: int) -> None:
    net = random_network(2, (5,), outputs=outputs)
    steep = sg.Network([net.weights[0], scale * net.weights[1]], [net.biases[0], scale * net.biases[1]])
    box = sg.Box([-1, -1], [1, 1])
    usual, chain = (lp.lipschitz_chain(n, sg.enumerate_regions(n, box)) for n in (net, steep))
    assert chain.exact / scale == pytest.approx(usual.exact, rel=1e-14)
    assert chain.product_frobenius / scale == pytest.approx(usual.product_frobenius, rel=1e-14)
    assert all(check.holds for check in chain.checks), str(chain)
    streamed = sg.reduce_regions(steep, box, {"slopes": sg.streaming.Lipschitz()})["slopes"]
    assert streamed["all"] / scale == pytest.approx(usual.exact, rel=1e-14)


def test_sparse_weights_have_the_norms_of_dense_ones() -> None:
    dense = random_network(2, (6, 5), outputs=2)
    weights = [w * (np.abs(w) > 0.5) for w in dense.weights]
    sparse = sg.Network([csr_array(w) for w in weights], dense.biases)
    assert lp.norm_products(sparse) == pytest.approx(lp.norm_products(sg.Network(weights, dense.biases)), rel=1e-14)
    assert lp.norm_products(sg.Network([csr_array((3, 2)), np.ones((1, 3))], [np.zeros(3), np.zeros(1)]))[0] == 0.0


def test_steep_activation_enters_the_product() -> None:
    steep = sg.Activation([0.0, 1.0], [0.0, 5.0, 0.0])
    net = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]], steep)
    chain = lp.lipschitz_chain(net, sg.enumerate_regions(net, sg.Box([-1], [1])))
    assert chain.exact == 5.0 == chain.product_spectral


def test_tent_in_three_dimensions() -> None:
    assert lp.lipschitz_constant(tent(3)[1]) == pytest.approx(np.sqrt(3), rel=1e-15)


@pytest.mark.parametrize(("clip", "value"), [(0.1, 1.1e3), (0.15, 1.2e4), (0.2, 6.9e4)])
def test_weight_clips_of_the_paper(clip: float, value: float) -> None:
    assert float(f"{lp.weight_clip_bound(clip, 1, [64] * 5):.1e}") == value


def test_report_is_json() -> None:
    chain = lp.lipschitz_chain(*tent(2))
    assert json.loads(json.dumps(chain.to_dict()))["exact"] == pytest.approx(np.sqrt(2))
    assert json.dumps([check.to_dict() for check in chain.checks])
    assert "L_f 1.41421" in str(chain)
    pytest.importorskip("matplotlib")
    assert chain.plot().get_ylabel() and chain.checks[0].plot().get_title()
