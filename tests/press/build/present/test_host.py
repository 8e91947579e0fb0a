import http.client
import json
import re
from contextlib import closing
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from podium.press.build.present import host, wire
from podium.press.build.present.host import ASSETS

PASSWORD = "open sesame"
BEHIND = [
    "/",
    "/index.html",
    "/assets/a.js",
    "/_podium/remote",
    "/_podium/sync.js",
    "/_podium/notes.json",
    "/_podium/live",
]


def test_the_deck_gets_our_script_and_the_site_keeps_none_of_it(talking, site):
    with talking() as served:
        status, headers, page = served.ask()
        assert served.ask("/assets/a.js")[2] == b"1"
    assert status == 200
    assert b'<head lang="en"><script src="/_podium/sync.js"></script><title>' in page
    assert int(headers["Content-Length"]) == len(page)
    assert b"_podium" not in (site / "index.html").read_bytes()


def test_the_notes_come_apart_from_the_site_as_safe_html(talking, site):
    with talking() as served:
        notes = json.loads(served.ask("/_podium/notes.json")[2])
        assert notes[:2] == ["<p>Say &lt;b&gt;hello&lt;/b&gt;.</p>", ""]
        assert 'data-clicks="1"' in notes[2]
        (site.parent / ".talk.notes.json").unlink()
        assert served.ask("/_podium/notes.json")[2] == b"[]"


def test_a_site_for_a_path_is_presented_there(talking):
    with talking(base="/talks/digits/") as served:
        assert b"sync.js" in served.ask("/talks/digits/")[2]
        assert served.ask("/talks/digits/assets/a.js")[0] == 200
        assert served.ask("/")[0] == 404
        assert b'src="/talks/digits/?embedded=true#/1"' in served.ask("/_podium/remote")[2]


def test_our_own_pages_run_nothing_but_our_own_scripts(talking):
    with talking() as served:
        for page in ("remote", "login"):
            status, headers, text = served.ask(f"/_podium/{page}")
            assert status == 200
            assert "script-src 'self';" in headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert b"{{" not in text
            assert not re.search(rb"<script>|\son\w+=|style=|http", text)


@pytest.mark.parametrize("path", [*BEHIND, "/nothing", "/../.talk.notes.json", "/_podium/", "/_podium/../index.html"])
def test_without_the_password_there_is_nothing(talking, path):
    with talking(PASSWORD, network=True) as served:
        assert served.ask(path)[0] in {401, 404}
        status, headers, text = served.ask(path, Accept="text/html")
        assert (status, headers.get("Location"), text) == (303, "/_podium/login", b"")
        assert served.ask(path, "HEAD")[0] == 401
        assert served.ask(path, Cookie=f"podium-{served.port}=guess")[0] in {401, 404}
        assert served.ask("/_podium/login")[0] == 200


def test_the_password_opens_everything_by_a_cookie_that_no_script_and_no_stranger_sends(talking):
    with talking(PASSWORD, network=True) as served:
        status, headers, _ = served.enter("open+sesame")
        assert status == 204
        sent = headers["Set-Cookie"]
        assert "HttpOnly" in sent
        assert "SameSite=Strict" in sent
        cookie = "; ".join(f"{name}={one.value}" for name, one in SimpleCookie(sent).items())
        for path in BEHIND[:-1]:
            assert served.ask(path, Cookie=f"other=1; {cookie}")[0] == 200
        with served.window(Cookie=cookie) as window:
            assert window.status == 101
        with served.window() as window:
            assert window.status == 401
        assert served.ask("/", "HEAD", Cookie=cookie)[0] == 200
        assert served.ask("/", Cookie='"broken; =; podium')[0] == 401


