"""Cells: Python that runs when a page is built, in a process of its own, and is shown with what it gave.

An answer is kept under `build/cells` by everything that decides it: the code, its inputs, and the environment.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from podium.press.pages import cell_process
from podium.press.pages.escaping import Markdown
from podium.press.pages.lock import digest
from podium.press.pages.page import Page, place_in_template
from podium.spec import PodiumError

OUTPUTS = ("both", "code", "output")
UNTOLD = "a picture that this page's code draws"
NOT_RUN = "not run"  # what the lock says of a cell whose answer is not known here
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)  # in the name of a variable: not a cell's


def cell(
    page: Page,
    code: str,
    *,
    setup: str = "",
    inputs: tuple[str, ...] | list[str] = (),
    seconds: float = 30.0,
    megabytes: int = 2048,
    show: str = "both",
    alt: str = "",
) -> Markdown:
    """Run Python and show it beside what it gave: what it printed, and the value of its last expression.

    Args:
        page: the page that asks.
        code: Python, or the name of a .py file beside the template.
        setup: Python, or such a file, that runs before it and is not shown.
        inputs: files beside the template that it reads: when one changes, it runs again.
        seconds: the time it may take.
        megabytes: the memory it may take, where the system can bound it.
        show: "both", "code" or "output".
        alt: what a picture that it draws shows, in words, for those who cannot see it.

    Raises:
        PodiumError: for a file that is not there or lies elsewhere, a cell in a template of another folder, code that
            raises (with its line), or a limit that is passed.
    """
    if show not in OUTPUTS:
        raise PodiumError(f"A cell shows one of {', '.join(OUTPUTS)}; not {show!r}.")
    folder = page.template.parent if page.template else page.project.root
    called = place_in_template()
    if called and not _lies_in(called[0], folder):
        raise PodiumError(
            f"This cell stands in {called[0].parent.name}/{called[0].name}, and a deck runs only the cells of its own "
            f"folder, {folder.name}. Write it there, where whoever builds the deck reads it."
        )
    source, before = _source(folder, code), _source(folder, setup)
    read = {name: hashlib.sha256(_file(folder, name).read_bytes()).hexdigest() for name in inputs}
    key = hashlib.sha256(json.dumps([source, before, read, megabytes, environment()]).encode()).hexdigest()[:24]
    kept = page.project.build / "cells" / f"{key}.json"
    answer = _kept(kept)
    if answer is None and not page.runs_cells:
        page.asked["excerpts"][f"cell {digest(source.encode())}"] = NOT_RUN
        return Markdown()
    if answer is None:
        answer = _run(source, before, folder, seconds, megabytes)
        if answer["error"]:
            raise PodiumError(f"The cell failed: {answer['error']}.")
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(answer), "utf-8")
    page.asked["excerpts"][f"cell {digest(source.encode())}"] = digest(json.dumps(answer, sort_keys=True).encode())
    shown_code = page.medium.code(source.strip("\n"), ()) if show != "output" else None
    shown_output = _output(page, answer, key, alt or UNTOLD) if show != "code" else None
    return page.medium.beside(*(part for part in (shown_code, shown_output) if part))


def environment() -> list[str]:
    """Name what else decides an answer: Python and every installed package."""
    return [sys.version, *sorted(f"{d.metadata['Name']} {d.version}" for d in distributions())]


def _output(page: Page, answer: dict[str, Any], key: str, alt: str) -> Markdown:
    parts = [page.medium.output(answer["text"].rstrip("\n"))] if answer["text"].strip() else []
    shown = answer["shown"]
    if shown is not None and shown["kind"] == "svg":
        parts.append(page.medium.picture(f"cell-{key}", base64.b64decode(shown["svg"]), page, alt=alt))
    elif shown is not None and shown["kind"] == "table":
        parts.append(page.medium.table(shown["head"], shown["rows"]))
    elif shown is not None:
        parts.append(page.medium.output(shown["text"]))
    return Markdown("\n\n".join(parts))


def _run(source: str, setup: str, folder: Path, seconds: float, megabytes: int) -> dict[str, Any]:
    asked = json.dumps({"code": source, "setup": setup, "megabytes": megabytes})
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        command = [sys.executable, "-I", cell_process.__file__, str(out.fileno())]
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            pass_fds=(out.fileno(),), start_new_session=True,
            env={**{name: value for name, value in os.environ.items() if not SECRET.search(name)}, "MPLBACKEND": "agg"},
        )  # fmt: skip
        try:
            _, said = process.communicate(asked, timeout=seconds)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise PodiumError(
                f"The cell took longer than {seconds:g} s. Give it more with seconds=..., or less to do."
            ) from None
        except BaseException:
            _kill(process)
            raise
        out.seek(0)
        text = out.read()
    if not text:
        ended = f"signal {-process.returncode}" if process.returncode < 0 else f"exit code {process.returncode}"
        last = said.strip().splitlines()[-1:] or ["it may have needed more memory than it may take"]
        raise PodiumError(f"The cell's process ended by {ended}: {last[0]}.")
    return json.loads(text)


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _source(folder: Path, code: str) -> str:
    if code.endswith(".py") and "\n" not in code:
        return _file(folder, code).read_text("utf-8")
    return code


def _lies_in(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _file(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file() or not _lies_in(path, folder):
        there = ", ".join(sorted(found.name for found in folder.iterdir() if found.is_file()))
        raise PodiumError(f"There is no file {name!r} beside the template. There are: {there}.")
    return path


def _kept(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"text", "shown", "error"} <= set(found) else None
