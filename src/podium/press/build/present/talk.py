"""A talk: a built deck on the screen until Ctrl-C, on this machine, or on the local network behind a password."""

from __future__ import annotations

import io
import re
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

from podium.press.build.present.gate import Gate, checked_password, new_password, own_address
from podium.press.build.present.host import OURS, Talk, TalkHandler
from podium.press.build.serve import LOOPBACK, free_port, listening
from podium.spec.errors import PodiumError, unknown
from podium.spec.project import Project, deck_names

ANYWHERE = "0.0.0.0"  # noqa: S104 (only where --remote asks for it, and then behind a password)


def present(
    project: Project, deck: str, port: int | None = None, *, remote: bool = False, password: str | None = None
) -> None:
    """Show a built deck until Ctrl-C.

    Args:
        project: where the built decks are.
        deck: its name.
        port: None takes 3030, or a free one where that is taken.
        remote: show it to the local network too; everything then asks for the password.
        password: of eight letters or more; one is made and shown where None.

    Raises:
        PodiumError: for an unknown deck, one not built yet, a port in use, or a password that is too short.
    """
    site = built_site(project, deck)
    if password is not None and not remote:
        raise PodiumError("A password guards a deck on the network; add --remote, or leave --password out.")
    secret = (new_password() if password is None else checked_password(password)) if remote else ""
    talk = Talk(site, Gate(secret), network=remote)
    base = base_of(site)
    handler = partial(TalkHandler, talk=talk, base=base)
    with ended_by_signals(), listening(handler, ANYWHERE if remote else LOOPBACK, port or free_port()) as chosen:
        print(words(deck, chosen, base, secret), flush=True)
        try:
            wait()
        finally:
            talk.company.disband()


def built_site(project: Project, deck: str) -> Path:
    """Return the folder of a built deck.

    Raises:
        PodiumError: for an unknown deck, or one that is not built.
    """
    names = deck_names(project)
    if deck not in names:
        raise unknown("deck", deck, names)
    site = project.build / "slides" / deck
    if not (site / "index.html").is_file():
        raise PodiumError(f"Deck {deck} is not built yet; run `podium slides {deck}` first.")
    return site


def base_of(site: Path) -> str:
    """Return the path that a site was built for: "/" unless its page asks for its files under another one."""
    found = re.search(r'(?:src|href)="(/[^"]*?)assets/', (site / "index.html").read_text("utf-8"))
    return found[1] if found else "/"


def words(deck: str, port: int, base: str, secret: str) -> str:
    """Say where the deck is; for the phone also as a code that its camera reads."""
    here = f"http://{LOOPBACK}:{port}{base}"
    lines = [f"{deck}: {here}", f"presenter view: {here}#/presenter/1"]
    if secret:
        phone = f"http://{own_address()}:{port}{OURS}"
        lines += [f"phone: {phone}remote", f"password: {secret}", code(f"{phone}login#{quote(secret, safe='')}")]
    return "\n".join([*lines, "Ctrl-C ends."])


def code(address: str) -> str:
    """Draw an address as a QR code; a terminal that cannot show it gets none."""
    import segno

    drawn = io.StringIO()
    segno.make(address, error="m").terminal(drawn, compact=True)
    text = drawn.getvalue()
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return ""
    return text


@contextmanager
def ended_by_signals() -> Generator[None]:
    """Let the signals that end a program end it as Ctrl-C does: everything that was started ends with it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {one: signal.signal(one, _interrupt) for one in asked}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def wait() -> None:
    """Wait for Ctrl-C."""
    threading.Event().wait()
