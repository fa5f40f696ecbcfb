"""The tables of a comparison as text and as Markdown, from its plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from specgeo._display import counted

Rows = list[list[str]]


def as_text(data: dict[str, Any]) -> str:
    """All tables of a comparison, for a terminal."""
    parts = [machine_line(data["machine"])]
    if data["runs"]:
        parts += [_aligned(enumeration_head(), enumeration_rows(data)), *(f"  {note}" for note in _notes(data["runs"]))]
        parts += [*map(speed_words, data["speedups"].items()), *map(growth_words, data["growth"].items())]
    if data["degenerate"]:
        parts += ["", DEGENERATE, _aligned(*degenerate_table(data))]
    if data["transforms"]:
        parts += ["", TRANSFORMS, _aligned(*transform_table(data["transforms"]))]
    if data["spectra"]:
        parts += ["", SPECTRA, _aligned(*spectra_table(data["spectra"]))]
    return "\n".join(parts)


TRANSFORMS = "transforms of shapes; errors over the volume, for |k| in units of 1 / radius:"
SPECTRA = "spectrum of a network on a lattice of wavevectors; errors over an L1 norm of f:"
DEGENERATE = "200 networks 2-6-5 with dyadic weights on [-1, 1]^2; the truth is from rational arithmetic:"


def machine_line(machine: dict[str, Any]) -> str:
    """The machine in a line."""
    versions = machine["versions"]
    known = ", ".join(f"{name} {versions[name]}" for name in ("specgeo", "numpy", "numba") if name in versions)
    load = "" if machine["load"] is None else f", load {machine['load']:g}"
    return f"{machine['processor']}, {machine['cores']} cores{load}; Python {machine['python']}, {known}"


def enumeration_head() -> list[str]:
    return ["network", "cells", "engine", "count", "time", "yardsticks", "cells/s", "memory", "start"]


def enumeration_rows(data: dict[str, Any]) -> Rows:
    """A row a run; those that were not tried are left to the notes."""
    rows: Rows = []
    last = None
    for run in data["runs"]:
        if run["outcome"] in ("unfit", "left out"):
            continue
        new = run["case"] != last
        last = run["case"]
        cells = f"{run['cells']:,}" if run["cells"] is not None and new else ""
        rows.append([run["case"] if new else "", cells, run["engine"], count_word(run), *figures(run)])
    return rows


def count_word(run: dict[str, Any]) -> str:
    """The outcome; a count that is wrong is shown."""
    if run["outcome"] in ("wrong", "differs"):
        return f"{run['outcome'].upper()}: {run['cells']:,}"
    outcome: str = run["outcome"]
    return outcome


def figures(run: dict[str, Any]) -> list[str]:
    """Time, yardsticks, cells per second, memory, time to start."""
    seconds = run["first_seconds"] if run["seconds"] is None else run["seconds"]
    if run["cells"] is None or seconds is None:
        return [""] * 5
    yard = run["yardstick_seconds"]
    ratio = f"{run['seconds'] / yard:.3g}" if run["seconds"] and yard else ""
    speed, start = rate(run["cells"] / seconds), duration(run["start_seconds"])
    return [duration(seconds), ratio, speed, memory(run["peak_bytes"]), start]


def duration(seconds: float | None) -> str:
    """Seconds in three digits, with the unit that suits them."""
    if seconds is None:
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= 0.9995 * size:
            return f"{seconds / size:.3g} {unit}" if seconds < 999.5 * size else f"{seconds / size:.0f} {unit}"
    return f"{1e6 * seconds:.3g} us"


def rate(per_second: float) -> str:
    """A rate in three digits."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if per_second >= size:
            return f"{per_second / size:.3g} {unit}"
    return f"{per_second:.3g}"


def memory(size: int | None) -> str:
    """Bytes in MB or GB."""
    if size is None:
        return ""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def degenerate_table(data: dict[str, Any]) -> tuple[list[str], Rows]:
    """Head and rows of the counts on degenerate networks."""
    head = ["engine", "right", "wrong cells", "wrong vertices", "error", "not reached", "time", "such as"]
    rows = [
        [
            one["engine"], *(str(one[name]) for name in ("right", "wrong", "wrong_vertices", "raised", "missing")),
            duration(one["seconds"]) if one["seconds"] else "", one["note"][:80],
        ]
        for one in data["degenerate"]
    ]  # fmt: skip
    return head, rows


