"""Errors: what was found, what is allowed, what to do."""

from podium.spec import unknown


def test_no_near_name_lists_what_there_is():
    assert str(unknown("deck", "zzz", ["digits"])) == "There is no deck 'zzz'. There are: digits."


def test_nothing_there_says_so():
    assert str(unknown("deck", "digits", [])) == "There is no deck 'digits'. There are none."
