"""Transcripts: tokens as text, whatever stands around the digits."""

from podium.lab.transcripts import END, PADDING, START, as_text


def test_text_of_tokens_without_an_end():
    assert as_text([START, 1, 2, 3]) == "123"


def test_what_follows_the_end_is_not_read():
    assert as_text([START, 7, END, 9, PADDING]) == as_text([7, PADDING, 3]) == "7"


def test_nothing_is_empty():
    assert as_text([]) == as_text([START, END]) == ""
