"""One thread, made-up digits, a project in a temporary folder."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from podium.lab.data import sets
from podium.spec import Project

MADE_UP = Path(__file__).parent / "made_up.py"


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def tiny(monkeypatch) -> SimpleNamespace:
    """What `made_up.py` defines, its digits in MNIST's place."""
    found = SimpleNamespace(**runpy.run_path(str(MADE_UP)), path=MADE_UP)
    digits = found.made_up_mnist()
    monkeypatch.setattr(sets, "load_mnist", lambda: digits)
    monkeypatch.setattr(sets, "VALIDATION_COMPOSITES", 20)
    monkeypatch.setattr(sets, "TEST_COMPOSITES", 24)
    return found
