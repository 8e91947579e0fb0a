"""What the stand-in server knows: projects with their runs and sweeps, in memory, as GraphQL objects.

A method `q_<field>` answers the field of that name; see `stand_in_graphql`.
"""

# ruff: noqa: N802 - the methods bear the names of W&B's GraphQL fields
from __future__ import annotations

import base64
import itertools
import json
import math
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stand_in_graphql import QueryError, Raw

if TYPE_CHECKING:
    from stand_in_server import StandIn

USER = {"id": "VXNlcjox", "name": "Somebody", "username": "somebody", "email": "", "entity": "team", "admin": False}


def now() -> str:
    """Return the time as W&B writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def opaque(kind: str, *names: object) -> str:
    """Return an id as GraphQL servers give them."""
    return base64.b64encode(":".join([kind, *map(str, names)]).encode()).decode()


def as_text(value: Any) -> Any:
    """Write numbers that are none as the real server does: as text (wandb#8252)."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items()}
    return [as_text(item) for item in value] if isinstance(value, list) else value


class Run:
    """One run, as far as it was told."""

    def __init__(self, project: Project, name: str) -> None:
        self.project, self.name = project, name
        self.number = next(project.server.numbers)
        self.fields: dict[str, Any] = {"displayName": name, "tags": []}
        self.config, self.summary, self.sweep = "{}", "{}", ""
        self.state, self.exitcode = "running", None
        self.stop_asked = False
        self.created = self.heartbeat = now()
        self.lines: list[str] = []  # JSON texts, as the client sent them
        self.encoded: list[bytes] = []  # the same as JSON strings
        self.steps: list[int] = []
        self.pages: dict[tuple[int, int], Raw] = {}
        self.keys: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}

    def add(self, lines: list[str], offset: int | None = None) -> None:
        """Put history lines at a line number, as the file stream does."""
        if offset is not None and offset < len(self.lines):
            lines = lines[len(self.lines) - offset :]
        for line in lines:
            row = json.loads(line)
            if "NaN" in line or "Infinity" in line:
                row = as_text(row)
                line = json.dumps(row, separators=(",", ":"))  # noqa: PLW2901 - as the real server keeps it
            self.steps.append(int(row.get("_step", len(self.lines))))
            self.lines.append(line)
            self.encoded.append(json.dumps(line).encode())
            for key in row:
                self.keys.setdefault(key, {"typeCounts": [{"type": "number", "count": 1}]})
        self.pages.clear()
        self.heartbeat = now()

    def window(self, low: int, high: int, samples: int) -> Raw:
        """Return the rows of a window of steps; more rows than `samples` are sampled, as at the real server."""
        first, last = bisect_left(self.steps, low), bisect_left(self.steps, high)
        count = min(samples, self.project.server.sample_cap)
        if last - first > count:
            chosen = sorted({first + (last - 1 - first) * i // max(1, count - 1) for i in range(count)})
            return Raw(b"[" + b",".join(self.encoded[i] for i in chosen) + b"]")
        if (first, last) not in self.pages:
            self.pages[first, last] = Raw(b"[" + b",".join(self.encoded[first:last]) + b"]")
        return self.pages[first, last]

    def settle(self, code: int) -> None:
        """End with an exit code."""
        self.exitcode = code
        self.state = "killed" if self.stop_asked else "failed" if code else "finished"
        self.heartbeat = now()

    def __getattr__(self, name: str) -> Any:
        """Answer the plain fields."""
        plain = {
            "q_id": lambda: opaque("Run", self.name, self.project.name, self.project.entity),
            "q_name": lambda: self.name,
            "q_sweepName": lambda: self.sweep or None,
            "q_state": lambda: self.state,
            "q_config": lambda: self.config,
            "q_summaryMetrics": lambda: self.summary,
            "q_systemMetrics": lambda: "{}",
            "q_createdAt": lambda: self.created,
            "q_heartbeatAt": lambda: self.heartbeat,
            "q_historyLineCount": lambda: len(self.lines),
            "q_eventsLineCount": lambda: 0,
            "q_logLineCount": lambda: 0,
            "q_historyTail": lambda: json.dumps(self.lines[-1:]),
            "q_eventsTail": lambda: "[]",
            "q_historyKeys": lambda: {"keys": self.keys, "lastStep": self.steps[-1] if self.steps else -1, "sets": []},
            "q_project": lambda: self.project,
            "q_projectId": lambda: "1",
            "q_user": lambda: USER,
            "q_readOnly": lambda: False,
            "q_stopped": lambda: self.stop_asked,
            "q_shouldStop": lambda: self.stop_asked,
            "q_exitcode": lambda: self.exitcode,
            "q_failed": lambda: self.state == "failed",
            "q_running": lambda: self.state == "running",
            "q_wandbConfig": lambda: json.dumps({"t": 1} if self.config != "{}" else {}),
            "q_fileCount": lambda: len(self.files),
            **{
                f"q_{key}": lambda key=key: self.fields.get(key)
                for key in ("displayName", "group", "jobType", "commit", "description", "notes", "tags", "host")
            },
        }
        if name not in plain:
            raise AttributeError(name)
        return lambda _arguments: plain[name]()

    def q_history(self, arguments: dict[str, Any]) -> Raw:
        return self.window(
            arguments.get("minStep") or 0,
            math.inf if arguments.get("maxStep") is None else arguments["maxStep"],
            arguments.get("samples") or 500,
        )

    def q_events(self, _arguments: dict[str, Any]) -> list[str]:
        return []

    def q_sampledHistory(self, arguments: dict[str, Any]) -> list[list[dict[str, Any]]]:
        answers = []
        specs = arguments["specs"]
        for text in [specs] if isinstance(specs, str) else specs:  # GraphQL takes one for a list of one
            spec = json.loads(text)
            keys = spec.get("keys", [])
            rows = [json.loads(line) for line in self.lines]
            rows = [row for row in rows if all(key in row for key in keys)]
            low, high = spec.get("minStep", 0), spec.get("maxStep", math.inf)
            rows = [{key: row[key] for key in keys} for row in rows if low <= row.get("_step", 0) <= high]
            answers.append(rows[:: max(1, math.ceil(len(rows) / spec.get("samples", 500)))])
        return answers

    def q_parquetHistory(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        return {"parquetUrls": [], "liveData": [{"_step": step} for step in self.steps[:1]]}

    def q_files(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        where = f"{self.project.server.url}/uploads/{self.project.entity}/{self.project.name}/{self.name}"
        nodes = [
            {"id": name, "name": name, "url": f"{where}/{name}", "directUrl": f"{where}/{name}"}
            | {"sizeBytes": len(data), "md5": "", "mimetype": "", "updatedAt": self.heartbeat}
            for name, data in self.files.items()
        ]
        edges = [{"node": node, "cursor": node["name"]} for node in nodes]
        return {"edges": edges, "pageInfo": {"endCursor": "", "hasNextPage": False}}


class Sweep:
    """One sweep: its configuration as it was sent, and the trials still to hand out."""

    def __init__(self, project: Project, name: str) -> None:
        self.project, self.name = project, name
        self.config, self.state, self.displayName = "", "PENDING", ""
        self.trials: Iterator[dict[str, Any]] = iter(())
        self.program = ""
        self.created = now()

    def configure(self, text: str, prior: list[dict[str, Any]]) -> None:
        """Take a configuration: a grid of its values, or the test's own list of trials; prior runs count."""
        self.config, server = text, self.project.server
        config = server.read_yaml(text) if server.read_yaml else {}
        self.program, parameters = config.get("program", ""), config.get("parameters", {})
        if server.trials:
            trials: Iterator[dict[str, Any]] = iter(server.trials)
        else:
            trials = iter(points(parameters))
        done = [{key: given["value"] for key, given in config.items() if key != "_wandb"} for config in prior]
        left = (trial for trial in trials if trial not in done)
        cap = config.get("run_cap")
        self.trials = itertools.islice(left, None if cap is None else max(0, cap - len(done)))

    @property
    def members(self) -> list[Run]:
        """The sweep's runs."""
        return [run for run in self.project.runs.values() if run.sweep == self.name]

    def q_id(self, _arguments: dict[str, Any]) -> str:
        return opaque("Sweep", self.name, self.project.name, self.project.entity)

    def q_runs(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return self.project.q_runs({"filters": json.dumps({"sweep": self.name}), "first": 10_000, **arguments})

    def __getattr__(self, name: str) -> Any:
        plain: dict[str, Callable[[], Any]] = {
            "q_name": lambda: self.name,
            "q_displayName": lambda: self.displayName or None,
            "q_method": lambda: "grid",
            "q_state": lambda: self.state,
            "q_description": lambda: None,
            "q_config": lambda: self.config,
            "q_createdAt": lambda: self.created,
            "q_heartbeatAt": now,
            "q_updatedAt": now,
            "q_earlyStopJobRunning": lambda: False,
            "q_bestLoss": lambda: None,
            "q_controller": lambda: None,
            "q_scheduler": lambda: None,
            "q_runCount": lambda: len(self.members),
            "q_runCountExpected": lambda: None,
            "q_project": lambda: self.project,
        }
        if name not in plain:
            raise AttributeError(name)
        return lambda _arguments: plain[name]()


def points(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a plain grid: every combination of the values, nested ones too."""
    axes = [
        points(given["parameters"]) if "parameters" in given else given.get("values", [given.get("value")])
        for given in parameters.values()
    ]
    return [dict(zip(parameters, point, strict=True)) for point in itertools.product(*axes)]


class Project:
    """One project: runs and sweeps by their names."""

    def __init__(self, server: StandIn, entity: str, name: str) -> None:
        self.server, self.entity, self.name = server, entity, name
        self.runs: dict[str, Run] = {}
        self.sweeps: dict[str, Sweep] = {}

    def run(self, name: str) -> Run:
        """Return a run; a new one where there is none."""
        if name not in self.runs:
            self.runs[name] = Run(self, name)
        return self.runs[name]

    def matching(self, filters: str | None, order: str = "") -> list[Run]:
        """Return the runs that a MongoDB filter chooses, in order."""
        wanted = json.loads(filters or "{}")
        found = [run for run in list(self.runs.values()) if matches(run, wanted)]
        return sorted(found, key=lambda run: run.number, reverse=order.startswith("-"))

    def q_id(self, _arguments: dict[str, Any]) -> str:
        return opaque("Project", self.name, self.entity)

    def q_internalId(self, _arguments: dict[str, Any]) -> str:
        return "1"

    def q_name(self, _arguments: dict[str, Any]) -> str:
        return self.name

    def q_entity(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        return {"id": opaque("Entity", self.entity), "name": self.entity}

    def q_readOnly(self, _arguments: dict[str, Any]) -> bool:
        return False

    def q_runCount(self, arguments: dict[str, Any]) -> int:
        return len(self.matching(arguments.get("filters")))

    def q_run(self, arguments: dict[str, Any]) -> Run | None:
        return self.runs.get(arguments["name"])

    q_bucket = q_run

    def q_sweep(self, arguments: dict[str, Any]) -> Sweep | None:
        return self.sweeps.get(arguments["sweepName"])

    def q_runs(self, arguments: dict[str, Any]) -> dict[str, Any]:
        found = self.matching(arguments.get("filters"), arguments.get("order") or "")
        after, first = arguments.get("after"), arguments.get("first") or 50
        places = range(1, len(found) + 1) if self.server.offset_cursors else [run.number for run in found]
        pairs = list(zip(places, found, strict=True))
        if after:
            pairs = [pair for pair in pairs if pair[0] > int(after)]
        chosen = pairs[:first]
        edges = [{"node": run, "cursor": str(place)} for place, run in chosen]
        page = {"endCursor": edges[-1]["cursor"] if edges else None, "hasNextPage": len(pairs) > len(chosen)}
        return {"edges": edges, "pageInfo": page, "totalCount": len(found)}


def value_at(run: Run, path: str) -> Any:
    """Return what a filter's key means in a run."""
    first, _, rest = path.partition(".")
    if first in ("config", "summary_metrics"):
        value: Any = json.loads(run.config if first == "config" else run.summary)
        for part in rest.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value["value"] if first == "config" and isinstance(value, dict) and "value" in value else value
    camel = re.sub(r"_(\w)", lambda match: match[1].upper(), path)
    return getattr(run, "q_" + {"sweep": "sweepName"}.get(camel, camel))({})


TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda value, wanted: value == wanted or (isinstance(value, list) and wanted in value),
    "$ne": lambda value, wanted: value != wanted and not (isinstance(value, list) and wanted in value),
    "$gt": lambda value, wanted: value is not None and value > wanted,
    "$gte": lambda value, wanted: value is not None and value >= wanted,
    "$lt": lambda value, wanted: value is not None and value < wanted,
    "$lte": lambda value, wanted: value is not None and value <= wanted,
    "$in": lambda value, wanted: bool({*wanted} & {*(value if isinstance(value, list) else [value])}),
    "$nin": lambda value, wanted: not {*wanted} & {*(value if isinstance(value, list) else [value])},
    "$regex": lambda value, wanted: re.search(wanted, str(value)) is not None,
    "$exists": lambda value, wanted: (value is not None) == wanted,
}


def matches(run: Run, wanted: dict[str, Any]) -> bool:
    """Say whether a run meets a MongoDB filter, as far as W&B documents them."""
    for key, test in wanted.items():
        if key in ("$and", "$or"):
            if not (all if key == "$and" else any)(matches(run, part) for part in test):
                return False
            continue
        value = value_at(run, key)
        for name, limit in (test if isinstance(test, dict) else {"$eq": test}).items():
            if not TESTS[name](value, limit):
                return False
    return True


class Query:
    """The root of every document: queries and mutations."""

    def __init__(self, server: StandIn) -> None:
        self.server = server

    def q_viewer(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        return {**USER, "flags": "{}", "teams": {"edges": [{"node": {"name": "team"}}]}, "apiKeys": {"edges": []}}

    def q_serverInfo(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        return {"features": []}

    def q_entity(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"id": "1", "name": arguments.get("name"), "organization": None}

    def q_project(self, arguments: dict[str, Any]) -> Project | None:
        return self.server.projects.get((arguments.get("entityName") or "team", arguments.get("name") or ""))

    q_model = q_project

    def q_upsertBucket(self, arguments: dict[str, Any]) -> dict[str, Any]:
        given = arguments["input"]
        project = self.server.project(given.get("entityName") or "team", given.get("modelName") or "uncategorized")
        name = given.get("name") or base64.b64decode(given["id"]).decode().split(":")[1]
        inserted = name not in project.runs
        run = project.run(name)
        if run.state != "running":
            run.state, run.exitcode = "running", None
        for theirs, ours in {"groupName": "group"}.items():
            if given.get(theirs) is not None:
                run.fields[ours] = given[theirs]
        for key in ("displayName", "notes", "tags", "commit", "jobType", "description", "host"):
            if given.get(key) is not None:
                run.fields[key] = given[key]
        run.config = given.get("config") or run.config
        run.summary = given.get("summaryMetrics") or run.summary
        run.sweep = given.get("sweep") or run.sweep
        run.state = given.get("state") or run.state
        run.heartbeat = now()
        return {"bucket": run, "inserted": inserted}

    def q_createRunFiles(self, arguments: dict[str, Any]) -> dict[str, Any]:
        given = arguments["input"]
        where = f"/uploads/{given['entityName']}/{given['projectName']}/{given['runName']}"
        files = [{"name": name, "uploadUrl": f"{self.server.url}{where}/{name}"} for name in given["files"]]
        return {"runID": "1", "uploadHeaders": [], "files": files}

    def q_stopRun(self, arguments: dict[str, Any]) -> dict[str, Any]:
        _, name, project, entity = base64.b64decode(arguments["input"]["id"]).decode().split(":")
        self.server.projects[entity, project].runs[name].stop_asked = True
        return {"success": True}

    def q_upsertSweep(self, arguments: dict[str, Any]) -> dict[str, Any]:
        given = arguments["input"]
        project = self.server.project(given.get("entityName") or "team", given.get("projectName") or "uncategorized")
        known = {sweep.q_id({}): sweep for sweep in project.sweeps.values()}
        sweep = known.get(given.get("id") or "")
        if sweep is None:
            name = f"sw{next(self.server.numbers):06}"
            sweep = project.sweeps[name] = Sweep(project, name)
            sweep.displayName = given.get("displayName") or ""
        if given.get("config"):
            prior = project.matching(given["priorRunsFilters"]) if given.get("priorRunsFilters") else []
            for run in prior:
                run.sweep = sweep.name
            sweep.configure(given["config"], [json.loads(run.config) for run in prior])
        sweep.state = given.get("state") or sweep.state
        return {"sweep": sweep, "configValidationWarnings": []}

    def q_createAgent(self, arguments: dict[str, Any]) -> dict[str, Any]:
        given = arguments["input"]
        project = self.q_project({"name": given.get("projectName"), "entityName": given.get("entityName")})
        if project is None or given["sweep"] not in project.sweeps:
            raise QueryError("sweep not found")
        name = f"agent-{next(self.server.numbers)}"
        self.server.agents[name] = project.sweeps[given["sweep"]]
        project.sweeps[given["sweep"]].state = "RUNNING"
        return {"agent": {"id": name}}

    def q_agentHeartbeat(self, arguments: dict[str, Any]) -> dict[str, Any]:
        given = arguments["input"]
        commands = self.server.commands(given["id"], json.loads(given.get("runState") or "{}"))
        return {"agent": {"id": given["id"]}, "commands": json.dumps(commands)}
