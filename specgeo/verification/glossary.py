"""The words of the report, explained at its end; statements link to them."""

from __future__ import annotations

import re
from html import escape

TERMS = {
    "activation region": "a maximal set inside the domain on which no unit changes its sign; the cells of the complex",
    "affine map": "x → g·x + c, what the network is on one cell; g is its gradient there",
    "alias bound": "a proved bound on the distance of an FFT of samples from the exact coefficient of the same mode",
    "certificate": "the record of how the signs that decide the combinatorics were proved",
    "compact support": "f vanishes outside a bounded set; here made so by clamping the network to zero on the walls",
    "Euler characteristic": "vertices − edges + 2-faces − ...; 1 for every convex domain, cut into cells in any way",
    "facet": "a face of dimension d − 1: the wall between two cells, or of a cell and the outside",
    "Frobenius norm": "the root of the sum of squares of all entries of a matrix; at least its spectral norm",
    "gradient jump": "c_F, the change of the gradient across a facet F, along its normal",
    "island": "a component of a decision region that does not reach the boundary of the domain",
    "linear region": "a largest union of cells, joined through facets, on which f is one affine map",
    "Lipschitz constant": "L_f, the largest norm of the gradient, in units of f per unit length of the inputs",
    "mirror series": "the Fourier series of f reflected in the walls of its box: without jumps at the walls",
    "mode": "a vector n of whole numbers: one term of a Fourier series, at k_j = π n_j / s_j, s_j the sides of the box",
    "slack": "what is left between the measured value and its bound",
    "spectral norm": "the largest singular value of a matrix",
    "unit": "a neuron together with one breakpoint of its activation",
    "wavevector": "k, the argument of a Fourier transform f̂(k) = ∫ f(x) exp(−i k·x) dx, radians per unit length",
}
_ANY = re.compile(rf"\b({'|'.join(sorted(TERMS, key=len, reverse=True))})s?\b", re.IGNORECASE)
_BY_NAME = {term.lower(): term for term in TERMS}


def linked(html: str) -> str:
    """HTML with the first mention of each term as a link to its explanation; tags stay as they are."""
    seen: set[str] = set()

    def link(found: re.Match[str]) -> str:
        term = _BY_NAME[found[1].lower()]
        if term in seen:
            return found[0]
        seen.add(term)
        return f'<a class="term" href="#{_anchor(term)}">{found[0]}</a>'

    parts = re.split(r"(<[^>]*>)", html)
    return "".join(part if part.startswith("<") else _ANY.sub(link, part) for part in parts)


def section() -> str:
    """All terms with their explanations."""
    rows = "".join(
        f'<dt id="{_anchor(term)}">{escape(term)}</dt><dd>{escape(words)}</dd>' for term, words in TERMS.items()
    )
    return f'<section class="card" id="glossary"><h2>Glossary</h2><dl>{rows}</dl></section>'


def _anchor(term: str) -> str:
    return f"term-{term.lower().replace(' ', '-')}"
