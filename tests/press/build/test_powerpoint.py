import shutil
import subprocess

import pytest
from pptx import Presentation
from pptx.util import Pt
from pypdf import PdfReader

from conftest import lacking
from podium.press.build.powerpoint import PowerPoint
from podium.press.build.scene import Scene

INK = [31, 41, 55, 1]
RUN = {"text": "word", "color": INK, "size": 21, "bold": False, "italic": False, "stressed": False, "spacing": 0,
       "family": '"Inter Variable", sans-serif', "strike": False, "underline": False, "ground": None, "below": "",
       "code": False, "raised": 0, "link": ""}  # fmt: skip
EDGE = {"width": 0, "color": [0, 0, 0, 0]}


def run(text, **changed):
    return {**RUN, "text": text, **changed}


def block(kind, **changed):
    return {"kind": kind, "box": [10, 20, 300, 40], "ink": [10, 24, 200, 30], "runs": [run("word")], "lines": 1,
            "leading": 1.45, "level": 0, "align": "start", "role": "", "quote": False, **changed}  # fmt: skip


def written(tmp_path, *blocks, notes=()):
    maker = PowerPoint(tmp_path / "made.pptx", notes=notes)
    maker._seen = {1: Scene("", "Deck\x00 {{ 7*7 }}", "de", (255, 255, 255, 1), list(blocks), {})}
    deck = Presentation(maker.finish())
    return deck, list(deck.slides[0].shapes)


def xml(shape):
    return shape._element.xml


@pytest.mark.browser
def test_every_slide_has_its_title_texts_pictures_and_notes(walked):
    deck = Presentation(walked.pptx)
    slides = list(deck.slides)
    assert len(slides) == 12
    assert deck.core_properties.title == "Sample"
    assert [slide.shapes.title.text_frame.text for slide in slides][1:3] == [
        "Learned positions win, and any position beats none", "Every token asks, every token answers"]  # fmt: skip
    everything = "\n".join(shape.text_frame.text for slide in slides for shape in slide.shapes if shape.has_text_frame)
    assert "{{ 7*7 }}</script><img src=x onerror=alert(1)>" in everything
    assert "    return" not in everything
    alts = [xml(shape) for slide in slides for shape in slide.shapes if shape.shape_type == 13]
    assert any('descr="two lines that rise"' in alt for alt in alts)
    assert any("MNIST" in alt for alt in alts)  # a diagram is described by its labels
    assert slides[0].notes_slide.notes_text_frame.text == "Say hello."
    assert slides[11].notes_slide.notes_text_frame.text == "The last note. With a mark."
    assert not slides[1].has_notes_slide
    (table,) = [shape.table for shape in slides[11].shapes if shape.has_table]
    assert [[cell.text for cell in row.cells] for row in table.rows] == [["name", "value"], ["x", "1"], ["y|z", "2.5"]]


@pytest.mark.browser
def test_a_text_stands_where_it_stood_and_looks_alike(walked):
    deck = Presentation(walked.pptx)
    assert (deck.slide_width, round(deck.slide_height / deck.slide_width * 980)) == (12_192_000, 552)
    title = deck.slides[1].shapes.title
    pixel = 12_192_000 / 980
    assert title.left / pixel == pytest.approx(52, abs=2)
    assert 60 < title.top / pixel < 80
    first = title.text_frame.paragraphs[0].runs[0]
    assert (first.font.name, first.font.bold, str(first.font.color.rgb)) == ("Inter", True, "1F2937")
    assert first.font.size == pytest.approx(Pt(34 * pixel / 12_700), rel=0.005)
    code = next(shape for shape in deck.slides[2].shapes if shape.has_text_frame and "softmax" in shape.text_frame.text)
    assert code.text_frame.text.split("\v")[1] == "scores = q @ k.transpose(-2, -1)"
    assert {run.font.name for paragraph in code.text_frame.paragraphs for run in paragraph.runs} == {"JetBrains Mono"}


@pytest.mark.browser
def test_the_same_deck_gives_the_same_bytes(walked):
    before = walked.pptx.read_bytes()
    assert walked.makers["pptx"].finish().read_bytes() == before


@pytest.mark.slow
@pytest.mark.browser
def test_libreoffice_opens_it_and_shows_every_slide(walked, tmp_path):
    office = shutil.which("soffice") or shutil.which("libreoffice") or lacking("LibreOffice")
    home = f"-env:UserInstallation=file://{tmp_path / 'home'}"
    command = [office, "--headless", home, "--convert-to", "pdf", "--outdir", str(tmp_path), str(walked.pptx)]
    subprocess.run(command, check=True, capture_output=True, timeout=250)
    pages = ["".join(page.extract_text().split()) for page in PdfReader(tmp_path / "sample.pdf").pages]
    assert len(pages) == 12
    for page, title in zip(pages, [slide.shapes.title.text_frame.text for slide in Presentation(walked.pptx).slides],
                           strict=True):  # fmt: skip
        assert "".join(title.split()) in page
    assert "Adviceandwhatwasmeasured" in pages[5]


