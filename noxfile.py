"""Thin verbs: each session makes sure of the one shared environment and makes one call."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
ENVIRONMENT = ROOT / ".venv"
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
LOCK = ROOT / "requirements.lock"

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["talk"]
nox.options.default_venv_backend = "none"  # torch is gigabytes: the sessions share .venv


def environment(session: nox.Session) -> None:
    """Install the locked packages and Podium into .venv, unless they are there already."""
    wanted = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = ENVIRONMENT / "podium-lock.sha256"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    python = str(BIN / "python")
    uv = [sys.executable, "-m", "uv"]
    if not (BIN / "python").exists():
        session.run(*uv, "venv", "--quiet", "--python", sys.executable, str(ENVIRONMENT), external=True)
    session.run(*uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, str(LOCK), external=True)
    session.run(*uv, "pip", "install", "--quiet", "--no-deps", "--python", python, "-e", str(ROOT), external=True)
    stamp.write_text(wanted)


def podium(session: nox.Session, *words: str) -> None:
    """Run one podium command in the shared environment."""
    environment(session)
    session.run(str(BIN / "podium"), *words, external=True)


@nox.session
def talk(session: nox.Session) -> None:
    """From nothing to a talk: train the quick profile of what the decks show, then build the slides."""
    podium(session, "train", "--profile", "quick", "--shown")
    podium(session, "slides", *session.posargs)


@nox.session
def train(session: nox.Session) -> None:
    """Train experiments: `nox -s train -- positional_encoding --profile full`."""
    podium(session, "train", *session.posargs)


@nox.session
def sweep(session: nox.Session) -> None:
    """Run a W&B sweep here, an experiment's or a file's: `nox -s sweep -- positional_encoding`."""
    podium(session, "sweep", *(session.posargs or ["positional_encoding"]))


@nox.session
def pull(session: nox.Session) -> None:
    """Pull runs from W&B or a folder of offline runs: `nox -s pull -- entity/project`."""
    podium(session, "pull", *session.posargs)


@nox.session
def slides(session: nox.Session) -> None:
    """Build decks from the runs: `nox -s slides -- digits --format site,pdf`."""
    podium(session, "slides", *session.posargs)


@nox.session
def report(session: nox.Session) -> None:
    """Build reports as one HTML file and a PDF: `nox -s report -- lab_notebook --runs frozen`."""
    podium(session, "report", *session.posargs)


@nox.session
def present(session: nox.Session) -> None:
    """Show a built deck until Ctrl-C: `nox -s present -- digits`."""
    podium(session, "present", *session.posargs)


@nox.session
def check(session: nox.Session) -> None:
    """Look at every click of a built deck in a browser: `nox -s check -- digits`, or any path/to/slides.md."""
    podium(session, "check", *session.posargs)


@nox.session
def capsule(session: nox.Session) -> None:
    """Write a deck, its numbers and their sources into one file that opens anywhere: `nox -s capsule -- digits`."""
    podium(session, "capsule", *(session.posargs or ["digits"]))


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests, doctests and coverage: `nox -s tests -- -m 'not slow'`."""
    environment(session)
    run = str(BIN / "python")
    session.run(run, "-m", "coverage", "erase", external=True)
    at_once = ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadfile"]
    session.run(run, "-m", "coverage", "run", "-m", "pytest", *at_once, *session.posargs, external=True)
    session.run(run, "-m", "coverage", "combine", "--quiet", external=True)
    if not session.posargs:
        session.run(run, "-m", "coverage", "report", external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types and floors: ruff, ty, import-linter."""
    environment(session)
    session.run(str(BIN / "ruff"), "check", ".", external=True)
    session.run(str(BIN / "ruff"), "format", "--check", ".", external=True)
    session.run(str(BIN / "ty"), "check", external=True)
    session.run(str(BIN / "lint-imports"), external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure what the documentation claims and write reports/bench: `nox -s bench -- pull_offline`."""
    environment(session)
    there = sorted(path.stem for path in (ROOT / "tests" / "bench").glob("*.py"))
    for name in session.posargs or there:
        if name not in there:
            session.error(f"there is no benchmark {name!r}; there are {', '.join(there)}")
        shared = {"PYTHONPATH": str(ROOT / "tests")}  # what benchmarks have in common is the package bench.lab
        session.run(str(BIN / "python"), str(ROOT / "tests" / "bench" / f"{name}.py"), env=shared, external=True)


@nox.session
def lock(session: nox.Session) -> None:
    """Pin every dependency anew, hashes only, no address."""
    words = ["--universal", "--python-version", "3.11", "--extra", "lab", "--group", "tools", "--generate-hashes"]
    quiet = ["--no-emit-index-url", "--no-annotate", "--no-header", "--quiet", *session.posargs]
    session.run(
        sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", *words, *quiet, "-o", str(LOCK), external=True
    )
