"""A report as one HTML page, from its plain values: no scripts, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from specgeo.results import PAPER, format_number
from specgeo.verification.glossary import linked, section

Values = Mapping[str, Any]  # of a report, a claim or a check: what their to_dict() returns

_CSS = """
:root{--ink:#1d2733;--soft:#52606d;--line:#e0e5eb;--card:#fff;--page:#f5f7f9;--good:#2f855a;
--bad:#c53030;--blue:#2b6cb0;--grey:#829ab1}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 "Segoe UI",system-ui,-apple-system,
"Helvetica Neue",Arial,"DejaVu Sans",sans-serif}
main{max-width:1080px;margin:0 auto;padding:36px 24px 80px}
h1{font-size:26px;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:18px;margin:0}
p{margin:8px 0}
.lead{color:var(--soft);margin:0 0 20px}
.verdict{display:flex;gap:18px;align-items:center;background:var(--card);border:1px solid var(--line);
border-left:6px solid var(--good);border-radius:8px;padding:16px 20px;margin:18px 0}
.verdict.bad{border-left-color:var(--bad)}
.verdict b{font-size:19px}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(128px,1fr));gap:10px;margin:18px 0 26px}
.number{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px}
.number span{display:block;font-size:12px;color:var(--soft)}
.number b{font-size:17px;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600;color:var(--soft);font-size:12px}
th,td{padding:6px 10px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap}
tr:last-child td{border-bottom:0}
a{color:var(--blue);text-decoration:none}a:hover{text-decoration:underline}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:18px 22px;margin:16px 0}
.card.fails{border:2px solid var(--bad)}
.head{display:flex;justify-content:space-between;gap:16px;align-items:baseline}
.source{color:var(--soft);font-size:13px;margin:2px 0 10px}
.pill{font-size:12px;font-weight:600;
border-radius:99px;padding:2px 11px;white-space:nowrap;color:#fff;background:var(--grey)}
.pill.holds{background:var(--good)}.pill.fails{background:var(--bad)}.pill.observed{background:var(--blue)}.pill.could{background:#b7791f}
.remark{border-left:3px solid var(--line);padding-left:12px;color:var(--soft);font-size:14px}
.bar{position:relative;height:7px;width:96px;flex:none;background:#e9edf1;border-radius:4px}
.bar i{position:absolute;left:0;top:0;bottom:0;border-radius:4px;background:var(--blue)}
.bar.bad i{background:var(--bad)}
.facts{display:flex;flex-wrap:wrap;gap:4px 22px;font-size:13.5px;margin:10px 0}
.facts span{color:var(--soft)}
img{display:block;max-width:100%;height:auto;margin:14px auto 0}
.gauge{display:flex;align-items:center;gap:8px;white-space:nowrap}
figcaption{font-size:13px;color:var(--soft);text-align:center}
figure{margin:0}
.code{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,monospace;font-size:12.5px}
a.term{color:inherit;border-bottom:1px dotted var(--grey)}
dl{font-size:14px;margin:10px 0 0}dt{font-weight:600}dd{margin:0 0 8px;color:var(--soft)}
footer{color:var(--soft);font-size:13px;margin-top:30px}
@media(max-width:600px){main{padding:24px 12px 60px}.card{padding:14px}.verdict{flex-wrap:wrap;gap:4px 18px}
.contents tr>:nth-child(3),.contents tr>:nth-child(4),.contents tr>:nth-child(5){display:none}
.bar{width:56px}th,td{padding-right:7px}.card th:nth-child(5).n,.card td:nth-child(5).n{display:none}}
@media print{body{background:#fff}.card{break-inside:avoid}}
"""


_GAUGE = (
    "Share of the bound: measured / bound where the measured value must not exceed the bound, bound / measured where "
    "it must not fall below; 1 is the bound. Gauges are linear: empty is 0, full is the bound."
)


def page(report: Values, figures: Mapping[str, bytes]) -> str:
    """The whole page, from the report's ``to_dict()`` and the PNG figures of its claims by their keys."""
    counts, claims, network = report["counts"], report["claims"], escape(report["network"])
    checks = sum(len(claim["checks"]) for claim in claims)
    if report["holds"]:
        done = "Every check that was made" if any(claim["failure"] for claim in claims) else "Every check"
        text = f"<b>{done} holds.</b><span>{_many(counts['holds'], 'claim')}, {_many(checks, 'check')}</span>"
    else:
        text = (
            f"<b>{counts['fails']} of {counts['holds'] + counts['fails']} claims fail.</b><span>They come first.</span>"
        )
    rest = ", ".join(f"{n} {s}" for s, n in counts.items() if n and s not in ("holds", "fails"))
    parts = [
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>specgeo report: {network}</title><style>{_CSS}</style></head><body><main>",
        "<h1>The theory of spectral bias on this network</h1>",
        f'<p class="lead"><span class="code">{network}</span> on '
        f'<span class="code">{escape(report["domain"])}</span></p>',
        f'<div class="verdict{"" if report["holds"] else " bad"}">{text}<span>{escape(rest)}</span></div>',
        _numbers(report["summary"]),
        _contents(claims),
        *(_card(claim, figures.get(claim["key"])) for claim in claims),
        section(),
        f"<footer><p>{_GAUGE}</p>",
        "<p>Units: inputs and f in those of the network; wavevectors in radians per unit length of the inputs; "
        "gradients in units of f per unit length.</p>",
        f"<p>Statements are numbered as in “On the Spectral Bias of Neural Networks” ({PAPER}); where the "
        "paper needs repair, the repaired statement is checked and the entry says so. The combinatorics of the complex "
        "are exact, coordinates are rounded. Spectra are closed forms with error bounds. A check holds where the "
        "relation does up to these bounds and the rounding of the other side.</p>"
        f"<p>Seed {report['seed']}; {report['seconds']:.1f} s.</p></footer></main></body></html>",
    ]
    return "\n".join(parts)


def _css(claim: Values) -> str:
    return str(claim["status"]).split()[0]


def _many(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _numbers(summary: Values) -> str:
    cells = [
        f'<div class="number"><span>{escape(name)}</span><b>{escape(_text(value))}</b></div>'
        for name, value in summary.items()
    ]
    return f'<div class="numbers">{"".join(cells)}</div>'


def _contents(claims: list[Values]) -> str:
    rows = []
    for claim in claims:
        tightest = None if claim["tightest"] is None else claim["checks"][claim["tightest"]]
        closest = "" if tightest is None else _sides(tightest)
        bar = "" if tightest is None else _bar(tightest)
        rows.append(
            f'<tr><td><span class="pill {_css(claim)}">{claim["status"]}</span></td>'
            f'<td><a href="#{claim["key"]}">{escape(claim["title"])}</a></td><td>{_pretty(claim["source"])}</td>'
            f'<td class="n">{len(claim["checks"]) or ""}</td><td class="n">{closest}</td><td>{bar}</td></tr>'
        )
    return (
        '<div class="card scroll contents"><table><tr><th></th><th>claim</th><th>in the paper</th>'
        '<th class="n">checks</th><th class="n">closest to its bound</th><th>share of the bound</th></tr>'
        + "".join(rows) + "</table></div>"
    )


def _card(claim: Values, figure: bytes | None) -> str:
    title, caption = escape(claim["title"]), escape(claim["caption"])
    parts = [
        f'<section class="card {_css(claim)}" id="{claim["key"]}"><div class="head">'
        f'<h2>{title}</h2><span class="pill {_css(claim)}">{claim["status"]}</span></div>',
        f'<p class="source">{_pretty(claim["source"])}</p><p>{linked(_pretty(claim["statement"]))}</p>',
    ]
    if claim["skipped"]:
        return "".join([*parts, f'<p class="remark">Not applicable: {escape(claim["skipped"])}</p></section>'])
    if claim["failure"]:
        parts.append(f'<p class="remark">Could not be checked: {escape(claim["failure"])}</p>')
        if not claim["checks"]:
            return "".join([*parts, "</section>"])
    if claim["remark"]:
        parts.append(f'<p class="remark">{linked(_pretty(claim["remark"]))}</p>')
    if claim["checks"]:
        rows = "".join(_row(check) for check in claim["checks"])
        parts.append(
            '<div class="scroll"><table><tr><th>check</th><th class="n">measured</th><th></th><th class="n">bound</th>'
            f'<th class="n">slack</th><th>share of the bound</th><th></th></tr>{rows}</table></div>'
        )
    if claim["facts"]:
        parts.append(f'<div class="facts">{"".join(_fact(k, v) for k, v in claim["facts"].items())}</div>')
    if figure is None and caption:
        parts.append(f'<p class="source">{caption}</p>')
    if figure is not None:
        data = base64.b64encode(figure).decode("ascii")
        # The width is in the PNG header, at 160 dots an inch; the page shows 100 CSS pixels an inch.
        width = round(struct.unpack(">I", figure[16:20])[0] / 160 * 100)
        parts.append(
            f'<figure><img width="{width}" alt="{caption or title}" src="data:image/png;base64,{data}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    return "".join(parts) + "</section>"


def _fact(name: str, value: Any) -> str:
    text = escape(_text(value))
    return f"<div><span>{_pretty(name)}</span> {text if len(text) > 40 else f'<b>{text}</b>'}</div>"


def _row(check: Values) -> str:
    verdict = "holds" if check["holds"] else "fails"
    slack = "" if check["relation"] == "==" or check["bound"] == 0 else _number(check["slack"], 3)
    return (
        f'<tr><td>{_pretty(check["statement"])}<br><span class="code">{escape(check["name"])}</span></td>'
        f'<td class="n">{_number(check["measured"])}</td><td>{_relation(check)}</td><td class="n">{_bound(check)}</td>'
        f'<td class="n">{slack}</td><td>{_bar(check)}</td><td><span class="pill {verdict}">{verdict}</span></td></tr>'
    )


def _bar(check: Values) -> str:
    """The share of the bound reached, on a linear scale: full is the bound."""
    measured, bound, ratio = check["measured"], check["bound"], float(check["reached"])
    if check["relation"] == "==":
        exact = isinstance(measured, int)
        return "" if exact else f'<span class="source">off by {_number(abs(measured - bound), 2)}</span>'
    if not np.isfinite(ratio) or bound == 0:
        return ""
    width = 100.0 * float(np.clip(ratio, 0.0, 1.0))
    bad = "" if check["holds"] else " bad"
    bar = f'<div class="bar{bad}"><i style="width:{width:.0f}%"></i></div>'
    return f'<div class="gauge">{bar}<span>{_number(ratio, 2)}</span></div>'


def _sides(check: Values) -> str:
    return f"{_number(check['measured'])} {_relation(check)} {_bound(check)}"


def _bound(check: Values) -> str:
    """The bound; where it is zero, what rounding is allowed."""
    bound, tolerance = check["bound"], check["tolerance"]
    return f"0 ± {_number(tolerance, 2)}" if bound == 0 and tolerance else _number(bound)


def _relation(check: Values) -> str:
    return {"<=": "≤", ">=": "≥", "==": "="}[check["relation"]]


def _number(value: Any, digits: int = 5) -> str:
    """A number as HTML: thin powers of ten in place of exponents."""
    text = format_number(value) if isinstance(value, int) else f"{float(value):.{digits}g}"
    mantissa, e, exponent = text.partition("e")
    if e:
        text = f"{mantissa}·10<sup>{int(exponent)}</sup>"
    elif text.startswith("10^"):
        text = f"10<sup>{text[3:]}</sup>"
    elif isinstance(value, int):
        text = f"{value:,}"
    return text.replace("-", "−")


def _pretty(text: str) -> str:
    """A check's ASCII statement as HTML: relations, powers and hats as they are written by hand."""
    text = text.replace(f", {PAPER}", "").replace(f" ({PAPER})", "")
    text = text.replace("<=", "≤").replace(">=", "≥").replace("->", "→").replace("f^(", "f̂(").replace("f_int^", "f̂_int")
    text = (
        re.sub(r"\bsum(?=_| \||\s[a-z]_)", "Σ", text)
        .replace("int |", "∫|")
        .replace(" prod ", " Π ")
        .replace("sqrt(", "√(")
    )
    text = (
        text.replace("Phi", "Φ")
        .replace("|theta|", "‖θ‖")
        .replace("_inf", "∞")
        .replace("d_theta", "∂_θ")
        .replace("C_theta", "C_θ")
        .replace("|f^|", "|f̂|")
    )
    text = escape(text)
    text = re.sub(r"\^\{([^}]*)\}|\^(-?\([^)]*\)|-?\w+)", lambda m: f"<sup>{m[1] or m[2]}</sup>", text)
    return re.sub(r"_\{([^}]*)\}|(?<=[A-Za-zΣΠ∂Ā-ž̂])_(\w+)", lambda m: f"<sub>{m[1] or m[2]}</sub>", text)


def _text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) < 10**12 else format_number(value)
    if isinstance(value, float):
        return format_number(value)
    return ", ".join(_text(item) for item in value[:12]) if isinstance(value, list) else str(value)
