"""What the tests of whole decks share."""

from pathlib import Path

import pytest

from podium.spec import Project

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, lend):
    """A project of its own that borrows theme and packages from the repository."""
    made = Project(tmp_path / "project")
    lend(made)
    made.experiments.mkdir()
    return made
