"""Honesty badges: what a slide must say of its runs whether its author thinks of it or not.

The list is that of the field's own complaints: too few seeds, two factors changed at once, unequal budgets, a best one
picked on the very test set it is reported on, seeds that are not paired.
"""

from __future__ import annotations

from typing import Self

import pandas as pd

from podium.press.results import Results
from podium.press.results.metrics import listed, metric_named
from podium.press.results.statistics import FEWEST_SEEDS

BUDGET = ("epochs", "train_images")  # what a run may spend


class Picked(str):
    """A variant's name that was found by ranking a metric; `metric` says which."""

    __slots__ = ("metric",)

    def __new__(cls, name: str, metric: str) -> Self:
        """Take the name, and the metric that put it in its place."""
        picked = super().__new__(cls, name)
        picked.metric = metric
        return picked


def too_few_seeds(results: Results, *variants: str) -> str:
    """Say that a variant has fewer than three seeds; "" where none has."""
    fewest = min(len(results.rows(variant)) for variant in variants)
    if fewest >= FEWEST_SEEDS:
        return ""
    return f"{'one seed' if fewest == 1 else f'{fewest} seeds'} only"


def compared(results: Results, variant: str, over: str) -> tuple[str, ...]:
    """Return what must be said beside a comparison of two variants.

    Returns:
        Badges: two factors changed, unequal budgets, seeds without a partner, too few seeds.
    """
    ours, theirs = results.rows(variant), results.rows(over)
    differ = [name for name in results.config_fields if name != "seed" and _values(ours, name) != _values(theirs, name)]
    spent = [name for name in differ if name in BUDGET]
    shared = set(ours["seed"]) & set(theirs["seed"])
    alone = len(set(ours["seed"]) | set(theirs["seed"])) - len(shared)
    return tuple(
        filter(
            None,
            (
                f"{len(differ)} factors changed: {listed(differ)}" if len(differ) > 1 else "",
                f"unequal budget: {listed(spent)}" if spent else "",
                f"{alone} unpaired seed{'s' * (alone > 1)}" if alone else "",
                too_few_seeds(results, variant, over),
            ),
        )
    )


def picked_on_test(metric: str, *variants: str) -> str:
    """Say that a variant was chosen by the test score that is now reported of it."""
    chosen = [v for v in variants if isinstance(v, Picked) and metric_named(v.metric).split == "test"]
    return "best picked on test" if chosen and metric_named(metric).split == "test" else ""


def _values(rows: pd.DataFrame, name: str) -> set[str]:
    return {repr(value) for value in rows[name]} if name in rows else set()
