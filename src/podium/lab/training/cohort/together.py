"""Train variants: those of one shape together where that gains, the others one after the other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch

from podium.lab.data.sets import Sets
from podium.lab.models import build_model
from podium.lab.training.cohort.adam import constants
from podium.lab.training.cohort.encoding import with_shared_encoding
from podium.lab.training.cohort.entrant import Entrant, Shared, enter
from podium.lab.training.cohort.grouping import first_slots, group, shape_of, stacks, why_alone
from podium.lab.training.cohort.loop import Cohort, Ended, Progress
from podium.lab.training.cohort.memory import Fit, remember, remembered
from podium.lab.training.cohort.stacking import MODEL, stack
from podium.lab.training.cohort.step import Member, Step
from podium.lab.training.loop import OUT_OF_MEMORY, choose_device, is_memory, train_run
from podium.lab.training.recording import Assignment, device_name
from podium.lab.training.tasks import build_task
from podium.lab.training.usage import make_room
from podium.runs import Record, read_record
from podium.runs.tracking import Mode
from podium.spec import Cohorts, Experiment, Profile, Project, Variant

MOST = 64  # variants of one cohort; more become another one
SLOW = "There is a performance drop"  # torch's warning where vmap falls back to a loop


def train_together(
    project: Project,
    experiment: Experiment,
    variants: Sequence[Variant],
    profile: Profile,
    *,
    tracker_mode: Mode = "auto",
    device: str = "auto",
    progress: Progress = lambda _variant, _moment: None,
    ended: Ended = lambda _variant, _record: None,
    notify: Callable[[str], None] = lambda _: None,
    sweep: str = "",
    mode: Cohorts = "auto",
) -> list[Record]:
    """Train variants to their ends, each from its checkpoint where it has one.

    Args:
        project: where the records go.
        experiment: the question the runs belong to.
        variants: the runs; none of them done.
        profile: "quick" or "full".
        tracker_mode: see `podium.runs.tracking`.
        device: "auto", "cpu" or "cuda".
        progress: called a few times an epoch with a variant and where it stands.
        ended: called with a variant and its record when it has ended.
        notify: called with a sentence when a run goes on, or variants of one shape are not trained together.
        sweep: the id of the sweep that asks for the runs.
        mode: "auto" trains together what gains by it, see `stacks`; "always" whatever has one shape; "never" nothing.

    Returns:
        One record a variant, in the order of `variants`.

    Raises:
        PodiumError: no such device, no disk space, damaged record.
        KeyboardInterrupt: after the records say "interrupted"; the next call resumes.
    """
    chosen = choose_device(device)
    shared: dict[str, Any] = {
        "project": project,
        "experiment": experiment,
        "profile": profile,
        "tracker_mode": tracker_mode,
        "sweep": sweep,
        "notify": notify,
    }
    found: dict[Variant, Record] = {}

    def end(variant: Variant, record: Record) -> None:
        found[variant] = record
        ended(variant, record)

    for alike in group(variants):
        assignments = [Assignment(variant=variant, device=chosen, **shared) for variant in alike]
        if _together(assignments, mode):
            _train_stacked(assignments, progress, end)
        for variant in alike:
            if variant in found:
                continue

            def show(moment: Any, *, variant: Variant = variant) -> None:
                progress(variant, moment)

            end(variant, train_run(variant=variant, device=device, progress=show, **shared))
    return [found[variant] for variant in variants]


def _together(assignments: Sequence[Assignment], mode: Cohorts) -> bool:
    """Say whether runs are stacked: those that began in a cohort go on in one, so that a resumed run keeps its bits."""
    first = assignments[0]
    if stacks(mode, first.device, first.config, len(assignments)):
        return True
    begun = (read_record(assignment.folder) for assignment in assignments)
    return mode == "auto" and any(record is not None and record.provenance.get("cohort") for record in begun)


def _train_stacked(assignments: Sequence[Assignment], progress: Progress, ended: Ended) -> None:
    """Train assignments of one shape in cohorts; those that cannot be are left alone."""
    first, more = assignments[0], len(assignments) - 1
    reason = why_alone(first.config)
    sets, reason = (None, reason) if reason else why_not(first)
    if reason:
        if more:
            first.notify(f"{first.variant.name} and {more} more are not trained together: {reason}")
        return
    most = MOST
    while assignments:
        some, rest = assignments[:most], assignments[most:]
        cohort = _cohort(some, sets)
        if cohort is None:
            if len(some) == 1:
                return  # alone, it will say what it lacks
            most = len(some) // 2
            continue
        asked = cohort.step.fit
        if cohort.train(progress, ended) and cohort.step.fit != asked:
            remember(first.project.build, _what(some), cohort.step.fit)
        del cohort
        make_room(first.device)
        assignments = rest


def _cohort(assignments: Sequence[Assignment], sets: Sets | None) -> Cohort | None:
    """Stack some runs; None where memory does not suffice for the stack itself, whatever a step takes."""
    entrants: list[Entrant] = []
    shared = Shared(len(assignments), sets)
    try:
        for assignment in assignments:
            entrants.append(enter(assignment, shared))  # noqa: PERF401 - one that fails leaves those before it
        config = assignments[0].config
        slots = first_slots([assignment.variant for assignment in assignments])
        asked = Fit(slots, parts=config.accumulate)
        return Cohort(entrants, remembered(assignments[0].project.build, _what(assignments), asked))
    except (MemoryError, RuntimeError) as error:
        if not is_memory(error):
            raise
    for entrant in entrants:
        entrant.fail(OUT_OF_MEMORY)
    make_room(assignments[0].device)
    return None


def why_not(assignment: Assignment) -> tuple[Sets | None, str]:
    """Try a step of two pictures under vmap; return the data that was loaded for it, and why it cannot be, or ""."""
    config, device = assignment.config, assignment.device
    member = Member(config, with_shared_encoding(config, build_model(config)).to(device))
    task = build_task(member.live, member.model, device)
    weights = stack([member, member], device)
    goes_K = torch.ones(2, dtype=torch.bool, device=device)
    fixed = constants([config] * 2, weights.values_KP)
    step = Step(member, task, weights, fixed=fixed, goes_K=goes_K, fit=Fit(2))
    step.feed(task.sets.validation.images[:2], task.sets.validation.targets[:2])
    keys_K = torch.zeros(2, dtype=torch.int64, device=device)
    before = {name: value.clone() for name, value in weights.buffers.items()}
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=SLOW)
            step.gradients(torch.arange(2, device=device).expand(2, 2), keys_K)
    except (RuntimeError, NotImplementedError, TypeError, ValueError, UserWarning) as error:
        if is_memory(error):
            return task.sets, ""
        return None, str(error).strip().partition("\n")[0] or type(error).__name__
    for name, value in before.items():
        if not torch.equal(value, weights.buffers[name]):
            said = f"its {name.removeprefix(MODEL)} changes as it trains, beside the weights that a cohort keeps."
            return None, f"{said} A norm over groups or layers has nothing of the kind."
    return task.sets, ""


def _what(assignments: Sequence[Assignment]) -> str:
    first = assignments[0]
    return f"{device_name(first.device)}, {len(assignments)} of shape {shape_of(first.config)}"
