"""Whose trial is whose: on SQLite and on a real PostgreSQL alike."""

import contextlib
import time
from dataclasses import replace

import pytest
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from podium.lab.sweeps import storage as storage_module
from podium.lab.sweeps import study as module
from podium.lab.sweeps.configuration import configuration_from
from podium.lab.sweeps.processes import identity
from podium.lab.sweeps.search import ask
from podium.lab.sweeps.storage import open_storage
from podium.lab.sweeps.study import LostError, Outcome, Study, ended, is_lost, outcome_of, started
from podium.spec import PodiumError

GRID = {"method": "grid", "parameters": {"x": {"values": [10, 20, 30]}}}
ELSEWHERE = {"host": "elsewhere", "boot": "another", "pid": 1, "started": "1", "study": "x"}


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request):
    return "" if request.param == "sqlite" else request.getfixturevalue("postgresql")


@pytest.fixture
def opened(address, tmp_path, request):
    """Open the test's study, as often as it likes, each time as another worker."""
    with contextlib.ExitStack() as stack:

        def again(**changes):
            storage = open_storage(address, tmp_path)
            study = Study(storage, request.node.name, sampler=RandomSampler(seed=0), **changes)
            return stack.enter_context(study)

        yield again


CONFIGURATION = configuration_from(GRID, name="grid", where="test", notify=print)


def take(study, total=3):
    return study.take(lambda tables: ask(tables, CONFIGURATION, "sweep"), total=total)


def sign(study, asked, worker):
    study.storage.tables.set_trial_user_attr(study._trial_id(asked.trial.number), "worker", worker)


def test_each_trial_is_taken_once(opened):
    one, other = opened(), opened()
    asked = [take(one), take(other), take(one)]
    assert [a.parameters for a in asked] == [{"x": 10}, {"x": 20}, {"x": 30}]
    assert take(other) is None
    assert other.busy()
    for place, a in enumerate(asked):
        one.finish(a.trial.number, Outcome("finished", value=float(place)))
    assert take(other) is None
    assert not other.busy()
    assert {index: outcome_of(trial).value for index, trial in ended(one.trials()).items()} == {0: 0.0, 1: 1.0, 2: 2.0}


def test_a_total_ends_it_before_the_grid_does(opened):
    study = opened()
    assert take(study, total=1) is not None
    assert take(study, total=1) is None
    assert started(study.trials()) == {0}


def test_outcomes_read_back(opened):
    study = opened()
    outcomes = [Outcome("failed", "no such layer"), Outcome("pruned", "weak", 0.5), Outcome("finished", logged=("a",))]
    for outcome in outcomes:
        asked = take(study)
        if outcome.state == "pruned":
            study.report(asked.trial.number, 3, 0.5)
        study.finish(asked.trial.number, outcome)
    assert [outcome_of(trial) for _, trial in sorted(ended(study.trials()).items())] == outcomes
    assert [trial.state for trial in study.trials()] == [TrialState.FAIL, TrialState.PRUNED, TrialState.FAIL]


def test_a_value_that_is_no_number_teaches_nothing(opened):
    study = opened()
    study.finish(take(study).trial.number, Outcome("finished", value=float("nan")))
    assert study.trials()[0].state == TrialState.FAIL
    assert outcome_of(study.trials()[0]) == Outcome("finished")


def test_telling_twice_counts_once(opened):
    study = opened()
    number = take(study).trial.number
    for _ in range(2):
        study.finish(number, Outcome("finished", value=1.0))
    assert len(ended(study.trials())) == 1


def test_a_dead_process_is_succeeded_at_once(opened):
    study = opened()
    first = take(study)
    sign(study, first, {**identity(), "pid": 2**22 + 1, "study": "dead"})
    second = take(study)
    assert (second.index, second.parameters) == (first.index, first.parameters)
    assert second.trial.user_attrs["deaths"] == 1
    study.finish(second.trial.number, Outcome("finished", value=1.0))
    assert [is_lost(trial) for trial in study.trials()] == [True, False]
    assert [take(study).index, take(study).index] == [1, 2]
    with pytest.raises(LostError):
        study.finish(first.trial.number, Outcome("finished", value=2.0))
    with pytest.raises(LostError):
        study.finish(first.trial.number, Outcome("failed", "x"))
    with pytest.raises(LostError):
        study.report(first.trial.number, 1, 2.0)


def test_a_worker_that_closed_its_study_is_dead(opened):
    study = opened()
    with opened() as other:
        first = take(other)
    assert take(study).index == first.index


def test_a_living_worker_keeps_its_trial(opened):
    one, other = opened(), opened(grace=0.0)
    take(one)
    assert take(other).index == 1
    time.sleep(0.01)
    assert take(other).index == 2


