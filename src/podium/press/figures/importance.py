"""Importance: which swept field the good trials have in common, with how much that depends on the trials at hand.

The measure is PED-ANOVA (Watanabe et al. 2023, PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
Arbitrary Subspaces), Optuna's: how far the best trials' values of a field lie from all trials' values. Its spread comes
from a bootstrap over trials, and what chance alone gives from trials whose values are shuffled.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from podium.press.figures.drawing import (
    HEIGHT,
    SMALL,
    WIDTH,
    Drawing,
    canvas,
    counted,
    noted,
    place,
    said,
    shortened,
    some,
    text_width,
)
from podium.press.figures.tokens import Tokens
from podium.press.figures.trials import Trials, is_log, is_scale, trials_of
from podium.press.results.table import Results
from podium.spec import PodiumError

FEWEST = 4  # trials to draw from
FEWEST_TO_SAY = 12  # trials below which nothing is said
TOP = 5  # trials that count as good, at least
TOP_SHARE = 0.3  # of the trials count as good; of 40 made-up ones where two fields matter a tenth is enough in 3 of 10
AGAIN = 30  # bootstrap samples, and as many shuffles
FEW_VALUES = 6  # of a number, up to which they count as kinds: a density over a scale has no sense of three points
MOST = 8  # fields


@dataclass(frozen=True)
class Importance:
    """How much each field mattered.

    Attributes:
        share: field to its part of all fields' importance, largest first.
        again: field to its part in each bootstrap sample of the trials.
        chance: the part that the largest field has in 19 of 20 shuffles, in the same measure.
        beyond: whether the largest field's importance is above every shuffle's largest.
        first: in which part of the bootstrap samples the largest field is the largest too.
    """

    share: dict[str, float]
    again: dict[str, np.ndarray]
    chance: float
    beyond: bool
    first: float


def importance(results: Results, *, metric: str = "val_accuracy", sweep: str = "") -> Drawing:
    """Draw each swept field's importance: a dot for all trials, faint ones for bootstrap samples of them.

    Args:
        results: where from.
        metric: what the trials are judged by.
        sweep: the sweep's id; the one that was started last where empty.

    Raises:
        PodiumError: for an unknown metric or sweep, fewer than four trials with a value, or fewer than two fields that
            vary between them.
    """
    trials = trials_of(results, metric, sweep)
    if len(trials.done) < FEWEST:
        raise PodiumError(
            f"Importance needs {FEWEST} trials with a value; the sweep {trials.sweep} has {len(trials.done)}. "
            "Run more trials, or ask for the figure parallel."
        )
    varied = {name: [values[i] for i in trials.done] for name, values in trials.tried.items()}
    varied = {name: values for name, values in varied.items() if len(set(map(str, values))) > 1}
    if len(varied) < 2:
        raise PodiumError(
            f"Importance compares two swept fields or more; in the sweep {trials.sweep} {some(list(varied)) or 'none'} "
            "varied. Ask for the figure parallel."
        )
    it = importance_of(varied, trials)
    kept = list(it.share)[:MOST]
    few = f"{len(kept)} of {len(it.share)} fields" if len(kept) < len(it.share) else ""
    listing = "; ".join(
        f"{said(name)} {it.share[name] * 100:.0f} % ({_low(it.again[name]):.0f} to {_high(it.again[name]):.0f} %)"
        for name in kept
    )
    return Drawing(
        draw=lambda tokens: _draw(tokens, it, kept),
        finding=_finding(trials, it),
        alt=(
            f"Importance of {few or counted(len(kept), 'swept field')} for {trials.metric.words} in "
            f"{counted(len(trials.done), 'trial')}, with 90 % of bootstrap samples: {listing}."
        ),
        note=noted(
            "exploratory",
            trials.note,
            few,
            f"PED-ANOVA, bar: 90 % of {AGAIN} bootstraps",
            "dashed: chance",
        ),
        badges=trials.badges,
    )


def importance_of(varied: dict[str, list[Any]], trials: Trials) -> Importance:
    """Compute the importance of fields, its spread and what chance gives; equal trials give equal answers.

    Args:
        varied: field to its value in each trial that has a value.
        trials: where they come from.
    """
    values = trials.values[trials.done]
    sign = -1.0 if trials.metric.quantity.better == "higher" else 1.0
    measure = _measure(varied, sign * values)
    n = len(values)
    rng = np.random.default_rng(0)
    everything = np.arange(n)
    whole = measure(everything, everything)
    names = sorted(whole, key=lambda name: -whole[name])
    total = sum(whole.values()) or 1.0
    samples = [measure(picked, picked) for picked in rng.integers(0, n, (AGAIN, n))]
    shuffled = [max(measure(everything, rng.permutation(n)).values()) for _ in range(AGAIN)]
    parts = [{name: sample[name] / (sum(sample.values()) or 1.0) for name in names} for sample in samples]
    return Importance(
        share={name: whole[name] / total for name in names},
        again={name: np.array([part[name] for part in parts]) for name in names},
        chance=float(np.quantile(shuffled, 0.95)) / total,
        beyond=whole[names[0]] > max(shuffled),
        first=sum(max(part, key=lambda name: part[name]) == names[0] for part in parts) / AGAIN,
    )


def _measure(varied: dict[str, list[Any]], losses: np.ndarray) -> Callable[[np.ndarray, np.ndarray], dict[str, float]]:
    """Return the function from (trials picked, trials whose loss they take) to each field's unnormalised importance."""
    import optuna
    from optuna.trial import FrozenTrial, TrialState

    cells: dict[str, list[Any]] = {}
    scales: dict[str, optuna.distributions.BaseDistribution] = {}
    for name, values in varied.items():
        if is_scale(values) and None not in values and len(set(values)) > FEW_VALUES:
            cells[name] = [float(value) for value in values]
            low, high = min(cells[name]), max(cells[name])
            scales[name] = optuna.distributions.FloatDistribution(low, high, log=is_log(values))
        else:
            cells[name] = [str(value) for value in values]
            scales[name] = optuna.distributions.CategoricalDistribution(tuple(dict.fromkeys(cells[name])))

    class Picked(optuna.study.Study):
        """A study whose trials are handed to it: storing every bootstrap sample would take most of the time."""

        trials_now: list[FrozenTrial] = []  # noqa: RUF012 - replaced, never changed

        def get_trials(self, deepcopy: bool = True, states: Any = None) -> list[FrozenTrial]:  # noqa: ARG002
            return self.trials_now

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # it would announce the study
    try:
        storage = optuna.storages.InMemoryStorage()
        optuna.create_study(storage=storage, study_name="importance", direction="minimize")
        study = Picked("importance", storage)
    finally:
        optuna.logging.set_verbosity(before)
    quantile = min(0.5, max(TOP_SHARE, TOP / len(losses)))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=quantile)

    def measured(picked: np.ndarray, judged: np.ndarray) -> dict[str, float]:
        study.trials_now = [
            FrozenTrial(
                number=number,
                state=TrialState.COMPLETE,
                value=float(losses[loss]),
                datetime_start=None,
                datetime_complete=None,
                params={name: cells[name][index] for name in cells},
                distributions=scales,
                user_attrs={},
                system_attrs={},
                intermediate_values={},
                trial_id=number,
            )
            for number, (index, loss) in enumerate(zip(picked, judged, strict=True))
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the unnormalised measure is experimental, that trials are few
            return optuna.importance.get_param_importances(
                study, evaluator=evaluator, params=list(cells), normalize=False
            )

    return measured


def _finding(trials: Trials, it: Importance) -> str:
    names, n = list(it.share), len(trials.done)
    if n < FEWEST_TO_SAY:
        return f"{counted(n, 'trial')} are too few to say which field mattered"
    if not it.beyond:
        return f"In {n} trials no field mattered more than chance would have it"
    if it.first < 0.95:
        rivals = [name for name in names[1:] if _high(it.again[name]) >= _low(it.again[names[0]])]
        return f"{n} trials leave open which field mattered most: {some([names[0], *rivals[:2]], 'or')}"
    return f"{said(names[0])} mattered most in {n} trials"


def _low(again: np.ndarray) -> float:
    return float(np.quantile(again, 0.05)) * 100


def _high(again: np.ndarray) -> float:
    return float(np.quantile(again, 0.95)) * 100


def _draw(tokens: Tokens, it: Importance, names: list[str]) -> Figure:
    texts = [f"{it.share[name] * 100:.0f} %" for name in names]
    shown = [shortened(name, 24) for name in names]
    left = max(text_width(name, bold=True) for name in shown) + 18
    right = max(text_width(text, bold=True) for text in texts) + 22
    figure = canvas()
    axes = place(figure, left, 30, WIDTH - left - right, HEIGHT - 88)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x", color=tokens.line, linewidth=1.2)
    for row, name in enumerate(names):
        clear = row == 0 and it.beyond and it.first >= 0.95
        colour = tokens.accent if clear else tokens.faint
        again = it.again[name] * 100
        below = np.full(len(again), -row - 0.3)
        axes.scatter(again, below, s=18, color=tokens.mark, alpha=0.45, linewidths=0, zorder=2)
        axes.plot([_low(again / 100), _high(again / 100)], [-row, -row], color=colour, linewidth=3.4, zorder=3)
        axes.scatter([it.share[name] * 100], [-row], s=110, color=colour, linewidths=0, zorder=4)
        axes.annotate(
            texts[row],
            xy=(1, -row),
            xycoords=("axes fraction", "data"),
            xytext=(10, 0),
            textcoords="offset points",
            va="center",
            color=tokens.accent if clear else tokens.soft,
            fontweight="bold" if clear else "normal",
        )
    axes.set_xlim(0, 103)
    axes.set_ylim(-len(names) + 0.4, 0.6)
    axes.set_yticks([-row for row in range(len(names))], shown)
    axes.axvline(min(it.chance, 1.0) * 100, color=tokens.axis, linewidth=1.8, linestyle=(0, (4, 3)), zorder=1)
    axes.annotate(
        "chance" if it.chance <= 1 else "chance: over 100 %",
        xy=(min(it.chance, 1.0) * 100, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center" if it.chance <= 1 else "right",
        va="bottom",
        color=tokens.soft,
        fontsize=SMALL * 0.75,
    )
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g} %"))
    axes.set_xlabel("share of the importance", labelpad=4)
    return figure
