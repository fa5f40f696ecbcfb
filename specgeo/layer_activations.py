"""What a hidden layer may have beside one `Activation` for all its neurons: `NeuronActivations`, `MaxGroups`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray, as_floats
from specgeo._display import counted
from specgeo.activation import Activation, Scalar, Units, as_activation
from specgeo.errors import InvalidInputError

if TYPE_CHECKING:
    from fractions import Fraction


@dataclass(frozen=True, eq=False, repr=False)
class NeuronActivations(Scalar):
    """A layer whose neurons have activations of their own: pass-through units beside ReLUs, PReLU, any mixture.

    ``Network(..., activation=[..., [one a neuron], ...])`` makes them; they are what its ``activations`` hold for such
    a layer. A neuron with `Activation.identity` passes its value on: it has no unit, cuts nothing and has no column in
    patterns.

    Parameters
    ----------
    kinds : sequence of Activation
        The different activations.
    which : array_like of ints, shape (n,)
        For each neuron the number of its kind.

    Raises
    ------
    InvalidInputError
        A kind is no `Activation`, or ``which`` names one that is not there.

    Examples
    --------
    >>> import specgeo as sg
    >>> layer = sg.NeuronActivations([sg.Activation.relu(), sg.Activation.identity()], [0, 1, 0])
    >>> layer([-1.0, -2.0, 3.0])
    array([ 0., -2.,  3.])
    """

    kinds: tuple[Activation, ...]
    which: IntArray

    def __post_init__(self) -> None:
        kinds = tuple(self.kinds) if isinstance(self.kinds, Iterable) else (self.kinds,)
        if not kinds or not all(isinstance(kind, Activation) for kind in kinds):
            raise InvalidInputError("kinds: pass a sequence of specgeo.Activation, at least one")
        which = np.asarray(self.which)
        named = which.ndim == 1 and which.size > 0 and which.dtype.kind in "iu"
        if not named or which.min() < 0 or which.max() >= len(kinds):
            raise InvalidInputError(
                f"which: pass one whole number from 0 to {len(kinds) - 1} for each neuron, the place of its activation "
                "in kinds"
            )
        which = which.astype(np.int64)
        which.setflags(write=False)
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "which", which)

    def __repr__(self) -> str:
        return f"NeuronActivations({counted(len(self.which), 'neuron')}, {self.name})"

    @property
    def name(self) -> str:
        """Names of the kinds, or their number where there are many."""
        names = list(dict.fromkeys(kind.name for kind in self.kinds))
        return "+".join(names) if len(names) < 5 else f"{len(names)} kinds"

    def each(self, n: int) -> list[Activation]:
        """The activation of each of the n neurons."""
        return [self.kinds[k] for k in self.which.tolist()[:n]]

    @cached_property
    def starts(self) -> IntArray:
        """Where the pieces of each kind begin among all, shape (kinds + 1,)."""
        return np.concatenate(([0], np.cumsum([len(kind.slopes) for kind in self.kinds])))

    @cached_property
    def first(self) -> IntArray:
        """First piece of each neuron, shape (n,)."""
        return np.asarray(self.starts[self.which])

    @cached_property
    def breaks(self) -> IntArray:
        """Number of breakpoints of each neuron, shape (n,)."""
        return np.asarray(np.diff(self.starts)[self.which] - 1)

    @cached_property
    def breakpoints(self) -> FloatArray:
        """Breakpoints, kind after kind."""
        return np.concatenate([kind.breakpoints for kind in self.kinds])

    @cached_property
    def slopes(self) -> FloatArray:  # type: ignore[override]
        """Slopes of the pieces, kind after kind."""
        return np.concatenate([kind.slopes for kind in self.kinds])

    @cached_property
    def intercepts(self) -> FloatArray:
        """Values at 0 of the lines of the pieces, kind after kind."""
        return np.concatenate([kind.intercepts for kind in self.kinds])

    @cached_property
    def exact_intercepts(self) -> list[Fraction]:
        """The intercepts before they are rounded."""
        return [value for kind in self.kinds for value in kind.exact_intercepts]

    def units(self, n: int) -> Units:
        """The units of the layer, which has n neurons."""
        owners = np.repeat(np.arange(n), self.breaks)
        thresholds = np.concatenate([np.empty(0), *(kind.breakpoints for kind in self.each(n))])
        return Units(owners, np.arange(len(owners)) - (np.cumsum(self.breaks) - self.breaks)[owners], thresholds)

    def pieces_of(self, positive: npt.NDArray[np.bool_]) -> IntArray:
        """Pieces (..., n) by which units (..., n_units) are positive."""
        counts = np.zeros((*positive.shape[:-1], positive.shape[-1] + 1), dtype=np.int64)
        np.cumsum(positive, axis=-1, out=counts[..., 1:])
        stops = np.cumsum(self.breaks)
        return np.asarray(self.first + counts[..., stops] - counts[..., stops - self.breaks])

    @cached_property
    def _table(self) -> tuple[FloatArray, FloatArray]:
        """Breakpoints and jumps of the slope, (most breakpoints, n); inf and 0 where a neuron has fewer."""
        thresholds = np.full((int(self.breaks.max()), len(self.which)), np.inf)
        jumps = np.zeros_like(thresholds)
        for k, kind in enumerate(self.kinds):
            s, own = len(kind.breakpoints), self.which == k
            thresholds[:s, own], jumps[:s, own] = kind.breakpoints[:, None], np.diff(kind.slopes)[:, None]
        return thresholds, jumps

    def bends(self) -> Iterator[tuple[Any, Any]]:
        """As `Activation.bends`: arrays (n,), where neurons with fewer breakpoints have inf and 0."""
        return zip(*self._table, strict=True)

    def positive(self, z: FloatArray) -> npt.NDArray[np.bool_]:
        """Which units are positive at pre-activations (..., n): (..., n_units)."""
        units = self.units(z.shape[-1])
        return np.asarray(z[..., units.owners] > units.thresholds)

    def spread(self, sizes: FloatArray) -> FloatArray:
        """Bounds (n, ...) on how outputs change, from those on how pre-activations do."""
        return np.asarray(self.steepest.reshape(-1, *(1,) * (sizes.ndim - 1)) * sizes)

    @cached_property
    def steepest(self) -> FloatArray:
        """The largest size of a slope of each neuron, shape (n,)."""
        return np.array([kind.steepest for kind in self.kinds])[self.which]

    @cached_property
    def shift(self) -> FloatArray:
        """The largest size of an intercept of each neuron, shape (n,)."""
        return np.array([kind.shift for kind in self.kinds])[self.which]

    @property
    def rounds(self) -> bool:
        """False where no value is rounded: pieces are 0 or z itself."""
        return any(kind.rounds for kind in self.kinds)

    is_relu = False
    is_identity = False

    def pieces(self, z: npt.ArrayLike) -> IntArray:
        """Piece of each entry, the last axis being that of the neurons; a breakpoint is in the piece on its left."""
        values = self._checked(z)
        piece = np.broadcast_to(self.first, values.shape)
        for threshold, _ in self.bends():
            piece = piece + (values > threshold)
        return piece

    def __call__(self, z: npt.ArrayLike) -> FloatArray:
        """Apply to arrays whose last axis is that of the neurons."""
        values = self._checked(z)
        piece = self.pieces(values)
        slope = self.slopes[piece]
        with np.errstate(invalid="ignore"):  # what is infinite may be on a flat piece
            return np.asarray(np.where(slope == 0.0, 0.0, slope * values) + self.intercepts[piece])

    def _checked(self, z: npt.ArrayLike) -> FloatArray:
        values = as_floats(z, "z", finite=False)
        if values.shape[-1:] != self.which.shape:
            raise InvalidInputError(f"z: shape {values.shape} given; the last axis must have {len(self.which)} entries")
        return values


@dataclass(frozen=True, eq=False, repr=False)
class MaxGroups:
    """A layer whose outputs are maxima over groups of its pre-activations: max-pooling, maxout.

    Output g is the largest of z[i] for i in ``groups[g]``. Groups may share members, and a group of one passes its
    value on. Cells have walls where the winner of a group changes, and nowhere else: values that are compared and lose
    make none. The units of the layer are the members of groups of two and more: positive is the one that attains the
    maximum on a cell (of equal ones the first), negative are those that lose.

    Parameters
    ----------
    groups : sequence of sequences of ints
        Indices of pre-activations.

    Raises
    ------
    InvalidInputError
        There is no group, one is empty, or an index is no whole number from 0 on, or twice in a group.

    Notes
    -----
    min(a, b) = -max(-a, -b): entries of -1 in the weights around.

    Examples
    --------
    >>> import specgeo as sg
    >>> pool = sg.MaxGroups([[0, 1], [1, 2]])
    >>> pool([3.0, -1.0, 2.0])
    array([3., 2.])

    max(x, -x, y, -y) on a square, of which four cells are what it takes:

    >>> weights = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[1.0]]
    >>> norm = sg.Network(weights, [[0.0] * 4, [0.0]], [sg.MaxGroups([[0, 1, 2, 3]])])
    >>> sg.enumerate_regions(norm, sg.Box([-1, -1], [1, 1])).f_vector
    (5, 8, 4)
    """

    groups: Sequence[Sequence[int]]

    name = "max"
    is_relu = False
    is_identity = False
    rounds = False
    steepest = 1.0
    shift = 0.0

    def __post_init__(self) -> None:
        try:
            groups = tuple(tuple(group) for group in self.groups)
            whole = all(isinstance(i, (int, np.integer)) and not isinstance(i, bool) for group in groups for i in group)
        except TypeError:
            groups, whole = (), False
        distinct = all(len(set(group)) == len(group) for group in groups) if whole else False
        if not groups or not distinct or not all(groups) or min(map(min, groups)) < 0:
            raise InvalidInputError(
                "groups: pass sequences of whole numbers from 0 on, one for each maximum, none of them empty and none "
                "with a number twice: sg.MaxGroups([[0, 1], [2, 3]])"
            )
        object.__setattr__(self, "groups", tuple(tuple(int(i) for i in group) for group in groups))

    def __repr__(self) -> str:
        return f"MaxGroups({counted(len(self.groups), 'group')} of {counted(int(self.sizes.max()), 'value')} at most)"

    @cached_property
    def members(self) -> IntArray:
        """The pre-activation of each piece, group after group."""
        return np.array([i for group in self.groups for i in group], dtype=np.int64)

    @cached_property
    def sizes(self) -> IntArray:
        """Number of members of each group."""
        return np.array([len(group) for group in self.groups], dtype=np.int64)

    @cached_property
    def starts(self) -> IntArray:
        """The first piece of each group."""
        return np.asarray(np.cumsum(self.sizes) - self.sizes)

    @cached_property
    def owners(self) -> IntArray:
        """The group of each piece."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def competing(self) -> IntArray:
        """The pieces that are units: those of groups of two and more."""
        return np.flatnonzero(self.sizes[self.owners] > 1)

    @cached_property
    def slopes(self) -> FloatArray:
        """Of all pieces 1: an output is the pre-activation that wins."""
        return np.ones(len(self.members))

    @cached_property
    def intercepts(self) -> FloatArray:
        """Of all pieces 0."""
        return np.zeros(len(self.members))

    @property
    def exact_intercepts(self) -> list[Fraction]:
        """Of all pieces 0."""
        from fractions import Fraction

        return [Fraction(0)] * len(self.members)

    @property
    def breakpoints(self) -> FloatArray:
        """None: units compare pre-activations with each other."""
        return np.empty(0)

    @property
    def stretch(self) -> float:
        """A Lipschitz constant of the layer, in the Euclidean norm: groups may share members."""
        return float(np.sqrt(np.bincount(self.members).max()))

    def width(self, n: int) -> int:
        """Number of groups."""
        return len(self.sizes)

    def units(self, n: int) -> Units:
        """The units: group, place in the group, no threshold."""
        owners = self.owners[self.competing]
        return Units(owners, self.competing - self.starts[owners], np.zeros(len(owners)))

    def pieces_of(self, positive: npt.NDArray[np.bool_]) -> IntArray:
        """Pieces (..., groups) by which units (..., n_units) are positive."""
        places = np.zeros((*positive.shape[:-1], len(self.members)), dtype=np.int64)
        places[..., self.competing] = positive * self.units(0).breakpoints
        return np.asarray(self.starts + np.add.reduceat(places, self.starts, axis=-1))

    def pieces(self, z: npt.ArrayLike) -> IntArray:
        """The winner of each group, as a piece: the last axis of z is that of the pre-activations."""
        values = self._members(z)
        top = np.maximum.reduceat(values, self.starts, axis=-1)[..., self.owners]
        places = np.where(values == top, np.arange(len(self.members)), len(self.members))
        first = np.minimum.reduceat(places, self.starts, axis=-1)
        return np.where(first < len(self.members), first, self.starts)  # the first of those that are no numbers

    def positive(self, z: FloatArray) -> npt.NDArray[np.bool_]:
        """Which members win at pre-activations (..., n): (..., n_units)."""
        return np.asarray((self.pieces(z)[..., self.owners] == np.arange(len(self.members)))[..., self.competing])

    def __call__(self, z: npt.ArrayLike) -> FloatArray:
        """Maxima of the groups; the last axis of z is that of the pre-activations."""
        return np.asarray(np.maximum.reduceat(self._members(z), self.starts, axis=-1))

    def spread(self, sizes: FloatArray) -> FloatArray:
        """Bounds (groups, ...) on how outputs change, from those (n, ...) on how pre-activations do."""
        return np.asarray(np.maximum.reduceat(sizes[self.members], self.starts, axis=0))

    def select(self, z: npt.NDArray[Any], piece: IntArray) -> npt.NDArray[Any]:
        """The pre-activations (n_l, ...) that win, for pieces (groups, ...)."""
        at = self.members[piece]
        return np.take_along_axis(z, at.reshape(at.shape + (1,) * (z.ndim - at.ndim)), axis=0)

    def scatter(self, rows: npt.NDArray[Any], piece: IntArray, n: int) -> npt.NDArray[Any]:
        """Rows (c, m, groups) over outputs, on cells with pieces (c, groups), as rows (c, m, n) of pre-activations."""
        out = np.zeros((*rows.shape[:2], n), rows.dtype)
        c, m = np.arange(rows.shape[0])[:, None, None], np.arange(rows.shape[1])[:, None]
        np.add.at(out, (c, m, self.members[piece][:, None, :]), rows)
        return out

    def _members(self, z: npt.ArrayLike) -> FloatArray:
        values = as_floats(z, "z", finite=False)
        if values.ndim == 0 or values.shape[-1] <= self.members.max():
            raise InvalidInputError(
                f"z: shape {values.shape} given; the groups name entries of the last axis up to {self.members.max()}"
            )
        return np.asarray(values[..., self.members])


