"""Recomputing: every number, claim and finding of a capsule again, from the results that lie in it.

Nothing of the capsule is run: not its template, not its experiments, not its cells. Results are read as tables, and
what was asked for is taken from the lock.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podium.press.build.capsule.opening import Capsule, open_capsule, refused
from podium.press.figures import FIGURES
from podium.press.numbers import Number, difference, number
from podium.press.pages.claims import verdicts
from podium.press.pages.status import Verified
from podium.press.results import Results, read_frozen, read_frozen_pulled, results_from
from podium.press.results.foreign import results_of
from podium.spec import PodiumError, Project, Pulled

MOST_DIGITS = 12  # decimals that a template may have asked for
PARTS = (".csv", ".json", ".runs.csv", ".history.csv")  # of an experiment's frozen results
MALFORMED = (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True)
class Recomputed:
    """What came of a capsule.

    Attributes:
        digest: of the zip, SHA-256.
        deck: its name.
        found: each number, claim and finding as it was built and as it is computed now.
    """

    digest: str
    deck: str
    found: tuple[Verified, ...]


def verify_capsule(path: Path) -> Recomputed:
    """Check a capsule's files against its manifest, and compute its numbers again from the results in it.

    Raises:
        PodiumError: for a capsule that is damaged, tampered with, or dangerous to read; see `open_capsule`.
    """
    capsule = open_capsule(path)
    lock = capsule.document(lock_name(capsule.manifest["deck"]))
    try:
        results = _results(capsule)
        found = (*_numbers(lock, results), *_claims(lock, results, capsule), *_findings(lock, results, capsule))
    except MALFORMED as error:
        raise refused(path, f"its results cannot be read ({type(error).__name__}: {str(error)[:200]})") from error
    return Recomputed(capsule.digest, capsule.manifest["deck"], found)


def lock_name(deck: str) -> str:
    """Return where a capsule keeps a deck's lock."""
    return f"slides/decks/{deck}/lock.json"


def asked_of(key: str, results: Mapping[str, Results]) -> Iterator[tuple[str, str, str, str]]:
    """Take a lock's key apart: experiment, variant, the variant it is held against ("" for none), and metric.

    Names may hold the very marks that part them, so there may be several ways; each that exists is given.
    """
    for experiment, found in results.items():
        if not key.startswith(f"{experiment} / "):
            continue
        rest = key.removeprefix(f"{experiment} / ")
        for metric in found.metrics():
            if not rest.endswith(f" / {metric}"):
                continue
            who = rest.removesuffix(f" / {metric}")
            if who in found.variants:
                yield experiment, who, "", metric
            for variant in found.variants:
                over = who.removeprefix(f"{variant} over ")
                if over != who and over in found.variants:
                    yield experiment, variant, over, metric


def _results(capsule: Capsule) -> dict[str, Results]:
    """Read the frozen results of every experiment; only their tables are written to a folder, under names of ours."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for place, (name, said) in enumerate(capsule.manifest["experiments"].items()):
            project = Project(Path(folder) / str(place))
            project.experiments.mkdir(parents=True)
            for part in PARTS:
                content = capsule.files.get(f"experiments/{name}{part}")
                if content is not None:
                    (project.experiments / f"results{part}").write_bytes(content)
            if said is None:
                found[name] = results_from(read_frozen(project, "results"), name)
            else:
                told: dict[str, Any] = {**said, "source": (), "variant": tuple(said["variant"]), "name": name}
                found[name] = results_of(read_frozen_pulled(project, "results"), Pulled(**told))
    return found


def _numbers(lock: dict[str, Any], results: Mapping[str, Results]) -> Iterator[Verified]:
    for key, built in lock["numbers"].items():
        nearest = "not in the results"
        for asked in asked_of(key, results):
            plain = _number(results, asked)
            if plain.value == built["value"] and built["text"] in _ways(results, asked):
                nearest = built["text"]
                break
            nearest = str(plain)
        yield Verified(key, str(built["text"]), nearest)


def _number(results: Mapping[str, Results], asked: tuple[str, str, str, str], digits: int | None = None) -> Number:
    experiment, variant, over, metric = asked
    if over:
        return difference(results[experiment], variant, over, metric, digits=digits)
    return number(results[experiment], variant, metric, digits=digits)


def _ways(results: Mapping[str, Results], asked: tuple[str, str, str, str]) -> set[str]:
    """Return the number as it is written by itself, and with as many decimals as a template may ask for."""
    return {str(_number(results, asked, digits)) for digits in (None, *range(MOST_DIGITS + 1))}


def _claims(lock: dict[str, Any], results: Mapping[str, Results], capsule: Capsule) -> Iterator[Verified]:
    now: dict[str, str] = {}
    for family in capsule.manifest["families"]:
        differences = [_claimed(key, results) for key in family]
        if any(found is None for found in differences):
            continue
        now |= dict(zip(family, verdicts([found for found in differences if found]), strict=True))
    for key, built in lock["claims"].items():
        yield Verified(f"claim {key}", str(built["verdict"]), now.get(key, "not in the results"))


def _claimed(key: str, results: Mapping[str, Results]) -> Number | None:
    return next((_number(results, asked) for asked in asked_of(key, results) if asked[2]), None)


def _findings(lock: dict[str, Any], results: Mapping[str, Results], capsule: Capsule) -> Iterator[Verified]:
    """Compute the sentence of every figure again; pictures are not compared, since other versions draw otherwise."""
    for name, built in lock["figures"].items():
        asked = capsule.manifest["figures"].get(name)
        now = "not in the results"
        if asked is not None and asked["kind"] in FIGURES and asked["experiment"] in results:
            options = {str(option): value for option, value in asked["options"].items()}
            try:
                now = FIGURES[asked["kind"]](results[asked["experiment"]], **options).finding
            except PodiumError as error:
                now = str(error)
        yield Verified(f"figure {name}", str(built["finding"]), now)
