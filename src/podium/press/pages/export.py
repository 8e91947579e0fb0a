"""Tables to take away: the same rows as on a page, as LaTeX for a paper and as CSV with every number unrounded."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from podium.press.numbers import number
from podium.press.results import Results, mean_interval
from podium.spec import unknown

FORMATS = ("latex", "csv")


def table_text(results: Results, metrics: Sequence[str], form: str) -> str:
    """Write a row a variant: mean, interval and number of seeds of each metric.

    Args:
        results: where from.
        metrics: results columns.
        form: "latex" (booktabs; rounded by the uncertainty, best in bold where it is shown) or "csv" (unrounded).

    Raises:
        PodiumError: for an unknown format or metric, or a missing value.
    """
    if form not in FORMATS:
        raise unknown("format", form, FORMATS)
    return _latex(results, metrics) if form == "latex" else _csv(results, metrics)


def _csv(results: Results, metrics: Sequence[str]) -> str:
    rows = []
    for name in results.variants:
        row: dict[str, object] = {"variant": name, "runs": len(results.rows(name))}
        for metric in metrics:
            it = mean_interval(list(results.by_seed(name, metric).values()))
            row |= {f"{metric}": it.mean, f"{metric}_low": it.low, f"{metric}_high": it.high, f"{metric}_n": it.n}
        rows.append(row)
    return pd.DataFrame(rows).to_csv(index=False, float_format=None)


def _latex(results: Results, metrics: Sequence[str]) -> str:
    best = {}
    for metric in metrics:
        rank = results.ranked(metric)
        best[metric] = rank.best if rank.beaten and not rank.level else ""
    names = {metric: results.metric(metric) for metric in metrics}
    heads = {
        metric: f"{named.words} ({named.quantity.unit})" if named.quantity.unit else named.words
        for metric, named in names.items()
    }
    frame = pd.DataFrame(
        [
            {"variant": name, "runs": str(len(results.rows(name)))}
            | {heads[metric]: _rounded(results, name, metric) for metric in metrics}
            for name in results.variants
        ]
    )
    bold = pd.DataFrame("", index=frame.index, columns=frame.columns)
    for metric in metrics:
        bold.loc[frame["variant"] == best[metric], heads[metric]] = "textbf:--rwrap;"
    styled = frame.style.hide(axis="index")
    styled.format(escape="latex").format_index(escape="latex", axis="columns")
    return styled.apply(lambda _: bold, axis=None).to_latex(hrules=True, column_format="l" + "r" * (frame.shape[1] - 1))


def _rounded(results: Results, variant: str, metric: str) -> str:
    found = number(results, variant, metric)
    ends = str(found.receipt["interval"]).partition(" (")[0].removesuffix(found.unit).strip()
    return f"{found.text} ({ends})" if found.n > 1 else found.text
