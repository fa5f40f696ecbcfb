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
    {"errors", "_lazy", "_deprecated", "_arguments", "_cast", "_files", "_npz", "_budget", "_limits"}
    | {"_kernel_cache", "_jit", "_process"},
    {"_exact", "_measures", "_affine"},
    {"activation"},
    {"_halfspaces"},
    {"domain"},
    {"network"},
    {"_running_error"},
    {"readers", "geometry"},
    {"testing", "enumeration", "fourier"},
    {"theory"},
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


def private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def members(tree: ast.Module) -> set[str]:
    """Private methods and attributes that classes of a module define."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return {name for one in classes for node in ast.walk(one) if private(name := defined(node))}


def defined(node: ast.AST) -> str:
    """The name that a statement of a class gives to a method, a field or an attribute."""
    if isinstance(node, ast.FunctionDef):
        return node.name
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return own_attribute(node)


def own_attribute(node: ast.AST) -> str:
    """x of ``self.x``."""
    own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    return node.attr if own else ""


TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
FOLDER = {name: name if path.name == "__init__.py" else name.rpartition(".")[0] for name, path in FILES.items()}
MEMBERS = {
    folder: set().union(*(members(TREES[name]) for name in FILES if FOLDER[name] == folder))
    for folder in set(FOLDER.values())
}


TO_RENAME = {
    "specgeo._compile": ["specgeo.enumeration._signatures.signatures"],
    "specgeo.fourier.deviation": ["cx._once"],
    "specgeo.fourier.forms": ["cx._once"],
    "specgeo.report": ["specgeo.theory._results.Check", "specgeo.theory._results.jsonable"],
    "specgeo.testing": ["cx._smallest_vertices"],
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_leading_underscore_means_here_alone(name: str) -> None:
    """A module with one is used below its folder, a function or class in its module, a method in its folder."""
    faults = []
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("specgeo"):
            for full in (f"{node.module}.{alias.name}" for alias in node.names):
                *parts, last = full.split(".")
                folders = [".".join(parts[:n]) for n, part in enumerate(parts) if private(part)]
                if private(last):
                    folders.append(node.module if full in FILES else "its module alone")
                faults += [full for folder in folders if not f"{FOLDER[name]}.".startswith(f"{folder}.")]
        if isinstance(node, ast.Attribute) and private(node.attr) and not own_attribute(node):
            elsewhere = {folder for folder, found in MEMBERS.items() if node.attr in found}
            if elsewhere and FOLDER[name] not in elsewhere:
                faults.append(ast.unparse(node))
    if faults and faults == TO_RENAME.get(name):
        pytest.xfail(f"{name} uses {faults}")
    assert not faults
