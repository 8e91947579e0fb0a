"""Pulling from W&B's server: complete, incremental, within its limits; the server is the stand-in."""

import json
import math
import os
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest

import stand_in_project
import stand_in_server
from podium.runs.pull import connection as doors
from podium.runs.pull import listing, server
from podium.runs.pull.connection import Connection
from podium.runs.pull.server import ServerPath, pull_server, server_path
from podium.runs.pull.store import Store
from podium.runs.tracking import open_tracker
from podium.spec import PodiumError
from stand_in_graphql import FieldError, Raw

PROJECT = ServerPath("team", "digits")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def quick(monkeypatch):
    """Give up soon: a test has no five minutes."""
    monkeypatch.setattr(doors, "PATIENCE", 1.0)
    monkeypatch.setattr(doors, "FIRST_PATIENCE", 0.5)
    monkeypatch.setattr(doors, "ALONE_PATIENCE", 0.3)
    monkeypatch.setattr(listing, "PAGE_PATIENCE", 0.3)


def fill(stand_in, name, rows, *, project="digits", **fields):
    """Put a finished run on the server, as if its file stream had brought it."""
    run = stand_in.project("team", project).run(name)
    run.add([json.dumps(row) for row in rows])
    run.config = json.dumps({key: {"value": value} for key, value in fields.pop("config", {}).items()})
    run.summary = json.dumps(fields.pop("summary", dict(rows[-1]) if rows else {}))
    run.sweep = fields.pop("sweep", "")
    run.fields.update(fields)
    run.settle(0)
    return run


def losses(count, *, every=1, offset=0):
    return [{"_step": offset + i * every, "loss": 1 / (i + 1), "_runtime": 0.5 * i} for i in range(count)]


def kept(store, name="a"):
    return store.read(f"team/digits/{name}")


def test_a_run_that_podium_tracked_online_arrives_whole(stand_in, store, tmp_path):
    config = {"dim": 64, "rate": 0.1, "position": "rotary", "deep": {"x": [1, {"y": None}]}, "ü": "1e5"}
    with open_tracker(
        "online",
        tmp_path / "run",
        name="Ü run",
        config=config,
        group="positions",
        tags=("one", "two"),
        project="digits",
    ) as tracker:
        for epoch in range(1, 4):
            tracker.log(
                {"epoch": epoch, "val_accuracy": 0.25 * epoch, "worst": math.inf if epoch == 2 else -0.5}, epoch
            )
        tracker.finish({"test_accuracy": 0.75, "name": "NaN-like"})
        assert tracker.link.startswith(f"{stand_in.url}/team/digits/runs/")
    counts = pull_server(store, [PROJECT])
    assert (counts.new, counts.changed, counts.unchanged) == (1, 0, 0)
    run = store.read(counts.keys[0])
    assert run.config == config
    assert (run.name, run.state, run.group, run.tags, run.project) == (
        "Ü run",
        "finished",
        "positions",
        ("one", "two"),
        "digits",
    )
    assert run.created.endswith("+00:00")
    assert run.origin == "server"
    rows = [{name: row[name] for name in ("_step", "epoch", "val_accuracy", "worst")} for row in run.history]
    assert rows == [
        {"_step": 1, "epoch": 1, "val_accuracy": 0.25, "worst": -0.5},
        {"_step": 2, "epoch": 2, "val_accuracy": 0.5, "worst": math.inf},
        {"_step": 3, "epoch": 3, "val_accuracy": 0.75, "worst": -0.5},
    ]
    assert run.summary["worst"] == -0.5
    assert run.summary["test_accuracy"] == 0.75
    assert run.summary["name"] == "NaN-like"
    import wandb

    theirs = list(wandb.Api().run("team/digits/" + run.id).scan_history())
    assert [row["val_accuracy"] for row in theirs] == [row["val_accuracy"] for row in run.history]
    wandb.teardown()


