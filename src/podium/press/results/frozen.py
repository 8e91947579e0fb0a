"""Freezing: an experiment's ended runs as a committed CSV that git can diff, and reading it back exactly.

A row with an empty `epoch` is a run: who it is, `config.*`, `provenance.*`, and its summary's metrics. The rows under
it are its epochs. What has no place in a table, one model description and one set of samples a variant, stands in
the JSON beside it.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from podium.press.results.table import results_from
from podium.runs import Record, read_runs
from podium.spec import PodiumError, Profile, Project

FIRST = ("variant", "seed", "epoch", "run", "profile", "sweep", "state", "reason")


def freeze(project: Project, experiment: str, profile: Profile | None = None) -> list[Path]:
    """Write an experiment's ended runs to `experiments/<name>.csv` and `.json`, and return both paths.

    Args:
        project: where the runs are, and where the files go.
        experiment: its name.
        profile: which runs; those that comparisons are made of where None.

    Raises:
        PodiumError: where no run of the profile has ended, or the files cannot be written.
    """
    records = [record for record in read_runs(project.runs, experiment) if record.state in ("finished", "failed")]
    wanted = profile or results_from(records, experiment).profile
    kept = [record for record in records if record.profile == wanted]
    if not kept:
        raise PodiumError(
            f"{experiment} has no ended run of the {wanted} profile. "
            f"Run `podium train {experiment} --profile {wanted}`."
        )
    table, rest = project.experiments / f"{experiment}.csv", project.experiments / f"{experiment}.json"
    _write(table, to_csv(kept))
    _write(rest, to_json(kept))
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
    return list(_records(table, kept, experiment, project.runs / experiment))


def to_csv(records: Iterable[Record]) -> str:
    """Write records as CSV: sorted by variant, seed and run, floats by their exact `repr`."""
    rows = []
    for record in sorted(records, key=lambda r: (r.variant, r.config.get("seed", 0), r.id)):
        who = {"variant": record.variant, "seed": record.config.get("seed", 0), "run": record.id}
        rows.append(
            {
                **record.summary,
                **{f"config.{name}": value for name, value in record.config.items()},
                **{f"provenance.{name}": value for name, value in record.provenance.items()},
                **who,
                "profile": record.profile,
                "sweep": record.sweep,
                "state": record.state,
                "reason": record.reason,
            }
        )
        rows += [{**metrics, **who} for metrics in record.history]
    names = {name for row in rows for name in row} - set(FIRST)
    columns = [*FIRST, *sorted(names, key=lambda name: (name.startswith(("config.", "provenance.")), name))]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[name], name) if name in row else "" for name in columns] for row in rows)
    return text.getvalue()


def to_json(records: Iterable[Record]) -> str:
    """Write one model description and one set of samples a variant, those of its first run that has them."""
    kept: dict[str, dict[str, Any]] = {}
    for record in sorted(records, key=lambda r: (r.variant, r.config.get("seed", 0), r.id)):
        if record.state != "finished" or record.variant in kept or not (record.model or record.samples):
            continue
        kept[record.variant] = {"run": record.id, "model": record.model, "samples": record.samples}
    return json.dumps(kept, indent=1, sort_keys=True) + "\n"


def _records(table: Path, kept: dict[str, Any], experiment: str, folder: Path) -> Iterator[Record]:
    lines = csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"), newline=""))
    found: dict[str, Record] = {}
    for line in lines:
        try:
            values = {name: _value(text) for name, text in line.items() if text != ""}
            run, variant = str(line["run"]), str(_value(line["variant"]))
            if line["epoch"] != "":
                metrics = {name: value for name, value in values.items() if name not in {"variant", "seed", "run"}}
                found[run].history.append(metrics)
                continue
            rest = kept.get(variant, {})
            mine = rest if rest.get("run") == run else {}
            found[run] = Record(
                folder=folder / run,
                experiment=experiment,
                variant=variant,
                profile=values["profile"],
                sweep=str(values.get("sweep", "")),
                config=_under(values, "config."),
                provenance=_under(values, "provenance."),
                summary={
                    n: v for n, v in values.items() if n not in FIRST and not n.startswith(("config.", "provenance."))
                },
                state=values["state"],
                reason=str(values.get("reason", "")),
                model=mine.get("model", {}),
                samples=mine.get("samples", {}),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise PodiumError(
                f"{table.name}, line {lines.line_num}, is damaged. Freeze it again with `podium freeze {experiment}`, "
                f"or take it back from git."
            ) from error
    yield from found.values()


def _under(values: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _cell(value: Any, column: str) -> str:
    """Write a value so that `_value` reads the same back; one line of text that is no JSON stays bare."""
    if value == "":
        return "" if column in FIRST else '""'
    if isinstance(value, str) and value.isprintable():
        try:
            json.loads(value)
        except ValueError:
            return value
    return json.dumps(value, sort_keys=True)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read_json(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PodiumError(f"{path.name} is damaged ({error}). Freeze it again, or take it back from git.") from error
    if not isinstance(kept, dict):
        raise PodiumError(f"{path.name} must hold one object a variant; it holds a {type(kept).__name__}.")
    return kept


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
            file.write(text.encode())
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise PodiumError(f"{path} cannot be written: {error.strerror}. Make room, then freeze it again.") from error
