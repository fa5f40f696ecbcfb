"""Train a small convolutional classifier of digits, and look at it on the plane through three of them.

``python examples/digits.py`` writes digits.onnx, digits.npz (ten test images, one of each digit) and digits.png here.

The network: 3 x 3 convolution, batch normalisation, ReLU, 2 x 2 max-pool; convolution, batch normalisation, ReLU; a
residual block of two convolutions with batch normalisation; a dense layer of 32 and ten logits. Data: scikit-learn's
8 x 8 digits, the last 297 for testing. Some seconds on one core; needs torch, scikit-learn and onnx.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import specgeo as sg

FOLDER = Path(__file__).parent
CHANNELS = 4


class Residual(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x)))))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        self.conv2, self.norm2 = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(x + self.norm2(self.conv2(h)))


def classifier() -> nn.Sequential:
    """The network, not trained yet."""
    return nn.Sequential(
        nn.Conv2d(1, CHANNELS, 3, padding=1), nn.BatchNorm2d(CHANNELS), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), nn.BatchNorm2d(CHANNELS), nn.ReLU(), Residual(CHANNELS),
        nn.Flatten(), nn.Linear(16 * CHANNELS, 32), nn.ReLU(), nn.Linear(32, 10),
    )  # fmt: skip


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """Images of shape (1797, 1, 8, 8) with values k / 16, and labels."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images / 16.0, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(labels)


def train(epochs: int = 12) -> nn.Sequential:
    """Adam on batches of 64."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    images, labels = digits()
    model = classifier()
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(epochs):
        for batch in torch.randperm(1500).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimiser.step()
    model.eval()
    right = (model(images[1500:]).argmax(1) == labels[1500:]).double().mean()
    print(f"{100 * right:.1f} % of the test images are classified right")
    return model


def save(model: nn.Sequential, path: Path) -> None:
    """Write the model as ONNX, node by node, so that batch normalisation stays as it was trained."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    constants: dict[str, np.ndarray] = {}

    def add(kind: str, source: str, parameters: dict[str, torch.Tensor], **attributes: Any) -> str:
        name = f"{kind.lower()}{len(nodes)}"
        given = {f"{name}.{key}": value.detach().numpy() for key, value in parameters.items()}
        constants.update(given)
        nodes.append(helper.make_node(kind, [source, *given], [name], name, **attributes))
        return name

    def layer(module: nn.Module, at: str) -> str:
        if isinstance(module, nn.Conv2d):
            return add("Conv", at, dict(module.named_parameters()), pads=[1, 1, 1, 1])
        if isinstance(module, nn.BatchNorm2d):
            keys = ("weight", "bias", "running_mean", "running_var")
            return add("BatchNormalization", at, {key: getattr(module, key) for key in keys}, epsilon=module.eps)
        if isinstance(module, nn.MaxPool2d):
            return add("MaxPool", at, {}, kernel_shape=[2, 2], strides=[2, 2])
        if isinstance(module, nn.Linear):
            return add("Gemm", at, dict(module.named_parameters()), transB=1)
        if isinstance(module, Residual):
            end = at
            for part in (module.conv1, module.norm1, nn.ReLU(), module.conv2, module.norm2):
                end = layer(part, end)
            nodes.append(helper.make_node("Add", [at, end], [f"add{len(nodes)}"]))
            return layer(nn.ReLU(), nodes[-1].output[0])
        return add({nn.ReLU: "Relu", nn.Flatten: "Flatten"}[type(module)], at, {})

    at = "image"
    for module in model:
        at = layer(module, at)
    graph = helper.make_graph(
        nodes, "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info(at, TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="specgeo examples")
    made.ir_version = 8
    onnx.save(made, path)


def main() -> None:
    """Train, write, look."""
    model = train()
    save(model, FOLDER / "digits.onnx")
    images, labels = digits()
    first = [int(1500 + np.flatnonzero(labels[1500:].numpy() == digit)[0]) for digit in range(10)]
    np.savez_compressed(FOLDER / "digits.npz", images=images[first, 0].double().numpy())
    net = sg.read_network(FOLDER / "digits.onnx")
    again = sg.from_torch(model, input_shape=(1, 8, 8))
    x = images[first].double()
    print(net)
    print(f"ONNX against torch.export: {np.abs(net(x.flatten(1)) - again(x.flatten(1))).max():.1e}")
    command = "slice digits.onnx --through digits.npz --pick 0 5 9 --figure digits.png"
    subprocess.run([sys.executable, "-m", "specgeo", *command.split()], cwd=FOLDER, check=True)


if __name__ == "__main__":
    main()
