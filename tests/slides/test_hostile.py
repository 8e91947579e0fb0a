"""Four hundred hostile texts, each in every place where a run's text can stand: a reader sees them, nothing obeys them.

One deck holds them all, so that it is built and walked once. Ten of them stand on a slide: in the heading, headings
below it, paragraphs, bold, links, lists, tables, the labels and the words of charts and diagrams, front matter, notes,
and in the names of runs' folders and of figures.
"""

import json
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pypandoc
import pytest
from pptx import Presentation
from pypdf import PdfReader

from podium.press.build.browser import NAV
from podium.press.build.deck import build_decks
from podium.press.build.notes import plain as note_text
from podium.press.build.notes import read_notes
from podium.press.build.outputs import MAKERS
from podium.press.build.present.spoken import notes_html
from podium.press.build.walk import walk
from podium.press.build.wanted import Wanted, place
from podium.press.pages.escaping import plain
from podium.press.results.table import whole
from podium.runs import append_event
from podium.spec import Project

ROOT = Path(__file__).parents[2]
CORPUS = [text for _, text in json.loads((Path(__file__).parent / "hostile.json").read_text("utf-8"))]
EACH = 10  # texts a slide
PARTS = [CORPUS[start : start + EACH] for start in range(0, len(CORPUS), EACH)]
TITLE = "{{ 7*7 }}</title><script>PWNED=1</script> --- `x`"

EXPERIMENT = """
from podium.spec import Experiment, ViTConfig
EXPERIMENT = Experiment(question="Which?", expectation="None.", baseline=ViTConfig(), metric="fit", variants={"a": {}})
"""
DECK = """<%= slide("cover", title=facts("h000").config.title, kicker=facts("h000").config.title, questions=False) %>
# <%= facts("h000").config.title %>

<!--
<%= facts("h000").config.title %>
-->
<% for name in parts %>
<% set config = facts(name).config %>
<% set texts = config.texts %>
<%= slide("figure", kicker=texts[0], foot=texts | join("   "), extra=texts) %>
# <%= texts[0] %>

<div style="font-size: 14px; columns: 3">

<% for text in texts %>
- <%= text %>
<% endfor %>

</div>

<% for text in texts %>
### <%= text %>

Paragraph <%= text %> and **<%= text %>** and [<%= text %>](./here)

| <%= text %> | cell |
|---|---|
| cell | <%= text %> |

<% endfor %>
<%= figure("forest", name, metric="fit") %>

<%= figure("paired", name, metric="fit", variant=ranked(name, "fit")[0], over=ranked(name, "fit")[1]) %>

<%= table(name, ["fit"]) %>

<%= run_names(name, ranked(name, "fit")[0]) %>

<%= claim(name, ranked(name, "fit")[0], ranked(name, "fit")[1], "fit") %>

<%= failure_table(name) %>

<%= predictions(name) %>

<%= diagram("pipeline", name) %>

<%= diagram("classes", name) %>

<!--
<% for text in texts %>
<%= text %>

<% endfor %>
-->
<% endfor %>
"""

# What the slide shown holds: its texts, the words for those who do not see, and the texts of its pictures.
READ = """() => {
  const page = [...document.querySelectorAll('.slidev-page')].find(p => p.getClientRects().length)
  const roots = [...page.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean)
  const named = [page, ...roots].flatMap(root => [...root.querySelectorAll('[aria-label], [alt], [title]')])
  const attributes = e => ['aria-label', 'alt', 'title'].map(name => e.getAttribute(name)).filter(Boolean)
  return {
    text: page.textContent,
    drawn: Object.fromEntries(['figure', 'plantuml', 'mermaid'].map(kind => [kind, roots
      .filter(root => root.host.closest(`.${kind}`))
      .flatMap(root => [...root.querySelectorAll('text, foreignObject')].map(e => e.textContent)).join('\\n')])),
    said: named.flatMap(attributes).join('\\n'),
    tags: [...new Set([page, ...roots].flatMap(r => [...r.querySelectorAll('*')]).map(e => e.tagName.toLowerCase()))],
    handlers: [page, ...roots].flatMap(r => [...r.querySelectorAll('*')])
      .flatMap(e => e.getAttributeNames().filter(name => /^on|^v-|^@/.test(name))),
    links: [...page.querySelectorAll('a')].map(e => e.getAttribute('href')),
    title: document.title,
    hurt: String(window.PWNED),
  }
}"""
# What Slidev read of each slide's front matter, and the HTML that it made of the notes.
HEADS = f"() => {NAV}.slides.map(route => route.meta.slide).map(s => [s.frontmatter.extra ?? [], s.noteHTML])"
SHORT = 12  # letters of a name that are left beside a mark of a chart
TAGS = {
    *("a", "b", "br", "button", "code", "div", "em", "h1", "h2", "h3", "img", "li", "p", "pre", "span", "strong"),
    *("table", "tbody", "td", "th", "thead", "tr", "ul", "wbr", "aside", "header", "footer", "section"),
    *("circle", "clippath", "defs", "fedropshadow", "filter", "foreignobject", "g", "line", "lineargradient"),
    *("marker", "path", "polygon", "rect", "stop", "style", "svg", "text", "use"),
}


