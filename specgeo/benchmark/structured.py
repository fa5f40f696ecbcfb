"""Networks in the plane that are no chains of one activation a layer: residual blocks, maxima over all, over pairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from specgeo._cast import FloatArray
from specgeo.layer_activations import MaxGroups
from specgeo.network import Network


def residual(width: int, blocks: int) -> Network:
    """h = relu(A x + a), then h <- h + relu(B h + b) in each block, and a sum."""
    rng, one, none = np.random.default_rng(0), np.eye(width), np.zeros(width)
    weights, biases, kinds = [_drawn(rng, width, 2)], [_shifts(rng, width)], [["relu"] * width]
    added = one  # makes h of the values of the layer before, whose halves are added
    for _ in range(blocks):
        weights.append(np.vstack((_drawn(rng, width, width), one)) @ added)
        biases.append(np.concatenate((_shifts(rng, width), none)))
        kinds.append(["relu"] * width + ["identity"] * width)
        added = np.hstack((one, one))
    return Network([*weights, _drawn(rng, 1, width) @ added], [*biases, np.zeros(1)], kinds)


def largest(width: int, classes: int) -> Network:
    """Two layers of ReLU, and the largest of some values behind: regions, apart by classes."""
    rng = np.random.default_rng(0)
    sizes = [(width, 2), (width, width), (classes, width)]
    weights, biases = [_drawn(rng, *size) for size in sizes], [_shifts(rng, size[0]) for size in sizes]
    return Network([*weights, [[1.0]]], [*biases, [0.0]], ["relu", "relu", MaxGroups([range(classes)])])


def maxout(width: int) -> Network:
    """Two layers whose neurons are the larger of two values each."""
    rng = np.random.default_rng(0)
    weights = [_drawn(rng, 2 * width, 2), _drawn(rng, 2 * width, width), _drawn(rng, 1, width)]
    biases = [_shifts(rng, 2 * width), _shifts(rng, 2 * width), np.zeros(1)]
    pairs = MaxGroups([(2 * i, 2 * i + 1) for i in range(width)])
    return Network(weights, biases, [pairs, pairs])


def _drawn(rng: np.random.Generator, rows: int, columns: int) -> FloatArray:
    return rng.normal(0.0, np.sqrt(2.0 / columns), (rows, columns))


def _shifts(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.normal(0.0, 0.1, n)


STRUCTURED: tuple[tuple[str, Callable[[], Network]], ...] = (
    *((f"residual 2-{n}, 2 blocks", lambda n=n: residual(n, 2)) for n in (16, 32, 64)),
    *((f"largest of 10, 2-{n}-{n}", lambda n=n: largest(n, 10)) for n in (16, 32, 64)),
    *((f"maxout 2-{n}-{n}", lambda n=n: maxout(n)) for n in (8, 16, 32)),
)
"""Names and networks, on the square [-1, 1]^2."""
