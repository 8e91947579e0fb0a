"""Listing: the runs behind a W&B path, with config and summary, a thousand a request."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import unquote

from podium.runs.pull.connection import Connection, ServerTroubleError
from podium.runs.pull.pulled import PulledRun
from podium.runs.pull.windows import restored
from podium.spec import PodiumError

PER_PAGE = (1_000, 200, 50)  # a server that cannot answer a thousand runs is asked for fewer
PAGE_PATIENCE = 20.0  # seconds, before a smaller page is tried
LISTINGS = 3  # times a list is read when runs come and go meanwhile
VERSION = "server-1"  # raise the number when a run would be kept otherwise

STATES = {"preempted": "interrupted", "preempting": "running", "pending": "running"}
NAMES = re.compile(
    r"(?:https?://[^/]+/(?:wandb/(?=[^/]+/[^/]+/(?:runs|sweeps|workspace)))?)?(?P<path>[^:?#]+)(?:[?#].*)?"
)

# The fields of W&B's own RunFragment (wandb/apis/public/runs.py), and what its sweep controller asks besides.
QUERY = """
query PodiumRuns($entity: String!, $project: String!, $filters: JSONString, $cursor: String, $perPage: Int) {
    project(name: $project, entityName: $entity) {
        runCount(filters: $filters)
        runs(filters: $filters, after: $cursor, first: $perPage, order: "+created_at") {
            edges {
                node {
                    id name displayName sweepName state exitcode stopped config summaryMetrics historyLineCount
                    historyKeys group jobType commit createdAt heartbeatAt description notes tags
                    user { username }
                }
                cursor
            }
            pageInfo { endCursor hasNextPage }
        }
    }
}
"""
SWEEP_QUERY = """
query PodiumSweep($entity: String!, $project: String!, $sweep: String!) {
    project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) { name } }
}
"""

Kind = Literal["project", "sweep", "run"]


@dataclass(frozen=True)
class ServerPath:
    """A project at W&B, one of its sweeps, or one of its runs."""

    entity: str
    project: str
    kind: Kind = "project"
    id: str = ""

    def __str__(self) -> str:
        """Give the path as W&B writes it."""
        rest = "" if self.kind == "project" else f"/{self.kind}s/{self.id}"
        return f"{self.entity}/{self.project}{rest}"


@dataclass(frozen=True)
class Listed:
    """One run as the list gives it."""

    path: ServerPath
    node: Mapping[str, Any]

    @property
    def key(self) -> str:
        """`entity/project/id`."""
        return f"{self.path.entity}/{self.path.project}/{self.name}"

    @property
    def version(self) -> str:
        """A digest of everything that the list says: it changes whenever the run does."""
        text = json.dumps(self.node, sort_keys=True)
        return f"{VERSION}:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"

    @property
    def name(self) -> str:
        """Its id, which W&B calls its name."""
        return str(self.node["name"])

    @property
    def lines(self) -> int:
        """How many history rows it has."""
        return int(self.node.get("historyLineCount") or 0)

    @property
    def last_step(self) -> int | None:
        """Its last step, where the server knows it."""
        keys = self.node.get("historyKeys")
        keys = json.loads(keys) if isinstance(keys, str) else keys
        last = keys.get("lastStep") if isinstance(keys, dict) else None
        return int(last) if isinstance(last, int | float) else None


def server_path(text: str) -> ServerPath | None:
    """Read `entity/project`, `entity/project/sweeps/ID`, `entity/project/runs/ID`, or their web addresses.

    >>> server_path("https://wandb.ai/team/digits/sweeps/ab12?nw=x")
    ServerPath(entity='team', project='digits', kind='sweep', id='ab12')
    >>> server_path("team/digits/ab12").kind
    'run'
    >>> server_path("digits") is None
    True
    """
    match = NAMES.fullmatch(text.strip())
    parts = [part for part in match["path"].split("/") if part] if match else []
    if "://" in text:
        parts = [unquote(part) for part in parts]
    if len(parts) == 3 and parts[2] in ("workspace", "table", "sweeps", "runs", "overview"):
        parts = parts[:2]
    if len(parts) == 2:
        return ServerPath(parts[0], parts[1])
    if len(parts) == 3:
        return ServerPath(parts[0], parts[1], "run", parts[2])
    kinds: dict[str, Kind] = {"sweeps": "sweep", "sweep": "sweep", "runs": "run", "run": "run"}
    if len(parts) >= 4 and parts[2] in kinds:
        return ServerPath(parts[0], parts[1], kinds[parts[2]], parts[3])
    return None


def list_runs(
    connection: Connection,
    paths: Sequence[ServerPath],
    *,
    filters: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
) -> dict[str, Listed]:
    """List the runs behind some paths, each once, by their keys.

    Args:
        connection: where to ask.
        paths: projects, sweeps and runs; runs of one project are asked for together.
        filters: a MongoDB filter as `wandb.Api().runs` takes it.
        tags: all of these a run must bear.

    Raises:
        PodiumError: where there is no such project, sweep or run.
    """
    listed: dict[str, Listed] = {}
    together: dict[tuple[str, str], list[str]] = {}
    for path in dict.fromkeys(paths):
        if path.kind == "run":
            together.setdefault((path.entity, path.project), []).append(path.id)
            continue
        found = _list(connection, path, _filter(path, filters, tags))
        if path.kind == "sweep" and not found:
            _check_sweep(connection, path)
        listed |= found
    for (entity, project), names in together.items():
        path = ServerPath(entity, project)
        found = _list(connection, path, {"$and": [{"name": {"$in": names}}, _filter(path, filters, tags)]})
        missing = [name for name in names if f"{entity}/{project}/{name}" not in found]
        if missing and not filters and not tags:
            raise PodiumError(
                f"{entity}/{project} has no run {', '.join(missing)}. A run's id ends its address at W&B."
            )
        listed |= found
    return listed


def to_pulled(listed: Listed) -> PulledRun:
    """Return what the list says of a run: everything but its history."""
    node, path = listed.node, listed.path
    summary = _mapping(node.get("summaryMetrics"))
    internal = summary.pop("_wandb", None)
    runtime = internal.get("runtime") if isinstance(internal, dict) else None
    created, updated = _moment(node.get("createdAt")), _moment(node.get("heartbeatAt"))
    extra = {
        "job_type": node.get("jobType"),
        "user": (node.get("user") or {}).get("username"),
        "description": node.get("description"),
    }
    state = str(node.get("state") or "crashed")
    return PulledRun(
        key=listed.key,
        id=listed.name,
        name=str(node.get("displayName") or listed.name),
        origin="server",
        state=STATES.get(state, state),
        reason=_reason(node, state, updated),
        entity=path.entity,
        project=path.project,
        group=node.get("group") or "",
        sweep=node.get("sweepName") or "",
        notes=node.get("notes") or "",
        tags=tuple(node.get("tags") or ()),
        created=created,
        updated=updated,
        seconds=_seconds(runtime, summary.get("_runtime"), created, updated),
        commit=node.get("commit") or "",
        config=_config(node.get("config")),
        summary=restored(summary),
        version=listed.version,
        extra={name: value for name, value in extra.items() if value not in (None, "")},
    )


def _list(connection: Connection, path: ServerPath, filters: dict[str, Any]) -> dict[str, Listed]:
    nodes: dict[str, Any] = {}
    for _ in range(LISTINGS):
        nodes, counts = _pages(connection, path, filters)
        if counts == {len(nodes)}:  # no run came or went while the pages were read
            break
    at = ServerPath(path.entity, path.project)
    return {run.key: run for run in (Listed(at, node) for node in nodes.values())}


def _pages(connection: Connection, path: ServerPath, filters: dict[str, Any]) -> tuple[dict[str, Any], set[int]]:
    nodes: dict[str, Any] = {}
    counts: set[int] = set()
    cursor, sizes = None, list(PER_PAGE)
    while True:
        asked = {"entity": path.entity, "project": path.project, "filters": json.dumps(filters), "cursor": cursor}
        try:
            data = connection.ask(QUERY, {**asked, "perPage": sizes[0]}, patience=PAGE_PATIENCE if sizes[1:] else None)
        except ServerTroubleError:
            if not sizes[1:]:
                raise
            del sizes[0]
            continue
        project = data.get("project")
        if project is None:
            raise _no_project(path)
        try:
            fresh = {edge["node"]["name"]: edge["node"] for edge in project["runs"]["edges"]}
            page = project["runs"]["pageInfo"]
            nodes.update(fresh)
            counts.add(int(project["runCount"]))
            more = bool(page["hasNextPage"]) and bool(fresh) and page["endCursor"] != cursor
            cursor = page["endCursor"]
        except (KeyError, TypeError, ValueError) as error:
            msg = f"{connection.base_url} answered a list of runs that Podium cannot read ({error!r})."
            raise PodiumError(msg) from error
        if not more:
            return nodes, counts


def _check_sweep(connection: Connection, path: ServerPath) -> None:
    data = connection.ask(SWEEP_QUERY, {"entity": path.entity, "project": path.project, "sweep": path.id})
    if data.get("project") is None:
        raise _no_project(path)
    if data["project"].get("sweep") is None:
        raise PodiumError(
            f"{path.entity}/{path.project} has no sweep {path.id!r}. A sweep's id ends its address at W&B."
        )


def _no_project(path: ServerPath) -> PodiumError:
    return PodiumError(
        f"W&B has no project {path.entity}/{path.project} that this key may read. Check both names, and `wandb login`."
    )


def _filter(path: ServerPath, filters: Mapping[str, Any] | None, tags: Sequence[str]) -> dict[str, Any]:
    parts: list[Mapping[str, Any]] = [{"sweep": path.id}] if path.kind == "sweep" else []
    parts += [filters] if filters else []
    parts += [{"tags": {"$in": [tag]}} for tag in tags]
    return {"$and": parts} if len(parts) > 1 else dict(parts[0]) if parts else {}


def _mapping(text: Any) -> dict[str, Any]:
    if isinstance(text, dict):
        return dict(text)
    try:
        value = json.loads(text or "{}", strict=False)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _config(text: Any) -> dict[str, Any]:
    """Unwrap `{"lr": {"value": 0.1}}`, and leave out what W&B keeps there for itself."""
    return {
        key: item["value"] if isinstance(item, dict) and "value" in item else item
        for key, item in _mapping(text).items()
        if key not in ("_wandb", "wandb_version")
    }


def _reason(node: Mapping[str, Any], state: str, updated: str) -> str:
    code = node.get("exitcode")
    if state == "crashed":
        return f"no sign of life since {updated}"
    if node.get("stopped") and state in ("killed", "failed"):
        return "stopped at W&B"
    return f"exit code {code}" if state in ("failed", "killed") and code else ""


def _moment(text: Any) -> str:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return ""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="seconds")


def _seconds(wandbs: Any, last: Any, created: str, updated: str) -> float | None:
    for value in (wandbs, last):
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return float(value)
    if created and updated:
        return (datetime.fromisoformat(updated) - datetime.fromisoformat(created)).total_seconds()
    return None
