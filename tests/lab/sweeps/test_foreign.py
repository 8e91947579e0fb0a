"""Unmodified programs that log with the real W&B client, under the runner."""

import json
import shutil
from pathlib import Path

import pytest

from podium.lab.sweeps import find_target, run_sweep
from podium.lab.sweeps.configuration import configuration_from
from podium.lab.sweeps.foreign import Values
from podium.lab.sweeps.judging import Judge, logged
from podium.runs import read_runs

TRAIN = """
import argparse, json, os, pathlib, time
import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--what")
arguments = parser.parse_args()
with wandb.init(config={"lr": 7, "own": "kept"}) as run:
    seen = {"config": dict(run.config), "id": run.id, "sweep": run.sweep_id, "project": run.project, "lr": arguments.lr}
    pathlib.Path(f"seen-{arguments.what}.json").write_text(json.dumps(seen))
    for step in range(4):
        run.log({"val": {"loss": arguments.lr / (step + 1)}, "step": step})
    if arguments.what == "fails":
        raise ValueError("no such layer")
    if arguments.what == "starves":
        raise MemoryError
    run.summary["final"] = float("nan")
"""
SWEEP = """
program: train.py
project: digits
method: grid
metric:
  name: val.loss
  goal: minimize
parameters:
  lr: {value: 1e-2}
  what: {values: [works, fails, starves]}
"""

SLOW = """
import sys, time
import wandb

bad = "bad=True" in sys.argv[1]
run = wandb.init()
for step in range(600 if bad else 3):
    run.log({"loss": 1.0 if bad else 0.1})
    time.sleep(0.2 if bad else 0)
"""
HYPERBAND = """
program: slow.py
command: ["${interpreter}", "${program}", "${args}"]
method: grid
metric: {name: loss}
early_terminate: {type: hyperband, min_iter: 2, eta: 3}
parameters:
  bad: {values: [false, true]}
"""


def test_a_program_is_given_its_values_and_read_back(project, console):
    (project.root / "train.py").write_text(TRAIN)
    (project.root / "sweep.yaml").write_text(SWEEP)
    target = find_target(project, str(project.root / "sweep.yaml"))
    works, fails, starves = run_sweep(project, target, console=console)
    assert [record.state for record in (works, fails, starves)] == ["finished", "failed", "failed"]
    assert fails.reason == "ValueError: no such layer"
    assert starves.reason == "out of memory: MemoryError"
    seen = json.loads((project.root / "seen-works.json").read_text())
    assert seen["config"] == {"lr": 0.01, "what": "works", "own": "kept"}
    assert (seen["sweep"], seen["project"], seen["lr"]) == (works.sweep, "digits", 0.01)
    assert works.config == {"lr": 0.01, "what": "works"}
    assert works.id.endswith(seen["id"])
    assert works.summary["val"] == {"loss": 0.0025}
    assert works.summary["step"] == 3
    assert fails.summary["val"] == {"loss": 0.0025}
    assert "sweep: trial-001 (lr=0.01, what=works): val.loss 0.0025" in console.file.getvalue()
    assert "Traceback" in (fails.folder / "output.txt").read_text()
    assert not [path for path in Path("/proc").glob("[0-9]*/environ") if str(project.root).encode() in quiet(path)]


def test_hyperband_stops_a_running_program(project, console):
    (project.root / "slow.py").write_text(SLOW)
    (project.root / "sweep.yaml").write_text(HYPERBAND)
    target = find_target(project, str(project.root / "sweep.yaml"))
    good, bad = run_sweep(project, target, console=console)
    assert (good.state, bad.state) == ("finished", "pruned")
    assert bad.reason.startswith("hyperband: loss 1 at ")
    assert bad.summary["loss"] == 1.0
    assert "trial-002 (bad=True) was pruned: hyperband" in console.file.getvalue()
    shutil.rmtree(project.build / "sweeps")
    assert run_sweep(project, target, console=console) == [good, bad]
    assert len(read_runs(project.runs, "sweep")) == 2


def quiet(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


class Told:
    """A study that keeps what it is told."""

    def __init__(self, *others):
        self.reports, self.others = [], others

    def report(self, number, step, value):
        self.reports.append((step, value))

    def trials(self):
        from optuna.trial import TrialState, create_trial

        return [create_trial(state=TrialState.PRUNED, value=1.0, intermediate_values=others) for others in self.others]


def judge(study, method="random", **band):
    early = {"early_terminate": {"type": "hyperband", **band}} if band else {}
    config = {"method": method, "run_cap": 9, "metric": {"name": "loss"}, "parameters": {"x": {"min": 0.0, "max": 1.0}}}
    return Judge(study, 77, configuration_from(config | early, name="n", where="w", notify=lambda _: None))


def test_only_brackets_are_told_of_a_chatty_program():
    study = Told()
    told = judge(study, min_iter=10, eta=10)
    values = [1 / step for step in range(1, 500)]
    assert told.reason(values[:250]) == ""
    assert told.reason([*values, "NaN", None, True]) == ""
    assert study.reports == [(10, 1 / 10), (100, 1 / 100)]


def test_a_search_that_learns_is_told_of_the_best_and_the_last():
    study = Told()
    told = judge(study, "bayes")
    assert told.reason([3.0, 1.0, 2.0]) == ""
    assert told.reason([3.0, 1.0, 2.0]) == ""
    assert told.reason([3.0, 1.0, 2.0, 4.0]) == ""
    assert study.reports == [(2, 1.0), (3, 2.0), (4, 4.0)]


def test_a_weak_trial_stops_at_the_bracket_it_reached():
    told = judge(Told({2: 0.1}, {2: 0.2}, {2: 0.3}), min_iter=2, eta=2)
    assert told.reason([5.0]) == ""
    assert told.reason([5.0, 5.0]) == "hyperband: loss 5 at 2 was not among the best 1/2"


def test_a_bracket_that_was_passed_between_two_looks_is_judged():
    told = judge(Told({2: 0.1}), min_iter=2, eta=3)
    assert told.reason([5.0] * 100) == "hyperband: loss 5 at 2 was not among the best 1/3"


def test_the_longest_of_several_run_files_counts(tmp_path):
    assert Values(tmp_path, "loss").read() == []
    assert Values(tmp_path, "loss").summary() == {}


@pytest.mark.parametrize(("name", "values"), [("a.b", [1, 2, 3]), ("c", [4]), ("a", [{"b": 1}, {"b": 3}])])
def test_nested_metrics_are_named_with_points(name, values):
    assert logged([{"a": {"b": 1}}, {"a.b": 2}, {"a": {"b": 3}, "c": 4}, {"x": 1}], name) == values
