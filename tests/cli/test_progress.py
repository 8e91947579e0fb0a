import io

from podium.cli.progress import shown


class Terminal(io.StringIO):
    def isatty(self):
        return True


def steps(tell):
    tell("talk", "rendering", 0, 0)
    tell("other", "unchanged", 0, 0)
    for done in range(1, 3):
        tell("talk", "walking", done, 2)


def test_where_nobody_looks_it_is_a_line_a_step():
    out = io.StringIO()
    with shown(out) as tell:
        steps(tell)
    assert out.getvalue() == "talk: rendering\nother: unchanged\n"


def test_at_a_terminal_it_is_a_bar_a_deck(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    with shown(out) as tell:
        steps(tell)
    for part in ("talk", "walking", "other", "unchanged"):
        assert part in out.getvalue()
