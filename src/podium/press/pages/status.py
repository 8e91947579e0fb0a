"""Status: is a deck still what its runs say, and do the frozen results give the same numbers?"""

from __future__ import annotations

from dataclasses import dataclass

from podium.press.pages.lock import Changes, compare, read_lock
from podium.press.pages.render import compose, lock_path
from podium.press.pages.typed import typed_numbers
from podium.press.results import Source
from podium.spec import DECK_TEMPLATE, PodiumError, Project


@dataclass(frozen=True)
class Status:
    """How a deck stands.

    Attributes:
        deck: its name.
        built: whether it was ever built, so that there is a lock.
        changes: what differs between the lock and what a build would give now.
        typed: numerals beside a metric's name that were typed by hand: line and sentence.
    """

    deck: str
    built: bool
    changes: Changes
    typed: tuple[tuple[int, str], ...]

    @property
    def fresh(self) -> bool:
        """Whether a build would change nothing."""
        return self.built and not self.changes


@dataclass(frozen=True)
class Verified:
    """One number of a deck: as it was built, and as the frozen results give it."""

    asked: str
    built: str
    frozen: str

    @property
    def same(self) -> bool:
        """Whether both are the same, to the last digit shown."""
        return self.built == self.frozen


def status(project: Project, deck: str, source: Source = "local") -> Status:
    """Compare a deck's lock with what a build would give now, and look for typed numbers.

    Raises:
        PodiumError: as `podium.press.pages.render.compose` does.
    """
    composed = compose(project, deck, source, runs_cells=False)
    before = read_lock(lock_path(project, deck))
    metrics = tuple({key.rpartition(" / ")[2] for key in composed.lock["numbers"]})
    typed = typed_numbers((project.decks / deck / DECK_TEMPLATE).read_text("utf-8"), metrics)
    changes = compare(before, composed.lock) if before else Changes()
    return Status(deck, before is not None, changes, tuple(typed))


def verify(project: Project, deck: str) -> list[Verified]:
    """Compute every number and claim of a deck again from the frozen results.

    Raises:
        PodiumError: for a deck without a lock, and as `podium.press.pages.render.compose` does.
    """
    before = read_lock(lock_path(project, deck))
    if before is None:
        raise PodiumError(f"Deck {deck} has no lock, so there is nothing to verify. Build it: `podium slides {deck}`.")
    now = compose(project, deck, "frozen", runs_cells=False).lock
    found = [
        Verified(key, entry["text"], now["numbers"].get(key, {}).get("text", "not asked for"))
        for key, entry in before["numbers"].items()
    ]
    found += [
        Verified(f"claim {key}", entry["verdict"], now["claims"].get(key, {}).get("verdict", "not asked for"))
        for key, entry in before["claims"].items()
    ]
    return found
