"""Measure how soon one reader is right: `nox -s bench -- vision` writes reports/bench/vision.json.

A 256-d vision-to-sequence transformer, one to five digits on 84x84 pixels, as `podium train` trains one run: the clock
runs from the start of this process to the end of the first epoch whose validation exact match is 99 % or more, all of
the data's loading and all validations before it included. Training goes on to its last epoch; then the test set is read
once.

On a CPU the reader is a tiny one, which shows that the benchmark runs and says nothing about speed; the record says so.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bench.lab.machine import REPORTS, write
from podium.lab.training import choose_device, train_run
from podium.lab.training.usage import reset_peak
from podium.spec import Experiment, Project, Variant, VisionToSequenceConfig

ENOUGH = 0.99  # of the validation numbers read without a fault
CONFIGS = {
    # The recipe of experiments/second_domain.py, with the width, the depth and the batch that a GPU adds.
    "cuda": VisionToSequenceConfig(
        dim=256,
        depth=4,
        heads=8,
        stem="convolution",
        patch=12,
        precision="bfloat16",
        batch_size=512,
        epochs=50,
        validation_images=2_000,
        augment=0.5,
        elastic=0.5,
        label_smoothing=0.05,
        average=0.999,
    ),
    "cpu": VisionToSequenceConfig(
        dim=16,
        depth=1,
        decoder_depth=1,
        heads=2,
        stem="convolution",
        patch=12,
        digits=1,
        batch_size=32,
        epochs=3,
        train_images=256,
        validation_images=500,
    ),
}


def main(reports: Path = REPORTS) -> dict[str, Any]:
    """Train one run, and write the record."""
    torch.set_num_threads(1)
    device = choose_device("auto")
    reset_peak(device)
    config = CONFIGS[device.type]
    size = (
        {} if device.type == "cuda" else {"note": "a tiny reader on a CPU: it shows that the benchmark runs, no more"}
    )
    with tempfile.TemporaryDirectory() as folder:
        found = trained(Project(Path(folder)), config)
    return write("vision", device, {**size, "config": config.as_dict(), **found}, reports)


def trained(project: Project, config: VisionToSequenceConfig) -> dict[str, Any]:
    """Train one run; return when it was right often enough, and how it ended."""
    question = Experiment(
        name="vision",
        question="How soon does one reader read 99 % of its numbers?",
        expectation="Within two minutes.",
        baseline=config,
        variants={},
        metric="test_exact_match",
    )
    ended: list[float] = []  # seconds from the process's start to the end of each epoch

    def look(history: Sequence[Mapping[str, Any]]) -> str:
        ended.append(since_start())
        assert len(ended) == len(history)
        return ""

    variant = Variant("reader", config)
    record = train_run(project, question, variant, "full", tracker_mode="offline", stop=look)
    done = since_start()
    if record.state != "finished":
        raise SystemExit(f"the reader's run {record.state}: {record.reason}")
    if len(ended) < len(record.history):  # nobody asks after the last epoch
        ended.append((ended[-1] if ended else 0.0) + record.history[-1]["seconds"])
    exact = [row["val_exact_match"] for row in record.history]
    first = next((number for number, share in enumerate(exact) if share >= ENOUGH), None)
    return {
        f"seconds, process start to a validation exact match of {ENOUGH:g}": None
        if first is None
        else round(ended[first], 1),
        "epoch": None if first is None else first + 1,
        "seconds, process start to the test set read": round(done, 1),
        "test exact match": record.summary["test_exact_match"],
        "test edit distance": record.summary["test_edit_distance"],
        "test numbers": record.summary["test_images"],
        "pictures a second": record.summary["images_per_second"],
        "epochs": [
            {"ended at": round(at, 1), "validation exact match": share} for at, share in zip(ended, exact, strict=True)
        ],
    }


def since_start() -> float:
    """Return the seconds since this process started, by the system's own account (Linux)."""
    started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])  # ticks since the machine's start
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
