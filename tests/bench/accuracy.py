"""Say which accuracy the full profiles reach: `nox -s bench -- accuracy` writes reports/bench/accuracy.json.

It trains nothing: it reads the finished runs of the full profile that lie here, and where there are none, the command
that makes them stands in the record. The mean is over seeds with its t interval; `one run` is the binomial standard
error of a single run's share on its test pictures, which every seed shares.
"""

from __future__ import annotations

import math

import torch

from bench.lab import machine
from podium.press.results.statistics import mean_interval
from podium.runs import Record, read_runs
from podium.spec import Config, Project, config_from

TARGETS = {  # what is asked for: experiment, variant, metric, and the least or the most of it
    "ViT on MNIST": ("recipe", "whole recipe", "test_accuracy", 0.995),
    "CNN on MNIST": ("blocks", "four blocks", "test_accuracy", 0.996),
    "vision to sequence, exact match": ("second_domain", "mnist", "test_exact_match", 0.99),
    "vision to sequence, edit distance": ("second_domain", "mnist", "test_edit_distance", 0.015),
    "lines by CTC, character error rate": ("lines", "CNN + LSTM", "test_character_error_rate", 0.005),
    "second domain, untouched": ("second_domain", "untouched", "test_exact_match", None),
    "second domain, from scratch": ("second_domain", "from scratch", "test_exact_match", None),
    "second domain, fine-tuned": ("second_domain", "fine-tuned", "test_exact_match", 0.9),
    "second domain, fine-tuned with replay": ("second_domain", "fine-tuned with replay", "test_exact_match", 0.9),
}
LESS = ("test_edit_distance", "test_character_error_rate")  # is better


def main() -> None:
    """Read the runs and write the record."""
    project = Project(machine.ROOT)
    found = {name: told(project, *target) for name, target in TARGETS.items()}
    machine.write("accuracy", torch.device("cpu"), {"reached": found})


def told(project: Project, experiment: str, variant: str, metric: str, wanted: float | None) -> dict[str, object]:
    """Return what the finished runs of one variant's full profile say of a metric."""
    command = f'podium train {experiment} --profile full --only "{variant}"'
    runs = [
        run
        for run in read_runs(project.runs, experiment)
        if (run.variant, run.profile, run.state, run.sweep) == (variant, "full", "finished", "")
    ]
    newest = max(runs, key=lambda run: run.provenance["started"], default=None)
    if newest is None:
        return {"metric": metric, "wanted": wanted, "reached": "not known: no run is finished here", "again": command}
    same = [run for run in runs if settings(run) == settings(newest)]
    values = {run.config["seed"]: run.summary[metric] for run in sorted(same, key=lambda run: run.config["seed"])}
    mean = mean_interval(list(values.values()))
    found: dict[str, object] = {
        "metric": metric,
        "mean": round(mean.mean, 5),
        "95 % interval": [round(mean.low, 5), round(mean.high, 5)] if mean.n > 1 else "one seed has none",
        "by seed": {seed: round(value, 5) for seed, value in values.items()},
    }
    if metric not in LESS:
        found["one run"] = round(math.sqrt(mean.mean * (1 - mean.mean) / newest.summary["test_images"]), 5)
    if wanted is not None:
        found |= {"wanted": wanted, "reached": mean.mean <= wanted if metric in LESS else mean.mean >= wanted}
    return found | {
        "test pictures": newest.summary["test_images"],
        "parameters": newest.summary["parameters"],
        "epochs": newest.config["epochs"],
        "train_images": newest.config["train_images"],
        "minutes a run": [round(run.summary["seconds"] / 60, 1) for run in same],
        "peak memory a run, MiB": [round(run.summary["peak_memory"]) for run in same],
        "hardware": sorted({f"{run.provenance['device']}, {run.provenance['hardware']}" for run in same}),
        "commits": sorted({run.provenance["commit"] for run in same}),
        "data": sorted({run.provenance["data"] for run in same}),
        "again": command,
    }


def settings(run: Record) -> Config:
    """Return a run's config but for its seed; what has become a setting since then is at its default."""
    return config_from(run.config).but(seed=0)


if __name__ == "__main__":
    main()
