"""What every test shares: hypothesis takes its time, since a busy machine is no bug; and W&B's stand-in server."""

import os
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, settings

settings.register_profile("podium", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("podium")

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))  # the stand-in's two files, for tests in every folder


@pytest.fixture
def stand_in(monkeypatch, tmp_path_factory):
    """A stand-in for W&B's server, and an environment in which the real client talks to it and to nobody else."""
    from stand_in_server import StandIn

    forget_wandb()
    for name in [n for n in os.environ if n.startswith("WANDB_")] + ["NETRC"]:
        monkeypatch.delenv(name, raising=False)
    home = tmp_path_factory.mktemp("home")
    with StandIn(read_yaml=yaml.safe_load) as server:
        for name, value in {
            **server.environment(),
            "HOME": str(home),
            "WANDB_SILENT": "true",
            "WANDB_CACHE_DIR": str(home),
            "WANDB_CONFIG_DIR": str(home),
            "WANDB_DATA_DIR": str(home),
        }.items():
            monkeypatch.setenv(name, value)
        yield server
        forget_wandb()
        assert not server.errors, server.errors


def forget_wandb():
    """End the client's session in this process: it keeps the server that it was started with."""
    if "wandb" in sys.modules:
        sys.modules["wandb"].teardown()


def lacking(what):
    """Skip for want of `what`; in CI, which installs it, that is a failure."""
    (pytest.fail if os.environ.get("PODIUM_CI") else pytest.skip)(f"no {what} on this machine")


@pytest.fixture(scope="session")
def browser():
    from podium.press.build.browser import find_browser

    found = find_browser()
    return found if found is not None else lacking("Chromium or Chrome")


@pytest.fixture(scope="session")
def lend():
    """Lend theme and packages of the repository to a project: links, to packages that are installed by then."""
    from podium.press.build.node import install_packages
    from podium.spec import Project

    install_packages(Project(ROOT))

    def link(made):
        made.decks.mkdir(parents=True)
        for name in ("theme", "addon", "node_modules", "package.json", "package-lock.json", ".npmrc"):
            (made.slides / name).symlink_to(ROOT / "slides" / name)

    return link


@pytest.fixture(scope="session")
def kitchen(tmp_path_factory, lend):
    """Every layout and component on both grounds, built once from the frozen results: project, folder, site."""
    from podium.press.build.site import build_site
    from podium.press.pages.render import render
    from podium.spec import Project

    made = Project(tmp_path_factory.mktemp("kitchen") / "project")
    lend(made)
    made.experiments.symlink_to(ROOT / "experiments", target_is_directory=True)
    (made.decks / "kitchen").symlink_to(ROOT / "tests" / "slides" / "kitchen", target_is_directory=True)
    folder = render(made, "kitchen", "frozen").folder
    return made, folder, build_site(made, folder, made.build / "slides" / "kitchen").path
