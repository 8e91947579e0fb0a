import http.client
import socket
import urllib.error
import urllib.request

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
    (site / "assets" / "100% sure.svg").write_text("<svg/>")
    (site / "out").symlink_to(tmp_path / "secret.txt")
    return site


def ask(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.headers["Content-Type"], answer.read()


def status(address, path, **headers):
    host, port = address.removeprefix("http://").partition("/")[0].split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, dict(answer.headers), answer.read()
    connection.close()
    return found


def test_files_come_with_the_types_that_browsers_insist_on(folder):
    with serve.serving(folder) as address:
        assert address.startswith("http://127.0.0.1:")
        assert b"here" in ask(f"{address}/")[1]
        assert ask(f"{address}/assets/a.wasm")[0] == "application/wasm"
        assert ask(f"{address}/assets/a.js")[0] == "text/javascript"
        assert ask(f"{address}/assets/100%25%20sure.svg")[0] == "image/svg+xml"


@pytest.mark.parametrize(
    "path",
    ["/assets/", "/../secret.txt", "/%2e%2e/secret.txt", "/out", "/nothing", "/%00", f"/{'a' * 5000}", "//etc/passwd"],
)
def test_nothing_else_is_served(folder, path):
    with serve.serving(folder) as address:
        assert status(address, path)[0] == 404


def test_a_site_lies_under_a_path_and_nowhere_else(folder):
    with serve.serving(folder, base="talks/digits") as address:
        assert address.endswith("/talks/digits")
        assert b"here" in ask(f"{address}/")[1]
        assert ask(f"{address}/assets/a.js?v=1")[0] == "text/javascript"
        found, headers, _ = status(address, "/talks/digits")
        assert (found, headers["Location"]) == (303, "/talks/digits/")
        for beside in (
            "/",
            "/index.html",
            "/assets/a.js",
            "/talks/digitsassets/a.js",
            "/talks/digits/../../secret.txt",
        ):
            assert status(address, beside)[0] == 404


@pytest.mark.parametrize("name", ["talk.example", "127.0.0.1.talk.example:80", "", "192.0.2.7"])
def test_a_name_that_was_made_to_point_here_gets_nothing(folder, name):
    with serve.serving(folder) as address:
        assert status(address, "/", Host=name)[0] == 403
        assert status(address, "/", Host="LocalHost:1")[0] == 200


def test_an_answer_is_kept_nowhere_and_held_by_nobody(folder):
    with serve.serving(folder) as address:
        found, headers, _ = status(address, "/")
    assert found == 200
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "Python" not in headers["Server"]


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

    monkeypatch.setattr(serve, "QuietServer", broken)
    with pytest.raises(OSError, match="no memory"), serve.serving(folder):
        pass


def test_a_browser_that_hangs_up_is_no_bug(folder, capsys):
    class Answers(serve.DeckHandler):
        def do_GET(self):  # noqa: N802 (the standard library's name)
            raise ValueError("a bug") if self.path == "/bug" else ConnectionResetError

    def handler(*args):
        return Answers(*args, directory=str(folder))

    with serve.listening(handler, serve.LOOPBACK, 0) as port:
        for path in ("/", "/bug"):
            with pytest.raises(http.client.RemoteDisconnected):
                status(f"http://127.0.0.1:{port}", path)
    said = capsys.readouterr().err
    assert "a bug" in said
    assert said.count("Exception occurred") == 1


def test_a_free_port_is_found(monkeypatch, busy):
    monkeypatch.setattr(serve, "PORT", busy)
    assert serve.free_port() not in {0, busy}
    monkeypatch.setattr(serve, "PORT", serve.free_port())
    assert serve.free_port() == serve.PORT


def test_an_error_for_a_path_outside_has_no_more_to_say(folder):
    with serve.serving(folder) as address, pytest.raises(urllib.error.HTTPError) as caught:
        ask(f"{address}/out")
    assert b"secret" not in caught.value.read()
    caught.value.close()
