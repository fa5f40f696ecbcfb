"""Small networks with dyadic weights, on which enumerators go wrong without a word, and their exact counts.

Lines in a pencil, lines through corners of the square, equal and vanishing rows are common among so few values. The
counts come from an enumerator in rational numbers, not from the engine that is measured (the tests repeat some).
"""

from __future__ import annotations

import numpy as np

from specgeo.network import Network

SEEDS = range(5000, 5200)
CELLS = """
    38 40 45 43 56 13 19 58 37 28 60 40 26 47 27 47 41 40 41 36 41 30 26 54 18 40 23 39 46 31 36 54 54 52 28 32
    52 49 50 38 62 60 46 35 27 42 45 51 37 35 32 54 46 42 31 56 12 40 51 32 52 35 52 54 22 38 26 48 25 42 40 37
    44 17 39 32 48 52 48 26 43 57 38 25 26 35 38 54 43 29 18 43 53 38 51 50 58 31 23 51 33 17 45 59 32 31 43 46
    42 31 34 20 47 31 46 61 40 53 44 28 49 24 47 35 54 48 30 33 33 20 38 36 37 40 60 32 52 56 38 47 43 35 28 40
    24 59 32 14 30 32 54 20 22 42 16 39 35 47 41 25 31 37 52 27 54 21 60 51 46 37 40 36 43 41 54 33 43 49 25 39
    55 39 54 44 41 30 61 45 46 23 64 55 55 43 11 34 48 47 35 57
"""
VERTICES = """
    49 49 56 51 69 21 29 72 48 39 71 52 37 58 37 58 50 53 52 49 50 39 35 66 26 51 33 50 59 38 46 68 58 65 38 43
    64 61 63 47 75 73 57 48 35 51 57 62 50 45 42 67 57 51 46 70 22 51 60 45 66 46 59 68 32 50 35 59 32 51 50 47
    56 27 50 40 58 65 61 38 56 68 48 37 38 46 46 66 57 37 30 55 65 51 62 62 71 42 34 64 45 23 57 68 44 43 55 57
    54 41 47 27 59 41 57 74 51 66 54 37 58 34 60 48 68 61 41 47 41 32 49 46 48 51 74 44 63 67 51 61 53 46 36 50
    33 69 42 21 40 44 67 29 32 54 25 50 46 58 53 34 42 48 62 38 66 29 74 65 60 51 51 47 54 56 68 42 51 60 34 50
    68 51 68 58 53 42 69 57 56 32 74 66 67 55 20 42 59 59 44 70
"""


def quarter_network(seed: int) -> Network:
    """2-6-5-1: layer by layer weights integers(-8, 9) / 4, then biases integers(-4, 5) / 4."""
    rng = np.random.default_rng(seed)
    weights, biases = [], []
    for fan_in, n in ((2, 6), (6, 5), (5, 1)):
        weights.append(rng.integers(-8, 9, (n, fan_in)) / 4)
        biases.append(rng.integers(-4, 5, n) / 4)
    return Network(weights, biases)