def test_every_type_survives(stand_in, store):
    odd = {
        "_step": 0,
        "text": "1e-5",
        "list": [1, 2.0, "NaN", None],
        "yes": True,
        "none": None,
        "whole": 2**60 + 1,
        "float": 1.0,
        "nan": math.nan,
        "low": -math.inf,
        "deep": {"a.b": {"c": "ünïcode {{ 7*7 }}"}},
        "image": {"_type": "image-file", "path": "media/images/x.png", "width": 3},
    }
    fill(stand_in, "a", [odd, {"_step": 1, "other": 2}], config={"n": "007", "b": False}, summary={"best": math.inf})
    pull_server(store, [PROJECT])
    first, second = kept(store).history
    assert second == {"_step": 1, "other": 2}
    assert math.isnan(first.pop("nan"))
    assert math.isnan(first["list"].pop(2))
    odd["list"].pop(2)
    del odd["nan"]
    assert first == odd
    assert {name: type(value) for name, value in first.items()} == {name: type(value) for name, value in odd.items()}
    assert kept(store).config == {"n": "007", "b": False}
    assert kept(store).summary == {"best": math.inf}


def test_many_runs_take_few_requests_and_none_the_second_time(stand_in, store):
    for number in range(40):
        fill(stand_in, f"r{number}", losses(100))
    seen = []
    counts = pull_server(store, [PROJECT], progress=lambda done, total: seen.append((done, total)))
    assert (counts.new, len(counts.keys)) == (40, 40)
    assert stand_in.counts == {"PodiumRuns": 1, "PodiumHistories": 2}
    assert (seen[0], seen[-1]) == ((0, 40), (40, 40))
    stand_in.reset()
    fill(stand_in, "r7", [{"_step": 100, "loss": 0.0}])
    stand_in.project("team", "digits").runs["r8"].fields["tags"] = ["good"]
    counts = pull_server(store, [PROJECT])
    assert (counts.new, counts.changed, counts.unchanged) == (0, 2, 38)
    assert stand_in.counts == {"PodiumRuns": 1, "PodiumHistories": 1}
    assert len(kept(store, "r7").history) == 101
    assert kept(store, "r8").tags == ("good",)
    stand_in.reset()
    assert pull_server(store, [PROJECT]).unchanged == 40
    assert stand_in.counts == {"PodiumRuns": 1}


def test_only_what_a_run_said_since_is_asked_for(stand_in, store):
    run = fill(stand_in, "a", losses(2500))
    run.state = "running"
    pull_server(store, [PROJECT])
    run.add([json.dumps(row) for row in losses(20, offset=2500)])
    sent = []
    window = run.window
    run.window = lambda low, high, samples: sent.append((low, high)) or window(low, high, samples)
    assert pull_server(store, [PROJECT]).changed == 1
    assert sent == [(2500, 2520)]
    assert [row["_step"] for row in kept(store).history] == list(range(2520))
    assert kept(store).history[2500]["loss"] == 1.0
    run.fields["notes"] = "good"
    stand_in.reset()
    assert pull_server(store, [PROJECT]).changed == 1
    assert stand_in.counts == {"PodiumRuns": 1}
    assert (kept(store).notes, len(kept(store).history)) == ("good", 2520)
    run.steps[:] = [step + 1 for step in run.steps]  # rewound and logged anew: nothing adds up
    run.steps.append(99_999)
    run.lines.append('{"_step": 99999}')
    run.encoded.append(b'"{\\"_step\\": 99999, \\"loss\\": 7}"')
    del run.steps[5], run.encoded[5]
    run.pages.clear()
    pull_server(store, [PROJECT])
    assert len(kept(store).history) == 2520
    assert kept(store).history[-1] == {"_step": 99_999, "loss": 7}
    next(store.folder.glob("*.parquet")).write_bytes(b"torn")
    assert pull_server(store, [PROJECT]).new == 1
    assert len(kept(store).history) == 2520


@pytest.mark.parametrize(
    ("every", "cap"),
    [(1, 10**9), (7, 10**9), (1000, 10**9), (10**12, 10**9), (2, 600), (7, 300), (1000, 300), (10**12, 300)],
)
def test_long_and_sparse_histories_are_never_sampled(stand_in, store, every, cap):
    fill(stand_in, "a", losses(2500, every=every, offset=5))
    fill(stand_in, "empty", [])
    stand_in.sample_cap = cap
    pull_server(store, [PROJECT])
    assert [row["_step"] for row in kept(store).history] == [5 + i * every for i in range(2500)]
    assert len(kept(store, "empty").history) == 0


