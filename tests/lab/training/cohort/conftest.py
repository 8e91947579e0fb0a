"""A small cohort to step by hand, and whole ones in a temporary project."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from podium.lab.training.cohort import train_together
from podium.spec import Variant


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


@pytest.fixture(scope="session")
def same() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "same.py")))


@pytest.fixture
def variants(tiny):
    vit = tiny.TINY_VIT
    return [
        Variant("learned", vit),
        Variant("rotary", vit.but(position="rotary", seed=5, learning_rate=1e-3)),
        Variant("short", vit.but(epochs=1, optimizer="adam", label_smoothing=0.1)),
        Variant("wild", vit.but(learning_rate=1e30, clip=None, warmup=0.0)),
        Variant("averaged", vit.but(average=0.8, patience=1, position="none", augment=0.5)),
    ]
