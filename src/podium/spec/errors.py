"""The one kind of error that Podium raises on purpose: a sentence for people."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class PodiumError(Exception):
    """What was found, what is allowed, and what to do next, as one plain sentence.

    The command line prints the sentence and exits 1; every other exception is a bug and keeps its traceback.
    """


def unknown(kind: str, name: object, allowed: Iterable[str], *, owner: str = "") -> PodiumError:
    """Build the error for a name that does not exist, with the nearest name that does.

    Args:
        kind: what the name should have named, such as "experiment".
        name: what was asked for.
        allowed: every name that exists.
        owner: who has no such name; "there" when empty.

    >>> print(unknown("field", "positon", ["position", "seed"], owner="ViTConfig"))
    ViTConfig has no field 'positon'; did you mean 'position'? There are: position, seed.
    """
    names = sorted(allowed)
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    there = f"There are: {', '.join(names)}." if names else "There are none."
    subject = f"{owner} has no {kind} {name!r}" if owner else f"There is no {kind} {name!r}"
    return PodiumError(f"{subject}{hint} {there}")
