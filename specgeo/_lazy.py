"""Names that load on first use, listed once: in the stub ``__init__.pyi`` that type checkers read (SPEC 1).

A line ``from home import name as name`` of the stub says where a name lives, ``from package import module as module``
names a module; a package with such a stub has in its ``__init__.py`` no list of its own.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package whose ``__init__.py`` is ``file``."""
    home = _names(package, Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))

    def load(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if home[name] == package:
            return importlib.import_module(f"{package}.{name}")
        value = getattr(importlib.import_module(home[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    public = sorted(home)
    return load, lambda: sorted(public), public


def _names(package: str, stub: str) -> dict[str, str]:
    """Every public name of a stub, and the module that has it; for a module, its package."""
    return {
        alias.asname: importlib.util.resolve_name("." * node.level + (node.module or ""), package)
        for node in ast.parse(stub).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
