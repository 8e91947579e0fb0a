"""Study: which trial is whose, over any number of workers, so that each is finished once and none is lost.

Optuna keeps the trials. A worker signs the trial that it takes and goes on giving signs of life. A trial whose worker
is dead is queued again, by whoever next takes one: at once where the worker was a process of this machine, else when
it has given no sign for a while by our own clock (clocks of different machines do not agree). All of that happens under
the sweep's lock; what a kill leaves half done inside it is completed by the next holder.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import optuna
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from podium.lab.sweeps.processes import identity, is_dead
from podium.lab.sweeps.search import Asked, index_of
from podium.lab.sweeps.storage import Storage
from podium.spec import PodiumError

BEAT_SECONDS = 10.0
GRACE_SECONDS = 60.0  # without a sign of life from another machine
MOST_DEATHS = 10  # of workers, under one trial
MOST_KILLS = 1  # of a trial's own program, after which it has failed

State = Literal["finished", "failed", "pruned"]


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        state: as the record says it.
        reason: why it failed or was pruned.
        value: the sweep's metric; None where the run has none.
        logged: what it logged instead, where it has none.
        impossible: it failed because its values do not fit together, before anything ran.
    """

    state: State
    reason: str = ""
    value: float | None = None
    logged: tuple[str, ...] = ()
    impossible: bool = False


