"""What the tests of whole decks share."""

from pathlib import Path

import pytest

from podium.spec import Project

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, packages):
    """A project of its own that borrows theme and packages from the repository."""
    made = Project(tmp_path / "project")
    made.decks.mkdir(parents=True)
    for name in ("theme", "addon", "node_modules", "package.json", "package-lock.json", ".npmrc"):
        (made.slides / name).symlink_to(ROOT / "slides" / name)
    made.experiments.mkdir()
    return made
