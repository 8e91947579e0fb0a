"""Decks with nothing wrong, and one with a fault of each kind: what is found, and where."""

import json
import re
import shutil
from pathlib import Path

import pytest

from podium.press.build.check.checking import check_site, judge
from podium.press.build.check.findings import KINDS
from podium.press.build.check.inspector import Inspect
from podium.press.build.check.report import write_report
from podium.press.build.check.stranger import check
from podium.press.build.notes import read_notes
from podium.press.build.walk import Walked
from podium.spec import PodiumError, Project

HERE = Path(__file__).parent
ROOT = HERE.parents[3]

# slide of planted/slides.md: what is to be found there, and nothing else; 0 is the deck
PLANTED = {
    0: ["outside-request", "outside-request"],  # its fonts and its favicon, as Slidev has them
    2: ["outside-frame"],
    3: ["clipped"],
    4: ["overlap"],
    5: ["small-text"],
    6: ["small-text"],
    7: ["small-text"],
    8: ["small-text"],
    9: ["contrast"],
    10: ["contrast"],
    11: ["contrast"],
    12: ["broken-picture"],
    13: ["broken-diagram"],
    14: ["missing-alt"],
    15: ["console-error"],
    16: ["outside-request"],
    17: ["dead-link", "dead-link"],
    18: ["empty-slide"],
    19: ["missing-notes"],
    20: ["colour-blind"],
    21: ["lost-slot"],
    22: ["overlap"],
    23: ["outside-frame"],
    24: ["reading-time"],
    25: ["broken-picture"],
    26: ["outside-frame"],
    28: ["outside-request"],
    29: ["outside-request"],
    30: ["contrast"],  # the deck is light or dark as the system is
}
ELSEWHERE = {"failed-slide", "not-drawn", "over-footer"}  # planted in test_inspector


@pytest.fixture(scope="module")
def planted(browser, tmp_path_factory):
    """The planted deck, checked as anybody's deck is, from a folder of its own: report, page, and that folder."""
    project = Project(tmp_path_factory.mktemp("planted") / "project")
    project.experiments.mkdir(parents=True)
    project.slides.symlink_to(ROOT / "slides", target_is_directory=True)
    folder = project.root.parent / "a talk"
    shutil.copytree(HERE / "planted", folder)
    report, page = check(project, str(folder / "slides.md"))
    return report, page, folder


@pytest.mark.browser
@pytest.mark.slow
def test_each_planted_fault_is_found_at_its_slide_and_nothing_else(planted):
    report = planted[0]
    found = {}
    for finding in report.findings:
        found.setdefault(finding.slide, []).append(finding.kind)
    assert found == PLANTED
    assert {kind for kinds in PLANTED.values() for kind in kinds} | ELSEWHERE == set(KINDS)
    assert [finding.slide for finding in report.findings if finding.click] == [22]
    assert next(finding.click for finding in report.findings if finding.slide == 22) == 2
    assert "projection" in next(finding.said for finding in report.findings if finding.slide == 23)
    assert ["dark" in finding.said for finding in report.findings if finding.slide in (9, 30)] == [False, True]
    assert {finding.kind for finding in report.advice} == {"missing-notes", "reading-time"}


@pytest.mark.browser
@pytest.mark.slow
def test_the_report_shows_each_finding_on_its_slide(planted):
    report, page, folder = planted
    assert (page.parent.name, page.parent.parent.name) == ("a-talk", "checks")
    text = page.read_text("utf-8")
    assert text.count('class="mark ') == sum(finding.box is not None for finding in report.findings)
    assert 'id="slide-22-2"' in text
    assert 'alt="Slide 22, after 2 clicks"' in text
    assert not re.search(r'(?:src|href)="(?!data:image/jpeg;base64,)', text)  # one file, nothing from elsewhere
    data = json.loads((page.parent / "findings.json").read_text("utf-8"))
    assert (data["errors"], data["advice"], data["slides"]) == (len(report.errors), 2, 30)
    first = data["findings"][2]
    assert (first["slide"], first["kind"], first["severity"]) == (2, "outside-frame", "error")
    assert first["help"] == KINDS["outside-frame"].help
    assert sorted(path.name for path in folder.iterdir()) == ["public", "slides.md", "style.css"]


@pytest.mark.browser
@pytest.mark.slow
def test_errors_stop_a_build_with_the_first_five(planted):
    report, page, _ = planted
    with pytest.raises(PodiumError, match=r"found 29 errors: \[the deck: outside-request") as stopped:
        report.demand(page)
    assert str(stopped.value).count("[") == 5
    assert "and 24 more" in str(stopped.value)
    assert str(page) in str(stopped.value)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("deck", ["sample", "kitchen"])
def test_clean_decks_are_clean(request, browser, deck, tmp_path):
    site = request.getfixturevalue(deck)[2]
    report = check_site(site, browser, deck=deck, notes=read_notes(site))
    assert [finding.line for finding in report.errors] == []
    assert {finding.kind for finding in report.advice} <= {"missing-notes"}
    report.demand("nowhere")
    page = write_report(report, tmp_path / deck)
    assert "Slides without" in page.read_text("utf-8")


def test_what_the_browser_said_is_said_once():
    walked = Walked(
        slides=3,
        asked={"https://a.invalid/x.js": 2, "https://b.invalid/font.css": 1},
        errors=[
            "slide 1: Failed to load resource: net::ERR_FAILED <https://a.invalid/x.js>",
            "slide 2: Failed to load resource: 404 <http://127.0.0.1:1/lost.json>",
            "slide 3: Failed to load resource: 404 <http://127.0.0.1:1/lost.json>",
            "slide 3: not drawn in time: a picture",
            "slide 3: it broke",
            "slide 3: it broke",
        ],
    )
    report = judge(Inspect(), walked, deck="talk", notes=[])
    assert [finding.line for finding in report.findings] == [
        "the deck: outside-request: https://b.invalid/font.css was asked for, outside the deck.",
        "slide 2: console-error: The browser said: Failed to load resource: 404 (http://127.0.0.1:1/lost.json)",
        "slide 2: outside-request: https://a.invalid/x.js was asked for, outside the deck.",
        "slide 3: console-error: The browser said: it broke",
        "slide 3: not-drawn: After twenty seconds this was still missing: a picture.",
    ]
    assert report.summary == "talk: 3 slides, 3 stops: 5 errors, 0 advice"
