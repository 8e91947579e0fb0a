"""A stand-in for W&B's server on loopback: a test fixture, no product.

It speaks as much of W&B's protocol as the real, unmodified wandb client (0.31) needs to log runs, to read projects,
runs, sweeps and complete histories, to create sweeps, to run agents and to stop runs. Everything lies in memory.

What it does not do: artifacts, reports, parquet exports, registries, accounts and permissions (one key, one user, any
entity), retention, and W&B's own searches: a sweep's trials come from a list or from a plain grid, and a run is stopped
when a test says so. It counts no load as the real server does; its rate limit is a plain number of requests a window.

Faults on purpose: `latency`, `rate`, `fail(...)`, `before(...)`, `sample_cap`, `offset_cursors`. As a process:
`python tests/stand_in_server.py --runs 1000 --steps 1000 --metrics 10 --latency 0.05` prints its address, and answers
`GET /stand-in/counts` and `POST /stand-in/reset`.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import itertools
import json
import random
import socket
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from stand_in_graphql import FieldError, QueryError, answer, parse
from stand_in_project import Project, Query, Run, Sweep, as_text, now

KEY = "local-" + "0123456789abcdef" * 3


@dataclass
class Fault:
    """What goes wrong the next times.

    `kind`: an HTTP status, "cut" (no answer), "half" (half an answer), "malformed" (half a JSON text), "html", or
    "graphql" (errors beside the data).
    """

    kind: int | str
    operation: str = ""
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)


class StandIn:
    """The server: start it, talk to `url` with `key`, look into `projects` and `counts`.

    Attributes:
        latency: seconds before every answer.
        rate: requests allowed in `rate_window` seconds; None for no limit. Over it: 429 with Retry-After.
        sample_cap: rows that one window of a history holds at most; more are sampled, whatever was asked.
        offset_cursors: list pages by position, so that a run deleted between two pages shifts the rest.
        trials: the parameters that sweeps hand out, instead of the grid of the configuration.
        stop_rule: says of a sweep's running run whether the server would stop it now (hyperband's part).
        read_yaml: reads a sweep configuration's text (the standard library cannot).
        counts: requests by operation; `peak` the most at one time.
    """

    def __init__(self, *, read_yaml: Callable[[str], dict[str, Any]] | None = None, key: str = KEY) -> None:
        self.key, self.read_yaml = key, read_yaml
        self.latency, self.rate_window = 0.0, 1.0
        self.rate: int | None = None
        self.sample_cap, self.offset_cursors = 10**9, False
        self.trials: list[dict[str, Any]] = []
        self.stop_rule: Callable[[Run], bool] = lambda _run: False
        self.projects: dict[tuple[str, str], Project] = {}
        self.agents: dict[str, Sweep] = {}
        self.given: dict[str, str] = {}  # the last run that each agent was told to start
        self.heartbeats: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = []
        self.counts: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.peak = self.open = 0
        self.faults: list[Fault] = []
        self.errors: list[str] = []  # what went wrong in the stand-in itself
        self.hooks: list[tuple[str, Callable[[], None]]] = []
        self.numbers = itertools.count(1)
        self.lock = threading.RLock()
        self.window_ends, self.window_count = 0.0, 0
        self.http = Server(("127.0.0.1", 0), Handler)
        self.http.stand_in = self
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()

    def project(self, entity: str, name: str) -> Project:
        """Return a project; a new one where there is none."""
        return self.projects.setdefault((entity, name), Project(self, entity, name))

    def fail(self, kind: int | str, operation: str = "", times: int = 1, **headers: str) -> None:
        """Let the next requests fail; see `Fault`. Headers are written with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.faults.append(Fault(kind, operation, times, named))

    def before(self, operation: str, action: Callable[[], None]) -> None:
        """Do something once, right before the next answer to an operation: pages that change while they are read."""
        self.hooks.append((operation, action))

    def environment(self) -> dict[str, str]:
        """Return what the unmodified client needs in its environment."""
        return {"WANDB_BASE_URL": self.url, "WANDB_API_KEY": self.key, "WANDB_ERROR_REPORTING": "false"}

    def reset(self) -> None:
        """Forget the counts."""
        self.counts.clear()
        self.statuses.clear()
        self.peak = 0

    def fault(self, operation: str) -> Fault | None:
        """Take the fault that meets a request, if any."""
        with self.lock:
            for place, (name, action) in enumerate(self.hooks):
                if name == operation:
                    del self.hooks[place]
                    action()
                    break
            for fault in self.faults:
                if fault.times > 0 and fault.operation in ("", operation):
                    fault.times -= 1
                    return fault
        return None

    def quota(self) -> dict[str, str] | None:
        """Count a request against the rate limit; return the headers, or None where it is over."""
        if self.rate is None:
            return {}
        with self.lock:
            moment = time.monotonic()
            if moment >= self.window_ends:
                self.window_ends, self.window_count = moment + self.rate_window, 0
            self.window_count += 1
            left = self.rate - self.window_count
            reset = f"{self.window_ends - moment:.3f}"
        return {"RateLimit-Remaining": str(left), "RateLimit-Reset": reset} if left >= 0 else None

    def commands(self, agent: str, running: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what an agent is told at a heartbeat: stop, run, or exit."""
        if agent not in self.agents or self.agents[agent].name not in self.agents[agent].project.sweeps:
            raise LookupError("sweep not found")
        sweep = self.agents[agent]
        told: list[dict[str, Any]] = []
        with self.lock:
            last = sweep.project.runs.get(self.given.get(agent, ""))
            if last is not None and last.name not in running and last.state == "running":
                last.settle(-1)  # its process is gone, and never said how it ended
                last.state = "killed" if last.stop_asked else "crashed"
            for name in running:
                run = sweep.project.runs.get(name)
                if run is not None and (run.stop_asked or self.stop_rule(run)):
                    run.stop_asked = True
                    told.append({"type": "stop", "run_id": name})
            if sweep.state in ("CANCELED", "FINISHED"):
                told.append({"type": "exit"})
            elif not running and sweep.state != "PAUSED":
                parameters = next(sweep.trials, None)
                if parameters is None:
                    sweep.state = "FINISHED"
                    told.append({"type": "exit"})
                else:
                    name = f"run{next(self.numbers):05}"
                    given = {key: {"value": value} for key, value in parameters.items()}
                    self.given[agent] = name
                    told.append({"type": "run", "run_id": name, "program": sweep.program, "args": given})
        self.heartbeats.append((agent, running, told))
        return told

    def stream(self, path: list[str], body: dict[str, Any]) -> dict[str, Any]:
        """Take a piece of a run's file stream."""
        entity, project, name = path
        run = self.project(entity, project).run(name)
        with self.lock:
            for file, chunk in body.get("files", {}).items():
                if file == "wandb-history.jsonl":
                    run.add(chunk["content"], chunk.get("offset"))
                elif file == "wandb-summary.json":
                    run.summary = json.dumps(as_text(json.loads(chunk["content"][-1])))
            run.heartbeat = now()
            if body.get("complete"):
                run.settle(int(body.get("exitcode") or 0))
        return {"limits": {}}

    def seed(self, runs: int, steps: int, metrics: int, *, path: str = "team/bench", sweep: str = "bench") -> None:
        """Fill a project with finished runs, their pages written beforehand.

        Fifty different histories are shared by the runs: the server must not be what a measurement measures.
        """
        project = self.project(*path.split("/"))
        project.sweeps[sweep] = Sweep(project, sweep)
        rng = random.Random(0)
        names = [f"metric_{number}" for number in range(metrics)]
        kinds: list[Run] = []
        for number in range(runs):
            run = project.run(f"bench{number:05}")
            run.fields = {"displayName": f"trial-{number:04}", "tags": ["bench"], "group": "bench"}
            run.sweep, run.state, run.exitcode = sweep, "finished", 0
            run.config = json.dumps({"lr": {"value": rng.random()}, "seed": {"value": number}})
            if number < 50:
                rows = (
                    {"_step": step, "_runtime": step * 0.5, "_timestamp": 1.7e9 + step * 0.5}
                    | {name: rng.random() for name in names}
                    for step in range(steps)
                )
                run.add([json.dumps(row, separators=(",", ":")) for row in rows])
                run.window(0, steps, steps)
                kinds.append(run)
            else:
                twin = kinds[number % 50]
                for shared in ("lines", "encoded", "steps", "pages", "keys"):
                    setattr(run, shared, getattr(twin, shared))
            run.summary = run.lines[-1] if run.lines else "{}"


class Server(ThreadingHTTPServer):
    """One thread a connection."""

    daemon_threads = True
    request_queue_size = 128
    stand_in: StandIn

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients that go away in the middle are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_: object) -> None:
        """Keep the terminal quiet."""

    def do_GET(self) -> None:
        stand_in = self.server.stand_in
        if self.path == "/stand-in/counts":
            text = {"operations": stand_in.counts, "statuses": stand_in.statuses, "peak": stand_in.peak}
            self.reply(200, json.dumps(text).encode())
        else:
            self.reply(404, b"{}")

    def do_PUT(self) -> None:
        stand_in = self.server.stand_in
        stand_in.counts["upload"] += 1
        _, _, entity, project, run, name = unquote(urlsplit(self.path).path).split("/", 5)
        stand_in.project(entity, project).run(run).files[name] = self.body()
        self.reply(200, b"{}")

    def do_POST(self) -> None:
        stand_in = self.server.stand_in
        body = self.body()
        path = urlsplit(self.path).path
        if path == "/stand-in/reset":
            stand_in.reset()
            self.reply(200, b"{}")
            return
        with stand_in.lock:
            stand_in.open += 1
            stand_in.peak = max(stand_in.peak, stand_in.open)
        try:
            self.serve(path, body)
        except (BrokenPipeError, ConnectionError):
            self.close_connection = True  # the client went away: part of the tests
        except Exception:  # noqa: BLE001 - a fixture that is wrong shall say so
            stand_in.errors.append(traceback.format_exc())
            self.reply(500, b'{"error":"the stand-in is wrong; see its errors"}')
        finally:
            with stand_in.lock:
                stand_in.open -= 1

    def serve(self, path: str, body: bytes) -> None:
        stand_in = self.server.stand_in
        given: dict[str, Any] = json.loads(body or b"{}") if not path.startswith("/sdk/") else {}
        operation = self.operation(path, given)
        stand_in.counts[operation] += 1
        if stand_in.latency:
            time.sleep(stand_in.latency)
        quota = stand_in.quota()
        if quota is None:
            self.reply(429, b'{"error":"rate limit exceeded"}', {"Retry-After": f"{stand_in.rate_window:g}"})
            return
        fault = stand_in.fault(operation)
        if fault is not None and isinstance(fault.kind, int):
            self.reply(fault.kind, b'{"error":"on purpose"}', fault.headers)
            return
        if fault is not None and fault.kind == "cut":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        login = base64.b64encode(f"api:{stand_in.key}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {login}":
            self.reply(401, b'{"errors":[{"message":"user is not logged in"}]}')
            return
        status, text = self.content(path, given)
        kinds = {"malformed": text[: len(text) // 2], "html": b"<html><body>Welcome to the hotel</body></html>"}
        kinds["graphql"] = b'{"errors":[{"message":"something went wrong"}],"data":null}'
        if fault is not None and fault.kind == "half":
            self.reply(status, text, {**quota, "cut": "half"})
            return
        self.reply(status, text if fault is None else kinds[str(fault.kind)], quota)

    def operation(self, path: str, given: dict[str, Any]) -> str:
        """Name a request for the counts."""
        if path != "/graphql":
            return "file_stream" if path.endswith("/file_stream") else "telemetry" if "/sdk/" in path else path
        try:
            return parse(given["query"]).operation
        except QueryError:
            return "unreadable"

    def content(self, path: str, given: dict[str, Any]) -> tuple[int, bytes]:
        """Answer an honest request."""
        stand_in = self.server.stand_in
        if path.endswith("/file_stream"):
            return 200, json.dumps(stand_in.stream(unquote(path).split("/")[2:5], given)).encode()
        if path != "/graphql":
            return (200, b"{}") if path.startswith("/sdk/") else (404, b"{}")
        try:
            data = answer(given["query"], given.get("variables") or {}, Query(stand_in))
        except QueryError as error:
            return 400, json.dumps({"errors": [{"message": str(error)}], "data": None}).encode()
        except FieldError as error:
            return 200, json.dumps({"errors": [{"message": str(error)}], "data": None}).encode()
        except LookupError as error:
            return 404, json.dumps({"errors": [{"message": str(error)}], "data": None}).encode()
        return 200, b'{"data":' + data + b"}"

    def body(self) -> bytes:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data

    def reply(self, status: int, text: bytes, headers: dict[str, str] | None = None) -> None:
        self.server.stand_in.statuses[status] += 1
        headers = dict(headers or {})
        half = headers.pop("cut", "")
        self.send_response_only(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(text), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(text[: len(text) // 2] if half else text)
        if half:
            self.close_connection = True


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    for name, default in (("runs", 0), ("steps", 1000), ("metrics", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    parser.add_argument("--address-file", type=Path, help="where the address is written once it can be asked")
    chosen = parser.parse_args()
    with StandIn() as stand_in:
        stand_in.latency = chosen.latency
        if chosen.runs:
            stand_in.seed(chosen.runs, chosen.steps, chosen.metrics)
        if chosen.address_file:
            chosen.address_file.write_text(stand_in.url)
        print(stand_in.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