class Read:
    """Keeps what stands on each slide."""

    every_click = False

    def __init__(self):
        self.slides, self.heads = {}, []

    def visit(self, page, stop):
        self.slides[stop.slide] = page.evaluate(READ)
        if stop.slide == 1:
            self.heads = page.evaluate(HEADS)


class Plain(HTMLParser):
    """Keeps the text and the tags of HTML."""

    def __init__(self, text):
        super().__init__()
        self.texts, self.tags, self.attributes = [], set(), set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        self.tags.add("a comment")


def tight(text):
    """What is left of a text when spaces, halves of letters and ways to write an accent do not count."""
    bare = "".join(plain(whole(text)).replace("\N{REPLACEMENT CHARACTER}", "").split())
    return unicodedata.normalize("NFC", bare)


def lost(texts, shown, letters=None):
    """Which texts cannot be read in what is shown."""
    there = tight(shown)
    return [text for text in texts if tight(text)[:letters] not in there]


def write_records(project):
    for number, texts in enumerate(PARTS):
        name = f"h{number:03}"
        (project.experiments / f"{name}.py").write_text(EXPERIMENT)
        stages = [{"kind": "data", "label": text, "detail": text[:60]} for text in texts]
        classes = [{"name": text, "count": 1, "members": [text], "bases": [], "parameters": 1} for text in texts]
        model = {"root": texts[0], "parameters": 1, "classes": classes, "relations": [], "pipeline": stages}
        seen = [{"picture": "data:image/png;base64,iVBORw0KGgo=", "correct": t, "predicted": t} for t in texts]
        for rank, text in enumerate(dict.fromkeys(texts)):
            for seed in range(3):
                folder = run_folder(project.runs / name, text, f"{rank}-{seed}")
                config = {"seed": seed, "rank": rank, "texts": texts, "title": TITLE, text: text}
                origin = {"started": f"{rank:03}", "commit": text, "hardware": text, "data": text}
                append_event(folder, "start", experiment=name, variant=text, profile="full", sweep="",
                             config=config, provenance=origin)  # fmt: skip
                append_event(folder, "model", model=model)
                fit = {"fit": 1 - rank / 100 + seed / 1000, "parameters": 1}
                append_event(folder, "end", state="finished", reason=text, summary=fit, samples={"predictions": seen})
        failed = run_folder(project.runs / name, texts[0], "failed")
        append_event(failed, "start", experiment=name, variant=texts[-1], profile="full", sweep="", config={"seed": 9},
                     provenance={"started": "9"})  # fmt: skip
        append_event(failed, "end", state="failed", reason=texts[-1], summary={}, samples={})


def run_folder(runs, text, rest):
    """Name a run's folder with the text itself, where a file system allows."""
    try:
        made = runs / f"{text.replace('/', '_')}-{rest}"
        made.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError):
        made = runs / f"plain-{rest}-{abs(hash(text))}"
    return made


@pytest.fixture(scope="module")
def project(tmp_path_factory, lend):
    made = Project(tmp_path_factory.mktemp("hostile"))
    lend(made)
    made.experiments.mkdir()
    write_records(made)
    (made.decks / "talk").mkdir()
    names = json.dumps([f"h{number:03}" for number in range(len(PARTS))])
    (made.decks / "talk" / "slides.md.j2").write_text(f"<% set parts = {names} %>\n{DECK}", "utf-8")
    return made


@pytest.fixture(scope="module")
def seen(project, browser):
    """The deck in every format, notes and all, and what a browser shows of the site: of one build and one walk."""
    wanted = Wanted(tuple(MAKERS), with_notes=True)
    build_decks(project, ["talk"], Wanted(with_notes=True))
    site = place(project, "talk", "site").parent
    read, notes = Read(), read_notes(site)
    makers = [make(place(project, "talk", name), wanted, notes) for name, make in MAKERS.items()]
    walked = walk(site, browser, [read, *makers])
    for maker in makers:
        maker.finish()
    return read, walked


pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(900)]


def test_the_corpus_is_large_and_has_no_text_twice():
    assert len(CORPUS) >= 200
    assert len(set(CORPUS)) == len(CORPUS)


def test_nothing_is_executed_nothing_asked_for_and_no_slide_lost(seen):
    read, walked = seen
    assert walked.slides == 1 + len(PARTS) == len(read.slides)
    assert walked.clicks == 0
    assert not walked.outside
    assert not walked.errors
    for number, slide in read.slides.items():
        assert slide["hurt"] == "undefined", number
        assert not slide["handlers"], number
        assert set(slide["tags"]) <= TAGS, number
        assert set(slide["links"]) <= {"#/here"}, number


def test_every_text_is_read_on_the_slide_as_it_is(seen):
    read, _ = seen
    for number, texts in enumerate(PARTS, start=2):
        slide = read.slides[number]
        shown = tight(slide["text"])
        rare = [text for text in texts if tight(text) and shown.count(tight(text)) < 7]
        assert not rare, number  # kicker or foot, list, heading, paragraph, bold, link, table head and cell
        assert not lost(texts, slide["said"], 40), number  # alternative texts, titles
        assert not lost(texts, slide["drawn"]["plantuml"], 40), number
        assert not lost(texts, slide["drawn"]["mermaid"], 40), number
        assert not lost(texts[:8], slide["drawn"]["figure"], SHORT), number
    assert tight(read.slides[1]["text"]).count(tight(TITLE)) == 2
    assert read.slides[1]["title"].startswith(TITLE)


def test_front_matter_is_read_back_exactly(seen):
    read, _ = seen
    assert [front for front, _ in read.heads[1:]] == [[plain(text) for text in texts] for texts in PARTS]


def test_notes_are_text_wherever_they_are_shown(project, seen):
    read, _ = seen
    kept = read_notes(place(project, "talk", "site").parent)
    assert len(kept) == 1 + len(PARTS)
    for texts, note, (_, html) in zip(PARTS, kept[1:], read.heads[1:], strict=True):
        assert not lost(texts, note_text(note))
        for shown in (Plain(html), Plain(notes_html(note))):
            assert not lost(texts, "".join(shown.texts))
            assert shown.tags <= {"p", "span", "wbr"}
            assert shown.attributes <= {"v-pre"}


def test_the_pdf_and_the_pictures_have_every_slide(project, seen):
    pdf = PdfReader(place(project, "talk", "pdf"))
    assert len(pdf.pages) == 1 + len(PARTS)
    assert pdf.metadata.title == TITLE
    headings = [tight(text) for text in (TITLE, *(texts[0] for texts in PARTS))]
    wanted = [heading or f"Slide{number}" for number, heading in enumerate(headings, start=1)]
    assert [tight(entry.title) for entry in pdf.outline] == wanted
    for page, texts in zip(pdf.pages[1:], PARTS, strict=True):
        assert not lost([text for text in texts if text.isascii()], page.extract_text(), 30)
    assert "/JavaScript" not in str(pdf.trailer["/Root"])
    assert len(list(place(project, "talk", "png").glob("*.png"))) == 1 + len(PARTS)


def test_powerpoint_shows_and_says_every_text(project, seen):
    slides = list(Presentation(place(project, "talk", "pptx")).slides)
    assert len(slides) == 1 + len(PARTS)
    for slide, texts in zip(slides[1:], PARTS, strict=True):
        assert not lost(texts, "".join(texts_of(slide.shapes)))
        assert not lost(texts, slide.notes_slide.notes_text_frame.text)
        assert not [relation for relation in slide.part.rels.values() if relation.is_external]


def test_markdown_is_read_as_text(project, seen):
    page = pypandoc.convert_file(place(project, "talk", "md"), "html", format="gfm", extra_args=["--wrap=none"])
    shown = Plain(page)
    assert not lost(CORPUS, "".join(shown.texts))
    assert not shown.tags & {"a", "a comment", "script", "iframe", "style", "svg", "object", "input", "form"}
    assert shown.attributes <= {"id", "src", "alt", "align", "style"}


def texts_of(shapes):
    """Every text of a PowerPoint slide, those in groups and tables too."""
    for shape in shapes:
        if shape.has_text_frame:
            yield shape.text_frame.text
        if getattr(shape, "has_table", False) and shape.has_table:
            yield from (cell.text for row in shape.table.rows for cell in row.cells)
        if hasattr(shape, "shapes"):
            yield from texts_of(shape.shapes)
