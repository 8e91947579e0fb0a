import re
import socket

import pytest

from podium.press.build.present import gate
from podium.spec import PodiumError


@pytest.fixture
def clock():
    now = [100.0]

    def read():
        return now[0]

    read.now = now
    return read


def test_without_a_password_everybody_comes_in():
    assert gate.Gate().admits("")


def test_the_right_password_gives_a_token_of_its_own(clock):
    door = gate.Gate("open sesame", clock=clock)
    first, second = door.enter("a", "open sesame"), door.enter("b", "open sesame")
    assert len({first, second}) == 2
    assert door.admits(first)
    assert door.admits(second)
    assert not door.admits("")
    assert not door.admits(f"{first}x")
    assert door.enter("a", "open  sesame") is None


def test_wrong_tries_wait_longer_and_longer_and_then_even_the_right_one_waits(clock):
    door = gate.Gate("open sesame", clock=clock)
    for _ in range(3):
        assert door.enter("a", "guess") is None
    with pytest.raises(gate.TooSoonError) as caught:
        door.enter("a", "open sesame")
    assert caught.value.seconds == 1
    assert door.enter("b", "open sesame")
    clock.now[0] += 1
    assert door.enter("a", "guess") is None
    clock.now[0] += 1
    with pytest.raises(gate.TooSoonError):
        door.enter("a", "open sesame")
    clock.now[0] += 1
    assert door.enter("a", "open sesame")
    assert door.enter("a", "guess") is None  # begins anew


def test_a_wait_has_an_end(clock):
    door = gate.Gate("open sesame", clock=clock)
    for _ in range(30):
        door.enter("a", "guess")
        clock.now[0] += gate.LONGEST_WAIT
    clock.now[0] -= 1
    with pytest.raises(gate.TooSoonError) as caught:
        door.enter("a", "guess")
    assert caught.value.seconds == 1


def test_many_addresses_together_wait_too_and_old_tries_are_forgotten(clock):
    door = gate.Gate("open sesame", clock=clock)
    for number in range(gate.MANY):
        door.enter(f"address {number}", "guess")
    with pytest.raises(gate.TooSoonError):
        door.enter("another", "open sesame")
    clock.now[0] += gate.FORGOTTEN
    assert door.enter("another", "guess") is None
    assert len(door._wrong) == 2


def test_a_password_that_is_made_can_be_read_aloud():
    made = {gate.new_password() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"[a-z2-9]{5}-[a-z2-9]{5}", one) for one in made)


def test_a_short_password_is_refused():
    assert gate.checked_password("12345678") == "12345678"
    with pytest.raises(PodiumError, match="7 letters; it needs 8"):
        gate.checked_password("1234567")


@pytest.mark.parametrize(
    ("name", "loopback", "network"),
    [
        ("127.0.0.1", True, True),
        ("localhost", True, True),
        ("[::1]", True, True),
        ("192.0.2.7", False, True),
        ("[2001:db8::7]", False, True),
        ("talk.example", False, False),
        ("127.0.0.1.talk.example", False, False),
        ("", False, False),
    ],
)
def test_only_own_names_and_addresses_are_answered(name, loopback, network):
    assert gate.is_own_name(name, network=False) is loopback
    assert gate.is_own_name(name, network=True) is network


def test_the_machine_s_own_name_is_known_on_the_network():
    here = socket.gethostname().lower()
    assert gate.is_own_name(f"{here.partition('.')[0]}.local", network=True)
    assert not gate.is_own_name(f"{here.partition('.')[0]}.local", network=False)


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("http://127.0.0.1:3030", True),
        ("http://127.0.0.1:3031", False),
        ("http://talk.example", False),
        ("null", False),
        ("", False),
        (None, False),
    ],
)
def test_a_page_of_a_stranger_is_known_by_its_origin(origin, own):
    assert gate.is_own_origin(origin, "127.0.0.1:3030") is own
    assert not gate.is_own_origin(origin, "")


def test_an_address_is_found_without_a_network(monkeypatch):
    assert gate._is_address(gate.own_address())

    def unreachable(self, address):
        raise OSError

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert gate.own_address() == "127.0.0.1"
