"""Random and named networks for the theory tests, with complexes kept for the session."""

from __future__ import annotations

from functools import cache

import numpy as np

import specgeo as sg

KINDS = ("he", "zero bias", "integer")
SHAPES = ((1, (6,)), (1, (5, 4, 4)), (2, (6,)), (2, (7, 6)), (2, (4, 4, 3, 3)), (3, (4,)), (3, (4, 3)))


def random_network(d: int, widths: tuple[int, ...], kind: str = "he", seed: int = 0, outputs: int = 1) -> sg.Network:
    """He weights with small biases, the same without biases, or whole numbers in -2..2."""
    seeds = np.random.SeedSequence([seed, d, *widths, KINDS.index(kind)])
    return sg.testing.random_network([d, *widths, outputs], seeds, kind.replace(" ", "-"), bias=0.5)


@cache
def random_case(d: int, widths: tuple[int, ...], kind: str = "he", seed: int = 0):
    """A random network with its complex on [-1, 1]^d."""
    net = random_network(d, widths, kind, seed)
    return net, sg.enumerate_regions(net, sg.Box([-1.0] * d, [1.0] * d))


@cache
def tent(d: int, half_width: float = 1.0, height: float = 1.0, side: float = 1.5):
    """height * max(0, 1 - |x|_1 / half_width) with its complex on [-side, side]^d."""
    eye = np.eye(d)
    net = sg.Network(
        [np.concatenate((eye, -eye)), -np.ones((1, 2 * d)) / half_width, [[height]]], [np.zeros(2 * d), [1.0], [0.0]]
    )
    return net, sg.enumerate_regions(net, sg.Box([-side] * d, [side] * d))


def random_wavevectors(d: int, n: int, low: float = 0.3, high: float = 300.0, seed: int = 1) -> np.ndarray:
    """Isotropic directions, log-uniform lengths; the axes among them."""
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(n, d))
    u[:d] = np.eye(d)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    return u * np.exp(rng.uniform(np.log(low), np.log(high), (n, 1)))
