"""How long it takes from saving a file to seeing it on the slide, in `podium present --edit`: twenty edits, five kinds.

Everything is real: the command in a process of its own, Slidev's server, a browser, the theme, runs on the disk. Only
the deck is small, and package and theme are copies, so that they can be edited.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OUT = ROOT / "reports" / "bench" / "edit.json"
KINDS = {"template": 8, "experiment": 4, "figure function": 4, "theme": 2, "new runs": 2}  # how many edits of each
SECONDS = 120  # for the server to start, and for one edit to be seen
MARK = "MARK0"

DECK = f"""<%= slide("cover", title="Edits", kicker="Edits") %>
# <%= facts("positional_encoding").question %>

<%= slide("figure", kicker="Positional encoding") %>
# Curves, {MARK}

<%= figure("curves", "positional_encoding", metric="val_accuracy") %>

<%= slide("figure", kicker="Positional encoding") %>
# A difference

<%= claim("positional_encoding", "rotary", "none", "test_accuracy") %>

<%= figure("paired", "positional_encoding", metric="test_accuracy", variant="rotary", over="none") %>

<%= slide("code", kicker="Self-attention") %>
# Code

<%= excerpt("podium.lab.models.attention:SelfAttention.forward") %>

<%= slide("figure", kicker="What was built") %>
# A diagram

<%= diagram("architecture", "positional_encoding") %>

<%= slide("default", kicker="Positional encoding") %>
# A table

<%= table("positional_encoding", ["test_accuracy"]) %>
"""
DRAWS = """

_drawn_before = _draw


def _draw(*args):
    figure = _drawn_before(*args)
    figure.axes[0].set_xlabel("epoch MARK0")
    return figure
"""
# All that the slide on the screen says, within drawings too, and a word of the theme.
SHOWN = """() => {
  const page = [...document.querySelectorAll('.slidev-page')].find(page => page.getClientRects().length)
  const said = node => [...node.childNodes].map(child => child.nodeType === 3 ? child.data
    : [child.shadowRoot, child].filter(Boolean).map(said).join(' ')).join(' ')
  const theme = getComputedStyle(document.documentElement).getPropertyValue('--probe')
  return page ? `${theme} ${said(page)}`.replace(/\\s+/g, ' ') : ''
}"""


@dataclass
class Desk:
    """A project that is being edited, the command that shows it, and a page that looks at it."""

    root: Path
    source: Path  # the copy of Podium
    process: subprocess.Popen[str]
    page: Any
    address: str

    @property
    def template(self) -> Path:
        """Return the deck's template."""
        return self.root / "slides" / "decks" / "talk" / "slides.md.j2"

    def look(self, slide: int) -> None:
        """Go to a slide, and wait until it is drawn."""
        self.page.evaluate(f"location.hash = '#/{slide}'")
        self.page.wait_for_function(f"() => location.hash === '#/{slide}' && ({SHOWN})().length > 20")
        self.page.wait_for_timeout(700)

    def seen(self, text: str) -> float:
        """Wait until the slide says something; return the seconds that it took."""
        began = time.perf_counter()
        self.page.wait_for_function(f"text => ({SHOWN})().includes(text)", arg=text, timeout=SECONDS * 1000)
        return time.perf_counter() - began

    def change(self, path: Path, old: str, new: str) -> None:
        """Save a file as an editor does: the new text in one write."""
        text = path.read_text("utf-8")
        assert old in text, f"{path} holds no {old!r}"
        path.write_text(text.replace(old, new), "utf-8")


def main() -> None:
    """Measure, and write the record."""
    with tempfile.TemporaryDirectory() as scratch, desk(Path(scratch)) as found:
        took: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for kind, edit, slide in order():
            found.look(slide)
            took[kind].append(round(edit(found, len(took[kind]) + 1), 3))
            print(f"{kind}: {took[kind][-1]:.2f} s", flush=True)
    every = [seconds for kind in took.values() for seconds in kind]
    record = {
        "command": "nox -s bench -- edit",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout.strip(),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 1),
        "edits": len(every),
        "median seconds from save to screen": statistics.median(every),
        "worst": max(every),
        "seconds by kind": took,
        "peak memory of this process, and of its largest child, MiB": [
            round(resource.getrusage(who).ru_maxrss / 1024) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ],
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(json.dumps(record, indent=1))


def order() -> Iterator[tuple[str, Callable[[Desk, int], float], int]]:
    """Mix the kinds as work does: the slide of each edit is on the screen."""
    left = dict(KINDS)
    while any(left.values()):
        for kind, (edit, slide) in EDITS.items():
            if left[kind]:
                left[kind] -= 1
                yield kind, edit, slide


def edit_template(at: Desk, number: int) -> float:
    """Change a title."""
    at.change(at.template, f"MARK{number - 1}", f"MARK{number}")
    return at.seen(f"Curves, MARK{number}")


def edit_experiment(at: Desk, number: int) -> float:
    """Change the question."""
    path = at.root / "experiments" / "positional_encoding.py"
    at.change(path, 'question="', f'question="Again {number}: ')
    return at.seen(f"Again {number}: ")


