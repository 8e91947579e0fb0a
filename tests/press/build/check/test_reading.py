import pytest

from podium.press.build.check.reading import minutes_of, missing_notes, reading


def test_a_talk_that_says_no_length_is_not_measured():
    assert reading({1: 9000}, {1: "word " * 9000}, None) == []
    assert reading({}, {}, 15) == []


def test_slides_against_the_length_of_the_talk():
    found = reading({1: 238 * 12, 2: 10}, {1: "word " * 150 * 9, 2: ""}, 10)
    assert [finding.line for finding in found] == [
        "the deck: reading-time: The slides take 12 minutes to read, and the talk has 10.",
        "slide 1: reading-time: Its 2856 words take 720 seconds to read; a slide of this talk has 540.",
    ]


def test_notes_that_take_longer_than_the_talk():
    (found,) = reading({1: 10, 2: 10}, {1: "word " * 1500, 2: "word " * 400}, 10)
    assert found.said == "The notes take 13 minutes to say, and the talk has 10."


def test_a_slide_has_its_share_or_as_long_as_its_notes_take():
    words = dict.fromkeys(range(1, 11), 20) | {3: 300}
    (found,) = reading(words, {}, 10)
    assert (found.slide, found.severity) == (3, "advice")
    assert "300 words take 76 seconds to read; a slide of this talk has 60" in found.said
    assert reading(words, {3: "word " * 200}, 10) == []


@pytest.mark.parametrize(("given", "minutes"), [("15min", 15), ("1.5h", 90), (" 12 ", 12), (0, None), (True, None)])
def test_lengths(given, minutes):
    assert minutes_of(given) == minutes


def test_missing_notes_are_named_once_where_there_are_none_at_all():
    assert [finding.line for finding in missing_notes({1: "", 2: " "}, {})] == [
        "the deck: missing-notes: No slide has speaker notes."
    ]
    layouts = {1: "slidev-layout layout-cover", 2: "slidev-layout", 4: "slidev-layout layout-receipts"}
    found = missing_notes({1: "", 2: "", 3: "said", 4: ""}, layouts)
    assert [finding.slide for finding in found] == [2]
    assert missing_notes({}, {}) == []
