"""Online sweeps: W&B's own agents, the real client, the stand-in server: run, fail, stopped, interrupted, gone on."""

import io
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from podium.lab.sweeps import online
from podium.lab.sweeps.job import find_target
from podium.lab.sweeps.online import run_online
from podium.runs import read_record
from podium.runs.pull import pull_source
from podium.runs.pull.store import Store
from podium.spec import PodiumError, Project, load_experiment

PROGRAM = """
import os, sys, time, wandb
settings = wandb.Settings(
    console="off", disable_git=True, x_disable_stats=True, x_disable_meta=True, x_file_stream_transmit_interval=1.0
)
run = wandb.init(settings=settings)
if run.config["kind"] == "broken":
    sys.exit(3)
for step in range(3):
    run.log({"loss": 1 / (step + 1) + run.config["deep"]["shift"]})
if run.config["kind"] == "slow":
    print("slow run waits", flush=True)
    for _ in range(600):
        time.sleep(0.1)
        run.log({"loss": 9.0})
run.finish()
"""
CONFIG = {
    "program": "train.py",
    "method": "grid",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"kind": {"values": ["plain"]}, "deep": {"parameters": {"shift": {"value": 0.5}}}},
}


@pytest.fixture
def said():
    return io.StringIO()


@pytest.fixture
def console(said):
    return Console(file=said, width=300)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(online, "ASK_SECONDS", 1.0)
    for name in ("experiments", "slides", "programs"):
        (tmp_path / name).mkdir()
    (tmp_path / "programs" / "train.py").write_text(PROGRAM)
    return Project(tmp_path)


def target(project, *kinds, **changed):
    config = {**CONFIG, **changed, "parameters": {**CONFIG["parameters"], "kind": {"values": list(kinds)}}}
    path = project.root / "programs" / "toy.json"
    path.write_text(json.dumps(config))
    return find_target(project, str(path))


def kept(project):
    (path,) = project.build.glob("sweeps/*/online.json")
    return json.loads(path.read_text())["path"]


@pytest.mark.slow
def test_a_sweep_whose_runs_are_stopped_and_fail(stand_in, project, console, said):
    stand_in.stop_rule = lambda run: len(run.lines) > 3  # hyperband would: the slow one alone logs more
    sweep = target(project, "slow", "broken")
    runs = run_online(project, sweep, console=console)
    path = kept(project)
    assert [run.state for run in runs] == ["killed", "failed"]
    assert [run.reason for run in runs] == ["stopped at W&B", "exit code 3"]
    assert [run.config for run in runs] == [{"kind": kind, "deep": {"shift": 0.5}} for kind in ("slow", "broken")]
    told = [command["type"] for _, _, commands in stand_in.heartbeats for command in commands]
    assert list(dict.fromkeys(told)) == ["run", "stop", "exit"]
    text = said.getvalue()
    assert f"toy: W&B's sweep is {stand_in.url}/team/podium/sweeps/" in text
    assert f"toy: {runs[0].name}: killed (stopped at W&B) loss" in text
    assert f"toy: {runs[1].name}: failed (exit code 3)" in text
    again = run_online(project, sweep, console=console)
    assert [run.key for run in again] == [run.key for run in runs]
    assert "toy: 2 runs of W&B's sweep" in said.getvalue()
    assert "W&B has ended the sweep" in said.getvalue()
    pulled = pull_source(project, (path,), console=console)
    store = Store(pulled.folder)
    first, second = (store.read(run.key) for run in runs)
    assert [row["loss"] for row in first.history][:3] == [1.5, 1.0, 1 / 3 + 0.5]
    assert len(first.history) > 3
    assert (len(second.history), second.sweep) == (0, path.rpartition("/")[2])
    assert not list(project.root.glob("programs/wandb"))  # everything generated lies under build/


@pytest.mark.slow
def test_agents_that_give_up_are_told_of(stand_in, project, console, said, monkeypatch):
    monkeypatch.setenv("WANDB_AGENT_MAX_INITIAL_FAILURES", "1")  # W&B's own switch
    runs = run_online(project, target(project, "broken", "plain"), console=console)
    assert [run.state for run in runs] == ["failed"]
    assert "W&B's agents gave up after 1 failed runs. What they printed is in build/sweeps/" in said.getvalue()


