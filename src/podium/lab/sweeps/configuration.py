"""Sweep configurations: W&B's sweep files and dicts, read, checked and flattened.

Everything that W&B's published schema accepts (https://github.com/wandb/sweeps, src/sweeps/config/schema.json) is
accepted; what only W&B's servers can use is passed over with a notice.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from podium.lab.sweeps.distributions import EXPONENTS, Distribution, distribution_from
from podium.lab.sweeps.hyperband import Hyperband, hyperband_from, is_number
from podium.lab.sweeps.reading import Notify, Place, Sheet, plain_sheet, read_sheet
from podium.spec import PodiumError, unknown

Method = Literal["grid", "random", "bayes"]
Goal = Literal["minimize", "maximize"]

KEYS = (
    *("name", "description", "project", "entity", "program", "command", "method", "metric", "metrics", "parameters"),
    *("early_terminate", "run_cap", "apiVersion", "kind", "controller", "job", "image_uri", "scheduler", "launch"),
)
SERVER_KEYS = ("controller", "job", "image_uri", "scheduler", "launch")
TEXTS = ("name", "description", "project", "entity", "program")
METHODS: tuple[Method, ...] = ("grid", "random", "bayes")
METRIC_KEYS = ("name", "goal", "target", "impute", "impute_while_running")
GOALS: tuple[Goal, ...] = ("minimize", "maximize")
IMPUTES = ("worst", "best", "latest")
COMMAND = ("${env}", "${interpreter}", "${program}", "${args}")  # W&B's default
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")  # what W&B's schema takes as a parameter's name


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What a sweep is after.

    Attributes:
        name: the logged metric.
        goal: "minimize", W&B's default, or "maximize".
        target: the sweep ends when a run reaches this value; None where nothing ends it.
        impute: the value that bayes takes for a run that failed: "worst" of all runs, its own "best" or "latest".
        impute_while_running: the same for a run that still runs; "" where its value waits for its end.
    """

    name: str
    goal: Goal = "minimize"
    target: float | None = None
    impute: str = "worst"
    impute_while_running: str = ""

    def reached(self, value: Any) -> bool:
        """Say whether a logged value is the target or better."""
        if self.target is None or not is_number(value):
            return False
        return value >= self.target if self.goal == "maximize" else value <= self.target


@dataclass(frozen=True)
class Parameter:
    """One parameter of a sweep: where it stands in a trial's config, and how it is drawn."""

    path: tuple[str, ...]
    distribution: Distribution

    @property
    def name(self) -> str:
        """The path as one text that any data base takes, and that tells `a.b` from `b` within `a`."""
        first = self.path[0]
        return first if len(self.path) == 1 and first[:1] != "[" and first.isprintable() else json.dumps(self.path)

    def examples(self) -> list[Any]:
        """Return values that stand for all: the choices, both ends of a range, or of the middle 90 % of a bell."""
        return self.distribution.examples()


@dataclass(frozen=True, kw_only=True)
class SweepConfiguration:
    """A sweep configuration, checked, with its parameters flattened by path.

    Attributes:
        name: the file's `name`, else the name that its reader gave.
        parameters: sorted by path, the order in which W&B's grid counts.
        metric: what is optimised; None where the file says nothing.
        early_terminate: when weak runs stop; None for never.
        run_cap: the most trials; None for no end but the grid's.
        program: the training script, relative to `folder`.
        command: how the program is started, with W&B's macros.
        raw: the plain W&B configuration, texts that spell numbers read as numbers.
        folder: the folder of the sweep file.
        where: the file's name, or the words for what holds the configuration.
        lines: the line of every key, where there is a file.
    """

    name: str
    method: Method
    parameters: tuple[Parameter, ...]
    metric: Metric | None = None
    early_terminate: Hyperband | None = None
    run_cap: int | None = None
    program: str | None = None
    command: tuple[str, ...] = COMMAND
    description: str = ""
    project: str = ""
    entity: str = ""
    raw: dict[str, Any] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)
    where: str = ""
    lines: dict[Place, int] = field(default_factory=dict, repr=False, compare=False)

    def at(self, key: str) -> str:
        """Return the words for a key's place, such as "sweep.yaml, line 4, metric.name"."""
        return Sheet(self.where, self.raw, self.lines).at(tuple(key.split(".")))

    def nested(self, values: dict[tuple[str, ...], Any]) -> dict[str, Any]:
        """Return values by path as the nested dict that W&B gives a run."""
        found: dict[str, Any] = {}
        for path, value in values.items():
            inner = found
            for step in path[:-1]:
                inner = inner.setdefault(step, {})
            inner[path[-1]] = value
        return found