LayerActivation = Activation | NeuronActivations | MaxGroups


def as_layer_activation(activation: Any, n: int, layer: int) -> LayerActivation:
    """The activation of a hidden layer of n neurons: one for all, or a sequence with one for each."""
    if isinstance(activation, MaxGroups):
        if activation.members.max() >= n:
            raise InvalidInputError(
                f"activation[{layer}]: the groups name pre-activation {activation.members.max()}, there are {n}"
            )
        return activation
    if isinstance(activation, NeuronActivations):
        each = activation.each(len(activation.which))
    elif isinstance(activation, (str, Activation)) or not isinstance(activation, Iterable):
        return as_activation(activation)
    else:
        each = [as_activation(a) for a in activation]
    if len(each) != n:
        raise InvalidInputError(
            f"activation[{layer}]: {len(each)} given for {n} neurons; pass one for each neuron, or one for all"
        )
    places: dict[Any, int] = {}
    which = [places.setdefault(_key(a), len(places)) for a in each]
    kinds = [each[which.index(k)] for k in range(len(places))]
    return kinds[0] if len(kinds) == 1 else NeuronActivations(tuple(kinds), np.array(which))


def _key(activation: Activation) -> tuple[Any, ...]:
    """What makes two activations the same."""
    a = activation
    return a.breakpoints.tobytes(), a.slopes.tobytes(), a.intercept, a.name
