"""Podium's own records, alone and with W&B's files below them."""

import pytest

from podium.runs.pull.records import Unit, find_units, read_unit
from podium.runs.record import append_event
from podium.spec import PodiumError

PROVENANCE = {"commit": "3f9c", "dirty": False, "started": "2026-11-21T10:00:00+00:00", "device": "cpu"}


def write(folder, epochs=2, state="finished", **more):
    start = {"experiment": "digits", "variant": "rotary", "profile": "full", "sweep": "ab12",
             "config": {"seed": 3, "depth": 2}, "provenance": PROVENANCE}  # fmt: skip
    append_event(folder, "start", **{**start, **more})
    for epoch in range(1, epochs + 1):
        append_event(folder, "epoch", metrics={"epoch": epoch, "val_loss": 1 / epoch, "seconds": 1.5})
    if state:
        append_event(folder, "end", state=state, reason="why", summary={"test_loss": 0.5}, samples={"a": 1})
    return folder


def units_of(folder, prefix=""):
    return {unit.key: unit for unit in find_units(folder, prefix)}


def test_a_record_is_a_run(tmp_path):
    write(tmp_path / "digits" / "rotary-s3")
    (unit,) = find_units(tmp_path)
    run = read_unit(unit)
    assert (run.key, run.id, run.name, run.origin) == ("digits/rotary-s3", "rotary-s3", "rotary", "record")
    assert (run.state, run.reason, run.group, run.sweep) == ("finished", "why", "digits", "ab12")
    assert (run.created, run.updated) == ("2026-11-21T10:00:00+00:00", "2026-11-21T10:00:03+00:00")
    assert (run.commit, run.dirty, run.seconds) == ("3f9c", False, 3.0)
    assert (run.config, run.summary) == ({"seed": 3, "depth": 2}, {"test_loss": 0.5})
    assert run.history[1] == {"_step": 2, "epoch": 2, "val_loss": 0.5, "seconds": 1.5}
    assert run.extra == {"experiment": "digits", "variant": "rotary", "profile": "full", "device": "cpu"}
    assert run.version == unit.version


def test_a_running_record_and_one_without_rows(tmp_path):
    write(tmp_path / "a", epochs=0, state="")
    run = read_unit(units_of(tmp_path)["a"])
    assert (run.state, run.seconds, run.updated, len(run.history)) == ("running", None, PROVENANCE["started"], 0)
    write(tmp_path / "b", epochs=0, provenance={"started": "yesterday", "dirty": "?", "commit": 7})
    append_event(tmp_path / "b", "epoch", metrics={"epoch": 0.5, "loss": 1.0})
    append_event(tmp_path / "b", "end", state="finished", summary={"seconds": 7, "x": 1})
    run = read_unit(units_of(tmp_path)["b"])
    assert (run.created, run.updated, run.dirty, run.commit, run.seconds) == ("yesterday", "yesterday", None, "7", 7.0)
    assert run.history[0] == {"_step": 1, "epoch": 0.5, "loss": 1.0}


def test_a_record_and_its_run_file_are_one_run(tmp_path, bench):
    own = write(tmp_path / "own")
    bench.write_run(own / "wandb", 1, 5, 2)
    foreign = write(tmp_path / "foreign", epochs=0, config={"learning_rate": 0.5})
    bench.write_run(foreign / "wandb", 2, 5, 2)
    first = bench.write_run(foreign / "wandb", 1, 9, 2)  # an earlier try of the same trial
    alone = bench.write_run(tmp_path / "alone", 3, 4, 2)
    units = units_of(tmp_path)
    assert set(units) == {"own", "foreign", alone.relative_to(tmp_path).as_posix()}
    assert read_unit(units["own"]).summary == {"test_loss": 0.5}
    assert len(read_unit(units["own"]).history) == 2
    run = read_unit(units["foreign"])
    assert (run.origin, run.name, run.state, run.sweep, run.project) == (
        "record",
        "rotary",
        "finished",
        "ab12",
        "bench",
    )
    assert len(run.history) == 5
    assert (run.config["learning_rate"], run.config["name"]) == (0.5, "1e-5")
    assert run.summary["_step"] == 4
    assert run.summary["test_loss"] == 0.5
    assert (run.tags, run.extra["host"], run.extra["experiment"]) == (("bench",), "bench", "digits")
    assert run.seconds is not None
    before = units["foreign"].version
    first.write_bytes(first.read_bytes() + b"x")
    assert units["foreign"].version != before


def test_a_record_killed_before_its_first_line(tmp_path, bench):
    folder = tmp_path / "cut"
    folder.mkdir()
    (folder / "record.jsonl").write_bytes(b'{"event": "start", "exp')
    assert read_unit(units_of(tmp_path)["cut"]) is None
    bench.write_run(folder, 1, 3, 2)
    run = read_unit(units_of(tmp_path)["cut"])
    assert (run.origin, run.key, len(run.history)) == ("offline", "cut", 3)


def test_a_damaged_record_says_so(tmp_path):
    folder = write(tmp_path / "damaged")
    text = (folder / "record.jsonl").read_text().splitlines()
    (folder / "record.jsonl").write_text("\n".join([text[0], "}", *text[1:]]) + "\n")
    with pytest.raises(PodiumError, match="is damaged"):
        read_unit(units_of(tmp_path)["damaged"])


def test_what_a_folder_or_a_file_holds(tmp_path, bench):
    path = bench.write_run(tmp_path / "wandb", 1, 3, 2)
    (tmp_path / "wandb" / "latest-run").symlink_to(path.parent)
    assert find_units(path, "p/") == [Unit("p/run-bench0001", None, (path,))]
    assert [unit.key for unit in find_units(path.parent)] == ["run-bench0001.wandb"]
    assert len(find_units(tmp_path)) == 1
    assert find_units(tmp_path / "nothing") == []
    folder = write(tmp_path / "one")
    assert [unit.key for unit in find_units(folder, "x/")] == ["x/one"]
    assert units_of(tmp_path)["one"].size == (folder / "record.jsonl").stat().st_size
    gone = Unit("gone", None, (tmp_path / "gone",))
    assert (gone.size, gone.version) == (0, "")