def test_several_rows_a_step_are_all_there(stand_in, store):
    rows = [{"_step": step, "writer": writer, "loss": step / 7} for step in range(700) for writer in range(3)]
    fill(stand_in, "a", rows)
    pull_server(store, [PROJECT])
    assert list(kept(store).history) == rows


def test_rows_that_the_server_counts_and_does_not_give_are_told(stand_in, store):
    run = fill(stand_in, "a", losses(10, every=5000))
    del run.steps[4:], run.encoded[4:]
    run.keys["_step"] = {}
    pull_server(store, [PROJECT])
    assert len(kept(store).history) == 4
    assert kept(store).extra["history_lines"] == 10


def test_processes_share_the_work(stand_in, store, monkeypatch):
    monkeypatch.setattr(server, "MANY_ROWS", 100)
    monkeypatch.setattr(server, "ROWS", 300)
    for number in range(12):
        fill(stand_in, f"r{number}", losses(100), config={"n": number})
    fill(stand_in, "odd", [{"_step": 0, "loss": "NaN"}, {"_step": 3, "text": "x"}])
    assert pull_server(store, [PROJECT]).new == 13
    assert [row["loss"] for row in kept(store, "r11").history] == [1 / (i + 1) for i in range(100)]
    assert math.isnan(kept(store, "odd").history[0]["loss"])
    assert kept(store, "r5").config == {"n": 5}


@pytest.mark.parametrize("kind", [500, 502, 429, "cut", "half", "malformed", "html", "graphql"])
def test_a_server_that_stumbles_is_asked_again(stand_in, store, kind):
    for number in range(30):
        fill(stand_in, f"r{number}", losses(50))
    stand_in.fail(kind, "PodiumRuns", times=2)
    stand_in.fail(kind, "PodiumHistories", times=2)
    assert pull_server(store, [PROJECT]).new == 30
    assert all(len(kept(store, f"r{number}").history) == 50 for number in range(30))


def test_the_server_says_how_long_to_wait(stand_in, store):
    fill(stand_in, "a", losses(5))
    stand_in.fail(429, "PodiumHistories", Retry_After="2")
    said = []
    pull_server(store, [PROJECT], notify=said.append)
    assert said == ["W&B asks to wait 2 s (HTTP 429)."]
    stand_in.fail(429, "PodiumRuns", Retry_After="Fri, 31 Dec 1999 23:59:59 GMT")
    stand_in.fail(429, "PodiumRuns", Retry_After="soon")
    stand_in.fail(503, "PodiumRuns", RateLimit_Remaining="0", RateLimit_Reset="0.2")
    pull_server(store, [PROJECT], notify=said.append)
    stand_in.fail(429, "PodiumRuns", Retry_After="3600")
    with pytest.raises(PodiumError, match="asks to wait 3600 s"):
        pull_server(store, [PROJECT])


def test_a_rate_limit_is_kept(stand_in, store, monkeypatch):
    monkeypatch.setattr(server, "WINDOWS", 1)
    for number in range(40):
        fill(stand_in, f"r{number}", losses(5))
    stand_in.rate, stand_in.rate_window = 15, 1.0
    assert pull_server(store, [PROJECT]).new == 40
    assert stand_in.statuses[200] == 41
    assert stand_in.statuses[429] < 41  # most waits were told by the headers before


def test_a_quota_that_ends_is_waited_out_before_it_is_exceeded(stand_in):
    connection = Connection(clock=lambda: 100.0)
    gate = connection._gate
    with gate.turn(connection._left) as turn:
        turn.heard(200, {"RateLimit-Remaining": "1", "RateLimit-Reset": "30"})
        assert gate.closed_until == 0.0  # one is left, and one asks
        turn.heard(200, {"RateLimit-Remaining": "0", "RateLimit-Reset": "1000"})
        assert gate.closed_until == 0.0  # nobody waits that long unasked
        turn.heard(200, {"RateLimit-Remaining": "0", "RateLimit-Reset": "30"})
    assert gate.closed_until == 130.0


def test_a_429_halves_what_is_asked_at_one_time(stand_in):
    connection = Connection()
    stand_in.fail(429, times=1, Retry_After="0.1")
    connection.ask("query Q { viewer { entity } }", {})
    assert connection._gate.limit < doors.AT_ONCE / 2 + 1
    for _ in range(100):
        connection.ask("query Q { viewer { entity } }", {})
    assert doors.AT_ONCE < connection._gate.limit <= doors.MOST_AT_ONCE


