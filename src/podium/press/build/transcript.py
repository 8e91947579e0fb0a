"""Transcript: a deck as one Markdown file that GitHub shows, slide by slide: titles, texts, tables, code, pictures."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from podium.press.build.notes import plain
from podium.press.build.scene import Scene, Scenes
from podium.spec.files import write_whole

FOLDER = ".figures"  # beside the file, with the pictures that it shows
SAFE_LINK = re.compile(r"https?://|mailto:", re.IGNORECASE)
MARKS = re.compile(r"([\\`*_{}\[\]<>#|~^$&@!])")
# What Markdown takes for a list or a rule at the beginning, for an emoji, and for an address anywhere.
NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")
PLACES = re.compile(r"^(?=[-+](\s|$))|^(?=[-=]+\s*$)|(?=:\w+:)|(?=://)|(?<=www)(?=\.)", re.IGNORECASE)
UNSAID = {"page", "foot", "kicker", "badge"}  # said before or after a slide's text, or not at all
WIDE = 250  # CSS pixels from which a picture stands alone

Block = dict[str, Any]
Run = dict[str, Any]


class Transcript(Scenes):
    """The visitor whose `finish` writes the Markdown file and its pictures.

    Args:
        out: the file; its pictures lie beside it, in `<name>.figures`.
        notes: of the speaker, one Markdown text a slide; none are written where this is empty.
    """

    def __init__(self, out: Path, *, notes: Sequence[str] = ()) -> None:
        super().__init__()
        self.out, self.notes = out, notes

    def finish(self) -> Path:
        """Write the file; the pictures of before give way."""
        folder = self.out.with_name(self.out.stem + FOLDER)
        fresh = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        scenes = self.scenes
        parts = [f"# {escaped(scenes[0].deck)}"] if scenes else []
        for number, scene in enumerate(scenes, 1):
            for key, picture in scene.pictures.items():
                if any(
                    block["kind"] == "picture" and block["key"] == key and not block["quiet"] for block in scene.blocks
                ):
                    (fresh / _name(number, key)).write_bytes(picture)
            parts += _slide(scene, number, folder.name)
            note = plain(self.notes[number - 1]) if number <= len(self.notes) else ""
            parts += ["> **Notes:** " + "<br>".join(escaped(line) for line in note.splitlines())] if note else []
        shutil.rmtree(folder, ignore_errors=True)
        fresh.replace(folder)
        write_whole(self.out, ("\n\n".join(parts) + "\n").encode("utf-8", "replace"), again="build it again")
        return self.out


def escaped(text: str) -> str:
    r"""Return a text that Markdown and HTML leave as it is, on one line.

    >>> print(escaped("1. 2.5 a <b> | *c* {{ 7*7 }} :+1: www.x.y"))
    1\. 2.5 a \<b\> \| \*c\* \{\{ 7\*7 \}\} :+1: www\.x.y
    """
    one_line = re.sub(r"[\s\x00-\x1f\x7f\u0085\u2028\u2029]+", " ", text)
    return PLACES.sub(r"\\", NUMBERED.sub(r"\1\\\2", MARKS.sub(r"\\\1", one_line)))


def _slide(scene: Scene, number: int, folder: str) -> list[str]:
    """Write one slide: its number and title, what stood small above it, its text, what stood small below it."""
    heading = next((block for block in scene.blocks if block["kind"] == "heading"), None)
    title = _plain(heading["runs"]) if heading else ""
    parts = ["---", f"## {number}. {escaped(title)}" if title else f"## Slide {number}"]
    small = {role: [_plain(b["runs"]) for b in scene.blocks if b.get("role") == role] for role in ("kicker", "badge")}
    above = " · ".join(escaped(text) for texts in small.values() for text in texts)
    parts += [f"*{above}*"] if above else []
    said = [block for block in scene.blocks if block is not heading and block.get("role") not in UNSAID]
    parts += [" ".join(_block(block, number, folder) for block in row) for row in _rows(said)]
    foot = " · ".join(escaped(_plain(b["runs"])) for b in scene.blocks if b.get("role") == "foot")
    return [*parts, f"<sub>{foot}</sub>"] if foot else parts


def _rows(blocks: Sequence[Block]) -> list[list[Block]]:
    """Put together what stands side by side on one line; panels, grounds and ornaments say nothing."""
    rows: list[list[Block]] = []
    level = -1.0  # the middle of the line that the last one stands on
    for block in blocks:
        if block["kind"] in {"panel", "ground"} or block.get("quiet"):
            continue
        _, top, width, height = block.get("ink", block["box"])
        short = (block["kind"] == "text" and block["lines"] == 1) or (block["kind"] == "picture" and width < WIDE)
        if rows and short and top < level < top + height:
            rows[-1].append(block)
        else:
            rows.append([block])
        level = top + height / 2 if short else -1
    return rows


def _block(block: Block, number: int, folder: str) -> str:
    match block["kind"]:
        case "heading":
            plain_runs = [{**run, "bold": False} for run in block["runs"]]
            written = f"{'#' * min(block['level'] + 1, 6)} {_inline(plain_runs)}"
        case "list":
            written = "\n".join(_item(item) for item in block["items"])
        case "table":
            written = _table(block["rows"])
        case "code":
            written = _code(block)
        case "picture":
            written = _picture(block, number, folder)
        case _:
            written = ("> " if block["quote"] else "") + _inline(block["runs"])
    return written


def _item(item: Block) -> str:
    mark = f"{item['number']}." if item["ordered"] else "-"
    return "   " * item["level"] + f"{mark} {_inline(item['runs'])}"


def _table(rows: Sequence[Sequence[Block]]) -> str:
    wide = max(len(row) for row in rows)
    cells = [[re.sub(r"(?<!\\)\|", r"\|", _inline(cell["runs"])) for cell in row] for row in rows]  # in code too
    lines = ["| " + " | ".join(row) + " |" + " |" * (wide - len(row)) for row in cells]
    if not all(cell["head"] for cell in rows[0]):
        lines.insert(0, "|" + " |" * wide)
    aligned = {"right": " ---: |", "end": " ---: |", "center": " :---: |"}
    lines.insert(
        1, "|" + "".join(aligned.get(cell["align"], " --- |") for cell in rows[-1]) + " --- |" * (wide - len(rows[-1]))
    )
    return "\n".join(lines)


def _code(block: Block) -> str:
    text = "".join("\n" if run.get("break") else run["text"] for run in block["runs"]).rstrip()
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    language = block["language"] if re.fullmatch(r"[\w+#-]+", block["language"]) else ""
    return f"{fence}{language}\n{text}\n{fence}"


def _picture(block: Block, number: int, folder: str) -> str:
    address = f"{folder}/{_name(number, block['key'])}".replace(" ", "%20")
    alt = escaped(block["alt"]) or "picture"
    return f"![{alt}]({address})"


def _inline(runs: Sequence[Run]) -> str:
    """Write runs that look alike as one, with their marks around the words and not around the spaces."""
    parts: list[tuple[tuple[str, str], str]] = []
    for run in runs:
        if run.get("break"):
            parts.append((("", ""), "<br>"))
            continue
        if run.get("tex"):
            parts.append((("$", ""), run["tex"]))
            continue
        marks = (
            "`" if run["code"] else "**" * run["bold"] + "*" * (run["italic"] or run["stressed"]) + "~~" * run["strike"]
        )
        link = run["link"] if SAFE_LINK.match(run["link"] or "") else ""
        if parts and parts[-1][0] == (marks, link) and parts[-1][1] != "<br>":
            parts[-1] = ((marks, link), parts[-1][1] + run["text"])
        else:
            parts.append(((marks, link), run["text"]))
    written = "".join(text if text == "<br>" else _marked(text, *look) for look, text in parts).strip()
    return NUMBERED.sub(r"\1\\\2", written)  # where "1" and ". x" were two runs


def _marked(text: str, marks: str, link: str) -> str:
    words = re.sub(r"\s+", " ", text)
    core = words.strip()
    if not core:
        return words
    before, after = words[: len(words) - len(words.lstrip())], words[len(words.rstrip()) :]
    if marks == "$":
        shown = f"${core}$"
    elif marks == "`":
        longest = max((len(ticks) for ticks in re.findall(r"`+", core)), default=0)
        fence = "`" * (longest + 1)
        pad = " " if core[0] == "`" or core[-1] == "`" else ""
        shown = f"{fence}{pad}{core}{pad}{fence}"
    else:
        shown = f"{marks}{escaped(core)}{marks[::-1]}"
    return before + (f"[{shown}]({_address(link)})" if link else shown) + after


def _address(link: str) -> str:
    """Return an address in which nothing ends the link that it stands in."""
    return re.sub(
        r"[^!-~]|[()<>\\]", lambda found: "".join(f"%{b:02X}" for b in found[0].encode("utf-8", "replace")), link
    )


def _plain(runs: Sequence[Run]) -> str:
    return re.sub(r"\s+", " ", "".join(" " if run.get("break") else run["text"] for run in runs)).strip()


def _name(slide: int, key: int) -> str:
    return f"{slide:02}-{key}.png"