def read_configuration(path: Path, notify: Notify) -> SweepConfiguration:
    """Read a W&B sweep file, YAML or JSON.

    Args:
        path: the file; its stem is the sweep's name where it has none, its folder holds the program.
        notify: is called with a sentence for each thing that is read otherwise than it is written.

    Raises:
        PodiumError: naming the file, the line and the key.
    """
    sheet = read_sheet(path)
    return _configuration(sheet, path.stem, path.resolve().parent, notify)


def configuration_from(config: dict[str, Any], *, name: str, where: str, notify: Notify) -> SweepConfiguration:
    """Read the W&B sweep configuration of an experiment.

    Args:
        config: the plain dict.
        name: the sweep's name where the configuration has none.
        where: what errors call it, such as "The sweep of experiment digits".
        notify: as for `read_configuration`.

    Raises:
        PodiumError: naming where and the key.
    """
    return _configuration(plain_sheet(config, where), name, Path(), notify)


def sweep_id(configuration: SweepConfiguration, extra: Any = None) -> str:
    """Return eight hexadecimal characters that are equal when two sweeps run the same search over the same thing.

    `run_cap`, the names and the stop rules do not count: a sweep with a raised cap goes on.

    Args:
        configuration: the sweep.
        extra: what else decides a trial, such as an experiment's baseline; JSON.
    """
    metric = configuration.metric
    what = [
        configuration.method,
        configuration.raw["parameters"],
        [metric.name, metric.goal] if metric else None,
        [configuration.program, *configuration.command] if configuration.program else None,
        extra,
    ]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:8]


def _configuration(sheet: Sheet, name: str, folder: Path, notify: Notify) -> SweepConfiguration:
    raw = sheet.data
    for key in raw:
        if key not in KEYS:
            raise sheet.error((key,), unknown("key", key, KEYS, owner="A sweep"))
    method = _method(sheet)
    parameters = tuple(sorted(_parameters(sheet, ("parameters",), notify), key=lambda parameter: parameter.path))
    metric = _metric(sheet)
    hyperband = hyperband_from(sheet)
    for owner, needs in ((f"method {method}", method == "bayes"), ("early_terminate", hyperband is not None)):
        if needs and metric is None:
            raise PodiumError(f"{sheet.where}: {owner} needs a metric, such as metric: {{name: loss, goal: minimize}}.")
    if method == "grid":
        _check_grid(sheet, parameters)
    texts = {key: "" if raw.get(key) is None else str(_scalar(sheet, key)) for key in TEXTS}
    configuration = SweepConfiguration(
        name=texts["name"].strip() or name,
        method=method,
        parameters=parameters,
        metric=metric,
        early_terminate=hyperband,
        run_cap=_run_cap(sheet),
        program=texts["program"].strip() or None,
        command=_command(sheet),
        description=texts["description"],
        project=texts["project"],
        entity=texts["entity"],
        raw=raw,
        folder=folder,
        where=sheet.where,
        lines=sheet.lines,
    )
    ignored = ", ".join(key for key in SERVER_KEYS if key in raw)
    endless = method != "grid" and configuration.run_cap is None
    for sentence in (
        sheet.notice(),
        f"{sheet.where}: {ignored}: only W&B's servers use this; it is passed over here." if ignored else "",
        f"{sheet.where}: method {method} has no end of its own: run_cap: 20 would end it." if endless else "",
    ):
        if sentence:
            notify(sentence)
    return configuration


def _method(sheet: Sheet) -> Method:
    if "metrics" in sheet.data:
        raise sheet.error(("metrics",), "several metrics need method custom, which runs on W&B only: give one metric.")
    found = sheet.data.get("method")
    for method in METHODS:
        if found == method:
            return method
    if "method" not in sheet.data:
        raise PodiumError(f"{sheet.where} has no method: add one of method: {', '.join(METHODS)}.")
    if found == "custom":
        raise sheet.error(("method",), f"custom is a scheduler's own search on W&B: use one of {', '.join(METHODS)}.")
    raise sheet.error(("method",), unknown("method", found, METHODS, owner="A sweep"))


