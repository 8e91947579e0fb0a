"""The company: every window and phone that shows a deck, and what they agree on.

A window tells where it went, the company tells all others. Its messages are JSON objects with one key each:

    window to company: {"hello": {"role", "browser"}}, {"role"}, {"at": [slide, click]}, {"timer"}, {"drawn"}
    phone to company: {"hello"}, {"move": "next" | "prev"}, {"at": [slide, 0]}, {"clock": "toggle" | "reset"}
    company to all: {"at"}, {"timer"}, {"drawn"}; to one window {"do": "next" | "prev"}, {"heard": true} for its {"at"}

A window that has told a place passes over other places until it is heard: they are older than its own. Whoever says
hello is told {"at"}, null where nobody is anywhere yet; a window tells no place before that, however long it takes.

What is drawn goes from a presenter view to the browsers that have none: windows of one browser tell each other.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ROLES = ("presenter", "viewer", "preview", "phone")
DRIVERS = ROLES[:3]  # who can go a step, the best one first
MOST_SLIDE, MOST_CLICK = 100_000, 1_000_000
MOST_UNHEARD = 1000  # messages that wait for one window
SAME_MS = 400  # two clocks that differ by less are the same


@dataclass(eq=False)
class Guest:
    """One open window: what is to be told to it lies in `outbox`; None there ends its connection."""

    role: str = "viewer"
    browser: str = ""
    outbox: queue.SimpleQueue[dict[str, Any] | None] = field(default_factory=queue.SimpleQueue)


@dataclass
class Timer:
    """A stopwatch: its status, and the milliseconds that had passed at a moment of this machine's own clock."""

    status: str = "stopped"
    passed: float = 0.0
    at: float = 0.0

    def now(self, clock: float) -> float:
        """Return the milliseconds that have passed."""
        return self.passed + (clock - self.at) * 1000 if self.status == "running" else self.passed


@dataclass
class Company:
    """Everybody who is connected."""

    clock: Callable[[], float] = time.monotonic
    at: list[int] | None = None
    timer: Timer = field(default_factory=Timer)
    drawn: dict[str, str] = field(default_factory=dict)
    guests: list[Guest] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def join(self) -> Guest:
        """Let a window in."""
        with self._lock:
            guest = Guest()
            self.guests.append(guest)
            return guest

    def leave(self, guest: Guest) -> None:
        """Let a window go."""
        with self._lock:
            if guest in self.guests:
                self.guests.remove(guest)
            guest.outbox.put(None)

    def disband(self) -> None:
        """Let all go."""
        for guest in list(self.guests):
            self.leave(guest)

    def hear(self, guest: Guest, said: Any) -> None:
        """Take one message; whatever is not as it should be is passed over."""
        if not isinstance(said, dict):
            return
        with self._lock:
            for key, value in said.items():
                answer = HEARD.get(key)
                if answer is not None:
                    answer(self, guest, value)

    def tell(self, message: dict[str, Any], *, but: Guest | None = None) -> None:
        """Tell all but one; a window that has not listened for long is let go."""
        for guest in list(self.guests):
            if guest.outbox.qsize() >= MOST_UNHEARD:
                self.leave(guest)
            elif guest is not but:
                guest.outbox.put(message)

    def greet(self, guest: Guest, value: Any) -> None:
        """Learn who came, and say how things stand."""
        if not isinstance(value, dict):
            return
        self.become(guest, value.get("role"))
        guest.browser = str(value.get("browser", ""))[:64]
        guest.outbox.put({"at": self.at})
        guest.outbox.put(self.time_told())
        if self.drawn:
            self.draw_for(guest)

    def become(self, guest: Guest, role: Any) -> None:
        """Learn what a window is."""
        if role in ROLES:
            guest.role = role

    def go(self, guest: Guest, value: Any) -> None:
        """Follow a window to a place, and say that it was heard."""
        guest.outbox.put({"heard": True})
        if not (isinstance(value, list) and len(value) == 2 and all(type(number) is int for number in value)):
            return
        slide, click = value
        if not (1 <= slide <= MOST_SLIDE and 0 <= click <= MOST_CLICK) or value == self.at:
            return
        self.at = value
        self.tell({"at": value}, but=guest)

    def move(self, _guest: Guest, value: Any) -> None:
        """Have the window that knows the deck best go one step; it then tells where it is."""
        if value in ("next", "prev"):
            windows = [guest for role in DRIVERS for guest in reversed(self.guests) if guest.role == role]
            if windows:
                windows[0].outbox.put({"do": value})

    def time_told(self) -> dict[str, Any]:
        """Say how late it is."""
        return {"timer": {"status": self.timer.status, "passed": round(self.timer.now(self.clock()))}}

    def set_timer(self, guest: Guest, value: Any) -> None:
        """Take over the stopwatch of a presenter view."""
        if not isinstance(value, dict) or value.get("status") not in ("stopped", "running", "paused"):
            return
        passed = value.get("passed", 0)
        if type(passed) not in (int, float) or not 0 <= passed < 1e9:
            return
        now = self.clock()
        if value["status"] == self.timer.status and abs(self.timer.now(now) - passed) < SAME_MS:
            return
        self.timer = Timer(value["status"], float(passed), now)
        self.tell(self.time_told(), but=guest)

    def press(self, _guest: Guest, value: Any) -> None:
        """Start, stop or reset the stopwatch from a phone."""
        now = self.clock()
        if value == "toggle":
            status = "paused" if self.timer.status == "running" else "running"
            self.timer = Timer(status, self.timer.now(now), now)
        elif value == "reset":
            self.timer = Timer(at=now)
        else:
            return
        self.tell(self.time_told())

    def draw(self, guest: Guest, value: Any) -> None:
        """Keep what a presenter view has drawn, and show it in the browsers that have no presenter view."""
        if guest.role != "presenter" or not isinstance(value, dict):
            return
        drawn = {str(slide): str(svg) for slide, svg in value.items() if isinstance(svg, str)}
        if drawn != self.drawn:
            self.drawn = drawn
            for other in self.guests:
                self.draw_for(other)

    def draw_for(self, guest: Guest) -> None:
        """Show one window what is drawn, unless a presenter view in its own browser does so."""
        presenting = {other.browser for other in self.guests if other.role == "presenter"}
        if guest.role in ("viewer", "preview") and guest.browser not in presenting:
            guest.outbox.put({"drawn": self.drawn})


HEARD: dict[str, Callable[[Company, Guest, Any], None]] = {
    "hello": Company.greet,
    "role": Company.become,
    "at": Company.go,
    "move": Company.move,
    "timer": Company.set_timer,
    "clock": Company.press,
    "drawn": Company.draw,
}
