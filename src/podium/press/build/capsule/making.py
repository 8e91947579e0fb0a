"""Making: a built deck, its results, experiments, template and figures as one zip; equal contents give equal bytes."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jinja2 import meta

from podium.press.build.browser import find_browser
from podium.press.build.capsule import server
from podium.press.build.capsule.opening import FORMAT, MANIFEST
from podium.press.build.capsule.recomputing import PARTS, lock_name, verify_capsule
from podium.press.build.deck import build_deck
from podium.press.build.wanted import place
from podium.press.pages.claims import Family
from podium.press.pages.escaping import entities
from podium.press.pages.render import Composed, compose, environment
from podium.press.results import Source, freeze, freeze_pulled
from podium.spec import DECK_TEMPLATE, PodiumError, Project, Pulled, load_question
from podium.spec.files import write_whole

EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip keeps times; these say nothing, so that equal contents give equal bytes

README = """# {deck}: a talk with everything its numbers come from

Open it, with no network and nothing to install but Python 3.9 or newer:

    python {deck}.zip

(Or unpack it, and run `python FOLDER`. Any static server that serves `site/` will do too.)

Check it: `podium verify {deck}.zip` compares every file with `manifest.json` and computes each number, claim and
finding again from the results in here. Nothing of the capsule is run for that. What it cannot know is who made the
capsule: compare the SHA-256 that it prints with the one that its maker saw.

| folder | what it holds |
|---|---|
| `site/` | the slides, as any static server serves them |
{pdf}| `slides/decks/{deck}/` | the template (with the speaker notes) and the lock: every number as it was built |
| `experiments/` | each question, and its runs and their histories as tables |
| `figures/` | each figure: SVG, and what was asked for, of which table |
| `source/` | the deck as Slidev reads it: Markdown, data, pictures |

Unpacked into a clone of Podium, `podium slides {deck} --runs frozen` builds it again. That runs the experiment files
and the cells in the template: read them first, as you would any program of a stranger.
"""
PDF_ROW = "| `{deck}.pdf` | the slides as one vector page each |\n"


@dataclass(frozen=True)
class Made:
    """A capsule that was written: where, its SHA-256, how many files and numbers are in it, and whether a PDF is."""

    path: Path
    digest: str
    files: int
    numbers: int
    pdf: bool


def make_capsule(project: Project, deck: str, *, runs: Source = "local", out: Path | None = None) -> Made:
    """Build a deck where it is not up to date, and write it with its sources as one zip, which is then verified.

    Args:
        project: where templates, theme and runs are.
        deck: its name under slides/decks.
        runs: "local" records, or the "frozen" results beside the experiments.
        out: the zip to write; build/slides/<deck>.zip where None.

    Raises:
        PodiumError: as `build_deck` does, or where the numbers do not come out the same from what is in the capsule.
    """
    browser = find_browser()
    build_deck(project, deck, runs=runs, formats=("site", "pdf") if browser else ("site",))
    composed = compose(project, deck, runs)
    files = dict(_files(project, deck, composed, runs))
    if browser:
        files[f"{deck}.pdf"] = place(project, deck, "pdf").read_bytes()
    row = PDF_ROW.format(deck=entities(deck)) if browser else ""
    files["README.md"] = README.format(deck=entities(deck), pdf=row).encode()
    files["__main__.py"] = Path(server.__file__).read_bytes()
    files[MANIFEST] = _json(_manifest(project, deck, composed, runs, files))
    path = out or project.build / "slides" / f"{deck}.zip"
    write_whole(path, packed(files), again="make the capsule again")
    checked = verify_capsule(path)
    if different := [one for one in checked.found if not one.same]:
        path.unlink()
        first = different[0]
        raise PodiumError(
            f"The capsule's own results give {first.frozen} for {first.asked}, the deck says {first.built}, so it was "
            "not kept. Freeze the results and build the deck from them: `--runs frozen`."
        )
    return Made(path, checked.digest, len(files), len(composed.lock["numbers"]), pdf=browser is not None)


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of some files: sorted, without times, so that equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is made
            entry.external_attr = 0o100644 << 16
            made.writestr(entry, files[name], compresslevel=9)
    return buffer.getvalue()


def _files(project: Project, deck: str, composed: Composed, runs: Source) -> Iterator[tuple[str, bytes]]:
    """Yield everything but the manifest, the PDF, and what every capsule holds."""
    site = project.build / "slides" / deck
    yield from ((f"site/{name}", content) for name, content in _folder(site))
    for name, content in _folder(project.decks / deck):
        yield f"slides/decks/{deck}/{name}", content
    for name in sorted(_templates(project, deck, composed)):
        yield f"slides/decks/{name}", (project.decks / name).read_bytes()
    yield lock_name(deck), _json(composed.lock)
    for path, content in composed.files.items():
        yield f"source/{path.relative_to(composed.folder).as_posix()}", content
        if path.parent.name == "figures":
            yield f"figures/{path.name}", content
    tables = {}
    for experiment in composed.lock["experiments"]:
        frozen = dict(_frozen(project, experiment, runs))
        yield f"experiments/{experiment}.py", (project.experiments / f"{experiment}.py").read_bytes()
        yield from frozen.items()
        tables[experiment] = [name for name in frozen if name.endswith(".csv")]
    for name, asked in _figures(composed).items():
        drawing, data = composed.page.drawings[name], tables[asked["experiment"]]
        told = {**asked, "finding": drawing.finding, "alt": drawing.alt, "note": drawing.note, "tables": data}
        yield f"figures/{name}.json", _json(told)


def _folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a folder by name; hidden ones, and links that lead outside of it, are left where they are."""
    home = folder.resolve()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if path.is_file() and not hidden and path.resolve().is_relative_to(home):
            yield name.as_posix(), path.read_bytes()


