"""The stand-in server, seen by the real, unmodified wandb client and by itself as a process."""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import stand_in_graphql
import stand_in_server

SETTINGS = {"console": "off", "disable_git": True, "x_disable_stats": True, "x_disable_meta": True}


@pytest.fixture
def wandb(stand_in):
    import wandb

    return wandb


@pytest.fixture
def run(wandb, stand_in, tmp_path):
    """A run that the real client logged."""
    run = wandb.init(
        project="digits",
        entity="team",
        dir=str(tmp_path),
        name="first",
        config={"lr": 0.5, "deep": {"n": [1, 2]}},
        tags=["x"],
        group="g",
        settings=wandb.Settings(**SETTINGS),
    )
    for step in range(4):
        run.log({"loss": 1 / (step + 1), "odd": float("nan") if step == 2 else step}, step=10 * step)
    run.summary["best"] = 0.25
    run.finish()
    return stand_in.project("team", "digits").runs[run.id]


def test_the_client_logs_a_run_and_reads_it_back(wandb, stand_in, run):
    assert {"UpsertBucket", "file_stream", "CreateRunFiles", "upload"} <= set(stand_in.counts)
    assert (run.state, run.exitcode, len(run.lines)) == ("finished", 0, 4)
    api = wandb.Api()
    (theirs,) = api.runs("team/digits", filters={"config.lr": 0.5}, per_page=1000, lazy=False)
    assert theirs.config == {"lr": 0.5, "deep": {"n": [1, 2]}}
    assert (theirs.name, theirs.state, theirs.group, theirs.tags) == ("first", "finished", "g", ["x"])
    assert theirs.summary["best"] == 0.25
    whole = list(theirs.scan_history())
    assert [(row["_step"], row["odd"]) for row in whole] == [(0, 0), (10, 1), (20, "NaN"), (30, 3)]  # wandb#8252
    assert [row["loss"] for row in theirs.history(pandas=False)] == [row["loss"] for row in whole]
    assert [row["loss"] for row in theirs.history(keys=["loss"], pandas=False)] == [row["loss"] for row in whole]
    assert list(api.runs("team/digits", filters={"tags": {"$in": ["y"]}})) == []
    assert "wandb-summary.json" in {file.name for file in theirs.files()}


def test_the_client_resumes_and_stops_a_run(wandb, stand_in, run, tmp_path):
    again = wandb.init(
        project="digits",
        entity="team",
        id=run.name,
        resume="must",
        dir=str(tmp_path),
        settings=wandb.Settings(**SETTINGS),
    )
    again.log({"loss": 0.0})
    wandb.Api().run(f"team/digits/{run.name}").stop()
    again.finish(exit_code=1)
    assert (run.state, len(run.lines), run.steps[-1]) == ("killed", 5, 31)
    assert stand_in.counts["StopRun"] == stand_in.counts["RunResumeStatus"] == 1


@pytest.mark.filterwarnings("ignore:Read the `app_url` setting:DeprecationWarning")  # wandb 0.31 warns of itself
def test_the_client_creates_a_sweep_and_reads_it(wandb, stand_in):
    config = {"method": "grid", "program": "x.py", "parameters": {"a": {"values": [1, 2]}, "b": {"value": "c"}}}
    name = wandb.sweep(config, entity="team", project="digits")
    sweep = wandb.Api().sweep(f"team/digits/{name}")
    assert sweep.config == config
    assert (sweep.state, len(sweep.runs)) == ("PENDING", 0)
    ours = stand_in.project("team", "digits").sweeps[name]
    assert list(ours.trials) == [{"a": 1, "b": "c"}, {"a": 2, "b": "c"}]


def test_the_client_waits_out_what_goes_wrong(wandb, stand_in, run):
    stand_in.fail(429, "Runs", Retry_After="0.2")
    stand_in.fail(500, "HistoryPage")
    stand_in.fail("cut", "RunHistoryKeys")
    (theirs,) = wandb.Api().runs("team/digits")
    assert len(list(theirs.scan_history())) == 4
    assert (stand_in.statuses[429], stand_in.statuses[500]) == (1, 1)


def test_a_wrong_key_is_refused(stand_in):
    request = urllib.request.Request(
        stand_in.url + "/graphql", data=b'{"query": "{ viewer { entity } }"}', method="POST"
    )
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("query Q { viewer { shoeSize } }", "Cannot query field"),
        ("query Q { viewer { ...Nobody } }", "Unknown fragment"),
        ("query Q { viewer { entity ", "expected"),
        ("query Q { viewer ! entity }", "Cannot query field"),
        ("query Q { viewer ; }", "unexpected character"),
    ],
)
def test_a_query_that_is_none_is_refused(stand_in, query, message):
    from stand_in_project import Query

    with pytest.raises(stand_in_graphql.QueryError, match=message):
        stand_in_graphql.answer(query, {}, Query(stand_in))


def test_graphql_answers_exactly_what_is_asked():
    query = """
    # a comment
    query Q($n: Int = 3, $given: [String!]!) {
        first: item(size: $n, where: {names: $given, flag: true, kind: SMALL}) { ...Both }
        items { name __typename }
    }
    fragment Both on Item { size where }
    """

    class Item(dict):
        pass

    class Root:
        def q_item(self, given):
            return given

        def q_items(self, given):
            return [Item(name="a"), Item(name="b")]

    assert json.loads(stand_in_graphql.answer(query, {"given": ["x"]}, Root())) == {
        "first": {"size": 3, "where": {"names": ["x"], "flag": True, "kind": "SMALL"}},
        "items": [{"name": "a", "__typename": "Item"}, {"name": "b", "__typename": "Item"}],
    }


def test_it_seeds_itself_and_serves_as_a_process(tmp_path):
    address = tmp_path / "address"
    words = ["--runs", "60", "--steps", "5", "--metrics", "2", "--latency", "0.05", "--address-file", str(address)]
    process = subprocess.Popen([sys.executable, stand_in_server.__file__, *words], stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not (address.exists() and address.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        url = address.read_text()
        query = '{ project(name: "bench", entityName: "team") { runCount run(name: "bench00059") { history } } }'
        request = urllib.request.Request(url + "/graphql", data=json.dumps({"query": query}).encode(), method="POST")
        request.add_header("Authorization", "Basic " + login())
        began = time.monotonic()
        project = json.load(urllib.request.urlopen(request))["data"]["project"]
        assert time.monotonic() - began >= 0.05
        assert project["runCount"] == 60
        assert [json.loads(row)["_step"] for row in project["run"]["history"]] == [0, 1, 2, 3, 4]
        assert json.load(urllib.request.urlopen(url + "/stand-in/counts"))["operations"] == {"": 1}
        urllib.request.urlopen(urllib.request.Request(url + "/stand-in/reset", method="POST"))
        assert json.load(urllib.request.urlopen(url + "/stand-in/counts"))["operations"] == {}
    finally:
        process.kill()
        process.wait()


def login():
    import base64

    return base64.b64encode(f"api:{stand_in_server.KEY}".encode()).decode()


def test_it_says_what_it_is_not():
    text = Path(stand_in_server.__file__).read_text(encoding="utf-8")
    assert "a test fixture, no product" in text
    assert "What it does not do:" in text
