"""Claims: corrected by family, and able to fail a build."""

import pytest

from podium.press.pages.render import render
from podium.spec import PodiumError

START = '<%= slide("default") %>\n'


def verdicts(rendered):
    return [(claim["verdict"], claim.get("family")) for claim in rendered.data["claims"].values()]


def test_a_claim_alone_keeps_its_verdict(trained, deck):
    deck(START + '<%= claim("optimizer", "AdamW", "Adam", "test_accuracy") %>')
    assert verdicts(render(trained, "talk")) == [("shown", None)]


def test_claims_of_a_family_are_corrected_together(project, deck, train, monkeypatch):
    from podium.press.results import table
    from podium.press.results.statistics import paired_difference as real

    def wide(a, b):
        """Leave each interval just outside zero: p is 0.04 for one alone."""
        found = real(a, b)
        return type(found)(found.mean, found.low, found.high, found.n, 0.04, found.verdict, found.seeds)

    train(project, "positional_encoding")
    monkeypatch.setattr(table, "paired_difference", wide)
    pairs = [("sinusoidal", "none"), ("rotary", "none")]
    text = "".join(f'<%= claim("positional_encoding", "{a}", "{b}", "test_accuracy", family="f") %>' for a, b in pairs)
    deck(START + text)
    assert verdicts(render(project, "talk")) == [("not shown", "f: Holm over 2 claims")] * 2
    deck(START + text.replace(', family="f"', ""))
    assert verdicts(render(project, "talk")) == [("shown", None)] * 2


def test_a_claim_that_must_hold_fails_the_build_when_it_turns(trained, deck):
    deck(START + '\n<%= claim("optimizer", "Adam", "AdamW", "test_accuracy", must_hold=True) %>')
    render(trained, "talk")
    deck(START + '\n<%= claim("optimizer", "AdamW", "Adam", "test_accuracy", must_hold=True) %>')
    with pytest.raises(PodiumError) as error:
        render(trained, "talk")
    said = str(error.value)
    assert said.startswith("slides/decks/talk/slides.md.j2, line 3: The claim 'AdamW over Adam, test accuracy' must")
    assert "Adam-s0-" in said
    assert "AdamW-s2-" in said


def test_two_few_seeds_stay_too_few_in_a_family(project, deck, train):
    train(project, "positional_encoding")
    for folder in (project.runs / "positional_encoding").iterdir():
        if "-s0-" not in folder.name:
            (folder / "record.jsonl").unlink()
    text = '<%= claim("positional_encoding", "rotary", "{}", "test_accuracy", family="f") %>'
    deck(START + text.format("none") + text.format("learned"))
    rendered = render(project, "talk")
    assert {verdict for verdict, _ in verdicts(rendered)} == {"too few seeds"}
    assert "one seed only" in rendered.markdown
