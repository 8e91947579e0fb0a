"""`podium check`: a line a finding, where the page is, and exit code 1 where there is an error."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from podium import cli
from podium.press.build.check.findings import Finding, Report


@pytest.fixture
def found(tmp_path, monkeypatch):
    """A project, and what each deck's check is to find."""
    for folder in ("experiments", "slides/decks/talk"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "slides/decks/talk/slides.md.j2").write_text("# Talk\n")
    monkeypatch.chdir(tmp_path)
    findings = {"talk": (Finding(2, 1, "missing-notes", "None."),), "a.md": (Finding(0, 0, "clipped", "Cut."),)}

    def check(project, deck, *, runs, tell):
        assert runs == "local"
        tell(deck, "looking", 0, 0)
        return Report(deck, findings[deck], 3, 4, {}), Path("build") / deck

    monkeypatch.setattr("podium.press.build.check.stranger.check", check)


@pytest.mark.usefixtures("found")
def test_advice_passes_and_an_error_fails():
    said = CliRunner().invoke(cli.podium, ["check"])
    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        "slide 2, click 1: missing-notes: None. [advice]",
        "talk: 3 slides, 7 stops: 0 errors, 1 advice: build/talk",
    ]
    said = CliRunner().invoke(cli.podium, ["check", "talk", "a.md"])
    assert said.exit_code == 1
    assert "the deck: clipped: Cut. [error]" in said.output
    assert "a.md: 3 slides, 7 stops: 1 error, 0 advice: build/a.md" in said.output
