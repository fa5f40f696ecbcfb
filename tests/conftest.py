"""What all tests share: the folder of real networks, and nets made from seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

import specgeo as sg
from specgeo.enumeration import groups

ROOT = Path(__file__).parent.parent
REAL_NETWORKS = ROOT.parent / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--groups", type=int, help="glue complexes from groups of random sizes and layers; a seed")


@pytest.fixture(autouse=True)
def any_groups(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``--groups``: complexes in two and more dimensions are glued, in each test from groups of other sizes."""
    seed = request.config.getoption("--groups")
    if seed is None or request.node.get_closest_marker("own_groups"):
        return
    random = Random(f"{seed} {request.node.nodeid}")
    cells = random.choice([1, 3, 10, 50])
    sizes = {
        "GLUED_FACES": random.choice([1, 30, 300]),
        "GLUED_LAST": 1,
        "HEAD_CELLS": random.choice([2, 20, 200]),
        "LEAST_CELLS": cells,
        "MOST_CELLS": cells,
        "FEWEST": random.choice([30, 10**6]),
        "GROUP_BYTES": 0,
    }
    for name, size in sizes.items():
        monkeypatch.setattr(groups, name, size)


@pytest.fixture(scope="session")
def real_networks() -> Path:
    """Folder with the real networks of other projects; tests that need it are skipped without it."""
    if not (REAL_NETWORKS / "spiky_nnet.nnet").is_file():
        pytest.skip("needs the real networks, which are not part of this repository (../shared/data)")
    return REAL_NETWORKS


@pytest.fixture(scope="session")
def examples() -> Path:
    """Folder of the example networks."""
    return ROOT / "examples"


@pytest.fixture(scope="session")
def random_network() -> Callable[..., sg.Network]:
    """`specgeo.testing.random_network` with larger biases: ``random_network([d, n_1, ..., m], seed, activation)``."""

    def make(widths: list[int], seed: int = 0, activation: str | sg.Activation = "relu") -> sg.Network:
        return sg.testing.random_network(widths, rng=seed, activation=activation, bias=0.5)

    return make
