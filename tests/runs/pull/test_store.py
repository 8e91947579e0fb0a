"""The store: whole or absent at every moment, for any number of writers."""

import os
import signal
import subprocess
import sys
import threading
import time

import pyarrow.parquet as pq
import pytest

from podium.runs.pull.pulled import PulledRun
from podium.runs.pull.store import STALE, Store, pulled_folder, pulled_names
from podium.spec import PodiumError, Project


def made(key="a/b", rows=3, **more):
    history = [{"_step": step, "loss": 1 / (step + 1), "n": {"ok": True}} for step in range(rows)]
    told = {"id": "b", "name": "näme\n\ud83d\ude00", "origin": "offline", "state": "finished", "version": "1"}
    return PulledRun(key=key, history=history, **{**told, **more})


def test_a_run_comes_back_whole(tmp_path):
    store = Store(tmp_path / "pulled")
    assert store.versions() == {}
    assert list(store.documents()) == []
    run = made(config={"a.b": {"": [None, 2**80]}}, tags=("x", "y"), seconds=1.5, dirty=False, extra={"host": "h"})
    store.write(run)
    assert store.read("a/b") == run
    assert store.versions() == {"a/b": "1"}
    store.write(made(version="2", rows=0))
    assert store.versions() == {"a/b": "2"}
    assert len(store.read("a/b").history) == 0
    (path,) = (tmp_path / "pulled").iterdir()
    assert path.stat().st_mode & 0o777 == 0o644


def test_documents_are_ordered_by_key(tmp_path):
    store = Store(tmp_path)
    for key in ("b", "a", "c/\udc80"):
        store.write(made(key))
    assert [run["key"] for run, _ in store.documents()] == ["a", "b", "c/\udc80"]
    assert store.keep_only(["b"]) == 2
    assert store.keep_only(["b"]) == 0
    assert list(store.versions()) == ["b"]
    with pytest.raises(PodiumError, match="holds no run 'a' that can be read"):
        store.read("a")


def test_damaged_and_foreign_files_count_as_absent(tmp_path):
    store = Store(tmp_path)
    store.write(made("whole"))
    store.write(made("cut"))
    store.write(made("old"))
    by_key = {run["key"]: path for run, path in store.documents()}
    data = by_key["cut"].read_bytes()
    for size in (0, 3, len(data) // 2, len(data) - 1):
        by_key["cut"].write_bytes(data[:size])
        assert set(store.versions()) == {"whole", "old"}
    with pytest.raises(PodiumError, match="holds no run 'cut'"):
        store.read("cut")
    assert [run["key"] for run, _ in store.tables()] == ["old", "whole"]
    pq.write_table(pq.read_table(by_key["old"]).replace_schema_metadata({"podium.format": "0"}), by_key["old"])
    assert set(store.versions()) == {"whole"}
    store.write(made("cut"))
    assert set(store.versions()) == {"whole", "cut"}


def test_leftovers_of_killed_pulls_go_when_they_are_old(tmp_path):
    store = Store(tmp_path)
    store.write(made())
    fresh, old = tmp_path / ".tmpfresh.parquet", tmp_path / ".tmpold.parquet"
    for path in (fresh, old):
        path.write_bytes(b"half")
    past = time.time() - STALE - 10
    os.utime(old, (past, past))
    store.keep_only(["a/b"])
    assert fresh.exists()
    assert not old.exists()
    assert list(store.versions()) == ["a/b"]


def test_no_room(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    store = Store(tmp_path)
    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(PodiumError, match=r"cannot be written: No space left on device\. Make room, then pull again"):
        store.write(made())
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PodiumError, match="cannot be written: Not a directory"):
        Store(tmp_path / "file" / "below").write(made())


def test_many_threads_write_one_run_and_readers_see_whole_ones(tmp_path):
    store = Store(tmp_path)
    store.write(made(version="-1", rows=1))
    done = threading.Event()
    seen = []

    def read():
        while not done.is_set():
            run = store.read("a/b")
            seen.append(len(run.history) == (int(run.version) % 7) + 20 or run.version == "-1")

    def write(start):
        for at in range(start, start + 15):
            store.write(made(version=str(at), rows=at % 7 + 20))

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(start,)) for start in (0, 100, 200)]
    reader.start()
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert seen
    assert all(seen)


WRITER = """
import sys
from pathlib import Path
from podium.runs.pull import PulledRun, Store
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
at = 0
while True:
    at += 1
    history = [{"_step": step, "x": at} for step in range(500)]
    store.write(PulledRun(key=f"run {at % 5}", id="x", name="x", origin="offline", state="finished", version=str(at),
                          history=history))
"""


def test_killed_at_any_moment_the_store_reads(tmp_path):
    for wait in (0.0, 0.01, 0.05, 0.1, 0.15):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        store = Store(tmp_path)
        for key, version in store.versions().items():
            run = store.read(key)
            assert [row["x"] for row in run.history] == [int(version)] * 500


def test_names_of_what_was_pulled(tmp_path):
    project = Project(tmp_path)
    assert pulled_names(project) == []
    Store(pulled_folder(project, "b")).write(made())
    Store(pulled_folder(project, "a")).write(made())
    (project.build / "pulled" / "empty").mkdir()
    assert pulled_names(project) == ["a", "b"]
