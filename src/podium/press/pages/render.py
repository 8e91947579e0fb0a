"""Render: template and results become Markdown, a data file and figures, written only when they changed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from traceback import walk_tb
from typing import Any

from jinja2 import (
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2.runtime import BlockReference, Context, Macro
from jinja2.sandbox import SandboxedEnvironment

from podium.press.pages.drawn import figures_of, note_path, picture_path
from podium.press.pages.escaping import Markdown
from podium.press.pages.functions import functions_of
from podium.press.pages.lock import FILE as LOCK
from podium.press.pages.lock import lock_of, read_lock
from podium.press.pages.page import Lock, Page, Read, TemplateFaultError, finalize
from podium.press.pages.questions import question_pages
from podium.press.results import Source, load_results
from podium.press.results.table import whole
from podium.spec import DECK_TEMPLATE as TEMPLATE
from podium.spec import PodiumError, Project, deck_names, unknown
from podium.spec.files import write_whole

COMPONENTS = "components"  # the deck's own Vue components: Slidev finds them beside slides.md


@dataclass(frozen=True)
class Composed:
    """A deck as it would be written.

    Attributes:
        folder: build/decks/<deck>.
        markdown: what slides.md holds.
        data: what deck.json holds.
        files: every file of the folder: slides.md, deck.json, public/figures/, and the deck's own components/.
        lock: what its numbers, claims and figures are (see `podium.press.pages.lock`).
        drawn: of each figure what decided it and why it was drawn (see `podium.press.pages.drawn`).
        page: what its template asked for.
    """

    folder: Path
    markdown: str
    data: dict[str, Any]
    files: dict[Path, bytes]
    lock: Lock
    drawn: dict[str, Any]
    page: Page


@dataclass(frozen=True)
class Rendered(Composed):
    """A deck ready to be built; `changed` are the files that were written or removed, empty when nothing changed."""

    changed: tuple[Path, ...] = ()


def compose(
    project: Project, deck: str, source: Source = "local", *, read: Read = load_results, runs_cells: bool = True
) -> Composed:
    """Work out a deck without writing anything.

    Args:
        project: where experiments, slides and build are.
        deck: name of a folder under slides/decks.
        source: "local" runs, or the "frozen" files beside the experiments.
        read: returns an experiment's results.
        runs_cells: whether the deck's cells may run; whoever only asks about a deck has not built it.

    Raises:
        PodiumError: for an unknown deck, or anything that its template asks for and there is not: with template,
            line, what was asked and what there is.
    """
    names = deck_names(project)
    if deck not in names:
        raise unknown("deck", deck, names)
    template = project.decks / deck / TEMPLATE
    folder = project.build / "decks" / deck
    file = lock_path(project, deck)
    new_page = partial(
        Page,
        project,
        source,
        {},
        before=read_lock(file),
        lock_file=file,
        template=template,
        folder=folder,
        read=read,
        runs_cells=runs_cells,
    )
    page = new_page()
    markdown = filled(project, template, page)
    if page.looks_back:  # what changed is known only when the page is whole: once more, with its lock
        page = new_page(now=lock_of(page, figures_of(page, folder)))
        markdown = filled(project, template, page)
    data = {"deck": deck, "source": source, **page.data}
    figures = figures_of(page, folder)
    files = {
        folder / "slides.md": markdown.encode(),
        folder / "deck.json": _json(data),
        **{picture_path(folder, name): picture for name, picture in {**figures, **page.pictures}.items()},
        **_components(template.parent, folder),
    }
    return Composed(folder, markdown, data, files, lock_of(page, figures), page.drawn, page)


def render(project: Project, deck: str, source: Source = "local", *, read: Read = load_results) -> Rendered:
    """Render a deck into `build/decks/<deck>`; see `compose`.

    Raises:
        PodiumError: as `compose` does, and for a disk that refuses a file.
    """
    composed = compose(project, deck, source, read=read)
    changed = tuple(_written(composed.files, composed.folder))
    note_path(composed.folder).write_text(json.dumps(composed.drawn, indent=1, sort_keys=True) + "\n", "utf-8")
    return Rendered(**{field.name: getattr(composed, field.name) for field in fields(composed)}, changed=changed)


def lock_path(project: Project, deck: str) -> Path:
    """Return where a deck's lock lies: beside its template, to be committed."""
    return project.decks / deck / LOCK


class Templates(SandboxedEnvironment):
    """Jinja where what a macro or a block has made is Markdown: its parts were escaped when they were printed."""

    def call(self, context: Context, called: Any, /, *args: Any, **options: Any) -> Any:
        """Call what a template calls."""
        made = super().call(context, called, *args, **options)
        return Markdown(made) if isinstance(called, Macro | BlockReference) and isinstance(made, str) else made


