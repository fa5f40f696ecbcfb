"""What all tests share: the folder of real networks, and nets made from seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import specgeo as sg

ROOT = Path(__file__).parent.parent
REAL_NETWORKS = ROOT.parent / "shared" / "data"


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
