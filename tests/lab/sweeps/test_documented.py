"""Every sweep file that W&B documents runs offline to its end, on a toy program in its program's place."""

import json
from pathlib import Path

import pytest
import yaml

from podium.lab.sweeps import find_target, run_sweep
from podium.lab.sweeps.search import trial_count
from podium.runs.pull.offline import find_run_files, read_run_file

FOLDER = Path(__file__).with_name("documented")
# Those under launch/ name a job on W&B's servers in a program's place: test_configuration.py says what becomes of them.
FILES = sorted(FOLDER.glob("*.yaml"))
TO_THE_END = ("layers", "custom-command", "nested-twice")  # 5 points, 1 and 1
TWICE = ("keras-bayes-hyperband", "nested")  # two trials; the others have one, for each starts a program and wandb
VALUES = (3.0, 2.0, 1.0)
TOY = """
import json, os, sys
import wandb

quiet = wandb.Settings(console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True, save_code=False)
with wandb.init(settings=quiet) as run:
    for value in {values}:
        run.log({{{metric!r}: value}})
    seen = {{"words": sys.argv[1:], "config": dict(run.config), "sweep": run.sweep_id}}
with open({seen!r}, "a") as file:
    print(json.dumps(seen), file=file)
"""


def prepared(path, tmp_path):
    """Put a documented file and its toy program into a folder; return the target and what the toy writes."""
    config = yaml.safe_load(path.read_text())
    metric = config.get("metric", {}).get("name", "loss")
    seen = tmp_path / "seen.jsonl"
    (tmp_path / config["program"]).write_text(TOY.format(values=VALUES, metric=metric, seen=str(seen)))
    cap = "" if path.stem in TO_THE_END else f"run_cap: {2 if path.stem in TWICE else 1}\n"
    (tmp_path / path.name).write_text(f"{path.read_text().rstrip()}\n{cap}")
    return tmp_path / path.name, metric, seen


def flags(name, config):
    """Return the words that the documentation promises the program, where its file does not name them one by one."""
    pairs = [f"{key}={value}" for key, value in config.items()]
    if name in {"hydra", "hydra-minimal"}:
        return pairs
    options = [f"--{pair}" for pair in pairs]
    return ["-b", "your-training-config", *options] if name == "custom-command" else options


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_runs_offline_to_its_end(path, project, console, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens there
    file, metric, seen = prepared(path, tmp_path)
    target = find_target(project, str(file))
    records = run_sweep(project, target, "full", console=console)
    assert [record.state for record in records] == ["finished"] * trial_count(target), console.file.getvalue()
    rows = [json.loads(line) for line in seen.read_text().splitlines()]
    assert len(rows) == len(records)
    for record, row in zip(records, rows, strict=True):
        assert record.config == row["config"]
        assert row["sweep"] == record.sweep
        assert record.summary[metric] == VALUES[-1]
        (run_file,) = find_run_files(record.folder)
        assert [logged[metric] for logged in read_run_file(run_file).history] == list(VALUES)
        if path.stem != "macros":  # its ${batch_size} names no parameter of it and stays as it stands
            assert sorted(row["words"]) == sorted(flags(path.stem, row["config"]))
    points = {json.dumps(row["config"], sort_keys=True) for row in rows}
    assert len(points) == len(rows)


def test_every_documented_file_is_here():
    assert len(FILES) == 26
    assert {path.parent for path in FOLDER.rglob("*.yaml")} == {FOLDER, FOLDER / "launch"}
