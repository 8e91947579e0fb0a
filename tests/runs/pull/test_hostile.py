"""One thousand hostile run names, config keys and values: pulled, laid out, frozen, and read back unchanged."""

import json
import math
import random
import string

from podium.press.results import MISSING, freeze_pulled, read_frozen_pulled, read_pulled
from podium.runs.pull import Store, pull_source
from podium.runs.pull.exact import keys_of, nest, to_text
from podium.runs.record import append_event

NASTY = [
    "", " ", ".", "..", "\\", "\\.", "a.b", "a..b", "/", "../../etc/passwd", "\n", "\r\n", "\t", "\x00", "\x1b[31m",
    '"', "'", "`", ",", ";", "=cmd|' /C calc'!A0", "+1", "-1", "@x", "1e-5", "1_000", "0x10", "007", "1.0", "1", "-0",
    "NaN", "nan", "inf", "-Infinity", "null", "None", "true", "True", "no", "~", "{}", "[]", "{", "[1",
    "<script>alert(1)</script>", "{{ 7*7 }}", "{% raw %}", "${HOME}", "$(id)", "; rm -rf ~", "' OR 1=1 --",
    "\N{DIRECT HIT}", "e\N{COMBINING ACUTE ACCENT}", "\N{RIGHT-TO-LEFT OVERRIDE}abc", "\ufeff", "\u2028", "\u200b",
    "äöüß", "数据", "ключ", "x" * 300, "run", "epoch", "step", "_step", "_wandb.x", "config.", "config.x", "summary.y",
    "provenance.commit", "metric.x", 'metric."x"', "value", "_type", "desc", "__proto__", "constructor", "__class__",
    "-->", "]]>", "|", "#", "---", "```",
]  # fmt: skip
LONE = ["\ud800", "\udc80\udcff", "\ud83d\ude00", "a\udfffb"]


def text(chance, *, lone, key=False):
    kind = chance.random()
    if kind < (0.97 if key else 0.55):
        return chance.choice([*NASTY, *LONE] if lone else NASTY)
    if kind < 0.65 and lone:
        return chance.choice(LONE)
    letters = string.printable + "äß数🎯\u0301\u202e\x00\x7f"
    return "".join(chance.choice(letters) for _ in range(chance.randrange(1, 12)))


def value(chance, depth=0, *, lone):
    kind = chance.randrange(12 if depth < 3 else 9)
    if kind < 3:
        return text(chance, lone=lone)
    simple = [None, True, False, math.nan, math.inf, -math.inf, -0.0, 0, 1.0, 5e-324, 1.7976931348623157e308, 2**53 + 1,
              -(2**63), 2**64, 10**40, 0.1 + 0.2]  # fmt: skip
    if kind < 6:
        return chance.choice(simple)
    if kind < 9:
        return chance.choice([chance.uniform(-1e9, 1e9), chance.randrange(-(10**12), 10**12)])
    if kind == 9:
        return [value(chance, depth + 1, lone=lone) for _ in range(chance.randrange(4))]
    return {text(chance, lone=lone, key=True): value(chance, depth + 1, lone=lone) for _ in range(chance.randrange(4))}


def same(one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)


def write_offline(bench, folder, index, made):
    from wandb.proto import wandb_internal_pb2 as pb

    def items(kind, values):
        return [
            kind(value_json=json.dumps(below), **({"key": key} if key else {"nested_key": [key]}))
            for key, below in values.items()
        ]

    records = [
        pb.Record(run=pb.RunRecord(run_id=f"id{index}", display_name=made["name"], notes=made["notes"],
                                   config=pb.ConfigRecord(update=items(pb.ConfigItem, made["config"])))),
        *(pb.Record(history=pb.HistoryRecord(item=items(pb.HistoryItem, row), step={"num": at}))
          for at, row in enumerate(made["rows"])),
        pb.Record(summary=pb.SummaryRecord(update=items(pb.SummaryItem, made["summary"]))),
        pb.Record(exit=pb.RunExitRecord(exit_code=0)),
    ]  # fmt: skip
    (folder / f"offline-{index}").mkdir(parents=True)
    path = folder / f"offline-{index}" / f"run-id{index}.wandb"
    bench.write_log(path, [record.SerializeToString() for record in records])
    return path.relative_to(folder).as_posix()


