"""Opens this talk in the browser, with no network: `python talk.zip`, or `python FOLDER` once it is unpacked.

Only the standard library of Python 3.9 or newer is needed. It answers on this machine alone, with the files of the
site and nothing else. (Podium puts this file into each capsule as `__main__.py`.)
"""

from __future__ import annotations

import argparse
import threading
import webbrowser
import zipfile
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LOOPBACK = "127.0.0.1"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".pdf": "application/pdf",
}


class Site:
    """The files of the site by their addresses: of a zip, or of the folder that it was unpacked into."""

    def __init__(self, home: Path) -> None:
        self._home, self._lock = home, threading.Lock()
        self._zip = zipfile.ZipFile(home) if home.is_file() else None
        if self._zip:
            names = self._zip.namelist()
        else:
            names = [path.relative_to(home).as_posix() for path in (home / "site").rglob("*") if path.is_file()]
        self.names = {name[len("site/") :]: name for name in names if name.startswith("site/")}

    def read(self, address: str) -> bytes | None:
        """Return a file of the site; None for everything that is not one."""
        name = self.names.get(address)
        if name is None:
            return None
        if self._zip is None:
            return (self._home / name).read_bytes()
        with self._lock:
            return self._zip.read(name)


class Handler(BaseHTTPRequestHandler):
    """Answers with the files of one site."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, site: Site) -> None:
        self.site = site
        super().__init__(*args)

    def do_GET(self) -> None:
        """Send a file."""
        self._answer(whole=True)

    def do_HEAD(self) -> None:
        """Send what is known of a file."""
        self._answer(whole=False)

    def _answer(self, *, whole: bool) -> None:
        port = self.connection.getsockname()[1]
        if self.headers.get("Host") not in (f"{LOOPBACK}:{port}", f"localhost:{port}"):
            self.send_error(HTTPStatus.FORBIDDEN)  # another site's name that was made to point here
            return
        address = unquote(urlsplit(self.path).path).lstrip("/") or "index.html"
        content = self.site.read(address)
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", TYPES.get(Path(address).suffix.lower(), "application/octet-stream"))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if whole:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the standard library's name)
        """Say nothing."""


def main(home: Path, words: list[str] | None = None) -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Open this talk in the browser, with no network.")
    parser.add_argument("--port", type=int, default=0, help="leave out to take a free one")
    parser.add_argument("--no-browser", action="store_true", help="only say where the talk is")
    asked = parser.parse_args(words)
    server = ThreadingHTTPServer((LOOPBACK, asked.port), partial(Handler, site=Site(home)))
    server.daemon_threads = True
    address = f"http://{LOOPBACK}:{server.server_address[1]}/"
    print(f"The talk is at {address} (Ctrl-C ends)", flush=True)
    if not asked.no_browser:
        webbrowser.open(address)
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


if __name__ == "__main__":
    main(Path(__file__).resolve().parent)
