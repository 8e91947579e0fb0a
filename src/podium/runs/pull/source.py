"""Sources: what a text names (a folder, a file, a path at W&B), and pulling it into the project's `build/pulled`."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from podium.runs.pull.pulled import Counts
from podium.runs.pull.records import Unit, find_units, read_unit
from podium.runs.pull.store import ABOUT, Store, pulled_folder
from podium.spec import PodiumError, Project

if TYPE_CHECKING:
    from podium.runs.pull.server import ServerPath

MANY = 32_000_000  # bytes: from here on a second process saves more than its start costs
PROCESSES = 4


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """What a pull left.

    Attributes:
        name: what the results are called.
        folder: where they lie.
        counts: what was new, changed and unchanged.
        removed: how many runs went, since the source has them no more.
    """

    name: str
    folder: Path
    counts: Counts
    removed: int = 0

    @property
    def runs(self) -> int:
        """How many runs there are now."""
        return self.counts.new + self.counts.changed + self.counts.unchanged

    def __str__(self) -> str:
        counts = self.counts
        parts = {"new": counts.new, "changed": counts.changed, "unchanged": counts.unchanged, "removed": self.removed}
        said = ", ".join(f"{number:,} {what}" for what, number in parts.items() if number)
        lines = [f"{self.name}: {self.runs:,} run{'' if self.runs == 1 else 's'} ({said or 'there is none'})"]
        lines += [f"not read: {problem}" for problem in counts.problems]
        return "\n".join(lines)


def pull_source(
    project: Project,
    sources: Sequence[str],
    *,
    name: str = "",
    filters: str = "",
    tags: tuple[str, ...] = (),
    console: Console | None = None,
) -> Pulled:
    """Pull runs whole into `build/pulled/<name>`; what did not change since the last time is not read again.

    Args:
        project: where the results go.
        sources: folders (or single `.wandb` files) of offline runs and records, or paths at W&B: `entity/project`,
            `entity/project/sweeps/ID`, `entity/project/runs/ID`.
        name: what the results are called; made from the first source where "".
        filters: W&B's filters as JSON; for paths at W&B only.
        tags: only runs that have all of them.
        console: where progress shows; the standard error where None.

    Raises:
        PodiumError: for a source that is neither, a name that another source has, filters that are no JSON object;
            where nothing was found, and what W&B's server refuses.
    """
    wanted = _filters(filters)
    local, paths = _told_apart(sources)
    if wanted and local:
        raise PodiumError(f"--filters are asked of W&B's server; {local[0][0]} is read here. Use --tag.")
    name = _checked_name(name) if name else _name_of(sources, paths)
    folder = pulled_folder(project, name)
    claim = sorted([str(path.resolve()) for _, path in local] + [str(path) for path in paths])
    _check_claim(folder, name, claim)
    store = Store(folder)
    counts = Counts()
    console = console or Console(stderr=True)
    with _progress(console) as show:
        if local:
            counts += pull_local(store, local, tags=tags, progress=show("reading"))
        if paths:
            counts += _pull_server(store, paths, console, filters=wanted, tags=tags, progress=show("asking W&B"))
    removed = store.keep_only(counts.keys)
    _write_claim(folder, claim)
    return Pulled(name=name, folder=folder, counts=counts, removed=removed)


def _pull_server(
    store: Store,
    paths: list[ServerPath],
    console: Console,
    *,
    filters: dict[str, Any],
    tags: tuple[str, ...],
    progress: Callable[[int, int], None],
) -> Counts:
    from podium.runs.pull.server import pull_server

    said: set[str] = set()

    def notify(sentence: str) -> None:
        if sentence not in said:
            said.add(sentence)
            console.print(sentence, markup=False, highlight=False)

    try:
        return pull_server(store, paths, filters=filters, tags=tags, progress=progress, notify=notify)
    except PodiumError as error:
        meant = [str(path) for path in paths if Path(str(path)).parent.is_dir() and Path(str(path)).parent != Path()]
        if meant:
            raise PodiumError(f"{error} (There is no folder {meant[0]} here, so W&B was asked.)") from error
        raise


def pull_local(
    store: Store,
    folders: Sequence[tuple[str, Path]],
    *,
    tags: tuple[str, ...] = (),
    progress: Callable[[int, int], None],
) -> Counts:
    """Read the runs below folders into a store, in several processes where there is much to read.

    Raises:
        PodiumError: where the folders hold no run, or the disk is full.
    """
    units: dict[str, Unit] = {}
    for text, folder in folders:
        prefix = f"{text.rstrip('/')}/" if len(folders) > 1 else ""
        units.update((unit.key, unit) for unit in find_units(folder, prefix))
    if not units:
        raise PodiumError(
            f"{', '.join(text for text, _ in folders)} holds no run: neither a record.jsonl nor a run-ID.wandb lies "
            f"below it. Name the folder that W&B's `wandb` folder lies in."
        )
    before = {run["key"]: run for run, _ in store.documents()}
    stale = [unit for key, unit in units.items() if key not in before or before[key]["version"] != unit.version]
    kept = {key for key in units if key in before and set(tags) <= set(before[key]["tags"])}
    problems, new, changed = [], 0, 0
    for done, (key, problem, there) in enumerate(_read_all(store, stale, tags), start=1):
        if problem:
            problems.append(problem)
        if there:
            new, changed = new + (key not in before), changed + (key in before)
        kept = kept | {key} if there else kept - {key}
        progress(done, len(stale))
    return Counts(
        new=new,
        changed=changed,
        unchanged=len(kept) - new - changed,
        keys=tuple(sorted(kept)),
        problems=tuple(problems),
    )


def _read_all(store: Store, units: list[Unit], tags: tuple[str, ...]) -> Iterator[tuple[str, str, bool]]:
    work = partial(_read_one, store, tags)
    processes = min(PROCESSES, _cores(), len(units))
    if processes < 2 or sum(unit.size for unit in units) < MANY:
        yield from map(work, units)
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=_end_with_parent) as pool:
        try:
            yield from pool.map(work, units, chunksize=min(8, -(-len(units) // processes)))
        finally:
            pool.shutdown(cancel_futures=True)


def _read_one(store: Store, tags: tuple[str, ...], unit: Unit) -> tuple[str, str, bool]:
    """Read one run into the store: its key, what is wrong with it, and whether it is there now."""
    try:
        run = read_unit(unit)
    except PodiumError as error:
        return unit.key, str(error), False
    if run is None or not set(tags) <= set(run.tags):
        return unit.key, "", False
    try:
        store.write(run)
    except RecursionError:
        return unit.key, f"{unit.key} holds a value that is nested too deep.", False
    return unit.key, "", True


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _end_with_parent() -> None:
    """End this process when the one that started it is killed: nobody else would."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def _told_apart(sources: Sequence[str]) -> tuple[list[tuple[str, Path]], list[ServerPath]]:
    from podium.runs.pull.server import server_path

    local: list[tuple[str, Path]] = []
    paths: list[ServerPath] = []
    for text in dict.fromkeys(sources):
        here = Path(text).expanduser()
        if here.is_dir() or (here.is_file() and here.suffix == ".wandb"):
            local.append((text, here))
        elif (path := server_path(text)) is not None:
            paths.append(path)
        else:
            raise PodiumError(
                f"{text!r} is neither a folder here nor a path at W&B. Name a folder of runs, or entity/project, "
                f"entity/project/sweeps/ID or entity/project/runs/ID."
            )
    if not local and not paths:
        raise PodiumError("Name what to pull: a folder of runs, or entity/project at W&B.")
    return local, paths


