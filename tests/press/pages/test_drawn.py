"""Only what changed is drawn again, and it is said why."""

import json

import pytest

from podium.press.pages import drawn
from podium.press.pages.render import render
from podium.spec import PodiumError

TEXT = (
    '<%= slide("figure") %>\n<%= figure("curves", "optimizer", metric="val_accuracy") %>\n'
    '<%= figure("curves", "positional_encoding", metric="val_accuracy") %>'
)
CURVES = "curves-optimizer-val_accuracy"


@pytest.fixture
def saved(monkeypatch):
    """The names of the figures that are really drawn."""
    names, real = [], drawn.save

    def save(drawing, path, ground):
        names.append(path.stem)
        return real(drawing, path, ground)

    monkeypatch.setattr(drawn, "save", save)
    return names


def test_one_new_run_draws_the_figures_of_its_experiment_only(project, deck, train, saved):
    deck(TEXT)
    for name in ("optimizer", "positional_encoding"):
        train(project, name)
    render(project, "talk")
    assert len(saved) == 2
    render(project, "talk")
    assert len(saved) == 2
    assert drawn.why(project, CURVES) == [("talk", ["it was never drawn before"])]
    record = next((project.runs / "optimizer").glob("Adam-s1-*")) / "record.jsonl"
    lines = [json.loads(line) for line in record.read_text("utf-8").splitlines()]
    lines[-1]["summary"]["test_accuracy"] = 0.5
    record.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    render(project, "talk")
    assert saved[2:] == [CURVES]
    ((_, (reason,)),) = drawn.why(project, CURVES)
    assert reason.startswith("run Adam-s1-")
    assert reason.endswith(" changed")


def test_other_options_other_code_and_a_lost_file_are_reasons(project, deck, train, saved, monkeypatch):
    deck(TEXT)
    for name in ("optimizer", "positional_encoding"):
        train(project, name)
    folder = render(project, "talk").folder
    drawn.picture_path(folder, CURVES).unlink()
    render(project, "talk")
    assert drawn.why(project, CURVES) == [("talk", ["its file was missing"])]
    monkeypatch.setattr(drawn, "code", lambda: "other")
    render(project, "talk")
    assert drawn.why(project, CURVES) == [("talk", ["the code that draws it changed"])]
    drawn.note_path(folder).write_text("torn")
    render(project, "talk")
    assert len(saved) == 2 + 1 + 2 + 2
    with pytest.raises(PodiumError, match="no figure 'curvs'"):
        drawn.why(project, "curvs")


def test_without_a_built_deck_there_is_nothing_to_say(project):
    with pytest.raises(PodiumError, match="No deck is built"):
        drawn.why(project, CURVES)
