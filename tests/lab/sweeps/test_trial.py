"""The program of an experiment's trial under W&B's own agent, without the agent."""

import os
import signal

import pytest
import yaml
from click.testing import CliRunner

from podium.lab.sweeps import trial as module
from podium.lab.sweeps.trial import main, train_trial
from podium.lab.training import loop
from podium.runs import read_record
from podium.spec import PodiumError

EXPERIMENT = """
import runpy
EXPERIMENT = runpy.run_path({path!r})["TINY"]
"""


@pytest.fixture
def agent(project, tiny, tmp_path, monkeypatch):
    """Write what W&B's agent writes, and an experiment to train."""
    from podium.lab.data import sets

    made_up = module.Path(__file__).parent.parent / "training" / "made_up.py"
    (project.experiments / "tiny.py").write_text(EXPERIMENT.format(path=str(made_up)))
    monkeypatch.setattr(sets, "VALIDATION_COMPOSITES", 20)
    monkeypatch.chdir(tmp_path)

    def write(**parameters):
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump({"wandb_version": 1, **{k: {"value": v} for k, v in parameters.items()}}))
        return {"WANDB_SWEEP_PARAM_PATH": str(path), "WANDB_RUN_ID": "abc", "WANDB_SWEEP_ID": "sw33p"}

    return write


def train(project, environment, **changes):
    return train_trial(
        project, "tiny", "quick", **{"device": "cpu", "wandb": "off", "environment": environment, **changes}
    )


def test_the_trial_is_the_baseline_with_the_agents_values(project, agent):
    record = train(project, agent(dropout=0.25), settings=("seed=5",))
    assert (record.state, record.variant, record.sweep) == ("finished", "trial-abc", "sw33p")
    assert (record.config["dropout"], record.config["seed"], record.config["epochs"]) == (0.25, 5, 1)


def test_outside_of_an_agent_it_says_so(project, agent):
    agent()
    with pytest.raises(PodiumError, match="is started by W&B's agent"):
        train(project, {})


def test_what_wandb_stops_is_pruned(project, agent, monkeypatch):
    epoch = loop._Run.epoch

    def stopped(self, *given):
        os.kill(os.getpid(), signal.SIGTERM)
        return epoch(self, *given)

    monkeypatch.setattr(loop._Run, "epoch", stopped)
    monkeypatch.setattr(module, "stopped_by_server", lambda: False)
    with pytest.raises(KeyboardInterrupt):
        train(project, agent(epochs=3))
    monkeypatch.setattr(module, "stopped_by_server", lambda: True)
    record = train(project, agent(epochs=3, dropout=0.0))
    assert (record.state, record.reason, len(record.history)) == ("pruned", "W&B's sweep stopped it", 1)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_an_epoch_that_takes_too_long_is_interrupted(project, agent, monkeypatch):
    def endless(self, *given):
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()

    monkeypatch.setattr(module, "ALARM_SECONDS", 1)
    monkeypatch.setattr(loop._Run, "epoch", endless)
    monkeypatch.setattr(module, "stopped_by_server", lambda: False)
    with pytest.raises(KeyboardInterrupt):
        train(project, agent())
    monkeypatch.setattr(module, "stopped_by_server", lambda: True)
    record = train(project, agent())
    assert (record.state, record.reason, record.summary) == ("pruned", "W&B's sweep stopped it", {})
    assert read_record(record.folder) == record


def test_the_exit_code_tells_the_agent(project, agent, monkeypatch):
    words = ["tiny", "--profile", "quick", "--device", "cpu", "--wandb", "off"]
    environment = agent(dropout=0.1)
    monkeypatch.setattr(os, "environ", {**os.environ, **environment})
    monkeypatch.setitem(train_trial.__kwdefaults__, "environment", environment)
    assert CliRunner().invoke(main, words).exit_code == 0
    agent(dropout=2.0)
    wrong = CliRunner().invoke(main, words)
    assert (wrong.exit_code, "dropout must be at least 0" in wrong.output) == (1, True)
    agent(learning_rate=1e30, warmup=0.0)
    failed = CliRunner().invoke(main, [*words, "--set", "clip=none"])
    assert (failed.exit_code, "failed: the loss became" in failed.output) == (1, True)
