"""How long the stage takes: 200 slides with 60 figures as site, PDF and PNG; the same again when nothing changed.

Each build is a process of its own, as a person starts it. The deck is made of 20 experiments with nine runs each; its
figures are drawn, its slides built by Slidev, and each slide walked in a browser.
"""

from __future__ import annotations

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
OUT = ROOT / "reports" / "bench" / "stage.json"
EXPERIMENTS, SLIDES, KINDS = 20, 200, ("curves", "forest", "paired")
EXPERIMENT = """
from podium.spec import Experiment, ViTConfig
EXPERIMENT = Experiment(question="Which?", expectation="None.", baseline=ViTConfig(), metric="test_accuracy",
                        variants={"learned": {}, "none": {"dim": 32}, "rotary": {"dim": 48}})
"""
PLAIN = """<%= slide("default", kicker="In between") %>
# What slide {number} has to say

- It is one of two hundred
- Its words are **real text**, with `code` in it
- A number: <%= number("e{experiment}", "learned", "test_accuracy") %>

<!-- Say what stands there. -->
"""
CODE = """<%= slide("code", kicker="In between") %>
# The code of slide {number}

<%= excerpt("podium.lab.models.attention:SelfAttention.forward", highlight=["return"]) %>
"""
METRICS = {"curves": "val_accuracy", "forest": "test_accuracy", "paired": "test_accuracy"}


def main() -> None:
    """Measure, and write the record."""
    with tempfile.TemporaryDirectory() as scratch:
        root = project(Path(scratch) / "project")
        first = timed(root, "--format", "site,pdf,png", "--no-check")
        unchanged = timed(root, "--format", "site,pdf,png", "--no-check")
        checked = timed(root, "--format", "site,pdf,png")
        made = root / "build" / "slides"
        sizes = {
            "site": sum(path.stat().st_size for path in (made / "talk").rglob("*") if path.is_file()),
            "pdf": (made / "talk.pdf").stat().st_size,
            "png": sum(path.stat().st_size for path in (made / "talk.pictures").iterdir()),
        }
        pictures = len(list((made / "talk.pictures").glob("*.png")))
        figures = len(list((root / "build" / "decks" / "talk" / "public" / "figures").glob("*.svg")))
    record = {
        "command": "nox -s bench -- stage",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout.strip(),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "slides": pictures,
        "figures": figures,
        "site, PDF and PNG": first,
        "unchanged": unchanged,
        "only the check of every click": checked,
        "megabytes": {name: round(size / 1e6, 1) for name, size in sizes.items()},
        "peak memory of this process, and of its largest child, MiB": [
            round(resource.getrusage(who).ru_maxrss / 1024) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ],
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(json.dumps(record, indent=1))


def project(root: Path) -> Path:
    """Make a project with 20 experiments, their runs, and one deck of 200 slides that shows 60 figures of them."""
    (root / "experiments").mkdir(parents=True)
    (root / "slides" / "decks" / "talk").mkdir(parents=True)
    for name in ("theme", "addon", "node_modules", "package.json", "package-lock.json", ".npmrc"):
        if (ROOT / "slides" / name).exists():
            (root / "slides" / name).symlink_to(ROOT / "slides" / name)
    for number in range(EXPERIMENTS):
        (root / "experiments" / f"e{number}.py").write_text(EXPERIMENT)
        for variant in ("learned", "none", "rotary"):
            for seed in range(3):
                write_run(root, f"e{number}", variant, seed)
    slides = ['<%= slide("cover", title="Two hundred slides", questions=False) %>\n# How long does a long talk take?\n']
    for number in range(1, SLIDES):
        figure = number // 3
        if number % 3 == 1 and figure < EXPERIMENTS * len(KINDS):
            kind = KINDS[figure % len(KINDS)]
            asked = f'"{kind}", "e{figure // len(KINDS)}", metric="{METRICS[kind]}"'
            extra = ', variant="rotary", over="none"' if kind == "paired" else ""
            slides.append(f'<%= slide("figure") %>\n# Figure {figure}\n\n<%= figure({asked}{extra}) %>\n')
        else:
            text = CODE if number % 20 == 0 else PLAIN
            slides.append(text.format(number=number, experiment=number % EXPERIMENTS))
    (root / "slides" / "decks" / "talk" / "slides.md.j2").write_text("\n".join(slides), "utf-8")
    return root


def write_run(root: Path, experiment: str, variant: str, seed: int) -> None:
    """Write a finished run as training leaves it."""
    rng = random.Random(f"{experiment} {variant} {seed}")
    start = {
        "event": "start", "experiment": experiment, "variant": variant, "profile": "full", "sweep": "",
        "config": {"seed": seed, "dim": {"learned": 64, "none": 32, "rotary": 48}[variant]},
        "provenance": {"started": f"{seed:06}", "device": "cpu", "commit": "abc", "dirty": False, "data": "made up"},
    }  # fmt: skip
    epochs = [
        {"event": "epoch", "metrics": {"epoch": e, "val_accuracy": 0.9 + rng.random() / 50, "train_loss": 1 / e}}
        for e in range(1, 13)
    ]
    score = {"test_accuracy": 0.9 + rng.random() / 50, "seconds": 3.0, "parameters": 1000, "test_images": 10_000}
    end = {"event": "end", "state": "finished", "reason": "", "summary": score, "samples": {}}
    folder = root / "build" / "runs" / experiment / f"{variant}-s{seed}"
    folder.mkdir(parents=True)
    (folder / "record.jsonl").write_text("".join(json.dumps(event) + "\n" for event in (start, *epochs, end)))


def timed(root: Path, *words: str) -> dict[str, object]:
    """Build the deck in a new process; return seconds, those of all its processors, and when each step began."""
    began, before = time.perf_counter(), processors()
    command = [sys.executable, "-c", "from podium.cli import main; main()", "slides", "talk", *words]
    steps: dict[str, float] = {}
    with subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr or ():
            steps.setdefault(line.strip().removeprefix("talk: "), round(time.perf_counter() - began, 1))
    if process.returncode:
        raise SystemExit(f"the build failed: {list(steps)}")
    seconds = round(time.perf_counter() - began, 2)
    return {"seconds": seconds, "processor seconds": round(processors() - before, 1), "began": steps}


def processors() -> float:
    """Return the seconds that all ended children have kept a processor busy: a busy machine does not change them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
