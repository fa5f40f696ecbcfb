"""scikit-learn's perceptrons against their own predictions."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import specgeo as sg


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_sklearn_regressor(outputs):
    networks = pytest.importorskip("sklearn.neural_network")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 2)), rng.normal(size=(60, outputs))
    model = networks.MLPRegressor(hidden_layer_sizes=(7, 5), max_iter=20, random_state=0)
    model.fit(x, y[:, 0] if outputs == 1 else y)
    net = sg.from_sklearn(model)
    np.testing.assert_allclose(net(x).reshape(60, outputs), model.predict(x).reshape(60, outputs), atol=1e-12)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_sklearn_classifier_gives_the_logits(classes):
    networks = pytest.importorskip("sklearn.neural_network")
    x = np.random.default_rng(0).normal(size=(60, 2))
    model = networks.MLPClassifier(hidden_layer_sizes=(7,), max_iter=20, random_state=0).fit(x, np.arange(60) % classes)
    logits = sg.from_sklearn(model)(x)
    if classes == 2:
        found = 1 / (1 + np.exp(-logits[:, 0]))
        np.testing.assert_allclose(found, model.predict_proba(x)[:, 1], atol=1e-12)
    else:
        found = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found, model.predict_proba(x), atol=1e-12)


def test_sklearn_refuses_what_is_not_piecewise_linear():
    with pytest.raises(sg.UnsupportedError, match="tanh"):
        sg.from_sklearn(SimpleNamespace(coefs_=[np.ones((1, 1))], intercepts_=[np.zeros(1)], activation="tanh"))
    with pytest.raises(sg.InvalidInputError, match="estimator"):
        sg.from_sklearn(object())
    fitted = {"coefs_": [np.ones((1, 1))], "intercepts_": [np.zeros(1)], "activation": "relu"}
    with pytest.raises(sg.UnsupportedError, match="estimator.*'exp'.*squared_error"):
        sg.from_sklearn(SimpleNamespace(**fitted, out_activation_="exp"))


@pytest.mark.parametrize(
    ("coefs", "intercepts", "words"),
    [(5, [[0.0]], "no lists"), ([None], [[0.0]], r"coefs_\[0\]"), ([[1.0]], [[0.0]], r"coefs_\[0\]: shape"),
     ([[[1.0]]], [None], r"biases\[0\]"), ([[["a"]]], [[0.0]], "real floats"), ([[[1.0]]], [], "bias vector")],
)  # fmt: skip
def test_sklearn_estimators_that_are_damaged(coefs, intercepts, words):
    damaged = SimpleNamespace(coefs_=coefs, intercepts_=intercepts, activation="relu")
    with pytest.raises(sg.InvalidInputError, match=f"estimator: .*{words}"):
        sg.from_sklearn(damaged)


def test_sklearn_without_an_activation():
    with pytest.raises(sg.UnsupportedError, match="estimator: activation None"):
        sg.from_sklearn(SimpleNamespace(coefs_=[[[1.0]]], intercepts_=[[0.0]]))


SCALERS = ["StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"]


@pytest.mark.parametrize("name", SCALERS)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_sklearn_pipelines_of_scalers(name):
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.decomposition import PCA
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline

    rng = np.random.default_rng(0)
    x, y = rng.normal(3.0, 2.0, size=(60, 3)), 100.0 * rng.normal(2.0, 1.0, size=60)
    scaler = getattr(preprocessing, name)
    mlp = MLPRegressor(hidden_layer_sizes=(6,), max_iter=30, random_state=0)
    steps = [scaler(), "passthrough", PCA(2, whiten=True), mlp]
    model = TransformedTargetRegressor(make_pipeline(*steps), transformer=scaler()).fit(x, y)
    np.testing.assert_allclose(sg.from_sklearn(model)(x)[:, 0], model.predict(x), rtol=1e-10)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_sklearn_searches_and_steps_that_are_not_affine():
    pytest.importorskip("sklearn")
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 2)), rng.normal(size=40)
    small = {"hidden_layer_sizes": (4,), "max_iter": 10, "random_state": 0}
    pipeline = make_pipeline(StandardScaler(with_mean=False), MLPRegressor(**small))
    search = GridSearchCV(pipeline, {"mlpregressor__alpha": [1e-4, 1e-2]}, cv=2).fit(x, y)
    np.testing.assert_allclose(sg.from_sklearn(search)(x)[:, 0], search.predict(x), atol=1e-12)
    for step, words in ((PolynomialFeatures(2), "PolynomialFeatures"), (MinMaxScaler(clip=True), "MinMaxScaler")):
        model = make_pipeline(step, MLPRegressor(**small)).fit(x, y)
        with pytest.raises(sg.UnsupportedError, match=f"step {words} is not read"):
            sg.from_sklearn(model)