def _templates(project: Project, deck: str, composed: Composed) -> set[str]:
    """Name the templates of other decks that this one includes, extends or imports, however far away."""
    jinja = environment(project.decks, composed.page)
    found, waiting = set(), [f"{deck}/{DECK_TEMPLATE}"]
    while waiting:
        source = (project.decks / waiting.pop()).read_text("utf-8")
        named = {name for name in meta.find_referenced_templates(jinja.parse(source)) if name} - found
        there = {name for name in named if (project.decks / name).is_file()}
        found |= there
        waiting += sorted(there)
    return found


def _frozen(project: Project, experiment: str, runs: Source) -> Iterator[tuple[str, bytes]]:
    """Yield an experiment's results as tables: the committed ones, or its runs frozen now, beside the project's own."""
    with tempfile.TemporaryDirectory() as scratch:
        at = project
        if runs == "local":
            at = Project(Path(scratch))
            at.experiments.mkdir()
            at.build.symlink_to(project.build.resolve(), target_is_directory=True)
            pulled = isinstance(load_question(experiment, project.experiments), Pulled)
            (freeze_pulled if pulled else freeze)(at, experiment)
        for part in PARTS:
            path = at.experiments / f"{experiment}{part}"
            if path.is_file():
                yield f"experiments/{path.name}", path.read_bytes()


def _manifest(
    project: Project, deck: str, composed: Composed, runs: Source, files: Mapping[str, bytes]
) -> dict[str, Any]:
    families = [check for check in composed.page.checks if isinstance(check, Family)]
    return {
        "podium_capsule": FORMAT,
        "deck": deck,
        "podium": importlib.metadata.version("podium"),
        "source": runs,
        "experiments": {name: _question(project, name) for name in composed.lock["experiments"]},
        "figures": _figures(composed),
        "families": [[claim.asked for claim in family.claims] for family in families],
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    }


def _figures(composed: Composed) -> dict[str, dict[str, Any]]:
    """Return what was asked for with each figure, by its name."""
    asked = zip(composed.page.drawings, composed.page.asked_figures, strict=True)
    return {name: {"kind": a.kind, "experiment": a.experiment, "options": a.options} for name, a in asked}


def _question(project: Project, experiment: str) -> dict[str, Any] | None:
    """Return what is needed to lay out pulled runs; None for runs that were trained here, which need nothing."""
    said = load_question(experiment, project.experiments)
    return asdict(said) if isinstance(said, Pulled) else None


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