class Study:
    """The trials of one sweep, as one worker sees and changes them; a context that closes itself."""

    _open_here: ClassVar[set[str]] = set()  # the studies of this process that are still in use

    def __init__(
        self,
        storage: Storage,
        name: str,
        *,
        sampler: optuna.samplers.BaseSampler,
        direction: Literal["minimize", "maximize"] = "minimize",
        beat: float = BEAT_SECONDS,
        grace: float = GRACE_SECONDS,
    ) -> None:
        """Open a sweep's study, or make it.

        Args:
            storage: where.
            name: the sweep's name and id.
            sampler: what draws the values of new trials.
            direction: which values are better.
            beat: seconds between two signs of life.
            grace: seconds without one, after which a worker of another machine counts as dead.
        """
        self.storage, self.name, self._beat, self._grace = storage, name, beat, grace
        self.direction = direction
        self._me = identity() | {"study": uuid.uuid4().hex}
        self._open_here.add(self._me["study"])
        self._held: set[int] = set()  # the trials that `take` gave and that have not ended
        self._seen: dict[int, tuple[Any, float]] = {}  # trial: last sign of life, and when it was first seen
        self.optuna = storage.patiently(lambda: self._open(sampler))
        self._id = storage.patiently(lambda: storage.tables.get_study_id_from_name(name))

    def _open(self, sampler: optuna.samplers.BaseSampler) -> optuna.Study:
        with self.storage.exclusive(self.name):
            try:
                return optuna.create_study(
                    storage=self.storage.tables,
                    study_name=self.name,
                    direction=self.direction,
                    sampler=sampler,
                )
            except DuplicatedStudyError:
                return optuna.load_study(storage=self.storage.tables, study_name=self.name, sampler=sampler)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open_here.discard(self._me["study"])
        self.storage.close()

    def trials(self) -> list[FrozenTrial]:
        """Read every trial, retries and all."""
        return self.storage.patiently(lambda: self.storage.tables.get_all_trials(self._id, deepcopy=False))

    def take(self, ask: Callable[[optuna.Study], Asked | None], *, total: float = math.inf) -> Asked | None:
        """Take the next trial: a dead worker's first, else a new one while there are fewer than `total`.

        Returns:
            None where there is none to take now; `busy` says whether there may be one later.
        """

        def once() -> Asked | None:
            with self.storage.exclusive(self.name):
                self._take_up()
                trials = self._all()
                waits = any(trial.state == TrialState.WAITING for trial in trials)
                if not waits and len(started(trials)) >= total:
                    return None
                asked = ask(self.optuna)
                if asked is not None:
                    self._set(asked.trial.number, "worker", self._me)
                return asked

        taken = self.storage.patiently(once)
        if taken is not None:
            self._held.add(taken.trial.number)
        return taken

    def busy(self) -> bool:
        """Say whether a trial runs or waits: one that may be left to take if its worker dies."""
        return any(not trial.state.is_finished() for trial in self.trials())

    def at_work(self) -> bool:
        """Say whether a worker that lives runs a trial; one that died left its trial running, until one is taken."""

        def once() -> bool:
            with self.storage.exclusive(self.name):
                running = [trial for trial in self._all() if trial.state == TrialState.RUNNING]
                return not all(self._is_abandoned(trial) for trial in running)

        return self.storage.patiently(once)

    def report(self, number: int, step: int, value: float) -> None:
        """Note a trial's metric at a step, for the pruning of others.

        Raises:
            LostError: when the trial was given to another worker.
        """
        self._change(lambda: self.storage.tables.set_trial_intermediate_value(self._trial_id(number), step, value))

    def finish(self, number: int, outcome: Outcome) -> None:
        """Write how a trial ended: it counts from here.

        Raises:
            LostError: when the trial was given to another worker.
        """
        value = outcome.value if outcome.value is not None and math.isfinite(outcome.value) else None
        if outcome.state == "pruned":
            state, value = TrialState.PRUNED, None
        elif outcome.state == "finished" and value is not None:
            state = TrialState.COMPLETE
        else:
            state, value = TrialState.FAIL, None  # Optuna learns nothing from it; `outcome` says what it was

        def tell() -> None:
            trial = self._frozen(number)
            if trial.state == state and not is_lost(trial):
                return  # told before the connection broke
            kept = {
                "state": outcome.state,
                "reason": outcome.reason,
                "logged": list(outcome.logged),
                "impossible": outcome.impossible,
            }
            self._set(number, "outcome", kept)
            self.optuna.tell(number, value, state=state)

        self._change(tell)
        self._held.discard(number)

    def give_back(self, asked: Asked, *, killed: bool = False) -> bool:
        """Queue a trial again that this worker does not finish; say whether it may be tried again.

        Args:
            asked: the trial.
            killed: its program was killed by a signal: that happens to it once, then it has failed.

        Raises:
            LostError: when the trial was given to another worker.
        """
        kills = self._frozen(asked.trial.number).user_attrs.get("kills", 0) + killed
        if kills > MOST_KILLS:
            return False

        def once() -> None:
            with self.storage.exclusive(self.name):
                trial = self._frozen(asked.trial.number)
                if not (trial.state.is_finished() and trial.user_attrs.get("lost")):
                    self._queue_again(trial, self._all(), kills=kills)

        self._change(once)
        self._held.discard(asked.trial.number)
        return True

    def run_again(self, numbers: Iterable[int]) -> None:
        """Queue trials again that have ended, such as those before a program was mended.

        A record that one of them left counts no more, nor does that of one that a dead worker did not end.
        """

        def once() -> None:
            with self.storage.exclusive(self.name):
                trials = self._all()
                retried = {trial.user_attrs.get("retry_of") for trial in trials}
                for trial in trials:
                    if trial.number not in set(numbers) - retried:
                        continue
                    if trial.state.is_finished():
                        self._add_retry(trial, trials, again=True, deaths=0, kills=0)
                    else:
                        self._set(trial.number, "again", value=True)

        self.storage.patiently(once)

    @contextlib.contextmanager
    def signs_of_life(self, numbers: Iterable[int]) -> Generator[threading.Event]:
        """Give signs of life for trials while the block runs; the event is set when one was given to another worker."""
        lost, over = threading.Event(), threading.Event()

        def go_on() -> None:
            beats = 0
            while not over.wait(self._beat):
                beats += 1
                for number in numbers:
                    try:
                        self._set(number, "beat", beats)
                    except UpdateFinishedTrialError:
                        lost.set()
                    except Exception:  # noqa: BLE001, S112 - the server is away: the next beat may reach it
                        continue

        thread = threading.Thread(target=go_on, name="signs of life", daemon=True)
        thread.start()
        try:
            yield lost
        finally:
            over.set()
            thread.join()

    def _take_up(self) -> None:
        """Queue the trials of dead workers again."""
        trials = self._all()
        retried = {trial.user_attrs.get("retry_of") for trial in trials}
        for trial in trials:
            if trial.state == TrialState.RUNNING and self._is_abandoned(trial):
                deaths = trial.user_attrs.get("deaths", 0) + 1
                if deaths > MOST_DEATHS:
                    reason = f"its worker died {deaths} times while it ran; did the machine's memory run out?"
                    self._set(trial.number, "index", index_of(trial, trials))
                    self._set(trial.number, "outcome", {"state": "failed", "reason": reason})
                    self._fail(trial)
                else:
                    self._queue_again(trial, trials, deaths=deaths)
            elif is_lost(trial) and trial.number not in retried:  # a kill came between the two
                self._add_retry(trial, trials, deaths=trial.user_attrs.get("deaths", 0) + 1)

    def _is_abandoned(self, trial: FrozenTrial) -> bool:
        worker = trial.user_attrs.get("worker")
        if worker is None:
            return True  # killed between taking and signing: both happen under the lock that we hold
        if worker["study"] == self._me["study"]:
            return trial.number not in self._held  # the connection broke when it had just been taken
        if worker["study"] in self._open_here:
            return False
        dead = True if {**worker, "study": self._me["study"]} == self._me else is_dead(worker)
        if dead is not None:
            return dead
        beat = trial.user_attrs.get("beat", 0)
        now = time.monotonic()
        last, since = self._seen.setdefault(trial.number, (beat, now))
        if last != beat:
            self._seen[trial.number] = (beat, now)
            return False
        return now - since > self._grace

    def _queue_again(self, trial: FrozenTrial, trials: list[FrozenTrial], **changes: Any) -> None:
        try:
            self._set(trial.number, "lost", value=True)
        except UpdateFinishedTrialError:
            return  # it was not dead, and has just finished
        if self._fail(trial):
            self._add_retry(trial, trials, **changes)

    def _fail(self, trial: FrozenTrial) -> bool:
        try:
            return self.storage.tables.set_trial_state_values(self._trial_id(trial.number), TrialState.FAIL)
        except UpdateFinishedTrialError:
            return False

    def _add_retry(self, trial: FrozenTrial, trials: list[FrozenTrial], **changes: Any) -> None:
        known = trial.user_attrs
        kept = {key: known[key] for key in ("parameters", "deaths", "kills", "again") if key in known}
        attributes = {**kept, **changes, "retry_of": trial.number, "index": index_of(trial, trials)}
        self.optuna.add_trial(
            optuna.create_trial(
                state=TrialState.WAITING,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs=attributes,
            )
        )

    def _change(self, change: Callable[[], None]) -> None:
        try:
            self.storage.patiently(change)
        except (UpdateFinishedTrialError, ValueError) as error:  # Optuna's `tell` says ValueError
            raise LostError("The trial was given to another worker.") from error

    def _all(self) -> list[FrozenTrial]:
        return self.storage.tables.get_all_trials(self._id, deepcopy=False)

    def _frozen(self, number: int) -> FrozenTrial:
        return self.storage.tables.get_trial(self._trial_id(number))

    def _trial_id(self, number: int) -> int:
        return self.storage.tables.get_trial_id_from_study_id_trial_number(self._id, number)

    def _set(self, number: int, key: str, value: Any) -> None:
        self.storage.tables.set_trial_user_attr(self._trial_id(number), key, value)


