"""Serve: a folder on this machine only, as a static server would, and nothing that lies outside of it."""

from __future__ import annotations

import errno
import re
import socket
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from podium.spec.errors import PodiumError

LOOPBACK = "127.0.0.1"
PORT = 3030
OWN_NAMES = frozenset({LOOPBACK, "localhost", "[::1]"})

# Beside every answer: nothing is kept, nothing is guessed, and no page of a stranger may hold it.
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


class DeckHandler(SimpleHTTPRequestHandler):
    """Files of one folder, with the types that browsers insist on, and no listing of folders.

    A request must name this machine as its host: a page of a stranger whose name was made to point here (DNS
    rebinding) says its own name, and gets nothing.
    """

    protocol_version = "HTTP/1.1"
    server_version = "Podium"
    sys_version = ""
    extensions_map = {  # noqa: RUF012 (the standard library's own form)
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".css": "text/css",
        ".svg": "image/svg+xml",
        ".wasm": "application/wasm",
        ".woff2": "font/woff2",
        ".json": "application/json",
    }

    def __init__(self, *args: Any, base: str = "/", **options: Any) -> None:
        self.base = base
        super().__init__(*args, **options)

    def send_head(self):  # noqa: ANN201 (as the standard library declares it)
        """Answer only for a file that lies in the folder, after links are followed."""
        if not self.is_host(host_name(self.headers.get("Host", ""))):
            self.send_error(HTTPStatus.FORBIDDEN)
            return None
        asked = self.path.partition("?")[0].partition("#")[0]
        if f"{asked}/" == self.base:
            return self.moved(self.base)
        path = self.file_asked(asked)
        if path is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        self.path = "/" + path.relative_to(Path(self.directory).resolve()).as_posix()
        return super().send_head()

    def file_asked(self, asked: str) -> Path | None:
        """Return the file that a path names, None where it names none or one outside of the folder."""
        if not asked.startswith(self.base):
            return None
        root = Path(self.directory).resolve()
        try:
            path = Path(self.translate_path("/" + asked.removeprefix(self.base))).resolve()
        except (ValueError, OSError):  # a zero byte, or a name longer than a file system takes
            return None
        if path.is_dir():
            path /= "index.html"
        return path if path.is_relative_to(root) and path.is_file() else None

    def translate_path(self, path: str) -> str:
        """Return the place of a path; one that was found already is taken as it is, with its % signs."""
        found = Path(self.directory).resolve() / path.lstrip("/")
        return str(found) if path == self.path and found.is_file() else super().translate_path(path)

    def is_host(self, name: str) -> bool:
        """Say whether a request that calls this machine so is answered."""
        return name in OWN_NAMES

    def moved(self, to: str) -> None:
        """Send the browser elsewhere on this server."""
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def end_headers(self) -> None:
        """Keep nothing in caches: the next build is shown at once."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the standard library's name)
        """Say nothing: a talk needs no access log."""


class QuietServer(ThreadingHTTPServer):
    """A server whose threads end with the program, and that says nothing of browsers that hang up."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a connection that broke; every other exception is a bug and is shown."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


@contextmanager
def serving(site: Path, port: int = 0, *, base: str = "") -> Generator[str]:
    """Serve a folder on the loopback address while the block runs; give its address, without a slash at its end.

    Args:
        site: the built site.
        port: 0 takes a free one.
        base: the path under which it lies, such as "/talks/digits/"; nothing is found beside it.

    Raises:
        PodiumError: where the port is in use.
    """
    mount = mounted(base)
    with listening(partial(DeckHandler, directory=str(site), base=mount), LOOPBACK, port) as chosen:
        yield f"http://{LOOPBACK}:{chosen}{mount.rstrip('/')}"


@contextmanager
def listening(handler: Callable[..., BaseHTTPRequestHandler], host: str, port: int) -> Generator[int]:
    """Answer requests while the block runs; give the port.

    Raises:
        PodiumError: where the port is in use.
    """
    try:
        server = QuietServer((host, port), handler)
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise in_use(port) from error
        raise
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def mounted(base: str) -> str:
    """Write a path so that it begins and ends with a slash.

    >>> mounted(""), mounted("./"), mounted("talks/digits")
    ('/', '/', '/talks/digits/')
    """
    inner = base.removeprefix(".").strip("/")
    return f"/{inner}/" if inner else "/"


def host_name(header: str) -> str:
    """Take the port off a Host header.

    >>> host_name("localhost:3030"), host_name("[::1]:80")
    ('localhost', '[::1]')
    """
    return re.sub(r":\d*$", "", header.strip().lower())


def free_port() -> int:
    """Return 3030, or a free port where that is taken."""
    if is_free(PORT):
        return PORT
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def is_free(port: int) -> bool:
    """Say whether a server may listen on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def in_use(port: int) -> PodiumError:
    """Build the error for a port that cannot be had."""
    return PodiumError(f"Port {port} is in use or not allowed. Leave --port out, or name another one.")
