"""Cells run in a process of their own, within limits, once for as long as nothing that decides them changes."""

import json

import pytest

from podium.press.pages.cell_process import run
from podium.press.pages.render import compose, render
from podium.press.pages.status import status
from podium.spec import PodiumError

START = '<%= slide("code") %>\n'
FIGURE = "from matplotlib.figure import Figure\nf = Figure()\nf.add_subplot().plot([1, 2])\nf"


def test_code_stands_beside_what_it_printed_and_gave(project, deck):
    deck(START + "<%= cell(\"print('a {{ 7*7 }}')\\nsum(range(10))\") %>")
    text = render(project, "talk").markdown
    assert "```python\nprint('a {{ 7*7 }}')\nsum(range(10))\n```" in text
    assert '<pre class="output">a &#123;&#123; 7&#42;7 &#125;&#125;</pre>' in text
    assert '<pre class="output">45</pre>' in text
    assert '<div class="beside">' in text


def test_frames_become_tables_and_figures_pictures(project, deck):
    deck(
        START + '<%= cell("import pandas\\npandas.DataFrame({\'<x>\': [1.5]})", show="output") %>\n'
        "<% set code %>" + FIGURE + '<% endset %><%= cell(code, show="output") %>'
        '<%= cell(code, show="output", alt="a <line> that rises") %>'
    )
    rendered = render(project, "talk")
    assert 'alt="a picture that this page&#39;s code draws" paper' in rendered.markdown
    assert 'alt="a &#60;line&#62; that rises" paper' in rendered.markdown
    assert "<td><span v-pre>1&#46;5</span></td>" in rendered.markdown
    assert "&#60;x&#62;" in rendered.markdown
    (picture,) = (rendered.folder / "public" / "figures").glob("cell-*.svg")
    assert b"<svg" in picture.read_bytes()


def test_an_answer_is_kept_until_code_input_or_setup_change(project, deck):
    folder = project.decks / "talk"
    text = START + '<%= cell("count.py", setup="n = 1", inputs=["data.txt"], show="output") %>'
    deck(text)
    (folder / "count.py").write_text("import pathlib\nn + len(pathlib.Path('data.txt').read_text())")
    (folder / "data.txt").write_text("ab")
    kept = project.build / "cells"
    assert ">3</pre>" in render(project, "talk").markdown
    (first,) = kept.iterdir()
    first.write_text(json.dumps({"text": "", "shown": {"kind": "text", "text": "kept"}, "error": ""}))
    assert ">kept</pre>" in render(project, "talk").markdown
    (folder / "data.txt").write_text("abc")
    assert ">4</pre>" in render(project, "talk").markdown
    deck(text.replace("n = 1", "n = 2"))
    assert ">5</pre>" in render(project, "talk").markdown
    first.write_text("torn")
    assert len(list(kept.iterdir())) == 3


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ('cell("x = 1\\n1 / 0")', "line 2: The cell failed: line 2: ZeroDivisionError: division by zero"),
        ('cell("import os\\nos._exit(3)")', "process ended by exit code 3"),
        ('cell("import time\\ntime.sleep(60)", seconds=1.5)', "took longer than 1.5 s"),
        ('cell("b = bytearray(10**10)", megabytes=512)', "more memory than it may take"),
        ('cell("if")', "line 1: SyntaxError"),
        ('cell("nowhere.py")', "no file 'nowhere.py' beside the template"),
        ('cell("1", show="half")', "shows one of both, code, output"),
    ],
)
def test_what_goes_wrong_is_said_with_its_line(project, deck, call, sentence):
    deck(START + f"<%= {call} %>")
    with pytest.raises(PodiumError) as error:
        render(project, "talk")
    assert sentence in str(error.value)


def test_the_process_shows_every_kind_of_value():
    assert run("", "x = 1") == {"text": "", "shown": None, "error": ""}
    assert run("a = 2", "print(a)\n'text'")["shown"] == {"kind": "text", "text": "text"}
    assert run("", FIGURE)["shown"]["kind"] == "svg"
    assert run("", "import pandas\npandas.DataFrame({'a': [1]})")["shown"]["rows"] == [["1"]]
    assert run("raise ValueError('no')", "1")["error"] == "ValueError: no"
    assert "MemoryError" not in run("", "raise MemoryError")["error"]


def test_a_cell_of_another_folder_is_refused(project, deck):
    deck(START + '<% include "shared/part.j2" %>')
    shared = project.decks / "shared"
    shared.mkdir()
    (shared / "part.j2").write_text("<%= cell(\"open('sprung', 'w')\") %>")
    with pytest.raises(
        PodiumError, match=r"This cell stands in shared/part\.j2, and a deck runs only the cells of its"
    ):
        render(project, "talk")
    assert not list(project.root.rglob("sprung"))


@pytest.mark.parametrize("words", ['"../code.py"', '"1", inputs=["../code.py"]', '"1", setup="linked.py"'])
def test_a_file_of_another_folder_is_refused(project, deck, words):
    deck(START + f"<%= cell({words}) %>")
    (project.decks / "code.py").write_text("1")
    (project.decks / "talk" / "linked.py").symlink_to(project.decks / "code.py")
    with pytest.raises(PodiumError, match=r"There is no file '.*' beside the template"):
        render(project, "talk")


def test_who_only_asks_about_a_deck_runs_nothing(project, deck):
    deck(START + "<%= cell(\"open('sprung', 'w').close()\\n1\", show='output') %>")
    composed = compose(project, "talk", runs_cells=False)
    assert list(composed.lock["excerpts"].values()) == ["not run"]
    assert status(project, "talk").built is False
    assert not (project.decks / "talk" / "sprung").exists()
    built = render(project, "talk")
    assert (project.decks / "talk" / "sprung").exists()
    (project.decks / "talk" / "sprung").unlink()
    assert compose(project, "talk", runs_cells=False).lock == built.lock  # the answer is kept
    assert not (project.decks / "talk" / "sprung").exists()


def test_a_cell_knows_no_keys(project, deck, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "hush")
    monkeypatch.setenv("WORDS", "heard")
    deck(START + "<%= cell(\"import os\\n[os.environ.get('WANDB_API_KEY'), os.environ['WORDS']]\", show='output') %>")
    text = render(project, "talk").markdown
    assert "heard" in text
    assert "hush" not in text
