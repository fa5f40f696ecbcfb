"""The rooms of docs/architecture.md: imports point down, and nothing imports itself in a circle.

Imports for type checkers count. What a function imports when it is called may stand above it only if it is listed here.
"""

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
    {"errors", "_lazy", "_deprecated", "_arguments", "_cast", "_files", "_npz", "_budget", "_limits", "_progress"}
    | {"_hdf5", "_xarray", "_kernel_cache", "_passes", "_shortcuts", "_lowering", "_compiler", "_jit", "_process"}
    | {"_caution", "_display", "_workers", "_parcels"},
    {"_double", "_fused", "_vector", "_prefetch", "_exact", "_measures", "_sparse", "_affine", "results"},
    {"activation"},
    {"layer_activations"},
    {"_codec"},
    {"_tournament", "_chain"},
    {"_halfspaces"},
    {"domain", "slices"},
    {"network"},
    {"_running_error"},
    {"readers", "geometry"},
    {"testing", "enumeration", "fourier"},
    {"levels"},
    {"paths", "streaming"},
    {"theory"},
    {"_figures"},
    {"_class_map", "_disk_map", "_solid_map"},
    {"_surface_plot"},
    {"learning"},
    {"plotting", "check", "_compile"},
    {"verification"},
    {"report", "benchmark"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(ROOMS) for name in names}


def room(module: str) -> str:
    """The part of the package that a module belongs to; its own face, ``specgeo``, belongs to none."""
    return (module.split(".") + [""])[1]


Imports = set[tuple[str, str]]


def imports(path: Path) -> Imports:
    """Modules of the package that a module imports, and the function that does it; "" for the module itself.

    Imports for type checkers alone count like others.
    """
    found: Imports = set()

    def visit(node: ast.AST, function: str) -> None:
        if isinstance(node, ast.Import):
            found.update((function, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found.update((function, name if name in FILES else node.module) for name in names)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            function = f"{function}.{node.name}".lstrip(".")
        for child in ast.iter_child_nodes(node):
            visit(child, function)

    visit(ast.parse(path.read_text(encoding="utf-8")), "")
    return {(function, name) for function, name in found if name in FILES}


IMPORTS = {name: imports(path) for name, path in FILES.items()}
GRAPH = {name: {other for function, other in found if not function} - {name} for name, found in IMPORTS.items()}
# functions that import what stands above them, or the face of the package, when they are called
UPWARDS = {
    "learning.tracker: SpectrumTracker.plot", "learning.tracker: SpectrumTracker.animate",
    *(f"geometry.complex: PolyhedralComplex.{name}" for name in (
        "linear_regions", "locate", "__call__", "exact_vertices", "reprove", "to_shapely", "to_networkx", "save",
        "integrate", "plot", "level_set", "sublevel_set", "decision_boundary", "decision_regions",
        "export", "to_pyvista", "to_xarray",
    )),
    "geometry.mesh: as_pyvista",
    "geometry.whole_space: WholeSpaceComplex.on", "geometry.whole_space: WholeSpaceComplex.plot",
    "geometry.lattice: FaceLattice.betti_numbers",
    *(f"{name}.plot" for name in (
        "domain: Box", "domain: Polytope", "fourier.radial: RadialSpectrum", "fourier.sampled: SampledSpectrum",
        "fourier.rays: DirectionalExpansion", "network: Network",
        "paths.regions: DecisionRegions", "levels.hypersurface: Hypersurface",
    )),
    *(f"_compile: {name}" for name in (
        "_pipeline", "_degenerate", "simplices", "_divided", "_polytopes", "_derivatives",
    )),
    *(f"cli.{name}" for name in ("parser: make_parser", "verify: run", "warmup: run")),
}  # fmt: skip


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


def needed_by(name: str) -> set[str]:
    """All modules that are loaded with one."""
    found: set[str] = set()
    left = [name]
    while left:
        new = GRAPH[left.pop()] - found
        found |= new
        left += new
    return found


def test_functions_that_import_upwards_are_known_by_name() -> None:
    def upwards(name: str, other: str) -> bool:
        rooms = room(name), room(other)
        above = "" not in rooms and rooms[0] != rooms[1] and LEVEL[rooms[1]] >= max(LEVEL[rooms[0]], 2)
        return other == "specgeo" or above or name in {other, *needed_by(other)}

    found = {
        f"{name.removeprefix('specgeo.')}: {function}"
        for name, imported in IMPORTS.items()
        for function, other in imported
        if function and upwards(name, other)
    }
    assert found == UPWARDS


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


def test_the_page_renders_plain_values() -> None:
    """The HTML of a report needs its ``to_dict()``, and knows neither reports nor claims."""
    assert GRAPH["specgeo.verification.html"] == {"specgeo.results", "specgeo.verification.glossary"}
    assert not GRAPH["specgeo.verification.glossary"]

def private(name: str) -> bool:
    """Methods of every NamedTuple are public in spite of their names."""
    return name.startswith("_") and not name.endswith("__") and name not in ("_asdict", "_fields", "_make", "_replace")


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
    assert not faults
