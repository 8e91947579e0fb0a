"""What a template may ask for: numbers, claims, figures, tables, diagrams, excerpts, and the slides themselves."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from podium.press.diagrams import DIAGRAMS
from podium.press.figures import FIGURES, Drawing
from podium.press.numbers import Number, difference, number
from podium.press.pages.escaping import Markdown, entities, literal, plain
from podium.press.pages.excerpts import excerpt
from podium.press.results import Results, Source, load_results, ranking
from podium.press.results.metrics import metric_named
from podium.spec import PodiumError, Project, load_experiment, unknown

MARK = "\x02slide {}\x03"  # no text of a run can hold these two characters: `literal` drops them
MARKS = re.compile("\x02slide \\d+\x03")
PICTURE = re.compile(r"data:image/png;base64,[\w+/=]+")


@dataclass
class Slide:
    """Front matter of one slide, and the notes that its runs oblige it to show."""

    front: dict[str, Any]
    notes: list[str] = field(default_factory=list)


class Page:
    """One deck while it is being rendered: what it asked for so far.

    Whatever a template asks for counts for the slide that was opened last: its badge says so when the runs are quick.
    """

    def __init__(self, project: Project, source: Source, head: dict[str, Any]) -> None:
        self.project = project
        self.source: Source = source
        self.head = head
        self.slides: list[Slide] = []
        self.drawings: dict[str, Drawing] = {}
        self.data: dict[str, dict[str, Any]] = {
            kind: {} for kind in ("receipts", "claims", "plantuml", "mermaid", "predictions", "names")
        }
        self._loaded: dict[str, Results] = {}

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Name what a template can call."""
        return {
            "claim": self.claim,
            "diagram": self.diagram,
            "difference": self.difference,
            "excerpt": self.excerpt,
            "facts": self.facts,
            "figure": self.figure,
            "literal": literal,
            "number": self.number,
            "predictions": self.predictions,
            "provenance": self.provenance,
            "ranked": self.ranked,
            "receipt_pages": self.receipt_pages,
            "receipts": self.receipts,
            "run_names": self.run_names,
            "slide": self.slide,
            "table": self.table,
        }

    # Slides

    def slide(self, layout: str = "default", **front: Any) -> Markdown:
        """Open a slide; `kicker`, `foot` and whatever its layout knows go into its front matter.

        Raises:
            PodiumError: for a `title` after the first slide: Slidev compiles it, so text of a run could execute there.
        """
        if "title" in front and self.slides:
            raise PodiumError("Only the first slide takes a title, the deck's; write others as a heading, `# ...`.")
        self.slides.append(Slide({"layout": layout, **{name: _flat(value) for name, value in front.items()}}))
        return Markdown(MARK.format(len(self.slides) - 1))

    def assembled(self, text: str) -> str:
        """Put each slide's front matter where it was opened.

        Raises:
            PodiumError: when there is text before the first slide, or no slide.
        """
        before, *bodies = MARKS.split(text)
        if before.strip() or not bodies:
            raise PodiumError("A deck begins with slide(...): nothing may stand before it, and there must be one.")
        parts = []
        for index, (slide, body) in enumerate(zip(self.slides, bodies, strict=True)):
            front = {**self.head, **slide.front} if index == 0 else dict(slide.front)
            if slide.notes:
                front["badge"] = " · ".join(slide.notes)
            parts.append(f"---\n{_yaml(front)}---\n\n{body.strip()}\n")
        return "\n".join(parts)

    def _results(self, experiment: str, *, shown: bool = True) -> Results:
        if experiment not in self._loaded:
            self._loaded[experiment] = load_results(self.project, experiment, self.source)
        found = self._loaded[experiment]
        if shown and self.slides and found.profile_note and found.profile_note not in self.slides[-1].notes:
            self.slides[-1].notes.append(found.profile_note)
        return found

    def _keep(self, kind: str, letter: str, value: Any) -> str:
        """Give a value a name in deck.json; what was asked for before keeps its name."""
        for known, before in self.data[kind].items():
            if before == value:
                return known
        name = f"{letter}{len(self.data[kind]) + 1}"
        self.data[kind][name] = value
        return name

    # Numbers and words

    def number(
        self, experiment: str, variant: str, metric: str, *, digits: int | None = None, big: bool = False
    ) -> Markdown:
        """Show the mean of a metric over a variant's seeds; a click on it opens its receipt."""
        found = number(self._results(experiment), variant, metric, digits=digits)
        size = " big" if big else ""
        return Markdown(f'<PodiumNumber id="{self._receipt(found)}"{size} />')

    def difference(self, experiment: str, variant: str, over: str, metric: str) -> Markdown:
        """Show by how much a variant lies above another, paired by seed."""
        found = difference(self._results(experiment), variant, over, metric)
        return Markdown(f'<PodiumNumber id="{self._receipt(found)}" />')

    def claim(self, experiment: str, variant: str, over: str, metric: str, *, before: str = "") -> Markdown:
        """Say in one sentence by how much a variant lies above another, with the interval and whether it is shown."""
        found = difference(self._results(experiment), variant, over, metric)
        claim = {
            "before": before or f"{variant} over {over}:",
            "number": self._receipt(found),
            "after": f"({found.interval})",
            "verdict": found.verdict,
        }
        return Markdown(f'<PodiumClaim id="{self._keep("claims", "c", claim)}" />')

    def _receipt(self, found: Number) -> str:
        entry = {"text": found.text, "unit": found.unit, **found.receipt}
        return self._keep("receipts", "n", entry)

    def ranked(self, experiment: str, metric: str) -> list[str]:
        """Name an experiment's variants from the best to the worst by their mean."""
        results = self._results(experiment)
        better = metric_named(metric).quantity.better
        return list(ranking({name: results.by_seed(name, metric) for name in results.variants}, better).order)

    def facts(self, experiment: str) -> dict[str, Any]:
        """Return what is known of an experiment: question, expectation, runs, variants, seeds, parameters, profile."""
        results = self._results(experiment)
        said = load_experiment(experiment, self.project.experiments)
        return {
            "question": said.question,
            "expectation": said.expectation,
            "runs": len(results.compared),
            "variants": results.variants,
            "seeds": len(set(results.compared["seed"])),
            "parameters": f"{results.model().get('parameters', 0):,}",
            "config": results.compared.iloc[0].to_dict(),
            "profile": results.profile_note or "full profile",
        }

    def provenance(self, *experiments: str) -> str:
        """Say in a line how many runs a deck stands on, of which commit, on what hardware."""
        found = [self._results(name, shown=False).compared for name in experiments]
        commits = sorted({str(c)[:7] for rows in found if "commit" in rows for c in rows["commit"] if c})
        machines = sorted({str(h) for rows in found if "hardware" in rows for h in rows["hardware"] if h})
        shown = " and ".join(machines) if len(machines) < 3 else f"{len(machines)} machines"
        parts = (f"{sum(map(len, found))} runs", f"commit {', '.join(commits)}" if commits else "", shown)
        return plain(" · ".join(part for part in parts if part))

    def run_names(self, experiment: str, variant: str) -> Markdown:
        """Show the names of a variant's runs."""
        names = [str(run) for run in self._results(experiment).rows(variant)["run"]]
        return Markdown(f'<RunNames id="{self._keep("names", "r", names)}" />')

    def receipts(self, start: int = 0, count: int = 10) -> Markdown:
        """Show a part of the list of every number of the deck, with what it is."""
        for experiment in self._loaded:
            self._results(experiment)
        return Markdown(f'<ReceiptList :from="{int(start)}" :count="{int(count)}" />')

    def receipt_pages(self, most: int = 10) -> list[tuple[int, int]]:
        """Share the numbers asked for so far among as few pages as hold them: first number and how many, a page."""
        total = len(self.data["receipts"])
        each = math.ceil(total / max(1, math.ceil(total / most)))
        return [(start, each) for start in range(0, total, max(1, each))]

    # Pictures, tables and code

    def figure(self, kind: str, experiment: str, **options: Any) -> Placed:
        """Draw a figure; its `finding` is a title, its note becomes the footer where the slide has none."""
        if kind not in FIGURES:
            raise unknown("figure", kind, FIGURES)
        takes = [name for name in inspect.signature(FIGURES[kind]).parameters if name != "results"]
        for name in options:
            if name not in takes:
                raise unknown("option", name, takes, owner=f"Figure {kind}")
        drawing: Drawing = FIGURES[kind](self._results(experiment), **options)
        words = [kind, experiment, *(str(value) for value in options.values() if isinstance(value, str))]
        name = wished = re.sub(r"[^\w-]+", "-", "-".join(words))
        for again in range(2, 100):
            if name not in self.drawings:
                break
            name = f"{wished}-{again}"
        self.drawings[name] = drawing
        if self.slides:
            self.slides[-1].front.setdefault("foot", plain(drawing.note))
        tag = f'<PodiumFigure name="{name}" alt="{entities(drawing.alt)}" />'
        return Placed(Markdown(tag), drawing.finding, drawing.note)

    def diagram(self, kind: str, experiment: str, variant: str | None = None) -> Markdown:
        """Draw the pipeline (mermaid) or the classes (PlantUML) of what really ran."""
        if kind not in DIAGRAMS:
            raise unknown("diagram", kind, DIAGRAMS)
        source = DIAGRAMS[kind](self._results(experiment).model(variant))
        if kind == "pipeline":
            self._keep("mermaid", "m", source)
            return Markdown(f"```mermaid\n{source}\n```")
        name = self._keep("plantuml", "d", source)
        return Markdown(f'<PodiumPlantUml id="{name}" label="{entities(f"the classes of {experiment}")}" />')

    def excerpt(self, symbol: str, *, highlight: list[str] | str | tuple[str, ...] = ()) -> Markdown:
        """Show code by its symbol; each pattern's line is lit by one click; the footer says where it stands."""
        found = excerpt(symbol, (highlight,) if isinstance(highlight, str) else tuple(highlight))
        if self.slides:
            self.slides[-1].front.setdefault("foot", found.place)
        steps = "|".join(["all", *map(str, found.steps)]) if found.steps else ""
        fence = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`+", found.code))])
        return Markdown(f"{fence}python {f'{{{steps}}}' if steps else ''}".rstrip() + f"\n{found.code}\n{fence}")

    def predictions(self, experiment: str, variant: str | None = None, *, count: int = 8) -> Markdown:
        """Show pictures of the test set with what stands on them and what the model read."""
        sample = self._results(experiment).sample(variant)
        rows = sample.get("predictions", [])
        if not rows:
            raise PodiumError(f"The runs of {experiment} hold no sample predictions. Train it again.")
        kept = [{key: str(row[key]) for key in ("picture", "correct", "predicted")} for row in rows[:count]]
        foreign = [row["picture"][:30] for row in kept if not PICTURE.fullmatch(row["picture"])]
        if foreign:
            raise PodiumError(f"A sample picture is a PNG data address; got {foreign[0]!r}.")
        return Markdown(f'<PodiumPredictions id="{self._keep("predictions", "p", kept)}" />')

    def table(self, experiment: str, metrics: list[str], *, variants: list[str] | None = None) -> Markdown:
        """Show a row a variant, with its runs and the mean of each metric; every number opens its receipt."""
        results = self._results(experiment)
        heads = "".join(f"<th>{literal(metric_named(metric).words)}</th>" for metric in metrics)
        rows = []
        for variant in variants or results.variants:
            cells = "".join(f"<td>{self.number(experiment, variant, metric)}</td>" for metric in metrics)
            rows.append(f"<tr><td>{literal(variant)}</td><td>{len(results.rows(variant))}</td>{cells}</tr>")
        body = "\n".join(rows)
        return Markdown(
            f'<table class="podium-table">\n<thead><tr><th>variant</th><th>runs</th>{heads}</tr></thead>\n'
            f"<tbody>\n{body}\n</tbody>\n</table>"
        )


@dataclass(frozen=True)
class Placed:
    """A figure on a page: what a template prints, and the words that belong to it."""

    markdown: Markdown
    finding: str
    note: str


def finalize(value: object) -> str:
    """Turn what a template prints into Markdown: ours as it is, every other text literally."""
    if isinstance(value, Placed):
        return value.markdown
    return value if isinstance(value, Markdown) else literal(value)


def _flat(value: Any) -> Any:
    return plain(value) if isinstance(value, str) else value


def _yaml(front: dict[str, Any]) -> str:
    return yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=10_000)
