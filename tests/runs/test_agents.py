"""W&B's agents: the real client creates sweeps and runs them at the stand-in, and leaves when nobody waits for it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from podium.runs import agents
from podium.runs.agents import Agent, account, create_sweep, stopped_by_server, sweep_runs, sweep_state
from podium.runs.pull.connection import Connection
from podium.runs.pull.listing import ServerPath
from podium.spec import PodiumError

PROGRAM = """
import pathlib, signal, sys, time
pathlib.Path("began").write_text("x")
signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path("told").write_text("x"), sys.exit(0)))
time.sleep(60)
"""
CONFIG = {"method": "grid", "program": "slow.py", "parameters": {"a": {"values": [1, 2]}}}


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


@pytest.fixture
def path(stand_in):
    return create_sweep(CONFIG, entity="team", project="digits")[0]


def test_a_sweep_is_created_and_known(stand_in, path):
    connection = Connection()
    assert account(connection) == "team"
    assert sweep_state(connection, path) == "PENDING"
    assert sweep_state(connection, ServerPath("team", "digits", "sweep", "nobody")) == ""
    assert sweep_state(connection, ServerPath("team", "nothing", "sweep", "nobody")) == ""
    assert sweep_runs(connection, path) == []
    assert create_sweep(CONFIG, entity="team", project="digits")[1].startswith(f"{stand_in.url}/team/digits/sweeps/")
    assert not {"WANDB_ENTITY", "WANDB_PROJECT"} & set(os.environ)


def test_what_wandb_refuses_is_one_sentence(stand_in, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    mixed = {**CONFIG, "parameters": {"a": {"min": 1, "max": 8.0}}}
    with pytest.raises(PodiumError, match=r"W&B did not create the sweep \(Parameter a is ambiguous"):
        create_sweep(mixed, entity="team", project="digits")
    assert os.environ["WANDB_PROJECT"] == "mine"


def test_a_key_that_belongs_to_nobody(stand_in, monkeypatch):
    monkeypatch.setitem(__import__("stand_in_project").USER, "entity", "")
    with pytest.raises(PodiumError, match="does not know this W&B key"):
        account(Connection())


def test_a_stop_is_asked_of_the_server(stand_in, path, monkeypatch):
    assert not stopped_by_server()  # not under an agent
    run = stand_in.project("team", "digits").run("r1")
    for name, value in {"ENTITY": "team", "PROJECT": "digits", "RUN_ID": "r1", "SWEEP_ID": path.id}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    assert not stopped_by_server()
    run.stop_asked = True
    assert stopped_by_server()
    monkeypatch.setenv("WANDB_RUN_ID", "r2")
    assert not stopped_by_server()
    monkeypatch.delenv("WANDB_API_KEY")
    assert not stopped_by_server()


def test_an_agent_that_cannot_begin_says_why(stand_in, path, tmp_path):
    gone = ServerPath("team", "digits", "sweep", "nobody")
    agent = Agent(gone, count=None, cwd=tmp_path, log=tmp_path / "log", environment={})
    assert until(agent.ended)
    with pytest.raises(PodiumError, match=r"W&B's agent failed \(.*nobody.*See .*log"):
        agent.close()


def test_an_agent_is_ended_at_once(stand_in, path, tmp_path):
    agent = Agent(path, count=None, cwd=tmp_path, log=tmp_path / "log", environment={})
    assert not agent.ended()
    agent.kill()
    assert agent.ended()
    agent.kill()  # harmless now
    agent.interrupt()


@pytest.mark.slow
def test_an_agent_leaves_with_whoever_started_it(stand_in, path, tmp_path, monkeypatch):
    (tmp_path / "slow.py").write_text(PROGRAM)
    parent = (
        "import sys, time; from pathlib import Path; from podium.runs.agents import Agent, ServerPath\n"
        "here = Path(sys.argv[1])\n"
        "agent = Agent(ServerPath('team', 'digits', 'sweep', sys.argv[2]), count=None, cwd=here, log=here / 'log',\n"
        "              environment={'WANDB_DIR': str(here)})\n"
        "print(agent._process.pid, flush=True); time.sleep(120)\n"
    )
    words = [sys.executable, "-c", parent, str(tmp_path), path.id]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        pid = int(process.stdout.readline())
        assert until((tmp_path / "began").exists)
        process.send_signal(signal.SIGKILL)
    assert until((tmp_path / "told").exists)
    assert until(lambda: not agents_lives(pid))


def agents_lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_the_module_is_an_agent(stand_in, path, monkeypatch, tmp_path):
    said = {}
    monkeypatch.setattr("wandb.agent", lambda sweep, **given: said.update(given, sweep=sweep))
    monkeypatch.setattr(agents, "_end_with_parent", lambda: None)
    agents.main([f"team/digits/{path.id}", "0"])
    assert said == {"entity": "team", "project": "digits", "count": None, "sweep": path.id}
    agents.main([f"team/digits/{path.id}", "3"])
    assert said["count"] == 3
