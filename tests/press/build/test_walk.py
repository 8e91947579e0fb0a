import threading

import pytest

from podium.press.build import browser as driving
from podium.press.build.labels import lost_labels
from podium.press.build.walk import Stop, Words, walk
from podium.spec import PodiumError

pytestmark = pytest.mark.browser


class Every:
    def __init__(self):
        self.stops, self.threads = [], set()

    def visit(self, page, stop):
        assert page.evaluate("() => document.querySelector('p').innerText") == f"click {stop.click}"
        self.stops.append(stop)
        self.threads.add(threading.current_thread().name)


def test_every_stop_is_visited_and_some_only_at_the_end(fake_site, browser):
    every, words, done = Every(), Words(), []
    seen = walk(fake_site(), browser, [every, words], hands=2, progress=lambda *so_far: done.append(so_far))
    assert sorted((stop.slide, stop.click) for stop in every.stops) == [(1, 0), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1)]
    assert [stop.last for stop in sorted(every.stops, key=lambda s: (s.slide, s.click))] == [1, 0, 0, 1, 0, 1]
    assert [text.split()[:4] for text in words.texts] == [
        ["Slide", "1", "click", "0"], ["Slide", "2", "click", "2"], ["Slide", "3", "click", "1"]]  # fmt: skip
    assert (seen.slides, seen.clicks, seen.outside, seen.errors) == (3, 3, [], [])
    assert done == [(1, 3), (2, 3), (3, 3)]
    assert seen.took > 0


def test_where_nobody_asks_for_every_click_none_is_shown(fake_site, browser):
    site = fake_site("if (click < nav.clicksTotal && click) console.error('seen')")
    assert walk(site, browser, [Words()], hands=1).errors == []


def test_what_goes_wrong_is_said_with_its_slide(fake_site, browser, monkeypatch):
    monkeypatch.setattr(driving, "WAIT_MS", 400)
    site = fake_site("""
      if (slide === 2 && !click) { app.firstChild.innerHTML += '<img src="http://outside.invalid/x.png">'
                                   new WebSocket('ws://outside.invalid/') }
      if (slide === 2 && click === 1) { alert(1); fetch('missing.json') }
      if (slide === 3 && !click) { app.firstChild.innerHTML += '<p data-drawing>'; setTimeout(() => undefined.x) }
    """)
    seen = walk(site, browser, [Every()], hands=1)
    assert seen.asked == {"http://outside.invalid/x.png": 2, "ws://outside.invalid/": 2}
    assert "slide 2: dialog: 1" in seen.errors
    assert any(error.startswith("slide 2: Failed to load resource") and "/missing.json>" in error
               for error in seen.errors)  # fmt: skip
    assert "slide 3: not drawn in time: a drawing" in seen.errors
    assert any(error.startswith("slide 3: Cannot read properties of undefined") for error in seen.errors)


def test_a_visitor_that_fails_ends_the_walk(fake_site, browser):
    class Failing:
        def visit(self, page, stop):
            raise ValueError(stop.slide)

    with pytest.raises(ValueError, match=r"[12]"):
        walk(fake_site(), browser, [Failing()], hands=2)


def test_a_browser_that_is_none_is_said(fake_site, tmp_path):
    (tmp_path / "browser").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "browser").chmod(0o755)
    with pytest.raises(PodiumError, match=r"The browser .* failed at slide 1: .* another one with PODIUM_BROWSER"):
        walk(fake_site(), tmp_path / "browser")


def test_the_sample_deck_walks_clean_from_a_sub_path(walked):
    assert (walked.seen.outside, walked.seen.errors) == ([], [])
    assert (walked.seen.slides, walked.seen.clicks) == (12, 6)
    assert lost_labels(['a["checkpoint"]', 'b["never drawn"]'], walked.drawn) == [
        "a diagram lost the label 'never drawn'"
    ]


def test_hostile_names_are_only_text(walked):
    assert "{{ 7*7 }}</script><img src=x onerror=alert(1)>" in walked.texts[9]


def test_a_stop_is_last_when_no_click_is_left():
    assert Stop(1, 2, 2).last
    assert not Stop(1, 1, 2).last
