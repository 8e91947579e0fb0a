"""A small cohort to step by hand, and whole ones in a temporary project."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from podium.lab.training.cohort import train_together


@pytest.fixture(scope="session")
def small() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "small.py")))


@pytest.fixture
def together(project, tiny):
    """Train variants stacked, on the CPU, telling nobody."""

    def train(variants, **changes):
        asked = {"tracker_mode": "off", "device": "cpu", "mode": "always", **changes}
        where = asked.pop("project", project)
        return train_together(where, tiny.TINY, variants, "quick", **asked)

    return train
