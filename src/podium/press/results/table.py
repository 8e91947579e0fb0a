"""Results: one tidy table of an experiment's runs, and the questions that pages ask of it."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from podium.press.results.metrics import Metric, Quantity, direction, metric_named
from podium.press.results.statistics import Difference, Ranking, paired_difference, ranking, unpaired_difference
from podium.runs import Record
from podium.spec import PodiumError, unknown

IDENTITY = ("run", "experiment", "variant", "seed", "profile", "sweep", "state", "reason")


@dataclass(frozen=True)
class Results:
    """Everything that is known of an experiment's runs.

    Attributes:
        experiment: its name.
        runs: a row a run: run, experiment, variant, seed, profile, sweep, state, reason, every config field, the
            summary's metrics, and the provenance (commit, dirty, data, hardware, device, ...).
        history: a row a run and epoch: run, variant, seed, epoch and the metrics of that epoch.
        models: run to the description of its model, where one was kept.
        samples: run to its sample predictions and encoding, where some were kept.
        config_fields: every config field's name.
        settings: the fields that must agree within a variant; all but the seed where None.
        paired: whether equal seeds of two variants shared data and order; else a difference compares independent runs.
        better: metric to "higher" or "lower", where its name does not say it.
        step: what the history counts: epochs, or the steps of a program that is not ours.
        baseline: the variant that others are held against; "" for the first one.
        command: what gets these runs again; "" for `podium train`.
        growing: the runs that train at this moment, where somebody follows them; see `grown`.
    """

    experiment: str
    runs: pd.DataFrame
    history: pd.DataFrame
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    samples: dict[str, dict[str, Any]] = field(default_factory=dict)
    config_fields: tuple[str, ...] = ()
    settings: tuple[str, ...] | None = None
    paired: bool = True
    better: dict[str, Literal["higher", "lower"]] = field(default_factory=dict)
    step: str = "epoch"
    baseline: str = ""
    command: str = ""
    growing: frozenset[str] = frozenset()

    @cached_property
    def compared(self) -> pd.DataFrame:
        """The rows that comparisons are made of: finished runs outside sweeps, of one profile, one a variant and seed.

        The profile is "full" where its finished runs cover every variant that the quick ones cover. Of a variant
        that was trained with different settings, the settings of its newest run count.

        Raises:
            PodiumError: when no run is finished.
        """
        done = self.runs[(self.runs["state"] == "finished") & (self.runs["sweep"] == "")]
        if done.empty and self.command:  # a search that was pulled: its trials are all there is
            done = self.runs[self.runs["state"] == "finished"]
        if done.empty:
            done = self._training
        if done.empty:
            states = ", ".join(f"{n} {state}" for state, n in self.runs["state"].value_counts().items())
            raise PodiumError(
                f"No run of {self.experiment} is finished ({states or 'there is none'}). "
                f"Run `{self.command or f'podium train {self.experiment}'}`: it resumes."
            )
        covered = {profile: set(rows["variant"]) for profile, rows in done.groupby("profile")}
        full = covered.get("full", set()) >= covered.get("quick", set())
        done = done[done["profile"] == ("full" if full else "quick")].sort_values(["started", "run"])
        fields = [name for name in self.config_fields if name != "seed"] if self.settings is None else self.settings
        settings = pd.Series(_settings(done, fields), index=done.index)
        same = done[settings == settings.groupby(done["variant"]).transform("last")]
        kept = same.drop_duplicates(["variant", "seed"], keep="last")
        first = kept.groupby("variant")["started"].transform("min")
        order = pd.DataFrame({"first": first, "variant": kept["variant"], "seed": kept["seed"]}).sort_values(
            ["first", "variant", "seed"]
        )
        return kept.loc[order.index].reset_index(drop=True)

    @cached_property
    def variants(self) -> list[str]:
        """The variants that can be compared, in the order of the experiment."""
        return list(dict.fromkeys(self.compared["variant"]))

    @cached_property
    def _places(self) -> dict[str, np.ndarray]:
        """Where in `compared` each variant's runs stand."""
        found = self.compared.groupby("variant", sort=False).indices
        return {str(name): places for name, places in found.items()}

    @cached_property
    def digests(self) -> dict[str, str]:
        """Run to sixteen hexadecimal characters that change whenever anything that is known of it does."""
        rows = self.compared[sorted(self.compared.columns)]
        texts = (repr(row).encode("utf-8", "replace") for row in rows.itertuples(index=False, name=None))
        found = (hashlib.sha256(text).hexdigest()[:16] for text in texts)
        return dict(zip(self.compared["run"].map(str), found, strict=True))

    @property
    def profile(self) -> str:
        """Which profile the compared runs come from."""
        return str(self.compared["profile"].iloc[0])

    @property
    def profile_note(self) -> str:
        """What a slide with these runs must say: "quick profile: 2 epochs, 10,000 images, CPU"; "" for the full one."""
        if self.profile == "full":
            return ""
        rows = self.compared
        device = " and ".join(sorted({str(name).upper().replace("CUDA", "GPU") for name in rows["device"]}))
        epochs = _span(rows["epochs"])
        return f"quick profile: {epochs} epoch{'s' * (epochs != '1')}, {_span(rows['train_images'])} images, {device}"

    @property
    def waiting_note(self) -> str:
        """What every slide with these runs must say while none is finished; "" once one is."""
        return "" if (self.runs["state"] == "finished").any() else self.training_note

    @property
    def _training(self) -> pd.DataFrame:
        """The rows of the runs that train now and have an epoch to show."""
        known = self.growing & set(self.history["run"])
        return self.runs[self.runs["run"].isin(known) & (self.runs["sweep"] == "")]

    @cached_property
    def grown(self) -> Results:
        """These results with the runs that train now, as far as they are, beside the finished ones of their profile.

        Only learning curves are drawn from it: a number or a claim waits for finished runs, as long as there are any.
        """
        now = self._training
        if now.empty:
            return self
        profile = now.sort_values(["started", "run"])["profile"].iloc[-1]
        kept = self.runs["run"].isin(now["run"]) | (self.runs["state"] == "finished")
        runs = self.runs[kept & (self.runs["profile"] == profile)].assign(state="finished")
        return replace(self, runs=runs)

    @cached_property
    def training_note(self) -> str:
        """How far the runs are that train now: "still training: epoch 3 of 30"; "" where none does."""
        if self.grown is self:
            return ""
        now = self.grown.runs[self.grown.runs["run"].isin(self.growing)]
        reached = self.history[self.history["run"].isin(now["run"])].groupby("run")["epoch"].max()
        epochs = f" of {_span(now['epochs'])}" if "epochs" in now and _is_number(now["epochs"]) else ""
        return f"still training: epoch {_span(reached)}{epochs}"

    @property
    def epochs_planned(self) -> int:
        """How many epochs the runs that train now will have at the end; 0 where none does, or none says so."""
        rows = self.runs[self.runs["run"].isin(self.growing)]
        return int(rows["epochs"].max()) if len(rows) and "epochs" in rows and _is_number(rows["epochs"]) else 0

    @property
    def training_now(self) -> dict[str, str]:
        """What else decides a figure while runs train: that it shows them, and how far they are."""
        return {"training": self.training_note} if self.training_note else {}

    def rows(self, variant: str) -> pd.DataFrame:
        """Return the compared runs of a variant, ordered by seed.

        Raises:
            PodiumError: where there is no such variant, naming the nearest.
        """
        if variant not in self.variants:
            raise unknown("variant", variant, self.variants, owner=f"Experiment {self.experiment}")
        return self.compared.iloc[self._places[variant]]

    def metrics(self) -> list[str]:
        """Name every metric that the compared runs hold, at the end or by epoch."""
        return self._metrics

    @cached_property
    def _metrics(self) -> list[str]:
        skip = {*IDENTITY, *self.config_fields, "epoch"}
        names = [*self.compared.columns, *self.history.columns]
        frames = (self.compared, self.history)
        return sorted({n for n in names if n not in skip and any(n in f and _is_number(f[n]) for f in frames)})

    def by_seed(self, variant: str, metric: str) -> dict[int, float]:
        """Return a metric's value for each seed of a variant: from the summary, else from the last epoch.

        Raises:
            PodiumError: for a variant or a metric that does not exist, or a value that is missing or not finite.
        """
        rows = self.rows(variant)
        if metric not in self.metrics():
            raise unknown("metric", metric, self.metrics(), owner=f"Experiment {self.experiment}")
        reached = self._reached(metric)[self._places[variant]]
        values = {int(seed): float(value) for seed, value in zip(rows["seed"], reached, strict=True)}
        lacking = [seed for seed, value in values.items() if not math.isfinite(value)]
        if lacking:
            raise PodiumError(
                f"{self.experiment}, variant {variant!r}: {metric} is missing or not finite for "
                f"seed {', '.join(map(str, lacking))} of {len(values)}. Train it again, or ask for another metric."
            )
        return values

    def metric(self, name: str) -> Metric:
        """Take a metric's name apart as these runs mean it: which way is better, whether it is a share or a percent.

        >>> empty = pd.DataFrame()
        >>> Results("any", empty, empty, better={"fit": "lower"}, command="podium pull").metric("fit").quantity.better
        'lower'
        """
        found = metric_named(name)
        quantity = found.quantity
        if self.command:
            better = self.better.get(name) or direction(name) or quantity.better
            share = quantity.scale == 100 and name in self.runs and bool((self.runs[name].abs() <= 1).all())
            quantity = replace(quantity, better=better) if share else Quantity(quantity.words, better=better)
        return replace(found, quantity=quantity)

    def difference(self, variant: str, over: str, metric: str) -> Difference:
        """Return by how much a variant lies above another, in the metric's shown unit, paired by seed where seeds pair.

        Raises:
            PodiumError: for a variant or metric that does not exist, a missing value, or no shared seed.
        """
        scale = self.metric(metric).quantity.scale
        ours, theirs = (
            {seed: value * scale for seed, value in self.by_seed(name, metric).items()} for name in (variant, over)
        )
        return self.between(ours, theirs)

    def between(self, ours: dict[int, float], theirs: dict[int, float]) -> Difference:
        """Compare values by seed: paired where equal seeds shared data and order, else as independent runs.

        Raises:
            PodiumError: where they should be paired and share no seed.
        """
        if self.paired:
            return paired_difference(ours, theirs)
        return unpaired_difference(list(ours.values()), list(theirs.values()))

    def ranked(self, metric: str, variants: Sequence[str] | None = None) -> Ranking:
        """Rank variants by a metric, and say what the seeds allow to say of them."""
        values = {name: self.by_seed(name, metric) for name in variants or self.variants}
        return ranking(values, self.metric(metric).quantity.better, paired=self.paired)

    def _reached(self, metric: str) -> np.ndarray:
        """Return a metric of each compared run: from the summary, else the last of its history; NaN where neither."""
        if metric not in self._cache:
            values = pd.Series(math.nan, index=self.compared.index)
            if metric in self.compared:
                values = pd.to_numeric(self.compared[metric], errors="coerce").astype(float)
            if metric in self.history and values.isna().any():
                ordered = self.history.sort_values("epoch", kind="stable")
                if self.step != "epoch":
                    ordered = ordered[
                        ordered[metric].notna()
                    ]  # a program that is not ours logs each metric in its time
                last = ordered.drop_duplicates("run", keep="last").set_index("run")[metric]
                values = values.fillna(self.compared["run"].map(pd.to_numeric(last, errors="coerce")).astype(float))
            self._cache[metric] = values.to_numpy()
        return self._cache[metric]

    @cached_property
    def _cache(self) -> dict[str, np.ndarray]:
        return {}

    def curves(self, variant: str, metric: str) -> pd.DataFrame:
        """Return a metric over epochs: a row an epoch (from 1), a column a seed; NaN where a seed has no value.

        Raises:
            PodiumError: for a variant or metric that does not exist.
        """
        rows = self.rows(variant)
        by_epoch = sorted(c for c in self.history if c not in {"run", "variant", "seed", "epoch"})
        if metric not in by_epoch:
            raise unknown("metric by epoch", metric, by_epoch, owner=f"Experiment {self.experiment}")
        mine = self.history[self.history["run"].isin(set(rows["run"]))]
        return mine.pivot_table(index="epoch", columns="seed", values=metric, dropna=False).astype(float)

    def model(self, variant: str | None = None) -> dict[str, Any]:
        """Return the description of a variant's model; of the first variant's where none is named."""
        return self._kept(self.models, "model description", variant)

    def sample(self, variant: str | None = None) -> dict[str, Any]:
        """Return a variant's sample predictions and encoding; the first variant's where none is named."""
        return self._kept(self.samples, "samples", variant)

    def _kept(self, kept: dict[str, dict[str, Any]], what: str, variant: str | None) -> dict[str, Any]:
        name = variant if variant is not None else self.variants[0]
        for run in self.rows(name)["run"]:
            if kept.get(run):
                return kept[run]
        raise PodiumError(f"The runs of {self.experiment}, variant {name!r}, hold no {what}. Train it again.")


