"""A capsule holds what its numbers come from, says the same anywhere, and no zip of a stranger does any harm."""

import hashlib
import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from functools import partial
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from podium import cli
from podium.press.build.capsule import making, opening, recomputing, server
from podium.press.build.capsule.making import make_capsule, packed
from podium.press.build.capsule.opening import open_capsule
from podium.press.build.capsule.recomputing import asked_of, verify_capsule
from podium.press.build.wanted import place
from podium.press.results import freeze, freeze_pulled, load_results
from podium.runs import append_event
from podium.runs.pull.pulled import PulledRun
from podium.runs.pull.store import Store, pulled_folder
from podium.spec import PodiumError, Project

EXPERIMENT = """
from podium.spec import Experiment, ViTConfig

EXPERIMENT = Experiment(
    question="Does it matter how positions are encoded?",
    expectation="Yes.",
    baseline=ViTConfig(),
    variants={"none": {"position": "none"}, "learned": {}},
    metric="test_accuracy",
)
"""
TEMPLATE = """<%= slide("cover", title="Digits", questions=False) %>
# <%= number("positional_encoding", "learned", "test_accuracy") %>
<%= number("positional_encoding", "none", "test_accuracy", digits=3) %>
<%= number("odd", "a / b over c", "fit over all / twice") %>
<%= number("theirs", ranked("theirs", "loss")[0], "loss") %>
<% include "shared/part.j2" %>

<!--
A note.
-->
"""
PART = """
<%= claim("positional_encoding", "learned", "none", "test_accuracy", family="positions") %>
<%= claim("positional_encoding", "learned", "sinusoidal", "test_accuracy", family="positions") %>
<%= claim("positional_encoding", "rotary", "none", "test_accuracy") %>
<%= figure("forest", "positional_encoding", metric="test_accuracy") %>
"""
PULLED = """
from podium.spec import Pulled

EXPERIMENT = Pulled(question="Which?", source=("them/theirs",), variant=("lr",), metric="loss", seed="seed")
"""


def fake_build(project, deck, *, runs, formats):
    """In place of Slidev: a site of two files, and a PDF where it is asked for."""
    site = project.build / "slides" / deck
    (site / "assets").mkdir(parents=True, exist_ok=True)
    (site / "index.html").write_text("<!DOCTYPE html><title>Digits</title>")
    (site / "assets" / "é.js").write_text("1")
    (site / ".hidden").write_text("not for others")
    if "pdf" in formats:
        place(project, deck, "pdf").write_bytes(b"%PDF-1.7")
    return [site / "index.html"]


@pytest.fixture(scope="module")
def home(tmp_path_factory, full_training):
    """A project with trained and with pulled runs, and the bytes of its capsule, made once."""
    made = Project(tmp_path_factory.mktemp("capsule") / "project")
    (made.decks / "talk").mkdir(parents=True)
    (made.decks / "shared").mkdir()
    made.experiments.mkdir()
    for name, question in (("positional_encoding", EXPERIMENT), ("odd", EXPERIMENT), ("theirs", PULLED)):
        (made.experiments / f"{name}.py").write_text(question)
    (made.decks / "talk" / "slides.md.j2").write_text(TEMPLATE)
    (made.decks / "talk" / "cell.py").write_text("1 + 1\n")
    (made.decks / "talk" / "outside").symlink_to("/etc/hostname")
    (made.decks / "shared" / "part.j2").write_text(PART)
    shutil.copytree(full_training, made.runs)
    for seed in range(3):
        folder = made.runs / "odd" / f"run-{seed}"
        append_event(folder, "start", experiment="odd", variant="a / b over c", profile="full", sweep="",
                     config={"seed": seed}, provenance={"started": "1"})  # fmt: skip
        append_event(folder, "end", state="finished", reason="", summary={"fit over all / twice": seed / 7}, samples={})
    store = Store(pulled_folder(made, "theirs"))
    for number, (lr, seed) in enumerate((lr, seed) for lr in (0.1, 0.2) for seed in range(3)):
        store.write(PulledRun(key=f"k{number}", id=f"k{number}", name=f"run {number}", origin="offline",
                              state="finished", config={"lr": lr, "seed": seed}, history=[], version="1",
                              summary={"loss": lr + seed / 7}, created=f"2026-11-21T10:{number:02}:00"))  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        stand_in(patch)
        return made, make_capsule(made, "talk").path.read_bytes()


def stand_in(patch):
    patch.setattr(making, "build_deck", fake_build)
    patch.setattr(making, "find_browser", lambda: Path("/a/browser"))


@pytest.fixture
def project(home, monkeypatch):
    stand_in(monkeypatch)
    return home[0]


@pytest.fixture
def capsule(home, tmp_path):
    path = tmp_path / "talk.zip"
    path.write_bytes(home[1])
    return path


