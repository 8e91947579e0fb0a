"""Run files: those of the real client, and such as no client should have left."""

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from podium.runs.pull.blocks import BLOCK, HEADER, Blocks
from podium.runs.pull.offline import Follower, find_run_files, follow_run_file, read_run_file
from podium.spec import PodiumError


@pytest.fixture(scope="module")
def run_of(client_runs):
    """Read one of the client's runs by its id."""

    def read(identity):
        (path,) = (path for path in find_run_files(client_runs) if path.stem == f"run-{identity}")
        return read_run_file(path, identity)

    return read


def alike(one, other):
    """Equal, NaN equal to NaN, and of the same types."""
    return repr(one) == repr(other) if isinstance(one, float) else one == other and type(one) is type(other)


def test_links_are_not_followed(client_runs):
    names = [path.name for path in find_run_files(client_runs)]
    assert sorted(names) == ["run-failed.wandb", "run-killed.wandb", "run-nothing.wandb", "run-types.wandb"]


def test_who_a_run_is(run_of):
    run = run_of("types")
    assert (run.key, run.id, run.name, run.project, run.group) == ("types", "types", "näme 🎯", "toy", "group")
    assert (run.notes, sorted(run.tags), run.origin, run.state, run.reason) == (
        "two\nlines",
        ["a", "b"],
        "offline",
        "finished",
        "",
    )
    assert run.created.endswith("+00:00")
    assert run.updated >= run.created
    assert run.seconds >= 0
    assert run.extra["job_type"] == "train"
    assert run.extra["python"] == ".".join(map(str, sys.version_info[:3]))
    assert run.extra["wandb"]


def test_every_type_of_the_config(run_of):
    config = run_of("types").config
    wanted = {
        "lr": 1e-5,
        "text": "1e-5",
        "whole": 2**70,
        "flag": False,
        "nothing": None,
        "list": [1, 2.5, "x", [None, {}]],
        "optimizer": {"name": "adam", "betas": {"one": 0.9, "two": 0.99}},  # merged, as W&B's own core does
        "a.b": "dot",
        "empty": {},
        "inf": math.inf,
        "": "no name",
        "true": "true",
        "nested": {"": {"e.f": [False]}},
        "ключ": "значение",
        "late": {"k": 5},
    }
    assert config == wanted
    assert all(alike(config[name], value) for name, value in wanted.items())


def test_every_row_of_the_history(run_of):
    rows = list(run_of("types").history)
    assert [row["_step"] for row in rows] == [0, 1, 2, 3, 10]
    assert all(row["_timestamp"] > 1.7e9 and row["_runtime"] >= 0 for row in rows)
    first = {name: value for name, value in rows[1].items() if not name.startswith("_")}
    wanted = {
        "score": 7.25,
        "loss": 0.5,
        "hidden": 1,
        "text": "007",
        "flag": False,
        "big": 2**60 + 1,
        "up": math.inf,
        "down": -math.inf,
        "list": [1, [0.5]],
        "n": {"a": 1, "b": {"c": False}},
        "dot.key": 1,
        "äöü 🎯": 1,
        "none": None,
    }
    assert first == wanted
    assert all(alike(first[name], value) for name, value in wanted.items())
    assert math.isnan(rows[2]["score"])
    assert {name for name in rows[4] if not name.startswith("_")} == {"only once", "image", "table", "last"}


def test_images_and_tables_are_references(run_of):
    row = run_of("types").history[-1]
    assert row["image"]["_type"] == "image-file"
    assert row["image"]["path"].startswith("media/images/")
    assert row["table"]["_type"] == "table-file"
    assert row["table"]["nrows"] == 1
    assert "data" not in row["table"]


def test_the_summary_is_folded(run_of):
    summary = run_of("types").summary
    assert summary["loss"] == {"last": 0.25, "min": 0.25}
    assert math.isnan(summary["score"]["max"]) or summary["score"]["max"] == 7.25
    assert "hidden" not in summary
    assert "gone" not in summary
    assert summary["best"] == 3.5
    assert summary["deep"]["u"]["w"] == 3
    assert summary["deep"]["u"]["v"] == 1
    assert summary["n"] == {"a": 3, "b": {"c": False}}
    assert summary["_step"] == 10
    assert "_wandb" not in summary


def test_how_runs_end(run_of):
    failed, nothing, killed = run_of("failed"), run_of("nothing"), run_of("killed")
    assert (failed.state, failed.reason, failed.extra["exit_code"]) == ("failed", "exit code 3", 3)
    assert (nothing.state, len(nothing.history)) == ("finished", 0)
    assert killed.state == "crashed"
    assert killed.reason == "no end was written: the program was killed, or still runs"
    assert killed.config == {"a": 1}
    assert [row["x"] for row in killed.history] == list(range(len(killed.history)))
    assert len(killed.history) > 1000
    assert killed.summary["x"] <= len(killed.history)
    assert killed.seconds is not None