def test_what_was_cut_off_goes_on(stand_in, store, quick, monkeypatch):
    monkeypatch.setattr(server, "WINDOWS", 1)
    monkeypatch.setattr(doors, "AT_ONCE", 1)
    for number in range(10):
        fill(stand_in, f"r{number}", losses(5))
    left = threading.Event()

    def unplug():
        stand_in.fail("cut", times=10**6)
        left.set()

    for step in range(6):
        stand_in.before("PodiumHistories", unplug if step == 5 else lambda: None)
    with pytest.raises(PodiumError, match=r"failed for .* What was pulled is kept|what was pulled is kept"):
        pull_server(store, [PROJECT])
    assert left.is_set()
    before = len(store.versions())
    assert 1 <= before < 10
    stand_in.faults.clear()
    stand_in.reset()
    counts = pull_server(store, [PROJECT])
    assert (counts.new, counts.unchanged) == (10 - before, before)
    assert stand_in.counts["PodiumHistories"] == 10 - before


def test_a_run_that_the_server_cannot_give_stops_no_other(stand_in, store, quick, monkeypatch):
    monkeypatch.setattr(doors, "PATIENCE", 0.5)
    for number in range(8):
        fill(stand_in, f"r{number}", losses(5))
    bad = stand_in.project("team", "digits").runs["r3"]

    def fail(*_):
        raise FieldError("too much history")

    bad.window = fail
    counts = pull_server(store, [PROJECT])
    assert (counts.new, len(counts.keys), len(store.versions())) == (7, 8, 7)
    assert len(counts.problems) == 1
    assert counts.problems[0].startswith("team/digits/r3 (http://127.0.0.1")
    assert "too much history" in counts.problems[0]
    del bad.window
    assert pull_server(store, [PROJECT]).new == 1


def test_windows_that_are_too_much_together_are_asked_for_in_halves(stand_in, store, quick, monkeypatch):
    monkeypatch.setattr(doors, "PATIENCE", 0.5)
    run = fill(stand_in, "a", losses(4500))
    window, together = run.window, []

    def give(low, high, samples):
        together.append(low)
        if len(together) > 2:
            raise FieldError("too much at once")
        return window(low, high, samples)

    answer = stand_in_server.answer
    monkeypatch.setattr(stand_in_server, "answer", lambda *words: together.clear() or answer(*words))
    run.window = give
    assert pull_server(store, [PROJECT]).new == 1
    assert [row["_step"] for row in kept(store).history] == list(range(4500))


def test_a_list_that_is_too_long_is_read_in_smaller_pages(stand_in, store, quick, monkeypatch):
    monkeypatch.setattr(listing, "PER_PAGE", (1000, 20))
    for number in range(30):
        fill(stand_in, f"r{number}", losses(2))
    q_runs = stand_in_project.Project.q_runs

    def overtaxed(project, arguments):
        if arguments["first"] > 20:
            stand_in.fail(504, "PodiumRuns")
        return q_runs(project, arguments)

    monkeypatch.setattr(stand_in_project.Project, "q_runs", overtaxed)
    stand_in.fail(504, "PodiumRuns")
    assert pull_server(store, [PROJECT]).new == 30
    stand_in.fail(504, times=100)
    with pytest.raises(PodiumError, match=r"failed for .* \(HTTP 504\)"):
        pull_server(store, [PROJECT])
    stand_in.faults.clear()
    monkeypatch.setattr(stand_in_project.Project, "q_runs", lambda *_: Raw(b'{"edges": [7]}'))
    with pytest.raises(PodiumError, match="a list of runs that Podium cannot read"):
        pull_server(store, [PROJECT])


def test_a_process_that_dies_is_told_of(stand_in, store, monkeypatch):
    class Dead(ProcessPoolExecutor):
        def submit(self, *_words):
            raise BrokenProcessPool

    monkeypatch.setattr(server, "MANY_ROWS", 1)
    monkeypatch.setattr(server, "ProcessPoolExecutor", Dead)
    fill(stand_in, "a", losses(3))
    with pytest.raises(PodiumError, match="A process that wrote pulled runs died"):
        pull_server(store, [PROJECT])


