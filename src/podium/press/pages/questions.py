"""Question time: behind every figure a page of its variants, seed by seed, which nobody has to write."""

from __future__ import annotations

import inspect

from podium.press.figures import FIGURES
from podium.press.pages.escaping import plain
from podium.press.pages.page import Page
from podium.press.results import Results, mean_interval
from podium.press.results.metrics import decimals_for, in_figures
from podium.spec import PodiumError

COMPARING = ("curves", "effect", "forest", "frontier", "paired")  # kinds that show variants seed by seed
ROWS = 8  # variants on a page
SEEDS = 6  # columns


def question_pages(page: Page) -> str:
    """Return one slide behind each figure that compares variants, in order; each comparison once.

    A deck whose first slide says `questions=False` has none.
    """
    if not page.slides or page.slides[0].front.pop("questions", True) is False:
        return ""
    seen: set[tuple[str, str]] = set()
    made = []
    for asked in page.asked_figures:
        if asked.kind not in COMPARING:
            continue
        usual = inspect.signature(FIGURES[asked.kind]).parameters["metric"].default
        about = asked.experiment, str(asked.options.get("metric") or usual)
        if about not in seen:
            seen.add(about)
            made += _pages(page, *about)
    return "\n\n".join(made)


def _pages(page: Page, experiment: str, metric: str) -> list[str]:
    results = page.results(experiment, shown=False)
    try:
        order = results.ranked(metric).order
    except PodiumError:  # a value is missing somewhere: the figure itself has said so
        return []
    title = page.medium.text(plain(f"{experiment}: {results.metric(metric).words} of every seed"))
    foot = f"best first; mean with its 95 % t interval over {_counted(results)}"
    made = []
    for start in range(0, len(order), ROWS):
        mark = page.slide("appendix", kicker="Question time", foot=foot)
        page.badge(results.profile_note)
        table = _table(page, results, metric, order[start : start + ROWS])
        made.append(f"{mark}\n# {title}\n\n{table}\n\n<!--\nFor questions.\n-->")
    return made


def _table(page: Page, results: Results, metric: str, variants: tuple[str, ...]) -> str:
    quantity = results.metric(metric).quantity
    seeds = sorted({int(seed) for name in variants for seed in results.rows(name)["seed"]})[:SEEDS]
    rows = []
    for name in variants:
        values = {seed: value * quantity.scale for seed, value in results.by_seed(name, metric).items()}
        it = mean_interval(list(values.values()))
        decimals = decimals_for(it.half, quantity.decimals)
        interval = f"{in_figures(it.low, decimals)} to {in_figures(it.high, decimals)}" if it.n > 1 else "one seed"
        shown = [in_figures(values[seed], decimals + 1) if seed in values else "" for seed in seeds]
        rows.append([name, f"{in_figures(it.mean, decimals)} {quantity.unit}".strip(), interval, *shown])
    return page.medium.table(["variant", "mean", "interval", *(f"seed {seed}" for seed in seeds)], rows)


def _counted(results: Results) -> str:
    most = max(len(results.rows(name)) for name in results.variants)
    return f"{most} seed{'s' * (most > 1)}" + (f", the first {SEEDS} of them shown" if most > SEEDS else "")
