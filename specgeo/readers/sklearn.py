"""Reader of scikit-learn's multilayer perceptrons; scikit-learn itself is not imported."""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.network import Network


def from_sklearn(estimator: Any) -> Network:
    """A fitted ``MLPRegressor`` or ``MLPClassifier`` as a `Network`.

    Parameters
    ----------
    estimator : object with ``coefs_``, ``intercepts_`` and ``activation``
        Activation "relu" or "identity". A classifier's network ends at the logits: the logistic
        or softmax function that follows is not piecewise linear and is left out.

    Returns
    -------
    Network

    Raises
    ------
    UnsupportedError
        The activation is not piecewise linear.
    InvalidInputError
        The estimator is not fitted, or is something else.
    """
    if not hasattr(estimator, "coefs_") or not hasattr(estimator, "intercepts_"):
        raise InvalidInputError(
            f"estimator: {type(estimator).__name__} has no coefs_; pass a fitted MLPRegressor or MLPClassifier"
        )
    if estimator.activation not in ("relu", "identity"):
        raise UnsupportedError(
            f"estimator: activation {estimator.activation!r} is not piecewise linear; train with activation='relu'"
        )
    out = getattr(estimator, "out_activation_", "identity")
    if out not in ("identity", "logistic", "softmax"):
        raise UnsupportedError(
            f"estimator: its outputs go through {out!r}, which is not piecewise linear; train with loss='squared_error'"
        )
    weights = [np.asarray(coefficients).T for coefficients in estimator.coefs_]
    return Network(weights, list(estimator.intercepts_), estimator.activation)
