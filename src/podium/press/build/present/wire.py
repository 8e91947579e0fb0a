"""The wire: WebSocket messages of text, as far as windows of a deck need them (RFC 6455)."""

from __future__ import annotations

import base64
import hashlib
import struct
from io import BufferedIOBase

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
LONGEST = 4 * 2**20  # bytes of one message: a slide full of drawing


def accept(key: str) -> str:
    """Return the answer to a handshake's key.

    >>> accept("dGhlIHNhbXBsZSBub25jZQ==")
    's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
    """
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()  # noqa: S324 (the standard's)


def frame(payload: bytes, kind: int = TEXT) -> bytes:
    """Write one message of a server, which is not masked."""
    if len(payload) < 126:
        head = struct.pack("!BB", 0x80 | kind, len(payload))
    elif len(payload) < 2**16:
        head = struct.pack("!BBH", 0x80 | kind, 126, len(payload))
    else:
        head = struct.pack("!BBQ", 0x80 | kind, 127, len(payload))
    return head + payload


def read(stream: BufferedIOBase) -> tuple[int, bytes]:
    """Read one whole message of a browser; the end of the stream and a breach of the rules are a CLOSE."""
    kind, whole = 0, b""
    while True:
        head = stream.read(2)
        if len(head) < 2 or not head[1] & 0x80:  # a browser masks all it says
            return CLOSE, b""
        length = head[1] & 0x7F
        if length >= 126:
            size = 2 if length == 126 else 8
            more = stream.read(size)
            length = int.from_bytes(more, "big") if len(more) == size else LONGEST + 1
        if length + len(whole) > LONGEST:
            return CLOSE, b""
        mask, masked = stream.read(4), stream.read(length)
        if len(mask) < 4 or len(masked) < length:
            return CLOSE, b""
        payload = unmasked(masked, mask)
        code = head[0] & 0x0F
        if code >= CLOSE:  # between the parts of a message
            return code, payload
        kind, whole = kind or code, whole + payload
        if head[0] & 0x80:
            return kind, whole


def unmasked(payload: bytes, mask: bytes) -> bytes:
    """Take the mask off, or put it on.

    >>> unmasked(unmasked(b"slide", b"1234"), b"1234")
    b'slide'
    """
    long = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(long, "big")).to_bytes(len(payload), "big")
