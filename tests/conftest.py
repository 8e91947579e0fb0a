"""What every test shares: hypothesis takes its time, since a busy machine is no bug; and what a machine may lack."""

import os

import pytest
from hypothesis import HealthCheck, settings

from podium.press.build import find_browser

settings.register_profile("podium", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("podium")


def lacking(what):
    """Skip for want of `what`; in CI, which installs it, that is a failure."""
    (pytest.fail if os.environ.get("PODIUM_CI") else pytest.skip)(f"no {what} on this machine")


@pytest.fixture(scope="session")
def browser():
    found = find_browser()
    return found if found is not None else lacking("Chromium or Chrome")
