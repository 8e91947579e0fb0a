import os

import pytest

from podium.press.build import browser as module
from podium.press.build.browser import find_browser, go, opened, settle
from podium.press.build.serve import serving


@pytest.fixture
def bare(monkeypatch, tmp_path):
    monkeypatch.delenv("PODIUM_BROWSER", raising=False)
    monkeypatch.delenv("PLAYWRIGHT_BROWSERS_PATH", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(module, "APPLICATIONS", ())
    return tmp_path


def program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_browser_is_looked_for_in_order(bare, monkeypatch):
    assert find_browser() is None
    own = program(bare / "home/.cache/ms-playwright/chromium-1200/chrome-linux/chrome")
    assert find_browser() == own
    application = program(bare / "Chrome")
    monkeypatch.setattr(module, "APPLICATIONS", (str(bare / "none"), str(application)))
    assert find_browser() == application
    system = program(bare / "bin" / "chromium")
    assert find_browser() == system
    monkeypatch.setenv("PODIUM_BROWSER", str(application))
    assert find_browser() == application
    monkeypatch.setenv("PODIUM_BROWSER", os.devnull + "/none")
    assert find_browser() is None


@pytest.mark.browser
def test_a_click_on_a_number_opens_its_receipt_and_escape_closes_it(sample, browser):
    with serving(sample[2]) as address, opened(browser) as page:
        page.goto(f"{address}/#/7")
        settle(page)
        page.click(".podium-number:visible")
        panel = page.locator(".receipt-panel:visible")
        panel.wait_for()
        words = panel.inner_text()
        assert "Where 99.1 % comes from" in words
        assert "98.9 to 99.3 %" in words
        assert "3f9c1e2, clean tree" in words
        page.keyboard.press("Escape")
        panel.wait_for(state="detached")


@pytest.mark.browser
def test_what_is_not_drawn_is_named_and_motion_is_over_at_once(fake_site, browser, monkeypatch):
    monkeypatch.setattr(module, "WAIT_MS", 300)
    site = fake_site("""
      const turning = '<p style="animation: 90s spin infinite; rotate: 0deg">'
      app.firstChild.innerHTML += ['', '<div class="mermaid">.</div>', turning][slide - 1]
        + '<style>@keyframes spin { to { rotate: 9deg } }</style>'
    """)
    with serving(site) as address, opened(browser) as page:
        page.goto(address)
        assert settle(page) == ""
        assert go(page, 2, 0) == "a mermaid diagram"
        assert go(page, 3, 1) == ""
        assert settle(page, 2) == "the slide"
        assert settle(page, 3, 0) == "the click"
        page.evaluate("() => document.querySelector('#app').replaceChildren()")
        assert settle(page) == "the slide"
        page.evaluate("() => document.querySelector('#app').remove()")
        assert settle(page) == "Slidev"