def test_wrong_passwords_are_slowed_down(talking):
    with talking(PASSWORD, network=True) as served:
        assert [served.enter("guess")[0] for _ in range(3)] == [401, 401, 401]
        status, headers, _ = served.enter("open+sesame")
        assert status == 429
        assert int(headers["Retry-After"]) >= 1
        assert "Set-Cookie" not in headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://talk.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "talk.example", "Origin": "http://talk.example"}, 403),
        ({"Content_Length": "5000"}, 400),
        ({"Content_Length": "x"}, 400),
    ],
)
def test_a_form_of_a_stranger_is_refused(talking, headers, status):
    with talking(PASSWORD, network=True) as served:
        found = served.enter("open+sesame", **headers)
        assert found[0] == status
        assert "Set-Cookie" not in found[1]
        assert served.ask("/_podium/remote", "POST", "", Origin=f"http://{served.host}")[0] == 404
        assert served.ask("/_podium/login", "PUT", "")[0] == 501


def test_another_name_than_this_machine_s_is_refused(talking):
    with talking() as served:
        assert served.ask("/", Host="talk.example")[0] == 403
        assert served.ask("/_podium/login", Host="talk.example")[0] == 403
        assert served.ask("/", "HEAD", Host="talk.example")[0] == 403
        assert served.ask("/", Host="192.0.2.7")[0] == 403
    with talking(PASSWORD, network=True) as served:
        assert served.ask("/_podium/login", Host="192.0.2.7:3030")[0] == 200
        assert served.ask("/_podium/login", Host="talk.example")[0] == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://talk.example"}, 403),
        ({"Origin": None}, 403),
        ({"Host": "talk.example", "Origin": "http://talk.example"}, 403),
        ({"Upgrade": "h2c"}, 400),
        ({"Sec-WebSocket-Key": None}, 400),
    ],
)
def test_the_wire_is_for_our_own_windows(talking, headers, status):
    with talking() as served, served.window(**headers) as window:
        assert window.status == status


def test_windows_tell_each_other_where_they_are(talking):
    with talking() as served, served.window() as one, served.window() as two:
        assert one.status == two.status == 101
        for window in (one, two):
            window.say({"hello": {"role": "viewer", "browser": "b"}})
            assert window.hear() == {"at": None}
            assert window.hear() == {"timer": {"status": "stopped", "passed": 0}}
        one.say(b"no JSON")
        one.say(b"[" * 100_000)
        one.say({"at": [4, 1]})
        assert two.hear() == {"at": [4, 1]}
        two.say(b"still there", wire.PING)
        assert two.hear() == (wire.PONG, b"still there")
        two.say(b"", wire.CLOSE)
        assert two.hear()[0] == wire.CLOSE
        one.say({"hello": {"role": "presenter", "browser": "b" * 500}})
        assert one.hear() == {"heard": True}
        assert one.hear() == {"at": [4, 1]}
        assert len(served.talk.company.guests[0].browser) == 64


def test_a_window_that_vanishes_is_forgotten(talking):
    with talking() as served:
        with served.window() as window:
            window.say({"hello": {"role": "viewer"}})
            window.hear()
        with served.window() as other:
            for slide in range(1, 50):
                other.say({"at": [slide, 0]})
            other.say(b"", wire.PING)
            while other.hear() != (wire.PONG, b""):
                pass
            assert len(served.talk.company.guests) <= 2


def test_the_end_of_the_talk_is_told(talking):
    with talking() as served, served.window() as window:
        window.say({"hello": {"role": "viewer"}})
        assert window.hear() == {"at": None}
        assert "timer" in window.hear()
        served.talk.company.disband()
        assert window.hear() == (wire.CLOSE, b"")


def test_a_request_that_never_comes_whole_is_given_up(talking, monkeypatch):
    monkeypatch.setattr(host.TalkHandler, "timeout", 0.2)
    with talking() as served, closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
        connection.connect()
        connection.sock.sendall(b"GET / HTTP/1.1\r\n")
        assert connection.sock.recv(100) == b""


def test_every_file_of_ours_is_given_and_no_other():
    named = {*host.OPEN.values(), *host.BEHIND.values()}
    assert {path.name for path in Path(ASSETS).iterdir()} == named