def edit_figure(at: Desk, number: int) -> float:
    """Change the function that draws curves."""
    path = at.source / "podium" / "press" / "figures" / "curves.py"
    if number == 1:
        path.write_text(path.read_text("utf-8") + DRAWS.replace(MARK, "DRAWN1"), "utf-8")
    else:
        at.change(path, f"DRAWN{number - 1}", f"DRAWN{number}")
    return at.seen(f"epoch DRAWN{number}")


def edit_theme(at: Desk, number: int) -> float:
    """Change a style sheet of the theme."""
    path = at.root / "slides" / "theme" / "styles" / "tokens.css"
    path.write_text(f"{path.read_text('utf-8')}\n:root {{ --probe: themed{number} }}\n", "utf-8")
    return at.seen(f"themed{number}")


def bring_runs(at: Desk, number: int) -> float:
    """Let one more seed of two variants arrive."""
    began = time.perf_counter()
    for variant in ("none", "rotary"):
        thaw(at.root, "positional_encoding", variant, seed=100 + number)
    at.seen(f"{SEEDS + number} paired seeds")
    return time.perf_counter() - began


EDITS: dict[str, tuple[Callable[[Desk, int], float], int]] = {
    "template": (edit_template, 2),
    "experiment": (edit_experiment, 1),
    "figure function": (edit_figure, 2),
    "theme": (edit_theme, 2),
    "new runs": (bring_runs, 3),
}
SEEDS = 3  # of each variant in the frozen results that the desk begins with


@contextmanager
def desk(scratch: Path, *words: str, deck: str = DECK) -> Iterator[Desk]:
    """Make a project, show it with `podium present --edit`, and open it in a browser."""
    from playwright.sync_api import sync_playwright

    from podium.press.build.browser import find_browser

    browser = find_browser()
    assert browser is not None, "no Chromium or Chrome on this machine"
    root, source = project(scratch / "project", deck), scratch / "source"
    shutil.copytree(ROOT / "src" / "podium", source / "podium", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-c", "from podium.cli import main; main()", "present", "talk", *(words or ("--edit",))]
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith("COV")
    }  # the copy is not measured
    process = subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, text=True, env={**plain, "PYTHONPATH": str(source)}
    )
    try:
        said = ""
        while "Ctrl-C ends." not in said and (line := process.stdout.readline()):
            said += line
        address = said.partition("talk: ")[2].split()[0]
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=str(browser), args=["--no-sandbox"])
            page = chromium.new_page(viewport={"width": 980, "height": 552}, reduced_motion="reduce")
            page.set_default_timeout(SECONDS * 1000)
            page.goto(f"{address}#/1")
            found = Desk(root, source, process, page, address)
            page.wait_for_function(f"() => ({SHOWN})().includes('?')")
            for slide in (1, 2, 3):
                found.look(slide)
            yield found
            chromium.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        process.stdout.close()


def project(root: Path, deck: str) -> Path:
    """Make a project with the small deck, the real theme (a copy) and the runs that were frozen."""
    (root / "slides" / "decks" / "talk").mkdir(parents=True)
    (root / "slides" / "decks" / "talk" / "slides.md.j2").write_text(deck, "utf-8")
    for name in ("theme", "addon"):
        if (ROOT / "slides" / name).is_dir():
            shutil.copytree(ROOT / "slides" / name, root / "slides" / name)
    for name in ("node_modules", "package.json", "package-lock.json", ".npmrc"):
        (root / "slides" / name).symlink_to(ROOT / "slides" / name)
    (root / "experiments").mkdir()
    shutil.copy(ROOT / "experiments" / "positional_encoding.py", root / "experiments")
    for seed in range(SEEDS):
        for variant in ("learned", "none", "rotary", "sinusoidal"):
            thaw(root, "positional_encoding", variant, seed=seed)
    return root


def thaw(root: Path, experiment: str, variant: str, *, seed: int, until: int | None = None) -> Path:
    """Write a run as training leaves it, out of the frozen ones; `until` an epoch of one that still trains."""
    from podium.press.results.frozen import read_frozen
    from podium.runs.record import append_event
    from podium.spec import Project

    records = [r for r in read_frozen(Project(ROOT), experiment) if r.variant == variant and not r.sweep]
    kept = next((r for r in records if r.config["seed"] == seed), records[0])
    described = next((r.model for r in records if r.model), {})
    folder = root / "build" / "runs" / experiment / f"{variant}-s{seed}-thawed"
    start = {"experiment": experiment, "variant": variant, "profile": kept.profile, "sweep": ""}
    append_event(
        folder, "start", **start, config={**kept.config, "seed": seed},
        provenance={**kept.provenance, "started": f"{kept.provenance['started']}+{seed}"},
    )  # fmt: skip
    append_event(folder, "model", model=described)
    if until is None:
        for metrics in kept.history:
            append_event(folder, "epoch", metrics=metrics)
        append_event(folder, "end", state="finished", reason="", summary=kept.summary, samples=kept.samples)
    return folder


if __name__ == "__main__":
    main()