def contents(path):
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def changed(path, **changes):
    """Write a capsule again with other contents, and a manifest that knows of them."""
    files = contents(path)
    files |= changes.get("files", {})
    manifest = json.loads(files["manifest.json"]) | changes.get("manifest", {})
    manifest["files"] = {n: hashlib.sha256(c).hexdigest() for n, c in files.items() if n != "manifest.json"}
    files["manifest.json"] = json.dumps(manifest).encode()
    path.write_bytes(packed(files))
    return path


def test_it_holds_everything_and_verifies_far_from_its_project(home, capsule):
    names = set(contents(capsule))
    assert names >= {
        "README.md", "__main__.py", "manifest.json", "talk.pdf", "site/index.html", "site/assets/é.js",
        "slides/decks/talk/slides.md.j2", "slides/decks/talk/cell.py", "slides/decks/talk/lock.json",
        "slides/decks/shared/part.j2", "experiments/positional_encoding.py", "experiments/positional_encoding.csv",
        "experiments/odd.csv", "experiments/theirs.runs.csv", "experiments/theirs.history.csv",
        "figures/forest-positional_encoding-test_accuracy.dark.svg",
        "figures/forest-positional_encoding-test_accuracy.json", "source/slides.md", "source/deck.json",
    }  # fmt: skip
    assert not names & {"site/.hidden", "slides/decks/talk/outside"}
    assert not list(home[0].experiments.glob("*.csv"))  # the project's own frozen results are not touched
    told = json.loads(contents(capsule)["figures/forest-positional_encoding-test_accuracy.json"])
    assert told["kind"] == "forest"
    assert told["tables"] == ["experiments/positional_encoding.csv"]
    found = verify_capsule(capsule)
    assert found.deck == "talk"
    assert found.digest == hashlib.sha256(capsule.read_bytes()).hexdigest()
    assert all(one.same for one in found.found)
    asked = [one.asked for one in found.found]
    assert "odd / a / b over c / fit over all / twice" in asked
    assert any(key.startswith("theirs / ") for key in asked)
    assert "claim positional_encoding / learned over none / test_accuracy" in asked
    assert "figure forest-positional_encoding-test_accuracy" in asked


def test_equal_contents_give_equal_bytes(home, project, tmp_path):
    again = make_capsule(project, "talk", out=tmp_path / "again.zip")
    assert again.path.read_bytes() == home[1]
    assert again.pdf
    assert again.numbers == 7


def test_from_frozen_results_and_without_a_browser(project, monkeypatch, tmp_path):
    copied = Project(tmp_path / "copied")
    shutil.copytree(project.root, copied.root, symlinks=True)
    for experiment in ("positional_encoding", "odd"):
        freeze(copied, experiment)
    freeze_pulled(copied, "theirs")
    shutil.rmtree(copied.build)
    (copied.build / "slides").mkdir(parents=True)
    project = copied
    monkeypatch.setattr(making, "find_browser", lambda: None)
    made = make_capsule(project, "talk", runs="frozen")
    assert not made.pdf
    assert "talk.pdf" not in contents(made.path)
    assert b"talk.pdf" not in contents(made.path)["README.md"]


def test_a_deck_whose_numbers_do_not_come_out_again_makes_no_capsule(project, monkeypatch, tmp_path):
    other = recomputing.Recomputed("", "talk", (recomputing.Verified("fit", "1", "2"),))
    monkeypatch.setattr(making, "verify_capsule", lambda path: other)
    with pytest.raises(PodiumError, match="own results give 2 for fit, the deck says 1"):
        make_capsule(project, "talk", out=tmp_path / "talk.zip")
    assert not (tmp_path / "talk.zip").exists()


def test_nothing_of_a_capsule_is_run(capsule, tmp_path):
    trap = tmp_path / "sprung"
    program = f"import pathlib; pathlib.Path({str(trap)!r}).touch()\n"
    template = f"<%= cell('''{program}''') %>"
    names = ("experiments/positional_encoding.py", "slides/decks/talk/cell.py", "__main__.py")
    files = {**dict.fromkeys(names, program.encode()), "slides/decks/talk/slides.md.j2": template.encode()}
    assert all(one.same for one in verify_capsule(changed(capsule, files=files)).found)
    assert not trap.exists()


def test_a_number_that_was_changed_is_found_even_where_the_manifest_was_too(capsule):
    name = "slides/decks/talk/lock.json"
    lock = json.loads(contents(capsule)[name])
    lock["numbers"]["positional_encoding / learned / test_accuracy"]["text"] = "100 %"
    lock["claims"]["positional_encoding / rotary over none / test_accuracy"]["verdict"] = "of course"
    lock["figures"]["forest-positional_encoding-test_accuracy"]["finding"] = "learned wins"
    lock["numbers"]["positional_encoding / nobody / test_accuracy"] = {"text": "1", "value": 1.0, "runs": []}
    found = verify_capsule(changed(capsule, files={name: json.dumps(lock).encode()})).found
    assert [one.asked for one in found if not one.same] == [
        "positional_encoding / learned / test_accuracy",
        "positional_encoding / nobody / test_accuracy",
        "claim positional_encoding / rotary over none / test_accuracy",
        "figure forest-positional_encoding-test_accuracy",
    ]


