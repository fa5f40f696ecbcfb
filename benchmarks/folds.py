"""A grid of 2^n squares, streamed: ``python benchmarks/folds.py n`` (by default n = 20, about a second).

x -> 2 |x| - 1 folds [-1, 1] in two and stretches it again, so a layer of two neurons doubles the cells of a square in
both directions; n = 27 has 134 million, which come and go in groups. How many there are is known beforehand.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

import specgeo as sg
from specgeo.streaming import FVector


def folds(n: int) -> sg.Network:
    """n folds of the square [-1, 1]^2, two in each layer; where one is left, the other axis is passed on."""
    weights, biases, before = [], [], None
    for layer in range((n + 1) // 2):
        folded = np.array([True, 2 * layer + 1 < n])
        passed_on = np.where(folded, 0.0, 1.0)  # |y + 1| = y + 1 for an axis that is not folded
        weights.append(np.eye(2) if before is None else np.diag(np.where(before, 2.0, 1.0)))
        biases.append(passed_on if before is None else passed_on - 1.0)
        before = folded
    return sg.Network([*weights, np.ones((1, 2))], [*biases, np.zeros(1)], "abs")


def main(arguments: list[str]) -> int:
    """Count, print; 0 if the counts are right."""
    n = int(arguments[0]) if arguments else 20
    started = time.process_time()
    found = sg.reduce_regions(folds(n), sg.Box(-1, 1, dim=2), {"faces": FVector()}, executor=1)
    seconds, peak = time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    a, b = 2 ** ((n + 1) // 2), 2 ** (n // 2)  # squares in a row, and rows
    right = found["faces"] == ((a + 1) * (b + 1), a * (b + 1) + b * (a + 1), a * b)
    verdict = "right" if right else "WRONG"
    print(f"2^{n} = {2**n:,} squares: faces {found['faces']}, {verdict}; {seconds:.1f} s, {peak:.2f} GB")
    print(f"  {found.certificate}")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
