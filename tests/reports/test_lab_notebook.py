"""The report that is shipped builds from the frozen results, as one page and as a PDF that anybody can read."""

from pathlib import Path

import pypdf
import pytest

from podium.press.build.report import build_report
from podium.press.pages.report import compose_report
from podium.spec import Project

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path):
    """A project that borrows experiments, their frozen results and the report."""
    made = Project(tmp_path)
    for name in ("experiments", "reports", "slides"):
        (tmp_path / name).mkdir()
    for path in (ROOT / "experiments").iterdir():
        if path.is_file():
            (made.experiments / path.name).write_bytes(path.read_bytes())
    folder = made.reports / "lab_notebook"
    folder.mkdir()
    (folder / "report.md.j2").write_bytes((ROOT / "reports" / "lab_notebook" / "report.md.j2").read_bytes())
    return made


def test_it_builds_from_the_frozen_results(project):
    page, document = build_report(project, "lab_notebook", runs="frozen")
    text = page.read_text("utf-8")
    assert text.count("<figure") >= 7
    assert "What must be said of these runs" in text
    assert "nothing was chosen on the test set" in text
    sheets = pypdf.PdfReader(document)
    assert 12 < len(sheets.pages) < 26
    assert b"pdfuaid" in document.read_bytes() or sheets.trailer["/Root"]["/MarkInfo"]["/Marked"]


def test_every_number_in_it_has_its_receipt(project):
    found = compose_report(project, "lab_notebook", "frozen")
    assert all(entry["runs"] for entry in found.lock["numbers"].values())
    assert found.markdown.count("]{.number title=") >= len(found.lock["numbers"])
