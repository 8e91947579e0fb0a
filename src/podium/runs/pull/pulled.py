"""PulledRun: one run from anywhere, as it was read: W&B's server, an offline run file, or a Podium record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Origin = Literal["server", "offline", "record"]


@dataclass(frozen=True, kw_only=True)
class PulledRun:
    """One run, whole.

    Attributes:
        key: unique within its source and stable between pulls: `entity/project/id`, or a path below the pulled folder.
        id: the run's own id.
        name: what its author called it.
        origin: where it was read: "server", "offline" or "record".
        state: finished, failed, crashed, killed, running, interrupted or pruned; "crashed" when no end was written.
        reason: why it ended so, in words, where that is known.
        created: when it began, ISO 8601 in UTC, "" where unknown; `updated` when it last said something.
        seconds: how long it ran; None where unknown.
        commit: the code's commit, "" where unknown; `dirty` whether the tree differed, None where unknown.
        config: every config value, nested as it was logged.
        summary: the values at the end.
        history: one dict a logged step: `_step` (whole number) and the metrics of that step, `_timestamp` and
            `_runtime` where the source has them. Complete, never sampled.
        version: changes whenever the run changed; equal versions are not pulled again.
        extra: what else the source knows (host, python, program, job type, experiment, variant, profile, ...).
    """

    key: str
    id: str
    name: str
    origin: Origin
    state: str
    reason: str = ""
    entity: str = ""
    project: str = ""
    group: str = ""
    sweep: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    created: str = ""
    updated: str = ""
    seconds: float | None = None
    commit: str = ""
    dirty: bool | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    history: Sequence[Mapping[str, Any]] = ()
    version: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a pull did.

    Attributes:
        new: runs that were not here before.
        changed: runs that were, in another version.
        unchanged: runs that were not asked for again.
        keys: every run that the source has, in whatever version.
        problems: a sentence for each run that could not be read.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    keys: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            new=self.new + other.new,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            keys=self.keys + other.keys,
            problems=self.problems + other.problems,
        )
