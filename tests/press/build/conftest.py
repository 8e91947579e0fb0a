import shutil
from pathlib import Path

import pytest

from podium.press.build.browser import walk
from podium.press.build.site import build_site
from podium.spec.project import Project

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def project_at(folder):
    """A project of its own whose slides are those of the repository."""
    (folder / "experiments").mkdir(parents=True)
    (folder / "slides").symlink_to(ROOT / "slides", target_is_directory=True)
    return Project(folder)


@pytest.fixture
def project(tmp_path):
    return project_at(tmp_path / "project")


@pytest.fixture
def own_slides(tmp_path):
    """A project with a small npm project of its own: nothing of the repository is touched."""
    root = tmp_path / "own"
    for name in ("experiments", "slides/theme", "slides/decks/talk"):
        (root / name).mkdir(parents=True)
    (root / "slides" / "package-lock.json").write_text("{}")
    (root / "slides" / "theme" / "package.json").write_text("{}")
    (root / "slides" / "decks" / "talk" / "slides.md.j2").write_text("# Talk\n")
    return Project(root)


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """The sample deck, built once: its project, rendered folder and site."""
    made = project_at(tmp_path_factory.mktemp("sample") / "project")
    folder = made.build / "decks" / "sample"
    shutil.copytree(HERE / "sample", folder)
    built = build_site(made, folder, made.build / "slides" / "sample")
    assert built.rebuilt
    return made, folder, built.path


@pytest.fixture(scope="session")
def walked(sample, browser, tmp_path_factory):
    """The walk through the sample deck, taken once."""
    return walk(sample[2], browser, pictures=tmp_path_factory.mktemp("pictures"))
