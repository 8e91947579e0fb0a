"""How long a deck takes: one new run among 500, nothing new at all, and a table of 100,000 runs.

Each render is a process of its own, as a person starts it, so that the time holds Python's start and every import.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
OUT = ROOT / "reports" / "bench" / "render.json"
EXPERIMENT = """
from podium.spec import Experiment, ViTConfig
EXPERIMENT = Experiment(question="Which?", expectation="None.", baseline=ViTConfig(), metric="test_accuracy",
                        variants={"v0": {}})
"""
PULLED = """
from podium.spec import Pulled
EXPERIMENT = Pulled(question="Which?", source=("nowhere",), variant=("c0", "c1"), seed="seed", metric="m0",
                    better={"m0": "higher", "m1": "higher", "m2": "higher"})
"""
DECK = """<%= slide("figure") %>
<%= figure("curves", "sizes", metric="val_accuracy") %>
<%= slide("figure") %>
<%= figure("forest", "sizes", metric="test_accuracy") %>
<%= slide("figure") %>
<%= figure("paired", "sizes", metric="test_accuracy") %>
<%= slide("default") %>
<%= table("sizes", ["test_accuracy"]) %>
"""
BIG_DECK = """<%= slide("figure") %>
<%= figure("forest", "big", metric="m0") %>
<%= slide("figure") %>
<%= figure("effect", "big", metric="m0", field="c0") %>
<%= slide("default") %>
<%= table("big", ["m0", "m1", "m2"]) %>
<%= claim("big", "c0=1, c1=1", "c0=0, c1=0", "m0") %>
<%= slide("default") %>
<%= failure_table("big") %>
"""
RENDER = "from podium.press.pages.render import render; from podium.spec import Project; from pathlib import Path; "
BIG_RUNS, RUNS = 100_000, 500


def main() -> None:
    """Measure, and write the record."""
    with tempfile.TemporaryDirectory() as scratch:
        small = project(Path(scratch) / "small", "sizes", EXPERIMENT, DECK)
        for number in range(RUNS):
            write_run(small, number)
        timed(small, "talk")
        nothing_new = timed(small, "talk")
        write_run(small, RUNS)
        one_new = timed(small, "talk")
        big = project(Path(scratch) / "big", "big", PULLED, BIG_DECK)
        write_table(big)
        many = timed(big, "talk", "frozen")
    record = {
        "command": "nox -s bench -- render",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout.strip(),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "one new run among 500: figures drawn and Markdown rendered": one_new,
        "nothing new among 500, everything looked at again": nothing_new,
        f"{BIG_RUNS:,} runs x 30 columns, from the frozen table": many,
        "peak memory of this process, and of its largest child, MiB": [
            round(resource.getrusage(who).ru_maxrss / 1024) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ],
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(json.dumps(record, indent=1))


def project(root: Path, name: str, experiment: str, deck: str) -> Path:
    """Make a project with one experiment and one deck."""
    for folder in ("experiments", "slides/decks/talk"):
        (root / folder).mkdir(parents=True)
    (root / "experiments" / f"{name}.py").write_text(experiment)
    (root / "slides" / "decks" / "talk" / "slides.md.j2").write_text(deck)
    return root


def write_run(root: Path, number: int) -> None:
    """Write a finished run as training leaves it: 25 variants, seeds one after the other."""
    variant, seed = f"v{number % 25}", number // 25
    rng = random.Random(number)
    start = {
        "event": "start", "experiment": "sizes", "variant": variant, "profile": "full", "sweep": "",
        "config": {"seed": seed, "dim": 16 * (1 + number % 25)},
        "provenance": {"started": f"{number:06}", "device": "cpu", "commit": "abc", "dirty": False, "data": "made up"},
    }  # fmt: skip
    epochs = [
        {"event": "epoch", "metrics": {"epoch": e, "val_accuracy": 0.9 + rng.random() / 50, "train_loss": 1 / e}}
        for e in range(1, 13)
    ]
    score = {"test_accuracy": 0.9 + number % 25 / 1000 + rng.random() / 200, "seconds": 3.0, "parameters": 1000}
    end = {"event": "end", "state": "finished", "reason": "", "summary": score, "samples": {}}
    folder = root / "build" / "runs" / "sizes" / f"{variant}-s{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.jsonl").write_text("".join(json.dumps(event) + "\n" for event in (start, *epochs, end)))


def write_table(root: Path) -> None:
    """Write 100,000 pulled runs as `podium freeze` writes them: nine variants, 30 columns of config and summary."""
    rng = random.Random(0)
    first = ["run", "id", "name", "origin", "state", "created", "tags", "seconds", "commit", "dirty"]
    metrics = [f"summary.m{number}" for number in range(9)]
    head = [*first, "config.c0", "config.c1", "config.seed", *(f"config.d{n}" for n in range(8)), *metrics]
    with (root / "experiments" / "big.runs.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(head)
        for number in range(BIG_RUNS):
            run = f"r{number:06}"
            state = "failed" if rng.random() < 0.01 else "finished"
            known = [run, run, f"run {number}", "server", state, f"2026 {number:06}", "[]", repr(rng.random()), "abc"]
            settings = [number % 9 // 3, number % 3, number // 9, *["x"] * 8]
            rows.writerow([*known, "false", *settings, *(repr(rng.random()) for _ in metrics)])
    (root / "experiments" / "big.history.csv").write_text("run,step\n")


def timed(root: Path, deck: str, source: str = "local") -> dict[str, float]:
    """Render a deck in a new process; return seconds and the largest memory of any child so far."""
    began = time.perf_counter()
    words = f"{RENDER}render(Project(Path({str(root)!r})), {deck!r}, {source!r})"
    subprocess.run([sys.executable, "-c", words], check=True)
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"seconds": round(time.perf_counter() - began, 2), "megabytes": round(megabytes)}


if __name__ == "__main__":
    main()
