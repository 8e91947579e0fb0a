"""Report: one self-contained HTML file and a tagged PDF, by pandoc and typst; no browser and no LaTeX."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from podium.press.build.freshness import is_fresh, note
from podium.spec.errors import PodiumError, unknown
from podium.spec.files import write_whole
from podium.spec.project import Project

FORMATS = ("html", "pdf")
STYLE = Path(__file__).parent / "report.css"
WORDS = Path(__file__).parent / "report.lua"
HEAD = Path(__file__).parent / "report.typ"
READER = "markdown+bracketed_spans+footnotes+pipe_tables+implicit_figures+link_attributes+definition_lists"


def build_report(
    project: Project, name: str, *, runs: Literal["local", "frozen"] = "local", formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Compose a report from its runs and build it; what did not change is not built again.

    Args:
        project: where templates and runs are.
        name: of a folder under reports.
        runs: "local" records, or the "frozen" results.
        formats: out of "html" and "pdf".

    Returns:
        The files, in the order of the formats.

    Raises:
        PodiumError: for an unknown report or format, what the template asks for in vain, or a build that fails.
    """
    for wanted in formats:
        if wanted not in FORMATS:
            raise unknown("format", wanted, FORMATS)
    folder = project.build / "reports" / name
    written = [folder / f"{name}.{wanted}" for wanted in formats]
    asked = ["report", runs, *sorted(formats)]
    if is_fresh(project, name, asked, written):
        return written
    from podium.press.figures.drawing import FONTS
    from podium.press.pages.lock import FILE as LOCK
    from podium.press.pages.lock import write_lock
    from podium.press.pages.report import compose_report

    report = compose_report(project, name, runs)
    source = folder / "report.md"
    for path, content in ((source, report.markdown.encode()), *((folder / n, c) for n, c in report.files.items())):
        write_whole(path, content, again="build it again")
    cited = _citing(project.reports / name)
    if "html" in formats:
        _pandoc(
            source, folder / f"{name}.html", "html5", ["--embed-resources", "--mathml", "--css", str(STYLE), *cited]
        )
    if "pdf" in formats:
        typeset = folder / "report.typ"
        _pandoc(source, typeset, "typst", ["--include-in-header", str(HEAD), "--lua-filter", str(WORDS), *cited])
        _typst(typeset, folder / f"{name}.pdf", [FONTS])
    write_lock(project.reports / name / LOCK, report.lock)
    note(project, name, asked)
    return written


def _citing(folder: Path) -> list[str]:
    """Return how pandoc cites, where the report has a bibliography beside it."""
    found = sorted(folder.glob("*.bib"))
    return ["--citeproc", *(f"--bibliography={path}" for path in found)] if found else []


def _pandoc(source: Path, out: Path, writer: str, words: Sequence[str]) -> None:
    import pypandoc

    command = [
        pypandoc.get_pandoc_path(), str(source), "--from", READER, "--to", writer, "--standalone", "--toc",
        "--number-sections", "--resource-path", str(source.parent), "--output", str(out), *words,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        raise PodiumError(f"pandoc could not build {out.name}: {done.stderr.strip() or 'it said nothing'}")


def _typst(source: Path, out: Path, fonts: Sequence[Path]) -> None:
    """Set a PDF that readers for the blind understand (PDF/UA-1); one with formulas, which have no words, is tagged."""
    import typst

    paths = [str(path) for path in fonts]
    try:
        content = typst.compile(str(source), font_paths=paths, pdf_standards=["ua-1"])
    except RuntimeError:
        try:
            content = typst.compile(str(source), font_paths=paths)
        except RuntimeError as error:
            said = str(error).strip().splitlines()[0]
            raise PodiumError(f"typst could not set {source.name}: {said}") from error
    write_whole(out, content, again="build it again")
