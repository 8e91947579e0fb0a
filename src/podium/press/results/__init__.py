"""Results: runs in, one tidy table out; statistics over seeds; freezing to CSV and reading it back."""

from podium.press.results.frozen import freeze, read_frozen
from podium.press.results.pulled import MISSING, Tables, freeze_pulled, read_frozen_pulled, read_pulled
from podium.press.results.source import Source, load_results
from podium.press.results.statistics import (
    Difference,
    Interval,
    Ranking,
    chance_of_beating,
    holm,
    mean_interval,
    paired_difference,
    ranking,
    unpaired_difference,
    wilson,
)
from podium.press.results.table import Results, results_from

__all__ = [
    "MISSING",
    "Difference",
    "Interval",
    "Ranking",
    "Results",
    "Source",
    "Tables",
    "chance_of_beating",
    "freeze",
    "freeze_pulled",
    "holm",
    "load_results",
    "mean_interval",
    "paired_difference",
    "ranking",
    "read_frozen",
    "read_frozen_pulled",
    "read_pulled",
    "results_from",
    "unpaired_difference",
    "wilson",
]
