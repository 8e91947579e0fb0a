import io
import json
import signal
import socket
import statistics
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import edit as bench
from podium.press.build.present import editing
from podium.runs.record import append_event
from podium.spec import PodiumError

SERVER = """
console.log('a line before')
console.log('ready /#')
console.log('a line after')
process.stdin.on('data', data => console.log(`heard ${data}`)).on('close', () => process.exit(0))
"""
NOTHING = {"changed": [], "error": "", "seconds": 0.1}


class FakeShop:
    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def render(self, *, anew=False):
        self.asked.append(anew)
        return self.answers.pop(0)


class FakeProcess:
    """A server that ends once the deck was rendered as often as was planned."""

    returncode = 7

    def __init__(self, shop=None):
        self.shop, self.stdin = shop, io.BytesIO()

    def poll(self):
        return None if self.shop is None or self.shop.answers else self.returncode

    def told(self):
        return [json.loads(line) for line in self.stdin.getvalue().splitlines()]


def test_the_screen_is_told_of_errors_and_of_figures_by_their_names():
    process = FakeProcess()
    screen = editing.Screen(process)
    figures = ["public/figures/a.dark.svg", "public/figures/a.svg"]
    screen.show({**NOTHING, "changed": ["slides.md", "deck.json", *figures]})
    screen.show({**NOTHING, "error": "line 3: no"})
    pages = {"pages": ["deck.json", "slides.md"]}
    assert process.told() == [{"error": ""}, pages, {"figures": ["a"]}, {"error": "line 3: no"}]
    process.stdin = None
    screen.show(NOTHING)


def test_the_terminal_is_told_too(capsys):
    editing.report({**NOTHING, "error": "line 3: no"})
    editing.report({**NOTHING, "changed": ["slides.md"]}, [Path("/p/slides.md.j2")])
    editing.report({**NOTHING, "changed": ["slides.md"]})
    assert capsys.readouterr().out.splitlines() == [
        "podium: line 3: no",
        "The last good slides stay.",
        "slides.md.j2: slides.md (0.10 s)",
    ]


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("/p/slides/decks/talk/slides.md.j2", True),
        ("/p/slides/decks/talk/.slides.md.j2.swp", False),
        ("/p/slides/decks/talk/slides.md.j2~", False),
        ("/p/build/runs/e/v/record.jsonl", True),
        ("/p/build/runs/e/v/transcript.jsonl", False),
        ("/p/build/runs/e/v/checkpoint.pt", False),
        ("/p/build/runs/e/v/wandb/x.json", False),
        (str(editing.CODE / "press" / "figures" / "curves.py"), True),
        (str(editing.CODE / "press" / "figures" / "__pycache__" / "curves.pyc"), False),
        (str(editing.CODE / "press" / "build" / "report.css"), False),
    ],
)
def test_what_counts_as_a_change(path, counts):
    assert editing.counts(path) is counts


def test_every_change_is_rendered_until_the_server_ends(own_slides, monkeypatch, tmp_path):
    code = tmp_path / "code" / "podium"
    (code / "press" / "figures").mkdir(parents=True)
    monkeypatch.setattr(editing, "CODE", code)
    monkeypatch.setattr(editing, "LOOK_MS", 50)
    shop = FakeShop(NOTHING, {**NOTHING, "error": "line 1: no"}, NOTHING)
    screen = editing.Screen(FakeProcess(shop))
    files = iter(
        [
            own_slides.decks / "talk" / "slides.md.j2",
            code / "press" / "figures" / "curves.py",
            own_slides.experiments / "e.py",
        ]
    )

    def poll():
        if shop.answers:
            if len(shop.asked) + len(shop.answers) == 3 and 3 - len(shop.answers) == poll.saved:
                poll.saved += 1
                next(files).write_text(f"{time.monotonic()}")
            return None
        return 7

    poll.saved = 0
    monkeypatch.setattr(screen.process, "poll", poll)
    with pytest.raises(PodiumError, match="ended with exit code 7"):
        editing.keep_up(own_slides, shop, screen, sources=True)
    assert shop.asked == [False, True, False]
    assert {"error": "line 1: no"} in screen.process.told()


def test_without_sources_only_runs_are_watched(own_slides):
    assert editing.watched(own_slides, sources=False) == [own_slides.runs, own_slides.build / "pulled"]
    assert editing.CODE in editing.watched(own_slides, sources=True)