def test_wandbs_own_reader_reads_the_same(client_runs, bench, tmp_path):
    made = bench.write_run(tmp_path, 0, 50, 10)
    real = next(client_runs.rglob("run-types.wandb"))
    for path in (made, real):
        run = read_run_file(path)
        lines = _inspect(path, "--json").splitlines()
        rows = [_flat(json.loads(line)) for line in lines if json.loads(line)["type"] == "history"]
        assert len(rows) == len(run.history)
        for ours, theirs in zip(run.history.flat(), rows, strict=True):
            media = {name for name in theirs if name.startswith(("image.", "table."))}
            assert {n: _told(v) for n, v in ours.items() if n not in ("image", "table")} == {
                name: value for name, value in theirs.items() if name not in media
            }
        whole = json.loads(_inspect(path, "--summary", "--json"))
        assert (whole["state"], whole["name"], whole["run_id"]) == (run.state, run.name, run.id)
        for name, value in run.config.items():
            if value != {}:  # W&B's own reader drops empty dicts
                assert whole["config"][name] == _told(value)
        assert {n: _told(v) for n, v in run.summary.items() if n != "deep"} == {
            n: v for n, v in whole["summary"].items() if n != "deep"
        }


def _inspect(path, *options):
    wandb = Path(sys.executable).with_name("wandb")
    command = [str(wandb), "leet", "inspect", *options, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def _flat(line):
    row = line["history"]["item"]
    return {name.replace("dot.key", "dot\\.key"): value for name, value in row.items()}


def _told(value):
    """Say a value as `wandb leet inspect` does, which has no NaN and no long whole numbers."""
    if isinstance(value, dict):
        return {name: _told(below) for name, below in value.items()}
    if isinstance(value, list):
        return [_told(below) for below in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


@pytest.mark.parametrize(
    "content", [b"", b":W&B", b":W&B\xe1\xbe\x00", b"no run file at all, but text", bytes(100_000)]
)
def test_files_without_a_run(tmp_path, content):
    path = tmp_path / "run-ab12.wandb"
    path.write_bytes(content)
    run = read_run_file(path)
    assert (run.id, run.name, run.state, len(run.history), run.config, run.summary) == (
        "ab12",
        "ab12",
        "crashed",
        0,
        {},
        {},
    )
    assert run.reason.startswith(
        "the file holds no run" if content[4:] and content[:1] == b":" else "the file does not"
    )
    assert run.seconds is None


def test_a_file_that_cannot_be_opened(tmp_path):
    with pytest.raises(PodiumError, match="cannot be read: No such file"):
        read_run_file(tmp_path / "run-x.wandb")
    with pytest.raises(PodiumError, match="cannot be read: Is a directory"):
        read_run_file(tmp_path)


def test_cut_at_every_byte(bench, tmp_path):
    whole = bench.write_run(tmp_path, 1, 5, 2).read_bytes()
    payloads = list(_payloads(whole))
    ends = _ends(bench, payloads)
    path = tmp_path / "run-cut.wandb"
    rows = read_run_file(tmp_path / "offline-run-20261121_100000-bench0001" / "run-bench0001.wandb").history
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        run = read_run_file(path)
        complete = sum(end <= cut for end in ends)
        assert len(run.history) == sum(b'"' and _is_history(payload) for payload in payloads[:complete])
        assert list(run.history) == rows[: len(run.history)]
        assert run.state == "crashed"


def _is_history(payload):
    from wandb.proto import wandb_internal_pb2

    return wandb_internal_pb2.Record.FromString(payload).WhichOneof("record_type") == "history"


def _payloads(data):
    import io

    return Blocks(io.BytesIO(data))


def _ends(bench, payloads):
    """Where each payload ends: the length of the file that holds it and those before."""
    ends = []
    at = HEADER.size
    for payload in payloads:
        left = len(payload)
        while True:
            room = BLOCK - at % BLOCK
            if room < 7:
                at += room
                room = BLOCK
            part = min(left, room - 7)
            at, left = at + 7 + part, left - part
            if not left:
                break
        ends.append(at)
    return ends


def test_a_flipped_byte_costs_its_block_at_most(bench, tmp_path):
    whole = bench.write_run(tmp_path, 2, 170, 6).read_bytes()
    assert len(whole) > 3 * BLOCK
    payloads = list(_payloads(whole))
    ends = _ends(bench, payloads)
    path = tmp_path / "run-flipped.wandb"
    for place in [*range(40), *range(40, len(whole), 997)]:
        data = bytearray(whole)
        data[place] ^= 0x5A
        path.write_bytes(data)
        found = list(_payloads(bytes(data)))
        before = sum(end <= place for end in ends)
        assert found[:before] == payloads[:before]
        kept = set(found)
        next_block = (place // BLOCK + 1) * BLOCK
        assert all(payload in kept for payload, start in zip(payloads, [7, *ends], strict=False) if start >= next_block)
        run = read_run_file(path)
        assert place < HEADER.size or run.extra.get("damaged", 0) >= 1 or len(found) < len(payloads)


def test_records_across_blocks(bench, tmp_path):
    payloads = [bytes([index]) * size for index, size in enumerate([32753, 32754, 32755, 1, 100_000, 0, 32760, 65521])]
    for lead in range(9):
        path = tmp_path / "log"
        bench.write_log(path, [b"x" * (32740 + lead), *payloads])
        assert list(_payloads(path.read_bytes()))[1:] == payloads
        with path.open("rb") as file:
            blocks = Blocks(file)
            list(blocks)
        assert (blocks.torn, blocks.damaged, blocks.position) == (False, 0, path.stat().st_size)


def test_unknown_and_broken_records_say_nothing(bench, tmp_path):
    payloads = bench.run_payloads(3, 5, 2)
    path = tmp_path / "run-odd.wandb"
    bench.write_log(path, [b"\xff\xff\xff", *payloads[:8], b"", b"\x0a", *payloads[8:]])
    run = read_run_file(path)
    assert (run.state, len(run.history), run.id) == ("finished", 5, "bench0003")
    assert len(Follower(path).rows()) == 5


def test_no_json_is_kept_as_text_and_no_summary_is_the_last_values(bench, tmp_path):
    from wandb.proto import wandb_internal_pb2 as pb

    row = [pb.HistoryItem(key="a", value_json="1,2"), pb.HistoryItem(key="b", value_json="nan"),
           pb.HistoryItem(nested_key=["c", "d"], value_json="[1"), pb.HistoryItem(value_json="5")]  # fmt: skip
    records = [
        pb.Record(run=pb.RunRecord(run_id="x", start_time={"seconds": 2**40})),
        pb.Record(history=pb.HistoryRecord(item=row, step={"num": 3})),
        pb.Record(history=pb.HistoryRecord(item=[pb.HistoryItem(key="e", value_json="0.5")], step={"num": 4})),
        pb.Record(output_raw=pb.OutputRawRecord(output_type=0, line="Traceback\nValueError: no\n")),
        pb.Record(output_raw=pb.OutputRawRecord(output_type=1, line="said")),
        pb.Record(files=pb.FilesRecord(files=[pb.FilesItem(path="diff.patch")])),
        pb.Record(environment=pb.EnvironmentRecord(git={"commit": "abc"}, args=["--x"])),
        pb.Record(config=pb.ConfigRecord(update=[pb.ConfigItem(nested_key=["p", "q"], value_json="1"),
                                                 pb.ConfigItem(key="r", value_json="2"),
                                                 pb.ConfigItem(key="_wandb", value_json='{"cli_version": "0.1"}')])),
        pb.Record(config=pb.ConfigRecord(update=[pb.ConfigItem(key="p", value_json="{}")],
                                         remove=[pb.ConfigItem(key="r"), pb.ConfigItem(nested_key=["z", "z"])])),
        pb.Record(exit=pb.RunExitRecord(exit_code=1, runtime=4)),
    ]  # fmt: skip
    path = tmp_path / "run-x.wandb"
    bench.write_log(path, [record.SerializeToString() for record in records])
    run = read_run_file(path)
    assert run.history[0] == {"_step": 3, "a": "1,2", "b": "nan", "c": {"d": "[1"}, "": 5}
    assert run.summary == {"a": "1,2", "b": "nan", "c": {"d": "[1"}, "": 5, "e": 0.5, "_step": 4}
    assert (run.state, run.reason) == ("failed", "exit code 1: ValueError: no")
    assert (run.commit, run.dirty, run.created, run.seconds) == ("abc", True, "", 4.0)
    assert run.config == {"p": {"q": 1}}
    assert (run.extra["arguments"], run.extra["wandb"]) == (["--x"], "0.1")


@pytest.mark.parametrize("version", ["0.12.21", "0.13.11", "0.16.6", "0.19.11"])
def test_files_of_older_clients(version, tmp_path):
    path = Path(__file__).parent / "written_by" / version / "run-old.wandb"
    run = read_run_file(path)
    assert (run.id, run.name, run.group, run.tags, run.notes) == ("old", "näme", "g", ("a",), "two\nlines")
    assert (run.state, run.extra["wandb"], run.extra["host"]) == ("finished", version, "host")
    assert run.config == {
        "lr": 1e-5,
        "text": "1e-5",
        "nested": {"a": {"b": [1, None, True]}},
        "a.b": 1,
        "flag": False,
        "more": {"x": 1},
    }
    assert [row["_step"] for row in run.history] == [0, 1, 2, 3, 4, 9]
    assert [row.get("loss") for row in run.history] == [1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6, None]
    assert run.history[1]["n"] == {"a": 1}
    assert math.isnan(run.history[2]["score"])
    assert (run.history[0]["up"], run.history[0]["text"]) == (math.inf, "007")
    assert (run.summary["best"], run.summary["loss"], run.summary["late"]) == (3.5, 1 / 6, 1)
    assert "gone" not in run.summary
    cut = tmp_path / "run-old.wandb"
    cut.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.62)])
    run = read_run_file(cut)
    assert run.state == "crashed"
    score = run.summary["score"]["max"]
    assert score == 7.25 or (version == "0.19.11" and math.isnan(score))  # wandb-core lets NaN win, and wrote that
    assert run.summary["loss"] in (1 / 6, 1 / 5, 1 / 4)