def test_looks_that_a_run_can_have(tmp_path):
    runs = [
        run("a", spacing=-0.5, strike=True, raised=1, link="https://example.org/"),
        run("b", ground=[1, 2, 3, 1], below="dotted", family="ui-monospace, monospace", raised=-1),
        {"break": True},
        run("c\nd", color=[255, 0, 0, 0.5], underline=True, link="javascript:alert(1)", family="sans-serif"),
        run("\x00\ud800", below="solid"),
    ]
    deck, (shape,) = written(tmp_path, block("text", runs=runs, lines=2, align="center"), notes=["<b>x</b> &amp; y"])
    said = xml(shape)
    for part in ('spc="-', 'strike="sngStrike"', 'baseline="30000"', 'baseline="-25000"', 'u="dotted"', 'u="sng"',
                 'u="dotted"', '<a:alpha val="50000"/>', "Courier New", "Arial", 'pitchFamily="49"', 'algn="ctr"',
                 'wrap="square"', "010203", "<a:br/>"):  # fmt: skip
        assert part in said, part
    assert "javascript" not in said
    assert "\ufffd\ufffd" in shape.text_frame.text
    assert [link.target_ref for link in deck.slides[0].part.rels.values() if link.is_external] == [
        "https://example.org/"]  # fmt: skip
    assert deck.core_properties.title == "Deck\ufffd {{ 7*7 }}"
    assert deck.slides[0].notes_slide.notes_text_frame.text == "<b>x</b> & y"


def test_lists_with_marks_numbers_and_levels(tmp_path):
    def item(top, level, **changed):
        return {"runs": [run(f"at {top}")], "box": [60 + 24 * level, top, 200, 25], "level": level, "leading": 1.4,
                "ordered": False, "number": 1, "marked": True, "align": "start", **changed}  # fmt: skip

    items = [item(20, 0), item(60, 1, ordered=True, number=3), item(90, 0, marked=False)]
    _, (shape,) = written(tmp_path, block("list", items=items))
    said = xml(shape)
    assert shape.text_frame.text == "at 20\nat 60\nat 90"
    for part in ('<a:buChar char="•"/>', '<a:buAutoNum type="arabicPeriod" startAt="3"/>', "<a:buNone/>"):
        assert part in said
    assert [paragraph.level for paragraph in shape.text_frame.paragraphs] == [0, 1, 0]


def cell(text, **changed):
    return {"runs": [run(text)] if text else [], "box": [10, 20, 90, 30], "head": False, "align": "right",
            "fill": [0, 0, 0, 0], "span": [1, 1], "pad": [4, 8], "below": EDGE, **changed}  # fmt: skip


def test_tables_with_edges_and_tables_with_spans(tmp_path):
    below = {"width": 2, "color": INK}
    rows = [[cell("a", below=below), cell("b", fill=[1, 2, 3, 1])], [cell("c"), cell("")]]
    _, (shape,) = written(tmp_path, block("table", rows=rows))
    assert shape.has_table
    assert "<a:lnB" in xml(shape)
    assert "010203" in xml(shape)
    rows[0][0]["span"] = [2, 1]
    _, shapes = written(tmp_path, block("table", rows=[rows[0][:1], rows[1]]))
    assert [shape.text_frame.text for shape in shapes] == ["a", "c"]


def test_panels_with_edges_all_around_or_at_one_side(tmp_path):
    side = {"width": 2, "color": INK}
    around = block("panel", fill=[1, 2, 3, 0.5], sides=[side] * 4, radius=8)
    left = block("panel", fill=[0, 0, 0, 0], sides=[EDGE, EDGE, EDGE, side], radius=0)
    ground = block("panel", box=[0, 0, 980, 552], fill=[9, 9, 9, 1], sides=[EDGE] * 4, radius=0)
    edged = block("panel", fill=[0, 0, 0, 0], sides=[side] * 4, radius=0)
    deck, shapes = written(tmp_path, ground, around, left, edged)
    assert len(shapes) == 3
    assert 'prst="roundRect"' in xml(shapes[0])
    assert shapes[1].width < shapes[0].width
    assert "<a:noFill/>" in xml(shapes[2])
    assert "090909" in deck.slides[0].background._cSld.xml


def test_a_deck_without_slides_is_a_deck(tmp_path):
    assert len(Presentation(PowerPoint(tmp_path / "none.pptx").finish()).slides) == 0
