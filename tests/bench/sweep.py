"""Measure a whole sweep: `nox -s bench -- sweep` writes reports/bench/sweep.json.

64 variants of ViT-64 on all of MNIST, ten epochs, as `podium train` trains them: the clock runs from the start of a new
process to the last run's record, with W&B's client, offline, in the time. Which variants are meant to reach 99 % is
written down before anything is measured (`bench.lab.sweep.meant`); all are reported by name.

On a CPU the sweep is a tiny one, which shows that the benchmark runs and says nothing about speed; the record says so.
`sweep.py train FOLDER` is the new process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch

from bench.lab.machine import REPORTS, memory, write
from bench.lab.sweep import SWEEP, meant, sweep_variants
from podium.lab.training import choose_device, train_all
from podium.spec import Experiment, Project, Variant, ViTConfig

TINY = ViTConfig(
    dim=8, depth=1, heads=2, patch=14, batch_size=32, epochs=1, train_images=320, validation_images=100, augment=1.0
)
RESULTS = "results.json"


def main(reports: Path = REPORTS) -> None:
    """Train the sweep in a new process, and write the record."""
    device = choose_device("auto")
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run([sys.executable, __file__, "train", folder], check=True)
        seconds = time.perf_counter() - began
        found = json.loads((Path(folder) / RESULTS).read_text("utf-8"))
    size = {} if device.type == "cuda" else {"note": "a tiny sweep on a CPU: it shows that the benchmark runs, no more"}
    write("sweep", device, {**size, "seconds, process start to the last record": round(seconds, 1), **found}, reports)


def train(folder: Path) -> None:
    """Train the sweep, and write what it found."""
    torch.set_num_threads(1)
    device = choose_device("auto")
    variants = sweep_variants(SWEEP if device.type == "cuda" else TINY)
    found = {**results(folder, variants), "memory of the sweep's process": memory(device)}
    (folder / RESULTS).write_text(json.dumps(found), "utf-8")


def results(folder: Path, variants: list[Variant]) -> dict[str, Any]:
    """Train variants in one cohort, W&B offline; return each one's test accuracy by name, and how all ended."""
    question = Experiment(
        name="sweep_of_64",
        question="How fast are 64 variants?",
        expectation="Under a minute.",
        baseline=variants[0].config,
        variants={},
        metric="test_accuracy",
    )
    records = train_all(Project(folder), question, variants, "full", wandb="offline", cohort="always")
    accuracies = {r.variant: r.summary.get("test_accuracy") for r in records}
    failed = {r.variant: r.reason for r in records if r.state != "finished"}
    asked = {v.name: accuracies[v.name] for v in variants if meant(v)}
    return {
        "variants": len(variants),
        "finished": len(variants) - len(failed),
        "failed": failed,
        "seconds of training and validation": round(sum(row["seconds"] for r in records for row in r.history), 2),
        "median test accuracy of those meant to reach 99 %": median(value or 0.0 for value in asked.values()),
        "test accuracy of those meant to reach 99 %": asked,
        "test accuracy of the others": {name: value for name, value in accuracies.items() if name not in asked},
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["train"]:
        train(Path(sys.argv[2]))
    else:
        main()
