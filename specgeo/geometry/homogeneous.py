"""The homogenised network F(x_0, x) = x_0 f(x / x_0), and the pieces of R^d in its complex of cones.

*Network.* F is positively homogeneous and continuous on x_0 >= 0, and F(1, x) = f(x). It is a network again: each layer
carries x_0 along as its first value, biases are multiplied by it, and so are breakpoints t and intercepts c. An
activation of one breakpoint 0, intercept 0 and slope 1 on the right (ReLU, leaky ReLU, absolute value) is homogeneous
itself, and leaves x_0 >= 0 as it is; so are identities, and maxima over groups with x_0 beside. Any other, with slopes
s_0, ..., s_n, is written with r = ReLU and affine layers:

    y_i = z - t_i x_0,    m = t_1 x_0 - r(-y_1) = min(z, t_1 x_0),    p_i = r(y_i) - r(y_{i+1}) for i < n, p_n = r(y_n),
    x_0 sigma(z / x_0) = c x_0 + s_0 m + s_1 p_1 + ... + s_n p_n.

Each affine map has entries of the network and +-1 alone, so that nothing is rounded: F is exactly that function. Its
units are those of f (the sign of y_i at (1, x) is that of z - t_i at x), those of x_0 and of -y_1 beside, which cut
nothing that is not cut.

*Pieces.* On x_0 > 0 the signs of the units of F are those of f at x / x_0. So the cells of F in the half-space
x_0 >= 0 are cones, the closures of what is above the cells of f, and a face of dimension k of the complex of f on R^d
is what is at x_0 = 1 of a cone of dimension k + 1: these are all cones that do not lie in x_0 = 0. Those in x_0 = 0
are the *directions at infinity*: the cone over a face P has the recession cone of P there.

Take the complex of F on the box B = [0, 1] x [-1, 1]^d. Near the apex 0, which is inside its facet x_0 = 0, B is the
half-space. A face of that complex is a cone C cut with a face of B. If that face of B is B or its facet x_0 = 0, its
relative interior is in none of the other walls, the *outer* ones; every cone C has such a piece, for it can be scaled
into B. Else it lies in an outer wall. So the cones are, each once, the faces of the complex on B that lie in no outer
wall: nothing has to be glued, and what B adds is known by the walls that facets lie in. The boundary of a cone is
that of its piece without what lies in outer walls.

*Lineality.* All faces have one lineality space L. By layers: let faces after some of them have L, and let each value
change along L at a rate that is the same on all cells. Then so do the pre-activations of the next layer. Where a unit,
or the difference of two members of a group, has a rate other than 0 along v in L, it has both signs on every line along
v, and no face keeps v. Along what is left all signs are constant, so is what bends, and values that are passed on, or
the largest of a group, keep the rate of what they are. So L shrinks to the same subspace for all cells, and for all
faces, whose lines are those of cells. It is the smallest cone of the complex, and its dimension l is read off. Modulo L
all cones are pointed, the convex hulls of those of dimension l + 1: *points* (vertices, where l = 0) of the complex of
f where they are not in x_0 = 0, *rays* at infinity where they are. So each face of the complex of f is conv(its points)
+ cone(its rays) + L, and it is bounded exactly where l = 0 and it has no ray.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._codec import Layers
from specgeo.activation import Activation
from specgeo.domain import Box
from specgeo.geometry.arrays import Patterns, Ragged, packed, unpacked
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.topology import closure
from specgeo.layer_activations import LayerActivation, MaxGroups, NeuronActivations, as_layer_activation


def homogenised(layers: Layers) -> Layers:
    """The layers of F; inputs (x_0, x)."""
    made: list[tuple[FloatArray, FloatArray, LayerActivation | None]] = []

    def add(matrix: FloatArray, activation: LayerActivation | None = None) -> None:
        made.append((matrix, np.zeros(len(matrix)), activation))

    for weight, bias, activation in zip(layers.weights, layers.biases, layers.activations, strict=False):
        affine = _carrying(np.column_stack((bias, weight)))
        if isinstance(activation, MaxGroups):
            add(affine, MaxGroups(((0,), *(tuple(1 + i for i in group) for group in activation.groups))))
        elif _is_homogeneous(activation):
            add(affine, _passing_first(activation))
        else:
            add(affine, Activation.identity())
            for matrix, between in _bent(activation.each(len(bias))):
                add(matrix, between)
    add(np.column_stack((layers.biases[-1], layers.weights[-1])))
    weights, biases, activations = zip(*made, strict=True)
    return Layers(weights, biases, activations[:-1])


def cone_box(dim: int) -> Box:
    """The box B of the cones over R^d."""
    return Box(np.append(0.0, np.full(dim, -1.0)), np.ones(dim + 1))


def _carrying(rows: FloatArray) -> FloatArray:
    """A linear map of (x_0, a), with x_0 itself as its first value."""
    return np.concatenate((np.eye(1, rows.shape[1]), rows))


def _is_homogeneous(activation: LayerActivation) -> bool:
    """Whether it is positively homogeneous, for all neurons, and the identity on what is positive, or maxima."""
    if isinstance(activation, MaxGroups):
        return True
    if isinstance(activation, NeuronActivations):
        return all(map(_is_homogeneous, activation.kinds))
    hinge = activation.breakpoints.tolist() == [0.0] and activation.intercept == 0.0 and activation.slopes[1] == 1.0
    return activation.is_identity or bool(hinge)


def _passing_first(activation: Activation | NeuronActivations) -> LayerActivation:
    """The homogeneous activation of (x_0, z), where that of z is given: x_0 >= 0 stays as it is."""
    if isinstance(activation, Activation):
        return activation
    each = activation.each(len(activation.which))
    return as_layer_activation([Activation.identity(), *each], len(each) + 1, 0)


def _bent(each: list[Activation]) -> list[tuple[FloatArray, LayerActivation]]:
    """Layers from (x_0, z) to (x_0, x_0 sigma(z / x_0)); neurons without breakpoints pass z on."""
    n, one = len(each), Activation.identity()
    sizes = [len(activation.breakpoints) for activation in each]
    n_units, starts = sum(sizes), np.cumsum([0, *sizes])
    bent = [j for j in range(n) if sizes[j]]
    rest = {j: 1 + n_units + place for place, j in enumerate([*bent, *(j for j in range(n) if not sizes[j])])}
    # from x_0, z: x_0; y_1, ..., y_s of each neuron; -y_1 of each that bends; z of the others
    units = np.zeros((1 + n_units + n, 1 + n))
    # from these: x_0; m, p_1, ..., p_s of each neuron
    parts = np.zeros((1 + n_units + n, 1 + n_units + n))
    # from these: x_0; the sum of each neuron
    sums = np.zeros((1 + n, 1 + n_units + n))
    units[0, 0] = parts[0, 0] = sums[0, 0] = 1.0
    for j, activation in enumerate(each):
        t, s = activation.breakpoints, sizes[j]
        y, m = 1 + starts[j], 1 + starts[j] + j
        units[y : y + s, 0], units[y : y + s, 1 + j] = -t, 1.0
        if s:
            units[rest[j], 0], units[rest[j], 1 + j] = t[0], -1.0
            parts[m, 0], parts[m, rest[j]] = t[0], -1.0
            parts[m + 1 : m + 1 + s, y : y + s] = np.eye(s) - np.eye(s, k=1)
        else:
            units[rest[j], 1 + j] = parts[m, rest[j]] = 1.0
        sums[1 + j, 0], sums[1 + j, m : m + 1 + s] = activation.intercept, activation.slopes
    hinges = [*([Activation.relu()] * (1 + n_units + len(bent))), *([one] * (n - len(bent)))]
    return [(units, as_layer_activation(hinges, len(hinges), 0)), (parts, one), (sums, one)] if bent else [(sums, one)]


def signs_of_cells(cone: PolyhedralComplex, layers: Layers) -> Patterns:
    """The signs of the units of f, from those of F on its cones."""
    known = cone.known_signs
    columns, labels = [np.empty(0, np.int64)], [np.empty((0, 3), np.int64)]
    start = 0
    for layer, (bias, activation) in enumerate(zip(layers.biases, layers.activations, strict=False)):
        units = activation.units(len(bias))
        if not len(units.owners):
            continue
        alone, homogeneous = isinstance(activation, Activation), _is_homogeneous(activation)
        first = start + int(alone or not homogeneous)  # a unit of x_0 goes before
        columns.append(first + np.arange(len(units.owners)))
        labels.append(np.column_stack((np.full(len(units.owners), layer), units.owners, units.breakpoints)))
        start = first + len(units.owners) + (0 if homogeneous else len(np.unique(units.owners)))
    taken = np.concatenate(columns)
    positive, negative = (packed(unpacked(each, start)[:, taken]) for each in (known.positive, known.negative))
    numbers = np.ascontiguousarray(np.concatenate(labels).T)
    return Patterns(positive, negative, numbers[0], numbers[1], numbers[2])


class Cones(NamedTuple):
    """The cones of a complex on the box B; entry k of each list is for cones of dimension k + 1, faces of dimension k.

    Ids are those of the complex on B.
    """

    lineality: int  # l
    least: int  # the smallest cone, L: the apex where l = 0
    finite: list[IntArray]  # cones over the faces of R^d, k = 0..d
    infinite: list[IntArray]  # cones of directions, k = 0..d - 1, those above L
    boundaries: list[Ragged]  # k = 1..d: faces of R^d in the boundary of each face of R^d
    on: list[Any]  # k = 0..d: points, then rays, on each face of R^d, scipy CSR of ones


def cones_of(cone: PolyhedralComplex) -> Cones:
    """What the complex on B says of R^d."""
    import scipy.sparse

    walls, d = cone.facet_walls, cone.dim - 1
    assert walls is not None
    outer, low = closure(cone, walls > 0, d), closure(cone, walls == 0, d)
    inner = [np.flatnonzero(~each) for each in outer]
    lineality = next(j for j, ids in enumerate(inner) if len(ids))  # L is the smallest cone
    finite: list[IntArray] = []
    infinite: list[IntArray] = []
    boundaries: list[Ragged] = []
    on: list[Any] = []
    place = np.full(cone.f_vector[0], -1, np.int64)
    for j in range(1, d + 2):
        ids = inner[j][np.argsort(low[j][inner[j]], kind="stable")] if j > lineality else np.empty(0, np.int64)
        n = int(np.count_nonzero(~low[j][ids]))
        lists = cone.faces[j - 1].take(ids)
        if j <= lineality + 1:
            reach = scipy.sparse.eye_array(len(ids), dtype=np.int64, format="csr")
        else:
            below = _renumbered(lists, place, len(place))
            ones = np.ones(len(below.indices), np.int64)
            reach = scipy.sparse.csr_array((ones, below.indices, below.offsets), (len(ids), reach.shape[0])) @ reach
            reach.data[:] = 1
            reach.sort_indices()
        if j > 1:
            boundaries.append(_renumbered(lists.take(np.arange(n)), place, len(finite[-1])))
        finite.append(ids[:n])
        infinite.append(ids[n:])
        on.append(reach[:n])
        place = np.full(cone.f_vector[j], -1, np.int64)
        place[ids] = np.arange(len(ids))
    return Cones(lineality, int(inner[lineality][0]), finite, infinite[:-1], boundaries, on)


def _renumbered(lists: Ragged, place: IntArray, stop: int) -> Ragged:
    """Lists of the places of their items, where these are 0, ..., stop - 1."""
    items = place[lists.indices]
    some = (items >= 0) & (items < stop)
    ends = np.concatenate((np.zeros(1, np.int64), np.cumsum(some, dtype=np.int64)))
    return Ragged(ends[lists.offsets], items[some].astype(np.int32))
