"""Reader of scikit-learn's multilayer perceptrons, alone or behind scalers; scikit-learn itself is not imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from specgeo._affine import Affine
from specgeo._cast import FloatArray, as_floats
from specgeo._progress import as_tell, reported
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.network import Network


@reported
def from_sklearn(estimator: Any, progress: Callable[[str, float], None] | bool | None = None) -> Network:
    """A fitted ``MLPRegressor`` or ``MLPClassifier`` as a `Network`, with the scalers of its pipeline.

    Parameters
    ----------
    estimator : object with ``coefs_``, ``intercepts_`` and ``activation``
        Activation "relu" or "identity". A classifier's network ends at the logits: the logistic
        or softmax function that follows is not piecewise linear and is left out. Or a ``Pipeline`` that ends in one,
        behind StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler or PCA; a search, of which the best estimator is
        read; or a ``TransformedTargetRegressor`` with one of these scalers.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.

    Returns
    -------
    Network
        Scalers are evaluated in float64, and stay affine layers of their own where folding them would round.

    Raises
    ------
    UnsupportedError
        The activation is not piecewise linear, or a step of the pipeline is not affine; the message names it.
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
    tell = as_tell(progress)
    if hasattr(estimator, "best_estimator_"):
        return from_sklearn(estimator.best_estimator_, tell)
    if hasattr(estimator, "regressor_"):
        net, (scale, shift) = from_sklearn(estimator.regressor_, tell), _scaling(estimator.transformer_)
        return net.postcompose(np.diag(1.0 / np.diag(scale)), -shift / np.diag(scale))
    if hasattr(estimator, "steps"):
        net = from_sklearn(estimator.steps[-1][1], tell)
        for _, step in estimator.steps[-2::-1]:
            if step is not None and not isinstance(step, str):
                net = net.precompose(*_scaling(step))
        return net
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
    matrices = []
    try:
        for i, weight in enumerate(weights):
            matrices.append(as_floats(weight, f"coefs_[{i}]", (None, None)).T)
            tell(f"layer {i + 1} of {len(weights)}", (i + 1) / len(weights))
        return Network(matrices, biases, activation)
    except InvalidInputError as error:
        raise InvalidInputError(f"estimator: {error}") from error


def _scaling(step: Any) -> Affine:
    """A fitted transformer as the map x -> matrix @ x + offset."""
    kind = type(step).__name__

    def given(key: str, otherwise: float) -> FloatArray:
        value = getattr(step, key, None)
        return np.full(step.n_features_in_, otherwise) if value is None else as_floats(value, f"{kind}.{key}")

    if kind == "PCA":
        matrix = given("components_", 0.0)
        if getattr(step, "whiten", False):
            matrix = matrix / np.sqrt(given("explained_variance_", 1.0))[:, None]
        return Affine(matrix, -(matrix @ given("mean_", 0.0)))
    if kind == "MinMaxScaler" and not getattr(step, "clip", False):
        return Affine(np.diag(given("scale_", 1.0)), given("min_", 0.0))
    center = {"StandardScaler": "mean_", "RobustScaler": "center_", "MaxAbsScaler": "no center"}.get(kind)
    if center is None:
        raise UnsupportedError(
            f"estimator: its step {kind} is not read; StandardScaler, MinMaxScaler without clip, MaxAbsScaler,"
            " RobustScaler and PCA are: transform the inputs by it, and pass the steps behind it"
        )
    factor = 1.0 / given("scale_", 1.0)
    shift = given(center, 0.0) * float(getattr(step, "with_mean", True))  # a mean is kept even where it is not used
    return Affine(np.diag(factor), -shift * factor)
