import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.press.build.present.spoken import notes_html
from podium.press.pages.escaping import literal


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("", ""),
        ("One\ntwo\n\nthree", "<p>One<br>two</p><p>three</p>"),
        ("- a\n- **b**\n3. `c`", "<ul><li>a</li><li><strong>b</strong></li><li><code>c</code></li></ul>"),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>"),
        ("a & b", "<p>a &amp; b</p>"),
    ],
)
def test_notes_are_text_emphasis_code_and_lists(markdown, shown):
    assert notes_html(markdown) == shown


def test_clicks_are_counted_as_slidev_counts_them():
    html = notes_html("[click] one [click:2] two\n\n[CLICK] three")
    assert [part.partition('"')[0] for part in html.split('data-clicks="')[1:]] == ["1", "3", "4"]


@given(st.text())
def test_a_text_of_a_run_stands_there_literally(text):
    html = notes_html(f"see {literal(text)} there")
    assert "<span v-pre>" not in html.replace("&lt;", "")
    assert html.count("<") == 2  # the paragraph
    assert notes_html(str(literal("[click] **bold** <b>"))) == "<p>[click] **bold** &lt;b&gt;</p>"
