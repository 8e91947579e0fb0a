import socket
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from podium.press.build import serve
from podium.spec import PodiumError


@pytest.fixture
def folder(tmp_path):
    site = tmp_path / "site"
    (site / "assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (site / "index.html").write_text("<!doctype html><title>here</title>")
    (site / "assets" / "a.wasm").write_bytes(b"\0asm")
    (site / "assets" / "a.js").write_text("1")
    (site / "out").symlink_to(tmp_path / "secret.txt")
    return site


def ask(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.headers["Content-Type"], answer.read()


def test_files_come_with_the_types_that_browsers_insist_on(folder):
    with serve.serving(folder) as address:
        assert address.startswith("http://127.0.0.1:")
        assert b"here" in ask(f"{address}/")[1]
        assert ask(f"{address}/assets/a.wasm")[0] == "application/wasm"
        assert ask(f"{address}/assets/a.js")[0] == "text/javascript"


@pytest.mark.parametrize("path", ["/assets/", "/../secret.txt", "/%2e%2e/secret.txt", "/out", "/nothing"])
def test_nothing_else_is_served(folder, path):
    with serve.serving(folder) as address, pytest.raises(urllib.error.HTTPError) as caught:
        ask(address + path)
    assert caught.value.code == 404
    caught.value.close()


@pytest.fixture
def busy():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_a_port_in_use_is_one_sentence(folder, busy):
    with pytest.raises(PodiumError, match=f"Port {busy} is in use"), serve.serving(folder, busy):
        pass


def test_another_error_of_the_system_is_not_swallowed(folder, monkeypatch):
    def broken(*args):
        raise OSError(12, "no memory")

    monkeypatch.setattr(serve, "ThreadingHTTPServer", broken)
    with pytest.raises(OSError, match="no memory"), serve.serving(folder):
        pass


def test_a_free_port_is_found(monkeypatch, busy):
    monkeypatch.setattr(serve, "PORT", busy)
    assert serve._free_port() not in {0, busy}
    monkeypatch.setattr(serve, "PORT", serve._free_port())
    assert serve._free_port() == serve.PORT


def test_presenting_says_where_and_ends_with_ctrl_c(own_slides, folder, monkeypatch, capsys):
    (own_slides.build / "slides").mkdir(parents=True)
    (own_slides.build / "slides" / "talk").symlink_to(folder, target_is_directory=True)
    asked = []

    def look_then_interrupt():
        address = capsys.readouterr().out.split()[1]
        asked.append(ask(f"{address}/")[1])
        raise KeyboardInterrupt

    monkeypatch.setattr(serve, "_wait", look_then_interrupt)
    with pytest.raises(KeyboardInterrupt):
        serve.present(own_slides, "talk")
    assert b"here" in asked[0]


def test_waiting_waits(monkeypatch):
    monkeypatch.setattr(threading.Event, "wait", lambda self: None)
    assert serve._wait() is None


def test_what_cannot_be_presented_is_said(own_slides, busy):
    with pytest.raises(PodiumError, match="did you mean 'talk'"):
        serve.present(own_slides, "talks")
    with pytest.raises(PodiumError, match="not built yet"):
        serve.present(own_slides, "talk")
    with pytest.raises(PodiumError, match="not rendered yet"):
        serve.present(own_slides, "talk", edit=True)
    (own_slides.build / "decks" / "talk").mkdir(parents=True)
    (own_slides.build / "decks" / "talk" / "slides.md").write_text("# Talk\n")
    with pytest.raises(PodiumError, match="in use"):
        serve.present(own_slides, "talk", busy, edit=True)


def test_editing_starts_slidev_in_the_rendered_deck(own_slides, monkeypatch):
    folder = own_slides.build / "decks" / "talk"
    folder.mkdir(parents=True)
    (folder / "slides.md").write_text("# Talk\n")
    seen = []

    @contextmanager
    def started(command, where):
        seen.append((command, where))
        with real([sys.executable, "-c", ""], where) as process:
            yield process

    real = serve.started
    monkeypatch.setattr(serve, "started", started)
    monkeypatch.setattr(serve, "install_packages", lambda project: False)
    serve.present(own_slides, "talk", edit=True)
    assert seen[0][1] == folder
    assert "slides.md" in seen[0][0]
