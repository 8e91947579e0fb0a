"""Where a project's folders are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from podium.spec.errors import PodiumError

DECK_TEMPLATE = "slides.md.j2"
REPORT_TEMPLATE = "report.md.j2"


@dataclass(frozen=True)
class Project:
    """A folder with `experiments/` and `slides/` in it; everything generated goes under its `build/`."""

    root: Path

    @property
    def experiments(self) -> Path:
        """Questions (`<name>.py`) and their frozen answers (`<name>.csv`, `<name>.json`)."""
        return self.root / "experiments"

    @property
    def slides(self) -> Path:
        """The npm project: package.json, lock file, theme and decks."""
        return self.root / "slides"

    @property
    def decks(self) -> Path:
        """One folder a deck, with its `slides.md.j2`."""
        return self.slides / "decks"

    @property
    def reports(self) -> Path:
        """One folder a report, with its `report.md.j2`."""
        return self.root / "reports"

    @property
    def build(self) -> Path:
        """Everything generated; ignored by git."""
        return self.root / "build"

    @property
    def runs(self) -> Path:
        """Records of local runs: `<experiment>/<run>/record.jsonl`."""
        return self.build / "runs"


def find_project(start: Path) -> Project:
    """Return the project that `start` stands in, looking upwards.

    Raises:
        PodiumError: where no folder upwards holds both `experiments` and `slides`.
    """
    for folder in (start, *start.parents):
        if (folder / "experiments").is_dir() and (folder / "slides").is_dir():
            return Project(folder)
    msg = f"{start} is in no Podium project: no folder upwards holds experiments/ and slides/. Change into a clone."
    raise PodiumError(msg)


def deck_names(project: Project) -> list[str]:
    """Name the decks of a project, sorted."""
    return sorted(path.parent.name for path in project.decks.glob(f"*/{DECK_TEMPLATE}"))


def report_names(project: Project) -> list[str]:
    """Name the reports of a project, sorted."""
    return sorted(path.parent.name for path in project.reports.glob(f"*/{REPORT_TEMPLATE}"))


def shown_experiments(project: Project, names: Sequence[str]) -> list[str]:
    """Return those of `names` that stand between quotes in the templates or the page functions of a deck.

    Args:
        project: whose decks are read.
        names: of experiments.
    """
    texts = [
        path.read_text("utf-8", "replace")
        for pattern in ("*.j2", "*.py")
        for path in project.decks.rglob(pattern)
        if path.is_file()
    ]
    return [name for name in names if any(f"{mark}{name}{mark}" in text for text in texts for mark in "\"'")]
