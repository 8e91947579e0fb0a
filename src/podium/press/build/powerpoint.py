"""PowerPoint: a deck as text boxes, tables and pictures at their places, for those who must edit it there.

One CSS pixel is the same share of the slide in both: the slide is 980 pixels, or 13 1/3 inches, wide.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.oxml.ns import qn
from pptx.oxml.xmlchemy import OxmlElement
from pptx.util import Emu, Pt

from podium.press.build.browser import HEIGHT, WIDTH
from podium.press.build.notes import plain
from podium.press.build.scene import Scene, Scenes
from podium.spec.files import write_whole

SLIDE = 12_192_000  # EMU: PowerPoint's own width of a wide slide
PIXEL = SLIDE / WIDTH
POINT = PIXEL / 12_700  # of a font, to the CSS pixel
NATURAL = 1.21  # Inter's own line, in font sizes: what lies beyond is leading
TITLE_ONLY, BLANK = 5, 6  # layouts of python-pptx's template
STILL = datetime(2000, 1, 1, tzinfo=UTC)  # no date of today: the same deck gives the same bytes

ALIGN = {"center": PP_ALIGN.CENTER, "right": PP_ALIGN.RIGHT, "end": PP_ALIGN.RIGHT, "justify": PP_ALIGN.JUSTIFY}
GENERIC = {"serif": "Georgia", "sans-serif": "Arial", "system-ui": "Arial", "ui-sans-serif": "Arial"}
MONO = {"monospace", "ui-monospace"}
FIXED, SWISS = "49", "34"  # what to take where the font is missing, in PowerPoint's numbers
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SAFE_LINK = re.compile(r"https?://|mailto:", re.IGNORECASE)

Block = dict[str, Any]
Run = dict[str, Any]


class PowerPoint(Scenes):
    """The visitor whose `finish` writes a deck that PowerPoint, Keynote, Google and LibreOffice can edit.

    Args:
        out: the file to write.
        notes: of the speaker, one Markdown text a slide.
    """

    def __init__(self, out: Path, *, notes: Sequence[str] = ()) -> None:
        super().__init__()
        self.out, self.notes = out, notes

    def finish(self) -> Path:
        """Write the file."""
        scenes = self.scenes
        deck = Presentation()
        _widen(deck)
        about = deck.core_properties
        about.title = _clean(scenes[0].deck if scenes else "")
        about.language, about.author = scenes[0].language if scenes else "en", "Podium"
        about.created = about.modified = STILL
        about.last_modified_by, about.revision = "Podium", 1
        for scene in scenes:
            _slide(deck, scene, self.notes[len(deck.slides)] if len(deck.slides) < len(self.notes) else "")
        written = io.BytesIO()
        deck.save(written)
        write_whole(self.out, _undated(written.getvalue()), again="build it again")
        return self.out


def _slide(deck: Any, scene: Scene, note: str) -> None:
    """Add one slide: what lies behind first, as the browser stacks it."""
    heading = next((block for block in scene.blocks if block["kind"] == "heading"), None)
    slide = deck.slides.add_slide(deck.slide_layouts[BLANK if heading is None else TITLE_ONLY])
    fill = slide.background.fill
    fill.solid()
    _colour(fill._xPr.find(qn("a:solidFill")), scene.ground)  # noqa: SLF001 (python-pptx sets no alpha)
    title = slide.shapes.title
    for block in scene.blocks:
        match block["kind"]:
            case "panel":
                _panel(slide, block)
            case "ground" | "picture":
                _picture(slide, block, scene.pictures[block["key"]])
            case "table":
                _table(slide, block)
            case "list":
                _list(slide, block)
            case _ if block is heading:
                slide.shapes._spTree.append(title._element)  # noqa: SLF001 (over the panels that came before it)
                _text(title, block)
            case _:
                _text(slide.shapes.add_textbox(0, 0, 0, 0), block)
    if note.strip():
        slide.notes_slide.notes_text_frame.text = _clean(plain(note))


def _text(shape: Any, block: Block) -> None:
    """Fill a box with one paragraph, or the lines of a piece of code; a single line is never wrapped."""
    lines = block.get("lines", 2)
    wraps = block["kind"] != "code" and lines > 1
    left, top, width, height = block["box"]
    ink_top = block.get("ink", block["box"])[1]
    size = max((run["size"] for run in block["runs"] if "size" in run), default=16)
    leading = 0.0 if lines == 1 else max(block["leading"] - NATURAL, -0.2) * size
    _place(shape, (left, min(top, ink_top) - max(leading, 0), width, height))
    frame = _frame(shape, wraps=wraps or block["kind"] == "heading")
    paragraph = frame.paragraphs[0]
    paragraph.alignment = ALIGN.get(block.get("align", ""), PP_ALIGN.LEFT)
    if lines != 1:
        paragraph.line_spacing = Pt(block["leading"] * size * POINT)
    _runs(paragraph, block["runs"])


def _list(slide: Any, block: Block) -> None:
    """Write a list as one box with a paragraph an item."""
    items = block["items"]
    indent = {level: 1.15 * items[0]["runs"][0].get("size", 18) * (level + 1) for level in range(9)}
    left = min(item["box"][0] - indent[item["level"]] for item in items)
    _, top, _, height = block["box"]
    right = block["box"][0] + block["box"][2]
    shape = slide.shapes.add_textbox(0, 0, 0, 0)
    first = max(items[0]["leading"] - NATURAL, 0) * items[0]["runs"][0].get("size", 18)
    _place(shape, (left, top - first, right - left, height))
    frame = _frame(shape, wraps=True)
    end = None
    for item in items:
        paragraph = frame.paragraphs[0] if end is None else frame.add_paragraph()
        size = max((run["size"] for run in item["runs"] if "size" in run), default=18)
        leading = max(item["leading"] - NATURAL, 0) * size
        paragraph.line_spacing = Pt(item["leading"] * size * POINT)
        paragraph.space_before = Pt(0 if end is None else max(item["box"][1] - end - leading, 0) * POINT)
        paragraph.level = min(item["level"], 8)
        properties = paragraph._p.get_or_add_pPr()  # noqa: SLF001 (python-pptx knows no bullets)
        hang = 1.15 * items[0]["runs"][0].get("size", 18) if item["marked"] else 0
        properties.set("marL", str(round((item["box"][0] - left) * PIXEL)))
        properties.set("indent", str(round(-hang * PIXEL)))
        if not item["marked"]:
            _inside(properties, "a:buNone")
        elif item["ordered"]:
            number = _inside(properties, "a:buAutoNum")
            number.set("type", "arabicPeriod")
            number.set("startAt", str(max(item["number"], 1)))
        else:
            _inside(properties, "a:buChar").set("char", "•")
        _runs(paragraph, item["runs"])
        end = item["box"][1] + item["box"][3]


def _table(slide: Any, block: Block) -> None:
    """Write a table as a table; one with cells that span others as a box a cell."""
    rows = block["rows"]
    cells = [cell for row in rows for cell in row]
    if any(cell["span"] != [1, 1] for cell in cells) or len({len(row) for row in rows}) != 1:
        for cell in cells:
            text = {**cell, "kind": "text", "lines": 2, "leading": 1.3}
            if _said(cell["runs"]):
                _text(slide.shapes.add_textbox(0, 0, 0, 0), text)
        return
    left, top, width, height = (Emu(round(side * PIXEL)) for side in block["box"])
    frame = slide.shapes.add_table(len(rows), len(rows[0]), left, top, width, height)
    table = frame.table
    style = frame._element.find(f".//{qn('a:tblPr')}")  # noqa: SLF001 (no style of PowerPoint's over ours)
    for name in list(style.attrib):
        del style.attrib[name]
    for child in list(style):
        style.remove(child)
    style.set("firstRow", "1")
    for number, cell in enumerate(rows[0]):
        table.columns[number].width = Emu(round(cell["box"][2] * PIXEL))
    for number, row in enumerate(rows):
        table.rows[number].height = Emu(round(max(cell["box"][3] for cell in row) * PIXEL))
        for column, cell in enumerate(row):
            _cell(table.cell(number, column), cell)


def _cell(cell: Any, block: Block) -> None:
    cell.margin_left, cell.margin_right = (Emu(round(side * PIXEL)) for side in block["pad"])
    cell.margin_top = cell.margin_bottom = 0
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    paragraph = cell.text_frame.paragraphs[0]
    paragraph.alignment = ALIGN.get(block["align"], PP_ALIGN.LEFT)
    _runs(paragraph, block["runs"])
    properties = cell._tc.get_or_add_tcPr()  # noqa: SLF001 (python-pptx draws no edges of cells)
    below = block["below"]
    if below["width"] and below["color"][3]:
        line = _inside(properties, "a:lnB")
        line.set("w", str(round(below["width"] * PIXEL)))
        _colour(_inside(line, "a:solidFill"), below["color"])
    if block["fill"][3]:
        _colour(_inside(properties, "a:solidFill"), block["fill"])
    else:
        _inside(properties, "a:noFill")


def _panel(slide: Any, block: Block) -> None:
    """Draw the ground of a box, and its edges: all four as a line around it, one alone as a bar."""
    left, top, width, height = block["box"]
    sides = block["sides"]
    around = all(side["width"] and side["color"][3] and side == sides[0] for side in sides)
    if (left, top) <= (0, 0) and width >= WIDTH and height >= HEIGHT and block["fill"][3] == 1 and not around:
        _colour(slide.background.fill._xPr.find(qn("a:solidFill")), block["fill"])  # noqa: SLF001 (as above)
        return
    if block["fill"][3] or around:
        radius = min(block["radius"] / max(min(width, height), 1), 0.5)
        shape = slide.shapes.add_shape(MSO_SHAPE.ROUNDED_RECTANGLE if radius else MSO_SHAPE.RECTANGLE, 0, 0, 0, 0)
        if radius:
            shape.adjustments[0] = radius
        _place(shape, block["box"])
        _paint(shape, block["fill"], sides[0] if around else None)
    if around:
        return
    bars = (
        (left, top, width, sides[0]["width"]),
        (left + width - sides[1]["width"], top, sides[1]["width"], height),
        (left, top + height - sides[2]["width"], width, sides[2]["width"]),
        (left, top, sides[3]["width"], height),
    )
    for side, bar in zip(sides, bars, strict=True):
        if side["width"] and side["color"][3]:
            shape = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, 0, 0, 0, 0)
            _place(shape, bar)
            _paint(shape, side["color"], None)


def _paint(shape: Any, fill: Sequence[float], edge: Block | None) -> None:
    style = shape._element.find(qn("p:style"))  # noqa: SLF001 (a theme's shadow and colours are not ours)
    if style is not None:
        shape._element.remove(style)  # noqa: SLF001 (as above)
    if fill[3]:
        shape.fill.solid()
        _colour(shape.fill._xPr.find(qn("a:solidFill")), fill)  # noqa: SLF001 (python-pptx sets no alpha)
    else:
        shape.fill.background()
    if edge is None:
        shape.line.fill.background()
    else:
        shape.line.width = Emu(round(edge["width"] * PIXEL))
        shape.line.fill.solid()
        _colour(shape.line.fill._xPr.find(qn("a:solidFill")), edge["color"])  # noqa: SLF001 (as above)


def _picture(slide: Any, block: Block, picture: bytes) -> None:
    left, top, width, height = (Emu(round(side * PIXEL)) for side in block["box"])
    shape = slide.shapes.add_picture(io.BytesIO(picture), left, top, width, height)
    named = shape._element.nvPicPr.cNvPr  # noqa: SLF001 (python-pptx has no alternative text)
    named.set("descr", _clean(block.get("alt", "")))


def _runs(paragraph: Any, runs: Sequence[Run]) -> None:
    for run in runs:
        if run.get("break"):
            paragraph.add_line_break()
            continue
        for number, line in enumerate(_clean(run["text"]).split("\n")):
            if number:
                paragraph.add_line_break()
            if line:
                _run(paragraph.add_run(), line, run)


def _run(made: Any, text: str, run: Run) -> None:
    made.text = text
    font = made.font
    font.size, font.bold, font.italic = Pt(round(run["size"] * POINT, 1)), run["bold"], run["italic"]
    font.underline = True if run["underline"] else None
    font.name = _family(run)
    properties = made._r.get_or_add_rPr()  # noqa: SLF001 (what python-pptx has no word for)
    mono = run["code"] or MONO.intersection(name.strip() for name in run["family"].split(","))
    properties.find(qn("a:latin")).set("pitchFamily", FIXED if mono else SWISS)
    if run["spacing"]:
        properties.set("spc", str(round(run["spacing"] * POINT * 100)))
    if run["below"] and not run["underline"]:
        properties.set("u", "dotted" if run["below"] == "dotted" else "sng")
    if run["strike"]:
        properties.set("strike", "sngStrike")
    if run["raised"]:
        properties.set("baseline", "30000" if run["raised"] > 0 else "-25000")
    fill = OxmlElement("a:solidFill")
    properties.insert(0, fill)
    _colour(fill, run["color"])
    if run["ground"]:
        marked = OxmlElement("a:highlight")
        fill.addnext(marked)
        _colour(marked, run["ground"])
    if SAFE_LINK.match(run["link"] or ""):
        made.hyperlink.address = run["link"]


def _family(run: Run) -> str:
    """Return the first family, by the name that its font has when it is installed."""
    first = run["family"].split(",")[0].strip().strip("\"'").removesuffix(" Variable")
    return "Courier New" if first in MONO else GENERIC.get(first, first)


def _inside(parent: Any, tag: str) -> Any:
    """Add an element that python-pptx has no word for."""
    made = OxmlElement(tag)
    parent.append(made)
    return made


def _colour(fill: Any, rgba: Sequence[float]) -> None:
    for child in list(fill):
        fill.remove(child)
    colour = _inside(fill, "a:srgbClr")
    colour.set("val", "".join(f"{round(value):02X}" for value in rgba[:3]))
    if rgba[3] < 1:
        _inside(colour, "a:alpha").set("val", str(round(rgba[3] * 100_000)))


def _place(shape: Any, box: Sequence[float]) -> None:
    shape.left, shape.top, shape.width, shape.height = (Emu(round(side * PIXEL)) for side in box)


def _frame(shape: Any, *, wraps: bool) -> Any:
    frame = shape.text_frame
    frame.word_wrap = wraps
    frame.auto_size = MSO_AUTO_SIZE.TEXT_TO_FIT_SHAPE if wraps else MSO_AUTO_SIZE.NONE  # where our font is missing
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    frame.vertical_anchor = MSO_ANCHOR.TOP
    return frame


def _widen(deck: Any) -> None:
    """Make the template as wide as the deck: its layouts are for old screens."""
    wide, high = SLIDE / deck.slide_width, HEIGHT * PIXEL / deck.slide_height
    deck.slide_width, deck.slide_height = Emu(SLIDE), Emu(round(HEIGHT * PIXEL))
    for layout in (deck.slide_master, *deck.slide_layouts):
        for shape in layout.placeholders:
            if shape._element.spPr.find(qn("a:xfrm")) is None:  # noqa: SLF001 (an inherited place moves by itself)
                continue
            shape.left, shape.width = Emu(round(shape.left * wide)), Emu(round(shape.width * wide))
            shape.top, shape.height = Emu(round(shape.top * high)), Emu(round(shape.height * high))


def _clean(text: str) -> str:
    """Return a text that XML can hold: what it cannot becomes the mark for that."""
    return NOT_XML.sub("\ufffd", text)


def _said(runs: Sequence[Run]) -> bool:
    return any(run.get("text", "").strip() for run in runs)


def _undated(content: bytes) -> bytes:
    """Return the same zip with no times of today in it."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            still = zipfile.ZipInfo(entry.filename, (1980, 1, 1, 0, 0, 0))
            still.compress_type, still.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            new.writestr(still, old.read(entry))
    return written.getvalue()
