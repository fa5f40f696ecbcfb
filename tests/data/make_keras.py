"""Makes the Keras files beside it: ``python make_keras.py`` with Keras 3, or with TensorFlow 2.15 for Keras 2.

One model of convolutions, batch normalisation, pools, a nested model, a shared layer and arithmetic, with its values in
float32 at six images; compressed, they are four files of 4 kB.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def build(keras):
    """The model."""
    L = keras.layers
    image = keras.Input((6, 6, 1), name="image")
    x = L.Conv2D(2, 3, padding="same", use_bias=False, name="front")(image)
    x = L.ReLU(max_value=4.0, name="bound")(L.BatchNormalization(name="norm")(x))
    inner = [L.Conv2D(2, 1, name="mix"), L.PReLU(shared_axes=[1, 2], name="slopes"), L.BatchNormalization(name="scale")]
    x = L.Add(name="skip")([x, keras.Sequential([keras.Input((6, 6, 2)), *inner], name="inner")(x)])
    x = L.DepthwiseConv2D(2, padding="same", name="deep")(L.MaxPooling2D(2, name="pool")(x * 2.0 - x))
    x = L.Dense(3, name="narrow")(L.Flatten(name="flat")(x))
    shared = L.Dense(3, activation="relu", name="shared")
    x = L.Concatenate(name="both")([shared(x), shared(shared(x))])
    return keras.Model(image, L.Dense(2, activation="hard_sigmoid", name="out")(x), name="m")


def main():
    """Save the model and its values."""
    import keras

    model, rng = build(keras), np.random.default_rng(0)
    for variable in model.weights:
        made = 0.5 * rng.normal(size=variable.shape)
        name = getattr(variable, "path", variable.name)
        variable.assign(np.abs(made) + 0.5 if "variance" in name else made)
    x = np.random.default_rng(1).normal(size=(6, 6, 6, 1)).astype(np.float32)
    release = f"keras{keras.__version__[0]}"
    for suffix in ("keras", "h5"):
        path = HERE / f"{release}.{suffix}"
        model.save(path)
        (HERE / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
        path.unlink()
    known = dict(np.load(HERE / "keras_values.npz")) if (HERE / "keras_values.npz").exists() else {}
    known |= {"x": x.reshape(6, -1).astype(float), release: model.predict(x, verbose=0).astype(float)}
    np.savez_compressed(HERE / "keras_values.npz", **known)


if __name__ == "__main__":
    sys.exit(main())
