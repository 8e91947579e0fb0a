"""Claims: one sentence with a difference, its interval and whether it is shown; a claim can fail the build.

Claims of one family are corrected together (Holm 1979): with no true difference, eight variants would otherwise "show"
one in every second study. Only when the whole page is rendered is the family known, so the verdict is given then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podium.press.numbers import Number
from podium.press.numbers import difference as difference_of
from podium.press.pages import badges
from podium.press.pages.escaping import Markdown
from podium.press.pages.lock import new_runs
from podium.press.pages.page import Page, TemplateFaultError, place_in_template
from podium.press.results import Results, holm
from podium.press.results.statistics import FEWEST_SEEDS

LEVEL = 0.05


@dataclass
class Claim:
    """What a template claimed, until the page is whole.

    Attributes:
        name: its key in deck.json.
        experiment: whose runs.
        number: the difference.
        ahead: whether the variant lies on the better side.
        runs: the runs it stands on.
        must_hold: whether the build fails unless it is shown.
        where: template and line.
        words: what was claimed.
        asked: the key of what was asked for, in the lock.
    """

    name: str
    experiment: str
    number: Number
    ahead: bool
    runs: list[str]
    must_hold: bool
    where: tuple[Path, int] | None
    words: str
    asked: str


@dataclass
class Family:
    """Claims that are corrected together, in order; called when the page is whole."""

    name: str
    claims: list[Claim] = field(default_factory=list)

    def __call__(self, page: Page) -> None:
        """Give each claim its verdict, and fail for one that had to hold.

        Raises:
            PodiumError: naming template, line, claim, interval and runs.
        """
        for claim, verdict in zip(self.claims, verdicts([claim.number for claim in self.claims]), strict=True):
            entry = page.data["claims"][claim.name]
            if len(self.claims) > 1:
                entry["verdict"] = verdict
                entry["family"] = f"{self.name}: Holm over {len(self.claims)} claims"
            if claim.must_hold and not (entry["verdict"] == "shown" and claim.ahead):
                raise TemplateFaultError(_fallen(claim, entry["verdict"], page), claim.where)


def verdicts(family: Sequence[Number]) -> list[str]:
    """Return the verdicts of the differences of one family, corrected together; one alone has its own."""
    if len(family) == 1:
        return [family[0].verdict]
    return [
        found.verdict if found.n < FEWEST_SEEDS else "shown" if p < LEVEL else "not shown"
        for found, p in zip(family, holm([found.p for found in family]), strict=True)
    ]


def claim(
    page: Page,
    experiment: str,
    variant: str,
    over: str,
    metric: str,
    *,
    before: str = "",
    must_hold: bool = False,
    family: str = "",
) -> Markdown:
    """Say in one sentence by how much a variant lies above another, with the interval and whether it is shown.

    Args:
        page: the page that asks.
        experiment: whose runs.
        variant: the one that is spoken about.
        over: the one it is held against, paired by seed.
        metric: a results column.
        before: the sentence's first words; "variant over other:" where left out.
        must_hold: fail the build unless `variant` is shown to be the better one.
        family: claims of one name are corrected together by Holm.

    Raises:
        PodiumError: for an unknown variant or metric, and, once the page is whole, for a claim that had to hold.
    """
    results = page.results(experiment)
    found = difference_of(results, variant, over, metric)
    page.badge(*badges.compared(results, variant, over), badges.picked_on_test(metric, variant, over))
    words = before or f"{variant} over {over}:"
    asked = (experiment, f"{variant} over {over}", metric)
    entry: dict[str, Any] = {
        "before": words,
        "number": page.receipt(found, *asked),
        "after": f"({found.interval})",
        "verdict": found.verdict,
    }
    if family:
        entry["family"] = family
    name = page.keep("claims", "c", entry)
    page.asked["claims"][" / ".join(asked)] = {"id": name, "text": str(found)}
    better = results.metric(metric).quantity.better
    made = Claim(
        name,
        experiment,
        found,
        ahead=(found.value > 0) == (better == "higher"),
        runs=_runs(results, variant, over),
        must_hold=must_hold,
        where=place_in_template(),
        words=f"{words.rstrip(':')}, {results.metric(metric).words}",
        asked=" / ".join(asked),
    )
    known = next((c for c in page.checks if isinstance(c, Family) and family and c.name == family), None)
    if known is None:
        known = Family(family)
        page.checks.append(known)
    known.claims.append(made)
    return page.medium.claim(name, entry, found)


def _fallen(claim: Claim, verdict: str, page: Page) -> str:
    fresh = new_runs(page.before, claim.experiment, claim.runs)
    since = f"New since the last build: {', '.join(fresh)}" if fresh else f"It stands on {', '.join(claim.runs)}"
    return (
        f"The claim {claim.words!r} must hold and does not: {claim.number} ({claim.number.interval}), {verdict}. "
        f"{since}. Look at those runs; then train more seeds, change the claim, or take must_hold away."
    )


def _runs(results: Results, *variants: str) -> list[str]:
    return [str(run) for variant in variants for run in results.rows(variant)["run"]]
