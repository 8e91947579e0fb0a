"""Pulling local sources: incrementally, at the same time, and killed."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from podium.runs.pull import Store, pull_source, pulled_folder, pulled_names, source
from podium.runs.record import append_event
from podium.spec import PodiumError


@pytest.fixture
def runs(tmp_path, bench):
    """A folder with three offline runs and one record."""
    folder = tmp_path / "elsewhere"
    for index in range(3):
        bench.write_run(folder / "wandb", index, 5, 2)
    record(folder / "records" / "one")
    return folder


def record(folder, **metrics):
    append_event(folder, "start", experiment="digits", variant="v", profile="full", config={"seed": 0}, provenance={})
    append_event(folder, "epoch", metrics={"epoch": 1, **metrics})
    append_event(folder, "end", state="finished", summary={"x": 1})


def test_only_what_changed_is_read_again(project, runs, bench, monkeypatch):
    pulled = pull_source(project, (str(runs),))
    assert str(pulled) == "elsewhere: 4 runs (4 new)"
    assert (pulled.name, pulled.folder, pulled.runs) == ("elsewhere", project.build / "pulled" / "elsewhere", 4)
    assert pulled_names(project) == ["elsewhere"]
    before = {path: path.stat().st_mtime_ns for path in pulled.folder.iterdir() if path.suffix == ".parquet"}
    real, read = source.read_unit, []
    monkeypatch.setattr(source, "read_unit", lambda unit: (read.append(unit.key), real(unit))[1])
    assert str(pull_source(project, (str(runs),))) == "elsewhere: 4 runs (4 unchanged)"
    assert read == []
    assert all(path.stat().st_mtime_ns == moment for path, moment in before.items())
    changed = bench.write_run(runs / "wandb", 0, 6, 2)
    bench.write_run(runs / "wandb", 7, 2, 2)
    shutil.rmtree(runs / "wandb" / "offline-run-20261121_100000-bench0002")
    said = str(pull_source(project, (str(runs),)))
    assert said == "elsewhere: 4 runs (1 new, 1 changed, 2 unchanged, 1 removed)"
    assert len(read) == 2
    key = changed.relative_to(runs).as_posix()
    assert len(Store(pulled.folder).read(key).history) == 6


def test_tags_choose_and_a_run_that_lost_its_tag_goes(project, runs, bench):
    assert str(pull_source(project, (str(runs),), tags=("bench",))) == "elsewhere: 3 runs (3 new)"
    assert str(pull_source(project, (str(runs),), tags=("bench",))) == "elsewhere: 3 runs (3 unchanged)"
    bench.write_run(runs / "wandb", 0, 6, 2)
    said = str(pull_source(project, (str(runs),), tags=("bench", "other")))
    assert said == "elsewhere: 0 runs (3 removed)"
    assert str(pull_source(project, (str(runs),))) == "elsewhere: 4 runs (4 new)"


def test_several_sources_one_file_and_names(project, runs, tmp_path):
    (path,) = runs.rglob("run-bench0001.wandb")
    assert str(pull_source(project, (str(path),))) == "run-bench0001: 1 run (1 new)"
    other = tmp_path / "näher dran"
    record(other / "a")
    pulled = pull_source(project, (str(runs), f"{other}/", str(runs)), name="both")
    assert pulled.runs == 5
    assert f"{other}/a" in Store(pulled.folder).versions()
    assert pull_source(project, (str(other), str(runs))).name == "n-her-dran-and-1-more"
    with pytest.raises(PodiumError, match=r"both was pulled from .*Give this pull another --name, or delete"):
        pull_source(project, (str(runs),), name="both")
    with pytest.raises(PodiumError, match="--name is a folder's name"):
        pull_source(project, (str(runs),), name="../x")
    (pulled.folder / "source.json").write_text("{")
    assert str(pull_source(project, (str(runs), str(other)), name="both")).endswith("(5 unchanged)")


@pytest.mark.parametrize(
    ("sources", "filters", "said"),
    [
        ((), "", "Name what to pull"),
        (("no such folder",), "", "neither a folder here nor a path at W&B"),
        (("{runs}",), '{"state": "finished"}', "--filters are asked of W&B's server; .* is read here. Use --tag"),
        (("{runs}",), "{", "--filters must be JSON"),
        (("{runs}",), "[1]", "--filters must be a JSON object"),
        (("{runs}/records/one/..",), "", None),
        (("{empty}",), "", "holds no run: neither a record.jsonl nor a run-ID.wandb"),
    ],
)
def test_what_is_no_source(project, runs, tmp_path, sources, filters, said):
    (tmp_path / "empty").mkdir()
    named = tuple(text.format(runs=runs, empty=tmp_path / "empty") for text in sources)
    if said is None:
        assert pull_source(project, named, filters=filters).name == "records"
        return
    with pytest.raises(PodiumError, match=said):
        pull_source(project, named, filters=filters)
    assert pulled_names(project) == []


def test_a_damaged_record_and_an_unfinished_one_stop_nobody(project, runs):
    (runs / "records" / "one" / "record.jsonl").write_text('{"event": "start"}\n}\n{"event": "end"}\n')
    (runs / "records" / "two").mkdir()
    (runs / "records" / "two" / "record.jsonl").write_text('{"ev')
    lines = str(pull_source(project, (str(runs),))).splitlines()
    assert lines[0] == "elsewhere: 3 runs (3 new)"
    assert len(lines) == 2
    assert lines[1].startswith("not read: ")
    assert "line 2, is damaged" in lines[1]


def test_much_is_read_by_processes(project, runs, monkeypatch):
    monkeypatch.setattr(source, "MANY", 0)
    monkeypatch.setattr(source, "_cores", lambda: 2)
    assert str(pull_source(project, (str(runs),))) == "elsewhere: 4 runs (4 new)"
    assert len(Store(pulled_folder(project, "elsewhere")).versions()) == 4


def test_cores_are_counted_where_the_system_cannot_say_which(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert source._cores() == (os.cpu_count() or 1)


def test_no_room_for_the_claim(project, runs, monkeypatch):
    pull_source(project, (str(runs),))
    (pulled_folder(project, "elsewhere") / "source.json").unlink()
    (pulled_folder(project, "elsewhere") / "source.json").mkdir()
    with pytest.raises(PodiumError, match=r"source\.json cannot be written: Is a directory"):
        pull_source(project, (str(runs),))


def test_two_pulls_at_once(project, runs, bench):
    for index in range(10, 40):
        bench.write_run(runs / "wandb", index, 3, 2)
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(pull_source(project, (str(runs),)).runs)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [34, 34, 34]
    assert str(pull_source(project, (str(runs),))) == "elsewhere: 34 runs (34 unchanged)"


def test_wandb_and_a_folder_in_one_pull(project, runs, stand_in):
    stand_in.seed(3, 4, 2, path="team/bench")
    said = io.StringIO()
    console = Console(file=said)
    stand_in.fail(429, "PodiumRuns", Retry_After="2")
    pulled = pull_source(project, ("team/bench", str(runs)), name="both", console=console)
    assert str(pulled) == "both: 7 runs (7 new)"
    assert "W&B asks to wait 2 s (HTTP 429)." in said.getvalue()
    assert pull_source(project, ("team/bench",), filters='{"state": "finished"}').name == "team-bench"
    told = str(pull_source(project, (str(runs), "team/bench"), name="both", console=console))
    assert told == "both: 7 runs (7 unchanged)"
    with pytest.raises(PodiumError, match="both was pulled from"):
        pull_source(project, ("team/bench",), name="both")


def test_a_mistyped_folder_says_that_wandb_was_asked(project, stand_in, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    with pytest.raises(PodiumError, match=r"\(There is no folder runs/foo here, so W&B was asked\.\)"):
        pull_source(project, ("runs/foo",))
    with pytest.raises(PodiumError) as refused:
        pull_source(project, ("nobody/foo",))
    assert "no folder" not in str(refused.value)
    assert pulled_names(project) == []


PULL = """
import sys
from pathlib import Path
from podium.runs.pull import pull_source, source
from podium.spec import Project

