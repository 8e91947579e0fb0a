"""Notes: what the speaker says, read off a rendered deck by Slidev's own parser, and kept out of the public site."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from podium.press.build.node import node_executable, run_to_end, tail
from podium.spec.errors import PodiumError
from podium.spec.files import write_whole
from podium.spec.project import Project

PARSE = """
import { readFileSync } from 'node:fs'
import { parseSync } from '@slidev/parser/core'
const [path] = process.argv.slice(1)
const { slides } = parseSync(readFileSync(path, 'utf8'), path)
const shown = slides.filter(slide => !slide.frontmatter.disabled && !slide.frontmatter.hide)
process.stdout.write(JSON.stringify(shown.map(slide => slide.note ?? '')))
"""


def notes_path(site: Path) -> Path:
    """Return where the notes of a built site lie: beside it, since everybody may read the site."""
    return site.parent / f".{site.name}.notes.json"


def write_notes(project: Project, slides: Path, out: Path) -> None:
    """Write the notes of a deck as a JSON list of Markdown texts, one a slide, empty where there are none.

    Args:
        project: its npm packages hold Slidev's parser.
        slides: the rendered slides.md.
        out: the file to write.

    Raises:
        PodiumError: where the parser fails.
    """
    command = [str(node_executable()), "--input-type=module", "--eval", PARSE, "--", str(slides.resolve())]
    code, said = run_to_end(command, project.slides)
    if code != 0:
        raise PodiumError(f"Slidev's parser could not read {slides}: {tail(said)}")
    write_whole(out, f"{json.dumps(json.loads(said), indent=1)}\n".encode(), again="build it again")


def read_notes(site: Path) -> list[str]:
    """Return the notes of a built site, one Markdown text a slide; none where the file is not there."""
    path = notes_path(site)
    return json.loads(path.read_text("utf-8")) if path.is_file() else []


def plain(note: str) -> str:
    """Return a note as a person reads it: no tags of ours, no entities, no marks for clicks.

    >>> plain("[click] The <span v-pre>ViT&#45;S</span> wins. [click:2] See?")
    'The ViT-S wins. See?'
    """
    bare = re.sub(r"\[click(?::\d+)?\] ?", "", re.sub(r"</?(?:span|wbr)[^>]*>", "", note), flags=re.IGNORECASE)
    return html.unescape(bare).strip()
