"""Connection: W&B's GraphQL endpoint, asked by several threads at once, within what the server allows.

W&B's client retries too, but it hides the headers and asks one thing at a time. Here a 429 halves the number of
requests at one time, `Retry-After` and `RateLimit-Remaining`/`RateLimit-Reset` are obeyed as W&B documents them
(docs.wandb.ai, "Rate limit headers"), and a connection that breaks is tried again.
"""

from __future__ import annotations

import json
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from podium.runs.tracking import base_url, login_key
from podium.spec import PodiumError

if TYPE_CHECKING:
    import requests

AT_ONCE = 8  # requests at one time to begin with
MOST_AT_ONCE = 16
TIMEOUT = (10.0, 120.0)  # seconds to connect, and between two bytes
PATIENCE = 300.0  # seconds that a server which answered before may be away, or busy
ALONE_PATIENCE = 30.0  # seconds that it may fail at one request while it answers others
PROBE_PATIENCE = 2.0  # seconds to find out which of the two it is
FIRST_PATIENCE = 6.0  # seconds that a server which never answered is asked
LONGEST_WAIT = 600.0  # seconds; a server that asks for more is left alone
LONGEST_BACKOFF = 30.0


class ServerTroubleError(PodiumError):
    """The server kept failing at one request; a smaller one may pass."""


