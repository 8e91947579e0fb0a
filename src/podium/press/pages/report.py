"""A report: the same questions to the same runs, written as prose for pandoc."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

import pandas as pd

from podium.press.pages.drawn import figures_of
from podium.press.pages.escaping import Markdown, entities
from podium.press.pages.functions import functions_of
from podium.press.pages.lock import FILE as LOCK
from podium.press.pages.lock import lock_of, read_lock
from podium.press.pages.page import Lock, Page
from podium.press.pages.prose import Prose
from podium.press.pages.render import filled
from podium.press.results import Source
from podium.press.results.metrics import in_figures, listed
from podium.spec import REPORT_TEMPLATE, PodiumError, Project, report_names, unknown

VERDICT = re.compile("\x02verdict (\\w+)\x03")


@dataclass(frozen=True)
class Report:
    """A report ready to be built.

    Attributes:
        markdown: for pandoc.
        files: what it shows, by name below its folder.
        lock: what its numbers, claims and figures are.
    """

    markdown: str
    files: dict[str, bytes]
    lock: Lock


def compose_report(project: Project, name: str, source: Source = "local") -> Report:
    """Work out a report from its template and the runs.

    Args:
        project: where everything is.
        name: of a folder under reports.
        source: "local" runs, or the "frozen" files.

    Raises:
        PodiumError: for an unknown report, and whatever its template asks for in vain, with its line.
    """
    names = report_names(project)
    if name not in names:
        raise unknown("report", name, names)
    template = project.reports / name / REPORT_TEMPLATE
    lock_file = template.parent / LOCK
    medium = Prose()
    page = Page(project, source, {}, before=read_lock(lock_file), lock_file=lock_file, medium=medium, template=template)
    extra = {"methods": partial(methods, page), "slide_link": partial(slide_link, page)}
    text = filled(
        project, template, page, functions={**functions_of(page), **extra}, whole=partial(_whole, page, medium)
    )
    figures = figures_of(page)
    files = {**{f"figures/{key}.svg": picture for key, picture in figures.items()}, **medium.pictures}
    return Report(text, files, lock_of(page, figures))


def methods(page: Page, *experiments: str) -> Markdown:
    """Write the methods appendix from the records: data, splits, seeds, hardware, budget, selection rule."""
    return Markdown("\n\n".join(_method(page, name) for name in experiments))


def slide_link(page: Page, deck: str, slide: int, words: str) -> Markdown:
    """Link to a slide of a built deck, by its number from 1.

    Raises:
        PodiumError: for a deck that is not built, or a slide that it does not have.
    """
    folder = page.project.build / "decks" / deck
    if not (folder / "slides.md").is_file():
        raise PodiumError(
            f"Deck {deck} is not built yet, so no slide of it can be linked to. Run `podium slides {deck}`."
        )
    count = len(re.findall(r"^layout: ", (folder / "slides.md").read_text("utf-8"), re.MULTILINE))
    if not 1 <= slide <= count:
        raise PodiumError(f"Deck {deck} has slides 1 to {count}; not {slide}.")
    return Markdown(f"[{entities(words)}](../../slides/{deck}/index.html#/{slide})")


def _whole(page: Page, medium: Prose, text: str) -> str:
    for check in page.checks:
        check(page)
    settled = VERDICT.sub(lambda found: page.data["claims"][found[1]]["verdict"], text)
    head, _, rest = settled.partition("\n\n")
    said = [f"*What must be said of these runs: {entities('; '.join(page.badges))}.*"] if page.badges else []
    return "\n\n".join([head, *said, rest.rstrip(), medium.footnotes()]) + "\n"


def _method(page: Page, experiment: str) -> str:
    results = page.results(experiment)
    rows = results.compared

    def values(name: str) -> str:
        return listed(sorted({str(value) for value in rows[name] if str(value)})) if name in rows else "not recorded"

    budget = f"{len(rows)} runs, {in_figures(float(rows['seconds'].sum()), 0)} s in all" if "seconds" in rows else ""
    same = [n for n in results.config_fields if n in rows and n != "seed" and len({repr(v) for v in rows[n]}) == 1]
    lines = [
        ("Runs", f"{len(rows)} finished of {len(results.runs)}; {results.profile_note or 'full profile'}"),
        ("Variants", listed(results.variants)),
        ("Seeds", values("seed") + (", paired" if results.paired else ", not paired")),
        ("Data", values("data")),
        ("Splits", _splits(rows)),
        ("Hardware", values("hardware")),
        ("Budget", budget or "not recorded"),
        ("Selection", _selection(rows) if not results.command else "unknown"),
        ("Code", values("commit")),
        ("Equal in all runs", ", ".join(f"{name} {rows[name].iloc[0]}" for name in same)),
        ("Again with", results.command or f"podium train {experiment}"),
    ]
    items = "\n".join(f"{entities(word)}\n:   {entities(text)}\n" for word, text in lines if text)
    return f"## {entities(experiment)}\n\n{items}"


def _selection(rows: pd.DataFrame) -> str:
    """Say which weights of each run were judged, as its config decides."""
    measured = rows["epochs"] == 0 if "epochs" in rows else pd.Series(data=False, index=rows.index)
    best = rows["patience"].notna() & ~measured if "patience" in rows else pd.Series(data=False, index=rows.index)
    kinds = {
        "the last epoch's weights": ~measured & ~best,
        "with patience the weights of the epoch that validated best": best,
        "without epochs the weights that the run started from": measured,
    }
    return ", ".join(words for words, where in kinds.items() if where.any()) + "; nothing was chosen on the test set"


def _splits(rows: pd.DataFrame) -> str:
    parts = []
    for name, word in (("train_images", "training"), ("validation_images", "validation"), ("test_images", "test")):
        found = sorted({int(value) for value in rows[name].dropna()}) if name in rows else []
        if found:
            parts.append(f"{word} {' or '.join(f'{value:,}' for value in found)}")
    return ", ".join(parts) or "not recorded"
