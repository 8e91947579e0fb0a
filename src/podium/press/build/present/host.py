"""The host: a server of one built deck, its windows and its phone."""

from __future__ import annotations

import json
import re
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from podium.press.build.notes import read_notes
from podium.press.build.present import wire
from podium.press.build.present.company import Company, Guest
from podium.press.build.present.gate import Gate, TooSoonError, is_own_name, is_own_origin
from podium.press.build.present.spoken import notes_html
from podium.press.build.serve import DeckHandler, host_name

OURS = "/_podium/"
ASSETS = Path(__file__).parent / "web"
OPEN = {"login": "login.html", "login.js": "login.js", "present.css": "present.css"}  # before the password is known
BEHIND = {"remote": "remote.html", "remote.js": "remote.js", "sync.js": "sync.js"}
SCRIPT = f'<script src="{OURS}sync.js"></script>'
LONGEST_FORM = 2000  # bytes
PATIENCE = 60  # seconds for a request to arrive

# For our own pages; a deck carries its own policy.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass
class Talk:
    """One deck that is shown.

    Attributes:
        site: the built site.
        gate: who may see it.
        company: who sees it.
        network: whether it is shown to the local network.
    """

    site: Path
    gate: Gate = field(default_factory=Gate)
    company: Company = field(default_factory=Company)
    network: bool = False


class TalkHandler(DeckHandler):
    """Answers for one talk: the deck's files, our few pages, and the wire."""

    timeout = PATIENCE

    def __init__(self, *args: Any, talk: Talk, **options: Any) -> None:
        self.talk = talk
        super().__init__(*args, directory=str(talk.site), **options)

    def do_GET(self) -> None:  # noqa: N802 (the standard library's name)
        """Give a page, a file, or the wire, to whoever may have it."""
        name = self.path.partition("?")[0].removeprefix(OURS) if self.path.startswith(OURS) else None
        if not self.is_host(host_name(self.headers.get("Host", ""))):
            self.send_error(HTTPStatus.FORBIDDEN)
        elif name in OPEN:
            self.give_page(OPEN[name])
        elif not self.is_admitted():
            self.refuse()
        elif name in BEHIND:
            self.give_page(BEHIND[name])
        elif name == "notes.json":
            notes = [notes_html(note) for note in read_notes(self.talk.site)]
            self.give(json.dumps(notes).encode(), "application/json")
        elif name == "live":
            self.converse()
        elif name is not None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            super().do_GET()

    def do_HEAD(self) -> None:  # noqa: N802 (the standard library's name)
        """Say of a file what it is."""
        if not self.is_host(host_name(self.headers.get("Host", ""))):
            self.send_error(HTTPStatus.FORBIDDEN)
        elif self.is_admitted():
            super().do_HEAD()
        else:
            self.send_error(HTTPStatus.UNAUTHORIZED)

    def do_POST(self) -> None:  # noqa: N802 (the standard library's name)
        """Take a password, from our own page only."""
        host = self.headers.get("Host", "")
        self.close_connection = True  # what else was sent is not read
        if not self.is_host(host_name(host)) or not is_own_origin(self.headers.get("Origin"), host):
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        if self.path != f"{OURS}login":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdecimal() or int(length) > LONGEST_FORM:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        said = parse_qs(self.rfile.read(int(length)).decode("utf-8", "replace"))
        try:
            token = self.talk.gate.enter(self.client_address[0], said.get("password", [""])[0])
        except TooSoonError as error:
            self.give(b"", "text/plain", HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": str(round(error.seconds + 0.5))})
            return
        if token is None:
            self.give(b"", "text/plain", HTTPStatus.UNAUTHORIZED)
            return
        cookie = f"{self.cookie_name()}={token}; HttpOnly; SameSite=Strict; Path=/"
        self.give(b"", "text/plain", HTTPStatus.NO_CONTENT, {"Set-Cookie": cookie})

    def send_head(self):  # noqa: ANN201 (as the standard library declares it)
        """Put our script into the deck's page; every other file is given as it lies there."""
        path = self.file_asked(self.path.partition("?")[0])
        if path is None or path.name != "index.html":
            return super().send_head()
        page = path.read_text("utf-8").encode()
        self.give(re.sub(rb"<head[^>]*>", rb"\g<0>" + SCRIPT.encode(), page, count=1), "text/html")
        return None

    def is_host(self, name: str) -> bool:
        """Take this machine's own names only; on the network its addresses too."""
        return is_own_name(name, network=self.talk.network)

    def is_admitted(self) -> bool:
        """Say whether the request's cookie was given out here."""
        cookie: SimpleCookie = SimpleCookie()
        with suppress(CookieError):
            cookie.load(self.headers.get("Cookie", ""))
        found = cookie.get(self.cookie_name())
        return self.talk.gate.admits(found.value if found else "")

    def cookie_name(self) -> str:
        """Name the cookie; servers on other ports of one address share their cookies."""
        return f"podium-{self.connection.getsockname()[1]}"

    def refuse(self) -> None:
        """Send a person to the password, and everything else away."""
        if "text/html" in self.headers.get("Accept", ""):
            self.moved(f"{OURS}login")
        else:
            self.send_error(HTTPStatus.UNAUTHORIZED)

    def give_page(self, name: str) -> None:
        """Give one of our own files, with the address of the deck in its place."""
        text = (ASSETS / name).read_text("utf-8").replace("{{base}}", self.base)
        self.give(text.encode(), self.guess_type(name), extra={"Content-Security-Policy": POLICY})

    def give(
        self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK, extra: dict[str, str] | None = None
    ) -> None:
        """Answer with some bytes."""
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(content)))
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def converse(self) -> None:
        """Keep a window connected, until either side hangs up."""
        key = self.headers.get("Sec-WebSocket-Key", "")
        if not is_own_origin(self.headers.get("Origin"), self.headers.get("Host", "")):
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        if self.headers.get("Upgrade", "").lower() != "websocket" or not key:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        self.close_connection = True
        self.send_response(HTTPStatus.SWITCHING_PROTOCOLS)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade")):
            self.send_header(name, value)
        self.send_header("Sec-WebSocket-Accept", wire.accept(key))
        self.end_headers()
        self.connection.settimeout(None)
        guest = self.talk.company.join()
        lock = threading.Lock()
        writer = threading.Thread(target=self.tell, args=(guest, lock), daemon=True)
        writer.start()
        try:
            self.listen(guest, lock)
        finally:
            self.talk.company.leave(guest)
            writer.join(timeout=1)

    def listen(self, guest: Guest, lock: threading.Lock) -> None:
        """Pass on what a window says."""
        while True:
            try:
                kind, payload = wire.read(self.rfile)
                if kind == wire.CLOSE:
                    return
                if kind == wire.PING:
                    with lock:
                        self.wfile.write(wire.frame(payload, wire.PONG))
                if kind == wire.TEXT:
                    self.talk.company.hear(guest, json.loads(payload))
            except (ValueError, RecursionError):  # no JSON: nothing was said
                continue
            except OSError:
                return

    def tell(self, guest: Guest, lock: threading.Lock) -> None:
        """Say to a window what lies in its outbox, and hang up when the talk is over."""
        while (message := guest.outbox.get()) is not None:
            try:
                with lock:
                    self.wfile.write(wire.frame(json.dumps(message).encode()))
            except OSError:
                break
        with suppress(OSError):
            self.wfile.write(wire.frame(b"", wire.CLOSE))
            self.connection.shutdown(2)
