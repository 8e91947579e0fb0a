"""The record: what is kept of a run, one JSON line an event, appended and flushed so a kill loses one line at most.

The file is `<runs>/<experiment>/<variant>-s<seed>-<digest>/record.jsonl`. Its lines, by their `event`:
`start` (identity, config, provenance), `model` (the description that diagrams are drawn from), `epoch` (metrics, and
what else was looked at), `online` (where W&B shows it), `resume`, and `end` (how it ended, the summary, sample
predictions).
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from podium.spec import Config, PodiumError, Profile

FILE = "record.jsonl"

State = Literal["running", "finished", "failed", "pruned", "interrupted"]


@dataclass(frozen=True)
class Record:
    """One run as it was read back.

    Attributes:
        folder: where it lies; its name is the run's id.
        experiment: name of the experiment, or of the sweep's experiment.
        variant: name of the variant; `trial-003` for the third trial of a sweep.
        profile: "quick" or "full".
        sweep: the sweep's id where a sweep started the run, else "".
        config: every field of the config.
        provenance: commit, dirty, data (name and checksum), hardware, device, versions, command, started; `link`, the
            run's address at W&B, where it is online.
        model: the description of the model (see `podium.lab.training.describe`); empty until it is written.
        history: one dict an epoch, `epoch` counting from 1, metrics split first (`val_accuracy` in [0, 1]).
        summary: the metrics at the end; test metrics stand only here.
        samples: what a page may show of single predictions; see `podium.lab.training`.
        watches: one dict an epoch that was looked into; see `podium.lab.training.watching`.
        state: how it ended, "pruned" when its sweep ended it early; "running" when no end was written, so also after
            a kill.
        reason: why it failed or was pruned, in words.
        seconds: training time, summed over resumes.
    """

    folder: Path
    experiment: str
    variant: str
    profile: Profile
    config: dict[str, Any]
    provenance: dict[str, Any] = field(default_factory=dict)
    sweep: str = ""
    model: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    samples: dict[str, Any] = field(default_factory=dict)
    state: State = "running"
    reason: str = ""
    watches: list[dict[str, Any]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.folder.name


def run_folder(runs: Path, experiment: str, variant: str, config: Config) -> Path:
    """Return the folder of a run: equal configs share it, so that a second `train` finds what the first one made."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", variant).strip("-.")[:40] or "variant"
    return runs / experiment / f"{slug}-s{config.seed}-{config.digest()}"


def append_event(folder: Path, event: str, **values: Any) -> None:
    """Append one event and force it to the disk; a torn last line of an earlier kill is ended first.

    Raises:
        PodiumError: when the disk is full or refuses the write.
    """
    line = json.dumps({"event": event, **values}, default=_plain, ensure_ascii=False, sort_keys=True)
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            if file.tell() and _last_byte(path) != b"\n":
                file.write(b"\n")
            file.write(line.encode("utf-8", "surrogatepass") + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        msg = f"The record {path} cannot be written: {error.strerror}. Make room, then run it again: it resumes."
        raise PodiumError(msg) from error


def read_record(folder: Path) -> Record | None:
    """Read one run back; None when it was killed before its first line was whole.

    A torn last line is what a kill leaves, and is passed over. A broken line before whole ones is damage.

    Raises:
        PodiumError: for damage, naming file and line.
    """
    events = _events(folder / FILE)
    start = next((e for e in events if e["event"] == "start"), None)
    if start is None:
        return None
    history: dict[int, dict[str, Any]] = {}
    watches: dict[int, dict[str, Any]] = {}
    last: dict[str, Any] = {}
    model: dict[str, Any] = {}
    provenance = start["provenance"]
    for event in events:
        if event["event"] == "epoch":
            number = event["metrics"]["epoch"]
            history[number] = event["metrics"]  # an epoch trained again after a kill counts once
            if "watch" in event:
                watches[number] = {"epoch": number, **event["watch"]}
        elif event["event"] == "model":
            model = event["model"]
        elif event["event"] == "online":
            provenance = {**provenance, "link": event["link"]}
        elif event["event"] == "resume" and _other_code(event, provenance):
            provenance = {**provenance, "dirty": True}  # its commit alone no longer says which code made the run
        if event["event"] in ("end", "resume"):
            last = event
    ended = last.get("event") == "end"
    return Record(
        folder=folder,
        experiment=start["experiment"],
        variant=start["variant"],
        profile=start["profile"],
        sweep=start.get("sweep", ""),
        config=start["config"],
        provenance=provenance,
        model=model,
        history=[history[epoch] for epoch in sorted(history)],
        summary=last.get("summary", {}) if ended else {},
        samples=last.get("samples", {}) if ended else {},
        state=last["state"] if ended else "running",
        reason=last.get("reason", "") if ended else "",
        watches=[watches[epoch] for epoch in sorted(watches)],
    )


def read_runs(runs: Path, experiment: str | None = None) -> list[Record]:
    """Read every record under a folder, ordered by experiment and id; runs without a whole first line are left out."""
    pattern = f"{experiment or '*'}/*/{FILE}"
    found = (read_record(path.parent) for path in sorted(runs.glob(pattern)))
    return [record for record in found if record is not None]


def _events(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    events: list[dict[str, Any]] = []
    broken: int | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            event = json.loads(line.decode("utf-8", "surrogatepass"))
            kind = event["event"]
        except (ValueError, TypeError, KeyError):
            broken = number
            continue
        if broken is not None and kind != "resume":
            msg = f"{path}, line {broken}, is damaged: move the folder {path.parent.name} away and train it again."
            raise PodiumError(msg)
        broken = None  # torn by a kill, then resumed: whole again from here
        events.append(event)
    return events


def _other_code(resume: dict[str, Any], provenance: dict[str, Any]) -> bool:
    return bool(resume.get("dirty")) or resume.get("commit", "") not in ("", provenance.get("commit", ""))


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    msg = f"A record holds plain values; not {type(value).__name__}."
    raise TypeError(msg)
