"""How the documentation is built: ``python -m sphinx -W --keep-going docs docs/_build/html``."""

from __future__ import annotations

import shutil
from importlib.metadata import version as installed_version
from pathlib import Path

from numpydoc.xref import DEFAULT_LINKS

import specgeo

HERE = Path(__file__).parent
ROOT = HERE.parent

project = "specgeo"
author = "The specgeo developers"
copyright = f"2026, {author}"
release = version = installed_version("specgeo")

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build"]
html_theme = "pydata_sphinx_theme"
html_title = "specgeo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}

# a broken link inside the site stops the build
nitpicky = False
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 4

nb_execution_mode = "off"  # the notebooks are stored executed; the tests run their sources

default_role = "autolink"  # `name` links to what it names, where that is public
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc sections give shapes and units
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
DEFAULT_LINKS.clear()  # they lead to the sites of Python and numpy, and the build is to need no network
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # words other than these are words
numpydoc_xref_aliases = {
    name: f"{room.__name__}.{name}"
    for room in (specgeo.geometry, specgeo.fourier, specgeo.theory, specgeo)
    for name in room.__all__
    if isinstance(getattr(room, name), type)
}


def _copy_what_lies_elsewhere() -> None:
    """Executed notebooks and pictures live beside their sources; Sphinx wants them below ``docs``."""
    for folder, pattern, target in (
        ("notebooks", "[0-9]*.ipynb", "tutorials"),
        ("notebooks/paper", "[0-9]*.ipynb", "paper"),
        ("notebooks/paper/results", "*.png", "paper"),
        ("examples", "*.png", "_static"),
        ("benchmarks", "*.png", "_static"),
    ):
        (HERE / target).mkdir(exist_ok=True)
        for source in sorted((ROOT / folder).glob(pattern)):
            shutil.copyfile(source, HERE / target / source.name)


_copy_what_lies_elsewhere()
