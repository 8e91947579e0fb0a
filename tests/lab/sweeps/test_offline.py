"""No network, no account, no HOME that can be written: a sweep file and an experiment's sweep run to the end."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from podium.runs import read_runs
from podium.spec import Project

SWEEPER = Path(__file__).with_name("sweeper.py")
TRAIN = """
import os, pathlib, sys
import wandb

import socket
with socket.socket() as outside:
    outside.settimeout(5)
    if outside.connect_ex(("192.0.2.1", 80)) == 0:
        raise SystemExit("there is a network")
try:
    pathlib.Path(os.environ["HOME"], "written").write_text("x")
except OSError:
    pass
else:
    raise SystemExit("HOME can be written")
with wandb.init() as run:
    run.log({"loss": run.config.lr})
"""
GUARD = """
import socket
connect = socket.socket.connect
def loopback_alone(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(("127.", "::1")):
        raise OSError(f"no network in this test: {address}")
    return connect(self, address)
socket.socket.connect = loopback_alone
"""


SHUT = """
mount --bind "$HOME" "$HOME" && mount --bind "$HOME/project" "$HOME/project" && mount -o remount,bind,ro "$HOME" &&
exec "$@"
"""


def shut_in(environment):
    """Return words that unplug the network and make HOME read-only but for the project; None where that is refused."""
    for namespaces in ("-nm", "-rnm"):
        words = ["unshare", namespaces, "sh", "-c", SHUT, "sh"]
        if not subprocess.run([*words, "true"], check=False, capture_output=True, env=environment).returncode:
            return words
    return None


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "home" / "project"
    for folder in ("experiments", "slides"):
        (root / folder).mkdir(parents=True)
    return Project(root)


@pytest.fixture
def alone(project, tmp_path):
    """Run the sweeper without a network, in a HOME that is read-only but for the project's folder."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("WANDB", "XDG", "VIRTUAL", "COV"))
    }
    environment = {**kept, "HOME": str(tmp_path / "home")}
    words = shut_in(environment) if shutil.which("unshare") else None
    if words is None:  # the next best: a guard in Python, and a HOME that nobody can make
        (tmp_path / "sitecustomize.py").write_text(GUARD)
        (tmp_path / "file").touch()
        words = []
        environment |= {"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path / "file" / "impossible")}

    def run(what):
        workers = "1" if what == "tiny" else "2"
        return subprocess.run(
            [*words, sys.executable, SWEEPER, project.root, what, "", workers],
            env=environment,
            cwd=project.root,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.slow
def test_a_sweep_file_runs(alone, project):
    (project.root / "train.py").write_text(TRAIN)
    (project.root / "sweep.yaml").write_text(
        "program: train.py\nmethod: bayes\nrun_cap: 3\nmetric: {name: loss}\nparameters: {lr: {min: 0.1, max: 1.0}}\n"
    )
    done = alone("sweep.yaml")
    assert done.returncode == 0, done.stderr
    records = read_runs(project.runs, "sweep")
    assert [record.state for record in records] == ["finished"] * 3
    assert [record.summary["loss"] for record in records] == [record.config["lr"] for record in records]


@pytest.mark.slow
def test_an_experiments_sweep_runs(alone, project):
    done = alone("tiny")
    assert done.returncode == 0, done.stderr
    assert [record.state for record in read_runs(project.runs, "tiny")] == ["finished"] * 3
