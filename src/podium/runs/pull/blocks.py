"""The container of W&B's run files: LevelDB's log format behind a header of seven bytes.

32 KiB blocks of chunks: CRC-32 over type and data (zlib's, unmasked), u16 length, u8 type (1 whole, 2 first, 3 middle,
4 last), data. A chunk never crosses a block. After a bad chunk the reader goes on at the next block, as LevelDB's does;
a chunk that the file ends within is where a killed writer stopped.
Source: github.com/wandb/wandb, core/pkg/leveldb/record.go.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

HEADER = struct.Struct("<4sHB")
IDENT = HEADER.pack(b":W&B", 0xBEE1, 0)
CHUNK = struct.Struct("<IHB")
BLOCK = 32 * 1024
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4

_SEEDS = tuple(zlib.crc32(bytes([kind])) for kind in range(5))


class Blocks:
    """Reads whole payloads off a run file, from `position` on, a block at a time.

    Attributes:
        position: where the next payload begins: after the last whole one, so that a reader can go on from there later.
        torn: whether the file ends within a payload.
        damaged: how many bad places were passed over.
    """

    def __init__(self, file: BinaryIO, position: int = HEADER.size) -> None:
        self._file = file
        self.position = position
        self.torn = False
        self.damaged = 0

    def __iter__(self) -> Iterator[bytes]:
        begin = self.position - self.position % BLOCK
        at = self.position - begin
        parts: list[bytes] = []
        self._file.seek(begin)
        while block := self._file.read(BLOCK):
            while at + CHUNK.size <= BLOCK:
                start = at + CHUNK.size
                if start > len(block):
                    self.torn = bool(parts) or at < len(block)
                    return
                crc, length, kind = CHUNK.unpack_from(block, at)
                end = start + length
                possible = WHOLE <= kind <= LAST and end <= BLOCK
                if possible and end > len(block):
                    self.torn = True
                    return
                data = block[start:end]
                if not possible or zlib.crc32(data, _SEEDS[kind]) != crc:
                    self.damaged += bool(crc or length or kind)  # zeros fill up a block
                    parts.clear()
                    break
                at = end
                if kind in (WHOLE, FIRST):
                    parts = [data]
                elif parts:
                    parts.append(data)
                else:
                    continue  # its beginning lay in a bad block
                if kind in (WHOLE, LAST):
                    payload = data if kind == WHOLE else b"".join(parts)
                    parts.clear()
                    self.position = begin + at
                    yield payload
            begin += BLOCK
            at = 0
        self.torn = bool(parts)