@pytest.mark.slow
def test_ctrl_c_ends_the_agents_and_the_sweep_goes_on(stand_in, project, console, said):
    sweep = target(project, "slow", "plain", "plain")
    threading.Thread(target=press, args=(project,), daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        run_online(project, sweep, console=console, workers=2, count=1)
    assert "Ctrl-C again stops them. The same command goes on with the sweep." in said.getvalue()
    assert "the runs are stopped" in said.getvalue()
    path = kept(project)
    first, second = run_online(project, sweep, console=console, count=2)
    assert kept(project) == path
    assert stand_in.counts["UpsertSweep"] == 1
    assert first.state in ("crashed", "killed", "running")  # W&B's server says so some minutes later
    assert (second.state, second.summary["loss"]) == ("finished", 1 / 3 + 0.5)
    assert len(run_online(project, sweep, console=console, count=2)) == 2


@pytest.mark.slow
def test_an_own_experiment_trains_under_wandbs_agent(stand_in, project, console, said):
    made_up = Path(__file__).parent.parent / "training" / "made_up.py"
    (project.experiments / "tiny.py").write_text(
        "import runpy\n"
        "from podium.lab.data import sets\n"
        "from podium.spec import *\n"
        f"found = runpy.run_path({str(made_up)!r})\n"
        "sets.load_mnist = found['made_up_mnist']\n"
        "EXPERIMENT = Experiment(question='Does it?', expectation='Yes.', baseline=found['TINY_VIT'].but(epochs=2),\n"
        "    variants={'one': {}}, metric='val_accuracy', sweep=Sweep(config={'method': 'grid',\n"
        "    'metric': {'name': 'val_accuracy', 'goal': 'maximize'},\n"
        "    'parameters': {'learning_rate': {'values': [0.01]}}}))\n"
    )
    experiment = load_experiment("tiny", project.experiments)
    (run,) = run_online(project, experiment, settings=("depth=2",), device="cpu", console=console)
    (folder,) = (project.runs / "tiny").iterdir()
    record = read_record(folder)
    assert (run.state, record.state, run.config["learning_rate"], run.config["depth"]) == (
        "finished",
        "finished",
        0.01,
        2,
    )
    assert record.variant == f"trial-{run.id}"
    assert record.provenance["link"].endswith(f"/runs/{run.id}")
    assert record.sweep == run.sweep == kept(project).rpartition("/")[2]
    assert run.summary["val_accuracy"] == record.summary["val_accuracy"]
    pulled = pull_source(project, (kept(project),), console=console)
    rows = Store(pulled.folder).read(run.key).history
    assert [row["val_accuracy"] for row in rows] == [row["val_accuracy"] for row in record.history]
    assert "tiny: " in said.getvalue()
    assert "val_accuracy" in said.getvalue()


def press(project):
    """Press Ctrl-C once the run goes on, and end it with a second one."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        logs = list(project.build.glob("sweeps/*/agent-1.log"))
        if logs and "slow run waits" in logs[0].read_text():
            break
        time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(2)
    os.kill(os.getpid(), signal.SIGTERM)


def test_what_is_sent_for_an_experiment(stand_in, project, monkeypatch):
    monkeypatch.setattr(online, "_start", lambda *_: [])
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    (project.experiments / "depth.py").write_text(
        "from podium.spec import *\n"
        "EXPERIMENT = Experiment(question='How deep?', expectation='Not very.', baseline=ViTConfig(epochs=1),\n"
        "    variants={'one': {}}, metric='val_accuracy', sweep=Sweep(config={'method': 'grid',\n"
        "    'parameters': {'depth': {'values': [1, 2, 3]}}}, quick_run_cap=2))\n"
    )
    experiment = load_experiment("depth", project.experiments)
    assert run_online(project, experiment, "quick", settings=("dim=32",), device="cpu") == []
    (sweep,) = stand_in.projects["team", "mine"].sweeps.values()
    sent = stand_in.read_yaml(sweep.config)
    assert sent["run_cap"] == 2
    assert sent["program"] == "experiments/depth.py"
    assert " ".join(sent["command"]) == (
        "${env} ${interpreter} -m podium.lab.sweeps.trial depth --profile quick --device cpu --set dim=32"
    )
    assert sent["parameters"] == {"depth": {"values": [1, 2, 3]}}


def test_a_sweep_that_wandb_has_no_more_is_created_anew(stand_in, project, monkeypatch):
    monkeypatch.setattr(online, "_start", lambda *_: [])
    sweep = target(project, "plain")
    run_online(project, sweep)
    first = kept(project)
    run_online(project, sweep)
    assert kept(project) == first
    stand_in.projects["team", "podium"].sweeps.clear()
    run_online(project, sweep)
    assert kept(project) != first
    (path,) = project.build.glob("sweeps/*/online.json")
    path.write_text("{broken")
    run_online(project, sweep)
    assert len(stand_in.projects["team", "podium"].sweeps) == 2


def test_a_raised_run_cap_takes_the_finished_runs_along(stand_in, project, monkeypatch, console, said):
    monkeypatch.setattr(online, "_start", lambda *_: [])
    run_online(project, target(project, "plain", "slow", "broken", run_cap=1), console=console)
    first = stand_in.project("team", "podium")
    (sweep,) = first.sweeps.values()
    for name, kind, code in (("r1", "plain", 0), ("r2", "broken", 1)):
        run = first.run(name)
        run.sweep = sweep.name
        run.config = json.dumps({"kind": {"value": kind}, "deep": {"value": {"shift": 0.5}}})
        run.settle(code)
    runs = run_online(project, target(project, "plain", "slow", "broken", run_cap=3), console=console)
    assert [run.id for run in runs] == ["r1"]
    assert f"with 1 runs of team/podium/sweeps/{sweep.name}" in said.getvalue().replace("\n", "")
    assert len(first.sweeps) == 2
    (raised,) = [found for found in first.sweeps.values() if found is not sweep]
    assert [trial["kind"] for trial in raised.trials] == ["slow", "broken"]
    assert kept(project).endswith(raised.name)


def test_what_cannot_be_is_said_first(stand_in, project, monkeypatch):
    with pytest.raises(PodiumError, match="--workers must be a whole number above 0; not 0"):
        run_online(project, target(project, "plain"), workers=0)
    monkeypatch.setenv("WANDB_API_KEY", "local-" + "f" * 40)
    with pytest.raises(PodiumError, match="refused the W&B key"):
        run_online(project, target(project, "plain"))
    monkeypatch.delenv("WANDB_API_KEY")
    with pytest.raises(PodiumError, match="No W&B key is kept here"):
        run_online(project, target(project, "plain"))
    assert not project.build.exists()