def test_what_define_metric_asked_for_stands_at_the_end(bench, tmp_path):
    from wandb.proto import wandb_internal_pb2 as pb

    def row(**values):
        return pb.Record(history=pb.HistoryRecord(
            item=[pb.HistoryItem(key=name, value_json=json.dumps(value)) for name, value in values.items()]
        ))  # fmt: skip

    records = [
        pb.Record(metric=pb.MetricRecord(name="a\\.b", summary={"min": True, "mean": True, "first": True})),
        pb.Record(metric=pb.MetricRecord(name="hidden", summary={"none": True})),
        pb.Record(metric=pb.MetricRecord(name="never", summary={"max": True})),
        pb.Record(metric=pb.MetricRecord(name="plain")),
        row(**{"a.b": 1, "hidden": 2, "plain": True}),
        row(**{"a.b": math.nan}),
        row(**{"a.b": 0.5}),
    ]
    path = tmp_path / "run-x.wandb"
    bench.write_log(path, [record.SerializeToString() for record in records])
    assert read_run_file(path).summary == {"a.b": {"min": 0.5, "mean": 0.75, "first": 1.0}, "plain": True, "_step": 0}


def test_ctrl_c_and_times_beyond_the_calendar(bench, tmp_path):
    from wandb.proto import wandb_internal_pb2 as pb

    records = [
        pb.Record(run=pb.RunRecord(run_id="x", start_time={"seconds": 253_402_300_000}, runtime=1)),
        pb.Record(history=pb.HistoryRecord(item=[pb.HistoryItem(key="_timestamp", value_json="NaN"),
                                                 pb.HistoryItem(key="_runtime", value_json="1e12")])),
        pb.Record(exit=pb.RunExitRecord(exit_code=255)),
    ]  # fmt: skip
    path = tmp_path / "run-x.wandb"
    bench.write_log(path, [record.SerializeToString() for record in records])
    run = read_run_file(path)
    assert (run.state, run.reason) == ("interrupted", "interrupted by hand (exit code 255)")
    assert run.created.startswith("9999")
    assert run.updated == run.created


def test_a_growing_file_is_followed(bench, tmp_path):
    path = tmp_path / "run-x.wandb"
    follower = follow_run_file(path)
    assert follower.rows() == []
    whole = bench.write_run(tmp_path, 4, 200, 6).read_bytes()
    rows = []
    for end in range(0, len(whole) + 5000, 5000):
        path.write_bytes(whole[:end])
        rows += follower.rows()
    assert [row["_step"] for row in rows] == list(range(200))
    assert follower.rows() == []
    path.write_bytes(whole[:20_000])  # another run took its place
    assert follower.rows()[0]["_step"] == 0


def test_without_the_wandb_package(tmp_path, monkeypatch):
    (tmp_path / "run-x.wandb").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "wandb.proto", None)
    with pytest.raises(PodiumError, match="read with the wandb package: install it"):
        read_run_file(tmp_path / "run-x.wandb")


def test_a_vanished_file_has_no_version(tmp_path):
    from podium.runs.pull.offline import file_version

    assert file_version(tmp_path / "gone") == ""
    shutil.copy(__file__, tmp_path / "there")
    assert file_version(tmp_path / "there")
