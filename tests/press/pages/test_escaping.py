"""Any text shows literally: no entity-free mark survives, and what the browser decodes is the text."""

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from podium.press.pages.escaping import Markdown, entities, literal, plain

HOSTILE = "{{ 7*7 }}</script><img src=x onerror=alert(1)>\n---\nlayout: end\n---\n::right::\n<<< @/../secret"


def test_the_hostile_name_has_no_mark_left():
    shown = literal(HOSTILE)
    assert isinstance(shown, Markdown)
    inner = shown.removeprefix("<span v-pre>").removesuffix("</span>")
    assert re.fullmatch(r"([A-Za-z0-9 ]|&#\d+;)*", inner)
    assert html.unescape(inner) == HOSTILE.replace("\n", " ")


@given(st.text())
def test_every_text_is_one_line_that_decodes_to_itself(text):
    coded = entities(text)
    assert all(c.isalnum() or c in " &#;" for c in coded)
    assert html.unescape(coded) == plain(text)
    assert len(coded.splitlines()) <= 1


@given(st.text())
def test_plain_keeps_what_can_be_seen(text):
    assert len(plain(text)) == len(text)
    assert plain(plain(text)) == plain(text)


def test_bidirectional_and_null_characters_become_spaces():
    assert plain("a\u202eb\x00c\ud800d\u00a0e") == "a b c d e"
