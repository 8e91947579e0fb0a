"""Files are written whole or not at all, so that a kill or a full disk leaves the old one."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from podium.spec.errors import PodiumError


@contextmanager
def whole(path: Path, *, again: str) -> Generator[IO[bytes], None, None]:
    """Open a file that appears when the block is left, or not at all where the block fails.

    Args:
        path: the file; its folder is made where it is missing.
        again: what to do once there is room, as the end of a sentence: "build it again".

    Raises:
        PodiumError: for a disk that refuses it.
    """
    unfinished: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.stem[:40]}-", suffix=path.suffix, delete=False
        ) as file:
            unfinished = Path(file.name)
            yield file
        unfinished.chmod(0o644)
        unfinished.replace(path)
    except OSError as error:
        raise PodiumError(f"{path} cannot be written: {error.strerror or error}. Make room, then {again}.") from error
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes, *, again: str) -> bool:
    """Write a file in one step where it differs from what lies there; return whether it did.

    Args:
        path: the file.
        content: of the whole file.
        again: as `whole` takes it.

    Raises:
        PodiumError: as `whole` does.
    """
    if path.is_file() and path.read_bytes() == content:
        return False
    with whole(path, again=again) as file:
        file.write(content)
    return True
