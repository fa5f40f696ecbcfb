"""`difference`: f - g as one network, exactly: the layers of both side by side."""

from __future__ import annotations

import numpy as np
from scipy.linalg import block_diag

from specgeo._arguments import checked
from specgeo._cast import FloatArray
from specgeo.activation import Activation
from specgeo.errors import InvalidInputError
from specgeo.network import Network
from specgeo.theory.support import in_relus


@checked
def difference(net: Network, other: Network) -> Network:
    """f - g of two networks as one network of ReLU and affine layers.

    Parameters
    ----------
    net, other : Network
        With as many inputs and outputs.

    Returns
    -------
    Network
        Its weights are those of the two networks and +-1: nothing is multiplied or added with rounding, so it is this
        function exactly.

    Raises
    ------
    InvalidInputError
        The networks differ in inputs or outputs.

    Notes
    -----
    The layers stand side by side, an affine layer of one beside the identity of the other; of what has to wait while
    the other has ReLUs, relu(v) and relu(-v) are carried on.

    Examples
    --------
    The complex of a residual, and its energy:

    >>> import specgeo as sg
    >>> ramp = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]])                     # relu(x)
    >>> modulus = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]], "abs")
    >>> residual = sg.theory.difference(modulus, ramp)                          # relu(-x)
    >>> residual([[-2.0], [2.0]])[:, 0]
    array([2., 0.])
    >>> sg.enumerate_regions(residual, sg.Box([-1], [1])).integrate(2).round(12)
    array([0.33333333])
    """
    if (net.input_dim, net.output_dim) != (other.input_dim, other.output_dim):
        raise InvalidInputError(
            f"other: {other.input_dim} inputs and {other.output_dim} outputs given, those of net wanted: "
            f"{net.input_dim} and {net.output_dim}"
        )
    sides = [_Side(net), _Side(other)]
    weights: list[FloatArray] = []
    biases: list[FloatArray] = []
    kinds: list[Activation] = []
    while sides[0].todo or sides[1].todo:
        relu = all(side.todo[0].relu for side in sides if side.todo)
        layers = [side.next(relu) for side in sides]
        rows = [weight for weight, _ in layers]
        weights.append(block_diag(*rows) if weights else np.concatenate(rows))
        biases.append(np.concatenate([bias for _, bias in layers]))
        kinds.append(Activation.relu() if relu else Activation.identity())
    weights.append(np.concatenate((sides[0].values, -sides[1].values), axis=1))
    return Network(weights, [*biases, np.zeros(net.output_dim)], kinds)


class _Side:
    """One of the two networks: the layers it has left, and what its last activations stand for."""

    def __init__(self, net: Network) -> None:
        self.todo = in_relus(net)
        self.values = np.eye(net.input_dim)  # its numbers are this matrix times the activations
        self.positive = False  # they are not negative

    def next(self, relu: bool) -> tuple[FloatArray, FloatArray]:
        """Weights and biases of its units in the next layer of a kind: its own layer, or what carries its numbers."""
        if self.todo and self.todo[0].relu == relu:
            weight, bias, self.positive = self.todo.pop(0)
            weight = weight @ self.values
            self.values = np.eye(len(weight))
            return weight, bias
        n = len(self.values)
        if relu and not self.positive:
            weight, self.values = np.concatenate((self.values, -self.values)), np.tile(np.eye(n), 2)
            self.values[:, n:] *= -1.0
        else:
            weight, self.values = self.values, np.eye(n)
        return weight, np.zeros(len(weight))
