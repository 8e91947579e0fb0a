"""The only door to W&B: online when the user is logged in, offline with no account, and a silent twin.

The client flushes an offline file every 15 seconds or 32 KiB; one second here, so that a kill loses little. Our own
record (`podium.runs.record`) stands beside it and loses nothing.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from contextlib import suppress
from netrc import NetrcParseError, netrc
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self
from urllib.parse import urlsplit

from podium.spec import PodiumError

Mode = Literal["auto", "online", "offline", "off"]

INIT_SECONDS = 60.0
HOSTED = ("api.wandb.ai", "api.forge.coreweave.com")  # one service, two names: a key for one is a key for both
SETTINGS: dict[str, Any] = {
    "console": "off",
    "disable_git": True,
    "save_code": False,
    "silent": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
    "x_transaction_log_flush_interval": 1.0,  # seconds
}


class Tracker(Protocol):
    """What a training loop tells of a run while it goes on; `link` is its address at W&B, "" where it has none."""

    link: str

    def log(self, metrics: Mapping[str, Any], step: int) -> None:
        """Add one row of metrics."""

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Add the metrics at the end; the run counts as finished when the block is left."""

    def __enter__(self) -> Self:
        """Start."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the run: finished, or failed when an exception comes through."""


class Silent:
    """The twin that tells nobody."""

    link = ""

    def log(self, metrics: Mapping[str, Any], step: int) -> None:
        """Take a row and drop it."""

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Take the summary and drop it."""

    def __enter__(self) -> Self:
        """Start nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close nothing."""


class WandbTracker:
    """One W&B run, in its own run object so that many can be open in one process."""

    def __init__(self, run: Any, link: str = "") -> None:
        self._run = run
        self.link = link

    def log(self, metrics: Mapping[str, Any], step: int) -> None:
        """Add one row of metrics at a step."""
        self._run.log(dict(metrics), step=step)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Set the summary."""
        self._run.summary.update(dict(summary))

    def __enter__(self) -> Self:
        """Give the tracker itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the run, with exit code 1 when an exception comes through."""
        self._run.finish(exit_code=0 if kind is None else 1)


def resolve_mode(requested: Mode) -> Literal["online", "offline", "off"]:
    """Turn "auto" into what this machine can do: online where a W&B login is kept, else offline.

    `WANDB_MODE` in the environment, W&B's own switch, is obeyed first.
    """
    if requested != "auto":
        return requested
    wished = os.environ.get("WANDB_MODE", "")
    if wished in ("disabled", "off"):
        return "off"
    if wished in ("offline", "dryrun"):
        return "offline"
    return "online" if wished == "online" or logged_in() else "offline"


def logged_in() -> bool:
    """Say whether a W&B key is kept here (environment or netrc), without asking any server.

    `wandb.login` would ask the server, and goes on retrying where there is no network.
    """
    return bool(login_key())


def login_key() -> str:
    """Return the W&B key that is kept here (environment or netrc), "" where there is none."""
    key = os.environ.get("WANDB_API_KEY", "")
    if key:
        return key
    address = urlsplit(base_url())
    hosts = (address.netloc, address.hostname or "", *(() if address.netloc not in HOSTED else HOSTED))
    for path in (os.environ.get("NETRC", ""), Path.home() / ".netrc", Path.home() / "_netrc"):
        try:
            kept = netrc(str(path)) if path else None
        except (OSError, NetrcParseError):
            continue
        for host in hosts if kept else ():
            found = kept.authenticators(host) if kept else None
            if found and found[2]:
                return found[2]
    return ""


def base_url() -> str:
    """Return the address of W&B's server: `WANDB_BASE_URL`, else what `wandb login --host` kept, else W&B's own."""
    address = os.environ.get("WANDB_BASE_URL", "")
    if not address:
        folder = os.environ.get("WANDB_CONFIG_DIR") or Path.home() / ".config" / "wandb"
        kept = configparser.ConfigParser(interpolation=None)
        with suppress(configparser.Error, OSError, UnicodeDecodeError):
            kept.read(Path(folder) / "settings")
        address = kept.get("default", "base_url", fallback="")
    if not address:
        import wandb

        address = wandb.Settings().base_url
    return address.rstrip("/")


def open_tracker(
    mode: Mode,
    folder: Path,
    *,
    name: str,
    config: Mapping[str, Any],
    group: str,
    tags: tuple[str, ...] = (),
    sweep: str = "",
    project: str = "podium",
) -> Tracker:
    """Open a run at W&B, or its offline file under `<folder>/wandb`, or nothing.

    Args:
        mode: see `resolve_mode`.
        folder: the run's folder.
        name: the run's name as W&B shows it.
        config: every field of the config.
        group: the experiment.
        tags: labels to filter by.
        sweep: id of the sweep that started the run, kept as the config key `sweep`.
        project: W&B's project.

    Raises:
        PodiumError: when W&B refuses the key or cannot be reached.
    """
    chosen = resolve_mode(mode)
    if chosen == "off":
        return Silent()
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # no telemetry
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    try:
        run = wandb.init(
            mode=chosen,
            dir=str(folder),
            project=project,
            name=name[:128],
            config={**config, "sweep": sweep} if sweep else dict(config),
            group=group,
            tags=list(tags),
            reinit="create_new",
            settings=wandb.Settings(**SETTINGS, init_timeout=INIT_SECONDS),
        )
    except wandb.errors.AuthenticationError as error:
        raise _refused(error) from error
    except wandb.errors.Error as error:
        msg = f"W&B did not open the run ({_sentence(error)}). Nothing is lost: train again with `--wandb offline`."
        raise PodiumError(msg) from error
    return WandbTracker(run, (run.url or "") if chosen == "online" else "")  # asked of an offline run, it warns


def _refused(error: Exception) -> PodiumError:
    return PodiumError(
        f"W&B refused the key ({_sentence(error)}). Run `wandb login` again, or train with `--wandb offline`."
    )


def _sentence(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
