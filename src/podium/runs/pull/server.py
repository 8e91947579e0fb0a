"""Pull from W&B's server: one request lists many runs, one request brings many histories, and nothing is asked twice.

Histories are complete (see `podium.runs.pull.windows`). Each run goes to the store as soon as it is whole, so a pull
that was cut off goes on where it was. Threads ask; where there is much to read, processes parse and write.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from podium.runs.pull.columns import plain_history
from podium.runs.pull.connection import MOST_AT_ONCE, Connection, ServerTroubleError
from podium.runs.pull.listing import VERSION, Listed, ServerPath, list_runs, server_path, to_pulled
from podium.runs.pull.pulled import Counts, PulledRun
from podium.runs.pull.store import Store
from podium.runs.pull.windows import Window, parse_rows, shortened, windows
from podium.spec import PodiumError

__all__ = ["ServerPath", "pull_server", "server_path"]

ROWS = 10_000  # rows expected in one request at most
WINDOWS = 20  # windows in one request at most
MANY_ROWS = 200_000  # from here on processes are worth their start

Progress = Callable[[int, int], None]


class Kept(Protocol):
    """What a pull needs of a store."""

    folder: Path

    def versions(self) -> dict[str, str]:
        """Map each run's key to the version that is kept."""

    def read(self, key: str) -> PulledRun:
        """Give a run that is kept."""

    def write(self, run: PulledRun) -> None:
        """Keep a run."""


@dataclass(frozen=True)
class Wanted:
    """A run to bring, the rows of it that are kept already and stand, and the first step that is not."""

    run: Listed
    rows: int = 0
    first: int = 0

    def windows(self) -> list[Window]:
        """Return what to ask for."""
        return windows(self.run.name, self.run.lines - self.rows, self.run.last_step, self.first)


@dataclass(frozen=True)
class Batch:
    """Runs whose histories are asked for together."""

    runs: tuple[Wanted, ...]
    asked: tuple[Window, ...]


@dataclass(frozen=True)
class Job:
    """A run to write: what the list says of it, how many rows the server counts, and the rows, a JSON text a line.

    With `onto`, the rows come after those that are kept.
    """

    run: PulledRun
    lines: int
    text: str
    onto: bool


def pull_server(
    store: Kept,
    paths: Sequence[ServerPath],
    *,
    filters: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
    progress: Progress | None = None,
    notify: Callable[[str], None] | None = None,
    connection: Connection | None = None,
) -> Counts:
    """Bring a store up to date with W&B's server.

    Args:
        store: where each run goes once it is whole.
        paths: projects, sweeps and runs.
        filters: a MongoDB filter as `wandb.Api().runs` takes it.
        tags: all of these a run must bear.
        progress: told (runs done, runs in all).
        notify: told in a sentence when the server makes us wait.
        connection: where to ask; a new one where None. It is closed at the end.

    Raises:
        PodiumError: for a refused key, no such project, no network, a full disk. What was pulled stays.
    """
    show = progress or (lambda _done, _total: None)
    connection = connection or Connection(notify=notify)
    kept = store.versions()
    listed = list_runs(connection, paths, filters=filters, tags=tags)
    wanted = [run for run in listed.values() if kept.get(run.key) != run.version]
    gone: set[str] = set()
    missing: set[str] = set()
    done = unchanged = len(listed) - len(wanted)
    show(done, len(listed))

    problems: list[str] = []

    def finish(batch: Batch, vanished: set[str], unread: dict[str, str]) -> None:
        nonlocal done
        gone.update(vanished)
        problems.extend(unread.values())
        missing.update(unread)
        done += len(batch.runs)
        show(done, len(listed))

    _fetch(connection, store, _batches([_wanted(store, run, kept) for run in wanted]), finish)
    there = [run.key for run in wanted if run.key not in gone | missing]
    changed = sum(key in kept for key in there)
    keys = tuple(sorted(listed.keys() - gone))
    return Counts(
        new=len(there) - changed, changed=changed, unchanged=unchanged, keys=keys, problems=tuple(sorted(problems))
    )


def _wanted(store: Kept, run: Listed, kept: Mapping[str, str]) -> Wanted:
    """Find what of a changed run stands: all of it where only its tags or notes changed, what it had while it ran."""
    if not kept.get(run.key, "").startswith(f"{VERSION}:"):
        return Wanted(run)
    try:
        before = store.read(run.key)
    except PodiumError:  # damaged: bring it whole
        return Wanted(run)
    rows = len(before.history)
    counted = int(before.extra.get("history_lines", rows))
    edited = counted == run.lines and before.updated == to_pulled(run).updated
    if not rows or counted > run.lines or not (edited or before.state == "running"):
        return Wanted(run)
    last = before.history[-1].get("_step")
    return Wanted(run, counted, last + 1) if isinstance(last, int) else Wanted(run)


