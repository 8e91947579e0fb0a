"""Freezing: an experiment's ended runs as a committed CSV that git can diff, and reading it back exactly.

A row with a `state` is a run: who it is, `config.*`, `provenance.*`, and its summary's metrics. The rows under it are
its epochs. A metric whose name is taken stands in `metric."name"` (see `podium.press.results.cells`). What has no place
in a table, one model description and one set of samples a variant, stands in the JSON beside it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from podium.press.results.cells import (
    from_cell,
    from_column,
    from_metric,
    read_rows,
    to_cell,
    to_column,
    to_metric,
    write_rows,
    written,
)
from podium.press.results.table import results_from
from podium.runs import Record, read_runs
from podium.runs.pull.exact import to_text
from podium.spec import PodiumError, Profile, Project

FIRST = ("variant", "seed", "epoch", "run", "profile", "sweep", "state", "reason")
TEXTS = ("variant", "run", "profile", "sweep", "state", "reason")  # an empty cell is an empty text here
NESTED = ("config.", "provenance.")
ENDED = ("finished", "failed", "pruned")


def freeze(project: Project, experiment: str, profile: Profile | None = None) -> list[Path]:
    """Write an experiment's ended runs to `experiments/<name>.csv` and `.json`, and return both paths.

    Args:
        project: where the runs are, and where the files go.
        experiment: its name.
        profile: which runs; those that comparisons are made of where None.

    Raises:
        PodiumError: where no run of the profile has ended, or the files cannot be written.
    """
    records = [record for record in read_runs(project.runs, experiment) if record.state in ENDED]
    wanted = profile or results_from(records, experiment).profile
    kept = [record for record in records if record.profile == wanted]
    if not kept:
        raise PodiumError(
            f"{experiment} has no ended run of the {wanted} profile. "
            f"Run `podium train {experiment} --profile {wanted}`."
        )
    table, rest = project.experiments / f"{experiment}.csv", project.experiments / f"{experiment}.json"
    for path, text in ((table, to_csv(kept)), (rest, to_json(kept))):
        with written(path) as file:
            file.write(text)
    return [table, rest]


def read_frozen(project: Project, experiment: str) -> list[Record]:
    """Read the frozen runs of an experiment back; an empty list where there are none.

    Raises:
        PodiumError: for a file that was damaged, naming file and line.
    """
    table, rest = project.experiments / f"{experiment}.csv", project.experiments / f"{experiment}.json"
    if not table.is_file():
        return []
    kept = _read_json(rest) if rest.is_file() else {}
    try:
        with table.open(encoding="utf-8", errors="surrogatepass", newline="") as file:
            return list(from_csv(file, kept, experiment, project.runs / experiment))
    except ValueError as error:
        raise PodiumError(
            f"{table.name}, {error}. Freeze it again with `podium freeze {experiment}`, or take it back from git."
        ) from error


def to_csv(records: Iterable[Record]) -> str:
    """Write records as CSV: sorted by variant, seed and run, floats by their exact `repr`."""
    rows: list[dict[str, str]] = []
    for record in sorted(records, key=_order):
        who = {"variant": record.variant, "seed": record.config.get("seed", 0), "run": record.id}
        run = {
            **who,
            "profile": record.profile,
            "sweep": record.sweep,
            "state": record.state,
            "reason": record.reason,
        }
        first = {name: "" if value == "" else to_cell(value) for name, value in run.items()}
        rows.append(
            {
                **_metrics(record.summary, FIRST),
                **{to_column("config.", name): to_cell(value) for name, value in record.config.items()},
                **{to_column("provenance.", name): to_cell(value) for name, value in record.provenance.items()},
                **first,
            }
        )
        whose = {name: first[name] for name in who}
        rows += [{**_metrics(metrics, [n for n in FIRST if n != "epoch"]), **whose} for metrics in record.history]
    names = {name for row in rows for name in row} - set(FIRST)
    columns = [*FIRST, *sorted(names, key=lambda name: (name.startswith(NESTED), name))]
    text = io.StringIO()
    write_rows(text, columns, ([row.get(name, "") for name in columns] for row in rows))
    return text.getvalue()


def from_csv(lines: Iterable[str], kept: Mapping[str, Any], experiment: str, folder: Path) -> Iterator[Record]:
    """Read what `to_csv` wrote, with the models and samples of `to_json`.

    Args:
        lines: the CSV.
        kept: a model description and samples a variant.
        experiment: the records' experiment.
        folder: where the records' folders lay.

    Raises:
        ValueError: naming the line, for a file that was damaged.
    """
    found: dict[str, Record] = {}
    for number, cells in read_rows(lines):
        try:
            text = {name: str(from_cell(cells[name])) if name in cells else "" for name in TEXTS}
            if "state" not in cells:
                found[text["run"]].history.append(_read_metrics(cells, [name for name in FIRST if name != "epoch"]))
                continue
            rest = kept.get(text["variant"], {})
            mine = rest if rest.get("run") == text["run"] else {}
            found[text["run"]] = Record(
                folder=folder / text["run"],
                experiment=experiment,
                variant=text["variant"],
                profile=from_cell(cells["profile"]),
                sweep=text["sweep"],
                config=_read_nested(cells, "config."),
                provenance=_read_nested(cells, "provenance."),
                summary=_read_metrics(cells, FIRST),
                state=from_cell(cells["state"]),
                reason=text["reason"],
                model=mine.get("model", {}),
                samples=mine.get("samples", {}),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"line {number}, is damaged") from error
    yield from found.values()


def to_json(records: Iterable[Record]) -> str:
    """Write one model description and one set of samples a variant, those of its first run that has them."""
    kept: dict[str, dict[str, Any]] = {}
    for record in sorted(records, key=_order):
        if record.state != "finished" or record.variant in kept or not (record.model or record.samples):
            continue
        kept[record.variant] = {"run": record.id, "model": record.model, "samples": record.samples}
    return to_text(kept, indent=1, sort_keys=True) + "\n"


def _order(record: Record) -> tuple[str, bool, Any, str]:
    seed = record.config.get("seed", 0)
    number = type(seed) in (int, float)
    return (record.variant, number, seed if number else to_cell(seed), record.id)


def _metrics(metrics: Mapping[str, Any], taken: Iterable[str]) -> dict[str, str]:
    return {to_metric(name, tuple(taken), NESTED): to_cell(value) for name, value in metrics.items()}


def _read_metrics(cells: Mapping[str, str], taken: Iterable[str]) -> dict[str, Any]:
    metrics = {name: cell for name, cell in cells.items() if name not in taken and not name.startswith(NESTED)}
    return {from_metric(name): from_cell(cell) for name, cell in metrics.items()}


def _read_nested(cells: Mapping[str, str], prefix: str) -> dict[str, Any]:
    return {from_column(n, prefix): from_cell(cell) for n, cell in cells.items() if n.startswith(prefix)}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise PodiumError(f"{path.name} is damaged ({error}). Freeze it again, or take it back from git.") from error
    if not isinstance(kept, dict):
        raise PodiumError(f"{path.name} must hold one object a variant; it holds a {type(kept).__name__}.")
    return kept
