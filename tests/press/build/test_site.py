import shutil

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


@pytest.mark.parametrize(
    ("said", "cause"),
    [("one\nError: no such layout\nThere are: cover\n", "no such layout"), ("only this\n", "only this")],
)
def test_a_build_that_fails_leaves_the_old_site_and_says_why(own_slides, tmp_path, monkeypatch, said, cause):
    deck, out = tmp_path / "deck", tmp_path / "slides" / "talk"
    deck.mkdir()
    (deck / "slides.md").write_text("# Talk\n")
    out.mkdir(parents=True)
    (out / "index.html").write_text("old")
    monkeypatch.setattr(site, "install_packages", lambda project: False)
    monkeypatch.setattr(site, "run_to_end", lambda command, folder: (1, said))
    with pytest.raises(PodiumError, match=cause):
        site.build_site(own_slides, deck, out)
    assert (out / "index.html").read_text() == "old"
    assert [path.name for path in out.parent.iterdir()] == ["talk"]


def test_the_dev_server_listens_on_this_machine_only(own_slides):
    command = site.edit_command(own_slides, 4321)
    assert command[command.index("--port") + 1] == "4321"
    assert command[command.index("--bind") + 1] == "127.0.0.1"
