"""Region-count bounds: published values, the sum behind the dynamic program, exact counts below every bound."""

from __future__ import annotations

import json
from itertools import product
from math import comb, log10, prod

import numpy as np
import pytest

import specgeo as sg
from specgeo.theory import counting as c
from specgeo.theory import hanin_rolnick as hr

# n_0, widths, 2^N, Pascanu, Montufar 2014, Serra lower, Raghu, Montufar 2017, Serra upper
TABLE = [
    (1, [3], 8, 4, 4, 4, 4, 4, 4),
    (1, [3, 3], 64, 12, 12, 16, 16, 16, 16),
    (1, [4, 4, 4], 4096, 80, 80, 125, 125, 125, 125),
    (2, [4], 16, 11, 11, None, 11, 11, 11),
    (2, [3, 3], 64, 7, 7, None, 49, 49, 40),
    (2, [4, 4], 256, 22, 44, None, 121, 121, 121),
    (2, [6, 6], 4096, 66, 198, 352, 484, 484, 484),
    (2, [8, 8, 8], 16777216, 592, 9472, 23125, 50653, 50653, 50653),
    (3, [5, 3, 5], 8192, 26, 26, None, 5408, 5408, 2308),
    (2, [2, 8], 1024, 37, 37, None, 148, 148, 56),
    (2, [8, 2], 1024, 16, 64, None, 148, 148, 148),
]


def serra_by_sum(d: int, widths: list[int]) -> int:
    """The sum of Serra et al. 2018, Theorem 1, term by term."""
    total = 0
    for js in product(*(range(min(d, n) + 1) for n in widths)):
        limit, fine = d, True
        for j, n in zip(js, widths, strict=True):
            fine &= j <= min(limit, n)
            limit = min(limit, n - j)
        if fine:
            total += prod(comb(n, j) for n, j in zip(widths, js, strict=True))
    return total


@pytest.mark.parametrize("row", TABLE)
def test_reference_table(row: tuple) -> None:
    d, widths, *expected = row
    values = [c.trivial_upper(widths), c.pascanu_lower(d, widths), c.montufar2014_lower(d, widths)]
    values += [c.serra_lower(d, widths), c.raghu_upper(d, widths), c.montufar2017_upper(d, widths)]
    assert [*values, c.serra_upper(d, widths)] == expected


@pytest.mark.parametrize(
    ("d", "expected"),
    [(1, [385.32, 12.04, 12.04, 12.05, 12.05, 12.05, 12.05]), (2, [385.32, 12.95, 21.37, 21.40, 22.59, 22.59, 22.59])],
)
def test_networks_of_the_paper(d: int, expected: list[float]) -> None:
    w = [256] * 5
    values = [c.trivial_upper(w), c.pascanu_lower(d, w), c.montufar2014_lower(d, w), c.serra_lower(d, w)]
    values += [c.raghu_upper(d, w), c.montufar2017_upper(d, w), c.serra_upper(d, w)]
    assert [round(log10(v), 2) for v in values] == expected


def test_serra_dynamic_program_is_the_sum() -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        d = int(rng.integers(1, 5))
        widths = rng.integers(1, 7, rng.integers(1, 5)).tolist()
        assert c.serra_upper(d, widths) == serra_by_sum(d, widths)
        assert c.serra_upper(d, widths) <= c.montufar2017_upper(d, widths) <= c.raghu_upper(d, widths)
        assert c.raghu_upper(d, widths) <= c.trivial_upper(widths)
        lower = c.serra_lower(d, widths)
        assert lower is None or c.pascanu_lower(d, widths) <= lower <= c.serra_upper(d, widths)


def test_ranks_limit_serra() -> None:
    assert c.serra_upper(2, [8, 8], [2, 2]) == c.serra_upper(2, [8, 8])
    assert c.serra_upper(2, [8], [1]) == 9  # parallel lines
    assert c.serra_upper(2, [8, 3], [0, 2]) == c.zaslavsky(3, 2)


def test_s_piece_and_maxout() -> None:
    assert c.s_piece(3, 2, 3) == 19
    assert c.s_piece(7, 3, 2) == c.zaslavsky(7, 3)
    assert c.maxout_upper(2, [5], 2) == c.zaslavsky(5, 2)
    assert c.arora_lower(2, 3, 4, 3) == 96


