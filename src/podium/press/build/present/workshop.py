"""The workshop: a process that stays warm, and renders a deck again within a fraction of a second.

It is two processes. The outer one holds what is slow to import and never changes, the packages of others. The inner
one, a fork of it, imports Podium and keeps results; when Podium's own code changes (a figure function, say), it is
ended and a new one is forked, so that no stale module is left and nothing has to be reloaded in place.

Both speak JSON lines: one request in, one answer out. The end of their input ends them.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import TimeoutExpired
from typing import IO, Any, cast

ENDED = "The process that renders has ended. Save again, or start the command again."
ORPHANED = {"changed": [], "seconds": 0.0, "error": ENDED}


@dataclass
class Workshop:
    """What the command line holds of it."""

    requests: IO[bytes]
    answers: IO[bytes]

    def render(self, *, anew: bool = False) -> dict[str, Any]:
        """Render the deck; `anew` with Podium's code as it stands now.

        Returns:
            `changed` files of the deck's folder, `error` ("" for none), and the `seconds` that it took.
        """
        with suppress(OSError):
            self.requests.write(json.dumps({"anew": anew}).encode() + b"\n")
            self.requests.flush()
        line = self.answers.readline()
        return json.loads(line) if line else dict(ORPHANED)


@contextmanager
def workshop(root: Path, deck: str, source: str, *, follow: bool = False) -> Generator[Workshop]:
    """Open a workshop for one deck; it ends with the block.

    Args:
        root: of the project.
        deck: its name.
        source: "local" or "frozen" runs.
        follow: whether runs that train now are drawn.
    """
    from podium.press.build.node import started

    asked = json.dumps({"root": str(root), "deck": deck, "source": source, "follow": follow})
    with started([sys.executable, "-P", "-m", __name__, asked], root, heard=True, told=True, errors=False) as process:
        try:
            yield Workshop(cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout))
        finally:
            with suppress(OSError, TimeoutExpired):
                cast("IO[bytes]", process.stdin).close()  # which ends it
                process.wait(timeout=2)


def main() -> None:
    """Run the outer process: pass requests on to the inner one, and start that anew where it is asked for."""
    asked = json.loads(sys.argv[1])
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")  # a fork must not lose threads
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; our input ends us
    inner: Inner | None = None
    for line in sys.stdin:
        if inner is not None and (json.loads(line)["anew"] or not inner.alive):
            inner.end()
            inner = None
        if inner is None:
            inner = Inner.forked(asked)
        print(json.dumps(inner.ask(line)), flush=True)
        prepare(inner.modules)
    if inner is not None:
        inner.end()


def prepare(modules: list[str]) -> None:
    """Import what the inner process had to import of others, so that the next one finds it there."""
    for name in modules:
        if name not in sys.modules:
            with suppress(Exception):
                importlib.import_module(name)
    modules.clear()


@dataclass
class Inner:
    """The inner process, as the outer one sees it."""

    pid: int
    requests: IO[str]
    answers: IO[str]
    alive: bool = True
    modules: list[str] = field(default_factory=list)

    @classmethod
    def forked(cls, asked: dict[str, Any]) -> Inner:
        """Fork it."""
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ours_in)
            os.close(ours_out)
            os.dup2(2, 1)  # whatever prints must not be taken for an answer
            serve(asked, os.fdopen(theirs_in), os.fdopen(theirs_out, "w"))
            os._exit(0)
        os.close(theirs_in)
        os.close(theirs_out)
        return cls(pid, os.fdopen(ours_out, "w"), os.fdopen(ours_in))

    def ask(self, line: str) -> dict[str, Any]:
        """Pass a request on."""
        answer = ""
        with suppress(OSError):
            self.requests.write(line)
            self.requests.flush()
            answer = self.answers.readline()
        if not answer:
            self.alive = False
            return dict(ORPHANED)
        found = json.loads(answer)
        self.modules = found.pop("modules")
        return found

    def end(self) -> None:
        """End it."""
        with suppress(OSError):
            self.requests.close()
        self.answers.close()
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def serve(asked: dict[str, Any], requests: IO[str], answers: IO[str]) -> None:
    """Run the inner process: import Podium as it stands now, and render whenever asked."""
    work, known = None, set(sys.modules)
    for _ in requests:
        try:
            if work is None:
                from podium.press.build.present.reading import Reader
                from podium.press.build.present.reading import work as rendering
                from podium.spec import Project

                project, reader = Project(Path(asked["root"])), Reader(follow=asked["follow"])
                work = rendering
            found = work(project, asked["deck"], asked["source"], reader)
        except Exception as problem:  # noqa: BLE001 (code that is being written may raise anything)
            found = {"changed": [], "seconds": 0.0, "error": where(problem)}
        new = [name for name in sys.modules if name not in known and name.partition(".")[0] != "podium"]
        known |= set(new)
        print(json.dumps({**found, "modules": new}), file=answers, flush=True)


def where(problem: Exception) -> str:
    """Say of an error in code what it is, and in which file and line."""
    place = ""
    if isinstance(problem, SyntaxError) and problem.filename:
        place = f"{Path(problem.filename).name}, line {problem.lineno}: "
    else:
        frames = [f for f in traceback.extract_tb(problem.__traceback__) if "site-packages" not in f.filename]
        if frames:
            place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}: "
    said = problem.msg if isinstance(problem, SyntaxError) else str(problem)
    return f"{place}{type(problem).__name__}: {said}"


if __name__ == "__main__":
    main()
