"""The public face: what the stubs promise is there, and a type checker sees real types."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import specgeo as sg

ROOT = Path(__file__).parent.parent
PACKAGES = ["specgeo", "specgeo.theory", "specgeo.fourier", "specgeo.geometry", "specgeo.paths", "specgeo.streaming"]
PACKAGES += ["specgeo.verification", "specgeo.benchmark"]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_stub_names_what_the_package_has(package: str) -> None:
    """Each name of the stub loads, from the module that the stub says; nothing else is public."""
    module = importlib.import_module(package)
    stub = ast.parse((ROOT / package.replace(".", "/") / "__init__.pyi").read_text(encoding="utf-8"))
    names = {"__version__"} if package == "specgeo" else set()
    for node in stub.body:
        if isinstance(node, ast.ImportFrom):
            home = importlib.import_module("." * node.level + (node.module or ""), package)
            for alias in node.names:
                assert alias.asname == alias.name, "a stub exports what it imports under the same name"
                value = getattr(module, alias.name)
                assert value is getattr(home, alias.name)
                if node.module:
                    assert value.__module__.startswith(home.__name__), "the stub names the module that defines it"
                names.add(alias.name)
    assert names == set(module.__all__) == set(dir(module))


def test_modules_and_the_main_job_are_public() -> None:
    modules = {"check", "errors", "fourier", "geometry", "paths", "plotting", "readers", "results", "testing", "theory"}
    modules |= {"benchmark", "streaming", "verification"}
    assert all(isinstance(getattr(sg, name), ModuleType) for name in modules)
    assert callable(sg.spectral_report)
    assert modules | {"spectral_report", "SpectralReport"} <= set(dir(sg))


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_a_type_checker_sees_real_types(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """A right use is clean under ``mypy --strict``, a wrong one is an error, and no public name is Any."""
    lines = [
        "import specgeo as sg",
        "net = sg.read_network('net.npz')",
        "box = sg.Box([-1], [1])",
        "cx: sg.PolyhedralComplex = sg.enumerate_regions(net, box, max_cells=10)",
        "proved: bool = cx.reprove().proved",
        "holds: bool = sg.spectral_report(net, box).holds",
        "bound = sg.theory.cut_bound(cx, [[1.0]])",
    ]
    right = len(lines)
    lines += ["x: int = sg.enumerate_regions(net, box)", "sg.enumerate_regions(net, box, maxcells=1)", "sg.no_name"]
    wrong = len(lines)
    for package in PACKAGES:
        face = package.replace("specgeo", "sg", 1)
        lines += [f"reveal_type({face}.{name})" for name in importlib.import_module(package).__all__]
    (tmp_path / "use.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert pytestconfig.cache is not None
    store = pytestconfig.cache.mkdir("mypy")
    options = ["--strict", "--config-file=", "--no-error-summary", "--hide-error-context", f"--cache-dir={store}"]
    command = [sys.executable, "-m", "mypy", *options, str(tmp_path / "use.py")]
    said = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT).stdout.splitlines()
    answers = {
        int(line.split("use.py:")[1].split(":")[0]): line
        for line in said
        if "use.py:" in line and (": error: " in line or "Revealed type" in line)
    }
    assert set(answers) == set(range(right + 1, len(lines) + 1)), said
    kinds = [answers[n].rpartition("[")[2] for n in range(right + 1, wrong + 1)]
    assert kinds == ["assignment]", "call-overload]", "attr-defined]"]
    assert not [line for n, line in answers.items() if n > wrong and '"Any"' in line]


EXAMPLES = [*ROOT.glob("notebooks/[0-9]*.py"), *ROOT.glob("examples/*.py"), *ROOT.glob("benchmarks/*.py")]
PAGES = [ROOT / "README.md", *(page for page in ROOT.glob("docs/**/*.md") if "generated" not in page.parts)]


def code_of(file: Path) -> str:
    text = file.read_text(encoding="utf-8")
    return text if file.suffix == ".py" else "".join(re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S))


@pytest.mark.parametrize("file", [*EXAMPLES, *PAGES], ids=lambda file: str(file.relative_to(ROOT)))
def test_examples_use_public_names(file: Path) -> None:
    """What users read and copy has names of the stubs alone: no inner module, nothing with a leading underscore."""
    tree = ast.parse(code_of(file))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import) and "specgeo." in ast.unparse(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "specgeo":
            _, *inner = (node.module or "").split(".")
            assert len(inner) < 2 and set(inner) <= set(sg.__all__), f"{node.module} is an inner module"
            assert {alias.name for alias in node.names} <= set(importlib.import_module(node.module or "").__all__)
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_") or node.attr.endswith("__"), node.attr
