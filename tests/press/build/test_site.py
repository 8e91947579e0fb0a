import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from podium.press.build import site
from podium.spec import PodiumError


def test_the_same_inputs_are_not_built_again(sample):
    project, folder, built = sample
    again = site.build_site(project, folder, built)
    assert not again.rebuilt
    assert (again.path / "index.html").is_file()


def test_what_decides_the_site_decides_the_digest(sample, own_slides, tmp_path):
    _, folder, _ = sample
    deck = tmp_path / "deck"
    shutil.copytree(folder, deck)
    before = site.inputs_digest(own_slides, deck)
    assert site.inputs_digest(own_slides, deck) == before
    for path in (
        deck / "deck.json",
        own_slides.slides / "theme" / "package.json",
        own_slides.slides / "package-lock.json",
    ):
        path.write_text(path.read_text() + " ")
        after = site.inputs_digest(own_slides, deck)
        assert after != before
        before = after


def test_notes_and_addresses_stay_out_of_the_site(sample):
    _, _, built = sample
    assert not any("Say hello" in path.read_text() for path in built.rglob("*.js"))
    index = (built / "index.html").read_text()
    assert 'href="http' not in index
    assert 'src="http' not in index


def test_a_deck_that_is_not_rendered_is_said(project, tmp_path):
    with pytest.raises(PodiumError, match="holds no slides"):
        site.build_site(project, tmp_path, tmp_path / "out")


class Slidev:
    """A Slidev that says something and ends; it builds where the code is 0."""

    def __init__(self, code, said):
        self.returncode, self.said, self.commands, self.ended = code, said, [], 0

    @contextmanager
    def started(self, command, folder, *, heard):
        self.commands.append(command)
        if self.returncode == 0:
            out = Path(command[command.index("--out") + 1])
            out.mkdir(parents=True)
            (out / "index.html").write_text("<html><head></head></html>")
            (out / "_redirects").write_text("./* ./index.html 200")
        yield self
        self.ended += 1

    def communicate(self):
        return self.said.encode(), None


@pytest.fixture
def slidev(monkeypatch):
    def make(code=0, said=""):
        made = Slidev(code, said)
        monkeypatch.setattr(site, "install_packages", lambda project: False)
        monkeypatch.setattr(site, "write_notes", lambda project, slides, out: None)
        monkeypatch.setattr(site, "started", made.started)
        return made

    return make


@pytest.fixture
def deck(tmp_path):
    folder = tmp_path / "deck"
    folder.mkdir()
    (folder / "slides.md").write_text("# Talk\n")
    return folder


@pytest.mark.parametrize(
    ("said", "cause"),
    [("one\nError: no such layout\nThere are: cover\n", "no such layout"), ("only this\n", "only this")],
)
def test_a_build_that_fails_leaves_the_old_site_and_says_why(own_slides, deck, tmp_path, slidev, said, cause):
    out = tmp_path / "slides" / "talk"
    out.mkdir(parents=True)
    (out / "index.html").write_text("old")
    slidev(1, said)
    with pytest.raises(PodiumError, match=cause):
        site.build_site(own_slides, deck, out)
    assert (out / "index.html").read_text() == "old"
    assert [path.name for path in out.parent.iterdir()] == ["talk"]


def test_base_and_notes_decide_the_site(own_slides, deck, tmp_path, slidev):
    out, made = tmp_path / "slides" / "talk", slidev()
    plain = site.build_site(own_slides, deck, out)
    again = site.build_site(own_slides, deck, out)
    based = site.build_site(own_slides, deck, out, base="/talks/", notes=True)
    assert (plain.rebuilt, again.rebuilt, based.rebuilt) == (True, False, True)
    assert plain.digest == again.digest != based.digest
    first, last = made.commands
    assert first[first.index("--base") + 1] == "./"
    assert "--without-notes" in first
    assert last[last.index("--base") + 1] == "/talks/"
    assert "--without-notes" not in last
    assert not (out / "_redirects").exists()
    assert "Content-Security-Policy" in (out / "index.html").read_text()


def test_a_deck_may_name_its_theme(own_slides, deck, tmp_path, slidev):
    made = slidev()
    site.build_site(own_slides, deck, tmp_path / "a")
    assert "--theme" in made.commands[0]
    (deck / "slides.md").write_text("---\ntheme: ../own\n---\n\n# Talk\n")
    own = tmp_path / "own"
    own.mkdir(exist_ok=True)
    before = site.inputs_digest(own_slides, deck)
    (own / "package.json").write_text("{}")
    assert site.inputs_digest(own_slides, deck) != before
    site.build_site(own_slides, deck, tmp_path / "b")
    assert "--theme" not in made.commands[1]


@pytest.mark.parametrize(
    "text", ["# No front matter\n", "words\n---\ntheme: x\n---\n", "---\na: [\n---\n", "---\n- a\n---\n"]
)
def test_where_no_front_matter_can_be_read_there_is_none(tmp_path, text):
    (tmp_path / "slides.md").write_text(text)
    assert site.head_of(tmp_path / "slides.md") == {}
    assert site.theme_of(tmp_path / "slides.md") is None


def test_what_is_begun_and_not_waited_for_is_ended(own_slides, deck, tmp_path, slidev):
    made = slidev()
    with site.building(own_slides, deck, tmp_path / "a") as finish:
        assert callable(finish)
    assert made.ended == 1
    assert not (tmp_path / "a").exists()