class LostError(PodiumError):
    """This worker was silent for too long, and another one has its trial."""


def is_lost(trial: FrozenTrial) -> bool:
    """Say whether a trial is only what is left of a dead worker's try."""
    return trial.state == TrialState.FAIL and bool(trial.user_attrs.get("lost"))


def started(trials: Iterable[FrozenTrial]) -> set[int]:
    """Name the trials of the sweep that were begun, by index."""
    every = list(trials)
    return {index_of(trial, every) for trial in every if not trial.user_attrs.get("surplus")}


def counted(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Return the tries that count: one of each trial, those that were lost or are tried again left out."""
    every = list(trials)
    again = {trial.user_attrs.get("retry_of") for trial in every}
    return [trial for trial in every if not is_lost(trial) and trial.number not in again]


def ended(trials: Iterable[FrozenTrial]) -> dict[int, FrozenTrial]:
    """Return the trials of the sweep that have ended, by index."""
    every = list(trials)
    done = [trial for trial in counted(every) if trial.state.is_finished() and "outcome" in trial.user_attrs]
    return {index_of(trial, every): trial for trial in done}


def outcome_of(trial: FrozenTrial) -> Outcome:
    """Return how an ended trial ended."""
    kept: Mapping[str, Any] = trial.user_attrs["outcome"]
    value = trial.value if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) else None
    return Outcome(
        kept["state"], kept["reason"], value, tuple(kept.get("logged", ())), impossible=kept.get("impossible", False)
    )