def test_another_machine_is_given_some_time(opened):
    study = opened(grace=0.3)
    first = take(study)
    sign(study, first, ELSEWHERE)
    assert take(study).index == 1  # seen for the first time
    study.storage.tables.set_trial_user_attr(study._trial_id(first.trial.number), "beat", 1)
    time.sleep(0.4)
    assert take(study, total=2) is None  # it gave a sign of life meanwhile
    time.sleep(0.4)
    assert take(study).index == 0


def test_a_connection_that_breaks_after_taking_loses_nothing(opened, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    study = opened()
    sign_it, broken = study._set, []

    def set_and_break(*arguments, **rest):
        sign_it(*arguments, **rest)
        if not broken:
            broken.append(True)
            raise sqlalchemy.exc.OperationalError("", {}, Exception("gone"))

    monkeypatch.setattr(study, "_set", set_and_break)
    assert [take(study).index for _ in range(3)] == [0, 1, 2]
    assert len(study.trials()) == 4


def test_signs_of_life_say_when_the_trial_was_given_away(opened):
    one, other = opened(beat=0.02), opened(grace=0.0)
    asked = take(one)
    number = asked.trial.number
    with one.signs_of_life([number]) as lost:
        until = time.monotonic() + 20
        while not one.trials()[0].user_attrs.get("beat"):
            assert time.monotonic() < until
        assert not lost.is_set()
        other._queue_again(other.trials()[0], other.trials())
        assert lost.wait(20)


@pytest.mark.parametrize("moment", ["unsigned", "nameless", "between"])
def test_a_kill_in_the_middle_of_a_step_loses_nothing(opened, moment):
    """Unsigned: after a trial was taken. Nameless: before it got its index. Between: before it was queued again."""
    study = opened()
    if moment == "nameless":
        study.optuna.ask()
    else:
        asked = take(study)
        sign(study, asked, None if moment == "unsigned" else ELSEWHERE)
    if moment == "between":
        study._set(0, "lost", value=True)
        study._fail(study.trials()[0])
    taken = [take(study).index for _ in range(3)]
    assert taken == [0, 1, 2]
    assert take(study) is None


def test_a_trial_that_kills_every_worker_fails(opened, monkeypatch):
    monkeypatch.setattr(module, "MOST_DEATHS", 1)
    study = opened()
    for _ in range(2):
        asked = take(study)
        assert asked.index == 0
        sign(study, asked, {**identity(), "pid": 2**22 + 1, "study": "dead"})
    assert take(study).index == 1
    assert outcome_of(ended(study.trials())[0]).reason.startswith("its worker died 2 times while it ran")


def test_a_trial_is_given_back(opened):
    study = opened()
    first = take(study)
    assert study.give_back(first)
    again = take(study)
    assert (again.index, again.trial.user_attrs["kills"]) == (0, 0)
    assert study.give_back(again, killed=True)
    again = take(study)
    assert again.trial.user_attrs["kills"] == 1
    assert not study.give_back(again, killed=True)
    assert study.give_back(first)
    assert take(study).index == 1  # what is given back already is not given back twice


def test_failed_trials_run_again_when_asked_to(opened):
    study = opened()
    number = take(study).trial.number
    study.finish(number, Outcome("failed", "a bug"))
    study.run_again([number])
    study.run_again([number])
    assert ended(study.trials()) == {}
    again = take(study)
    assert (again.index, again.trial.user_attrs["again"]) == (0, True)
    assert take(study).index == 1


def test_a_server_that_comes_back_is_waited_for(opened, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    study = opened()
    left = [StorageInternalError("away"), sqlalchemy.exc.OperationalError("", {}, Exception("gone"))]

    def ask_in_vain(tables):
        if left:
            raise left.pop()
        return ask(tables, CONFIGURATION, "sweep")

    assert study.take(ask_in_vain).index == 0


def test_a_server_that_stays_away_is_a_sentence(opened):
    study = opened()
    storage = replace(study.storage, patience=-1.0)

    def fail():
        raise sqlalchemy.exc.OperationalError("", {}, Exception("connection refused\nmore"))

    with pytest.raises(PodiumError, match=r"does not answer \(connection refused\)\. Nothing that is finished is lost"):
        storage.patiently(fail)


def test_tables_of_another_optuna_are_a_sentence(tmp_path, monkeypatch):
    def other(*_, **__):
        raise RuntimeError("The runtime optuna version 5 is no longer compatible\nwith the table schema")

    monkeypatch.setattr(storage_module, "RDBStorage", other)
    with pytest.raises(PodiumError, match="was made by another Optuna: The runtime optuna version 5"):
        open_storage("", tmp_path)


def test_no_password_in_a_sentence(address, tmp_path):
    storage = open_storage(address, tmp_path)
    storage.close()
    assert "s3cret" not in storage.safe
