import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.press.build.present import wire

MASK = b"\x12\x34\x56\x78"


def said(payload, kind=wire.TEXT, *, last=True, masked=True):
    """A message as a browser writes it."""
    head = wire.frame(payload, kind)
    size = len(head) - len(payload)
    first = head[0] if last else head[0] & 0x7F
    if not masked:
        return bytes([first]) + head[1:]
    return bytes([first, head[1] | 0x80]) + head[2:size] + MASK + wire.unmasked(payload, MASK)


@given(st.binary(max_size=300))
def test_what_a_browser_says_is_heard(payload):
    assert wire.read(io.BytesIO(said(payload))) == (wire.TEXT, payload)


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 200_000])
def test_messages_of_every_length_pass(size):
    assert wire.read(io.BytesIO(said(b"x" * size))) == (wire.TEXT, b"x" * size)


def test_a_message_may_come_in_parts():
    parts = said(b"sli", last=False) + said(b"de", 0)
    stream = io.BytesIO(parts + said(b"", wire.PING))
    assert wire.read(stream) == (wire.TEXT, b"slide")
    assert wire.read(stream) == (wire.PING, b"")


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x81",
        said(b"slide", masked=False),
        said(b"slide")[:-1],
        said(b"slide")[:4],
        b"\x81\xff" + struct.pack("!Q", wire.LONGEST + 1),
        b"\x81\xfe\x01",
    ],
)
def test_what_breaks_the_rules_ends_the_connection(broken):
    assert wire.read(io.BytesIO(broken)) == (wire.CLOSE, b"")