def test_results_that_were_changed_are_found_too(capsule):
    name = "experiments/positional_encoding.csv"
    other = contents(capsule)[name].replace(b"0.99", b"0.98")
    found = verify_capsule(changed(capsule, files={name: other})).found
    assert not all(one.same for one in found)


def test_figures_and_families_that_are_not_what_they_were(capsule):
    figures = {"forest-positional_encoding-test_accuracy": {"kind": "forest", "experiment": "positional_encoding",
                                                            "options": {"metric": "nothing"}}}  # fmt: skip
    again = changed(capsule, manifest={"figures": figures, "families": [["positional_encoding / x over y / z"]]})
    found = {one.asked: one.frozen for one in verify_capsule(again).found if not one.same}
    assert "has no metric 'nothing'" in found["figure forest-positional_encoding-test_accuracy"]
    assert found["claim positional_encoding / learned over none / test_accuracy"] == "not in the results"


def zipped(path, *entries, **options):
    with zipfile.ZipFile(path, "w", **options) as made:
        for name, content in entries:
            made.writestr(name, content)
    return path


def linked():
    entry = zipfile.ZipInfo("site/link")
    entry.external_attr = 0o120777 << 16
    return entry


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([("../outside", "x")], "leads outside"),
        ([("site/../../outside", "x")], "leads outside"),
        ([("/etc/outside", "x")], "leads outside"),
        ([("C:/outside", "x")], "leads outside"),
        ([("a\\..\\outside", "x")], "leads outside"),
        ([("a//b", "x")], "leads outside"),
        ([("a\nb", "x")], "leads outside"),
        ([(linked(), "/etc/passwd")], "is a link"),
        ([("Site/a", "x"), ("site/A", "y")], "is in it twice"),
        ([("site/a", "x")], r"holds no manifest\.json"),
        ([("manifest.json", "[]")], "holds no JSON object"),
        ([("manifest.json", "[" * 100_000)], "holds no JSON object"),
        ([("manifest.json", b"\xff")], "is no text"),
        ([("manifest.json", '{"podium_capsule": 99}')], "its format is 99"),
        ([("manifest.json", '{"podium_capsule": 1, "files": []}')], "not what Podium writes"),
    ],
)
def test_a_dangerous_zip_is_refused_in_a_sentence(tmp_path, entries, said):
    with pytest.raises(PodiumError, match=said) as refusal:
        open_capsule(zipped(tmp_path / "x.zip", *entries))
    assert str(refusal.value).startswith("x.zip is refused: ")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    bomb = zipped(tmp_path / "x.zip", ("site/a", b"\0" * 2**20), compression=zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(opening, "MOST_BYTES", 2**19)
    with pytest.raises(PodiumError, match="would unpack to 1 MiB"):
        open_capsule(bomb)
    monkeypatch.setattr(opening, "MOST_FILES", 0)
    with pytest.raises(PodiumError, match="holds 1 files"):
        open_capsule(bomb)


def test_a_file_that_is_longer_than_it_says_is_refused(capsule):
    data = bytearray(capsule.read_bytes())
    with zipfile.ZipFile(capsule) as opened:
        size = opened.getinfo("site/index.html").file_size
    place = data.rindex(b"site/index.html") - 46 + 24  # of the size, in the central directory
    assert int.from_bytes(data[place : place + 4], "little") == size
    data[place : place + 4] = (size - 1).to_bytes(4, "little")
    capsule.write_bytes(data)
    with pytest.raises(PodiumError, match=r"not as long as it says|no whole zip"):
        open_capsule(capsule)


def test_what_was_changed_put_in_or_taken_out_is_named(capsule):
    files = contents(capsule)
    for said, other in (
        ("'site/index.html' was changed", {**files, "site/index.html": b"other"}),
        ("'site/more.js' was put into it later", {**files, "site/more.js": b""}),
        ("'README.md' was taken out of it", {n: c for n, c in files.items() if n != "README.md"}),
    ):
        capsule.write_bytes(packed(other))
        with pytest.raises(PodiumError, match=said):
            verify_capsule(capsule)


def test_a_capsule_that_another_program_packed_again_is_still_one(capsule):
    files = contents(capsule)
    zipped(capsule, ("site/", b""), *reversed(files.items()))
    assert verify_capsule(capsule).deck == "talk"


def test_damage_is_one_sentence(capsule, tmp_path):
    whole = capsule.read_bytes()
    broken = tmp_path / "broken.zip"
    for data in (b"", b"PK", whole[: len(whole) // 2], whole[:200] + bytes(100) + whole[300:]):
        broken.write_bytes(data)
        with pytest.raises(PodiumError, match="is refused"):
            open_capsule(broken)
    with pytest.raises(PodiumError, match="There is no file"):
        open_capsule(tmp_path / "none.zip")
    for name, content, said in (
        ("slides/decks/talk/lock.json", b"{}", "cannot be read"),
        ("slides/decks/talk/lock.json", b"\xff", "is no text"),
        ("experiments/odd.csv", b"state\nwhat", r"results\.csv"),
    ):
        capsule.write_bytes(whole)
        with pytest.raises(PodiumError, match=said):
            verify_capsule(changed(capsule, files={name: content}))
    capsule.write_bytes(whole)
    with pytest.raises(PodiumError, match=r"it holds no slides/decks/other/lock\.json"):
        verify_capsule(changed(capsule, manifest={"deck": "other"}))


def test_a_key_whose_names_hold_the_marks_between_them_is_taken_apart(project):
    results = {"odd": load_results(project, "odd")}
    assert list(asked_of("odd / a / b over c / fit over all / twice", results)) == [
        ("odd", "a / b over c", "", "fit over all / twice")
    ]
    assert list(asked_of("even / a / fit", results)) == []
    assert list(asked_of("odd / a / loss", results)) == []


def test_the_command_line_makes_and_verifies(project, monkeypatch, tmp_path):
    monkeypatch.chdir(project.root)
    done = CliRunner().invoke(cli.podium, ["capsule", "talk", "--out", str(tmp_path / "talk.zip")])
    assert done.exit_code == 0, done.output
    assert "numbers, all the same" in done.output
    assert "The speaker notes are in its template." in done.output
    monkeypatch.chdir("/")
    checked = CliRunner().invoke(cli.podium, ["verify", str(tmp_path / "talk.zip")])
    assert checked.exit_code == 0
    assert "DIFFERENT" not in checked.output
    lock = json.loads(contents(tmp_path / "talk.zip")["slides/decks/talk/lock.json"])
    lock["numbers"]["positional_encoding / learned / test_accuracy"]["text"] = "100 %"
    changed(tmp_path / "talk.zip", files={"slides/decks/talk/lock.json": json.dumps(lock).encode()})
    again = CliRunner().invoke(cli.podium, ["verify", str(tmp_path / "talk.zip")])
    assert again.exit_code == 1
    assert "DIFFERENT  positional_encoding / learned / test_accuracy: 100 %, recomputed: 99" in again.output


@pytest.fixture
def opened(capsule):
    """The talk as a stranger opens it: `python talk.zip`, without Podium."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(capsule), "--no-browser"], stdout=subprocess.PIPE, text=True
    )
    line = process.stdout.readline()
    yield line.split()[4]
    process.terminate()
    process.communicate()


def asked(address, method="GET", **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers, method=method)) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, "", b""


def test_a_zip_opens_with_the_standard_library_alone(opened):
    status, kind, page = asked(opened)
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert b"Digits" in page
    assert asked(f"{opened}assets/%C3%A9.js")[:2] == (200, "text/javascript")
    for outside in ("manifest.json", "../manifest.json", "site/index.html", "assets/", "%2e%2e/README.md"):
        assert asked(opened + outside)[0] == 404
    assert asked(opened, Host="evil.test")[0] == 403


@pytest.mark.parametrize("unpacked", [False, True])
def test_the_server_answers_with_the_site_alone(capsule, tmp_path, unpacked):
    home = capsule
    if unpacked:
        home = tmp_path / "folder"
        with zipfile.ZipFile(capsule) as opened:
            opened.extractall(home)
    handler = partial(server.Handler, site=server.Site(home))
    served = server.ThreadingHTTPServer((server.LOOPBACK, 0), handler)
    Thread(target=served.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    address = f"http://127.0.0.1:{served.server_address[1]}/"
    try:
        assert asked(address)[:2] == (200, "text/html; charset=utf-8")
        assert asked(f"{address}index.html#/3", method="HEAD") == (200, "text/html; charset=utf-8", b"")
        assert asked(f"{address}../README.md")[0] == 404
        assert asked(address, Host="evil.test")[0] == 403
    finally:
        served.shutdown()
        served.server_close()


def test_the_browser_is_opened_at_the_talk(capsule, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(server.webbrowser, "open", shown.append)

    def stop(self, poll_interval):
        raise KeyboardInterrupt

    monkeypatch.setattr(server.ThreadingHTTPServer, "serve_forever", stop)
    server.main(capsule, [])
    assert f"The talk is at {shown[0]} " in capsys.readouterr().out
