"""What users gave for the arguments that the messages of the library name."""

from __future__ import annotations

import argparse
import re

_OPTIONS = {
    "axes": "--axes",
    "domain": "--box",
    "exact": "arithmetic",
    "figure": "--figure",
    "folder": "--out",
    "k": "--k",
    "lower": "--box, lower bounds",
    "max_bends": "--max-bends",
    "max_bytes": "--max-bytes",
    "max_cells": "--max-cells",
    "max_seconds": "--max-seconds",
    "max_simplices": "--max-simplices",
    "n_samples": "--samples",
    "Network.restrict": "--axes",
    "origin": "--origin",
    "output": "--output",
    "path": "network",
    "rng": "--seed",
    "upper": "--box, upper bounds",
}
_WITHIN = re.compile(r"max_cells|max_bytes|max_seconds|max_simplices|max_bends|n_samples|Network\.restrict")
_NODE = re.compile(r"output=('[^']*'|\"[^\"]*\")")


def in_options(message: str, arguments: argparse.Namespace) -> str:
    """A message of the library in one line, with options in place of arguments; a command may have names of its own."""
    known = {**_OPTIONS, **getattr(arguments, "names", {})}
    head, colon, rest = " ".join(message.split()).partition(":")
    heads = ", ".join(dict.fromkeys(known.get(name, name) for name in head.split(", ")))
    return heads + colon + _NODE.sub(r"--output-node \1", _WITHIN.sub(lambda m: known[m[0]], rest))
