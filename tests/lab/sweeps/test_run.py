import dataclasses

import pytest

from podium.lab.sweeps import run as module
from podium.lab.sweeps.run import run_sweep, sweep_trials
from podium.spec import Experiment, PodiumError, Project, Sweep, ViTConfig

SEARCH = {
    "method": "random",
    "metric": {"name": "val_accuracy", "goal": "maximize"},
    "parameters": {"learning_rate": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-2}},
    "run_cap": 6,
}
EXPERIMENT = Experiment(
    name="searched",
    question="Which?",
    expectation="One.",
    baseline=ViTConfig(),
    variants={"learned": {}},
    metric="val_accuracy",
    quick={"epochs": 1},
    sweep=Sweep(config=SEARCH, quick_run_cap=3),
)


def test_trials_are_the_baseline_with_some_fields_changed():
    sweep, trials = sweep_trials(EXPERIMENT, "full")
    assert [trial.name for trial in trials] == [f"trial-00{n}" for n in range(1, 7)]
    assert len({trial.config.learning_rate for trial in trials}) == 6
    assert all(trial.config.but(learning_rate=3e-3) == EXPERIMENT.baseline for trial in trials)
    assert len(sweep) == 8


def test_quick_is_shorter_and_smaller():
    _, trials = sweep_trials(EXPERIMENT, "quick", settings=("dim=32",))
    assert [(trial.config.epochs, trial.config.dim) for trial in trials] == [(1, 32)] * 3


def test_a_raised_cap_goes_on_with_the_same_sweep():
    more = dataclasses.replace(EXPERIMENT, sweep=Sweep(config={**SEARCH, "run_cap": 8}))
    sweep, trials = sweep_trials(EXPERIMENT, "full")
    longer, further = sweep_trials(more, "full")
    assert (longer, further[:6]) == (sweep, trials)


def test_no_sweep_is_a_sentence():
    with pytest.raises(PodiumError, match=r"Experiment searched has no sweep: add sweep=Sweep"):
        sweep_trials(dataclasses.replace(EXPERIMENT, sweep=None), "quick")


def test_run_sweep_trains_each_trial_under_its_id(tmp_path, monkeypatch):
    asked = {}

    def train_all(project, experiment, variants, profile, **rest):
        asked.update(rest, names=[variant.name for variant in variants], profile=profile)
        return []

    monkeypatch.setattr(module, "train_all", train_all)
    assert run_sweep(Project(tmp_path), EXPERIMENT, "quick", device="cpu", wandb="off") == []
    assert asked["names"] == ["trial-001", "trial-002", "trial-003"]
    assert asked["sweep"] == sweep_trials(EXPERIMENT, "quick")[0]
    assert (asked["device"], asked["wandb"], asked["profile"]) == ("cpu", "off", "quick")
