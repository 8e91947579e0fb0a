import pytest
from click.testing import CliRunner

from podium import cli
from podium.spec import PodiumError


@pytest.fixture
def asked(monkeypatch):
    """What the command asks the library for."""
    found = []
    for where in ("talk.present", "editing.edit"):
        monkeypatch.setattr(
            f"podium.press.build.present.{where}",
            lambda *args, where=where, **options: found.append((where, args[1:], options)),
        )
    return found


def present(*words, **environment):
    return CliRunner().invoke(cli.podium, ["present", *words], env=environment, catch_exceptions=False)


def test_a_deck_is_shown_on_this_machine(asked):
    present("talk", "--port", "4000", PODIUM_PASSWORD="open sesame")
    assert asked == [("talk.present", ("talk", 4000), {"remote": False, "password": None})]


def test_the_password_comes_from_the_command_or_from_the_environment(asked):
    present("--remote", PODIUM_PASSWORD="open sesame")
    present("--remote", "--password", "open barley", PODIUM_PASSWORD="open sesame")
    assert [options["password"] for _, _, options in asked] == ["open sesame", "open barley"]


@pytest.mark.parametrize(("word", "sources", "follow"), [("--edit", True, False), ("--follow", False, True)])
def test_a_deck_that_changes_is_shown_by_another_server(asked, word, sources, follow):
    present("talk", word, "--runs", "frozen")
    assert asked == [("editing.edit", ("talk", None), {"runs": "frozen", "follow": follow, "sources": sources})]


def test_a_deck_that_changes_stays_on_this_machine(asked):
    with pytest.raises(PodiumError, match="leave out --remote"):
        present("--edit", "--remote")
