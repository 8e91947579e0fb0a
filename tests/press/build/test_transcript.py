import html
import re

import pypandoc
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from podium.press.build.scene import Scene
from podium.press.build.transcript import Transcript, escaped

WORST = [
    "{{ 7*7 }}", "---", "<script>alert(1)</script>", "# x", "1. a", "12) a", "- a", "+ a", "= a", "a | b", "`x`", "``",
    "![x](javascript:alert(1))", "[x]: /y", "$\\frac{1}{2}$", "~~~", "&lt;b&gt; &#60;i&#62;", "a\nb", "www.x.org",
    "http://x.org", ":smile:", "*a* _b_ **c**", "@all #1", "\\", "a\\", "<!-- x -->", "::right::", "^a^",
]  # fmt: skip
RUN = {"bold": False, "italic": False, "stressed": False, "strike": False, "code": False, "link": ""}


def run(text, **changed):
    return {**RUN, "text": text, **changed}


def block(kind, *runs, **changed):
    return {
        "kind": kind,
        "box": [10, 20, 300, 40],
        "runs": list(runs),
        "lines": 1,
        "role": "",
        "quote": False,
        **changed,
    }


def shown(markdown):
    """What a reader of GitHub's Markdown sees of paragraphs."""
    made = pypandoc.convert_text(markdown, "html", format="gfm", extra_args=["--wrap=none"])
    assert re.fullmatch(r"(<p>[^<]*</p>\s*)*", made), made
    return html.unescape(re.sub(r"</?p>", "", made))


def written(tmp_path, *blocks, notes=(), pictures=None):
    maker = Transcript(tmp_path / "deck.md", notes=notes)
    maker._seen = {1: Scene("", "Deck", "en", (255, 255, 255, 1), list(blocks), pictures or {})}
    return maker.finish().read_text("utf-8")


@settings(max_examples=30)
@given(st.lists(st.sampled_from([*"`*_{}[]()<>#+-.!|~^$&@:=\\\"' 1a\n", *WORST]), max_size=12).map("".join))
@example("_www.x.org")
def test_whatever_is_put_together_is_text(text):
    """Thirty programs of pandoc are a second or two."""
    everything = [*WORST, text]
    read = shown("\n\n".join(escaped(each.strip()) for each in everything))
    assert "".join(read.split()) == "".join("".join(everything).split())


@pytest.mark.browser
def test_the_sample_deck_in_one_file(walked):
    text = walked.md.read_text("utf-8")
    assert text.startswith("# Sample\n\n---\n\n## 1. Does a transformer need to know where it is looking?\n")
    for part in (
        "*Week 3 · 21 November 2026*",
        "![two lines that rise](sample.figures/02-1.png)",
        "scores = q @ k.transpose(-2, -1)\n",
        "- Profile first\n- Better data",
        "### Advice",
        "`{{ literally }}`",
        "`{{ 7*7 }}</script><img src=x onerror=alert(1)>`",
        "[the web](https://example.org/a_%28b%29), `a|b` and *stress*.",
        "1. first\n2. second, as $e^{i\\theta}$ is\n   - nested".replace(" is\n", "\n"),
        "| name | value |\n| --- | ---: |\n| `x` | 1 |\n| y\\|z | 2.5 |",
        "> One seed is an anecdote.",
        "<sub>for PowerPoint and Markdown, which must carry it all</sub>",
        "> **Notes:** The last note. With a mark.",
    ):
        assert part in text, text[-900:]
    pictures = re.findall(r"\]\((sample\.figures/[^)]+)\)", text)
    assert len(pictures) == 11
    for picture in pictures:
        assert (walked.md.parent / picture).read_bytes().startswith(b"\x89PNG")
    made = pypandoc.convert_text(text, "html", format="gfm")
    assert "<script" not in made
    assert "onerror" not in re.sub(r"<code>.*?</code>", "", made)


def test_what_a_block_can_be(tmp_path):
    heading = block("heading", run("A title"), level=1)
    second = block("heading", run("Below", bold=True), level=2)
    looks = block("text", run("a ", bold=True), run("b", strike=True), run("c`d", code=True), {"break": True},
                  run("x^2", tex="x^2"), run(" e", link="javascript:x"), run("f", italic=True, link="mailto:a@b"),
                  quote=True, lines=2)  # fmt: skip
    code = block("code", run("a```b", code=True), {"break": True}, run("c", code=True), language="py<thon>")
    plain = block("code", run("d", code=True), language="python")
    rows = [[{"runs": [run("1")], "head": False, "align": "center"}], []]
    table = block("table", rows=[*rows, [{"runs": [run("a|b", code=True)], "head": False, "align": "center"}] * 2])
    small = {"kind": "picture", "key": 1, "alt": "", "quiet": False, "box": [0, 20, 40, 40]}
    ornament = {**small, "key": 3, "quiet": True}
    beside = block("text", run("beside"), ink=[50, 30, 40, 20])
    panel = {"kind": "panel", "box": [0, 0, 1, 1]}
    foot = block("text", run("source"), role="foot")
    badge = block("text", run("quick"), role="badge")
    text = written(tmp_path, heading, second, looks, code, plain, table, panel, small, ornament, beside, foot, badge,
                   notes=["<b>x</b>\ny"], pictures={1: b"png", 2: b"ground", 3: b"ornament"})  # fmt: skip
    for part in (
        "## 1. A title\n\n*quick*",
        "### Below",
        "> **a** ~~b~~``c`d``<br>$x^2$ e[*f*](mailto:a@b)",
        "````\na```b\nc\n````",
        "```python\nd\n```",
        "| | |\n| :---: | :---: |\n| 1 | |\n|  | | |\n| `a\\|b` | `a\\|b` |",
        "![picture](deck.figures/01-1.png) beside",
        "<sub>source</sub>",
        "> **Notes:** \\<b\\>x\\</b\\><br>y",
    ):
        assert part in text, (part, text)
    assert [path.name for path in (tmp_path / "deck.figures").iterdir()] == ["01-1.png"]


def test_a_slide_without_a_title_has_its_number(tmp_path):
    assert "## Slide 1\n" in written(tmp_path)