def environment(folder: Path, page: Page) -> Templates:
    """Return Jinja over a folder of templates, which may extend, include and import each other.

    Its marks collide neither with Vue nor with Mermaid; what it prints is escaped unless it is ours.
    """
    return Templates(
        loader=FileSystemLoader(folder),
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<%=",
        variable_end_string="%>",
        comment_start_string="<%#",
        comment_end_string="%>",
        undefined=StrictUndefined,
        finalize=partial(finalize, page),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # `finalize` escapes for Slidev, which HTML's escaping does not
    )


def filled(
    project: Project,
    template: Path,
    page: Page,
    *,
    functions: dict[str, Callable[..., Any]] | None = None,
    whole: Callable[[str], str] | None = None,
) -> str:
    """Render a template for a page.

    Args:
        project: its root shortens the names of files.
        template: the file.
        page: which takes down what the template asks for.
        functions: what a template can call; a deck's where None.
        whole: makes the page of what the template printed; a deck's slides where None.

    Raises:
        PodiumError: with template and line for whatever is wrong in it, or asked for and not there.
    """
    jinja = environment(template.parent.parent, page)
    functions = functions or functions_of(page)
    known: dict[str, Any] = jinja.globals
    known.update(functions)  # so that an imported macro sees them too
    name = f"{template.parent.name}/{template.name}"
    where = 1
    try:
        text = jinja.get_template(name).render()
        return whole(text) if whole else page.assembled(f"{text}\n\n{question_pages(page)}")
    except TemplateSyntaxError as error:
        template, where, sentence = _file(error, template), error.lineno, str(error.message)
    except UndefinedError as error:
        template, where = _place(error, template)
        named = re.fullmatch(r"'(\w+)' is undefined", str(error))
        sentence = str(unknown("page function", named[1], functions)) if named else f"{error}."
    except TemplateNotFound as error:
        template, where = _place(error, template)
        there = [path.relative_to(template.parent.parent).as_posix() for path in template.parent.parent.rglob("*.j2")]
        sentence = str(unknown("template", str(error.name), sorted(there)))
    except TemplateFaultError as error:
        template, where = error.place or (template, 1)
        sentence = str(error)
    except (PodiumError, TemplateError) as error:
        template, where = _place(error, template)
        sentence = str(error)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        if not _in_template(error, template):
            raise
        template, where = _place(error, template)
        sentence = f"{type(error).__name__}: {error}."
    raise PodiumError(f"{template.relative_to(project.root).as_posix()}, line {where}: {sentence}")


def _components(beside: Path, folder: Path) -> dict[Path, bytes]:
    """Return the components that lie beside a template, and what they import, by their place in the rendered deck."""
    own = beside / COMPONENTS
    names = [path.relative_to(own) for path in sorted(own.rglob("*")) if path.is_file()]
    shown = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    return {folder / COMPONENTS / name: (own / name).read_bytes() for name in shown}


def _json(data: dict[str, Any]) -> bytes:
    """Write what the slides read; halves of letters, which no reader of JSON but Python's takes, are marked."""
    return (whole(json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False)) + "\n").encode()


def _place(error: BaseException, template: Path) -> tuple[Path, int]:
    """Find the innermost line of a template that an error came through; the template's first where there is none."""
    found = (template, 1)
    for frame, number in walk_tb(error.__traceback__):
        if _is_template(frame, template):
            found = (Path(frame.f_code.co_filename), number)
    return found


def _file(error: TemplateSyntaxError, template: Path) -> Path:
    return Path(error.filename) if error.filename else template


def _in_template(error: BaseException, template: Path) -> bool:
    """Tell whether a template's own line raised it: a wrong argument there, not a bug of ours below."""
    *_, last = (frame for frame, _ in walk_tb(error.__traceback__))
    return _is_template(last, template) or "jinja2" in Path(last.f_code.co_filename).parts


def _is_template(frame: Any, template: Path) -> bool:
    return Path(frame.f_code.co_filename).is_relative_to(template.parent.parent)


def _written(files: dict[Path, bytes], folder: Path) -> list[Path]:
    """Write what differs, each file in one step, and remove figures and components that the deck no longer has."""
    ordered = sorted(files.items(), key=lambda file: file[0].name == "slides.md")  # it comes after what it shows
    changed = [path for path, content in ordered if write_whole(path, content, again="run it again")]
    found = [*(folder / "public" / "figures").glob("*.svg"), *(folder / COMPONENTS).rglob("*")]
    for stale in sorted(found):
        if stale.is_file() and stale not in files:
            stale.unlink()
            changed.append(stale)
    return changed