def test_pages_that_change_while_they_are_read(stand_in, store, monkeypatch):
    monkeypatch.setattr(listing, "PER_PAGE", (10,))
    stand_in.offset_cursors = True
    runs = stand_in.project("team", "digits").runs
    for number in range(30):
        fill(stand_in, f"r{number}", losses(5))
    stand_in.before("PodiumRuns", lambda: None)
    stand_in.before("PodiumRuns", lambda: runs.pop("r3"))  # shifts the second page: r10 would be passed over
    counts = pull_server(store, [PROJECT])
    assert set(counts.keys) == {f"team/digits/r{number}" for number in range(30) if number != 3}
    assert set(store.versions()) == set(counts.keys)


def test_runs_that_go_and_rows_that_come_while_we_read(stand_in, store):
    runs = stand_in.project("team", "digits").runs
    growing = fill(stand_in, "growing", losses(5))
    growing.state = "running"
    fill(stand_in, "gone", losses(5))
    stand_in.before("PodiumHistories", lambda: (runs.pop("gone"), growing.add(['{"_step": 5, "loss": 0}'])))
    counts = pull_server(store, [PROJECT])
    assert (counts.keys, counts.new) == (("team/digits/growing",), 1)
    assert (kept(store, "growing").state, len(kept(store, "growing").history)) == ("running", 5)
    assert pull_server(store, [PROJECT]).changed == 1
    assert len(kept(store, "growing").history) == 6


def test_filters_tags_sweeps_and_runs(stand_in, store):
    fill(stand_in, "a", losses(2), config={"lr": 0.1}, tags=["x", "y"], sweep="s1")
    fill(stand_in, "b", losses(2), config={"lr": 0.2}, tags=["x"], sweep="s1")
    fill(stand_in, "c", losses(2), config={"lr": 0.3})
    fill(stand_in, "d", losses(2), project="letters")
    stand_in.project("team", "digits").sweeps["s1"] = stand_in_sweep(stand_in)
    stand_in.project("team", "digits").sweeps["idle"] = stand_in_sweep(stand_in)

    def names(*texts, **wanted):
        paths = [path for path in map(server_path, texts) if path is not None]
        return {key.removeprefix("team/digits/") for key in pull_server(store, paths, **wanted).keys}

    assert names("team/digits/sweeps/s1") == {"a", "b"}
    assert names("team/digits/sweeps/idle") == set()
    assert names("team/digits/sweeps/s1", tags=("x", "y")) == {"a"}
    assert names("team/digits", filters={"config.lr": {"$gt": 0.15}}) == {"b", "c"}
    assert names("team/digits", filters={"state": "running"}) == set()
    assert names("team/digits/runs/c", "https://wandb.ai/team/digits/runs/a?nw=1", "team/letters") == {
        "a",
        "c",
        "team/letters/d",
    }
    assert kept(store).sweep == "s1"
    with pytest.raises(PodiumError, match=r"no run zz, yy\. A run's id"):
        names("team/digits/zz", "team/digits/yy", "team/digits/a")
    with pytest.raises(PodiumError, match="has no sweep 'zz'"):
        names("team/digits/sweeps/zz")


def stand_in_sweep(stand_in):
    return stand_in_project.Sweep(stand_in.project("team", "digits"), "s1")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("team/digits", "team/digits"),
        (" team/digits/runs/a ", "team/digits/runs/a"),
        ("https://wandb.ai/team/my%20digits/workspace?nw=x", "team/my digits"),
        ("https://wandb.example.org/team/digits/sweeps", "team/digits"),
        ("https://forge.coreweave.com/wandb/team/digits/runs/a/overview", "team/digits/runs/a"),
        ("https://forge.coreweave.com/wandb/team/digits/sweeps/s", "team/digits/sweeps/s"),
        ("digits", None),
        ("team/digits/artifacts/model/v1", None),
        ("C:/runs", None),
        ("", None),
    ],
)
def test_what_a_text_names(text, path):
    found = server_path(text)
    assert (str(found) if found else None) == path


def test_without_wandbs_client(monkeypatch):
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(PodiumError, match=r"comes with the lab: pip install 'podium\[lab\]'"):
        Connection()


@pytest.mark.parametrize("text", ["team/nothing", "team/nothing/sweeps/s", "team/nothing/runs/r"])
def test_no_such_project(stand_in, store, text):
    with pytest.raises(PodiumError, match="no project team/nothing that this key may read"):
        pull_server(store, [server_path(text)])


