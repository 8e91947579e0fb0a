"""A report becomes one HTML file and a tagged PDF, by the real pandoc and typst."""

import json

import pypdf
import pytest

from podium.press.build.report import build_report
from podium.runs import append_event
from podium.spec import PodiumError, Project

EXPERIMENT = """
from podium.spec import Experiment, ViTConfig
EXPERIMENT = Experiment(question="Which?", expectation="None.", baseline=ViTConfig(), metric="test_accuracy",
                        variants={"a <b>*": {}, "b": {"dim": 32}})
"""
TEXT = """---
title: Notes
---

# Results

<%= number("sizes", "b", "test_accuracy") %> <%= claim("sizes", "b", "a <b>*", "test_accuracy") %> [@known]

<%= figure("paired", "sizes") %>

# Methods

<%= methods("sizes") %>
"""
BOOK = "@article{known, title={On Knowing}, author={Doe, Jane}, year={2020}, journal={A Journal}}"


@pytest.fixture
def notes(tmp_path):
    project = Project(tmp_path)
    for folder in (project.experiments, project.slides, project.reports / "notes"):
        folder.mkdir(parents=True)
    (project.experiments / "sizes.py").write_text(EXPERIMENT)
    (project.reports / "notes" / "report.md.j2").write_text(TEXT)
    (project.reports / "notes" / "all.bib").write_text(BOOK)
    for number, (variant, seed) in enumerate((v, s) for v in ("a <b>*", "b") for s in range(3)):
        folder = project.runs / "sizes" / f"run-{number}"
        config = {"seed": seed, "dim": 64 - 32 * (variant == "b")}
        append_event(folder, "start", experiment="sizes", variant=variant, profile="full", sweep="",
                     config=config, provenance={"started": str(number)})  # fmt: skip
        score = {"test_accuracy": 0.9 + 0.01 * (variant == "b") + seed / 1000, "seconds": 2.0}
        append_event(folder, "end", state="finished", reason="", summary=score, samples={})
    return project


def test_one_file_and_a_tagged_pdf_then_nothing_twice(notes):
    page, document = build_report(notes, "notes")
    text = page.read_text("utf-8")
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "<b>*" not in text
    assert "On Knowing" in text
    assert 'src="data:image/svg+xml' in text or "<svg" in text
    assert 'class="footnotes' in text
    pdf = pypdf.PdfReader(document)
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert pdf.metadata.title == "Notes"
    words = "".join(sheet.extract_text() for sheet in pdf.pages)
    assert "Figure 1" in words
    assert "On Knowing" in words
    assert json.loads((notes.reports / "notes" / "lock.json").read_text())["claims"]
    before = [path.stat().st_mtime_ns for path in (page, document)]
    assert build_report(notes, "notes") == [page, document]
    assert [path.stat().st_mtime_ns for path in (page, document)] == before


def test_a_formula_gives_a_pdf_that_is_tagged_at_least_and_wrong_ones_are_said(notes):
    template = notes.reports / "notes" / "report.md.j2"
    template.write_text("# One\n\n$a^2$\n")
    (document,) = build_report(notes, "notes", formats=("pdf",))
    assert pypdf.PdfReader(document).trailer["/Root"]["/MarkInfo"]["/Marked"]
    template.write_text("# One\n\n```{=typst}\n#nothing-there\n```\n")
    with pytest.raises(PodiumError, match=r"typst could not set report\.typ: unknown variable"):
        build_report(notes, "notes", formats=("pdf",))
    with pytest.raises(PodiumError, match="no format 'docx'"):
        build_report(notes, "notes", formats=("docx",))
    (notes.reports / "notes" / "all.bib").write_text("@article{broken")
    with pytest.raises(PodiumError, match=r"pandoc could not build notes\.html"):
        build_report(notes, "notes", formats=("html",))