if __name__ == "__main__":
    source.MANY, source._cores = int(sys.argv[3]), lambda: 2
    print("ready", flush=True)
    print(pull_source(Project(Path(sys.argv[1])), (sys.argv[2],)), flush=True)
"""


def children_of(process):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")
@pytest.mark.parametrize("many", [10**9, 0])
def test_a_killed_pull_goes_on(project, tmp_path, bench, many):
    runs = tmp_path / "elsewhere"
    first = bench.write_run(runs, 0, 60, 5)
    for index in range(1, 60):
        identity = f"bench{index:04d}"
        (runs / f"offline-run-{identity}").mkdir()
        shutil.copy(first, runs / f"offline-run-{identity}" / f"run-{identity}.wandb")
    script = tmp_path / "pull.py"
    script.write_text(PULL)
    command = [sys.executable, str(script), str(project.root), str(runs), str(many)]
    store = Store(pulled_folder(project, "elsewhere"))
    for wanted in (1, 25) if many else (25,):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        deadline = time.monotonic() + 100
        while len(list(store.folder.glob("[!.]*.parquet"))) < wanted and time.monotonic() < deadline:
            time.sleep(0.002)
        children = children_of(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        versions = store.versions()
        assert len(versions) >= wanted
        for key in versions:
            assert len(store.read(key).history) == 60
        while any(map(alive, children)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not any(map(alive, children))
    there = len(store.versions())
    said = str(pull_source(project, (str(runs),)))
    rest = f"{60 - there} new, " if there < 60 else ""
    assert said == f"elsewhere: 60 runs ({rest}{there} unchanged)"
    assert json.loads((store.folder / "source.json").read_text()) == {"sources": [str(runs.resolve())]}
