"""What the README and the guides show runs as it stands, and the reference lists every public name."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

import specgeo as sg

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = {
    page.stem: "".join(re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S))
    for page in PAGES
    if "_build" not in page.parts and "generated" not in page.parts
}


@pytest.mark.parametrize("page", [page for page, code in CODE.items() if code])
def test_code_of_the_pages_runs(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its blocks one after the other, as a reader would."""
    monkeypatch.chdir(ROOT)
    exec(compile(CODE[page], page, "exec"), {})


def test_the_reference_lists_every_public_name() -> None:
    text = (ROOT / "docs" / "reference" / "index.md").read_text(encoding="utf-8")
    listed = {name.rpartition(".")[2] for name in re.findall(r"^   ([\w.]+)$", text, re.M)}
    for package in (sg, sg.theory, sg.fourier, sg.geometry, sg.readers, sg.plotting, sg.testing):
        names = {name for name in package.__all__ if not isinstance(getattr(package, name), ModuleType)}
        assert names - {"__version__"} <= listed, package.__name__


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists() or (page.parent / f"{target}.md").exists(), f"{page}: {target}"
