"""Serve: a built deck on this machine only, or Slidev's own server for writing."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from podium.press.build.node import install_packages, started
from podium.press.build.site import edit_command
from podium.spec.errors import PodiumError, unknown
from podium.spec.project import Project

LOOPBACK = "127.0.0.1"
PORT = 3030


class DeckHandler(SimpleHTTPRequestHandler):
    """Files of one folder, with the types that browsers insist on, and no listing of folders."""

    protocol_version = "HTTP/1.1"
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

    def send_head(self):  # noqa: ANN201 (as the standard library declares it)
        """Answer only for a file that lies in the folder, after links are followed."""
        root = Path(self.directory).resolve()
        path = Path(self.translate_path(self.path)).resolve()
        if path.is_dir():
            path /= "index.html"
        if not path.is_relative_to(root) or not path.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def end_headers(self) -> None:
        """Keep nothing in caches: the next build is shown at once."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the standard library's name)
        """Say nothing: a talk needs no access log."""


@contextmanager
def serving(site: Path, port: int = 0) -> Generator[str]:
    """Serve a folder on the loopback address while the block runs; give its address.

    Args:
        site: the built site.
        port: 0 takes a free one.

    Raises:
        PodiumError: where the port is in use.
    """
    server = _server(site, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def present(project: Project, deck: str, port: int | None = None, *, edit: bool = False) -> None:
    """Show a built deck until Ctrl-C, or open it in Slidev's own server for writing.

    Args:
        project: where the built decks are.
        deck: its name.
        port: None takes 3030, or a free one where that is taken.
        edit: show changes as they are saved.

    Raises:
        PodiumError: for an unknown deck, one not built yet, or a port that is in use.
    """
    names = sorted(path.parent.name for path in project.decks.glob("*/slides.md.j2"))
    if deck not in names:
        raise unknown("deck", deck, names)
    chosen = _free_port() if port is None else port
    if edit:
        _edit(project, deck, chosen)
        return
    site = project.build / "slides" / deck
    if not (site / "index.html").is_file():
        msg = f"Deck {deck} is not built yet; run `podium slides {deck}` first."
        raise PodiumError(msg)
    with serving(site, chosen) as address:
        print(f"{deck}: {address}  (presenter view: {address}/#/presenter/1; Ctrl-C ends)", flush=True)
        _wait()


def _wait() -> None:
    threading.Event().wait()


def _edit(project: Project, deck: str, port: int) -> None:
    folder = project.build / "decks" / deck
    if not (folder / "slides.md").is_file():
        msg = f"Deck {deck} is not rendered yet; run `podium slides {deck}` first."
        raise PodiumError(msg)
    if not _is_free(port):
        raise _in_use(port)
    install_packages(project)
    with started(edit_command(project, port), folder) as process:
        process.wait()


def _server(site: Path, port: int) -> ThreadingHTTPServer:
    try:
        server = ThreadingHTTPServer((LOOPBACK, port), partial(DeckHandler, directory=str(site)))
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise _in_use(port) from error
        raise
    server.daemon_threads = True
    return server


def _free_port() -> int:
    if _is_free(PORT):
        return PORT
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _in_use(port: int) -> PodiumError:
    return PodiumError(f"Port {port} is in use or not allowed. Leave --port out, or name another one.")
