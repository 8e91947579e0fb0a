"""Editing: a deck in Slidev's own server, rendered again whenever something that it is made of changes.

Three processes: this one watches, the workshop renders, Slidev's server tells the browser which slides are new. What
changed is seen within hundredths of a second; nothing is polled.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any, Literal

import podium
from podium.press.build.node import install_packages, node_executable, started
from podium.press.build.present.talk import ended_by_signals
from podium.press.build.present.workshop import Workshop, workshop
from podium.press.build.serve import LOOPBACK, free_port, in_use, is_free
from podium.press.build.site import theme_of
from podium.runs.record import FILE
from podium.spec.errors import PodiumError, unknown
from podium.spec.project import Project, deck_names

SERVER = Path(__file__).parent / "edit.mjs"
CODE = Path(podium.__file__).parent
RENDERS = ("press/results", "press/figures", "press/diagrams", "press/numbers.py", "press/pages", "runs", "spec")
PASSED_OVER = {"node_modules", "__pycache__", ".git", "wandb"}
STEP_MS, GATHER_MS = 15, 60  # changes that come together are one
LOOK_MS = 500  # how often it is asked whether the server is still there
READY, READY_SECONDS = "ready", 120
PAGES = ["deck.json", "slides.md"]  # in the order in which a slide needs them


@dataclass
class Screen:
    """Slidev's server, as it is told what is new; `before` stands before the path of a slide."""

    process: Popen[bytes]
    before: str = "/#"

    def show(self, found: dict[str, Any]) -> None:
        """Tell it what became of a rendering."""
        figures = {Path(name).stem.removesuffix(".dark") for name in found["changed"] if name.endswith(".svg")}
        pages = [name for name in found["changed"] if name in PAGES]
        self._tell({"error": found["error"]})
        if pages:
            self._tell({"pages": sorted(pages, key=PAGES.index)})
        if figures:
            self._tell({"figures": sorted(figures)})

    def _tell(self, message: dict[str, Any]) -> None:
        pipe = self.process.stdin
        if pipe is not None:
            with suppress(OSError):  # it has ended, which is seen elsewhere
                pipe.write(json.dumps(message).encode() + b"\n")
                pipe.flush()


def edit(
    project: Project,
    deck: str,
    port: int | None = None,
    *,
    runs: Literal["local", "frozen"] = "local",
    follow: bool = False,
    sources: bool = True,
) -> None:
    """Show a deck that changes with whatever it is made of, until Ctrl-C.

    Args:
        project: where the deck is.
        deck: its name.
        port: None takes 3030, or a free one where that is taken.
        runs: "local" records, or the "frozen" results.
        follow: draw runs that train now, as far as they are.
        sources: watch templates, experiments and code too, not the runs alone.

    Raises:
        PodiumError: for an unknown deck, a first rendering that fails, a port in use, or a server that does not start.
    """
    names = deck_names(project)
    if deck not in names:
        raise unknown("deck", deck, names)
    chosen = free_port() if port is None else port
    if not is_free(chosen):
        raise in_use(chosen)
    install_packages(project)
    with ended_by_signals(), workshop(project.root, deck, runs, follow=follow) as shop:
        first = shop.render()
        folder = project.build / "decks" / deck
        if first["error"] and not (folder / "slides.md").is_file():
            raise PodiumError(first["error"])
        with serving_slides(project, folder, chosen) as screen:
            where = f"http://{LOOPBACK}:{chosen}"
            print(f"{deck}: {where}/\npresenter view: {where}{screen.before}/presenter/1\nCtrl-C ends.", flush=True)
            report(first)
            screen.show(first)
            keep_up(project, shop, screen, sources=sources)


def keep_up(project: Project, shop: Workshop, screen: Screen, *, sources: bool) -> None:
    """Render again after every change.

    Raises:
        PodiumError: where Slidev's server has ended.
    """
    from watchfiles import watch

    places = watched(project, sources=sources)
    waiting = watch(
        *places,
        watch_filter=lambda _, path: counts(path),
        step=STEP_MS,
        debounce=GATHER_MS,
        rust_timeout=LOOK_MS,
        yield_on_timeout=True,
    )
    for changes in waiting:
        if screen.process.poll() is not None:
            raise PodiumError(f"Slidev's server ended with exit code {screen.process.returncode}; start it again.")
        if not changes:
            continue
        paths = [Path(path) for _, path in changes]
        found = shop.render(anew=any(path.is_relative_to(CODE / place) for place in RENDERS for path in paths))
        screen.show(found)
        report(found, paths)


def watched(project: Project, *, sources: bool) -> list[Path]:
    """Return the folders in which a change counts."""
    places = [project.runs, project.build / "pulled"]
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
    if sources:
        places += [project.decks, project.experiments, CODE]
    return places


def counts(path: str) -> bool:
    """Say whether a change of a file can change a slide.

    >>> counts("/p/slides/decks/talk/slides.md.j2"), counts("/p/src/podium/__pycache__/a.pyc"), counts("/p/a.pt")
    (True, False, False)
    """
    found = Path(path)
    if PASSED_OVER & set(found.parts) or found.name.startswith(".") or found.name.endswith(("~", ".pt", ".pyc")):
        return False
    if found.is_relative_to(CODE):
        return found.suffix in {".py", ".j2"}
    return "runs" not in found.parts or found.name == FILE or found.suffix != ".jsonl"


@contextmanager
def serving_slides(project: Project, folder: Path, port: int) -> Generator[Screen]:
    """Run Slidev's server over a rendered deck while the block runs.

    Raises:
        PodiumError: where it does not start; its last words stand in the sentence.
    """
    own = theme_of(folder / "slides.md")
    theme = [] if own else [str((project.slides / "theme").resolve())]
    cache = str((project.build / "edit" / folder.name).resolve())
    command = [str(node_executable()), str(SERVER), str(project.slides.resolve()), cache, str(port), *theme]
    with started(command, folder, heard=True, told=True) as process:
        ready, said = threading.Event(), list[str]()  # what it says before it is ready
        threading.Thread(target=_listen, args=(process, ready, said), daemon=True).start()
        ready.wait(READY_SECONDS)
        if process.poll() is not None or not (said and said[-1].startswith(READY)):
            raise PodiumError(f"Slidev's server did not start: {' | '.join(said[-6:]) or 'it said nothing'}")
        yield Screen(process, said[-1].removeprefix(READY).strip())


def _listen(process: Popen[bytes], ready: threading.Event, said: list[str]) -> None:
    for line in process.stdout or ():
        text = line.decode(errors="replace").rstrip()
        if ready.is_set():
            print(text, flush=True)
        elif text:
            said.append(text)
            if text.startswith(READY):
                ready.set()
    ready.set()


def report(found: dict[str, Any], because: Sequence[Path] = ()) -> None:
    """Say in the terminal what became of a rendering."""
    if found["error"]:
        print(f"podium: {found['error']}\nThe last good slides stay.", flush=True)
    elif found["changed"] and because:
        names = ", ".join(sorted({path.name for path in because})[:3])
        print(f"{names}: {', '.join(found['changed'][:4])} ({found['seconds']:.2f} s)", flush=True)
