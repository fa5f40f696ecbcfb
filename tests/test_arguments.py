"""The door of every public callable: a wrong thing as any argument ends in a SpecgeoError, or is taken for what it is.

The table has a good call of each. What specgeo makes itself (results, complexes) has no door of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import specgeo as sg

WRONG = {
    "3": 3,
    "-1": -1,
    "0.5": 0.5,
    "None": None,
    "word": "x",
    "NaN": np.array([[np.nan, 1.0]]),
    "empty": np.empty(0),
    "shape": np.zeros((3, 1, 2)),
    "object": object(),
}
BOX, LINE, WAVES, MODES = sg.Box([-1, -1], [1, 1]), sg.Box([-1], [1]), [[1.0, 2.0], [0.0, 3.0]], [[0, 0], [1, 2]]
NET = sg.Network([[[1.0, 2.0], [3.0, -4.0], [1.0, 1.0]], [[1.0, 1.0, -1.0]]], [[0.0, 1.0, 0.5], [0.5]])
TENT = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[0.5, 0.0, -0.5], [0.0]])
PAIR = sg.Network([NET.weights[0], [[1.0, 1.0, -1.0], [0.5, -1.0, 1.0]]], [NET.biases[0], [0.5, 0.0]])
TRIANGLE = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]


@cache
def plane() -> sg.PolyhedralComplex:
    return sg.enumerate_regions(NET, BOX)


@cache
def space() -> sg.WholeSpaceComplex:
    return sg.enumerate_regions(NET, sg.WholeSpace(2))


@cache
def solid() -> sg.PolyhedralComplex:
    net = sg.Network([[[1.0, 2.0, 0.5]], [[1.0]]], [[0.1], [0.0]])
    return sg.enumerate_regions(net, sg.Box(-1, 1, dim=3))


@cache
def compact() -> sg.PolyhedralComplex:
    return sg.enumerate_regions(sg.theory.clamp_to_support(NET, BOX, 8.0), BOX)


@cache
def line() -> sg.PolyhedralComplex:
    return sg.enumerate_regions(TENT, LINE)


@cache
def level() -> sg.LevelSet:
    return sg.level_set(NET, BOX, 1.0)


def tracker() -> sg.SpectrumTracker:
    made = sg.SpectrumTracker(LINE, [0, 1])
    made.record(0, TENT)
    return made


@cache
def circle() -> Any:
    return sg.theory.PetalCurve(0, scale=0.5)


@cache
def on_circle() -> Any:
    return sg.theory.restrict_to_curve(NET, circle(), 40)


# name -> arguments of a good call; functions stand for what is made when it is needed
GOOD: dict[str, dict[str, Any]] = {
    "Activation": {"breakpoints": [0.0], "slopes": [0.0, 1.0], "intercept": 0.0, "name": "mine"},
    "Activation.__call__": {"z": [1.0]},
    "Activation.pieces": {"z": [1.0]},
    "Activation.leaky_relu": {"slope": 0.1},
    "Activation.clip": {"lower": 0.0, "upper": 1.0},
    "NeuronActivations": {"kinds": [sg.Activation.relu(), sg.Activation.identity()], "which": [0, 1]},
    "NeuronActivations.__call__": {"z": [1.0, 2.0]},
    "NeuronActivations.pieces": {"z": [1.0, 2.0]},
    "MaxGroups": {"groups": [[0, 1], [1]]},
    "MaxGroups.__call__": {"z": [1.0, 2.0]},
    "MaxGroups.pieces": {"z": [1.0, 2.0]},
    "AffineSlice": {"origin": [0.0, 0.0], "basis": [[1.0, 1.0]]},
    "AffineSlice.__call__": {"t": [[0.5]]},
    "AffineSlice.axes": {"axes": [1], "origin": [0.0, 0.0]},
    "AffineSlice.through": {"points": [[0.0, 0.0], [1.0, 1.0]]},
    "Box": {"lower": 0.0, "upper": 1.0, "dim": 2},
    "Network": {"weights": [[[1.0]], [[1.0]]], "biases": [[0.0], [0.0]], "activation": "relu"},
    "Network.__call__": {"x": [0.0, 1.0]},
    "Network.pre_activations": {"x": [0.0, 1.0]},
    "Network.activation_pattern": {"x": [0.0, 1.0]},
    "Network.gradient": {"x": [0.0, 1.0]},
    "Network.precompose": {"matrix": [[1.0], [2.0]], "offset": [0.0, 1.0]},
    "Network.postcompose": {"matrix": [[1.0]], "offset": [0.0]},
    "Network.restrict": {"where": sg.AffineSlice([0.0, 0.0], [[1.0, 1.0]])},
    "Network.save": {"path": "net.npz"},
    "FaceLattice.vertices_of": {"k": 1},
    "FaceLattice.boundary": {"k": 1},
    "FaceLattice.triangulation": {"k": 1},
    "FaceLattice.simplex_measures": {"k": 1},
    "FaceLattice.face_measures": {"k": 1},
    "FaceLattice.face_centroids": {"k": 1},
    "PolyhedralComplex.values": {"cells": [0], "x": [[0.0, 0.0]]},
    "Network.component": {"output": 0},
    "Network.placed_like": {"other": NET},
    "PolyhedralComplex.integrate": {"power": 2},
    "PolyhedralComplex.locate": {"x": [0.0, 0.0]},
    "PolyhedralComplex.__call__": {"x": [0.0, 0.0]},
    "PolyhedralComplex.exact_vertices": {"ids": [0]},
    "PolyhedralComplex.save": {"path": "cx.npz"},
    "PolyhedralComplex.export": {"path": "cells.vtu"},
    "PolyhedralComplex.level_set": {"value": 0.5, "output": 0, "closed": "below"},
    **{f"UnboundedLattice.{name}": {"k": 1} for name in (
        "boundary", "vertices_of", "points_of", "rays_of", "is_bounded", "face_measures")},
    **{f"WholeSpaceComplex.{name}": {"x": [0.0, 0.0]} for name in ("locate", "__call__")},
    "UnboundedLattice.exact_vertices": {"ids": [0]},
    "WholeSpaceComplex.on": {"domain": BOX},
    "WholeSpaceComplex.save": {"path": "space.npz"},
    "WholeSpaceComplex.load": {"path": "space.npz", "max_bytes": 10**9},
    "PolyhedralComplex.sublevel_set": {"value": 0.5, "output": 0, "above": False},
    "level_set": {"net": NET, "domain": BOX, "value": 0.5, "output": 0, "closed": None, "max_cells": 100,
                  "max_bytes": 10**9, "progress": None},
    "decision_boundary": {"net": PAIR, "domain": BOX, "max_cells": 100, "max_bytes": 10**9, "progress": None,
                          "smallest": True},
    "Polyline": {"points": [[0.0, 0.0], [1.0, 1.0]]},
    "Polyline.__call__": {"s": [0.5]},
    "WholeSpace": {"dim": 2},
    "Polytope": {"A": [[1.0], [-1.0]], "b": [1.0, 1.0]},
    "Polytope.from_vertices": {"points": TRIANGLE},
    "directional_expansion": {"cx": plane, "direction": [1.0, 0.0], "boundary": "cut"},
    "enumerate_regions": {"network": NET, "domain": BOX, "exact": True, "executor": None, "progress": None,
                          "max_cells": 100, "max_bytes": 10**9},
    "reduce_regions": {"network": NET, "domain": BOX, "reducers": lambda: {"f": sg.streaming.FVector()}, "executor": 2,
                       "max_bytes": 10**9, "checkpoint": None, "progress": None},
    "Spectrum": {"k": WAVES},
    "FourierCoefficients": {"modes": MODES, "extension": "periodic"},
    "Volumes": {"bins": [0.0, 1.0]},
    "DecisionAreas": {"classifier": PAIR, "smallest": True},
    "fourier_coefficients": {"cx": plane, "modes": MODES, "extension": "mirror", "return_error": True, "method": "auto",
                             "progress": None, "executor": None},
    "from_sklearn": {"estimator": None, "progress": None},
    "SpectrumTracker": {
        "domain": LINE, "modes": [0, 1], "extension": "mirror", "every": 1, "output": 0, "target": None,
        "quantities": ["memory"], "max_cells": None,
    },
    "SpectrumTracker.record": {"step": 1, "model": TENT},
    "SpectrumTracker.frontier": {"amplitude": 1.0},
    "SpectrumTracker.save": {"path": "tracker.npz"},
    "SpectrumTracker.load": {"path": "tracker.npz", "target": None},
    "SpectrumTracker.animate": {"interval": 50},
    "torch_spectrum": {
        "module": None, "domain": LINE, "modes": [0, 1], "extension": "mirror", "output": 0, "max_cells": None,
    },
    "Sines": {"wavevectors": [1.0], "amplitudes": 1.0, "phases": 0.0},
    "Sines.__call__": {"x": [[0.0]]},
    "Sines.transform": {"k": [[0.0]], "box": LINE},
    "Sines.mean_square": {"box": LINE},
    "loss_gradient_by_frequency": {"net": TENT, "cx": line, "k": [[1.0]], "residual": [1.0], "output": 0},
    "residual_rate": {"net": TENT, "cx": line, "k": [[1.0]], "residual": [1.0], "output": 0},
    "from_torch": {"module": None, "input_shape": 3, "output": None, "progress": None},
    "load_complex": {"path": "cx.npz", "max_bytes": 10**9, "progress": None},
    "orientation_average": {"shape": TRIANGLE, "q": [1.0], "normalise": False, "return_error": True},
    "polytope_transform": {"polytope": TRIANGLE, "k": WAVES, "density": ([1.0, 2.0], 0.5), "degree": None,
                           "return_error": False},
    "radial_spectrum": {"cx": plane, "t": [1.0, 2.0], "boundary": "cut"},
    "ray_spectrum": {"cx": plane, "direction": [1.0, 0.0], "t": [1.0], "boundary": "cut", "return_error": True},
    "read_network": {"path": "net.npz", "max_bytes": 10**9, "progress": None},
    "save_network": {"network": NET, "path": "net.npz"},
    "simplex_transform": {"vertices": TRIANGLE, "k": WAVES, "values": [1.0, 2.0, 3.0], "degree": 1},
    "spectrum": {"cx": plane, "k": WAVES, "boundary": "cut", "return_error": True, "method": "auto", "progress": None,
                 "executor": None},
    "warmup": {"progress": None},
    "classify": {"net": NET, "x": [[0.0, 1.0]]},
    "ClosedCurve.__call__": {"z": [0.5]},
    "CurveFunction.__call__": {"z": [0.5]},
    "CurveFunction.fourier_coefficients": {"modes": [0, 1]},
    "PetalCurve": {"petals": 3, "amplitude": 0.1, "scale": 0.5, "centre": [0.0, 0.0]},
    "PetalCurve.__call__": {"z": [0.5]},
    "PetalCurve.speed": {"z": [0.5]},
    "PetalCurve.input_frequency": {"n": 2},
    "CurveRestriction.fourier_coefficients": {"modes": [0, 1]},
    "alias_report": {"cx": plane, "n_samples": 4, "output": 0, "extension": "mirror", "function": NET},
    "circle_kernel": {"n": 2, "k": [1.0, 2.0]},
    "clamp_to_support": {"net": NET, "domain": BOX, "slope": 8.0},
    "curve_kernel": {"curve": circle, "n": 2, "k": [1.0, 2.0]},
    "cut_bound": {"cx": plane, "k": WAVES, "output": 0},
    "decay_report": {"cx": plane, "k": WAVES, "output": 0},
    "direction_report": {"cx": plane, "direction": [1.0, 0.0], "output": 0, "window": (20.0, 50.0), "samples": 50,
                         "boundary": "cut", "rng": 0},
    "directional_variation": {"cx": plane, "directions": [1.0, 0.0], "output": 0, "boundary": "interior"},
    "energy_comparison": {"cx": plane, "restriction": on_circle, "curve": circle, "modes": [1, 2], "output": 0},
    "expected_boundary": {"domain": BOX, "widths": [3, 2], "weight_std": 1.0, "bias_std": 0.1, "samples": 20,
                          "rng": 0, "visible_only": True, "confidence": 0.9},
    "expected_kinks_shallow": {"n": 3, "weight_std": 1.0, "bias_std": 0.1, "lower": 0.0, "upper": 1.0},
    "fourier_ntk": {"net": NET, "cx": plane, "k": WAVES, "output": 0, "boundary": "cut"},
    "free_identities": {"cx": compact, "output": 0},
    "kernel_bound": {"curve": circle, "n": [1, 2], "k": [[1.0, 2.0]]},
    "kinks": {"cx": plane, "output": 0, "boundary": "interior"},
    "largest_mode": {"variation": 2.0, "amplitude": 1.0},
    "lipschitz_bound": {"net": NET},
    "lipschitz_chain": {"net": NET, "cx": plane},
    "lipschitz_constant": {"cx": plane, "output": 0},
    "low_pass_check": {"cx": plane, "curve": circle, "cutoff": 3.0, "output": 0},
    "neighbour_edges": {"points": [[0.0, 0.0], [1.0, 0.0]], "labels": [0.0, 1.0], "domain": BOX, "n_neighbours": 1},
    "NeighbourEdges.spectrum": {"k": WAVES},
    "NeighbourEdges.shells": {"t": [1.0, 2.0]},
    "normal_directions": {"cx": plane, "output": 0},
    "parameter_vector": {"net": NET},
    "parameter_volume": {"widths": [2, 3, 1], "clip": 1.0, "epsilon": 0.1, "wavenumbers": [1.0, 2.0], "samples": 5,
                         "domain": BOX, "rng": 0, "confidence": 0.9, "moments": (1, 2), "activation": "relu"},
    "peak_report": {"net": TENT, "cx": line, "n_samples": 20, "position": 0.25, "height": 1.0, "output": 0},
    "perturbation_response": {"net": NET, "domain": BOX, "k": WAVES, "deltas": [0.01], "directions": 2, "output": 0,
                              "rng": 0, "boundary": "cut", "perturbation": "isotropic"},
    "porod_constant": {"cx": plane, "output": 0},
    "rate_report": {"net": NET, "cx": plane, "output": 0, "window": (20.0, 50.0), "samples": 20, "rng": 0},
    "energy_split": {"cx": plane, "cutoff": 2.0, "shape": "box"},
    "path_spectrum": {"net": NET, "start": [[0.0, 0.0]], "stop": [[1.0, 1.0]], "modes": [0, 1]},
    "local_complexity": {"net": NET, "point": [0.0, 0.0], "radius": 0.5, "basis": [[1.0, 0.0]], "max_cells": 100},
    "montufar_network": {"input_dim": 2, "widths": [4, 3]},
    "oscillation_costs": {"oscillations": 4},
    "region_counts": {"cx": plane},
    "region_statistics": {"cx": plane},
    "class_bounds": {"cx": plane, "direction": [1.0, 0.5], "output": 0},
    "spectral_bias": {"cx": line, "target": sg.learning.Sines([1.0]), "cutoff": 2.0, "shape": "box"},
    "difference": {"net": NET, "other": NET},
    "sawtooth": {"depth": 2, "dim": 2, "axes": 1},
    "serra_network": {"widths": [3, 3]},
    "region_bounds": {"input_dim": 2, "widths": [3, 2]},
    "region_table": {"net": NET, "cx": plane},
    "restrict_to_curve": {"net": NET, "curve": circle, "n_segments": 20, "lipschitz": 4.0},
    "restrict_to_polyline": {"net": NET, "vertices": TRIANGLE, "parameters": [0.0, 0.5, 1.0], "closed": False},
    "restrict_to_surface": {"net": NET, "vertices": TRIANGLE, "triangles": [[0, 1, 2]], "parameters": TRIANGLE},
    "SurfaceFunction.integrate": {"power": 2},
    "SurfaceFunction.fourier_coefficients": {"modes": [[0, 1]], "return_error": True},
    "samples_needed": {"cx": line, "mode": [1], "tolerance": 0.1, "output": 0, "extension": "mirror"},
    "shell_law": {"cx": plane, "windows": [20.0, 40.0], "output": 0},
    "spectral_gradient": {"net": NET, "cx": plane, "k": WAVES, "output": 0, "boundary": "cut", "method": "cells"},
    "spectral_norms": {"net": NET},
    "total_variation": {"cx": plane, "output": 0, "boundary": "interior"},
    "variation_check": {"cx": line, "k": [[1.0], [2.0]], "output": 0},
    "with_parameters": {"net": NET, "theta": lambda: sg.theory.parameter_vector(NET)},
    "alias_bound": {"cx": plane, "modes": MODES, "n_samples": 8, "extension": "mirror"},
    "bernstein_indices": {"j": 2, "degree": 2},
    "divided_difference": {"phases": [0.0, 1.0]},
    "mesh_pullback": {"points": TRIANGLE, "simplices": [[0, 1, 2]], "values": [1.0, 2.0, 3.0], "k": WAVES,
                      "cotangent": [1.0, 1.0j]},
    "mode_wavevectors": {"modes": MODES, "domain": BOX, "extension": "mirror"},
    "partial_sum": {"coefficients": [[1.0], [0.5]], "modes": MODES, "x": [[0.0, 0.5]], "domain": BOX,
                    "extension": "mirror"},
    "polytope_expansion": {"polytope": TRIANGLE, "direction": [1.0, 0.5]},
    "polytope_gradients": {"polytope": TRIANGLE, "k": WAVES},
    "polytope_moments": {"polytope": TRIANGLE},
    "porod_constants": {"cx": plane, "boundary": "cut"},
    "sampled_spectrum": {"cx": plane, "n_samples": 4, "extension": "mirror", "function": NET},
    "simplex_gradients": {"vertices": TRIANGLE, "k": WAVES, "values": [1.0, 2.0, 3.0]},
    "spectrum_gradient": {"cx": plane, "k": WAVES, "boundary": "cut"},
    "spectrum_pullback": {"cx": plane, "k": WAVES, "cotangent": [1.0, 1.0j], "output": 0},
    "tail_energy": {"cx": plane, "modes": MODES, "extension": "mirror"},
    "read_nnet": {"path": "net.nnet", "normalized": True, "max_bytes": 10**9, "progress": None},
    "read_npz": {"path": "net.npz", "max_bytes": 10**9, "progress": None},
    "read_keras": {"path": "net.keras", "output": None, "inputs": None, "config": None, "max_bytes": 10**9,
                   "progress": None},
    "read_onnx": {"path": "net.onnx", "output": None, "inputs": None, "max_bytes": 10**9, "progress": None},
    "from_parameters": {"parameters": {"0": {"weight": [[1.0]]}}, "activation": "relu", "layers": ["0"]},
    "read_safetensors": {"path": "net.safetensors", "activation": "relu", "layers": ["0"], "max_bytes": 10**9,
                         "progress": None},
    "with_encoding": {"network": NET, "knots": [0.0, 1.0], "features": [[0.0, 1.0]], "keep": False},
    "read_shape": {"path": "net.stl", "max_bytes": 10**9, "progress": None},
    "function_plot": {"cx": line, "outputs": [0], "edges": True, "cmap": None, "title": "t", "names": ["x"],
                      "ax": None},
    "class_map": {"cx": plane, "component": lambda: np.arange(plane().n_cells) % 2, "labels": [0, 1],
                  "cmap": ["#0072B2", "#E69F00"], "edges": True, "title": "t", "names": ["x", "y"], "ax": None,
                  "class_names": ["cat", "dog"]},
    "shape_plot": {"domain": BOX, "edges": True, "cmap": "#9db7d9", "title": "t", "names": ["x", "y"], "ax": None},
    "solid_map": {"cx": solid, "output": 0, "explode": 0.0, "cut": True, "edges": True, "cmap": "cividis", "title": "t",
                  "names": ["x", "y", "z"], "ax": None},
    "surface_plot": {"surface": level, "color": "black", "edges": True, "title": "t", "names": ["x", "y"], "ax": None},
    "disk_map": {"cx": space, "center": [0.0, 1.0], "scale": 2.0, "output": 0, "edges": True, "title": "t",
                 "names": ["x", "y"], "ax": None},
    "region_map": {"cx": plane, "color": "value", "output": 0, "edges": True, "cmap": "cividis", "title": "t",
                   "names": ["x", "y"], "ax": None},
    "spectrum_plot": {"k": WAVES, "exact": [1.0, 2.0], "sampled": [1.0, 2.0], "label": "a", "sampled_label": "b",
                      "title": "c", "amplitude": "a", "length": "k", "edges": True,
                      "cmap": ("#0072B2", "#E69F00"), "ax": None},
    "assert_complex_valid": {"cx": plane, "net": NET},
    "random_network": {"widths": [2, 3, 1], "rng": 0, "kind": "he", "activation": "relu", "bias": 0.1},
    "verify": {"net": TENT, "domain": LINE, "out": None, "progress": None, "rng": 0, "output": 0, "figures": False,
               "max_cells": 100, "max_bytes": 10**9, "max_simplices": 100, "max_seconds": 1.0, "executor": 1},
    "spectral_report": {"net": TENT, "domain": LINE, "output": 0, "samples": 8, "max_cells": 100, "max_bytes": 10**9,
                        "progress": None, "name": "network"},
    "certify_path": {"net": PAIR, "vertices": TRIANGLE, "label": 0},
    "find_path": {"net": PAIR, "start": [0.0, 0.0], "stop": [0.1, 0.0], "max_bends": 4, "lower": [-1.0, -1.0],
                  "upper": [1.0, 1.0], "progress": None},
    "trace_segment": {"net": NET, "start": [0.0, 0.0], "stop": [0.1, 0.0]},
    "decision_regions": {"net": PAIR, "domain": BOX, "max_cells": 100, "progress": None, "max_bytes": 10**9,
                         "smallest": False, "class_names": ["cat", "dog"]},
    "DecisionRegions.components_of": {"label": 0},
    "DecisionRegions.name_of": {"label": 0},
    "PolyhedralComplex.decision_regions": {"smallest": False, "class_names": ["cat", "dog"]},
    "PolyhedralComplex.decision_boundary": {"smallest": False},
    "DecisionRegions.locate": {"x": [[0.0, 0.0]]},
    "DecisionRegions.shortest_path": {"start": [0.0, 0.0], "stop": [0.0, 0.1]},
    "VerificationReport.write": {"folder": "out"},
    "Case": {"name": "mine", "network": NET, "domain": BOX, "cells": 3, "vertices": None, "family": None},
    "compare": {"cases": [], "against": [], "degenerate": False, "repeats": 1, "limit": 1.0, "progress": None},
    "named_cases": {"name": "quick"},
    "named_shapes": {},
    "compare_transforms": {"samples": 1, "n_waves": 1, "repeats": 1, "progress": None},
    "compare_spectra": {"width": 3, "side": 2, "samples": 1, "repeats": 1},
    "forward_pass": {"network": NET, "points": [[0.0, 1.0]]},
    "interleaved": {"functions": [int], "repeats": 1, "seconds": 1.0, "cpu": True},
}  # fmt: skip
INNER = {
    "FaceLattice.derived", "FaceLattice.known",
    "Patterns.differences", "Patterns.neuron_pieces", "Patterns.opposites", "Patterns.take",
    "Patterns.of_maxima",
    "Ragged.of", "Ragged.take", "Claim.examined", "Cell.of", "Network.of", "Comparison.of",
    *(f"{kind}.{method}" for kind in ("Activation", "NeuronActivations", "MaxGroups") for method in (
        "each", "pieces_of", "positive", "scatter", "select", "spread", "units", "width")),
    *(f"{name}.{method}" for name in (
        "DecisionAreas", "FVector", "FourierCoefficients", "Jumps", "Lipschitz", "Reducer", "Spectrum", "Volumes")
      for method in ("update", "merge", "finish")),
}  # fmt: skip
"""What the package calls with arrays and objects that it made: no door."""
OBJECTS: dict[str, Callable[[], Any]] = {
    "Activation": lambda: sg.Activation.leaky_relu(0.1),
    "NeuronActivations": lambda: sg.NeuronActivations([sg.Activation.relu(), sg.Activation.identity()], [0, 1]),
    "MaxGroups": lambda: sg.MaxGroups([[0, 1], [1]]),
    "AffineSlice": lambda: sg.AffineSlice([0.0, 0.0], [[1.0, 1.0]]),
    "Network": lambda: NET,
    "NeighbourEdges": lambda: sg.theory.neighbour_edges([[0.0, 0.0], [1.0, 0.0]], [0.0, 1.0], BOX),
    "PolyhedralComplex": plane,
    "WholeSpaceComplex": space,
    "UnboundedLattice": space,
    "FaceLattice": plane,
    "Polyline": lambda: sg.Polyline([[0.0, 0.0], [1.0, 1.0]]),
    "PetalCurve": circle,
    "ClosedCurve": circle,
    "CurveFunction": lambda: on_circle().function,
    "CurveRestriction": on_circle,
    "SurfaceFunction": lambda: sg.theory.restrict_to_surface(NET, TRIANGLE, [[0, 1, 2]], TRIANGLE),
    "DecisionRegions": lambda: sg.paths.decision_regions(PAIR, BOX),
    "SpectrumTracker": tracker,
    "Sines": lambda: sg.learning.Sines([1.0]),
    "VerificationReport": lambda: sg.verify(TENT, LINE, max_seconds=1.0),
}
"""An instance of each class whose methods are called."""


LONG: dict[str, dict[str, tuple[str, ...]]] = {
    "torch_spectrum": {},  # needs a module
    "SpectrumTracker.animate": {"interval": ("3",)},  # an animation that is not drawn warns
    "warmup": {"progress": ("None", "True")},
    "compare_transforms": {name: ("3",) for name in ("samples", "n_waves", "repeats")} | {"progress": ("None", "True")},
    "verify": {name: ("3", "None", "0.5", "word") for name in ("out", "rng")}
    | {name: ("3", "None") for name in ("max_cells", "max_bytes", "max_simplices", "max_seconds")}
    | {"progress": ("None", "True")},
}
"""Calls that would be taken and take long."""


@cache
def public() -> dict[str, Any]:
    """Every public function, every class that users make themselves, and every method that takes an argument."""
    found: dict[str, Any] = {}
    rooms = (sg, sg.theory, sg.fourier, sg.geometry, sg.paths, sg.readers, sg.plotting, sg.testing)
    rooms = (*rooms, sg.verification, sg.learning, sg.streaming, sg.benchmark)
    for room in rooms:
        for name in room.__all__:
            value = getattr(room, name)
            if isinstance(value, type) and not issubclass(value, Exception):
                if name in GOOD:
                    found[name] = value
                for method, function in vars(value).items():
                    kind = isinstance(function, (classmethod, staticmethod)) or inspect.isfunction(function)
                    if kind and (method == "__call__" or not method.startswith("_")) and method != "plot":
                        bound = getattr(value, method)
                        if set(inspect.signature(bound).parameters) - {"self"} and f"{name}.{method}" not in INNER:
                            found[f"{name}.{method}"] = bound
            elif callable(value) and not isinstance(value, (type, ModuleType)):
                found[name] = value
    return found


def made(value: Any) -> Any:
    return value() if inspect.isfunction(value) or hasattr(value, "cache_info") else value


def call_of(name: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    function = public()[name]
    if "self" in inspect.signature(function).parameters:
        function = getattr(OBJECTS[name.partition(".")[0]](), name.partition(".")[2])
    return function, {key: made(value) for key, value in GOOD[name].items()}


def test_every_public_callable_is_in_the_table() -> None:
    assert set(public()) == set(GOOD)
    for name, function in public().items():
        accepted = inspect.signature(function).parameters
        assert set(GOOD[name]) == set(accepted) - {"self", "options"}, name


@pytest.mark.parametrize("name", GOOD)
def test_wrong_things_are_refused_at_the_door(name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    NET.save("net.npz")
    plane().save("cx.npz")
    space().save("space.npz")
    tracker().save("tracker.npz")
    function, good = call_of(name)
    if not name.startswith(("from_", "read_")) and name not in LONG:
        function(**good)
    faults = []
    for argument in good:
        for kind, wrong in WRONG.items():
            if name in LONG and kind in LONG[name].get(argument, ()):
                continue
            try:
                function(**{**good, argument: wrong})
            except sg.SpecgeoError as error:
                if len(str(error)) > 500:
                    faults.append(f"{argument}={kind}: a message of {len(str(error))} characters")
            except Exception as error:
                faults.append(f"{argument}={kind}: {type(error).__name__}: {error}"[:160])
    assert not faults, "\n".join(faults)