def test_slidev_s_server_is_started_and_ends_with_its_input(own_slides, monkeypatch, tmp_path, capsys):
    (tmp_path / "edit.mjs").write_text(SERVER)
    monkeypatch.setattr(editing, "SERVER", tmp_path / "edit.mjs")
    folder = own_slides.build / "decks" / "talk"
    folder.mkdir(parents=True)
    (folder / "slides.md").write_text("# Talk\n")
    with editing.serving_slides(own_slides, folder, 1) as screen:
        assert screen.before == "/#"
        screen.show({**NOTHING, "error": "no"})
        said = ""
        end = time.monotonic() + 20
        while "heard" not in said and time.monotonic() < end:
            time.sleep(0.05)
            said += capsys.readouterr().out
        screen.process.stdin.close()
        assert screen.process.wait(timeout=20) == 0
    assert "a line after" in said
    assert "a line before" not in said
    assert 'heard {"error": "no"}' in said


def test_a_server_that_does_not_start_says_why(own_slides, tmp_path):
    folder = own_slides.build / "decks" / "talk"
    folder.mkdir(parents=True)
    (folder / "slides.md").write_text("---\ntheme: seriph\n---\n\n# Talk\n")
    with (
        pytest.raises(PodiumError, match=r"Slidev's server did not start: .*ERR_MODULE_NOT_FOUND"),
        editing.serving_slides(own_slides, folder, 1),
    ):
        pass


@pytest.fixture
def faked(monkeypatch):
    """Everything that takes seconds replaced: what is done with it stays."""
    shop, done = FakeShop({**NOTHING, "error": "line 1: no"}), []

    @contextmanager
    def opened(*args, **options):
        done.append(options)
        yield shop

    @contextmanager
    def serving(project, folder, port):
        yield editing.Screen(FakeProcess(), "/#")

    monkeypatch.setattr(editing, "workshop", opened)
    monkeypatch.setattr(editing, "serving_slides", serving)
    monkeypatch.setattr(editing, "install_packages", lambda project: False)
    monkeypatch.setattr(editing, "keep_up", lambda *args, **options: done.append(options))
    return done


def test_a_deck_that_was_good_once_is_opened_with_its_error(own_slides, faked, capsys):
    (own_slides.build / "decks" / "talk").mkdir(parents=True)
    (own_slides.build / "decks" / "talk" / "slides.md").write_text("# Talk\n")
    editing.edit(own_slides, "talk", follow=True)
    said = capsys.readouterr().out
    assert "/#/presenter/1" in said
    assert "podium: line 1: no" in said
    assert faked == [{"follow": True}, {"sources": True}]


def test_what_cannot_be_edited_is_said(own_slides, faked):
    with pytest.raises(PodiumError, match="did you mean 'talk'"):
        editing.edit(own_slides, "talks")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PodiumError, match="in use"):
            editing.edit(own_slides, "talk", taken.getsockname()[1])
    with pytest.raises(PodiumError, match="line 1: no"):
        editing.edit(own_slides, "talk")


@pytest.mark.browser
@pytest.mark.slow
def test_every_kind_of_change_reaches_the_screen_and_ctrl_c_ends_all(browser, tmp_path, processes):
    with bench.desk(tmp_path, "--edit", "--follow") as desk:
        reloads = []
        desk.page.on("framenavigated", lambda frame: reloads.append(frame.url))
        for kind, (edit, slide) in bench.EDITS.items():
            desk.look(slide)
            assert edit(desk, 1) < bench.SECONDS, kind

        desk.look(2)
        desk.change(desk.template, "Curves, ", "<%= fgure() %>")
        desk.page.wait_for_selector("[role=alert]:has-text(\"There is no page function 'fgure'\")")
        assert "Curves" in desk.page.evaluate(bench.SHOWN)
        desk.change(desk.template, "<%= fgure() %>", "Curves again, ")
        desk.seen("Curves again")
        desk.page.wait_for_selector("[role=alert]", state="hidden")

        desk.look(2)
        desk.change(desk.template, "Curves again, ", "<%= figure('curves', 'positional_encoding').finding %>")
        run = bench.thaw(desk.root, "positional_encoding", "rotary", seed=300, until=0)
        took = []
        for epoch in (1, 2, 3, 4):
            append_event(run, "epoch", metrics={"epoch": epoch, "val_accuracy": 0.5 + epoch / 10})
            took.append(desk.seen(f"Still training: epoch {epoch}"))
        print(f"an epoch was seen after {statistics.median(took):.2f} s")
        assert not [url for url in reloads if "#" not in url]

        started = processes.below(desk.process.pid)
        assert len(started) >= 3
        desk.process.send_signal(signal.SIGINT)
        assert desk.process.wait(timeout=30) == 130
        assert [pid for pid in started if processes.alive(pid)] == []


def test_the_benchmark_s_record_holds_what_is_claimed():
    record = json.loads((bench.ROOT / "reports" / "bench" / "edit.json").read_text())
    assert record["edits"] >= 20
    assert record["median seconds from save to screen"] < 1
