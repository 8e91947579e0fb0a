"""Infer: which fields of strange runs varied, which is the seed, what was measured, and which way is better.

What the names and values do not tell is asked, never guessed silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from podium.press.results.foreign import names_runs
from podium.press.results.metrics import direction
from podium.press.results.pulled import MISSING, Tables
from podium.spec import PodiumError, Pulled

SEEDS = {"seed", "random_seed", "random_state", "rng_seed", "manual_seed", "torch_seed", "np_seed", "seed_value"}
NOT_MEASURED = {
    "epoch", "epochs", "step", "steps", "iteration", "iterations", "lr", "learning_rate", "batch", "seconds", "time",
    "runtime", "timestamp", "elapsed", "global_step", "samples", "tokens",
}  # fmt: skip
FIRST_SPLITS = ("test", "eval", "val", "valid", "validation", "dev", "")
MOST_FIELDS = 4  # in a variant's name; more make a search

Ask = Callable[[str, str, Sequence[str]], str]


@dataclass(frozen=True)
class Guess:
    """What was found, and the notices that say what was left aside.

    Attributes:
        said: the question about the runs.
        notices: sentences about what was decided and why.
    """

    said: Pulled
    notices: tuple[str, ...]


def infer(
    tables: Tables, name: str, source: tuple[str, ...], ask: Ask, *, given: dict[str, str] | None = None
) -> Guess:
    """Work out the question that some runs answer.

    Args:
        tables: the runs.
        name: what the question is called.
        source: where the runs come from.
        ask: called with an option's name, a question and the choices where the runs do not tell; returns a choice.
        given: answers that were given beforehand: `seed`, `metric`, `better`.

    Raises:
        PodiumError: where nothing was measured, or an answer is none of the choices.
    """
    given = given or {}
    notices: list[str] = []
    columns = varied(tables.runs)
    unique = [field for field in columns if names_runs(tables.runs[f"config.{field}"])]
    if unique:
        notices.append(f"Left aside, since every run has another text: {', '.join(unique)}.")
    fields = [field for field in columns if field not in unique]
    seed = _seed(tables.runs, fields, ask, given.get("seed"))
    fields = [field for field in fields if field != seed and field.rpartition(".")[2] not in SEEDS]
    if seed and fields and not _pairs(tables.runs, fields, seed):
        notices.append(f"No two variants share a value of {seed}, so their runs are not paired by it.")
        seed = ""
    metrics = measured(tables)
    if not metrics:
        raise PodiumError(f"The runs of {name} logged no number, so there is nothing to show of them.")
    metric = _metric(metrics, ask, given.get("metric"))
    better = direction(metric) or _better(metric, ask, given.get("better"))
    sweep = bool(fields) and _is_search(tables.runs, fields)
    if not seed and not sweep:
        notices.append("No field is a seed: repeats of a variant count as independent, and are not paired.")
    said = Pulled(
        question=f"What do the {len(tables.runs)} runs of {name} say?",
        source=source,
        variant=tuple(fields),
        seed=seed,
        metric=metric,
        better={} if direction(metric) else {metric: better},
        sweep=sweep,
        name=name,
    )
    return Guess(said, tuple(notices))


def varied(runs: pd.DataFrame) -> list[str]:
    """Name the config fields that differ between runs, nested ones joined by dots, sorted."""
    fields = [str(column).removeprefix("config.") for column in runs.columns if str(column).startswith("config.")]
    return sorted(field for field in fields if len(set(runs[f"config.{field}"].map(repr))) > 1)


def measured(tables: Tables) -> list[str]:
    """Name the metrics that are numbers at the end or along the way, W&B's own and mere counters left out."""
    summary = [
        str(column).removeprefix("summary.")
        for column in tables.runs.columns
        if str(column).startswith("summary.") and _numeric(tables.runs[column])
    ]
    long = tables.history
    along = [str(name) for name in long.loc[long["kind"].isin(("float", "int")), "metric"].unique()]
    return sorted(
        name
        for name in dict.fromkeys((*summary, *along))
        if not name.startswith("_")
        and re.split(r"[/._]", name.lower())[-1] not in NOT_MEASURED
        and name.lower() not in NOT_MEASURED
    )


def _seed(runs: pd.DataFrame, fields: list[str], ask: Ask, given: str | None) -> str:
    if given is not None:
        if given and f"config.{given}" not in runs:
            raise PodiumError(f"No run has a config field {given!r}. What varied: {', '.join(fields) or 'nothing'}.")
        return given
    found = [field for field in fields if field.rpartition(".")[2].lower() in SEEDS]
    if len(found) > 1:
        return ask("seed", "Which field tells repeats of one variant apart?", found)
    return found[0] if found else ""


def _metric(metrics: list[str], ask: Ask, given: str | None) -> str:
    if given is not None:
        if given not in metrics:
            raise PodiumError(f"No run measured {given!r}. There are: {', '.join(metrics)}.")
        return given
    known = [name for name in metrics if direction(name)]
    ranked = sorted(known, key=_rank)
    if ranked and (len(ranked) == 1 or _rank(ranked[0]) < _rank(ranked[1])):
        return ranked[0]
    return ask("metric", "Which metric answers the question?", ranked or metrics)


def _rank(name: str) -> tuple[int, bool]:
    parts = re.split(r"[/._-]", name.lower())
    split = next((i for i, word in enumerate(FIRST_SPLITS) if word in parts), len(FIRST_SPLITS))
    return split, direction(name) == "lower"


def _better(metric: str, ask: Ask, given: str | None) -> Literal["higher", "lower"]:
    answer = given or ask("better", f"Is a higher or a lower {metric} better?", ("higher", "lower"))
    if answer == "higher":
        return "higher"
    if answer == "lower":
        return "lower"
    raise PodiumError(f"--better is higher or lower; not {answer!r}.")


def _pairs(runs: pd.DataFrame, fields: list[str], seed: str) -> bool:
    """Tell whether some seed was used by more than one variant."""
    settings = list(zip(*(runs[f"config.{field}"].map(repr) for field in fields), strict=True))
    used = pd.Series(settings, index=runs.index).groupby(runs[f"config.{seed}"].map(repr)).nunique()
    return bool((used > 1).any())


def _is_search(runs: pd.DataFrame, fields: list[str]) -> bool:
    """Tell trials, each with a setting of its own, from repeats of a few variants."""
    settings = set(zip(*(runs[f"config.{field}"].map(repr) for field in fields), strict=True))
    return len(fields) > MOST_FIELDS or (len(settings) > 6 and len(runs) / len(settings) < 1.5)


def _numeric(column: pd.Series) -> bool:
    values = [value for value in column if value is not MISSING and value is not None]
    return bool(values) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
