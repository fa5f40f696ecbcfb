"""Kernels: how they are written, and their cache, which notices an edit of any file that has kernels."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import specgeo

DECORATORS = {"kernel", "leaf_kernel", "inline", "lane", "leaf", "hot", "merged"}
MOST_ARGUMENTS = 8


def kernels() -> list[ast.FunctionDef]:
    """All functions of the package that numba compiles."""
    package = Path(specgeo.__file__).parent
    return [
        node
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and DECORATORS & {ast.unparse(d) for d in node.decorator_list}
    ]


def test_kernels_have_few_arguments_and_types() -> None:
    found = kernels()
    assert len(found) > 100
    for function in found:
        given = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
        assert len(given) <= MOST_ARGUMENTS, function.name
        assert function.returns is not None, function.name
        assert all(argument.annotation is not None for argument in given), function.name


def test_kernels_copy_entry_by_entry() -> None:
    """A slice that an array is put into brings numba's message about shapes along, which takes a second to compile."""
    for function in kernels():
        for node in ast.walk(function):
            targets = node.targets if isinstance(node, ast.Assign) else []
            into = [t for t in targets if isinstance(t, ast.Subscript) and isinstance(t.slice, ast.Slice)]
            assert not into or isinstance(getattr(node, "value", None), ast.Constant), function.name


@pytest.mark.parametrize("word", ["no-untyped-def", "no-untyped-call"])
def test_no_kernel_is_excused_from_types(word: str) -> None:
    package = Path(specgeo.__file__).parent
    assert not [path.name for path in package.rglob("*.py") if f"ignore[{word}" in path.read_text(encoding="utf-8")]


def test_cutting_nests_five_deep_at_most() -> None:
    """The worst of the loops over faces and units: what is deeper belongs into a part of its own."""

    def depth(node: ast.AST) -> int:
        own = isinstance(node, (ast.For, ast.While, ast.If))
        return own + max((depth(child) for child in ast.iter_child_nodes(node)), default=0)

    path = Path(specgeo.__file__).parent / "enumeration" / "_cut.py"
    assert depth(ast.parse(path.read_text(encoding="utf-8"))) <= 5


PROGRAM = """
from numba import types
from specgeo.enumeration._lattice import spread_signs
words, ids = types.Array(types.uint64, 2, "C"), types.Array(types.int32, 1, "C")
spread_signs.compile((words, ids, types.Array(types.int64, 1, "C"), types.int64, words, words))
print(sum(spread_signs.stats.cache_hits.values()), sum(spread_signs.stats.cache_misses.values()))
"""


def test_an_edit_of_another_file_with_kernels_compiles_again(tmp_path: Path) -> None:
    package = tmp_path / "specgeo"
    shutil.copytree(Path(specgeo.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def hits_and_misses() -> list[int]:
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return [int(word) for word in run.stdout.split()]

    assert hits_and_misses() == [0, 1]
    assert hits_and_misses() == [1, 0]
    with open(package / "enumeration" / "_layout.py", "a") as file:
        file.write("# edited\n")
    assert hits_and_misses() == [0, 1]
    assert hits_and_misses() == [1, 0]
