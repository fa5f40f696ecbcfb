"""Self-checks of complexes, and random networks of the kinds that break region enumerators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from specgeo._arguments import checked
from specgeo._cast import FloatArray, RNGLike, as_rng
from specgeo._deprecated import renamed_argument
from specgeo.activation import Activation
from specgeo.errors import InvalidInputError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.soundness import failures
from specgeo.network import Network

__all__ = ["assert_complex_valid", "random_network"]


@renamed_argument("seed", "rng")
@checked
def random_network(
    widths: Sequence[int], rng: RNGLike, kind: str = "he", *, activation: str | Activation = "relu", bias: float = 0.1
) -> Network:
    """A random network, ReLU unless said otherwise.

    Parameters
    ----------
    widths : sequence of int
        (d, n_1, ..., n_L, m).
    rng : int, SeedSequence, BitGenerator, Generator or None
        For ``numpy.random.default_rng``.
    kind : str
        ``"he"``: layer by layer W ~ N(0, 2 / fan_in), then b ~ N(0, bias^2); ``"zero-bias"``: the same
        without biases; ``"integer"``: weights and biases in {-2, ..., 2}; ``"quarter"``: multiples of
        1/4 in [-2, 2]; ``"pruned"``: ``"he"`` with 80 % of the weights of each layer set to zero;
        ``"duplicated"``: ``"he"`` with the second half of the neurons of each hidden layer copied
        from its first half.
    activation : str or Activation
        Of all hidden layers.
    bias : float
        Standard deviation of the biases, where they are normal.

    Returns
    -------
    Network

    Examples
    --------
    >>> from specgeo.testing import random_network
    >>> random_network([2, 16, 16, 1], rng=0).hidden_widths
    (16, 16)
    """
    if len(widths) < 2 or any(n < 1 for n in widths):
        raise InvalidInputError(
            f"widths: {list(widths)} given; name inputs, hidden widths and outputs, each at least 1"
        )
    if bias < 0:
        raise InvalidInputError(f"bias: {bias} given; a standard deviation is >= 0")
    generator = as_rng(rng)
    weights: list[FloatArray] = []
    biases: list[FloatArray] = []
    last = len(widths) - 2
    for layer, (fan_in, n) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        if kind in ("integer", "quarter"):
            top, unit = (2, 1.0) if kind == "integer" else (8, 0.25)
            weight = generator.integers(-top, top + 1, (n, fan_in)) * unit
            shift = generator.integers(-top, top + 1, n) * unit
        elif kind in ("he", "zero-bias", "pruned", "duplicated"):
            weight = generator.normal(0.0, np.sqrt(2.0 / fan_in), (n, fan_in))
            shift = generator.normal(0.0, bias, n)
        else:
            raise InvalidInputError(
                f"kind: {kind!r} is not known; use 'he', 'zero-bias', 'integer', 'quarter', 'pruned' or 'duplicated'"
            )
        if kind == "zero-bias":
            shift = np.zeros(n)
        elif kind == "pruned":
            weight = np.where(generator.random(weight.shape) < 0.8, 0.0, weight)
        elif kind == "duplicated" and layer < last:
            copied = n // 2
            weight[n - copied :], shift[n - copied :] = weight[:copied], shift[:copied]
        weights.append(np.asarray(weight, dtype=np.float64))
        biases.append(np.asarray(shift, dtype=np.float64))
    return Network(weights, biases, activation)


@checked
def assert_complex_valid(cx: PolyhedralComplex, net: Network | None = None) -> None:
    r"""Check everything that must hold in the complex of a continuous function on a convex domain.

    Incidence, measures, convexity, continuity, gradient jumps, the divergence identity and, with ``net``, signs and
    values at the centroids: the checks of `specgeo.geometry.soundness.failures`, which returns what this raises.

    Parameters
    ----------
    cx : PolyhedralComplex
    net : Network, optional
        The network that ``cx`` is said to belong to.

    Raises
    ------
    AssertionError
        With what does not hold.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.testing import assert_complex_valid, random_network
    >>> net = random_network([2, 8, 8, 1], rng=1)
    >>> assert_complex_valid(sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1])), net)
    """
    found = failures(cx, None if net is None else net.layers)
    if found:
        raise AssertionError("; ".join(found))