def transform_table(runs: Sequence[dict[str, Any]]) -> tuple[list[str], Rows]:
    """Head and rows of the transforms of shapes."""
    kinds = {"usual": "|k| .1 to 30", "small": "to 1e-2", "large": "1000", "normals": "along normals"}
    head = ["shape", "program", "asked", *kinds.values(), "its bound", "shapes/s", "of numpy's exp"]
    rows, last = [], None
    for run in runs:
        errors = [power(run["errors"].get(kind)) for kind in kinds]
        rate_words = rate(run["per_second"]) if run["per_second"] else run["note"]
        ratio = f"{run['exponentials']:.3g}" if run["exponentials"] else ""
        shape = run["shape"] if run["shape"] != last else ""
        last = run["shape"]
        asked = "" if run["tolerance"] is None else f"{run['tolerance']:.0e}"
        rows.append([shape, run["engine"], asked, *errors, power(run["bound"]), rate_words, ratio])
    return head, rows


def spectra_table(runs: Sequence[dict[str, Any]]) -> tuple[list[str], Rows]:
    """Head and rows of the methods of spectra."""
    head = ["method", "cells", "wavevectors", "error", "its bound", "holds", "time"]
    rows = [
        [
            run["method"], f"{run['cells']:,}", f"{run['n_waves']:,}", power(run["error"]), power(run["bound"]),
            "yes" if run["holds"] else "NO", duration(run["seconds"]),
        ]
        for run in runs
    ]  # fmt: skip
    return head, rows


def power(error: float | None) -> str:
    """An error in two digits."""
    return "" if error is None else f"{error:.1e}"


def _notes(runs: Sequence[dict[str, Any]]) -> list[str]:
    """What the table has no room for: each reason once, with the cases it is for."""
    cases: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        if run["note"] and run["outcome"] not in ("wrong", "differs"):  # of which the table has both counts
            cases.setdefault((run["engine"], run["note"]), []).append(run["case"])
    return [f"{engine}: {note} ({', '.join(where)})" for (engine, note), where in cases.items()]


def speed_words(item: tuple[str, dict[str, float]]) -> str:
    """How a rival's times stand to those of specgeo."""
    name, found = item
    span = f"{found['least']:.3g} to {found['most']:.3g}" if found["cases"] > 1 else f"{found['mean']:.3g}"
    mean = f", {found['mean']:.3g} in the geometric mean" if found["cases"] > 1 else ""
    where = counted(int(found["cases"]), "network")
    return f"{name}, where its count is right: {span} times the time of specgeo{mean} ({where})"


def growth_words(item: tuple[str, dict[str, float]]) -> str:
    """The powers of a family."""
    family, found = item
    powers = ", ".join(f"cells^{power:.2f} ({engine})" for engine, power in found.items())
    return f"growth, {family}: seconds ~ {powers}"


def as_markdown(data: dict[str, Any]) -> str:
    """All tables of a comparison under headings, with the reasons why figures are missing."""
    parts = [f"Measured on {machine_line(data['machine'])}; one thread a process unless the engine is `threads`."]
    if data["runs"]:
        parts += ["## Networks", _piped(*engine_table(data)), _piped(enumeration_head(), enumeration_rows(data))]
        sentences = [*map(speed_words, data["speedups"].items()), *map(growth_words, data["growth"].items())]
        parts.append("\n".join(f"- {words}" for words in (*sentences, *_notes(data["runs"]))))
    if data["degenerate"]:
        parts += ["## Degenerate networks", _sentence(DEGENERATE), _piped(*degenerate_table(data))]
    if data["transforms"]:
        parts += ["## Transforms of shapes", _sentence(TRANSFORMS), _piped(*transform_table(data["transforms"]))]
    if data["spectra"]:
        parts += ["## Spectra", _sentence(SPECTRA), _piped(*spectra_table(data["spectra"]))]
    return "\n\n".join(parts) + "\n"


def engine_table(data: dict[str, Any]) -> tuple[list[str], Rows]:
    """What each engine is and reads."""
    rows = [[one["name"], one["version"] or "", one["reads"], one["licence"]] for one in data["engines"]]
    return ["engine", "version", "reads", "licence"], rows


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def _piped(head: Sequence[str], rows: Rows) -> str:
    """A table of Markdown: words to the left, numbers to the right."""
    rule = ["---" if name in _LEFT else "---:" for name in head]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in ([*head], rule, *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in escaped)


_LEFT = {
    *("network", "engine", "count", "such as", "shape", "program", "method", "version", "reads", "licence")
}


def _aligned(head: Sequence[str], rows: Rows) -> str:
    """Columns of text: words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for row in ([*head], *rows):
        cells = (
            cell.ljust(width) if name in _LEFT else cell.rjust(width)
            for name, cell, width in zip(head, row, widths, strict=True)
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
