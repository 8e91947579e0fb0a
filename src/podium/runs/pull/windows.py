"""Windows: which steps of a run's history to ask for, so that W&B's server never has reason to sample.

The server answers `history(minStep, maxStep, samples)` whole where a window holds no more rows than `samples`, and
sampled otherwise, without saying so. A window of a thousand steps, asked for with as many samples, is always whole:
W&B's own `scan_history` relies on that. Wider windows, for runs that log a row every thousand steps, are checked by
counting: rows must add up to the run's `historyLineCount`, else the windows are halved until they do.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PAGE = 1_000  # steps a window, as W&B's client asks
MOST_SAMPLES = 10_000  # rows asked for in one window at most
FARTHEST = 2**53  # a step beyond every step

NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True)
class Window:
    """The steps from `low` up to, not with, `high` of one run, and the rows expected there."""

    run: str
    low: int
    high: int
    samples: int
    expected: int

    @property
    def is_whole(self) -> bool:
        """Whether the server cannot have sampled it."""
        return self.high - self.low <= PAGE

    def is_full(self, rows: int) -> bool:
        """Whether more rows may lie there than were given: several writers may log at one step."""
        return rows >= self.samples and self.high - self.low > 1

    def halves(self) -> list[Window]:
        """Return its two halves."""
        middle = (self.low + self.high) // 2
        rows = max(1, self.expected // 2)
        return [
            Window(self.run, self.low, middle, self.samples, rows),
            Window(self.run, middle, self.high, self.samples, rows),
        ]


def windows(run: str, lines: int, last: int | None, first: int = 0) -> list[Window]:
    """Cut a run's history into windows of about a thousand rows.

    Args:
        run: the run's id.
        lines: how many rows it has from the first step on.
        last: its last step; None where the server does not say.
        first: the first step to ask for.

    >>> [(w.low, w.high) for w in windows("r", 2500, 2499)]
    [(0, 1000), (1000, 2000), (2000, 2500)]
    >>> [(w.low, w.high) for w in windows("r", 50, 1_000_000)]
    [(0, 1000001)]
    """
    if lines <= 0:
        return []
    end = FARTHEST if last is None or last < first else last + 1
    width = max(PAGE, PAGE * (end - first) // lines)
    samples = PAGE if width == PAGE else max(PAGE, min(lines + 1, MOST_SAMPLES))
    expected = min(lines, PAGE)
    return [Window(run, low, min(low + width, end), samples, expected) for low in range(first, end, width)]


def shortened(found: Sequence[tuple[Window, int]], lines: int) -> list[Window]:
    """Return the windows that may have been sampled, when the rows do not add up to the run's lines.

    Args:
        found: each window and how many rows came.
        lines: how many rows the run has.
    """
    if sum(rows for _, rows in found) >= lines:
        return []
    return [window for window, rows in found if rows and (not window.is_whole or window.is_full(rows))]


def parse_rows(text: str) -> list[dict[str, Any]]:
    """Read history rows as W&B sends them, a JSON object a line; not-a-number and infinities come as text (wandb#8252).

    A text that a program logged as "NaN" cannot be told from a number that is none, and becomes the number.

    >>> parse_rows('{"_step": 0, "loss": "NaN"}')
    [{'_step': 0, 'loss': nan}]

    Raises:
        ValueError: where a row is no JSON object.
    """
    joined = text.replace("\n", ",")
    rows = json.loads(f"[{joined}]", strict=False)
    if not all(type(row) is dict for row in rows):
        raise ValueError("a history row is no JSON object")
    return restored(rows) if 'NaN"' in text or 'Infinity"' in text else rows


def restored(value: Any) -> Any:
    """Give the numbers back that W&B writes as text.

    >>> restored({"loss": "-Infinity", "name": "Nancy", "n": [{"x": "NaN"}]})
    {'loss': -inf, 'name': 'Nancy', 'n': [{'x': nan}]}
    """
    if type(value) is str:
        return NOT_FINITE.get(value, value)
    if type(value) is dict:
        return {key: restored(item) for key, item in value.items()}
    return [restored(item) for item in value] if type(value) is list else value
