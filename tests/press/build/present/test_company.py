import pytest

from podium.press.build.present.company import Company


def heard(guest):
    found = []
    while not guest.outbox.empty():
        found.append(guest.outbox.get())
    return found


@pytest.fixture
def clock():
    now = [10.0]

    def read():
        return now[0]

    read.now = now
    return read


@pytest.fixture
def company(clock):
    return Company(clock=clock)


def come(company, role, browser="laptop"):
    guest = company.join()
    company.hear(guest, {"hello": {"role": role, "browser": browser}})
    heard(guest)
    return guest


def test_where_one_goes_all_others_follow(company):
    one, two, phone = come(company, "viewer"), come(company, "presenter"), come(company, "phone")
    company.hear(one, {"at": [3, 1]})
    assert heard(one) == [{"heard": True}]
    assert heard(two) == heard(phone) == [{"at": [3, 1]}]
    company.hear(two, {"at": [3, 1]})
    assert heard(one) == []


def test_whoever_comes_is_told_at_once_where_all_are(company):
    first = company.join()
    company.hear(first, {"hello": {"role": "viewer", "browser": "laptop"}})
    assert heard(first)[0] == {"at": None}
    company.hear(first, {"at": [1, 0]})
    late = company.join()
    company.hear(late, {"hello": {"role": "viewer", "browser": "laptop"}})
    assert heard(late)[0] == {"at": [1, 0]}


def test_of_two_who_go_at_once_the_last_one_heard_is_right_and_knows_it(company):
    """Each has told its place before it is told the other's: what comes before `heard` is older than its own."""
    one, two = come(company, "viewer"), come(company, "presenter")
    company.hear(one, {"at": [3, 0]})
    company.hear(two, {"at": [5, 0]})
    assert heard(one) == [{"heard": True}, {"at": [5, 0]}]
    assert heard(two) == [{"at": [3, 0]}, {"heard": True}]
    assert company.at == [5, 0]


def test_who_comes_late_is_told_how_things_stand(company):
    presenter = come(company, "presenter")
    company.hear(presenter, {"at": [7, 2], "drawn": {"7": "<path/>"}})
    late = company.join()
    company.hear(late, {"hello": {"role": "viewer", "browser": "another"}})
    assert heard(late) == [{"at": [7, 2]}, {"timer": {"status": "stopped", "passed": 0}}, {"drawn": {"7": "<path/>"}}]


def test_a_phone_moves_the_window_that_knows_the_deck_best(company):
    phone, preview = come(company, "phone", "phone"), come(company, "preview", "phone")
    company.hear(phone, {"move": "next"})
    assert heard(preview) == [{"do": "next"}]
    viewer, presenter = come(company, "viewer"), come(company, "viewer")
    company.hear(presenter, {"role": "presenter"})
    company.hear(phone, {"move": "prev"})
    assert (heard(presenter), heard(viewer), heard(preview)) == ([{"do": "prev"}], [], [])
    company.leave(presenter)
    heard(presenter)
    company.hear(phone, {"move": "next"})
    assert heard(viewer) == [{"do": "next"}]


def test_a_phone_alone_moves_nothing(company):
    company.hear(come(company, "phone"), {"move": "next"})


def test_the_stopwatch_is_one_for_all(company, clock):
    presenter, phone = come(company, "presenter"), come(company, "phone")
    company.hear(phone, {"clock": "toggle"})
    assert heard(presenter) == heard(phone) == [{"timer": {"status": "running", "passed": 0}}]
    clock.now[0] += 65
    company.hear(presenter, {"timer": {"status": "running", "passed": 65_100}})  # the same clock
    assert heard(phone) == []
    company.hear(phone, {"clock": "toggle"})
    assert heard(presenter) == [{"timer": {"status": "paused", "passed": 65_000}}]
    heard(phone)
    company.hear(presenter, {"timer": {"status": "stopped", "passed": 0}})
    assert heard(phone) == [{"timer": {"status": "stopped", "passed": 0}}]
    company.hear(phone, {"clock": "toggle"})
    clock.now[0] += 5
    company.hear(phone, {"clock": "reset"})
    assert heard(phone)[-1] == {"timer": {"status": "stopped", "passed": 0}}


def test_what_is_drawn_reaches_the_browsers_without_a_presenter_view(company):
    presenter, beside = come(company, "presenter"), come(company, "viewer")
    far, phone = come(company, "viewer", "another"), come(company, "phone", "phone")
    company.hear(presenter, {"drawn": {"2": "<path/>", "3": None}})
    company.hear(presenter, {"drawn": {"2": "<path/>"}})
    assert (heard(beside), heard(far), heard(phone)) == ([], [{"drawn": {"2": "<path/>"}}], [])
    company.hear(far, {"drawn": {"2": "other"}})
    assert company.drawn == {"2": "<path/>"}


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        [],
        "at",
        {"at": 3},
        {"at": [0, 0]},
        {"at": [1, -1]},
        {"at": [True, 0]},
        {"at": ["1", 0]},
        {"at": [1, 0, 0]},
        {"at": [10**9, 0]},
        {"move": "away"},
        {"hello": 1},
        {"role": "king"},
        {"role": []},
        {"timer": 3},
        {"timer": {"status": "gone"}},
        {"timer": {"status": "running", "passed": "1"}},
        {"timer": {"status": "running", "passed": -1}},
        {"clock": "smash"},
        {"drawn": []},
        {"do": "next"},
        {"unknown": 1},
    ],
)
def test_nonsense_is_passed_over(company, nonsense):
    other, guest = come(company, "viewer"), come(company, "presenter")
    company.hear(guest, nonsense)
    assert heard(other) == []
    assert company.at is None
    assert guest.role == "presenter"


def test_a_window_that_does_not_listen_is_let_go(company):
    one, deaf = come(company, "viewer"), come(company, "viewer")
    for slide in range(1, 1100):
        company.hear(one, {"at": [slide, 0]})
    assert deaf not in company.guests
    assert deaf.outbox.qsize() == 1001


def test_all_are_let_go_at_the_end(company):
    one, two = come(company, "viewer"), come(company, "phone")
    company.disband()
    company.leave(one)
    assert heard(one)[0] is None
    assert heard(two) == [None]
    assert company.guests == []
