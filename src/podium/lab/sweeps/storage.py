"""Storage: the database that the workers of a sweep share, a lock over each sweep in it, and patience with it.

Optuna's own tables, in SQLite (one machine) or PostgreSQL (any number of machines). The lock makes "who takes which
trial" one step: a kill in the middle of it leaves what the next worker can tell from a trial that runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage, get_storage
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from podium.spec import PodiumError

T = TypeVar("T")

DRIVERS = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
BUSY_SECONDS = 60.0  # that SQLite waits for another process
LOCK_SECONDS = 60  # after which PostgreSQL takes the lock from a machine that lost its power while it held it
PATIENCE_SECONDS = 300.0  # that a worker waits for a server that does not answer


@dataclass(frozen=True)
class Storage:
    """An open database.

    Attributes:
        tables: Optuna's side of it.
        database: the same, to be closed.
        engine: the same once more, for the lock.
        safe: its address without the password, for sentences.
        patience: seconds to wait for a server that does not answer.
    """

    tables: BaseStorage
    database: RDBStorage
    engine: sqlalchemy.Engine
    safe: str
    patience: float = PATIENCE_SECONDS

    def close(self) -> None:
        """Close its connections."""
        self.database.remove_session()
        self.database.engine.dispose()
        self.engine.dispose()

    def exclusive(self, sweep: str) -> contextlib.AbstractContextManager[None]:
        """Hold the one lock of a sweep; the death of its holder frees it."""
        return _exclusive(self.engine, sweep)

    def patiently(self, call: Callable[[], T]) -> T:
        """Call until the database answers.

        Raises:
            PodiumError: when it has not answered for some minutes.
        """
        until = time.monotonic() + self.patience
        pause = 0.2
        while True:
            try:
                return call()
            except (StorageInternalError, DBAPIError) as error:
                if time.monotonic() > until:
                    raise self._away(error) from error
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - so that workers do not all come back at once
            pause = min(2 * pause, 10.0)

    def _away(self, error: Exception) -> PodiumError:
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        return PodiumError(
            f"The storage {self.safe} does not answer ({_first_line(cause)}). Nothing that is finished is lost: "
            f"start it, then run the same command again."
        )


def open_storage(address: str, folder: Path, *, patience: float = PATIENCE_SECONDS) -> Storage:
    """Open the database of a sweep, and make its tables where there are none.

    Args:
        address: "" for SQLite in the sweep's own folder, or `postgresql://...`, or `sqlite:///...`.
        folder: the sweep's folder.
        patience: seconds to wait for a server that stops answering later.

    Raises:
        PodiumError: for an address that is none, a server that does not answer, or tables of another Optuna.
    """
    try:
        url = sqlalchemy.make_url(address or f"sqlite:///{folder / 'study.db'}")
    except ArgumentError as error:
        raise PodiumError(
            f"--storage must be an address such as postgresql://user:password@host/database; not {address!r}."
        ) from error
    driver = DRIVERS.get(url.drivername)
    if driver is None or (driver == "sqlite" and url.database in (None, "", ":memory:")):
        raise PodiumError(
            f"--storage takes postgresql:// (any number of machines) or sqlite:///file (one); not {url.drivername}://. "
            "Leave it out for SQLite in the sweep's own folder."
        )
    url = url.set(drivername=driver)
    safe = url.render_as_string(hide_password=True)
    settings: dict[str, Any] = {"connect_args": {"timeout": BUSY_SECONDS}}
    if driver == "sqlite":
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    else:
        settings = {"connect_args": {"connect_timeout": 20}, "pool_pre_ping": True}
    engine = sqlalchemy.create_engine(url, **settings)
    try:
        with _exclusive(engine, "podium: tables"):
            database = RDBStorage(url.render_as_string(hide_password=False), engine_kwargs=dict(settings))
    except (SQLAlchemyError, NoSuchModuleError, StorageInternalError, ImportError) as error:
        raise PodiumError(
            f"The storage {safe} cannot be opened ({_first_line(error)}). Is the server up, and the address right?"
        ) from error
    except RuntimeError as error:  # Optuna's word for tables of another version
        raise PodiumError(f"The storage {safe} was made by another Optuna: {_first_line(error)}") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return Storage(tables=get_storage(database), database=database, engine=engine, safe=safe, patience=patience)


@contextlib.contextmanager
def _exclusive(engine: sqlalchemy.Engine, what: str) -> Generator[None]:
    if engine.dialect.name == "sqlite":
        with Path(f"{engine.url.database}.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    key = int.from_bytes(hashlib.sha256(what.encode()).digest()[:8], signed=True)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"SET LOCAL idle_in_transaction_session_timeout = '{LOCK_SECONDS}s'"))
        connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
        yield


def _first_line(error: BaseException | None) -> str:
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__
