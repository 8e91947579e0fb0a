import os
import signal
import subprocess
import sys
import time

import pytest

from podium.lab.sweeps import processes
from podium.lab.sweeps.processes import MARK, Guard, identity, is_dead, marked, signal_group, sweep_up

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)",
]


@pytest.fixture
def start():
    started = []

    def run(words, token, **more):
        process = subprocess.Popen(words, env={**os.environ, MARK: token}, **more)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def wait_until(condition):
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_this_process_is_alive_and_its_number_alone_is_not_it():
    me = identity()
    assert is_dead(me) is False
    assert is_dead({**me, "started": "1"}) is True
    assert is_dead({**me, "boot": "another machine"}) is None


def test_without_a_proc_nothing_is_known(monkeypatch):
    monkeypatch.setattr(processes, "_boot", lambda: "")
    assert is_dead(identity()) is None


def test_the_dead_are_dead_before_they_are_buried(start):
    process = start([sys.executable, "-c", ""], "t")
    who = {**identity(), "pid": process.pid, "started": "any"}
    wait_until(lambda: is_dead(who))


def test_a_mark_covers_those_below_it_alone(start):
    one, below, other = start(SLEEP, "a.1"), start(SLEEP, "a.1.x"), start(SLEEP, "a.10")
    wait_until(lambda: set(marked("a")) == {one.pid, below.pid, other.pid})
    assert set(marked("a.1")) == {one.pid, below.pid}


def test_sweeping_up_ends_what_left_its_group(start):
    process = start(SLEEP, "b", start_new_session=True)
    wait_until(lambda: marked("b"))
    sweep_up("b", patience=0.0)
    assert process.wait() == -signal.SIGKILL
    sweep_up("b", patience=0.0)


def test_a_group_that_is_gone_is_no_error(start):
    process = start([sys.executable, "-c", ""], "c", process_group=0)
    process.wait()
    signal_group(process.pid, signal.SIGTERM)


def test_a_guard_ends_the_group_that_was_named_last(start):
    first, last = (start(DEAF, f"unmarked-{n}", process_group=0, stdout=subprocess.PIPE) for n in range(2))
    for process in (first, last):
        process.stdout.readline()
        process.stdout.close()
    guard = Guard("d")
    guard.watch(first.pid)
    guard.watch(last.pid)
    guard.close()
    assert last.wait() == -signal.SIGKILL
    assert first.poll() is None


def test_a_guard_that_is_gone_is_no_error():
    guard = Guard("e")
    guard._process.kill()
    guard._process.wait()
    guard.watch(1)
    guard.close()


def test_what_hangs_in_the_kernel_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(processes, "marked", lambda _: [2**22 + 1])
    monkeypatch.setattr(processes, "KERNEL_SECONDS", 0.0)
    sweep_up("any", patience=0.0)


def test_without_a_proc_a_process_has_no_start(monkeypatch):
    def refuse(*_, **__):
        raise OSError

    monkeypatch.setattr(processes.Path, "read_text", refuse)
    assert identity() == {**identity(), "boot": "", "started": None}
