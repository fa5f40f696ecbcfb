"""Train the example networks again: ``python examples/train.py`` writes their .npz and .onnx files here.

flower: a coordinate network 2-48-48-1 of a photograph (scikit-learn's ``flower.jpg``, grey, 96 x 96
pixels): position in [-1, 1]^2 to brightness in [0, 1].

sines: the sum of sines on which spectral bias was first shown (Rahaman et al. 2019, experiment 1), smaller: a network
1-64-64-64-1 trained on 200 points of [0, 1) with frequencies 2, 4, ..., 10 of equal amplitude.

Both: numpy, Adam, full batch, fixed seed. Weights are rounded to float32 at the end, so
that both files hold the same network. About one minute on one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import specgeo as sg

FOLDER = Path(__file__).parent
Layers = list[tuple[np.ndarray, np.ndarray]]


def initial(widths: list[int], rng: np.random.Generator) -> Layers:
    """He initialisation; biases spread the kinks over the domain."""
    return [
        (rng.normal(0.0, np.sqrt(2.0 / n), (m, n)), rng.uniform(-1.0, 1.0, m) / np.sqrt(n))
        for n, m in zip(widths[:-1], widths[1:], strict=True)
    ]


def forward(layers: Layers, x: np.ndarray) -> list[np.ndarray]:
    """Inputs of each layer and the output."""
    values = [x]
    for index, (weight, bias) in enumerate(layers):
        z = values[-1] @ weight.T + bias
        values.append(np.maximum(z, 0.0) if index < len(layers) - 1 else z)
    return values


def backward(layers: Layers, values: list[np.ndarray], error: np.ndarray) -> Layers:
    """Gradients of the mean square error."""
    gradients: Layers = []
    for index in range(len(layers) - 1, -1, -1):
        gradients.append((error.T @ values[index], error.sum(axis=0)))
        if index:
            error = (error @ layers[index][0]) * (values[index] > 0.0)
    return gradients[::-1]


def train(widths: list[int], x: np.ndarray, y: np.ndarray, steps: int, rate: float, seed: int, name: str) -> Layers:
    """Full-batch Adam with a cosine decay of the rate."""
    layers = initial(widths, np.random.default_rng(seed))
    first = [np.zeros_like(a) for pair in layers for a in pair]
    second = [np.zeros_like(a) for pair in layers for a in pair]
    for step in range(1, steps + 1):
        values = forward(layers, x)
        error = values[-1] - y
        if step % (steps // 10) == 0:
            print(f"{name}: step {step:6d}, root mean square error {np.sqrt(np.mean(error**2)):.4f}", flush=True)
        gradients = [g for pair in backward(layers, values, 2.0 * error / len(x)) for g in pair]
        now = rate * 0.5 * (1.0 + np.cos(np.pi * step / steps))
        flat = [a for pair in layers for a in pair]
        for a, g, m, v in zip(flat, gradients, first, second, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            a -= now * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return [(w.astype(np.float32), b.astype(np.float32)) for w, b in layers]


def save(layers: Layers, name: str) -> None:
    """Write ``name.npz`` and ``name.onnx``."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    sg.Network([w for w, _ in layers], [b for _, b in layers]).save(FOLDER / f"{name}.npz")
    nodes, constants, at = [], [], "x"
    for index, (weight, bias) in enumerate(layers):
        last = index == len(layers) - 1
        out = "y" if last else f"z{index + 1}"
        constants += [numpy_helper.from_array(weight, f"W{index}"), numpy_helper.from_array(bias, f"b{index}")]
        nodes.append(helper.make_node("Gemm", [at, f"W{index}", f"b{index}"], [out], f"dense{index + 1}", transB=1))
        if not last:
            at = f"a{index + 1}"
            nodes.append(helper.make_node("Relu", [out], [at], f"relu{index + 1}"))
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", layers[0][0].shape[1]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", layers[-1][0].shape[0]])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="specgeo examples")
    model.ir_version = 8
    onnx.save(model, FOLDER / f"{name}.onnx")


def flower(pixels: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Positions and brightness of the photograph, cropped to a square and averaged to ``pixels`` squared."""
    from sklearn.datasets import load_sample_image

    grey = load_sample_image("flower.jpg").astype(float).mean(axis=2) / 255.0
    side = min(grey.shape) // pixels * pixels
    top, left = (grey.shape[0] - side) // 2, (grey.shape[1] - side) // 2
    square = grey[top : top + side, left : left + side]
    small = square.reshape(pixels, side // pixels, pixels, side // pixels).mean(axis=(1, 3))
    ticks = (2 * np.arange(pixels) + 1) / pixels - 1
    x, y = np.meshgrid(ticks, -ticks)
    return np.column_stack((x.ravel(), y.ravel())), small.reshape(-1, 1)


def sines(points: int = 200, frequencies: range = range(2, 11, 2)) -> tuple[np.ndarray, np.ndarray]:
    """The target sum_k sin(2 pi k z + phase_k) at j / points."""
    z = np.arange(points)[:, None] / points
    phases = np.random.default_rng(7).uniform(0.0, 2.0 * np.pi, len(frequencies))
    waves = [np.sin(2 * np.pi * k * z + phase) for k, phase in zip(frequencies, phases, strict=True)]
    return z, np.sum(waves, axis=0)


if __name__ == "__main__":
    save(train([1, 64, 64, 64, 1], *sines(), steps=8000, rate=3e-3, seed=8, name="sines"), "sines")
    save(train([2, 48, 48, 1], *flower(), steps=4000, rate=5e-3, seed=0, name="flower"), "flower")
