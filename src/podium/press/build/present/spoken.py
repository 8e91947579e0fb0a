"""Spoken: a slide's notes as HTML that holds nothing but text, emphasis, code, lists and the marks of clicks."""

from __future__ import annotations

import html
import re

CLICK = re.compile(r"\[click(?::(\d{1,3}))?\]", re.IGNORECASE)
LITERAL = re.compile(r"<span v-pre>(.*?)</span>", re.DOTALL)
KEPT = re.compile("\x02(\\d+)\x03")
ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+")
STYLED = ((re.compile(r"\*\*(\S(?:.*?\S)?)\*\*"), "strong"), (re.compile(r"`([^`]+)`"), "code"))


def notes_html(markdown: str) -> str:
    r"""Make HTML of one slide's notes; a `[click]` becomes the mark that Slidev's presenter view lights up.

    Source of the mark: Slidev 53, `renderNote` of @slidev/cli.

    >>> notes_html("Look. <b>\n\n[click] **This**.")
    '<p>Look. &lt;b&gt;</p><p><span class="slidev-note-click-mark" data-clicks="1"></span> <strong>This</strong>.</p>'
    """
    kept: list[str] = []  # HTML that stands for itself: clicks, and texts of runs
    clicks = 0

    def keep(shown: str) -> str:
        kept.append(shown)
        return f"\x02{len(kept) - 1}\x03"

    def mark(found: re.Match[str]) -> str:
        nonlocal clicks
        clicks += int(found[1] or 1)
        return keep(f'<span class="slidev-note-click-mark" data-clicks="{clicks}"></span>')

    text = markdown.replace("\x02", "").replace("\x03", "")
    text = LITERAL.sub(lambda found: keep(html.escape(html.unescape(found[1].replace("<wbr>", "")), quote=False)), text)
    blocks = re.split(r"\n\s*\n", CLICK.sub(mark, text).strip())
    shown = "".join(_block(block) for block in blocks if block.strip())
    return KEPT.sub(lambda found: kept[int(found[1])], shown)


def _block(block: str) -> str:
    lines = block.strip().splitlines()
    if all(ITEM.match(line) for line in lines):
        items = (_inline(ITEM.sub("", line, count=1)) for line in lines)
        return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"
    return f"<p>{'<br>'.join(_inline(line.strip()) for line in lines)}</p>"


def _inline(text: str) -> str:
    shown = html.escape(text, quote=False)
    for pattern, tag in STYLED:
        shown = pattern.sub(rf"<{tag}>\1</{tag}>", shown)
    return shown
