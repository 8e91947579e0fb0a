"""Numbers: what a page may say of runs, rounded by its uncertainty, each with the receipt of where it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from podium.press.results.metrics import Metric, decimals_between, decimals_for, in_figures
from podium.press.results.statistics import Verdict, chance_of_beating, mean_interval, wilson
from podium.press.results.table import Results

SEED_DECIMALS = 3  # of one seed's value in a receipt


@dataclass(frozen=True)
class Number:
    """One number as a page shows it.

    Attributes:
        text: the rounded number, such as "99.1" or "+0.45".
        unit: "%", "points", "s", ...; "" where it has none.
        value: unrounded, in the metric's own scale (an accuracy in [0, 1]).
        interval: "95 % interval 98.9 to 99.3, 5 seeds"; says "one seed, no interval" where there is none.
        n: how many seeds it stands on.
        p: for a difference the two-sided p of the paired t test; NaN for one seed, and for a mean.
        verdict: for a difference "shown", "not shown" or "too few seeds"; "" for a mean.
        receipt: where it comes from, in words that are ready to be shown: title, is, interval, seeds (a list of seed,
            value, run), code, data, hardware, profile, again, aggregation. Every text may hold a run's own words, so
            a page escapes it.
    """

    text: str
    unit: str
    value: float
    interval: str
    receipt: dict[str, Any]
    n: int
    p: float = math.nan
    verdict: Verdict | str = ""

    def __str__(self) -> str:
        """Return the number with its unit."""
        return f"{self.text} {self.unit}".strip()


def number(results: Results, variant: str, metric: str, *, digits: int | None = None) -> Number:
    """Return a metric's mean over a variant's seeds.

    Args:
        results: where from.
        variant: whose.
        metric: a results column, such as "test_accuracy"; the last epoch's where only the history has it.
        digits: decimals; as many as the interval leaves meaningful where None.

    Raises:
        PodiumError: for a variant or metric that does not exist, naming the nearest, or a missing value.
    """
    named = results.metric(metric)
    quantity = named.quantity
    values = results.by_seed(variant, metric)
    it = mean_interval([value * quantity.scale for value in values.values()])
    decimals = decimals_for(it.half, quantity.decimals) if digits is None else digits
    text = in_figures(it.mean, decimals)
    rows = results.rows(variant)
    shown = f"{text} {quantity.unit}".strip()
    receipt = _receipt(results, rows, [results.experiment])
    receipt |= {
        "title": f"Where {shown} comes from",
        "is": f"mean {_measured(named, rows)}, variant {variant}",
        "interval": _between(it.low, it.high, decimals, quantity.unit, n=it.n, seed="seed"),
        "seeds": _runs(results, (variant,), metric),
        "aggregation": _aggregation(named, "mean over seeds"),
    }
    pictures = _pictures(named, rows)
    if pictures and quantity.unit == "%" and 0 <= it.mean / quantity.scale <= 1:
        w = wilson(it.mean / quantity.scale, pictures)
        receipt["test pictures"] = (
            f"{w.low * 100:.2f} to {w.high * 100:.2f} % for another {pictures:,} pictures (Wilson, one run)"
        )
    value = it.mean / quantity.scale
    return Number(text, quantity.unit, value, _sentence(it.low, it.high, decimals, it.n, "seed"), receipt, it.n)


def difference(results: Results, variant: str, over: str, metric: str, *, digits: int | None = None) -> Number:
    """Return by how much one variant's metric lies above another's, paired by seed.

    Args:
        results: where from.
        variant: the one that is spoken about.
        over: the one it is held against.
        metric: a results column.
        digits: decimals; as many as the interval leaves meaningful where None.

    Raises:
        PodiumError: for a variant or metric that does not exist, a missing value, or no shared seed.
    """
    named = results.metric(metric)
    quantity = named.quantity
    ours, theirs = results.by_seed(variant, metric), results.by_seed(over, metric)
    it = results.difference(variant, over, metric)
    meant = decimals_for(it.half, max(quantity.decimals, 2)) if digits is None else digits
    decimals = decimals_between(it.low, it.high, meant)
    text = in_figures(it.mean, decimals, sign=True)
    rows, other = results.rows(variant), results.rows(over)
    seed = "paired seed" if it.paired else "run a variant, unpaired"
    receipt = _receipt(results, pd.concat([rows, other]), [results.experiment])
    receipt |= {
        "title": f"Where {text} {quantity.step} comes from".replace("  ", " "),
        "is": f"{_measured(named, rows)}: {variant} minus {over}",
        "interval": _between(it.low, it.high, decimals, quantity.step, n=it.n, seed=seed),
        "seeds": _pairs(results, variant, over, metric) if it.paired else _runs(results, (variant, over), metric),
        "aggregation": _aggregation(
            named, "mean of the differences seed by seed" if it.paired else "difference of the means (Welch)"
        ),
    }
    if it.paired:
        receipt["chance"] = _chance(ours, theirs, variant, over)
    sentence = _sentence(it.low, it.high, decimals, it.n, seed)
    return Number(text, quantity.step, it.mean / quantity.scale, sentence, receipt, it.n, it.p, it.verdict)


def _pairs(results: Results, variant: str, over: str, metric: str) -> list[dict[str, Any]]:
    """List the difference of each seed that both variants have, and the two runs it comes from."""
    scale = results.metric(metric).quantity.scale
    ours, theirs = results.by_seed(variant, metric), results.by_seed(over, metric)
    pairs = results.rows(variant).merge(results.rows(over)[["seed", "run"]], on="seed", suffixes=("", "_over"))
    return [
        {
            "seed": int(seed),
            "value": in_figures((ours[int(seed)] - theirs[int(seed)]) * scale, SEED_DECIMALS, sign=True),
            "run": f"{run} and {run_over}",
        }
        for seed, run, run_over in zip(pairs["seed"], pairs["run"], pairs["run_over"], strict=True)
    ]


def _runs(results: Results, variants: tuple[str, ...], metric: str) -> list[dict[str, Any]]:
    """List the value of each run of some variants."""
    scale = results.metric(metric).quantity.scale
    return [
        {"seed": int(seed), "value": in_figures(values[int(seed)] * scale, SEED_DECIMALS), "run": str(run)}
        for name in variants
        for values in [results.by_seed(name, metric)]
        for seed, run in zip(results.rows(name)["seed"], results.rows(name)["run"], strict=True)
    ]


def _chance(ours: dict[int, float], theirs: dict[int, float], variant: str, over: str) -> str:
    it = chance_of_beating(ours, theirs)
    return (
        f"P({variant} > {over}) is {in_figures(it.mean * 100, 0)} % of {it.n} paired seeds "
        f"(exact 95 % interval {in_figures(it.low * 100, 0)} to {in_figures(it.high * 100, 0)} %)"
    )


def _receipt(results: Results, rows: pd.DataFrame, experiments: list[str]) -> dict[str, Any]:
    profile = str(rows["profile"].iloc[0])
    flag = " --profile full" if profile == "full" else ""
    seconds = rows["seconds"].dropna() if "seconds" in rows else pd.Series(dtype=float)
    each = f", {in_figures(float(seconds.mean()), 0)} s a run" if len(seconds) else ""
    commits = sorted(
        {(str(c)[:7], bool(d)) for c, d in zip(_column(rows, "commit"), _column(rows, "dirty"), strict=True)}
    )
    return {
        "title": "",
        "is": "",
        "interval": "",
        "seeds": [],
        "code": "; ".join(_code(commit, dirty) for commit, dirty in commits),
        "dirty": any(dirty for _, dirty in commits),
        "data": _distinct(rows, "data"),
        "hardware": _distinct(rows, "hardware") + each,
        "profile": "" if results.command else results.profile_note or "full profile",
        "link": "; ".join(dict.fromkeys(str(link) for link in _column(rows, "link") if link)),
        "again": results.command or f"podium train {' '.join(experiments)}{flag}",
        "aggregation": "",
    }


def _code(commit: str, dirty: bool) -> str:
    return f"{commit}, {'uncommitted changes' if dirty else 'clean tree'}" if commit else "not under git"


def _column(rows: pd.DataFrame, name: str) -> list[Any]:
    return list(rows[name]) if name in rows else [""] * len(rows)


def _distinct(rows: pd.DataFrame, name: str) -> str:
    return "; ".join(dict.fromkeys(_words(value) for value in _column(rows, name))) or "not recorded"


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(_words(part) for part in value.values() if part not in (None, "", [], {}))
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    return str(value)


def _pictures(metric: Metric, rows: pd.DataFrame) -> int:
    found = [n for n in _column(rows, "test_images") if metric.split == "test" and not pd.isna(n)]
    return int(found[0] or 0) if found else 0


def _measured(metric: Metric, rows: pd.DataFrame) -> str:
    pictures = _pictures(metric, rows)
    return metric.words + (f" on {pictures:,} pictures" if pictures else "")


def _aggregation(metric: Metric, how: str) -> str:
    if metric.split == "test":
        return f"{how}; the last epoch's weights, never chosen on test"
    return f"{how}, last epoch" if metric.split else how


def _between(low: float, high: float, decimals: int, unit: str, *, n: int, seed: str) -> str:
    if math.isnan(low):
        return f"one {seed}, no interval"
    ends = f"{in_figures(low, decimals)} to {in_figures(high, decimals)} {unit}".strip()
    return f"{ends} (95 % t interval, {_counted(n, seed)})"


def _counted(n: int, what: str) -> str:
    """Count seeds or runs.

    >>> _counted(3, "paired seed"), _counted(3, "run a variant, unpaired")
    ('3 paired seeds', '3 runs a variant, unpaired')
    """
    first, space, rest = what.partition(" a ")
    return f"{n} {first}s{space}{rest}"


def _sentence(low: float, high: float, decimals: int, n: int, seed: str) -> str:
    if math.isnan(low):
        return f"one {seed}, no interval"
    return f"95 % interval {in_figures(low, decimals)} to {in_figures(high, decimals)}, {_counted(n, seed)}"
