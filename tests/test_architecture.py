"""The rooms of docs/architecture.md: imports point down, and nothing imports itself in a circle."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "specgeo"
FILES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
# a room may import what stands before it; those of one set do not know each other, the foundations aside
ROOMS = [
    {"errors", "_lazy", "_deprecated", "_cast", "_files", "_npz", "_budget", "_limits"}
    | {"_kernel_cache", "_jit", "_process", "_caution", "_display"},
    {"_exact", "_measures", "_affine"},
    {"activation"},
    {"_halfspaces"},
    {"domain"},
    {"network"},
    {"_running_error"},
    {"readers", "geometry"},
    {"testing", "enumeration", "fourier"},
    {"theory"},
    {"_figures"},
    {"_class_map", "_solid_map"},
    {"plotting", "check", "_compile", "_progress"},
    {"report"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(ROOMS) for name in names}


def room(module: str) -> str:
    """The part of the package that a module belongs to; its own face, ``specgeo``, belongs to none."""
    return (module.split(".") + [""])[1]


def imports(path: Path) -> set[str]:
    """Modules of the package that are imported when this one is."""
    found: set[str] = set()

    def visit(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                continue
            if isinstance(node, (ast.If, ast.Try, ast.With)):
                visit(node.body)
            elif isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.update(
                    full if (full := f"{node.module}.{alias.name}") in FILES else node.module for alias in node.names
                )

    visit(ast.parse(path.read_text(encoding="utf-8")).body)
    return {name for name in found if name in FILES}


GRAPH = {name: imports(path) - {name} for name, path in FILES.items()}


def test_every_module_has_a_room() -> None:
    assert {room(name) for name in FILES} - {""} <= set(LEVEL)


@pytest.mark.parametrize("name", sorted(FILES))
def test_imports_point_down(name: str) -> None:
    own = room(name)
    if own == "":
        return
    for other in GRAPH[name]:
        if room(other) not in ("", own):
            assert LEVEL[room(other)] < max(LEVEL[own], 2), f"{name} imports {other}, which does not stand below it"


def test_no_circles() -> None:
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join((*above[above.index(name) :], name))
        if name not in done:
            for other in GRAPH[name]:
                visit(other, (*above, name))
            done.add(name)

    for name in GRAPH:
        visit(name, ())


def test_the_check_stands_alone() -> None:
    """The program that proves a file again imports nothing of the engine, and nothing but the standard library."""
    import sys

    tree = ast.parse((PACKAGE / "check.py").read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names