class Connection:
    """A place to ask GraphQL queries. Threads share it; each has its own connection that is kept open.

    Attributes:
        asked: answers by status: how many requests were made.
    """

    def __init__(
        self, *, notify: Callable[[str], None] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        try:
            import requests  # noqa: F401 - W&B's client brings it
        except ImportError as error:
            msg = "Reading from W&B needs its client, which comes with the lab: pip install 'podium[lab]'."
            raise PodiumError(msg) from error
        self.base_url = base_url()
        self.asked: Counter[int | str] = Counter()
        self._key = login_key()
        if not self._key:
            raise PodiumError(f"No W&B key is kept here for {self.base_url}. Run `wandb login`, or set WANDB_API_KEY.")
        self._notify = notify or (lambda _sentence: None)
        self._clock = clock
        self._local = threading.local()
        self._gate = _Gate(clock)
        self._answered = False
        self._told_until = 0.0
        self._last_success = -math.inf
        self._left = threading.Event()

    def close(self) -> None:
        """End every wait: threads that still ask give up."""
        self._left.set()
        self._gate.open_all()

    def ask(self, query: str, variables: Mapping[str, Any], *, patience: float | None = None) -> dict[str, Any]:
        """Ask one query and return its `data`.

        Args:
            query: the GraphQL document.
            variables: its variables.
            patience: seconds of failures after which it gives up; `PATIENCE` or `ALONE_PATIENCE` where None.

        Raises:
            PodiumError: for a refused key, a query that is refused, no network.
            ServerTroubleError: when the server keeps failing.
        """
        body = json.dumps({"query": query, "variables": dict(variables)}).encode()
        first_trouble: float | None = None
        attempt = 0
        while True:
            with self._gate.turn(self._left) as turn:
                if self._left.is_set():
                    raise PodiumError("The pull was ended.")
                data, trouble, told = self._try(body, turn)
            if data is not None:
                self._last_success = self._clock()
                return data
            if told > LONGEST_WAIT:
                raise PodiumError(
                    f"W&B asks to wait {told:.0f} s ({trouble}). What was pulled is kept: pull again later."
                )
            if told >= 2 and self._clock() >= self._told_until:  # once, not once a thread
                self._told_until = self._clock() + told
                self._notify(f"W&B asks to wait {told:.0f} s ({trouble}).")
            first_trouble = self._clock() if first_trouble is None else first_trouble
            spent = self._clock() - first_trouble
            wait = told or min(LONGEST_BACKOFF, 0.25 * 2**attempt) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
            if spent + wait > self._allowed(patience, first_trouble) + told:
                raise self._gave_up(trouble, spent)
            attempt += 1
            self._left.wait(wait)

    def answers(self) -> bool:
        """Say whether the server answers anything at all."""
        try:
            self.ask("query PodiumProbe { viewer { id } }", {}, patience=PROBE_PATIENCE)
        except ServerTroubleError:
            return False
        return True

    def _allowed(self, patience: float | None, first_trouble: float) -> float:
        if not self._answered:
            return FIRST_PATIENCE
        return patience or (ALONE_PATIENCE if self._last_success > first_trouble else PATIENCE)

    def _gave_up(self, trouble: str, spent: float) -> PodiumError:
        if not self._answered:
            return PodiumError(
                f"{self.base_url} cannot be reached ({trouble}). Check the network and WANDB_BASE_URL; "
                "what was pulled before is still there."
            )
        return ServerTroubleError(
            f"{self.base_url} failed for {spent:.0f} s ({trouble}). Try again later; what was pulled is kept."
        )

    def _try(self, body: bytes, turn: _Turn) -> tuple[dict[str, Any] | None, str, float]:
        """Ask once: the data, or what went wrong and the seconds that the server asks to wait."""
        import requests
        import urllib3

        try:
            response = self._session().post(f"{self.base_url}/graphql", data=body, timeout=TIMEOUT, stream=True)
            text = response.raw.read(decode_content=True)  # `content` would join it from pieces of ten kilobytes
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            self.asked["cut"] += 1
            return None, _cause(error), 0.0
        self._answered = True
        self.asked[response.status_code] += 1
        wait = _told_to_wait(response.headers)
        turn.heard(response.status_code, response.headers)
        if response.status_code == 429 or response.status_code >= 500 or response.status_code == 408:
            return None, f"HTTP {response.status_code}", wait
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if 400 <= response.status_code < 500:
            raise self._refused(response.status_code, answer)
        if not isinstance(answer, dict):
            return None, "something else than JSON came back: a proxy's or a login page?", 0.0
        if answer.get("errors"):
            return None, _message(answer["errors"]), 0.0
        if not isinstance(answer.get("data"), dict):
            return None, f"HTTP {response.status_code} without data", 0.0
        return answer["data"], "", 0.0

    def _refused(self, status: int, answer: Any) -> PodiumError:
        if status == 401:
            return PodiumError(f"{self.base_url} refused the W&B key. Run `wandb login --relogin`, then pull again.")
        if status == 403:
            return PodiumError(f"{self.base_url} does not let this W&B key read that. Ask its owner for access.")
        if isinstance(answer, dict) and answer.get("errors"):
            said = _message(answer["errors"])
            return PodiumError(f"{self.base_url} refused the query ({said}). Is the server very old?")
        return PodiumError(f"{self.base_url} answered HTTP {status}: it is no W&B server. Check WANDB_BASE_URL.")

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            import requests

            session = self._local.session = requests.Session()
            session.auth = ("api", self._key)
            session.headers.update({"Content-Type": "application/json", "User-Agent": "podium"})
        return session


class _Gate:
    """How many may ask at one time, and from when on: raised slowly, halved at once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.limit = float(AT_ONCE)
        self.inside = 0
        self.closed_until = 0.0
        self.clock = clock
        self.changed = threading.Condition()

    @contextmanager
    def turn(self, left: threading.Event) -> Generator[_Turn]:
        """Wait for a turn, and give it back."""
        with self.changed:
            while not left.is_set():
                pause = self.closed_until - self.clock()
                if pause <= 0 and self.inside < int(self.limit):
                    break
                self.changed.wait(pause if pause > 0 else None)
            self.inside += 1
        try:
            yield _Turn(self)
        finally:
            with self.changed:
                self.inside -= 1
                self.changed.notify_all()

    def open_all(self) -> None:
        """Wake everybody who waits."""
        with self.changed:
            self.changed.notify_all()


class _Turn:
    """One request's turn."""

    def __init__(self, gate: _Gate) -> None:
        self.gate = gate

    def heard(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer: go slower after a 429 or where the quota ends, else a little faster."""
        gate = self.gate
        with gate.changed:
            if status == 429:
                gate.limit = max(1.0, gate.limit / 2)
                gate.closed_until = max(gate.closed_until, gate.clock() + _told_to_wait(headers))
            elif status < 400:
                gate.limit = min(MOST_AT_ONCE, gate.limit + 1 / gate.limit)
            remaining, reset = _number(headers.get("RateLimit-Remaining")), _number(headers.get("RateLimit-Reset"))
            if remaining is not None and reset is not None and remaining < gate.inside and reset <= LONGEST_WAIT:
                gate.closed_until = max(gate.closed_until, gate.clock() + reset)
            gate.changed.notify_all()


def _told_to_wait(headers: Mapping[str, str]) -> float:
    """Return the seconds of `Retry-After` (a number or a date), else of `RateLimit-Reset` where no quota is left."""
    asked = headers.get("Retry-After")
    seconds = _number(asked)
    if seconds is None and asked:
        try:
            seconds = max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
        except ValueError:
            seconds = None
    if seconds is None and _number(headers.get("RateLimit-Remaining")) == 0:
        seconds = _number(headers.get("RateLimit-Reset"))
    return seconds or 0.0


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if number >= 0 else None


def _message(errors: Any) -> str:
    first = errors[0] if isinstance(errors, list) and errors else errors
    return str(first.get("message", first) if isinstance(first, dict) else first).strip().rstrip(".")[:300]


def _cause(error: BaseException) -> str:
    """Name what lies at the bottom of a connection's error, in few words."""
    inner: Any = error
    for _ in range(10):
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = getattr(inner, "reason", None) or getattr(inner, "__context__", None)
    return {"ConnectTimeout": "no answer", "ReadTimeout": "no answer"}.get(type(error).__name__, "the connection broke")
