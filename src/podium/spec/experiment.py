"""Experiment: one question with its variants, seeds and metric; a file of it reads like a notebook page."""

from __future__ import annotations

import runpy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from podium.spec.config import Config, Value, parse_setting
from podium.spec.errors import PodiumError, unknown
from podium.spec.own import beside

Profile = Literal["quick", "full"]
Cohorts = Literal["auto", "always", "never"]  # whether runs are trained together on one device


@dataclass(frozen=True)
class Variant:
    """A named config of an experiment.

    `config` holds the seed too: one variant with five seeds is five of these with one name.
    """

    name: str
    config: Config


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A search over fields: a plain W&B sweep configuration, and what the quick profile makes of it."""

    config: dict[str, Any]
    quick_run_cap: int = 4


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One question, what is expected and why, and the runs that answer it.

    Attributes:
        question: the question, as a sentence that ends with a question mark.
        expectation: what we think will happen, written before the runs, with its source.
        baseline: the config that every variant is compared with.
        variants: name to the fields that differ from the baseline; an empty dict names the baseline itself.
        metric: the results column that answers the question.
        seeds: one run a variant and seed.
        quick: fields that the quick profile changes, and `quick_seeds`, its seeds.
        sweep: the search that belongs to the question, if any.
    """

    question: str
    expectation: str
    baseline: Config
    variants: dict[str, dict[str, Value]]
    metric: str
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    quick: dict[str, Value] = field(default_factory=dict)
    quick_seeds: tuple[int, ...] = (0, 1, 2)
    sweep: Sweep | None = None
    name: str = ""

    def baseline_for(self, profile: Profile, settings: tuple[str, ...] = ()) -> Config:
        """Return the baseline as a profile and `--set` change it."""
        config = self.baseline.but(**self.quick) if profile == "quick" else self.baseline
        return config.but(**dict(parse_setting(type(config), text) for text in settings))

    def runs(self, profile: Profile, *, only: tuple[str, ...] = (), settings: tuple[str, ...] = ()) -> list[Variant]:
        """List every run that a profile asks for: seeds outermost, so that each pass is a complete comparison.

        Args:
            profile: "quick" or "full".
            only: names of variants; all when empty.
            settings: `field=value` texts laid over every variant.

        Raises:
            PodiumError: for an unknown variant or field, naming the nearest.
        """
        for name in only:
            if name not in self.variants:
                raise unknown("variant", name, self.variants, owner=f"Experiment {self.name}")
        base = self.baseline_for(profile)
        extra = dict(parse_setting(type(base), text) for text in settings)
        seeds = self.quick_seeds if profile == "quick" else self.seeds
        if "seed" in extra:
            seeds = (int(extra.pop("seed") or 0),)
        return [
            Variant(name, base.but(**differences).but(**extra).but(seed=seed))
            for seed in seeds
            for name, differences in self.variants.items()
            if not only or name in only
        ]


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """One question about runs that were trained elsewhere, by any program.

    Attributes:
        question: the question, as a sentence that ends with a question mark.
        expectation: what was thought before the runs; "" where nobody wrote it down.
        source: what `podium pull` takes: W&B paths, or folders (relative to the project's).
        variant: the config fields whose values tell variants apart, nested ones joined by dots.
        seed: the config field that tells repeats of a variant apart; "" where repeats are independent and unpaired.
        metric: the metric that answers the question.
        better: metric to "higher" or "lower", for those whose name does not say it.
        baseline: the variant that the others are held against; "" for the first one.
        sweep: whether the runs are trials of a search, a variant each, and not repeats of a few variants.
    """

    question: str
    source: tuple[str, ...]
    variant: tuple[str, ...]
    metric: str
    expectation: str = ""
    seed: str = ""
    better: dict[str, Literal["higher", "lower"]] = field(default_factory=dict)
    baseline: str = ""
    sweep: bool = False
    name: str = ""


def experiment_names(folder: Path) -> list[str]:
    """Name the experiments of a folder, sorted; a file that says EXPERIMENT nowhere is none: a model stands in it."""
    return sorted(
        path.stem
        for path in folder.glob("*.py")
        if not path.stem.startswith("_") and b"EXPERIMENT" in path.read_bytes()
    )


def load_question(name: str, folder: Path) -> Experiment | Pulled:
    """Read `<folder>/<name>.py` and return its `EXPERIMENT`, trained here or pulled.

    Raises:
        PodiumError: where there is no such file, it does not run, or it defines no `EXPERIMENT`.
    """
    names = experiment_names(folder)
    path = folder / f"{name}.py"
    if name not in names and not path.is_file():
        raise unknown("experiment", name, names)
    try:
        with beside(folder):
            found = runpy.run_path(str(path)).get("EXPERIMENT")
    except PodiumError as error:
        msg = f"{path.name}: {error}"
        raise PodiumError(msg) from error
    except Exception as error:
        msg = f"{path.name} does not run: {type(error).__name__}: {error}"
        raise PodiumError(msg) from error
    if not isinstance(found, Experiment | Pulled):
        msg = f"{path.name} must set EXPERIMENT = Experiment(...) or Pulled(...); it sets {type(found).__name__}."
        raise PodiumError(msg)
    named = replace(found, name=name)
    if isinstance(named, Experiment):
        named.runs("quick")  # an unknown field or an impossible value is said now, not after hours of training
    return named


def load_experiment(name: str, folder: Path) -> Experiment:
    """Read an experiment that is trained here.

    Raises:
        PodiumError: as `load_question` does, and for one whose runs are pulled.
    """
    found = load_question(name, folder)
    if isinstance(found, Pulled):
        command = f"podium pull --name {name} {' '.join(found.source)}"
        msg = f"The runs of {name} are trained elsewhere: `{command}` gets them."
        raise PodiumError(msg)
    return found
