"""The report of a check: one page of thumbnails with what was found marked on them, and the same as JSON."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from podium.press.build.browser import HEIGHT, WIDTH
from podium.press.build.check.findings import KINDS, Finding, Report
from podium.spec.files import write_whole

AGAIN = "check the deck again"
Stop = tuple[int, int]  # a slide, and after how many clicks
SMALL = 490  # pixels across, for a slide where nothing was found

STYLE = """
:root { color-scheme: light dark; --ink: #1f2937; --soft: #475569; --line: #e2e8f0; --ground: #fff; --panel: #f8fafc;
  --error: #b91c1c; --advice: #92400e; --good: #166534 }
@media (prefers-color-scheme: dark) { :root { --ink: #f1f5f9; --soft: #cbd5e1; --line: #334155; --ground: #0b1220;
  --panel: #111a2e; --error: #fca5a5; --advice: #fcd34d; --good: #86efac } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1500px; padding: 36px 40px 80px; background: var(--ground); color: var(--ink);
  font: 17px/1.5 Inter, system-ui, sans-serif }
h1 { margin: 0; font-size: 30px; letter-spacing: -0.02em }
h2 { margin: 44px 0 14px; font-size: 21px }
p { margin: 6px 0; color: var(--soft) }
.error { color: var(--error) } .advice { color: var(--advice) } .good { color: var(--good) }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(430px, 1fr)); gap: 30px }
.grid.clean { grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 18px }
figure { margin: 0 }
.slide { position: relative; overflow: hidden; border: 1px solid var(--line); border-radius: 8px;
  background: var(--panel) }
.slide img { display: block; width: 100% }
.mark { position: absolute; border: 2px solid #dc2626; border-radius: 3px; background: #dc262610 }
.mark.advice { border-color: #d97706; background: #d9770610 }
.mark b { position: absolute; left: -2px; bottom: 100%; padding: 0 5px; background: #b91c1c; color: #fff;
  font: 600 12px/17px system-ui }
.mark.low b { bottom: auto; top: 0 }
.mark.advice b { background: #92400e }
figcaption { margin-top: 10px; font-size: 15px }
ol { margin: 6px 0 0; padding-left: 24px } li { margin: 5px 0 } li span { color: var(--soft) }
code { font-size: 0.92em }
"""


def write_report(report: Report, folder: Path) -> Path:
    """Write index.html, which needs nothing else, and findings.json.

    Returns:
        The page.
    """
    page = folder / "index.html"
    write_whole(folder / "findings.json", as_json(report).encode(), again=AGAIN)
    write_whole(page, _page(report).encode(), again=AGAIN)
    return page


def as_json(report: Report) -> str:
    """Return a report for programs: counts, then each finding with its severity and what helps."""
    found = [
        {**asdict(finding), "severity": finding.severity, "help": KINDS[finding.kind].help}
        for finding in report.findings
    ]
    counts = {"errors": len(report.errors), "advice": len(report.advice)}
    walked = {"deck": report.deck, "slides": report.slides, "clicks": report.clicks}
    return json.dumps({**walked, **counts, "findings": found}, indent=1, ensure_ascii=False) + "\n"


def _page(report: Report) -> str:
    by_stop: dict[Stop, list[Finding]] = {}
    placed = [finding for finding in report.findings if finding.slide]
    for finding in sorted(placed, key=lambda one: one.box is None):  # what has no place joins what has
        by_stop.setdefault(_stop_of(report, finding, by_stop), []).append(finding)
    marked = {slide for slide, _ in by_stop}
    clean = [stop for stop in sorted(report.pictures) if stop[0] not in marked]
    deck_wide = [finding for finding in report.findings if not finding.slide]
    name = html.escape(report.deck)
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Check of {name}</title>',
        '<meta name="viewport" content="width=device-width">',
        f"<style>{STYLE}</style><h1>Check of {name}</h1>",
        f"<p>{report.slides} slides, seen after each of {report.clicks} clicks at {WIDTH} x {HEIGHT} and as a ",
        f"1920 x 1080 projection. {_verdict(report)}</p>",
        f"<h2>The deck as a whole</h2>{_list(deck_wide)}" if deck_wide else "",
        "<h2>Slides with findings</h2>" if by_stop else "",
        '<div class="grid">',
        *(_figure(report, stop, found) for stop, found in sorted(by_stop.items())),
        "</div>",
        "<h2>Slides without findings</h2>" if clean else "",
        '<div class="grid clean">',
        *(_figure(report, stop, []) for stop in clean),
        "</div></html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _verdict(report: Report) -> str:
    errors, advice = len(report.errors), len(report.advice)
    if not errors and not advice:
        return '<strong class="good">Nothing was found.</strong>'
    plural = "" if errors == 1 else "s"
    return f'<strong class="error">{errors} error{plural}</strong>, <strong class="advice">{advice} advice</strong>.'


def _stop_of(report: Report, finding: Finding, used: Iterable[Stop]) -> Stop:
    """Return the picture that shows a finding: its own stop's, else one shown anyway, else the slide's last."""
    own = (finding.slide, finding.click)
    if finding.box is not None and own in report.pictures:
        return own
    shown = [stop for stop in used if stop[0] == finding.slide]
    return min(shown, default=max((stop for stop in report.pictures if stop[0] == finding.slide), default=own))


def _figure(report: Report, stop: Stop, found: list[Finding]) -> str:
    picture = report.pictures.get(stop)
    where = f"Slide {stop[0]}" + (f", after {stop[1]} click{'' if stop[1] == 1 else 's'}" if stop[1] else "")
    shown = f'<img alt="{where}" src="{_address(picture, small=not found)}">' if picture else ""
    marks = "".join(_mark(number, finding) for number, finding in enumerate(found, start=1) if finding.box)
    return (
        f'<figure id="slide-{stop[0]}-{stop[1]}"><div class="slide">{shown}{marks}</div>'
        f"<figcaption><strong>{where}</strong>{_list(found)}</figcaption></figure>"
    )


def _list(found: list[Finding]) -> str:
    lines = "".join(
        f'<li><strong class="{one.severity}">{one.kind}</strong> {html.escape(one.said)} '
        f"<span>{html.escape(KINDS[one.kind].help)}</span></li>"
        for one in found
    )
    return f"<ol>{lines}</ol>" if lines else ""


def _mark(number: int, finding: Finding) -> str:
    left, top, width, height = finding.box or (0, 0, 0, 0)
    right, bottom = min(left + width + 4, WIDTH), min(top + height + 4, HEIGHT)
    left, top = min(max(left - 4, 0), WIDTH - 12), min(max(top - 4, 0), HEIGHT - 12)  # also what stands outside
    width, height = max(right - left, 12), max(bottom - top, 12)
    place = ";".join(
        f"{side}:{100 * value / of:.2f}%"
        for side, value, of in (
            ("left", left, WIDTH),
            ("top", top, HEIGHT),
            ("width", width, WIDTH),
            ("height", height, HEIGHT),
        )
    )
    low = " low" if top < 24 else ""  # no room for its number above it
    return f'<div class="mark {finding.severity}{low}" style="{place}"><b>{number}</b></div>'


def _address(picture: bytes, *, small: bool) -> str:
    if small:
        from PIL import Image

        image = Image.open(io.BytesIO(picture))
        made = io.BytesIO()
        image.resize((SMALL, round(image.height * SMALL / image.width))).save(made, "JPEG", quality=70)
        picture = made.getvalue()
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