def _parameters(sheet: Sheet, place: Place, notify: Notify, path: tuple[str, ...] = ()) -> list[Parameter]:
    holder = sheet.get(place[:-1])
    found = holder.get(place[-1])
    if not isinstance(found, dict) or not found:
        near = f" (it has {next(iter(wrong))!r})" if (wrong := set(holder) & {"parameter", "params"}) else ""
        raise sheet.error(place, f"must name one parameter or more, such as lr: {{values: [0.1, 0.01]}}{near}.")
    parameters = []
    for name, definition in found.items():
        at = (*place, name)
        if not isinstance(definition, dict):
            key = "values" if isinstance(definition, list) else "value"
            raise sheet.error(at, f"must say how it is drawn, such as {key}: {json.dumps(definition)}.")
        if not NAME.fullmatch(name):
            notify(f"{sheet.at(at)}: W&B's servers take only letters, digits, _, . and - in a parameter's name.")
        if "parameters" not in definition:
            parameters.append(Parameter((*path, name), distribution_from(sheet, at)))
            _notice_exponents(sheet, at, parameters[-1], notify)
            continue
        for key in definition:
            if key != "parameters":
                raise sheet.error((*at, key), "cannot stand beside parameters: these draw each of their own.")
        parameters += _parameters(sheet, (*at, "parameters"), notify, (*path, name))
    return parameters


def _notice_exponents(sheet: Sheet, place: Place, parameter: Parameter, notify: Notify) -> None:
    """Say what comes out where bounds look like values, and the distribution takes them as exponents of e."""
    distribution = parameter.distribution
    if distribution.name in EXPONENTS and distribution.numbers["min"] >= 0 and distribution.numbers["max"] <= 1:
        low, high = parameter.examples()
        name = distribution.name
        notify(
            f"{sheet.at(place)}: {name} takes exponents of e, so the values lie between {low:.4g} and {high:.4g}; "
            f"{name}_values takes the values themselves."
        )


def _metric(sheet: Sheet) -> Metric | None:
    place = ("metric",)
    found = sheet.data.get("metric")
    if found is None:
        return None
    if not isinstance(found, dict):
        raise sheet.error(place, f"must hold a name and a goal, such as name: loss; not {found!r}.")
    for key in found:
        if key not in METRIC_KEYS:
            raise sheet.error((*place, key), unknown("key", key, METRIC_KEYS, owner="A metric"))
    name, goal = found.get("name"), found.get("goal", "minimize")
    if not isinstance(name, str) or not name:
        raise sheet.error((*place, "name"), f"must be the name that the runs log; not {name!r}.")
    if goal not in GOALS:
        raise sheet.error((*place, "goal"), unknown("goal", goal, GOALS, owner="A metric"))
    imputes = {key: found.get(key, default) for key, default in (("impute", "worst"), ("impute_while_running", False))}
    for key, impute in imputes.items():
        if impute not in IMPUTES and not (key == "impute_while_running" and impute in {False, "false"}):
            raise sheet.error((*place, key), unknown(key, impute, IMPUTES, owner="A metric"))
    running = imputes["impute_while_running"]
    return Metric(
        name=name,
        goal=goal,
        target=None if found.get("target") is None else sheet.number((*place, "target")),
        impute=imputes["impute"],
        impute_while_running=running if running in IMPUTES else "",
    )


def _check_grid(sheet: Sheet, parameters: tuple[Parameter, ...]) -> None:
    for parameter in parameters:
        if parameter.distribution.points() is None:
            at = ("parameters", *(step for name in parameter.path for step in (name, "parameters")))[:-1]
            name = parameter.distribution.name
            raise sheet.error(
                at, f"{name} has no grid: list its values, give it q_uniform with min, max and q, or use method random."
            )


def _run_cap(sheet: Sheet) -> int | None:
    cap = sheet.data.get("run_cap")
    if cap is not None and (type(cap) is not int or cap < 1):
        raise sheet.error(("run_cap",), f"must be a whole number above 0; not {cap!r}.")
    return cap


def _command(sheet: Sheet) -> tuple[str, ...]:
    found = sheet.data.get("command")
    if found is None:
        return COMMAND
    if not isinstance(found, list) or not found:
        raise sheet.error(("command",), "must be a list, one word an entry, such as ['${program}', '${args}'].")
    for index, word in enumerate(found):
        if isinstance(word, dict | list) or word is None:
            raise sheet.error(("command", index), f"must be one word; not {word!r}.")
    return tuple(str(word) for word in found)


def _scalar(sheet: Sheet, key: str) -> Any:
    found = sheet.data[key]
    if isinstance(found, dict | list):
        raise sheet.error((key,), f"must be a text; not {found!r}.")
    return found
