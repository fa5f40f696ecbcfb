"""``specgeo info``: what is in a network file."""

from __future__ import annotations

import argparse
from typing import Any

from specgeo._display import counted
from specgeo._sparse import entries_of, spectral_norm
from specgeo.cli.files import emit
from specgeo.cli.options import Commands, load, network_argument


def add(commands: Commands) -> None:
    parser = commands.add("info", run, "describe a network file", "specgeo info examples/flower.onnx")
    network_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    import numpy as np

    net = load(arguments)
    layers = [
        {
            "width": int(weight.shape[0]),
            "activation": activation.name if activation else "output",
            "spectral_norm": spectral_norm(weight),
            "largest_weight": float(np.abs(entries_of(weight)).max(initial=0.0)),
            "zeros": weight.size - int(np.count_nonzero(entries_of(weight))),
        }
        for weight, activation in zip(net.weights, [*net.activations, None], strict=True)
    ]
    data: dict[str, Any] = {
        "network": repr(net),
        "inputs": net.input_dim,
        "outputs": net.output_dim,
        "hidden_widths": list(net.hidden_widths),
        "units": net.n_units,
        "parameters": sum(w.size + b.size for w, b in zip(net.weights, net.biases, strict=True)),
        "layers": layers,
    }
    counts = zip((net.input_dim, net.output_dim, net.n_units, data["parameters"]),
                 ("input", "output", "unit", "parameter"), strict=True)  # fmt: skip
    lines = [
        f"{arguments.network}: {net!r}",
        f"  {', '.join(counted(number, what) for number, what in counts)}",
        "  layer  width  activation    spectral norm  largest weight  zeros",
    ]
    for number, row in enumerate(layers, start=1):
        lines.append(
            f"  {number:5d}  {row['width']:5d}  {row['activation']:12s}  {row['spectral_norm']:13.6g}  "
            f"{row['largest_weight']:14.6g}  {row['zeros']:5d}"
        )
    emit(arguments, lambda: data, "\n".join(lines))
    return 0
