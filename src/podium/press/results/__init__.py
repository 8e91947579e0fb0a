"""Results: runs in, one tidy table out; statistics over seeds; freezing to CSV and reading it back."""

from podium.press.results.frozen import freeze, read_frozen
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
    wilson,
)
from podium.press.results.table import Results, results_from

__all__ = [
    "Difference",
    "Interval",
    "Ranking",
    "Results",
    "Source",
    "chance_of_beating",
    "freeze",
    "holm",
    "load_results",
    "mean_interval",
    "paired_difference",
    "ranking",
    "read_frozen",
    "results_from",
    "wilson",
]
