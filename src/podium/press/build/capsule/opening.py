"""Opening: a capsule from anybody is read without unpacking it, bounded, and checked against its own manifest.

Nothing is written to disk here and no name of the zip becomes a path, so that a zip cannot slip out of a folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podium.spec.errors import PodiumError

MANIFEST = "manifest.json"
FORMAT = 1
MOST_FILES = 20_000
MOST_BYTES = 512 * 2**20  # of all files together, unpacked
MOST_MANIFEST = 16 * 2**20  # bytes
PART = re.compile(r"[^/\\:\x00-\x1f\x7f]+")  # of a name between two slashes
STATED = {"podium_capsule", "deck", "podium", "source", "experiments", "figures", "families", "files"}


@dataclass(frozen=True)
class Capsule:
    """A capsule whose files are what its manifest says.

    Attributes:
        path: the zip.
        digest: its SHA-256, to be compared with the one that its maker saw.
        manifest: deck, experiments, figures, families of claims, and the SHA-256 of every other file.
        files: name to content, of all that is not the site or the PDF.
    """

    path: Path
    digest: str
    manifest: dict[str, Any]
    files: dict[str, bytes]

    def text(self, name: str) -> str:
        """Return a file's text.

        Raises:
            PodiumError: where there is no such file, or it is no text.
        """
        if name not in self.files:
            raise refused(self.path, f"it holds no {name}")
        try:
            return self.files[name].decode()
        except UnicodeDecodeError:
            raise refused(self.path, f"{name} is no text") from None

    def document(self, name: str) -> dict[str, Any]:
        """Return a file's JSON object.

        Raises:
            PodiumError: where there is no such file, or it holds no JSON object.
        """
        return parsed(self.path, name, self.text(name))


def open_capsule(path: Path) -> Capsule:
    """Read a capsule and check every file in it.

    Raises:
        PodiumError: for a file that is no zip, a name that leads outside, a link, a file that is there twice, more
            than 20,000 files or 512 MiB, a damaged file, or one that is not what the manifest says.
    """
    try:
        digest = _digest(path)
        with zipfile.ZipFile(path) as opened:
            entries = _entries(path, opened)
            manifest = _manifest(path, opened, entries)
            files = dict(_checked(path, opened, entries, manifest["files"]))
    except FileNotFoundError:
        raise PodiumError(f"There is no file {path}. Make a capsule: `podium capsule DECK`.") from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise refused(path, f"it is no whole zip ({error})") from error
    return Capsule(path, digest, manifest, files)


def refused(path: Path, why: str) -> PodiumError:
    """Return the error for a capsule that cannot be trusted."""
    return PodiumError(f"{path.name} is refused: {why}. Get the capsule again from whoever made it.")


def parsed(path: Path, name: str, text: str) -> dict[str, Any]:
    """Return a JSON object of a capsule.

    Raises:
        PodiumError: for anything else.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise refused(path, f"{name} holds no JSON object")
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entries(path: Path, opened: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the files of a zip by their names, which are harmless, each once, and few and small enough."""
    entries: dict[str, zipfile.ZipInfo] = {}
    known: set[str] = set()
    listed = opened.infolist()
    if len(listed) > MOST_FILES:
        raise refused(path, f"it holds {len(listed):,} files, and no talk has more than {MOST_FILES:,}")
    total = sum(entry.file_size for entry in listed)
    if total > MOST_BYTES:
        raise refused(path, f"it would unpack to {total / 2**20:,.0f} MiB, and {MOST_BYTES // 2**20} are allowed")
    for entry in listed:
        name = entry.filename
        kind = stat.S_IFMT(entry.external_attr >> 16)
        parts = name.removesuffix("/").split("/")
        if not all(PART.fullmatch(part) and part not in (".", "..") for part in parts) or name != entry.orig_filename:
            raise refused(path, f"the name {name[:80]!r} in it leads outside or is none")
        if entry.is_dir():
            continue  # another program packed it again
        if kind not in (0, stat.S_IFREG) or entry.flag_bits & 0x1:
            raise refused(path, f"{name!r} in it is a link, a device, or encrypted")
        if name.casefold() in known:
            raise refused(path, f"{name!r} is in it twice")
        known.add(name.casefold())
        entries[name] = entry
    return entries


def _manifest(path: Path, opened: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]) -> dict[str, Any]:
    entry = entries.get(MANIFEST)
    if entry is None or entry.file_size > MOST_MANIFEST:
        raise refused(path, f"it holds no {MANIFEST}, so it is no capsule of a talk")
    try:
        text = _read(path, opened, entry).decode()
    except UnicodeDecodeError:
        raise refused(path, f"{MANIFEST} is no text") from None
    manifest = parsed(path, MANIFEST, text)
    if manifest.get("podium_capsule") != FORMAT:
        raise refused(path, f"its format is {manifest.get('podium_capsule')!r}, and this Podium reads {FORMAT}")
    shapes = {"files": dict, "experiments": dict, "figures": dict, "families": list, "deck": str}
    if not manifest.keys() >= STATED or any(not isinstance(manifest[name], kind) for name, kind in shapes.items()):
        raise refused(path, f"{MANIFEST} is not what Podium writes")
    return manifest


def _checked(
    path: Path, opened: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], said: dict[str, Any]
) -> Iterator[tuple[str, bytes]]:
    """Compare every file with the manifest; yield those that are not the site or the PDF."""
    there = entries.keys() - {MANIFEST}
    if more := sorted(there - said.keys()):
        raise refused(path, f"{more[0]!r} was put into it later: the manifest does not name it")
    if lost := sorted(said.keys() - there):
        raise refused(path, f"{lost[0]!r} was taken out of it")
    for name in sorted(there):
        content = _read(path, opened, entries[name])
        if hashlib.sha256(content).hexdigest() != said[name]:
            raise refused(path, f"{name!r} was changed: its SHA-256 is not the one in the manifest")
        if not name.startswith("site/") and not name.endswith(".pdf"):
            yield name, content


def _read(path: Path, opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Read a file of a zip, and not one byte more than it says it has."""
    with opened.open(entry) as file:
        content = file.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise refused(path, f"{entry.filename!r} is not as long as it says")
    return content
