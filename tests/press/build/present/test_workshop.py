import io
import json
import os
import signal
import sys

import pytest

from bench import edit as bench
from podium.press.build.present import workshop
from podium.spec import Project

DECK = """<%= slide("default", title="Talk") %>
# MARK0

<%= table("positional_encoding", ["test_accuracy"]) %>
"""


@pytest.fixture
def live(tmp_path):
    return Project(bench.project(tmp_path / "live", DECK))


def test_a_deck_is_rendered_again_and_again_with_the_code_of_now(live, processes):
    template = live.decks / "talk" / "slides.md.j2"
    before = set(processes.below(os.getpid()))  # what other tests of this process left
    with workshop.workshop(live.root, "talk", "local") as shop:
        assert set(shop.render()["changed"]) == {"deck.json", "slides.md"}
        template.write_text(DECK.replace("MARK0", "MARK1"))
        found = shop.render()
        assert (found["changed"], found["error"]) == (["slides.md"], "")
        template.write_text(DECK.replace("table(", "tabel("))
        assert "did you mean 'table'" in shop.render()["error"]
        template.write_text(DECK)
        assert shop.render(anew=True)["changed"] == ["slides.md"]
        outer, *_, inner = [pid for pid in processes.below(os.getpid()) if pid not in before]
        os.kill(inner, signal.SIGKILL)
        assert shop.render()["error"] == workshop.ENDED
        again = shop.render()
        assert (again["changed"], again["error"]) == ([], "")
    assert not processes.alive(outer)


def served(live, lines, **asked):
    answers = io.StringIO()
    asked = {"root": str(live.root), "deck": "talk", "source": "local", "follow": False, **asked}
    workshop.serve(asked, io.StringIO("{}\n" * lines), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_the_inner_process_says_what_it_imported_of_others(live):
    first, second = served(live, 2)
    assert first["error"] == ""
    assert second["modules"] == []
    assert not [name for name in first["modules"] if name.startswith("podium")]


def test_code_that_does_not_run_is_an_answer_with_its_place(live, monkeypatch):
    def broken(*args):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("podium.press.build.present.reading.work", broken)
    (found,) = served(live, 1)
    assert found["error"].endswith(": ZeroDivisionError: by zero")
    assert found["error"].startswith("test_workshop.py, line ")


def test_an_error_of_syntax_names_its_file():
    with pytest.raises(SyntaxError) as caught:
        compile("def f(:", "curves.py", "exec")
    assert workshop.where(caught.value) == "curves.py, line 1: SyntaxError: invalid syntax"
    assert workshop.where(ValueError("nowhere")) == "ValueError: nowhere"


def test_what_others_made_is_imported_before_the_next_fork(monkeypatch):
    monkeypatch.delitem(sys.modules, "this", raising=False)
    names = ["json", "no_such_module_at_all"]
    workshop.prepare(names)
    assert names == []
