"""Walk: once through a built deck, slide by slide and click by click, for everybody who wants to look at it.

Who looks is a visitor: pictures, the PDF, the check and the rest all see the same drawn page, so that a deck is walked
once however many of them there are. The slides are shared among a few hands, each a thread with a browser of its own.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from podium.press.build.browser import NAV, go, opened, settle
from podium.press.build.serve import serving
from podium.spec.errors import PodiumError

HANDS = 2  # more browsers than cores only wait for each other

# What a reader sees of the slide shown; hidden clicks are no text.
TEXT = "() => document.querySelector('#slideshow')?.innerText ?? document.body.innerText"


@dataclass(frozen=True)
class Stop:
    """Where a walk stands: a slide, counted from 1, after `click` of its `clicks` clicks."""

    slide: int
    click: int
    clicks: int

    @property
    def last(self) -> bool:
        """Whether the slide is complete: no click is left."""
        return self.click == self.clicks


class Visitor(Protocol):
    """Who looks at a deck while it is walked.

    A visitor whose class says `every_click = False` is called once a slide, after its last click. Calls for different
    slides may come from different threads at once and in any order, so that what is seen is kept by its stop; what a
    visitor does to the page it undoes.
    """

    def visit(self, page: Any, stop: Stop, /) -> None:
        """Look at the page, which is drawn and stands still."""


@dataclass
class Walked:
    """What a walk saw by itself.

    Attributes:
        slides: how many there are.
        clicks: of all slides together.
        asked: addresses outside the site that were asked for, each with the slide that was first; all were blocked.
        errors: console errors, uncaught exceptions, dialogs, and slides that were not drawn in time.
        took: seconds.
    """

    slides: int = 0
    clicks: int = 0
    asked: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    took: float = 0.0

    @property
    def outside(self) -> list[str]:
        """The addresses asked for outside the site, sorted."""
        return sorted(self.asked)


class Words:
    """The visitor that keeps what a reader reads on each slide after its last click."""

    every_click = False

    def __init__(self) -> None:
        self._seen: dict[int, str] = {}

    def visit(self, page: Any, stop: Stop, /) -> None:
        """Keep the texts of a slide."""
        self._seen[stop.slide] = page.evaluate(TEXT)

    @property
    def texts(self) -> list[str]:
        """One text a slide, in order."""
        return [self._seen[slide] for slide in sorted(self._seen)]


def walk(
    site: Path,
    browser: Path,
    visitors: Sequence[Visitor] = (),
    *,
    scale: float = 1.0,
    base: str = "",
    hands: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Walked:
    """Visit each slide and each click of a built deck, motion off, with every outside request blocked.

    Args:
        site: the built site.
        browser: a Chromium or Chrome.
        visitors: who looks at each stop, in this order.
        scale: device pixels a CSS pixel.
        base: the path that the site is served under, such as "/talks/"; its root where empty.
        hands: how many browsers share the slides; two where the machine has two cores.
        progress: told how many slides are done, of how many.

    Raises:
        PodiumError: for a browser that does not start, or dies.
    """
    began = time.perf_counter()
    with serving(site, base=base) as address:
        party = _Party(f"{address.rstrip('/')}/", tuple(visitors), progress)
        count = hands or min(HANDS, os.cpu_count() or 1)
        with ThreadPoolExecutor(count, thread_name_prefix="walk") as pool:
            walking = [pool.submit(party.walk, browser, scale) for _ in range(count)]
            try:
                for hand in walking:
                    hand.result()
            finally:  # one that stumbles, and Ctrl-C, stop the others
                party.over.set()
    seen = party.seen
    seen.errors.sort(key=_slide_of)
    seen.took = time.perf_counter() - began
    return seen


class _Party:
    """What the hands of one walk share."""

    def __init__(
        self, address: str, visitors: tuple[Visitor, ...], progress: Callable[[int, int], None] | None
    ) -> None:
        self.address, self.visitors, self.progress = address, visitors, progress
        self.seen, self.over = Walked(), threading.Event()
        self._every_click = any(getattr(visitor, "every_click", True) for visitor in visitors)
        self._lock, self._given, self._done = threading.Lock(), 0, 0

    def walk(self, browser: Path, scale: float) -> None:
        """Walk one hand's share of the slides in a browser of its own."""
        from playwright.sync_api import Error as BrowserError

        where = _Where()
        try:
            with opened(browser, scale=scale) as page:
                self._listen(page, where)
                page.goto(f"{self.address}#/1")
                self._settle(settle(page), where)
                total = page.evaluate(f"{NAV}.total")
                self.seen.slides = total
                for slide in self._share(total):
                    where.slide = slide
                    self._visit(page, where)
        except BrowserError as error:
            said = next(iter(error.message.strip().splitlines()), "it said nothing")
            raise PodiumError(
                f"The browser {browser} failed at slide {where.slide}: {said} "
                "Run it again, or name another one with PODIUM_BROWSER."
            ) from error
        finally:  # where one hand ends, no slide is left for the others to begin, or there is no use in it
            self.over.set()

    def _share(self, total: int) -> Iterator[int]:
        while not self.over.is_set():
            with self._lock:
                self._given += 1
                slide = self._given
            if slide > total:
                return
            yield slide
            with self._lock:
                self._done += 1
                if self.progress:
                    self.progress(self._done, total)

    def _visit(self, page: Any, where: _Where) -> None:
        self._settle(go(page, where.slide, 0), where)
        clicks = page.evaluate(f"{NAV}.clicksTotal")
        with self._lock:
            self.seen.clicks += clicks
        for click in range(clicks + 1) if self._every_click else (clicks,):
            if click:
                self._settle(go(page, where.slide, click), where)
            stop = Stop(where.slide, click, clicks)
            for visitor in self.visitors:
                if stop.last or getattr(visitor, "every_click", True):
                    visitor.visit(page, stop)

    def _settle(self, unfinished: str, where: _Where) -> None:
        if unfinished:
            self._err(where, f"not drawn in time: {unfinished}")

    def _listen(self, page: Any, where: _Where) -> None:
        def refuse(route: Any) -> None:
            self._out(where, route.request.url)
            route.abort()

        page.route(re.compile(rf"^(?!{re.escape(self.address)}|data:|blob:)"), refuse)
        page.on("websocket", lambda socket: self._out(where, socket.url))
        page.on("console", lambda said: self._err(where, _heard(said)) if said.type == "error" else None)
        page.on("pageerror", lambda error: self._err(where, str(error)))
        page.on("dialog", lambda dialog: (self._err(where, f"dialog: {dialog.message}"), dialog.dismiss()))

    def _out(self, where: _Where, address: str) -> None:
        with self._lock:
            self.seen.asked[address] = min(where.slide, self.seen.asked.get(address, where.slide))

    def _err(self, where: _Where, said: str) -> None:
        line = f"slide {where.slide}: {said}"
        with self._lock:
            if line not in self.seen.errors:
                self.seen.errors.append(line)


class _Where:
    """The slide that one hand is at, for what its browser says in between."""

    slide = 1


def _heard(said: Any) -> str:
    """Return what a console said; of a failed request it leaves out which."""
    failed = said.text.startswith("Failed to load resource")
    return f"{said.text} <{said.location['url']}>" if failed else said.text


def _slide_of(error: str) -> int:
    return int(error.removeprefix("slide ").split(":", 1)[0])