def results_from(records: Iterable[Record], experiment: str) -> Results:
    """Lay records out as one table.

    Raises:
        PodiumError: when there are no records.
    """
    kept = sorted(records, key=lambda record: (record.variant, record.config.get("seed", 0), record.id))
    if not kept:
        raise PodiumError(f"{experiment} has no runs. Run `podium train {experiment}`.")
    rows = [_row(record) for record in kept]
    history = [
        {"run": whole(record.id), "variant": whole(record.variant), "seed": record.config.get("seed", 0), **row}
        for record in kept
        for row in ({whole(name): value for name, value in metrics.items()} for metrics in record.history)
    ]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    runs = pd.DataFrame(
        {name: pd.Series([row.get(name) for row in rows], dtype=_dtype(rows, name)) for name in columns}
    )
    return Results(
        experiment=experiment,
        runs=runs,
        history=pd.DataFrame(history, columns=None if history else ["run", "variant", "seed", "epoch"]),
        models={whole(record.id): record.model for record in kept if record.model},
        samples={whole(record.id): record.samples for record in kept if record.samples},
        config_fields=tuple(dict.fromkeys(whole(name) for record in kept for name in record.config)),
    )


def whole(value: Any) -> Any:
    r"""Return a text whose halves of letters (lone surrogates), which no table and no page can hold, are marked so.

    >>> whole("a\ud800"), whole(3)
    ('a\ufffd', 3)
    """
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else value


