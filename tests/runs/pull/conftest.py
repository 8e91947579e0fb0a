"""Run files from the real client, made once, and a writer of W&B's container for made-up ones."""

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from podium.spec import Project

CLIENT = """
import math, os, sys, time
import numpy, wandb

SETTINGS = wandb.Settings(console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True, save_code=False,
                          x_save_requirements=False, x_transaction_log_flush_interval=0.2)

def begin(identity, **more):
    return wandb.init(project="toy", id=identity, reinit="create_new", settings=SETTINGS, **more)

run = begin("types", name="näme \\N{DIRECT HIT}", group="group", job_type="train", notes="two\\nlines",
            tags=["b", "a"], config={
    "lr": 1e-5, "text": "1e-5", "whole": 2**70, "flag": True, "nothing": None, "list": [1, 2.5, "x", [None, {}]],
    "optimizer": {"name": "adam", "betas": {"one": 0.9}}, "a.b": "dot", "empty": {}, "inf": math.inf, "": "no name",
    "true": "true", "nested": {"": {"e.f": [False]}}, "ключ": "значение",
})
run.define_metric("score", summary="max")
run.define_metric("loss", summary="min,last")
run.define_metric("hidden", summary="none")
for step in range(4):
    run.log({"score": [1.5, 7.25, math.nan, 2.0][step], "loss": 1 / (step + 1), "hidden": step, "text": "007",
             "flag": step % 2 == 0, "big": 2**60 + step, "up": math.inf, "down": -math.inf, "list": [step, [0.5]],
             "n": {"a": step, "b": {"c": False}}, "dot.key": step, "äöü \\N{DIRECT HIT}": step, "none": None})
run.log({"only once": 1.25}, step=10)
run.log({"image": wandb.Image(numpy.zeros((4, 4, 3), dtype="uint8"), caption="c"),
         "table": wandb.Table(columns=["a"], data=[[1]]), "last": 3})
run.config.update({"late": {"k": 5}, "optimizer": {"betas": {"two": 0.99}}}, allow_val_change=True)
run.config.update({"flag": False}, allow_val_change=True)
run.summary["best"] = 3.5
run.summary["deep"] = {"u": {"v": 1, "w": 2}}
run.summary["deep"]["u"]["w"] = 3
run.summary["gone"] = 1
del run.summary["gone"]
run.finish()

run = begin("failed")
run.log({"x": 1})
run.finish(exit_code=3)

begin("nothing").finish()

long = begin("killed", config={"a": 1})
for step in range(3000):
    long.log({"x": step, "y": step / 3})
time.sleep(1.5)
print("ready", flush=True)
time.sleep(60)
"""


def _bench():
    path = Path(__file__).parents[2] / "bench" / "pull_offline.py"
    spec = importlib.util.spec_from_file_location("bench_pull_offline", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def bench():
    """The bench's module: its writer of run files is the tests' too."""
    return _bench()


@pytest.fixture(scope="session")
def client_runs(tmp_path_factory):
    """A folder with offline runs of the real client: types, failed, nothing, and one killed while it ran."""
    folder = tmp_path_factory.mktemp("client")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    environment = {**kept, "WANDB_MODE": "offline", "WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true",
                   "WANDB_DIR": str(folder), "HOME": str(folder), "WANDB_CACHE_DIR": str(folder / "cache"),
                   "WANDB_CONFIG_DIR": str(folder / "config"), "WANDB_DATA_DIR": str(folder / "data")}  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", CLIENT], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline().strip() == "ready"
    finally:
        process.kill()  # its service process sees that and ends, too
        process.wait()
        process.stdout.close()
    deadline = time.monotonic() + 60
    killed = next(folder.rglob("run-killed.wandb"))
    while killed.stat().st_size < 100_000 and time.monotonic() < deadline:
        time.sleep(0.1)
    return folder


@pytest.fixture
def project(tmp_path):
    """An empty project."""
    made = Project(tmp_path / "project")
    made.experiments.mkdir(parents=True)
    made.slides.mkdir()
    return made
