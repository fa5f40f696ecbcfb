"""Reader of scikit-learn's multilayer perceptrons; scikit-learn itself is not imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from specgeo._cast import as_floats
from specgeo._progress import as_tell, reported
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.network import Network


@reported
def from_sklearn(estimator: Any, progress: Callable[[str, float], None] | bool | None = None) -> Network:
    """A fitted ``MLPRegressor`` or ``MLPClassifier`` as a `Network`.

    Parameters
    ----------
    estimator : object with ``coefs_``, ``intercepts_`` and ``activation``
        Activation "relu" or "identity". A classifier's network ends at the logits: the logistic
        or softmax function that follows is not piecewise linear and is left out.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.

    Returns
    -------
    Network

    Raises
    ------
    UnsupportedError
        The activation is not piecewise linear.
    InvalidInputError
        The estimator is not fitted, or is something else.

    Examples
    --------
    >>> import numpy as np, specgeo as sg
    >>> from types import SimpleNamespace
    >>> fitted = SimpleNamespace(coefs_=[np.ones((2, 3)), np.ones((3, 1))], intercepts_=[np.zeros(3), np.zeros(1)],
    ...                          activation="relu")
    >>> sg.from_sklearn(fitted)
    Network(2-3-1, relu)
    """
    if not hasattr(estimator, "coefs_") or not hasattr(estimator, "intercepts_"):
        raise InvalidInputError(
            f"estimator: {type(estimator).__name__} has no coefs_; pass a fitted MLPRegressor or MLPClassifier"
        )
    activation = getattr(estimator, "activation", None)
    if not isinstance(activation, str) or activation not in ("relu", "identity"):
        raise UnsupportedError(
            f"estimator: activation {activation!r:.80} is not piecewise linear; train with activation='relu'"
        )
    out = getattr(estimator, "out_activation_", "identity")
    if not isinstance(out, str) or out not in ("identity", "logistic", "softmax"):
        raise UnsupportedError(
            f"estimator: its outputs go through {out!r:.80}, which is not piecewise linear; "
            "train with loss='squared_error'"
        )
    try:
        weights, biases = list(estimator.coefs_), list(estimator.intercepts_)
    except TypeError as error:
        raise InvalidInputError("estimator: coefs_ and intercepts_ are no lists; fit the estimator again") from error
    matrices, tell = [], as_tell(progress)
    try:
        for i, weight in enumerate(weights):
            matrices.append(as_floats(weight, f"coefs_[{i}]", (None, None)).T)
            tell(f"layer {i + 1} of {len(weights)}", (i + 1) / len(weights))
        return Network(matrices, biases, activation)
    except InvalidInputError as error:
        raise InvalidInputError(f"estimator: {error}") from error