def _batches(runs: Sequence[Wanted]) -> list[Batch]:
    """Put runs together until a request has enough to bring; the longest first, since the last one is waited for."""
    cut = [(wanted, wanted.windows()) for wanted in runs]
    cut.sort(key=lambda pair: -len(pair[1]))
    batches: list[Batch] = []
    members: list[Wanted] = []
    asked: list[Window] = []
    for wanted, parts in cut:
        same = not members or members[0].run.path == wanted.run.path
        rows = sum(window.expected for window in (*asked, *parts))
        if members and not (same and rows <= ROWS and len(asked) + len(parts) <= WINDOWS):
            batches.append(Batch(tuple(members), tuple(asked)))
            members, asked = [], []
        members.append(wanted)
        asked += parts
    return [*batches, Batch(tuple(members), tuple(asked))] if members else batches


def _fetch(
    connection: Connection,
    store: Kept,
    batches: Sequence[Batch],
    finish: Callable[[Batch, set[str], dict[str, str]], None],
) -> None:
    if not batches:
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    much = sum(wanted.run.lines for batch in batches for wanted in batch.runs) >= MANY_ROWS and cores > 1
    context = multiprocessing.get_context("spawn")  # fork would copy threads that hold locks
    pool = ProcessPoolExecutor(min(cores, 4), mp_context=context, initializer=_begin_process) if much else None
    threads = ThreadPoolExecutor(min(MOST_AT_ONCE, len(batches)), thread_name_prefix="pull")

    def one(batch: Batch) -> tuple[Batch, set[str], dict[str, str]]:
        return batch, *_bring(connection, store, batch, pool)

    try:
        for future in as_completed([threads.submit(one, batch) for batch in batches]):
            finish(*future.result())
    except BrokenProcessPool as error:
        msg = "A process that wrote pulled runs died (out of memory?). What was pulled is kept: pull again, it goes on."
        raise PodiumError(msg) from error
    finally:
        connection.close()
        threads.shutdown(cancel_futures=True)
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _bring(
    connection: Connection, store: Kept, batch: Batch, pool: ProcessPoolExecutor | None
) -> tuple[set[str], dict[str, str]]:
    """Bring one batch; where the server keeps failing at it, run by run, so that one bad run stops no other.

    Returns:
        The keys of runs that were deleted meanwhile, and a sentence for each run that could not be read.
    """
    try:
        return _pull(connection, store, batch, pool), {}
    except ServerTroubleError as error:
        if len(batch.runs) > 1:
            alone = [
                _bring(connection, store, Batch((wanted,), tuple(wanted.windows())), pool) for wanted in batch.runs
            ]
            gone = set().union(*(gone for gone, _ in alone))
            return gone, {key: sentence for _, unread in alone for key, sentence in unread.items()}
        if not connection.answers():
            raise
        key = batch.runs[0].run.key
        return set(), {key: f"{key} ({error})"}


def _pull(connection: Connection, store: Kept, batch: Batch, pool: ProcessPoolExecutor | None) -> set[str]:
    """Bring one batch into the store; return the keys of runs that were deleted meanwhile."""
    path = batch.runs[0].run.path
    parts: dict[str, list[tuple[Window, list[str]]]] = {wanted.run.name: [] for wanted in batch.runs}
    gone: set[str] = set()
    for window, rows in _ask(connection, path, batch.asked):
        if rows is None:
            gone.add(window.run)
        else:
            parts[window.run].append((window, rows))
    jobs = [
        _job(connection, path, wanted, parts[wanted.run.name]) for wanted in batch.runs if wanted.run.name not in gone
    ]
    if pool is None:
        keep_runs(store, jobs)
    else:
        pool.submit(_keep_in, str(store.folder), jobs).result()
    return {wanted.run.key for wanted in batch.runs if wanted.run.name in gone}


def _job(connection: Connection, path: ServerPath, wanted: Wanted, parts: list[tuple[Window, list[str]]]) -> Job:
    """Make sure that a run is whole; what stood before counts only if everything adds up."""
    run = wanted.run
    found = _completed(connection, path, run.lines - wanted.rows, parts)
    onto = wanted.rows > 0
    if onto and wanted.rows + sum(len(rows) for _, rows in found) != run.lines:
        fresh = [(window, rows or []) for window, rows in _ask(connection, path, Wanted(run).windows())]
        found, onto = _completed(connection, path, run.lines, fresh), False
    found.sort(key=lambda part: part[0].low)
    return Job(to_pulled(run), run.lines, "\n".join(_lines(rows) for _, rows in found if rows), onto)


