"""Record: nothing lost by a kill, damage said."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.runs import append_event, read_record, read_runs, run_folder
from podium.runs.record import FILE
from podium.spec import PodiumError, ViTConfig

START = {"experiment": "e", "variant": "v", "profile": "quick", "config": {"seed": 0}, "provenance": {"commit": "abc"}}


def write(folder, epochs=2):
    append_event(folder, "start", **START)
    append_event(folder, "model", model={"parameters": 3})
    for epoch in range(1, epochs + 1):
        append_event(folder, "epoch", metrics={"epoch": epoch, "val_accuracy": epoch / 10})


def test_a_finished_run_reads_back(tmp_path):
    folder = tmp_path / "e" / "v-s0-1"
    write(folder)
    append_event(folder, "end", state="finished", reason="", summary={"test_accuracy": 0.9}, samples={"a": 1})
    record = read_record(folder)
    assert record is not None
    assert (record.id, record.state, record.summary, record.samples) == (
        "v-s0-1",
        "finished",
        {"test_accuracy": 0.9},
        {"a": 1},
    )
    assert [row["val_accuracy"] for row in record.history] == [0.1, 0.2]
    assert read_runs(tmp_path) == read_runs(tmp_path, "e") == [record]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_is_passed_over_and_resumed(tmp_path, cut):
    write(tmp_path, epochs=3)
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-cut])
    record = read_record(tmp_path)
    assert record is not None
    assert record.state == "running"
    assert len(record.history) in (2, 3)  # cutting only the line's end leaves it whole
    append_event(tmp_path, "resume", epoch=2)
    append_event(tmp_path, "epoch", metrics={"epoch": 3, "val_accuracy": 0.5})
    again = read_record(tmp_path)
    assert again is not None
    assert [row["val_accuracy"] for row in again.history] == [0.1, 0.2, 0.5]


def test_a_resumed_run_is_running_until_it_ends_again(tmp_path):
    write(tmp_path)
    append_event(tmp_path, "end", state="interrupted", reason="Ctrl-C", summary={}, samples={})
    append_event(tmp_path, "resume", epoch=2)
    record = read_record(tmp_path)
    assert record is not None
    assert (record.state, record.reason) == ("running", "")


def test_damage_inside_is_said_with_its_line(tmp_path):
    write(tmp_path)
    lines = (tmp_path / FILE).read_text().splitlines()
    lines[1] = lines[1][:10]
    (tmp_path / FILE).write_text("\n".join(lines) + "\n")
    with pytest.raises(PodiumError, match=r"record\.jsonl, line 2, is damaged"):
        read_record(tmp_path)


def test_nothing_whole_is_no_run(tmp_path):
    assert read_record(tmp_path) is None
    (tmp_path / "e" / "r").mkdir(parents=True)
    (tmp_path / "e" / "r" / FILE).write_text('{"event": "st')
    assert read_runs(tmp_path) == []


def test_equal_configs_share_a_folder_and_hostile_names_stay_inside(tmp_path):
    config = ViTConfig(seed=4)
    folder = run_folder(tmp_path, "e", "../../{{ 7*7 }}<b>", config)
    assert folder.parent == tmp_path / "e"
    assert folder == run_folder(tmp_path, "e", "../../{{ 7*7 }}<b>", ViTConfig(seed=4))
    assert run_folder(tmp_path, "e", "///", config).name.startswith("variant-s4-")


def test_what_was_watched_stands_beside_the_metrics(tmp_path):
    write(tmp_path, epochs=1)
    append_event(tmp_path, "epoch", metrics={"epoch": 2}, watch={"predicted": ["7"]})
    append_event(tmp_path, "epoch", metrics={"epoch": 2}, watch={"predicted": ["1"]})
    assert read_record(tmp_path).watches == [{"epoch": 2, "predicted": ["1"]}]


@given(st.text(), st.floats(allow_nan=False))
def test_any_text_and_number_survive(tmp_path_factory, text, number):
    folder = tmp_path_factory.mktemp("run")
    append_event(folder, "start", **{**START, "variant": text, "config": {"x": number}})
    record = read_record(folder)
    assert record is not None
    assert (record.variant, record.config["x"]) == (text, number)


def test_what_is_not_plain_is_refused(tmp_path):
    append_event(tmp_path, "start", **{**START, "config": {"where": tmp_path}})
    with pytest.raises(TypeError, match="plain values; not object"):
        append_event(tmp_path, "epoch", metrics=object())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_sentence(tmp_path):
    (tmp_path / FILE).symlink_to("/dev/full")
    with pytest.raises(PodiumError, match="cannot be written: No space left on device"):
        append_event(tmp_path, "start", **START)


def test_a_killed_writer_leaves_whole_lines(tmp_path):
    script = (
        "import sys; from pathlib import Path; from podium.runs import append_event\n"
        "f = Path(sys.argv[1]); append_event(f, 'start', experiment='e', variant='v', profile='quick', config={},"
        " provenance={})\nprint('go', flush=True)\n"
        "for i in range(1, 10**6): append_event(f, 'epoch', metrics={'epoch': i})\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while len((tmp_path / FILE).read_bytes().splitlines()) < 20:
            pass
        process.send_signal(signal.SIGKILL)
    record = read_record(tmp_path)
    assert record is not None
    assert [row["epoch"] for row in record.history] == list(range(1, len(record.history) + 1))
    assert all(json.loads(line) for line in (tmp_path / FILE).read_bytes().split(b"\n")[:-1])


@pytest.mark.parametrize(
    ("resumed", "dirty"),
    [
        ({"commit": "abc", "dirty": False}, False),
        ({}, False),
        ({"commit": "def", "dirty": False}, True),
        ({"commit": "abc", "dirty": True}, True),
    ],
)
def test_a_run_that_two_states_of_the_code_made_is_not_clean(tmp_path, resumed, dirty):
    append_event(tmp_path, "start", **{**START, "provenance": {"commit": "abc", "dirty": False}})
    append_event(tmp_path, "resume", **resumed)
    record = read_record(tmp_path)
    assert record is not None
    assert record.provenance["dirty"] is dirty
