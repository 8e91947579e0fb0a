"""What a template may ask for in words and figures: numbers, differences, claims, tables, facts, receipts."""

from __future__ import annotations

import math
from typing import Any

from podium.press.numbers import difference as difference_of
from podium.press.numbers import number as number_of
from podium.press.pages import badges
from podium.press.pages.badges import Picked
from podium.press.pages.escaping import Markdown, plain
from podium.press.pages.lock import Changes, compare, read_committed_lock
from podium.press.pages.page import Page
from podium.press.results import Results
from podium.spec import load_question


def number(
    page: Page, experiment: str, variant: str, metric: str, *, digits: int | None = None, big: bool = False
) -> Markdown:
    """Show the mean of a metric over a variant's seeds; a click on it opens its receipt."""
    results = page.results(experiment)
    found = number_of(results, variant, metric, digits=digits)
    page.badge(badges.too_few_seeds(results, variant), badges.picked_on_test(metric, variant))
    return page.medium.number(page.receipt(found, experiment, variant, metric), found, big=big)


def difference(page: Page, experiment: str, variant: str, over: str, metric: str) -> Markdown:
    """Show by how much a variant lies above another, paired by seed."""
    results = page.results(experiment)
    found, pair = difference_of(results, variant, over, metric), f"{variant} over {over}"
    page.badge(*badges.compared(results, variant, over), badges.picked_on_test(metric, variant, over))
    return page.medium.number(page.receipt(found, experiment, pair, metric), found)


def table(page: Page, experiment: str, metrics: list[str], *, variants: list[str] | None = None) -> Markdown:
    """Show a row a variant, with its runs and the mean of each metric; every number opens its receipt.

    The best of a column is marked only where it is shown to beat every other one (Holm-corrected).
    """
    results = page.results(experiment)
    names = variants or results.variants
    best = []
    for column, metric in enumerate(metrics, start=2):
        rank = results.ranked(metric, names)
        if rank.beaten and not rank.level:
            best.append((names.index(rank.best), column))
    head = ["variant", "runs", *(results.metric(metric).words for metric in metrics)]
    rows = [
        [str(name), str(len(results.rows(name))), *(number(page, experiment, name, metric) for metric in metrics)]
        for name in names
    ]
    return page.medium.table(head, rows, best=best)


def ranked(page: Page, experiment: str, metric: str) -> list[str]:
    """Name an experiment's variants from the best to the worst by their mean.

    A variant that is picked so by a test metric, and then shown with one, has its slide say that.
    """
    results = page.results(experiment)
    return [Picked(name, metric) for name in results.ranked(metric).order]


def facts(page: Page, experiment: str) -> dict[str, Any]:
    """Return what is known of an experiment: question, expectation, runs, variants, seeds, parameters, profile."""
    results = page.results(experiment)
    said = load_question(experiment, page.project.experiments)
    return {
        "question": said.question,
        "expectation": said.expectation,
        "runs": len(results.compared),
        "all": len(results.runs),
        "variants": results.variants,
        "seeds": len(set(results.compared["seed"])),
        "parameters": f"{_parameters(results):,}",
        "config": results.compared.iloc[0].to_dict(),
        "profile": results.profile_note or "full profile",
    }


def _parameters(results: Results) -> int:
    first = results.models.get(str(results.rows(results.variants[0])["run"].iloc[0]), {})
    return int(first.get("parameters", 0))


def failures(page: Page, experiment: str) -> list[dict[str, str]]:
    """List the runs that did not finish: run, variant, state and reason."""
    rows = page.results(experiment).runs
    lost = rows[rows["state"] != "finished"]
    shown = lost["name"] if "name" in lost else lost["run"]
    return [
        {"run": str(run), "variant": str(variant), "state": str(state), "reason": str(reason or "")}
        for run, variant, state, reason in zip(shown, lost["variant"], lost["state"], lost["reason"], strict=True)
    ]


def failure_table(page: Page, experiment: str, *, most: int = 8) -> Markdown:
    """Show the runs that did not finish, and how many more there are than fit."""
    found = failures(page, experiment)
    rows = [
        [row["run"], row["variant"], ": ".join(filter(None, (row["state"], row["reason"])))] for row in found[:most]
    ]
    more = f"\n\nand {len(found) - most} more" if len(found) > most else ""
    return Markdown(page.medium.table(["run", "variant", "how it ended"], rows) + more)


def provenance(page: Page, *experiments: str) -> str:
    """Say in a line how many runs a deck stands on, of which commit, on what hardware."""
    found = [page.results(name, shown=False).compared for name in experiments]
    commits = sorted({str(c)[:7] for rows in found if "commit" in rows for c in rows["commit"] if c})
    machines = sorted({str(h) for rows in found if "hardware" in rows for h in rows["hardware"] if h})
    shown = " and ".join(machines) if len(machines) < 3 else f"{len(machines)} machines"
    parts = (f"{sum(map(len, found))} runs", f"commit {', '.join(commits)}" if commits else "", shown)
    return plain(" · ".join(part for part in parts if part))


def run_names(page: Page, experiment: str, variant: str) -> Markdown:
    """Show the names of a variant's runs."""
    names = [str(run) for run in page.results(experiment).rows(variant)["run"]]
    return page.medium.names(page.keep("names", "r", names), names)


def receipts(page: Page, start: int = 0, count: int = 10) -> Markdown:
    """Show a part of the list of every number of the deck, with what it is."""
    for experiment in page.experiments:
        page.results(experiment)
    return page.medium.receipts(start, count)


def receipt_pages(page: Page, most: int = 10) -> list[tuple[int, int]]:
    """Share the numbers asked for so far among as few pages as hold them: first number and how many, a page."""
    total = len(page.data["receipts"])
    each = math.ceil(total / max(1, math.ceil(total / most)))
    return [(start, each) for start in range(0, total, max(1, each))]


def changes(page: Page, since: str = "1 week ago") -> Changes:
    """Say what changed since a moment: numbers that moved, claims that turned, variants that came and went.

    Args:
        page: the page that asks.
        since: in git's words ("1 week ago", "2026-11-14"): the lock that was committed last before it is compared.

    Returns:
        Lines of words by kind, all empty where no lock was committed then.
    """
    page.looks_back = True
    then = read_committed_lock(page.lock_file, since) if page.lock_file else None
    return compare(then, page.now) if then and page.now else Changes()
