"""The gate: who may see a deck that is shown to the local network, and which requests are a stranger's doing."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from podium.press.build.serve import OWN_NAMES
from podium.spec.errors import PodiumError

SHORTEST = 8  # letters of a password that somebody chose
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is mistaken for another one
FREE_TRIES = 3  # wrong ones before the first wait
LONGEST_WAIT = 60.0  # seconds
EVERYBODY = ""  # whose wrong tries are all of them
MANY = 40  # wrong tries of everybody before everybody waits
FORGOTTEN = 600.0  # seconds after which a wrong try counts no more


@dataclass
class Wrong:
    """The wrong tries of one address: how many, and when the next one is listened to."""

    count: int = 0
    last: float = 0.0
    again: float = 0.0


@dataclass
class Gate:
    """Lets in whoever knows the password; without one, everybody who reaches the server.

    Attributes:
        password: "" for a deck on the loopback address only.
        clock: seconds that only grow.
    """

    password: str = ""
    clock: Callable[[], float] = time.monotonic
    _tokens: set[str] = field(default_factory=set)
    _wrong: dict[str, Wrong] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admits(self, token: str) -> bool:
        """Say whether a cookie was given out here."""
        if not self.password:
            return True
        offered = token.encode()
        return any(hmac.compare_digest(offered, known.encode()) for known in list(self._tokens))

    def enter(self, address: str, offered: str) -> str | None:
        """Return a new token for the right password, None for a wrong one.

        Raises:
            TooSoonError: where this address, or everybody, tried wrongly too often; nothing was compared then.
        """
        with self._lock:
            now = self.clock()
            wait = max(self._wait(address, now), self._wait(EVERYBODY, now))
            if wait > 0:
                raise TooSoonError(wait)
            if not hmac.compare_digest(_digest(offered), _digest(self.password)):
                self._count(address, now, FREE_TRIES)
                self._count(EVERYBODY, now, MANY)
                return None
            self._wrong.pop(address, None)
            token = secrets.token_urlsafe(32)
            self._tokens.add(token)
            return token

    def _wait(self, address: str, now: float) -> float:
        return self._wrong[address].again - now if address in self._wrong else 0.0

    def _count(self, address: str, now: float, free: int) -> None:
        self._wrong = {name: wrong for name, wrong in self._wrong.items() if now - wrong.last < FORGOTTEN}
        wrong = self._wrong.setdefault(address, Wrong())
        wrong.count, wrong.last = wrong.count + 1, now
        if wrong.count >= free:
            wrong.again = now + min(2.0 ** min(wrong.count - free, 10), LONGEST_WAIT)


class TooSoonError(Exception):
    """A try at the password that came before the wait was over; `seconds` are left."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds:.0f} s")
        self.seconds = seconds


def new_password() -> str:
    """Make a password of fifty bits that can be read aloud: about 40 years at a thousand tries a second."""
    letters = [secrets.choice(LETTERS) for _ in range(10)]
    return f"{''.join(letters[:5])}-{''.join(letters[5:])}"


def checked_password(password: str) -> str:
    """Return a password that somebody chose.

    Raises:
        PodiumError: for one that is soon guessed.
    """
    if len(password) < SHORTEST:
        raise PodiumError(
            f"The password has {len(password)} letters; it needs {SHORTEST}. "
            "Take a longer one, or leave --password out: a good one is made and shown."
        )
    return password


def is_own_name(name: str, *, network: bool) -> bool:
    """Say whether a Host header's name means this machine; on the network also any address in figures.

    A name that a stranger owns is refused wherever it points to: this is what DNS rebinding needs.

    >>> is_own_name("127.0.0.1", network=False), is_own_name("talk.example", network=True)
    (True, False)
    """
    if name in OWN_NAMES:
        return True
    if not network:
        return False
    here = socket.gethostname().lower()
    return _is_address(name) or name in {here, f"{here}.local", f"{here.partition('.')[0]}.local"}


def is_own_origin(origin: str | None, host: str) -> bool:
    """Say whether a request was made by a page of this server itself.

    >>> is_own_origin("http://127.0.0.1:3030", "127.0.0.1:3030"), is_own_origin("http://talk.example", "127.0.0.1:3030")
    (True, False)
    """
    return bool(origin) and bool(host) and urlsplit(origin or "").netloc.lower() == host.strip().lower()


def own_address() -> str:
    """Return this machine's address on the local network; the loopback address where it is on none.

    Nothing is sent: connecting a datagram socket only chooses the way (192.0.2.1 belongs to nobody, RFC 5737).
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return probe.getsockname()[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