def _filters(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        filters = json.loads(text)
    except ValueError as error:
        raise PodiumError(f'--filters must be JSON, such as {{"state": "finished"}}; {text!r}: {error}.') from error
    if not isinstance(filters, dict):
        raise PodiumError(f'--filters must be a JSON object, such as {{"state": "finished"}}; not {text}.')
    return filters


def _name_of(sources: Sequence[str], paths: Sequence[ServerPath]) -> str:
    first = str(paths[0]).replace("/sweeps/", "/").replace("/runs/", "/") if len(paths) == len(sources) else ""
    text = first or Path(sources[0]).expanduser().resolve().name.removesuffix(".wandb")
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "runs"
    return slug if len(sources) == 1 else f"{slug}-and-{len(sources) - 1}-more"


def _checked_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise PodiumError(f"--name is a folder's name of letters, digits, '.', '_' and '-'; not {name!r}.")
    return name


def _check_claim(folder: Path, name: str, sources: list[str]) -> None:
    """Refuse a second source under one name: the two would take each other's runs away."""
    try:
        before = json.loads((folder / ABOUT).read_text())["sources"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if before != sources:
        raise PodiumError(
            f"{name} was pulled from {', '.join(map(str, before))}. Give this pull another --name, or delete {folder}."
        )


def _write_claim(folder: Path, sources: list[str]) -> None:
    about = folder / ABOUT
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = about.with_name(f".{ABOUT}-{os.getpid()}")
        temporary.write_text(json.dumps({"sources": sources}) + "\n")
        temporary.replace(about)
    except OSError as error:
        raise PodiumError(f"{about} cannot be written: {error.strerror or error}. Make room, then pull.") from error


@contextmanager
def _progress(console: Console) -> Generator[Callable[[str], Callable[[int, int], None]], None, None]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:

        def show(what: str) -> Callable[[int, int], None]:
            task = bar.add_task(what, total=None)
            return lambda done, total: bar.update(task, completed=done, total=total)

        yield show
