"""Experiment: its runs, profile by profile, and what is said of a broken file."""

import pytest

from podium.spec import (
    Experiment,
    PodiumError,
    Project,
    ViTConfig,
    find_project,
    load_experiment,
    shown_experiments,
)

PAGE = """
from podium.spec import Experiment, ViTConfig
EXPERIMENT = Experiment(
    question="Does it?", expectation="It does.", metric="test_accuracy", baseline=ViTConfig(epochs=10),
    variants={"base": {}, "other": {"position": "none"}}, seeds=(0, 1), quick={"epochs": 1}, quick_seeds=(5,),
)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "ours.py").write_text(PAGE)
    return tmp_path


def test_seeds_are_outermost(folder):
    runs = load_experiment("ours", folder).runs("full")
    assert [(r.name, r.config.seed, r.config.epochs) for r in runs] == [
        ("base", 0, 10),
        ("other", 0, 10),
        ("base", 1, 10),
        ("other", 1, 10),
    ]


def test_quick_changes_fields_and_seeds(folder):
    runs = load_experiment("ours", folder).runs("quick", only=("other",), settings=("dropout=0.1",))
    assert [(r.name, r.config.seed, r.config.epochs, r.config.dropout) for r in runs] == [("other", 5, 1, 0.1)]


def test_a_set_seed_is_the_only_one(folder):
    assert [r.config.seed for r in load_experiment("ours", folder).runs("full", settings=("seed=9",))] == [9, 9]


def test_a_set_field_changes_the_baseline(folder):
    experiment = load_experiment("ours", folder)
    assert experiment.baseline_for("full", ("dim=32",)).dim == 32  # ty: ignore[unresolved-attribute]


def test_unknown_names_are_said(folder):
    with pytest.raises(PodiumError, match="no experiment 'our'; did you mean 'ours'"):
        load_experiment("our", folder)
    with pytest.raises(PodiumError, match="Experiment ours has no variant 'bas'; did you mean 'base'"):
        load_experiment("ours", folder).runs("quick", only=("bas",))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1", "must set EXPERIMENT = Experiment"),
        ("1 / 0", "does not run: ZeroDivisionError"),
        (PAGE.replace('"position"', '"positon"'), "has no field 'positon'"),
        (PAGE.replace("epochs=10", "epochs=0"), "broken.py: epochs must be above 0"),
    ],
)
def test_a_broken_page_is_one_sentence(tmp_path, text, sentence):
    (tmp_path / "broken.py").write_text(text)
    with pytest.raises(PodiumError, match=sentence):
        load_experiment("broken", tmp_path)


def test_project_is_found_from_below(tmp_path):
    for name in ("experiments", "slides/decks"):
        (tmp_path / name).mkdir(parents=True)
    project = find_project(tmp_path / "slides" / "decks")
    assert project.root == tmp_path
    assert project.runs == tmp_path / "build" / "runs"


def test_no_project_is_said(tmp_path):
    with pytest.raises(PodiumError, match="is in no Podium project"):
        find_project(tmp_path)


def test_what_a_deck_shows_is_found_in_its_templates(tmp_path):
    project = Project(tmp_path)
    deck = project.decks / "talk"
    deck.mkdir(parents=True)
    (deck / "slides.md.j2").write_text("<%= figure('curves', \"plateau\") %> lines of text")
    (deck / "more.py").write_text("NAME = 'blocks'\n")
    assert shown_experiments(project, ["blocks", "lines", "plateau"]) == ["blocks", "plateau"]
    assert shown_experiments(Project(tmp_path / "none"), ["blocks"]) == []


def test_an_experiment_needs_no_quick_profile():
    ours = Experiment(question="?", expectation="", baseline=ViTConfig(), variants={"a": {}}, metric="test_accuracy")
    assert len(ours.runs("quick")) == 3
