"""A new deck for anybody's runs: which fields varied, which is the seed, what was measured; and a template to edit."""

from __future__ import annotations

import json
import pprint
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from podium.press.results import Results, Tables
from podium.press.results.foreign import results_of
from podium.press.results.infer import Ask, infer, measured
from podium.spec import DECK_TEMPLATE, REPORT_TEMPLATE, PodiumError, Project, Pulled
from podium.spec.files import write_whole

NAME = re.compile(r"[a-z][a-z0-9_]*")
MOST_METRICS = 3  # columns of the table
MOST_FIELDS = 3  # slides that show one field


def new_deck(
    project: Project,
    name: str,
    tables: Tables,
    source: tuple[str, ...],
    *,
    ask: Ask,
    given: dict[str, str] | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Write an experiment, a deck of about ten slides and a report for runs that were pulled under a name.

    Args:
        project: where they go: under experiments, slides/decks and reports.
        name: of all three, and of the pulled runs.
        tables: the runs.
        source: what `podium pull` took.
        ask: see `podium.press.results.infer.infer`.
        given: answers given beforehand.
        notify: called with a sentence for each thing that was decided or left aside.

    Raises:
        PodiumError: for a name that cannot be one, files that are there already, or runs that say nothing.
    """
    if not NAME.fullmatch(name):
        raise PodiumError(f"A deck's name is small letters, digits and _, such as my_runs; not {name!r}.")
    files = [
        project.experiments / f"{name}.py",
        project.decks / name / DECK_TEMPLATE,
        project.reports / name / REPORT_TEMPLATE,
    ]
    there = [str(path.relative_to(project.root)) for path in files if path.exists()]
    if there:
        raise PodiumError(f"{' and '.join(there)} exist already, and are yours. Choose another name, or remove them.")
    guess = infer(tables, name, source, ask, given=given)
    results = results_of(tables, guess.said)
    said = guess.said
    if not said.sweep and said.variant:
        baseline = results.variants[0]
        said = replace(said, baseline=baseline)
        notify(f"The baseline is {baseline!r}, which was trained first: change `baseline` in experiments/{name}.py.")
    for notice in guess.notices:
        notify(notice)
    words = f"podium pull --name {name} {' '.join(source)}"
    written = []
    for path, starter in zip(files, ("experiment.py.j2", "deck.md.j2", "report.md.j2"), strict=True):
        text = _starters().get_template(starter).render(_said(said, results, measured(tables), words))
        write_whole(path, text.encode(), again="run it again")
        written.append(path)
    return written


def _said(said: Pulled, results: Results, names: Sequence[str], command: str) -> dict[str, Any]:
    others = [name for name in names if name != said.metric]
    return {
        "said": said,
        "title": said.name.replace("_", " ").capitalize(),
        "command": command,
        "fields": ", ".join(said.variant),
        "fields_shown": list(said.variant[:MOST_FIELDS]) if len(said.variant) > 1 else [],
        "baseline": said.baseline,
        "several": len(set(results.runs["variant"])) > 1,
        "curve": said.metric
        if said.metric in results.history
        else next((n for n in results.history if n in others), ""),
        "metrics": [said.metric, *_complete(results, others)][:MOST_METRICS],
    }


def _complete(results: Results, names: Sequence[str]) -> list[str]:
    """Keep the metrics that every run of the comparison has."""
    rows = results.compared if (results.runs["sweep"] == "").any() else results.runs
    return [name for name in names if name in rows and name not in results.config_fields and rows[name].notna().all()]


def _starters() -> Environment:
    made = Environment(
        loader=PackageLoader("podium.press.pages", "starters"),
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - what comes from runs goes through `py` or `comment`
    )
    made.filters["json"] = json.dumps
    made.filters["py"] = _py
    made.filters["comment"] = _comment
    return made


def _py(value: Any) -> str:
    """Write a value as Python and as Jinja read it, whatever it holds."""
    text = pprint.pformat(value, width=10_000) if not isinstance(value, str) else _quoted(value)
    return text.replace("%>", "%\\x3e")


def _quoted(text: str) -> str:
    return '"' + text.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'


def _comment(text: str) -> str:
    """Write words into a comment or code span that they cannot leave."""
    return re.sub(r"[^\w .,:/=+-]", "_", text)
