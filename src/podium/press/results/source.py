"""Where results come from: the runs on this machine, or the frozen files that are committed."""

from __future__ import annotations

from typing import Literal

from podium.press.results.foreign import results_of
from podium.press.results.frozen import read_frozen
from podium.press.results.pulled import read_frozen_pulled, read_pulled
from podium.press.results.table import Results, results_from
from podium.runs import read_runs
from podium.spec import PodiumError, Project, Pulled, load_question, unknown

Source = Literal["local", "frozen"]


def load_results(project: Project, experiment: str, source: Source = "local") -> Results:
    """Read everything that is known of an experiment, trained here or pulled.

    Args:
        project: where to look.
        experiment: its name.
        source: "local" for the records under `build/runs`, "frozen" for `experiments/<name>.csv`.

    Raises:
        PodiumError: for an unknown experiment or source, or where there are no runs; it says what to run.
    """
    if source not in ("local", "frozen"):
        raise unknown("source of runs", source, ("local", "frozen"))
    said = load_question(experiment, project.experiments)
    if isinstance(said, Pulled):
        return results_of((read_pulled if source == "local" else read_frozen_pulled)(project, experiment), said)
    if source == "local":
        records = read_runs(project.runs, experiment)
        if not records:
            raise PodiumError(
                f"{experiment} has no runs on this machine. Run `podium train {experiment}`, "
                f"or take the committed ones with `--runs frozen`."
            )
    else:
        records = read_frozen(project, experiment)
        if not records:
            raise PodiumError(
                f"{experiment} has no frozen runs: there is no experiments/{experiment}.csv. "
                f"Run `podium train {experiment}`, then `podium freeze {experiment}`."
            )
    return results_from(records, experiment)