def _row(record: Record) -> dict[str, Any]:
    identity = (
        record.id,
        record.experiment,
        record.variant,
        record.config.get("seed", 0),
        record.profile,
        record.sweep,
        record.state,
        record.reason,
    )
    fields = dict(zip(IDENTITY, identity, strict=True))
    unknown_start = {"started": "", "device": "unknown device"}
    found = {**unknown_start, **record.provenance, **record.summary, **record.config, **fields}
    return {whole(name): whole(value) for name, value in found.items()}


def _dtype(rows: Sequence[dict[str, Any]], name: str) -> str:
    kinds = {type(row.get(name)) for row in rows}
    if kinds == {int}:
        return "int64"
    return "float64" if kinds <= {int, float, type(None)} and float in kinds else "object"


def _is_number(column: pd.Series) -> bool:
    if column.dtype.kind in "iuf":
        return True
    kinds = {type(value) for value in column.tolist() if value is not None and value is not pd.NA}
    return kinds <= {int, float}


def _settings(rows: pd.DataFrame, fields: Sequence[str]) -> np.ndarray:
    """Number the settings of rows: equal numbers where all of some fields are equal."""
    found = np.zeros(len(rows), dtype="int64")
    for name in fields:
        codes, values = pd.factorize(rows[name].map(repr))
        found, _ = pd.factorize(found * (len(values) + 1) + codes)
    return found


def _span(column: pd.Series) -> str:
    low, high = int(column.min()), int(column.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