def write_record(folder, index, made):
    here = folder / f"record-{index}"
    append_event(here, "start", experiment="hostile", variant=made["name"], profile="full", sweep=made["notes"],
                 config=made["config"], provenance={})  # fmt: skip
    for at, row in enumerate(made["rows"]):
        append_event(here, "epoch", metrics={**row, "epoch": at})
    append_event(here, "end", state="failed", reason=made["notes"], summary=made["summary"])
    return here.relative_to(folder).as_posix()


def test_a_thousand_hostile_runs(project, tmp_path, bench, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)  # six thousand of them: nothing here is about a power cut
    folder = tmp_path / "hostile"
    chance = random.Random(3)
    written = {}
    for index in range(1000):
        lone = index % 2 == 1  # protobuf carries no lone surrogates, a record does
        made = {
            "name": NASTY[index] if index < len(NASTY) else text(chance, lone=lone) + str(index % 7),
            "notes": text(chance, lone=lone),
            "config": {
                text(chance, lone=lone, key=True): value(chance, lone=lone) for _ in range(chance.randrange(1, 6))
            },
            "summary": {text(chance, lone=lone, key=True) + "s": value(chance, lone=lone) for _ in range(3)},
            "rows": [{text(chance, lone=lone, key=True) + "m": value(chance, lone=lone)} for _ in range(2)],
        }
        key = write_record(folder, index, made) if lone else write_offline(bench, folder, index, made)
        written[key] = made
    assert pull_source(project, (str(folder),)).runs == 1000
    store = Store(project.build / "pulled" / "hostile")
    tables = read_pulled(project, "hostile")
    freeze_pulled(project, "hostile")
    frozen = read_frozen_pulled(project, "hostile")
    assert list(tables.runs.columns) == list(frozen.runs.columns)
    by_run = [_by_run(one) for one in (tables, frozen)]
    for key, made in written.items():
        run = store.read(key)
        rows = [{**row, "epoch": at} if key.startswith("record") else row for at, row in enumerate(made["rows"])]
        assert run.name == (made["name"] or (run.id if run.origin == "offline" else ""))
        assert same(dict(run.config), made["config"])
        assert same(dict(run.summary), made["summary"])
        assert same(list(run.history), [{"_step": at, **row} for at, row in enumerate(rows)])
        for found in by_run:
            row, config, summary, history = found[key]
            assert row["name"] == run.name
            assert made["notes"] == row["notes" if run.origin == "offline" else "reason"]
            assert same(config, made["config"])
            assert same(summary, made["summary"])
            assert history == by_run[0][key][3]
    for key in chance.sample(sorted(written), 20):
        run = store.read(key)
        for found in (tables, frozen):
            assert same(found.nested(key), written[key]["config"])
            rows = [dict(sorted(row.items())) for row in found.rows(key)]
            assert same(rows, [dict(sorted(row.items())) for row in run.history.flat()])


def _by_run(tables):
    """Take both tables apart at once: asking `Tables.nested` and `.rows` a thousand times would take minutes."""
    history = {}
    columns = (tables.history[name].tolist() for name in ("run", "row", "step", "metric", "kind", "text"))
    numbers = map(repr, tables.history["value"].tolist())
    for run, row, step, metric, kind, said, number in zip(*columns, numbers, strict=True):
        ordered = to_text(json.loads(said), sort_keys=True) if kind == "json" else str(said)
        history.setdefault(run, {}).setdefault((row, step), {})[metric] = (kind, ordered, number)
    names = list(tables.runs.columns)
    found = {}
    for values in zip(*(tables.runs[name].tolist() for name in names), strict=True):
        row = {name: value for name, value in zip(names, values, strict=True) if value is not MISSING}
        nested = [_nested(row, part) for part in ("config.", "summary.")]
        found[row["run"]] = (row, *nested, history.get(row["run"], {}))
    return found


def _nested(row, part):
    return nest((keys_of(name.removeprefix(part)), value) for name, value in row.items() if name.startswith(part))
