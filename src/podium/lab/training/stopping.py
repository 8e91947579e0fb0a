"""Early stopping: a function of the epochs so far, so that a resumed run stops where the unbroken one does.

Prechelt 1998, Early Stopping: But When?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LOWER = ("loss", "distance", "error", "rate")  # a validation metric with one of these words is better when lower


def validation_metric(metric: str, row: Mapping[str, Any]) -> str:
    """Return the validation metric that stands for an experiment's metric: its own, or `val_loss`.

    >>> validation_metric("test_accuracy", {"val_accuracy": 0.5, "val_loss": 1.0})
    'val_accuracy'
    >>> validation_metric("seconds", {"val_accuracy": 0.5, "val_loss": 1.0})
    'val_loss'
    """
    name = "val_" + metric.partition("_")[2]
    return name if name in row else "val_loss"


def best_epoch(history: Sequence[Mapping[str, Any]], metric: str) -> int:
    """Return the epoch, counted from 1, with the best validation; the first of equals.

    >>> best_epoch([{"epoch": 1, "val_loss": 2.0}, {"epoch": 2, "val_loss": 1.0}], "test_loss")
    2
    """
    name = validation_metric(metric, history[0])
    sign = -1 if any(word in name.split("_") for word in LOWER) else 1
    return max(history, key=lambda row: (sign * row[name], -row["epoch"]))["epoch"]


def stop_reason(history: Sequence[Mapping[str, Any]], metric: str, patience: int | None) -> str:
    """Say why a run stops early, or "" where it goes on.

    Args:
        history: the epochs so far.
        metric: the experiment's.
        patience: epochs without a better validation that are waited; None never stops.
    """
    if patience is None or not history:
        return ""
    best = best_epoch(history, metric)
    if history[-1]["epoch"] - best < patience:
        return ""
    name = validation_metric(metric, history[0])
    epochs = "epoch" if patience == 1 else f"{patience} epochs"
    return f"stopped early: no better {name} than epoch {best}'s in the last {epochs}"
