"""Networks that attain the bounds on the number of regions, with weights that are exact in binary64.

Depth folds: a layer maps [0, 1] onto itself several times, and what the later layers do is done in every fold. n_l
neurons fold a line n_l + 1 times (Serra et al. 2018), with one of them turned the other way; p neurons for each
coordinate fold a cube p^d times (Montúfar et al. 2014); two neurons make the tent map (Telgarsky 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, comb, log2
from typing import Any

import numpy as np

from specgeo._arguments import checked
from specgeo._cast import FloatArray
from specgeo.errors import InvalidInputError
from specgeo.network import Network
from specgeo.results import Result, axes


@checked
def sawtooth(depth: int, dim: int = 1, axes: int = 1) -> Network:
    """Telgarsky's sawtooth: the tent map iterated along some coordinates of the unit cube.

    Source: Telgarsky 2016 (Benefits of depth in neural networks), section 3. On [0, 1] it has 2^depth linear pieces of
    slope +-2^depth; a network with one hidden layer needs as many neurons as kinks.

    Parameters
    ----------
    depth : int
        Hidden layers, 1 or more, of 2 ``axes`` neurons each.
    dim : int
        Inputs d.
    axes : int
        The first so many coordinates are folded, 1..d; the output is the sum of their sawtooths.

    Returns
    -------
    Network
        2^(depth axes) linear regions on [0, 1]^dim.

    Raises
    ------
    InvalidInputError
        ``depth`` is below 1, or ``axes`` is not within 1..dim.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.theory.constructions import sawtooth
    >>> sg.enumerate_regions(sawtooth(6), sg.Box([0], [1])).n_linear_regions
    64
    """
    if depth < 1:
        raise InvalidInputError(f"depth: {depth} given; at least 1 hidden layer wanted")
    if not 1 <= axes <= dim:
        raise InvalidInputError(f"axes: {axes} given for dim = {dim}; fold 1 to dim coordinates")
    first = np.zeros((2 * axes, dim))
    for j in range(axes):
        first[2 * j : 2 * j + 2, j] = [2.0, 4.0]
    inner = np.kron(np.eye(axes), np.array([[2.0, -2.0], [4.0, -4.0]]))
    weights = [first] + [inner] * (depth - 1) + [np.tile([[1.0, -1.0]], (1, axes))]
    biases = [np.tile([0.0, -2.0], axes)] * depth + [np.zeros(1)]
    return Network(weights, biases)


@checked
def serra_network(widths: Sequence[int]) -> Network:
    """A network of one input with the most linear regions: prod (n_l + 1) pieces on [0, 1].

    Source: Serra, Tjandraatmadja and Ramalingam 2018, Theorem 5. Each layer is a zigzag that maps [0, 1] onto itself
    n_l + 1 times. For n_l >= 3 neurons to do this, with none spent on the first piece, one looks to the left: with
    slopes (-1)^i q_i of the pieces this asks for q_0 = q_2 + q_3, here 1 = 1/2 + 1/2, all others 1.

    Parameters
    ----------
    widths : sequence of int
        Hidden widths, each at least 3.

    Returns
    -------
    Network

    Raises
    ------
    InvalidInputError
        No layer, or a width below 3.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.theory.constructions import serra_network
    >>> sg.enumerate_regions(serra_network([4, 4, 4]), sg.Box([0], [1])).n_linear_regions
    125
    """
    if len(widths) == 0 or any(n < 3 for n in widths):
        raise InvalidInputError(f"widths: {list(widths)} given; name one hidden layer or more, each at least 3 wide")
    weights: list[FloatArray] = []
    biases: list[FloatArray] = []
    row, shift = np.ones((1, 1)), 0.0  # what the layer before hands on: row . a + shift, from 0 to 1
    for n in widths:
        size = np.ones(n + 1)
        size[2:4] = 0.5
        places = np.cumsum(1 / size)  # ends of the pieces, in a scale where the last is n + 3
        sense = np.ones(n)
        sense[2] = -1.0  # the third kink looks to the left
        weights.append(np.outer(sense * places[-1], row[0]))
        biases.append(sense * (places[-1] * shift - places[:-1]))
        signs = (-1.0) ** np.arange(1, n + 1)
        row, shift = (signs * (size[1:] + size[:-1]))[None, :], float(places[2])  # the third neuron is places[2] at 0
    return Network([*weights, row], [*biases, np.array([shift])])


@checked
def montufar_network(input_dim: int, widths: Sequence[int]) -> Network:
    """A network whose hidden layers fold the unit cube, and whose last one cuts each fold in general position.

    Source: Montúfar, Pascanu, Cho and Bengio 2014, Theorem 5: with p_l = floor(n_l / n_0) it has
    (prod_{l<L} p_l^{n_0}) sum_{j<=n_0} C(n_L, j) regions on [0, 1]^{n_0}, which is
    `specgeo.theory.counting.montufar2014_lower`.

    Parameters
    ----------
    input_dim : int
        n_0, 1 or more.
    widths : sequence of int
        Hidden widths, each at least n_0; neurons beyond p_l n_0 of a layer are left out.

    Returns
    -------
    Network
        Its activation regions on [0, 1]^{n_0} are as many; its linear regions too where n_L > n_0 (else there are
        folds on whose walls all neurons of the last layer are off, which join).

    Raises
    ------
    InvalidInputError
        No layer, or one narrower than n_0.

    Notes
    -----
    The last layer has the hyperplanes u^d = x_0 + x_1 u + ... + x_{d-1} u^{d-1} for n_L numbers u: points of d of
    them are polynomials with these d roots, and no polynomial has d + 1.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.theory.constructions import montufar_network
    >>> cx = sg.enumerate_regions(montufar_network(2, [4, 4]), sg.Box([0, 0], [1, 1]))
    >>> cx.n_cells, sg.theory.counting.montufar2014_lower(2, [4, 4])
    (44, 44)
    """
    d = input_dim
    if d < 1:
        raise InvalidInputError(f"input_dim: {d} given; at least 1 wanted")
    if len(widths) == 0 or any(n < d for n in widths):
        raise InvalidInputError(f"widths: {list(widths)} given; name hidden layers, each at least {d} wide")
    weights: list[FloatArray] = []
    biases: list[FloatArray] = []
    handed = np.eye(d)  # coordinates of the folded cube, from the layer before
    for n in widths[:-1]:
        p = n // d
        weights.append(np.repeat(handed, p, axis=0) * p)
        biases.append(np.tile(-np.arange(p, dtype=float), d))
        zigzag = 2.0 * (-1.0) ** np.arange(p)
        zigzag[0] = 1.0
        handed = np.kron(np.eye(d), zigzag[None, :])
    n = widths[-1]
    normals, offsets = _general_position(n, d)
    weights.append(normals @ handed)
    biases.append(offsets)
    last = 1.0 + np.arange(n) / (1 << max(1, (n - 1).bit_length())) ** 2  # unequal: no two patterns share a gradient
    return Network([*weights, last[None, :]], [*biases, np.zeros(1)])


def _general_position(n: int, d: int) -> tuple[FloatArray, FloatArray]:
    """n hyperplanes in general position, all their meeting points within (0, 1)^d; where n > d none is off outside."""
    u = (4.0 * np.arange(n) + 1.0 - 2.0 * n) / (2 << n.bit_length())  # in (-1, 1), no zero
    powers = u[:, None] ** np.arange(d + 1)
    half = float(1 << ceil(log2(max(comb(d, k) for k in range(d + 1)) + 1)))  # more than any coefficient
    # x = half (2 y - 1): the polynomial u^d - sum_k x_k u^k, for y in the unit cube
    normals, offsets = -2.0 * half * powers[:, :d], powers[:, d] + half * powers[:, :d].sum(axis=1)
    gaps = np.floor((np.arange(d) + 1) * n / (d + 1)).astype(int) if n > d else np.zeros(0, dtype=int)
    changes = np.searchsorted(gaps, np.arange(n), side="right")
    sense = -((-1.0) ** (d - changes))  # all off where the polynomial has its roots in the gaps: a bounded region
    return sense[:, None] * normals, sense * offsets


@dataclass(frozen=True, eq=False)
class OscillationCosts(Result):
    """What networks of one input need for n oscillations, that is 2 n monotone pieces on [0, 1].

    Attributes
    ----------
    oscillations : int
    names : tuple of str
        "shallow": one hidden layer; "sawtooth": depth with two neurons a layer; "width 3", ...: Serra's networks.
    widths : tuple of tuples of int
        Hidden widths.
    pieces : tuple of int
        Linear pieces on [0, 1], 2 n at least.
    parameters : tuple of int
        Weights and biases.
    """

    oscillations: int
    names: tuple[str, ...]
    widths: tuple[tuple[int, ...], ...]
    pieces: tuple[int, ...]
    parameters: tuple[int, ...]

    def __str__(self) -> str:
        rows = [
            f"  {name:10} depth {len(w):3}, width {max(w):6}: {q:9} pieces, {p:9} parameters"
            for name, w, q, p in zip(self.names, self.widths, self.pieces, self.parameters, strict=True)
        ]
        return "\n".join([f"{self.oscillations} oscillations on [0, 1]:", *rows])

    def plot(self, ax: Any = None) -> Any:
        """Parameters of each construction, on a logarithmic axis."""
        ax = axes(ax)
        ax.bar(self.names, self.parameters, color="#0072B2")
        ax.set(ylabel="parameters", yscale="log", title=f"{self.oscillations} oscillations")
        return ax


@checked
def oscillation_costs(oscillations: int) -> OscillationCosts:
    """Parameters that networks need for n oscillations on [0, 1], shallow against deep.

    A shallow network of w neurons has w + 1 pieces at most and 3 w + 1 parameters: linear in n. The sawtooth has
    2^L pieces and 6 L + 1 parameters, Serra's network of width w has (w + 1)^L: logarithmic in n.

    Parameters
    ----------
    oscillations : int
        n, 2 or more.

    Returns
    -------
    OscillationCosts

    Raises
    ------
    InvalidInputError
        Fewer than 2 oscillations.

    Examples
    --------
    >>> from specgeo.theory.constructions import oscillation_costs
    >>> costs = oscillation_costs(512)
    >>> dict(zip(costs.names, costs.parameters))
    {'shallow': 3070, 'sawtooth': 61, 'width 3': 58, 'width 7': 190, 'width 15': 526}
    """
    if oscillations < 2:
        raise InvalidInputError(f"oscillations: {oscillations} given; at least 2 wanted")
    needed = 2 * oscillations
    shapes = {"shallow": (needed - 1,), "sawtooth": (2,) * (needed - 1).bit_length()}
    pieces = {"shallow": needed, "sawtooth": 2 ** (needed - 1).bit_length()}
    for w in (3, 7, 15):
        depth = 1
        while (w + 1) ** depth < needed:
            depth += 1
        shapes[f"width {w}"], pieces[f"width {w}"] = (w,) * depth, (w + 1) ** depth
    parameters = tuple(_parameters((1, *widths, 1)) for widths in shapes.values())
    return OscillationCosts(oscillations, tuple(shapes), tuple(shapes.values()), tuple(pieces.values()), parameters)


def _parameters(widths: tuple[int, ...]) -> int:
    return sum((a + 1) * b for a, b in zip(widths[:-1], widths[1:], strict=True))
