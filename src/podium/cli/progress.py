"""Progress: how far a build is: bars at a terminal, a line a step elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TextIO

Tell = Callable[[str, str, int, int], None]  # a deck, a step in words, and how far it is: so many, of so many


@contextmanager
def shown(stream: TextIO | None = None) -> Generator[Tell]:
    """Show what is told while the block runs; nothing of it goes to standard output, which holds the results.

    Args:
        stream: where; standard error where None.
    """
    out = stream or sys.stderr
    if not out.isatty():
        yield lambda deck, step, done, _: None if done else print(f"{deck}: {step}", file=out, flush=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.fields[deck]}"),
        BarColumn(bar_width=24),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=out)) as bars:
        tasks = {}

        def tell(deck: str, step: str, done: int, total: int) -> None:
            if deck not in tasks:
                tasks[deck] = bars.add_task(step, total=None, deck=deck)
            if total:  # one more than the slides: what is made of them still has to be written
                bars.update(tasks[deck], description=f"{step} {done} of {total}", completed=done, total=total + 1)
            else:
                bars.update(tasks[deck], description=step)

        yield tell
        for task in tasks.values():
            bars.update(task, total=1, completed=1)
