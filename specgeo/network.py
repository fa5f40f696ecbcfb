"""`Network`: affine layers and scalar piecewise-linear activations.

Notation, used everywhere: a network with L hidden layers maps x = a_0 through
z_l = W_l a_{l-1} + b_l and a_l = sigma_l(z_l), l = 1..L, to f = W_{L+1} a_L + b_{L+1}.
``d`` inputs, ``m`` outputs, ``n_l`` neurons in hidden layer l.

A network never rounds its weights: maps that cannot be folded into a layer exactly become an
affine layer of their own (a hidden layer with the activation `Activation.identity`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._affine import Affine, fold_dense
from specgeo._arguments import checked
from specgeo._budget import afford
from specgeo._cast import FloatArray, as_floats, as_points
from specgeo._chain import chained
from specgeo._codec import Layers, write_network
from specgeo._sparse import Matrix
from specgeo.activation import Activation
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.layer_activations import LayerActivation
from specgeo.slices import AffineSlice, notes_of

__all__ = ["Activation", "Network"]


class Network:
    """A feed-forward network with piecewise-linear activations, float64 throughout.

    Parameters
    ----------
    weights : sequence of array_like or scipy.sparse, shapes (n_1, d), (n_2, n_1), ..., (m, n_L)
        float32 and smaller types are widened exactly. A scipy.sparse matrix stays sparse: among ``net.weights`` it is
        then no array but a matrix of its entries, which multiplies with ``@``, is taken for the array by functions of
        numpy, has ``shape``, rows ``[i]`` and ``T``, and ``tocsr()`` for scipy's.
    biases : sequence of array_like, shapes (n_1,), ..., (m,)
    activation : str, Activation, or a sequence with one entry per hidden layer
        ``"relu"`` (default), ``"leaky_relu"``, ``"abs"``, ``"hard_tanh"``, ``"identity"`` (an affine
        layer) or an `Activation`. An entry may itself be a sequence of these, one for each neuron of the layer: a
        neuron with ``"identity"`` passes its value on, as skip connections do. Or it is `MaxGroups`: then the next
        weights have a column for each group.

    Raises
    ------
    InvalidInputError
        Shapes do not chain, an entry is NaN or infinite, or activations and layers or neurons differ in number.

    Examples
    --------
    >>> import specgeo as sg
    >>> tent = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> tent([[0.0], [0.5], [2.0]])
    array([[1. ],
           [0.5],
           [0. ]])

    x + relu(1 - 2x), the first neuron passing x on:

    >>> skip = sg.Network([[[1.0], [-2.0]], [[1.0, 1.0]]], [[0.0, 1.0], [0.0]], [["identity", "relu"]])
    >>> skip([[-1.0], [1.0]])
    array([[2.],
           [1.]])
    """

    weights: tuple[Matrix, ...]
    biases: tuple[FloatArray, ...]
    activations: tuple[LayerActivation, ...]

    def __init__(
        self,
        weights: Sequence[Any],
        biases: Sequence[npt.ArrayLike],
        activation: str | LayerActivation | Sequence[str | LayerActivation | Sequence[str | Activation]] = "relu",
    ) -> None:
        self.__dict__.update(chained(weights, biases, activation)._asdict())

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name}: a Network does not change; make a new one")

    @property
    def layers(self) -> Layers:
        """Weights, biases and activations, as a complex keeps them."""
        return Layers(self.weights, self.biases, self.activations)

    @property
    def input_dim(self) -> int:
        """Number of inputs d."""
        return int(self.weights[0].shape[1])

    @property
    def input_names(self) -> tuple[str, ...]:
        """What pictures call the inputs: x_0, x_1, ..., or the names of the slice that the network is restricted to."""
        return tuple(self.slice_notes.get("input_names", (f"x_{i}" for i in range(self.input_dim))))

    @property
    def slice_notes(self) -> dict[str, Any]:
        """What complexes and pictures note of the slice it is restricted to: ``input_names``, ``slice``; or nothing."""
        return dict(self.__dict__.get("_slice_notes", {}))

    @classmethod
    def of(cls, layers: Layers, notes: dict[str, Any]) -> Network:
        """The network that a complex has as its layers, with the ``slice_notes`` that are among its notes."""
        return _placed(cls(*layers), {name: notes[name] for name in ("input_names", "slice") if name in notes})

    @checked
    def placed_like(self, other: Network) -> Network:
        """This network with the ``slice_notes`` of another one, from which it was made."""
        return _placed(self, other.slice_notes)

    @property
    def output_dim(self) -> int:
        """Number of outputs m."""
        return int(self.weights[-1].shape[0])

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Neurons of each hidden layer (n_1, ..., n_L)."""
        return tuple(int(w.shape[0]) for w in self.weights[:-1])

    @property
    def n_units(self) -> int:
        """Number of units: a unit is a neuron together with one breakpoint of its activation."""
        return sum(len(a.units(n).owners) for n, a in zip(self.hidden_widths, self.activations, strict=True))

    def pre_activations(self, x: npt.ArrayLike) -> tuple[FloatArray, ...]:
        """Pre-activations z_1, ..., z_L of the hidden layers.

        Parameters
        ----------
        x : array_like of floats, shape (..., d)

        Returns
        -------
        tuple of L arrays of floats, shapes (..., n_l)

        Raises
        ------
        InvalidInputError
            The last axis of x is not d long, or x has NaN or infinite entries.

        Examples
        --------
        >>> import specgeo as sg
        >>> net = sg.Network([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.5], [0.0]])
        >>> net.pre_activations([[2.0]])
        (array([[ 2. , -1.5]]),)
        """
        a = as_points(x, "x", self.input_dim)
        collected: list[FloatArray] = []
        for weight, bias, activation in zip(self.weights[:-1], self.biases[:-1], self.activations, strict=True):
            collected.append(np.asarray(a @ weight.T + bias))
            a = activation(collected[-1])
        return tuple(collected)

    def activation_pattern(self, x: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Activation pattern z > t of every unit, with the columns of ``PolyhedralComplex.patterns``.

        A unit is a neuron together with one breakpoint t of its activation (ReLU: one unit a
        neuron, t = 0). Units are ordered layer by layer, neuron by neuron, breakpoint by breakpoint.

        Parameters
        ----------
        x : array_like of floats, shape (..., d)

        Returns
        -------
        ndarray of bools, shape (..., n_units)
            Signs of float64 values: within rounding of a bent hyperplane they may differ from the
            certified signs of the complex.

        Examples
        --------
        >>> import specgeo as sg
        >>> net = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]], activation="hard_tanh")
        >>> net.activation_pattern([[-2.0], [0.0], [2.0]])
        array([[False, False],
               [ True, False],
               [ True,  True]])
        """
        x = as_points(x, "x", self.input_dim)
        positive = [a.positive(z) for z, a in zip(self.pre_activations(x), self.activations, strict=True)]
        return np.concatenate([np.zeros((*x.shape[:-1], 0), np.bool_), *positive], axis=-1)

    def __call__(self, x: npt.ArrayLike) -> FloatArray:
        """Values f(x): (..., d) -> (..., m)."""
        a = as_points(x, "x", self.input_dim)
        rows, widest = a.size // self.input_dim, max(map(len, self.biases))
        afford(24.0 * rows * widest, f"x: {rows:,} points through layers of {widest:,} neurons", "pass fewer at a time")
        for weight, bias, activation in zip(self.weights[:-1], self.biases[:-1], self.activations, strict=True):
            a = activation(a @ weight.T + bias)
        return np.asarray(a @ self.weights[-1].T + self.biases[-1])

    def gradient(self, x: npt.ArrayLike) -> FloatArray:
        """Gradient of each output, W_{L+1} D_L W_L ... D_1 W_1 with D_l the slopes at z_l(x).

        Parameters
        ----------
        x : array_like of floats, shape (..., d)

        Returns
        -------
        ndarray of floats, shape (..., m, d)
            Where z equals a breakpoint the slope on its left is taken (ReLU: 0 at 0).

        Examples
        --------
        >>> import specgeo as sg
        >>> net = sg.Network([[[1.0], [-1.0]], [[1.0, 3.0]]], [[0.0, 0.0], [0.0]])
        >>> net.gradient([[2.0], [-2.0]])[:, 0, 0]
        array([ 1., -3.])
        """
        x = as_points(x, "x", self.input_dim)
        result: FloatArray = np.broadcast_to(np.asarray(self.weights[-1]), (*x.shape[:-1], *self.weights[-1].shape))
        layers = list(zip(self.weights[:-1], self.activations, self.pre_activations(x), strict=True))
        for weight, activation, z in reversed(layers):
            piece = activation.pieces(z)
            m, n = result.shape[-2:]
            result = result * activation.slopes[piece][..., None, :]
            result = activation.scatter(result.reshape(-1, m, n), piece.reshape(-1, n), len(weight)) @ weight
            result = result.reshape(*x.shape[:-1], m, weight.shape[1])
        return np.array(result)

    def precompose(self, matrix: npt.ArrayLike, offset: npt.ArrayLike | None = None) -> Network:
        """The network t -> f(matrix @ t + offset).

        Parameters
        ----------
        matrix : array_like of floats, shape (d, s)
        offset : array_like of floats, shape (d,), optional
            Zero by default.

        Returns
        -------
        Network
            Exactly the composition as a function of the binary64 numbers given: the map is folded
            into the first layer when the products are exact (coordinate planes, powers of two),
            and is kept as an affine first layer otherwise.

        Examples
        --------
        >>> import specgeo as sg
        >>> net = sg.Network([[[1.0, 2.0]], [[1.0]]], [[0.0], [0.0]])
        >>> net.precompose([[2.0], [0.0]]).weights[0]
        array([[2.]])
        >>> net.precompose([[0.1], [0.1]])
        Network(1-2-1-1, identity, relu)
        """
        inner = Affine(
            as_floats(matrix, "matrix", (self.input_dim, None)),
            np.zeros(self.input_dim) if offset is None else as_floats(offset, "offset", (self.input_dim,)),
        )
        folded = fold_dense(Affine(self.weights[0], self.biases[0]), inner)
        if folded is not None:
            return Network([folded.matrix, *self.weights[1:]], [folded.offset, *self.biases[1:]], self.activations)
        return Network(
            [inner.matrix, *self.weights], [inner.offset, *self.biases], [Activation.identity(), *self.activations]
        )

    def postcompose(self, matrix: npt.ArrayLike, offset: npt.ArrayLike | None = None) -> Network:
        """The network x -> matrix @ f(x) + offset, exact in the sense of `precompose`.

        Parameters
        ----------
        matrix : array_like of floats, shape (p, m)
        offset : array_like of floats, shape (p,), optional
            Zero by default.

        Examples
        --------
        >>> import specgeo as sg
        >>> net = sg.Network([[[1.0]], [[1.0], [2.0]]], [[0.0], [0.0, 1.0]])
        >>> net.postcompose([[1.0, -1.0]])([[3.0]])
        array([[-4.]])
        """
        rows = as_floats(matrix, "matrix", (None, self.output_dim))
        outer = Affine(rows, np.zeros(len(rows)) if offset is None else as_floats(offset, "offset", (len(rows),)))
        folded = fold_dense(outer, Affine(np.asarray(self.weights[-1]), self.biases[-1]))
        layers = [*self.weights, outer.matrix], [*self.biases, outer.offset], [*self.activations, Activation.identity()]
        if folded is not None:
            layers = [*self.weights[:-1], folded.matrix], [*self.biases[:-1], folded.offset], list(self.activations)
        return Network(*layers).placed_like(self)

    def component(self, output: int) -> Network:
        """The network x -> f_output(x) of one output.

        Raises
        ------
        InvalidInputError
            There is no such output.

        Examples
        --------
        >>> import specgeo as sg
        >>> net = sg.Network([[[1.0]], [[1.0], [2.0]]], [[0.0], [0.0, 1.0]])
        >>> net.component(1)([[3.0]])
        array([[7.]])
        """
        if not isinstance(output, (int, np.integer)) or not 0 <= output < self.output_dim:
            raise InvalidInputError(f"output: {output!r} given; the network has outputs 0 to {self.output_dim - 1}")
        last = slice(output, output + 1)
        return Network(
            [*self.weights[:-1], self.weights[-1][last]], [*self.biases[:-1], self.biases[-1][last]], self.activations
        ).placed_like(self)

    def restrict(self, where: AffineSlice) -> Network:
        """The network t -> f(origin + t @ basis) of s inputs on an affine slice.

        Parameters
        ----------
        where : AffineSlice
            Origin of shape (d,), basis of shape (s, d).

        Returns
        -------
        Network
            Exactly the restriction, see `precompose`: a coordinate slice through the origin is
            folded into the first layer, a general slice becomes an affine first layer of width d.

        Raises
        ------
        InvalidInputError
            The slice lies in a space of another dimension.

        Examples
        --------
        >>> import specgeo as sg
        >>> net = sg.Network([[[1.0, 2.0], [3.0, -1.0]], [[1.0, 1.0]]], [[0.0, 0.5], [0.0]])
        >>> net.restrict(sg.AffineSlice([0.0, 0.0], [[0.0, 1.0]]))
        Network(1-2-1, relu)
        """
        if not isinstance(where, AffineSlice):
            raise InvalidInputError(f"where: {type(where).__name__} given; pass a specgeo.AffineSlice")
        if where.ambient_dim != self.input_dim:
            raise InvalidInputError(
                f"where: lies in dimension {where.ambient_dim}, the network has {self.input_dim} inputs; "
                "give an origin and basis with that many coordinates"
            )
        notes = notes_of(where, self.input_names, self.slice_notes)
        return _placed(self.precompose(where.basis.T, where.origin), notes)

    def plot(self, domain: Any, ax: Any = None, *, max_cells: int | None = None, **options: Any) -> Any:
        """Draw the function and its cells on a domain, exactly.

        Parameters
        ----------
        domain : Box, Polytope, convex shapely Polygon or scipy ConvexHull
            Of dimension 1, 2 or 3, as the network has inputs.
        ax : matplotlib Axes, optional
            A new figure otherwise.
        max_cells : int, optional
            Budget of the enumeration.
        **options
            Those of `specgeo.plotting.function_plot`, `region_map` or `solid_map`.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        UnsupportedError
            The network has more inputs: restrict it to a slice.

        Examples
        --------
        >>> import specgeo as sg
        >>> net = sg.Network([[[1.0, 1.0]], [[1.0]]], [[0.0], [0.0]])
        >>> ax = net.plot(sg.Box(-1, 1, dim=2), title="a ridge")  # doctest: +SKIP
        """
        from specgeo.enumeration import enumerate_regions

        if self.input_dim > 3:
            raise UnsupportedError(f"plot: {self.input_dim} inputs; restrict the network to a slice of 1 to 3 inputs")
        return enumerate_regions(self, domain, max_cells=max_cells).plot(ax, **options)

    def __len__(self) -> int:
        """Number of affine layers, the last one included."""
        return len(self.weights)

    def __getitem__(self, layer: int) -> tuple[Matrix, FloatArray]:
        """Weights and bias of an affine layer."""
        return self.weights[layer], self.biases[layer]

    def _repr_html_(self) -> str:
        from specgeo._display import as_html, network_svg

        return as_html(self, network_svg((self.input_dim, *self.hidden_widths, self.output_dim)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network as ``.npz``; `specgeo.read_network` reads it back bit for bit."""
        write_network(self.layers, path)

    def __repr__(self) -> str:
        sizes = [str(n) for n in (self.input_dim, *self.hidden_widths, self.output_dim)]
        if len(sizes) > 20:
            sizes = [*sizes[:8], f"... ({len(sizes) - 16} more) ...", *sizes[-8:]]
        widths = "-".join(sizes)
        names = sorted({a.name for a in self.activations})
        return f"Network({widths}, {', '.join(names) or 'affine'})"


def _placed(net: Network, notes: dict[str, Any]) -> Network:
    made = copy(net)
    made.__dict__["_slice_notes"] = notes
    return made
