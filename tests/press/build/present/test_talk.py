import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from functools import partial

import pytest

from podium.press.build.browser import NAV, opened
from podium.press.build.present import company, talk
from podium.press.build.present.gate import Gate
from podium.press.build.present.host import Talk, TalkHandler
from podium.press.build.serve import LOOPBACK, listening
from podium.spec import PodiumError

DRAWN = """document.querySelectorAll('[fill="#ff595e"], [stroke="#ff595e"]').length"""  # the pen's colour
PODIUM = [sys.executable, "-c", "from podium.cli import main; main()"]


@pytest.fixture
def built(own_slides, site):
    """A project whose deck `talk` is built."""
    (own_slides.build / "slides").mkdir(parents=True)
    (own_slides.build / "slides" / "talk").symlink_to(site, target_is_directory=True)
    return own_slides


@contextmanager
def presenting(project, *words):
    """Run `podium present` as a person does, until it has said all it says."""
    process = subprocess.Popen(
        [*PODIUM, "present", *words],
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    try:
        said = ""
        while "Ctrl-C ends." not in said and (line := process.stdout.readline()):
            said += line
        yield process, said
    finally:
        process.kill()
        process.communicate()


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except urllib.error.URLError:
        return None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_talk(built, number):
    with presenting(built, "talk") as (process, said):
        here = re.search(r"talk: (\S+)", said)[1]
        assert here.startswith("http://127.0.0.1:")
        assert f"presenter view: {here}#/presenter/1" in said
        assert "password" not in said
        assert answers(here) == 200
        process.send_signal(number)
        assert process.wait(timeout=10) == 130
        assert answers(here) is None


def test_on_the_network_a_password_is_made_and_shown_with_a_code(built):
    with presenting(built, "talk", "--remote") as (process, said):
        here = re.search(r"talk: (\S+)", said)[1]
        assert re.search(r"password: [a-z2-9]{5}-[a-z2-9]{5}\n", said)
        assert re.search(r"phone: http://[\d.]+:\d+/_podium/remote\n", said)
        assert "\N{FULL BLOCK}" in said
        assert answers(here) == 401
        process.send_signal(signal.SIGINT)
        process.wait(timeout=10)


def test_a_terminal_without_blocks_gets_no_code(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert talk.code("http://192.0.2.7") == ""


def test_what_cannot_be_presented_is_said(own_slides, site):
    with pytest.raises(PodiumError, match="did you mean 'talk'"):
        talk.present(own_slides, "talks")
    with pytest.raises(PodiumError, match="not built yet; run `podium slides talk`"):
        talk.present(own_slides, "talk")
    (own_slides.build / "slides").mkdir(parents=True)
    (own_slides.build / "slides" / "talk").symlink_to(site, target_is_directory=True)
    with pytest.raises(PodiumError, match="add --remote"):
        talk.present(own_slides, "talk", password="open sesame")
    with pytest.raises(PodiumError, match="it needs 8"):
        talk.present(own_slides, "talk", remote=True, password="short")


def test_a_site_knows_the_path_that_it_was_built_for(site):
    assert talk.base_of(site) == "/"
    (site / "index.html").write_text('<script src="/talks/digits/assets/index.js"></script>')
    assert talk.base_of(site) == "/talks/digits/"


def test_beside_the_main_thread_signals_stay_as_they_are(built, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(talk, "wait", lambda: None)
    thread = threading.Thread(target=talk.present, args=(built, "talk"))
    thread.start()
    thread.join(timeout=10)
    assert not thread.is_alive()
    talk.present(built, "talk")
    assert signal.getsignal(signal.SIGTERM) is before


def test_waiting_waits(monkeypatch):
    monkeypatch.setattr(threading.Event, "wait", lambda self: None)
    assert talk.wait() is None


def until(asked, wanted, seconds=20.0):
    """Wait until a question has its answer; give the last one."""
    end = time.monotonic() + seconds
    while (found := asked()) != wanted and time.monotonic() < end:
        time.sleep(0.03)
    return found


@contextmanager
def talking_over(site, password):
    talk_of = Talk(site, Gate(password), network=True)
    with listening(partial(TalkHandler, talk=talk_of), LOOPBACK, 0) as port:
        yield f"http://{LOOPBACK}:{port}"


def at(*pages):
    """Where windows are: slide and click of each."""
    return [page.evaluate(f"[{NAV}.currentSlideNo, {NAV}.clicks]") for page in pages]


def come_to(wanted, *pages):
    assert until(lambda: at(*pages), [wanted] * len(pages)) == [wanted] * len(pages)


@contextmanager
def greeting_late(monkeypatch, seconds=1.0):
    """Answer hello as a busy machine does."""
    greet = company.HEARD["hello"]

    def late(*told):
        time.sleep(seconds)
        greet(*told)

    with monkeypatch.context() as patch:
        patch.setitem(company.HEARD, "hello", late)
        yield


def enter(page, address, password, to):
    page.goto(f"{address}/")
    assert page.url.endswith("/_podium/login")
    page.fill("#password", password)
    page.click(f"button[value={to}]")


@pytest.mark.browser
@pytest.mark.slow
def test_windows_presenter_view_and_phone_stay_together(sample, browser, monkeypatch):
    errors, password = [], "open-sesame"
    with talking_over(sample[2], password) as address, opened(browser) as beamer:
        start = beamer.context.browser.new_context
        laptop = start(viewport={"width": 1280, "height": 800})
        presenter, late = laptop.new_page(), laptop.new_page()
        phone = start(viewport={"width": 390, "height": 844}, has_touch=True).new_page()
        for page in (beamer, presenter, late, phone):
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)

        enter(beamer, address, "a guess", "deck")
        beamer.wait_for_selector("#said:has-text('not the password')")
        errors.clear()  # the browser says that it was refused
        enter(beamer, address, password, "deck")
        beamer.wait_for_selector("#slideshow")
        enter(presenter, address, password, "presenter")
        presenter.wait_for_selector(".slidev-note:has-text('Say hello')")
        assert not beamer.evaluate("document.body.textContent.includes('Say hello')")
        phone.goto(f"{address}/_podium/login#{password}")  # what the code holds
        phone.wait_for_selector("#notes:has-text('Say hello')")
        assert "#" not in phone.url
        assert until(lambda: phone.inner_text("#place"), f"1 / {beamer.evaluate(f'{NAV}.total')}").startswith("1 / 1")

        presenter.keyboard.press("ArrowRight")
        come_to([2, 0], beamer, presenter)
        beamer.keyboard.press("ArrowRight")
        come_to([3, 0], beamer, presenter)
        phone.click("#next")
        come_to([3, 1], beamer, presenter)
        phone.click("#prev")
        come_to([3, 0], beamer, presenter, phone.frames[1])
        for _ in range(6):
            presenter.keyboard.press("ArrowRight")
        for _ in range(4):
            beamer.keyboard.press("ArrowLeft")
        assert until(lambda: at(beamer) == at(presenter) == at(phone.frames[1]), wanted=True)
        phone.click("#list")
        phone.click("#slides li:nth-child(2) button")
        come_to([2, 0], beamer, presenter, phone.frames[1])
        with greeting_late(monkeypatch):
            late.goto(f"{address}/#/9")
            come_to([2, 0], late, beamer)

        phone.click("#clock")
        assert until(lambda: phone.inner_text("#clock") >= "0:01", wanted=True)
        assert until(lambda: presenter.evaluate("/0:0[1-9]/.test(document.body.innerText)"), wanted=True)
        presenter.click('button[title="Show drawing toolbar"]')
        box = presenter.locator("#slide-content").first.bounding_box()
        presenter.mouse.move(box["x"] + 60, box["y"] + 60)
        presenter.mouse.down()
        presenter.mouse.move(box["x"] + 200, box["y"] + 160, steps=6)
        presenter.mouse.up()
        for page in (late, beamer):  # a window of the same browser, and one of another
            assert until(lambda page=page: page.evaluate(DRAWN) > 0, wanted=True)
    assert errors == []
