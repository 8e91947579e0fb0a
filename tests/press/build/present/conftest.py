import base64
import http.client
import json
import os
import socket
import subprocess
from contextlib import closing, contextmanager
from functools import partial

import pytest

from podium.press.build.present import wire
from podium.press.build.present.company import Company
from podium.press.build.present.gate import Gate
from podium.press.build.present.host import Talk, TalkHandler
from podium.press.build.serve import LOOPBACK, listening


@pytest.fixture
def site(tmp_path):
    """A folder that looks like a built site, with notes beside it."""
    site = tmp_path / "slides" / "talk"
    (site / "assets").mkdir(parents=True)
    (site / "index.html").write_text('<html><head lang="en"><title>Talk</title></head><body>deck</body></html>')
    (site / "assets" / "a.js").write_text("1")
    (site.parent / ".talk.notes.json").write_text(json.dumps(["Say <b>hello</b>.", "", "[click] Then."]))
    return site


class Served:
    """A talk that is served, and how a test asks it."""

    def __init__(self, talk, port):
        self.talk, self.port, self.host = talk, port, f"127.0.0.1:{port}"

    def ask(self, path="/", method="GET", body=None, **headers):
        with closing(http.client.HTTPConnection(LOOPBACK, self.port, timeout=10)) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=named)
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()

    def enter(self, password, **headers):
        origin = {"Origin": f"http://{self.host}", **headers}
        return self.ask("/_podium/login", "POST", f"password={password}", **origin)

    @contextmanager
    def window(self, **headers):
        """Open the wire as a browser does."""
        key = base64.b64encode(os.urandom(16)).decode()
        asked = {
            "Host": self.host,
            "Origin": f"http://{self.host}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
            **headers,
        }
        lines = [f"{name}: {value}" for name, value in asked.items() if value is not None]
        with socket.create_connection((LOOPBACK, self.port), timeout=10) as connection:
            connection.sendall("\r\n".join(["GET /_podium/live HTTP/1.1", *lines, "", ""]).encode())
            yield Window(connection, wire.accept(key))


class Window:
    def __init__(self, connection, accepted):
        self.connection, self.stream = connection, connection.makefile("rb")
        first = self.stream.readline().decode()
        self.status = int(first.split()[1])
        headers = {}
        while line := self.stream.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name] = value
        assert self.status != 101 or headers["Sec-WebSocket-Accept"] == accepted

    def say(self, message, kind=wire.TEXT):
        payload = message if isinstance(message, bytes) else json.dumps(message).encode()
        plain, mask = wire.frame(payload, kind), os.urandom(4)
        size = len(plain) - len(payload)
        self.connection.sendall(
            bytes([plain[0], plain[1] | 0x80]) + plain[2:size] + mask + wire.unmasked(payload, mask)
        )

    def hear(self):
        first, length = self.stream.read(2)
        payload = self.stream.read(int.from_bytes(self.stream.read(2), "big") if length == 126 else length)
        return json.loads(payload) if first & 0x0F == wire.TEXT else (first & 0x0F, payload)


@pytest.fixture
def talking(site):
    """Serve a talk while a block runs."""

    @contextmanager
    def serve(password="", *, network=False, base="/"):
        talk = Talk(site, Gate(password), Company(), network=network)
        with listening(partial(TalkHandler, talk=talk, base=base), LOOPBACK, 0) as port:
            yield Served(talk, port)
            talk.company.disband()

    return serve


class Processes:
    """What runs on this machine."""

    @staticmethod
    def below(pid):
        """The processes that one started, and those that these started."""
        said = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        rows = [tuple(map(int, line.split())) for line in said.splitlines()]
        found, left = [], [pid]
        while left:
            parent = left.pop()
            mine = [child for child, above in rows if above == parent]
            found += mine
            left += mine
        return found

    @staticmethod
    def alive(pid):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True


@pytest.fixture
def processes():
    return Processes
