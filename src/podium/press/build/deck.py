"""Deck: from template and runs to the site, and to whatever else is wanted of it, several decks at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from podium.press.build.freshness import is_fresh, note
from podium.press.build.wanted import Wanted, place
from podium.spec.errors import PodiumError, unknown
from podium.spec.project import Project, deck_names

if TYPE_CHECKING:
    from podium.press.build.site import Built

Tell = Callable[[str, str, int, int], None]  # a deck, a step in words, and how far it is: so many, of so many
Runs = Literal["local", "frozen"]


def build_deck(
    project: Project,
    deck: str,
    *,
    runs: Runs = "local",
    formats: Sequence[str] = ("site",),
    check: bool = False,
    tell: Tell | None = None,
) -> list[Path]:
    """Render a deck from its runs and build it; what did not change is not built again.

    Args:
        project: where templates, theme and runs are.
        deck: its name under slides/decks.
        runs: "local" records, or the "frozen" results beside the experiments.
        formats: as in `Wanted`; the site is always built.
        check: whether an error on a slide fails the build.
        tell: told what is done.

    Returns:
        The index page of the site, then what else was asked for, in that order.

    Raises:
        PodiumError: as `build_decks` does.
    """
    return build_decks(project, [deck], Wanted(tuple(formats), check=check), runs=runs, tell=tell)[deck]


def build_decks(
    project: Project, decks: Sequence[str], wanted: Wanted, *, runs: Runs = "local", tell: Tell | None = None
) -> dict[str, list[Path]]:
    """Build decks: while Slidev builds one, the next is rendered, and as many are built at once as there are cores.

    Args:
        project: where templates, theme and runs are.
        decks: names under slides/decks.
        wanted: what to make of each.
        runs: "local" records, or the "frozen" results beside the experiments.
        tell: told what is done.

    Returns:
        Of each deck what was asked for, the index page of its site first.

    Raises:
        PodiumError: for an unknown deck, anything a template asks for in vain, a build that fails, what the check
            finds, or an output without a browser. The other decks, and what can be made of this one, are built by then.
    """
    wanted.insist()
    names = deck_names(project)
    for deck in decks:
        if deck not in names:
            raise unknown("deck", deck, names)
    written = {deck: [place(project, deck, name) for name in wanted.all_formats] for deck in dict.fromkeys(decks)}
    builder = _Builder(project, wanted, runs, tell or (lambda *_: None))
    with builder.stack:  # leaving it, however, ends every Slidev that still builds
        for deck, outputs in written.items():
            builder.begin(deck, outputs)
        while builder.waiting:
            builder.finish()
    builder.remember()
    if builder.failed:
        raise builder.failed[0] if len(builder.failed) == 1 else PodiumError("\n".join(map(str, builder.failed)))
    return written


class _Builder:
    """The decks of one call: those that Slidev is at, and what went wrong."""

    def __init__(self, project: Project, wanted: Wanted, runs: Runs, tell: Tell) -> None:
        self.project, self.wanted, self.runs, self.tell = project, wanted, runs, tell
        self.stack = ExitStack()
        self.waiting: deque[tuple[str, dict[str, Any], Callable[[], Built]]] = deque()
        self.failed: list[PodiumError] = []
        self._asked, self._done = _asked(wanted, runs), list[str]()

    def begin(self, deck: str, outputs: Sequence[Path]) -> None:
        """Render a deck that is not fresh and start Slidev on it, once there is a core for that."""
        if is_fresh(self.project, deck, self._asked, outputs):
            self.tell(deck, "unchanged", 0, 0)
            return
        if len(self.waiting) >= (os.cpu_count() or 1):
            self.finish()
        from podium.press.build.site import building  # what draws and builds takes seconds to load
        from podium.press.pages.render import render

        try:
            self.tell(deck, "rendering", 0, 0)
            rendered = render(self.project, deck, self.runs)
            self.tell(deck, "building the site", 0, 0)
            site = place(self.project, deck, "site").parent
            options: dict[str, Any] = {"base": self.wanted.base, "notes": self.wanted.with_notes}
            wait = self.stack.enter_context(building(self.project, rendered.folder, site, **options))
            self.waiting.append((deck, rendered.lock, wait))
        except PodiumError as error:
            self.failed.append(error)

    def finish(self) -> None:
        """Wait for the first deck that was begun, and make of its site what is wanted."""
        from podium.press.pages.lock import write_lock
        from podium.press.pages.render import lock_path

        deck, lock, wait = self.waiting.popleft()
        try:
            built = wait()
            write_lock(lock_path(self.project, deck), lock)
            if self.wanted.walks:
                from podium.press.build.outputs import make_outputs

                make_outputs(self.project, deck, built, self.wanted, lambda *said: self.tell(deck, *said))
            self._done.append(deck)
        except PodiumError as error:
            self.failed.append(error)

    def remember(self) -> None:
        """Note what the decks were made from; each writes its lock, so only once all are done."""
        for deck in self._done:
            note(self.project, deck, self._asked)


def _asked(wanted: Wanted, runs: Runs) -> list[str]:
    """Return what else decides the outputs: the options, and the browser where one is needed."""
    options = [f"{name}={value}" for name, value in asdict(wanted).items() if name != "formats"]
    if wanted.walks:
        from podium.press.build.browser import find_browser

        options.append(str(find_browser()))
    return [runs, *wanted.all_formats, *options]