def _completed(
    connection: Connection, path: ServerPath, lines: int, parts: list[tuple[Window, list[str]]]
) -> list[tuple[Window, list[str]]]:
    """Halve windows that may have been sampled until the rows add up, or halving brings no more."""
    settled: list[tuple[Window, list[str]]] = []
    while True:
        everything = [*settled, *parts]
        doubtful = set(shortened([(window, len(rows)) for window, rows in everything], lines))
        doubtful -= {window for window, _ in settled}
        if not doubtful:
            return everything
        settled += [(window, rows) for window, rows in parts if window not in doubtful]
        before = [(window, rows) for window, rows in parts if window in doubtful]
        halves = [half for window, _ in before for half in window.halves()]
        answers = dict(_ask(connection, path, halves))
        parts = []
        for window, rows in before:
            fresh = [(half, answers[half] or []) for half in window.halves()]
            same = sum(len(got) for _, got in fresh) <= len(rows)
            if same:
                settled.append((window, rows))  # halves bring no more: it was whole
            else:
                parts += fresh


def _ask(connection: Connection, path: ServerPath, asked: Sequence[Window]) -> list[tuple[Window, list[str] | None]]:
    """Ask for windows, as many a request as are allowed; None stands for a run that is not there any more."""
    found: list[tuple[Window, list[str] | None]] = []
    for start in range(0, len(asked), WINDOWS):
        found += _ask_once(connection, path, asked[start : start + WINDOWS])
    return found


def _ask_once(
    connection: Connection, path: ServerPath, asked: Sequence[Window]
) -> list[tuple[Window, list[str] | None]]:
    try:
        data = connection.ask(
            _query(len(asked)),
            {"entity": path.entity, "project": path.project}
            | {
                f"{letter}{number}": value
                for number, window in enumerate(asked)
                for letter, value in zip("razs", (window.run, window.low, window.high, window.samples), strict=True)
            },
        )
    except ServerTroubleError:
        if len(asked) == 1 or len({window.run for window in asked}) > 1:
            raise  # several runs are tried one by one: see `_bring`
        middle = len(asked) // 2
        return [*_ask_once(connection, path, asked[:middle]), *_ask_once(connection, path, asked[middle:])]
    runs = data.get("project") or {}
    found: list[tuple[Window, list[str] | None]] = []
    for number, window in enumerate(asked):
        run = runs.get(f"p{number}")
        rows = run.get("history") if isinstance(run, dict) else None
        if run is not None and not (isinstance(rows, list) and all(type(row) is str for row in rows)):
            raise _unreadable(f"{path}/{window.run}", "no list of rows")
        found.append((window, rows))
    return found


def _query(count: int) -> str:
    """Write the query for several windows: W&B's own HistoryPage, once a window."""
    given = "".join(f", $r{n}: String!, $a{n}: Int64!, $z{n}: Int64!, $s{n}: Int!" for n in range(count))
    parts = "\n".join(
        f"p{n}: run(name: $r{n}) {{ history(minStep: $a{n}, maxStep: $z{n}, samples: $s{n}) }}" for n in range(count)
    )
    return (
        f"query PodiumHistories($entity: String!, $project: String!{given}) "
        f"{{ project(name: $project, entityName: $entity) {{\n{parts}\n}} }}"
    )


def keep_runs(store: Kept, jobs: Sequence[Job]) -> None:
    """Parse histories and write the runs.

    Raises:
        PodiumError: where a history is no JSON, or the disk is full.
    """
    for job in jobs:
        try:
            history: Sequence[Mapping[str, Any]] = plain_history(job.text) or parse_rows(job.text)
        except ValueError as error:
            raise _unreadable(job.run.key, str(error)) from error
        if job.onto:
            before = store.read(job.run.key).history
            history = [*before, *history] if history else before
        extra = job.run.extra if len(history) >= job.lines else {**job.run.extra, "history_lines": job.lines}
        store.write(replace(job.run, history=history, extra=extra))


def _lines(rows: Sequence[str]) -> str:
    """Join rows to a line each."""
    text = "\n".join(rows)
    return text if text.count("\n") == len(rows) - 1 else "\n".join(row.replace("\n", " ") for row in rows)


def _keep_in(folder: str, jobs: Sequence[Job]) -> None:
    keep_runs(Store(Path(folder)), jobs)


def _begin_process() -> None:
    """Let the parent alone hear Ctrl-C, and end when it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def _unreadable(key: str, what: str) -> PodiumError:
    return PodiumError(f"W&B's answer for the history of {key} cannot be read ({what}). Pull again; the rest is kept.")
