"""Areas of decision regions as sums over groups.

The outputs are compared by layers of comparisons (`specgeo._tournament`) behind the network, each of which cuts the
cells before it: on every cell left one output is the largest, or several are the same, and proved signs say which.
Cells that the comparisons have cut for nothing need not be put together, since areas add up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo._arguments import checked
from specgeo._tournament import lowered, played
from specgeo.errors import InvalidInputError
from specgeo.geometry.arrays import unpacked
from specgeo.layer_activations import MaxGroups
from specgeo.network import Network
from specgeo.streaming.groups import RegionGroup
from specgeo.streaming.reducers import Part, Sums


class DecisionAreas(Sums):
    """Areas of the decision regions of a network: which share of the domain each class has.

    The regions to go through are not those of the network but those of `network`, which also compares its outputs.
    The result is a dictionary: ``areas``, for each class the measure (area, in 3-D volume) of the part of the domain
    where its output is larger than all others, shape (m,), and ``ties``, that of the cells on which the largest outputs
    are identical. Which cells belong to which is proved; `specgeo.paths.decision_regions` has the same measures by
    components, from a complex.

    Parameters
    ----------
    classifier : Network
        m >= 2 outputs are classes by the largest; one output means f < 0 (class 0) and f > 0 (class 1).
    smallest : bool
        The class is the smallest output; of one output f that of 0 and f.

    Attributes
    ----------
    network : Network
        What to pass to `specgeo.reduce_regions`: the network with its outputs compared; its value is the largest.

    Examples
    --------
    >>> import specgeo as sg
    >>> diamond = sg.Network(  # f = 1/2 - |x| - |y|
    ...     [[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[-1.0, -1.0, -1.0, -1.0]]], [[0.0] * 4, [0.5]]
    ... )
    >>> classes = sg.streaming.DecisionAreas(diamond)
    >>> found = sg.reduce_regions(classes.network, sg.Box([-1, -1], [1, 1]), {"classes": classes})["classes"]
    >>> found["areas"].round(12).tolist(), found["ties"]
    ([3.5, 0.5], 0.0)
    """

    @checked
    def __init__(self, classifier: Network, *, smallest: bool = False) -> None:
        rows = np.array([[0.0], [1.0]]) if classifier.output_dim == 1 else np.eye(classifier.output_dim)
        values = classifier.postcompose(-rows if smallest else rows)
        best = [*values.activations, MaxGroups([range(len(rows))])]
        plain = lowered(Network([*values.weights, [[1.0]]], [*values.biases, [0.0]], best).layers)
        self._depth, self._contest = plain.contests.popitem()
        self.network = Network(plain.weights, plain.biases, plain.activations).placed_like(classifier)

    def update(self, group: RegionGroup) -> Part:
        cx, rounds = group.complex, self._contest.rounds
        if cx.layers is None or cx.layers.weights[-1] is not self.network.weights[-1]:
            raise InvalidInputError(
                "reducers: DecisionAreas goes through the regions of another network; pass reduce_regions its network"
            )
        signs, n = cx.known_signs, len(cx.known_signs.layers)
        first = int(np.searchsorted(signs.layers, self._depth - len(rounds))) // 64 * 64
        above, below = (unpacked(words[:, first // 64 :], n - first) for words in (signs.positive, signs.negative))
        units = [signs.layers[first:] == self._depth - len(rounds) + number for number in range(len(rounds))]
        best, tied = played(self._contest, [above[:, of] for of in units], [~(above | below)[:, of] for of in units])
        alone = tied.sum(axis=1) == 1
        areas = np.bincount(best[alone, 0], cx.volumes[alone], minlength=tied.shape[1])
        return {"areas": areas, "ties": cx.volumes[~alone].sum()}

    def finish(self, total: Part) -> dict[str, Any]:
        return {"areas": total["areas"], "ties": float(total["ties"])}