@pytest.mark.parametrize(("d", "widths"), [(1, [5, 4, 4]), (2, [4]), (2, [5, 5]), (3, [4, 3]), (2, [2, 6])])
@pytest.mark.parametrize("kind", ["he", "zero bias", "integer"])
def test_exact_counts_below_every_upper_bound(d: int, widths: list[int], kind: str) -> None:
    rng = np.random.default_rng(hash((d, *widths)) % 1000)
    sizes = [d, *widths, 1]
    draw = (lambda *s: rng.integers(-2, 3, s)) if kind == "integer" else (lambda *s: rng.normal(size=s))
    weights = [draw(b, a) for a, b in zip(sizes[:-1], sizes[1:], strict=True)]
    biases = [np.zeros(b) if kind == "zero bias" else draw(b) * 0.3 for b in sizes[1:]]
    net = sg.Network(weights, biases)
    table = c.region_table(net, sg.enumerate_regions(net, sg.Box([-2] * d, [2] * d)))
    assert len(table.checks) == 4
    assert all(check.holds for check in table.checks), str(table)
    assert 1 <= table.distinct_maps <= table.linear_regions <= table.activation_regions
    assert json.loads(json.dumps(table.to_dict()))["activation_regions"] == table.activation_regions


def test_one_layer_reaches_zaslavsky() -> None:
    """Four lines in general position whose crossings all lie in the box: 11 regions."""
    net = sg.Network([[[1, 0], [0, 1], [1, 1], [1, -1]], [[1, 2, 3, 4]]], [[0, 0, -0.25, 0.5], [0]])
    table = c.region_table(net, sg.enumerate_regions(net, sg.Box([-9, -9], [9, 9])))
    assert table.activation_regions == c.zaslavsky(4, 2) == 11


def test_hard_tanh_uses_the_pieces() -> None:
    net = sg.Network([np.eye(2)[[0, 1, 1]] + 0.3, [[1, 2, 3]]], [[0.0, 0.1, 0.4], [0]], "hard_tanh")
    table = c.region_table(net, sg.enumerate_regions(net, sg.Box([-5, -5], [5, 5])))
    assert table.bounds[0].value == 19
    assert all(check.holds for check in table.checks)


@pytest.mark.parametrize(
    "call",
    [
        lambda: c.zaslavsky(3, 0),
        lambda: c.raghu_upper(2, [3, 0]),
        lambda: c.s_piece(3, 2, 0),
        lambda: c.serra_upper(2, [3], [1, 1]),
        lambda: c.maxout_upper(2, [3], 0),
    ],
)
def test_bad_shapes_are_refused(call) -> None:
    with pytest.raises(sg.InvalidInputError):
        call()


def test_shallow_expectation_closed_form_and_monte_carlo() -> None:
    exact = hr.expected_kinks_shallow(10, 2**0.5, 0.7)
    assert round(exact, 4) == 3.5370
    rng = np.random.default_rng(1)
    w, b = 2**0.5 * rng.normal(size=(40000, 10)), 0.7 * rng.normal(size=(40000, 10))
    kinks = ((-b / w > 0) & (-b / w < 1)).sum(axis=1)
    assert abs(kinks.mean() - exact) < 4 * kinks.std() / 200
    result = hr.expected_boundary(sg.Box([0], [1]), [10], 2**0.5, 0.7, 20000, 3, confidence=0.9999)
    assert result.lower < exact < result.upper
    assert result.upper - result.lower < 0.2
    bound = hr.kink_density_bound(10, 2**0.5 * (2 / np.pi) ** 0.5, 1 / ((2 * np.pi) ** 0.5 * 0.7))
    assert round(bound, 2) == 6.43
    assert exact < bound
    assert hr.hanin_rolnick_regions(20, 2, 1.0) == 200


@pytest.mark.parametrize("visible", [True, False])
def test_coarea_integral_against_enumeration(visible: bool) -> None:
    """Expected kinks of 1-3-2-1: the integral against kinks counted in enumerated networks."""
    widths, w_std, b_std, draws = (3, 2), (1.5, 1.0), (0.5, 0.4), 1200
    domain = sg.Box([-1], [1])
    rng = np.random.default_rng(5)
    counts = np.empty(draws)
    for i in range(draws):
        weights = [w_std[0] * rng.normal(size=(3, 1)), w_std[1] * rng.normal(size=(2, 3)), rng.normal(size=(1, 2))]
        biases = [b_std[0] * rng.normal(size=3), b_std[1] * rng.normal(size=2), [0.0]]
        cx = sg.enumerate_regions(sg.Network(weights, biases), domain)
        counts[i] = np.sum(np.abs(cx.facets.jumps[:, 0]) > 1e-13) if visible else cx.n_cells - 1
    result = hr.expected_boundary(domain, widths, w_std, b_std, 20000, 6, visible_only=visible)
    sigma = np.hypot(counts.std() / draws**0.5, (result.upper - result.lower) / 3.92)
    assert abs(counts.mean() - result.mean) < 4 * sigma
    assert sum(result.by_layer) == pytest.approx(result.mean)
