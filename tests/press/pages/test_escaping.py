"""Any text shows literally: no entity-free mark survives, and what the browser decodes is the text."""

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from podium.press.pages.escaping import Markdown, compiled, entities, literal, plain

HOSTILE = "{{ 7*7 }}</script><img src=x onerror=alert(1)>\n---\nlayout: end\n---\n::right::\n<<< @/../secret"


def test_the_hostile_name_has_no_mark_left():
    shown = literal(HOSTILE)
    assert isinstance(shown, Markdown)
    inner = shown.removeprefix("<span v-pre>").removesuffix("</span>")
    assert re.fullmatch(r"([A-Za-z0-9 ]|&#\d+;|<wbr>)*", inner)
    assert html.unescape(inner.replace("<wbr>", "")) == HOSTILE.replace("\n", " ")


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


def test_an_address_is_parted_where_markdown_would_make_it_a_link_and_a_number_is_not():
    for text in ("model.pt", "https://evil.test", "//evil.test", "a@evil.test", "::right::"):
        assert "<wbr>" in literal(text), text
    for text in ("0.991", "accuracy: 3.5 %", "a/b", "the end.", "12:30 and 1:"):
        assert ("<wbr>" in literal(text)) is ("12:30" in text), text


def test_a_title_that_slidev_compiles_is_bare_only_where_it_is_quiet():
    for text in ("Digits", "Adam, or AdamW?", "Digits: a talk", "Übung (drei)"):
        assert compiled(text) == text
        assert type(compiled(text)) is str
    for text in ("{{ 7*7 }}", "1. one", "- one", "a:right:", "www.evil.test", "a_b_", "", "# a", "a\nb </title>"):
        made = compiled(text)
        assert type(made) is str
        assert made == literal(plain(text))