def test_no_key_a_wrong_key_and_no_network(stand_in, store, quick, monkeypatch):
    stand_in.project("team", "digits")
    monkeypatch.setenv("WANDB_API_KEY", "local-" + "f" * 40)
    with pytest.raises(PodiumError, match=r"refused the W&B key\. Run `wandb login --relogin`"):
        pull_server(store, [PROJECT])
    stand_in.fail(403)
    with pytest.raises(PodiumError, match="does not let this W&B key read"):
        pull_server(store, [PROJECT])
    monkeypatch.delenv("WANDB_API_KEY")
    with pytest.raises(PodiumError, match="No W&B key is kept here for http://127"):
        pull_server(store, [PROJECT])
    monkeypatch.setenv("WANDB_API_KEY", stand_in.key)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(PodiumError, match=r"cannot be reached .*refused.* Check the network"):
        pull_server(store, [PROJECT])


def test_answers_that_make_no_sense(stand_in, store, quick):
    run = fill(stand_in, "a", losses(2))
    run.encoded[1] = b'"{torn"'
    run.pages.clear()
    with pytest.raises(PodiumError, match="history of team/digits/a cannot be read"):
        pull_server(store, [PROJECT])
    run.encoded[1] = b"7"
    run.pages.clear()
    with pytest.raises(PodiumError, match="no list of rows"):
        pull_server(store, [PROJECT])
    run.encoded[1] = b'"[]"'
    run.pages.clear()
    with pytest.raises(PodiumError, match="no JSON object"):
        pull_server(store, [PROJECT])
    stand_in.fail(400)
    with pytest.raises(PodiumError, match="HTTP 400: it is no W&B server"):
        pull_server(store, [PROJECT])
    stand_in.fail("graphql", times=100)
    with pytest.raises(PodiumError, match="something went wrong"):
        pull_server(store, [PROJECT])
    stand_in.faults.clear()
    with pytest.raises(PodiumError, match=r"refused the query \(Cannot query field"):
        Connection().ask("query Q { viewer { shoeSize } }", {})


def test_what_the_list_says_of_a_run(stand_in, store):
    crashed = fill(stand_in, "crashed", losses(1))
    crashed.state = "crashed"
    failed = fill(stand_in, "failed", losses(1), notes="n", jobType="train", commit="abc")
    failed.settle(3)
    failed.summary = '{"_wandb": {"runtime": 12}, "_runtime": 1}'
    stopped = fill(stand_in, "stopped", losses(1))
    stopped.stop_asked = True
    stopped.settle(1)
    bare = fill(stand_in, "bare", [])
    bare.created, bare.summary, bare.config = "long ago", "broken", "[]"
    bare.keys["_step"] = {}
    preempted = fill(stand_in, "preempted", [])
    preempted.state = "preempted"
    pull_server(store, [PROJECT])
    assert kept(store, "crashed").reason.startswith("no sign of life since 20")
    run = kept(store, "failed")
    assert (run.reason, run.seconds, run.notes, run.commit) == ("exit code 3", 12.0, "n", "abc")
    assert run.summary == {"_runtime": 1}
    assert run.extra == {"job_type": "train", "user": "somebody"}
    assert (kept(store, "stopped").state, kept(store, "stopped").reason) == ("killed", "stopped at W&B")
    assert (kept(store, "bare").created, kept(store, "bare").summary, kept(store, "bare").config) == ("", {}, {})
    assert kept(store, "bare").seconds is None
    assert kept(store, "preempted").state == "interrupted"


def test_the_address_that_a_login_kept(monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "settings").write_text("[default]\nbase_url = https://wandb.example.org/\n")
    (tmp_path / ".netrc").write_text("machine wandb.example.org login user password " + "k" * 40)
    assert Connection().base_url == "https://wandb.example.org"
    (tmp_path / "settings").unlink()
    with pytest.raises(PodiumError, match="No W&B key is kept here for https://"):
        Connection()
    (tmp_path / ".netrc").write_text("machine api.wandb.ai login user password " + "k" * 40)
    assert Connection().base_url.startswith("https://api.")
    assert not [name for name in os.environ if name == "WANDB_BASE_URL"]
