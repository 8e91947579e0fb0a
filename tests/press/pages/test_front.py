"""Front matter is read back exactly, by a reader that ends it at the first `---` and by two versions of YAML."""

import re

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from podium.press.pages.escaping import plain
from podium.press.pages.front import flat, values, written
from podium.spec import PodiumError

texts = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("-:'\"#{}[]&*!|>%@`0123eExo.~ \n")), max_size=30)


def slidev_reads(front):
    """What @slidev/parser takes for the front matter: RE_FRONTMATTER of its core.mjs."""
    found = re.match(r"---.*\r?\n([\s\S]*?)---", f"---\n{written(front)}---\n\n# A slide\n")
    return yaml.safe_load(found[1])


@given(st.dictionaries(st.sampled_from(["kicker", "foot", "x"]), texts))
def test_any_text_comes_back_and_ends_nothing(front):
    given_ = values(front, first=False)
    assert slidev_reads(given_) == {name: plain(text) for name, text in front.items()}
    assert "---" not in written(given_)


@pytest.mark.parametrize(
    "text", ["0o17", "1e3", "0x1F", "12:30:45", "yes", "No", "null", "~", ".inf", "2026-11-21", "="]
)
def test_what_some_yaml_reads_as_something_else_is_quoted(text):
    assert written({"foot": text}) == f'foot: "{text}"\n'


def test_words_and_paths_stand_bare():
    assert written({"layout": "two-cols-header", "theme": "../../../slides/theme", "clicks": 3, "dark": True}) == (
        "layout: two-cols-header\ntheme: ../../../slides/theme\nclicks: 3\ndark: true\n"
    )


def test_texts_in_lists_and_dicts_are_flattened_too():
    assert flat({"a\nb": ["c\x00d", {"e": ("---",)}], "f": None}) == {"a b": ["c d", {"e": ["---"]}], "f": None}
    assert flat(np.float64(0.5)) == "0.5"
    assert slidev_reads({"x": ["- a", "---", {"k": "--- z"}]}) == {"x": ["- a", "---", {"k": "--- z"}]}


def test_what_slidev_compiles_or_reads_is_refused():
    assert values({"title": "{{ 7*7 }}"}, first=True)["title"].startswith("<span v-pre>&#123;")
    for name in ("title", "name"):
        with pytest.raises(PodiumError, match="Only the first slide takes a title"):
            values({name: "a"}, first=False)
    with pytest.raises(PodiumError, match="A slide takes no src"):
        values({"src": "/etc/passwd"}, first=True)
