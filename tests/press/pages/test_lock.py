"""The lock: what a deck was when it was built, what became of it, and whether the frozen results agree."""

import json
import subprocess

import pytest

from podium.press.pages.lock import compare, read_committed_lock, read_lock, write_lock
from podium.press.pages.render import lock_path, render
from podium.press.pages.status import status, verify
from podium.press.results import freeze
from podium.spec import PodiumError

TEXT = """<%= slide("figure") %>
<%= number("optimizer", "AdamW", "test_accuracy") %>
<%= claim("optimizer", "Adam", "AdamW", "test_accuracy") %>
<%= figure("paired", "optimizer", variant="AdamW", over="Adam") %>
<%= diagram("classes", "optimizer") %> <%= excerpt("podium.spec.errors:PodiumError") %>
An accuracy of 99.2 % was typed.
"""


def build(project, source="local"):
    """Leave what a build leaves, without Slidev."""
    write_lock(lock_path(project, "talk"), render(project, "talk", source).lock)


def rescore(project, run, score):
    """Let a run have ended otherwise."""
    path = next((project.runs / "optimizer").glob(f"{run}*")) / "record.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    lines[-1]["summary"]["test_accuracy"] = score
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def test_a_deck_is_fresh_until_a_run_changes_and_says_why(trained, deck):
    deck(TEXT)
    never = status(trained, "talk")
    assert (never.built, never.fresh, never.changes.why) == (False, False, ())
    build(trained)
    fresh = status(trained, "talk")
    assert fresh.fresh
    assert fresh.typed == ((6, "An accuracy of 99.2 % was typed"),)
    assert write_lock(lock_path(trained, "talk"), render(trained, "talk").lock) is False
    rescore(trained, "AdamW-s1", 0.2)
    stale = status(trained, "talk")
    assert not stale.fresh
    assert [line.partition("-s1")[0] for line in stale.changes.why] == ["optimizer: run AdamW"]
    assert any(line.startswith("optimizer / AdamW / test_accuracy: 90") for line in stale.changes.numbers)
    assert stale.changes.claims == ("optimizer / Adam over AdamW / test_accuracy: shown → not shown",)
    assert len(stale.changes.figures) == 1


def test_other_templates_variants_data_and_code_are_causes(trained, deck):
    deck(TEXT)
    before = render(trained, "talk").lock
    now = json.loads(json.dumps(before))
    now["experiments"]["optimizer"] |= {"variants": ["Adam", "SGD"], "data": ["other"], "commits": []}
    now["excerpts"]["podium.spec.errors:PodiumError"] = "x"
    now["numbers"]["new"] = {"text": "1", "value": 1.0, "runs": []}
    changes = compare(before, now)
    assert changes.variants == ("optimizer: variant SGD is new", "optimizer: variant AdamW is gone")
    assert changes.data == ("optimizer: data is other; it was mnist 6bbc9ace",)
    assert changes.code == (
        "optimizer: code is unknown; it was 3f9c1e2",
        "excerpt podium.spec.errors:PodiumError changed",
    )
    assert changes.asked == ("number new is new",)
    assert not compare(before, before)


def test_a_fallen_claim_names_the_runs_that_are_new(trained, deck):
    words = TEXT.replace('"test_accuracy") %>\n<%= figure', '"test_accuracy", must_hold=True) %>\n<%= figure')
    deck(words)
    build(trained)
    path = lock_path(trained, "talk")
    lock = read_lock(path)
    lock["experiments"]["optimizer"]["runs"] = {
        run: kept for run, kept in lock["experiments"]["optimizer"]["runs"].items() if "AdamW-s1" not in run
    }
    write_lock(path, lock)
    rescore(trained, "AdamW-s1", 0.999)
    with pytest.raises(PodiumError, match=r"line 3: The claim .* must hold.*New since the last build: AdamW-s1-\w+\."):
        render(trained, "talk")


def test_verify_says_same_or_different_for_each_number(trained, deck):
    deck(TEXT)
    with pytest.raises(PodiumError, match="has no lock"):
        verify(trained, "talk")
    build(trained)
    for name in ("optimizer",):
        freeze(trained, name)
    found = verify(trained, "talk")
    assert len(found) == 3
    assert all(one.same for one in found)
    rescore(trained, "AdamW-s1", 0.2)
    freeze(trained, "optimizer")
    assert {one.asked: one.same for one in verify(trained, "talk")} == {
        "optimizer / AdamW / test_accuracy": False,
        "optimizer / Adam over AdamW / test_accuracy": False,
        "claim optimizer / Adam over AdamW / test_accuracy": False,
    }


def test_what_changed_since_a_committed_lock_is_a_page(trained, deck):
    back = '<% set week = changes("1 second ago") %><% for line in week.numbers %>moved: <%= line %>\n<% endfor %>'
    deck(TEXT + back)
    assert "moved" not in render(trained, "talk").markdown  # nothing was ever committed
    build(trained)
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@e"]
    for words in (["init", "-q"], ["add", "slides"], ["commit", "-qm", "a", "--date", "2026-01-01T00:00:00"]):
        dated = {"GIT_COMMITTER_DATE": "2026-01-01T00:00:00", "PATH": "/usr/bin:/bin"}
        done = subprocess.run([*git, *words], cwd=trained.root, check=False, env=dated)
        assert done.returncode == 0
    rescore(trained, "AdamW-s1", 0.2)
    markdown = render(trained, "talk").markdown
    assert markdown.count("moved: ") == 2
    assert "AdamW" in markdown.partition("moved: ")[2]
    assert read_committed_lock(lock_path(trained, "talk"), "2025-01-01") is None


def test_a_damaged_lock_and_a_full_disk_are_sentences(tmp_path):
    path = tmp_path / "lock.json"
    assert read_lock(path) is None
    for text in ("{", "[]", "{}", "3"):
        path.write_text(text)
        with pytest.raises(PodiumError, match="is damaged: it is no lock"):
            read_lock(path)
    with pytest.raises(PodiumError, match="cannot be written"):
        write_lock(path / "lock.json", {})  # a file stands where its folder should
