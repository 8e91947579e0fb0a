"""Files are written whole or not at all, so that a kill or a full disk leaves the old one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from podium.spec.errors import PodiumError


def write_whole(path: Path, content: bytes, *, again: str) -> bool:
    """Write a file in one step where it differs from what lies there; return whether it did.

    Args:
        path: the file; its folder is made where it is missing.
        content: of the whole file.
        again: what to do once there is room, as the end of a sentence: "build it again".

    Raises:
        PodiumError: for a disk that refuses it.
    """
    try:
        if path.is_file() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise PodiumError(f"{path} cannot be written: {error.strerror}. Make room, then {again}.") from error
    return True
