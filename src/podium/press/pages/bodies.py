"""Bodies: what Slidev would read out of a slide's Markdown as another slide or another file, and a deck may not.

The rules are Slidev's own, `parse` of @slidev/parser 53 and `MarkdownItSnippet` of @slidev/cli 53.
"""

from __future__ import annotations

import re

from podium.spec import PodiumError

OPENED = "<!--"
TICKS = re.compile(r"^\s*`+")
# What reads a file while the deck is built. Slidev guards imports and `<<<`, though not in every project; Vite's own
# ways, measured with Slidev 53, are not guarded: `url(...)` and `@import` in CSS, `src` of a block, `import.meta.glob`.
SNIPPET = re.compile(r"^\s*<<<[ \t]*(\S+)", re.MULTILINE)
BLOCK = re.compile(r"<(?:style|script|template)\b.*?(?:</(?:style|script|template)\s*>|\Z)", re.DOTALL | re.IGNORECASE)
READING = (
    re.compile(r"url\(\s*['\"]?([^'\")]*)", re.IGNORECASE),
    re.compile(r"@import\s+['\"]([^'\"]*)", re.IGNORECASE),
    re.compile(r"^<[^>]*?\ssrc\s*=\s*['\"]?([^'\"\s>]*)", re.IGNORECASE),
    re.compile(r"(import\.meta\.glob)"),
)


def insist_on_one_slide(body: str, number: int) -> None:
    r"""Insist that a slide's body stays one slide and reads no file outside its deck.

    Args:
        body: Markdown below the front matter.
        number: of the slide, from 1.

    Raises:
        PodiumError: for a line that begins with `---` outside of code and comments, a comment without end, or what
            would read a file outside of the deck while it is built.

    >>> insist_on_one_slide("a\n\n---\n\nb", 3)
    Traceback (most recent call last):
    podium.spec.errors.PodiumError: Slide 3 has a line '---': for Slidev another slide begins there, one without ...
    """
    blocks = BLOCK.findall(body)
    read = [path for pattern in READING for block in blocks for path in pattern.findall(block)]
    for path in (*SNIPPET.findall(body), *read):
        if _leads_outside(path):
            raise PodiumError(
                f"Slide {number} reads {path[:60]!r}, and a deck reads only what lies in its own folder. Show code by "
                "`excerpt(...)`, pictures by `figure(...)`, or put the file under the deck."
            )
    fault = _fault(body.splitlines())
    if fault == OPENED:
        raise PodiumError(
            f"Slide {number} has a comment that begins with {OPENED!r} and never ends: Slidev loses the slides behind "
            "it. End it with `-->`."
        )
    if fault:
        raise PodiumError(
            f"Slide {number} has a line {fault!r}: for Slidev another slide begins there, one without badges and "
            "footer. Write `slide(...)` for a new slide, `***` for a line, `#` for a heading."
        )


def _leads_outside(path: str) -> bool:
    bare = path.strip().removeprefix("@/")
    if bare.startswith(("data:", "#")):
        return False
    steps = re.split(r"[/\\]", bare)
    return ".." in steps or ":" in bare or bare.startswith(("/", "~", "\\")) or bare == "import.meta.glob"


def _fault(lines: list[str]) -> str:
    """Return the first line that begins another slide, or `OPENED` for a comment without end; "" for neither."""
    at, inside = 0, False
    while at < len(lines):
        line = lines[at]
        if not inside and line.startswith("---"):
            return line[:40]
        if not inside and line.lstrip().startswith("```"):
            opening = TICKS.match(line)
            ends = [n for n in range(at + 1, len(lines)) if opening and lines[n].startswith(opening[0])]
            at = ends[0] if ends else at
        else:
            inside = _in_comment(line, inside=inside)
        at += 1
    return OPENED if inside else ""


def _in_comment(line: str, *, inside: bool) -> bool:
    """Say whether a comment is open at the end of a line."""
    while True:
        _, found, line = line.partition("-->" if inside else OPENED)
        if not found:
            return inside
        inside = not inside
