"""Out of memory: how much of a step is computed at once, made smaller until it fits, and remembered.

The batch stays what the config says. Smaller in this order: fewer variants at once; a variant's batch in parts, whose
gradients are summed; activations computed again on the way back.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from podium.spec import PodiumError
from podium.spec.files import write_whole

FILE = "cohorts.json"
SMALL = 16  # pictures: before parts get smaller than this, activations are computed again


@dataclass(frozen=True)
class Fit:
    """How much is computed at once.

    Attributes:
        variants: at once, an even number or one; the others of the cohort come after them, in the same step. Torch
            multiplies one matrix by other code than several: down to two no bit changes, with one the last ones do.
        parts: that a batch is computed in.
        again: whether activations are computed again on the way back.
    """

    variants: int
    parts: int = 1
    again: bool = False

    def smaller(self, batch_size: int) -> Fit | None:
        """Return the next smaller way to compute the same; None where there is none.

        >>> fit = Fit(2)
        >>> while fit is not None:
        ...     print(fit)
        ...     fit = fit.smaller(32)
        Fit(variants=2, parts=1, again=False)
        Fit(variants=1, parts=1, again=False)
        Fit(variants=1, parts=2, again=False)
        Fit(variants=1, parts=2, again=True)
        Fit(variants=1, parts=4, again=True)
        Fit(variants=1, parts=8, again=True)
        Fit(variants=1, parts=16, again=True)
        Fit(variants=1, parts=32, again=True)
        """
        if self.variants > 1:
            half = self.variants // 2
            return replace(self, variants=half + half % 2 if half > 1 else 1)
        if not self.again and batch_size < 2 * SMALL * self.parts:
            return replace(self, again=True)
        return replace(self, parts=2 * self.parts) if 2 * self.parts <= batch_size else None


def remembered(folder: Path, name: str, asked: Fit) -> Fit:
    """Return what fitted before under this name, and never more than is asked for.

    Args:
        folder: `build/` of the project.
        name: of the device and the shape.
        asked: what would be tried first.
    """
    found = _read(folder).get(name)
    try:
        fit = Fit(**found) if isinstance(found, dict) else asked
        return Fit(min(fit.variants, asked.variants), max(fit.parts, asked.parts), fit.again or asked.again)
    except TypeError:  # a file of another version, or somebody's own
        return asked


def remember(folder: Path, name: str, fit: Fit) -> None:
    """Note what fitted; a disk that refuses is no reason to stop."""
    text = json.dumps({**_read(folder), name: asdict(fit)}, indent=1, sort_keys=True) + "\n"
    with suppress(PodiumError):
        write_whole(folder / FILE, text.encode(), again="train again")


def _read(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
