"""Runs of strangers become results: variants and seeds from what their question says."""

import math

import pytest

from podium.press.results.foreign import results_of, seeds, variant_names
from podium.press.results.infer import infer
from podium.press.results.pulled import read_pulled
from podium.runs.pull.pulled import PulledRun
from podium.runs.pull.store import Store, pulled_folder
from podium.spec import PodiumError, Project, Pulled


def run(number, config, *, state="finished", history=(), **summary):
    return PulledRun(
        key=f"k{number:03}", id=f"k{number:03}", name=f"run {number}", origin="offline", state=state, config=config,
        summary={"_step": 3, **summary}, history=list(history), version="1", created=f"2026-11-21T10:{number:02}:00",
    )  # fmt: skip


@pytest.fixture
def pulled(tmp_path):
    """Return a function that keeps runs and reads the tables back."""
    project = Project(tmp_path)

    def keep(runs):
        store = Store(pulled_folder(project, "mine"))
        for one in runs:
            store.write(one)
        return read_pulled(project, "mine")

    return keep


def grid(**more):
    return [
        run(
            number,
            {"optimizer": {"name": name}, "random_state": seed, "out": f"folder {number}"},
            history=[{"_step": step, "eval/acc": 0.1 * step} for step in (0, 2)],
            **{"eval/acc": 0.8 + 0.1 * (name == "adam") + seed / 100, "fit": seed, **more},
        )
        for number, (name, seed) in enumerate((n, s) for n in ("sgd", "adam") for s in (0, 1, 2))
    ]


def never(option, question, choices):
    raise AssertionError(f"asked {question} {choices} ({option})")


def test_variants_seeds_metric_and_history_are_found_out(pulled):
    guess = infer(pulled(grid()), "mine", ("folder",), never)
    assert (guess.said.variant, guess.said.seed, guess.said.metric) == (("optimizer.name",), "random_state", "eval/acc")
    assert guess.notices == ("Left aside, since every run has another text: out.",)
    results = results_of(pulled(grid()), guess.said)
    assert results.variants == ["sgd", "adam"]
    assert results.by_seed("adam", "eval/acc") == pytest.approx({0: 0.9, 1: 0.91, 2: 0.92})
    assert results.difference("adam", "sgd", "eval/acc").verdict == "shown"
    assert list(results.curves("sgd", "eval/acc").index) == [0, 2]
    assert results.step == "step"
    assert "podium pull --name mine folder" in results.command


def test_what_the_names_do_not_tell_is_asked(pulled):
    runs = [run(i, {"lr": i // 2, "seed": 0, "np_seed": i % 2}, fit=i / 10, other=1.0) for i in range(4)]
    asked = []

    def ask(option, question, choices):
        asked.append((option, tuple(choices)))
        return choices[0]

    guess = infer(pulled(runs), "mine", ("f",), ask)
    assert asked == [("metric", ("fit", "other")), ("better", ("higher", "lower"))]
    assert guess.said.better == {"fit": "higher"}
    assert guess.said.seed == "np_seed"
    given = {"metric": "fit", "better": "lower", "seed": ""}
    said = infer(pulled(runs), "mine", ("f",), never, given=given)
    assert said.said.better == {"fit": "lower"}
    assert "not paired" in said.notices[-1]
    assert results_of(pulled(runs), said.said).ranked("fit").best == "0"
    for wrong, sentence in ({"metric": "fat"}, "No run measured 'fat'"), ({"seed": "x"}, "no run has a config field"), (
        {**given, "better": "up"}, "higher or lower"
    ):  # fmt: skip
        with pytest.raises(PodiumError, match=f"(?i){sentence}"):
            infer(pulled(runs), "mine", ("f",), ask, given=wrong)


def test_two_fields_that_could_be_the_seed_are_asked_about(pulled):
    runs = [run(i, {"seed": i, "model": {"random_seed": -i}}, acc=0.5) for i in range(3)]
    guess = infer(pulled(runs), "mine", ("f",), lambda option, question, choices: choices[0])
    assert guess.said.seed == "model.random_seed"
    assert guess.said.variant == ()
    assert results_of(pulled(runs), guess.said).variants == ["all runs"]


def test_a_search_is_told_from_a_comparison(pulled):
    runs = [run(i, {"lr": i / 10, "depth": i % 4}, val_loss=1 / (i + 1)) for i in range(12)]
    guess = infer(pulled(runs), "mine", ("f",), never)
    assert guess.said.sweep
    results = results_of(pulled(runs), guess.said)
    assert set(results.runs["sweep"]) == {"mine"}
    assert results.ranked("val_loss").best == "depth=3, lr=1.1"


def test_independent_runs_are_compared_unpaired(pulled):
    runs = [run(i, {"model": "ab"[i % 2]}, acc=0.5 + 0.2 * (i % 2) + i / 1000) for i in range(6)]
    guess = infer(pulled(runs), "mine", ("f",), never)
    results = results_of(pulled(runs), guess.said)
    it = results.difference("b", "a", "acc")
    assert (it.paired, it.n, it.verdict) == (False, 3, "shown")


def test_percent_and_share_are_told_apart(pulled):
    said = Pulled(question="?", source=("f",), variant=("optimizer.name",), metric="test_accuracy", name="mine")
    share = results_of(pulled(grid(test_accuracy=0.97)), said)
    percent = results_of(pulled(grid(test_accuracy=97.0)), said)
    assert share.metric("test_accuracy").quantity.scale == 100
    assert percent.metric("test_accuracy").quantity.scale == 1


def test_names_of_variants_and_seeds_that_are_texts(pulled):
    runs = [run(i, {"a": {"x": i}, "b": {"x": "y"}, "s": "pq"[i % 2]}, acc=1.0) for i in range(2)]
    tables = pulled([*runs, run(2, {"a": {"x": math.nan}}, acc=1.0)])
    assert list(variant_names(tables.runs, ("a.x", "b.x"))) == ["a.x=0, b.x=y", "a.x=1, b.x=y", "a.x=NaN, b.x=(none)"]
    assert list(seeds(tables.runs, "s", tables.runs["run"])) == [1, 2, 0]


def test_a_field_that_is_not_there_and_no_numbers_at_all(pulled):
    said = Pulled(question="?", source=("f",), variant=("optimiser.name",), metric="x", name="mine")
    with pytest.raises(PodiumError, match=r"no config field 'optimiser\.name'; did you mean 'optimizer\.name'"):
        results_of(pulled(grid()), said)
    with pytest.raises(PodiumError, match="logged no number"):
        infer(pulled([run(0, {}), *(run(i, {}) for i in range(1, 6))]), "mine", ("f",), never)


def test_a_seed_that_no_two_variants_share_pairs_nothing(pulled):
    runs = [run(i, {"model": "ab"[i % 2], "seed": i}, acc=0.5 + i / 100) for i in range(6)]
    guess = infer(pulled(runs), "mine", ("f",), never)
    assert guess.said.seed == ""
    assert "not paired" in guess.notices[0]
