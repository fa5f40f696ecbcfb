"""Maxima over groups as layers of comparisons: a + relu(b - a) is max(a, b).

In each round the contestants of a group meet in pairs, those that stand beside each other; the one left over goes on.
Pass-through units carry a, ReLUs b - a. All entries are 0, 1 and -1, so that nothing rounds; where the first round
folds exactly into the layer before, it has no layer of its own. Ties go to the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._affine import Affine, fold_dense
from specgeo._cast import FloatArray, IntArray
from specgeo._codec import Layers
from specgeo._sparse import Matrix, SparseMatrix, csr
from specgeo.activation import Activation
from specgeo.layer_activations import MaxGroups, NeuronActivations

_KINDS = (Activation.identity(), Activation.relu())


class Round(NamedTuple):
    """The contestants that are left after a round, group after group, each from one or two of those before."""

    first: IntArray  # (n,) the contestant before
    second: IntArray  # (n,) its opponent, -1 for none
    unit: IntArray  # (n,) the unit that is positive where the opponent wins, -1 for none


class Contest(NamedTuple):
    """The layers that stand for a layer of maxima."""

    groups: MaxGroups
    rounds: tuple[Round, ...]  # each a layer; the last of them has the number under which the contest is kept


class Lowered(NamedTuple):
    """A network without layers of maxima, that is the same function."""

    weights: Sequence[Matrix]
    biases: Sequence[FloatArray]
    activations: Sequence[Activation | NeuronActivations]
    contests: dict[int, Contest]  # by the number of their last hidden layer, from 1


def lowered(layers: Layers) -> Lowered:
    """The network with comparisons in place of maxima."""
    plain = [activation for activation in layers.activations if not isinstance(activation, MaxGroups)]
    if len(plain) == len(layers.activations):
        return Lowered(layers.weights, layers.biases, plain, {})
    weights: list[Matrix] = []
    biases: list[FloatArray] = []
    kinds: list[Activation | NeuronActivations] = []
    contests: dict[int, Contest] = {}
    owners: IntArray | None = None  # of the outputs of the last layer: they add up to those of the network's
    for weight, bias, activation in zip(layers.weights, layers.biases, (*layers.activations, None), strict=True):
        here = Affine(weight if owners is None else _repeated(weight, owners), bias)
        owners = None
        if not isinstance(activation, MaxGroups):
            weights.append(here.matrix)
            biases.append(here.offset)
            if activation is not None:
                kinds.append(activation)
            continue
        rounds, steps, owners = _rounds(activation, len(bias))
        folded = fold_dense(_linear(steps[0][0]), here)
        if folded is None:
            maps, relus = [here, *(_linear(rows) for rows, _ in steps)], [[False] * len(bias)]
        else:
            maps, relus = [folded, *(_linear(rows) for rows, _ in steps[1:])], []
        for one, relu in zip(maps, [*relus, *(own for _, own in steps)], strict=True):
            weights.append(one.matrix)
            biases.append(one.offset)
            which = np.array(relu, dtype=np.int64)
            kinds.append(NeuronActivations(_KINDS, which) if which.any() else Activation.identity())
        contests[len(kinds)] = Contest(activation, tuple(rounds))
    return Lowered(weights, biases, kinds, contests)


def _linear(matrix: Matrix) -> Affine:
    return Affine(matrix, np.zeros(len(matrix)))


def _repeated(weight: Matrix, columns: IntArray) -> Matrix:
    """weight[:, columns]."""
    if isinstance(weight, SparseMatrix):
        return weight.T.take(columns).T
    return np.ascontiguousarray(weight[:, columns])


def _rounds(groups: MaxGroups, n: int) -> tuple[list[Round], list[tuple[SparseMatrix, list[bool]]], IntArray]:
    """The rounds; of each the rows of its neurons, and which are ReLUs; the group of each output of the last."""
    rounds: list[Round] = []
    steps: list[tuple[SparseMatrix, list[bool]]] = []
    width = n
    contestants = [[[i] for i in group] for group in groups.groups]  # the numbers that add up to each
    while not rounds or max(map(len, contestants)) > 1:
        rows: list[dict[int, float]] = []
        relus: list[bool] = []
        matches: list[tuple[int, int, int]] = []
        after, begin = [], 0
        for own in contestants:
            left = []
            for k in range(0, len(own), 2):
                rows.append(dict.fromkeys(own[k], 1.0))
                relus.append(False)
                carried, match = [len(rows) - 1], (begin + k, -1, -1)
                if k + 1 < len(own):
                    match = begin + k, begin + k + 1, sum(relus)
                    rows.append(dict.fromkeys(own[k + 1], 1.0) | dict.fromkeys(own[k], -1.0))
                    relus.append(True)
                    carried.append(len(rows) - 1)
                left.append(carried)
                matches.append(match)
            after.append(left)
            begin += len(own)
        rounds.append(Round(*np.array(matches, dtype=np.int64).T))
        places = [(i, j, value) for i, row in enumerate(rows) for j, value in row.items()]
        at, columns, values = (np.array(part) for part in zip(*places, strict=True))
        steps.append((SparseMatrix.of(csr(at, columns, values, (len(rows), width)), "rounds"), relus))
        contestants, width = after, len(rows)
    return rounds, steps, np.repeat(np.arange(len(contestants)), [len(own[0]) for own in contestants])


def played(
    contest: Contest, above: Sequence[npt.NDArray[np.bool_]], equal: Sequence[npt.NDArray[np.bool_]]
) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """How a contest ends on cells: the winner of each group (cells, groups), and who has its value (cells, members).

    ``above`` and ``equal`` say for each round and each unit of it (cells, units) where it is positive and where zero.
    """
    n_cells, members = len(above[0]), len(contest.groups.members)
    wins, same = ([np.ascontiguousarray(flags.T) for flags in rounds] for rounds in (above, equal))
    best = np.broadcast_to(np.arange(members, dtype=np.int32)[:, None], (members, n_cells))  # whole rows move
    for (first, second, unit), won in zip(contest.rounds, wins, strict=True):
        met, chosen = second >= 0, best[first]
        chosen[met] = np.where(won[unit[met]], best[second[met]], chosen[met])
        best = chosen
    tied = np.ones(best.shape, np.bool_)  # with the winner, on the whole cell
    for (first, second, unit), won, equals in zip(contest.rounds[::-1], wins[::-1], same[::-1], strict=True):
        met = second >= 0
        before = np.empty((len(first) + np.count_nonzero(met), n_cells), np.bool_)
        before[first] = tied
        before[first[met]] &= ~won[unit[met]]
        before[second[met]] = tied[met] & (won[unit[met]] | equals[unit[met]])
        tied = before
    return best.T.astype(np.int64), tied.T
