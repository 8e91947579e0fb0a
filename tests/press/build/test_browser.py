import os

import pytest

from podium.press.build import browser as module
from podium.press.build.browser import find_browser, opened, walk
from podium.press.build.pdf import build_pdf
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
def test_the_sample_deck_walks_clean(walked):
    assert (walked.outside, walked.errors, walked.faults) == ([], [], [])
    assert walked.clean
    assert (walked.slides, walked.clicks) == (11, 6)
    assert len(walked.pictures) == 11


@pytest.mark.browser
def test_hostile_names_are_only_text(walked):
    assert "{{ 7*7 }}</script><img src=x onerror=alert(1)>" in walked.texts[9]


@pytest.mark.browser
def test_a_click_on_a_number_opens_its_receipt_and_escape_closes_it(sample, browser):
    with serving(sample[2]) as address, opened(browser) as page:
        page.goto(f"{address}/#/7")
        module.settle(page)
        page.click(".podium-number:visible")
        panel = page.locator(".receipt-panel:visible")
        panel.wait_for()
        words = panel.inner_text()
        assert "Where 99.1 % comes from" in words
        assert "98.9 to 99.3 %" in words
        assert "3f9c1e2, clean tree" in words
        assert [f for f in page.evaluate(module.FAULTS) if "receipt" in f] == []
        page.keyboard.press("Escape")
        panel.wait_for(state="detached")


BAD = """<!doctype html><link rel="icon" href="data:,">
<style>*{margin:0}.slidev-page{position:relative;width:980px;height:552px}.foot{position:absolute;top:500px}</style>
<div id="app"><div class="slidev-page">
<div class="wide" style="position:absolute;left:900px;width:200px;height:20px">wide
</div>
<p style="font-size:9px">tiny</p><pre class="failure">broken</pre><p style="margin-top:480px">low</p>
<div style="height:10px;overflow:hidden">cut<br>off<br>here</div><div id="host"></div>
<img src="missing.png"><img src="http://outside.invalid/x.png"><div class="foot">foot</div></div></div>
<script>
const shadow = document.querySelector('#host').attachShadow({mode: 'open'})
shadow.innerHTML = '<svg viewBox="0 0 100 100" width="50" height="50"><text y="20" font-size="12">small</text></svg>'
const nav = {total: 1, clicksTotal: 0, go() {}}
document.querySelector('#app').__vue_app__ = {_context: {provides: {'$$slidev-context': {nav}}}}
setTimeout(() => { alert(1); undefined.x }, 50)
</script>"""


@pytest.mark.browser
def test_each_fault_is_found(tmp_path, browser):
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text(BAD)
    seen = walk(site, browser)
    assert not seen.clean
    assert seen.outside == ["http://outside.invalid/x.png"]
    assert any("dialog: 1" in error for error in seen.errors)
    assert any("undefined" in error for error in seen.errors)
    assert any("404" in error for error in seen.errors)
    found = "\n".join(seen.faults)
    for fault in ("outside the frame: div.wide", "text of 9 px", "diagram failed: broken", "over the footer: p (low)"):
        assert fault in found
    assert "cut off" in found
    assert "label of 6.0 px: small" in found
    assert "picture not loaded: missing.png" in found


@pytest.mark.browser
def test_the_pdf_has_a_vector_page_a_slide(sample, browser, tmp_path):
    from pypdf import PdfReader

    out = build_pdf(sample[2], tmp_path / "new" / "sample.pdf", browser)
    reader = PdfReader(out)
    assert len(reader.pages) == 11
    assert "know where it is looking" in " ".join(reader.pages[0].extract_text().split())
    assert float(reader.pages[0].mediabox.width) == pytest.approx(980 * 0.75, abs=1)
    assert [path.name for path in out.parent.iterdir()] == ["sample.pdf"]
