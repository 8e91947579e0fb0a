"""Hyperband: which runs of a sweep stop early, and when, as W&B's server decides it.

Source: Li et al. 2018, "Hyperband" (https://arxiv.org/abs/1603.06560), in W&B's reduced form: one bracket schedule for
all runs; the arithmetic is that of `hyperband_stopping.py` in https://github.com/wandb/sweeps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from podium.lab.sweeps.reading import Sheet
from podium.spec import unknown

KEYS = ("type", "min_iter", "max_iter", "s", "eta", "strict")
TYPES = ("hyperband",)
FARTHEST = 2**53  # no run logs a metric more often


@dataclass(frozen=True, kw_only=True)
class Hyperband:
    """When runs are compared, and which of them stop.

    Attributes:
        min_iter: the first bracket; every further one is `eta` times the one before.
        max_iter: brackets are counted down from here: `max_iter / eta`, `max_iter / eta**2`, ...; wins over `min_iter`.
        s: how many brackets `max_iter` gives.
        eta: at each bracket the best `1 / eta` of the runs go on.
        strict: compare the value at the bracket, not the best so far. W&B's documentation says that this is off where
            the file is silent, its published schema (wandb/sweeps, change 108) and so its server that it is on; we do
            as the server does.
    """

    min_iter: int | None = None
    max_iter: int | None = None
    s: int = 0
    eta: float = 3
    strict: bool = True

    def brackets(self) -> list[int]:
        """Return the numbers of logged values at which runs are compared, in rising order.

        >>> Hyperband(min_iter=3).brackets()[:4], Hyperband(max_iter=27, s=2).brackets()
        ([3, 9, 27, 81], [3, 9])
        """
        found = []
        if self.max_iter is not None:
            band = float(self.max_iter)
            for _ in range(self.s):
                band /= self.eta
                if band < 1:
                    break
                found.append(int(band))
            return sorted(found)
        band = self.min_iter or 1
        for _ in range(100):
            if band > FARTHEST:
                break
            found.append(int(band))
            band *= self.eta
        return found

    def should_stop(self, own: Sequence[Any], others: Iterable[Sequence[Any]], *, maximize: bool) -> bool:
        """Say whether a running run stops now.

        Args:
            own: the metric's values that the run has logged, in order; what is no finite number does not count.
            others: the same of every other run of the sweep, whatever its state.
            maximize: whether large values are good.
        """
        history = _losses(own, maximize=maximize)
        reached = [bracket for bracket in self.brackets() if bracket <= len(history)]
        if not reached:
            return False
        bracket = reached[-1]
        histories = [history, *(_losses(other, maximize=maximize) for other in others)]
        values = sorted(other[bracket - 1] for other in histories if len(other) >= bracket)
        threshold = values[int(1.0 / self.eta * len(values))]
        return (history[bracket - 1] if self.strict else min(history)) > threshold


def is_number(value: Any) -> bool:
    """Say whether a logged value counts as the metric's: a finite number.

    >>> [is_number(value) for value in (1, 0.5, True, float("nan"), "NaN")]
    [True, True, False, False, False]
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _losses(values: Iterable[Any], *, maximize: bool) -> list[float]:
    return [-value if maximize else value for value in values if is_number(value)]


def hyperband_from(sheet: Sheet) -> Hyperband | None:
    """Read the `early_terminate` of a sweep configuration; None where it has none.

    Raises:
        PodiumError: naming the place where a key is unknown, missing or impossible.
    """
    place = ("early_terminate",)
    found = sheet.data.get("early_terminate")
    if found is None:
        return None
    if not isinstance(found, dict):
        raise sheet.error(place, f"must hold keys such as 'type: hyperband' and 'min_iter: 3'; not {found!r}.")
    _check_keys(sheet, found)
    whole = {key: _whole(sheet, key) for key in ("min_iter", "max_iter", "s") if key in found}
    eta = sheet.number((*place, "eta")) if "eta" in found else 3
    if eta <= 1:
        raise sheet.error((*place, "eta"), f"must be above 1: the best 1/eta of the runs go on; not {eta!r}.")
    strict = found.get("strict", True)
    if not isinstance(strict, bool):
        raise sheet.error((*place, "strict"), f"must be true or false; not {strict!r}.")
    hyperband = Hyperband(**whole, eta=eta, strict=strict)
    if not hyperband.brackets():
        raise sheet.error(place, f"leaves no bracket: max_iter {whole['max_iter']} / eta {eta} is below 1.")
    return hyperband


def _check_keys(sheet: Sheet, found: dict[str, Any]) -> None:
    place = ("early_terminate",)
    for key in found:
        if key not in KEYS:
            raise sheet.error((*place, key), unknown("key", key, KEYS, owner="early_terminate"))
    if found.get("type") not in TYPES:
        at = (*place, "type") if "type" in found else place
        raise sheet.error(at, unknown("type", found.get("type"), TYPES, owner="early_terminate"))
    if "max_iter" in found and "s" not in found:
        raise sheet.error((*place, "max_iter"), "needs s, the number of brackets, such as s: 2.")
    if "max_iter" not in found and "min_iter" not in found:
        raise sheet.error(place, "needs min_iter, the first bracket, or max_iter with s; it has neither.")


def _whole(sheet: Sheet, key: str) -> int:
    place = ("early_terminate", key)
    number = sheet.number(place)
    if number != int(number) or number < 1:
        raise sheet.error(place, f"must be a whole number above 0; not {number!r}.")
    return int(number)
