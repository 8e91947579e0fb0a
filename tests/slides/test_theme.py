"""The theme in a real browser: every layout and component on both grounds."""

import re

import pytest

from podium.press.build.browser import go, opened, settle
from podium.press.build.serve import serving

pytestmark = [pytest.mark.slow, pytest.mark.browser]

LAYOUTS = {
    "appendix", "code", "cover", "default", "demo", "end", "figure", "figure-pair", "quote", "receipts", "section",
    "statement", "table", "two-cols-header",
}  # fmt: skip
SHOWN = "[...document.querySelectorAll('.slidev-page')].find(p => p.getClientRects().length)"
GROUNDS = f"""() => [...{SHOWN}.querySelectorAll(':scope > .slidev-layout, :scope > .slide-top')]
  .map(e => [...e.classList].filter(c => c.startsWith('ground-')))"""
FIGURE_TEXT = f"() => getComputedStyle({SHOWN}.querySelector('.figure').shadowRoot.querySelector('text')).fill"
BOX = f"""kind => {{
  const root = {SHOWN}.querySelector(kind).shadowRoot
  const box = root.querySelector(kind === '.mermaid' ? '.node.code rect, .code > rect' : 'g rect, g path, rect')
  return getComputedStyle(box).fill
}}"""


@pytest.fixture(scope="module")
def page(kitchen, browser):
    """The kitchen in a browser; errors of the page are collected in `page.errors`."""
    with serving(kitchen[2]) as address, opened(browser) as shown:
        shown.errors = []
        shown.on("pageerror", lambda error: shown.errors.append(str(error)))
        shown.goto(f"{address}/#/1")
        settle(shown)
        yield shown
        assert shown.errors == []


@pytest.fixture(scope="module")
def slides(kitchen):
    """Layout and ground of each slide, as the front matter says."""
    text = (kitchen[1] / "slides.md").read_text("utf-8")
    fronts = re.findall(r"^---\n(.*?)^---\n", text, re.MULTILINE | re.DOTALL)
    return [
        tuple((re.findall(rf"^{key}: (\S+)$", front, re.MULTILINE) or [""])[0] for key in ("layout", "ground"))
        for front in fronts
    ]


def place(slides, layout, ground, index=0):
    """The number of a slide."""
    return [number for number, slide in enumerate(slides, start=1) if slide == (layout, ground)][index]


def test_the_kitchen_has_every_layout_on_both_grounds(slides):
    """That it walks clean is tested where the check is: tests/press/build/check/test_checking.py."""
    for ground in ("light", "dark"):
        assert {layout for layout, stands in slides if stands == ground} == LAYOUTS


def test_a_slide_and_its_corners_stand_on_the_ground_it_asks_for(page, slides):
    for number in (place(slides, "cover", "light"), place(slides, "table", "dark"), place(slides, "code", "light")):
        go(page, number, 0)
        assert page.evaluate(GROUNDS) == [[f"ground-{slides[number - 1][1]}"]] * 2


def test_the_ground_is_the_viewers_where_nobody_says(page):
    go(page, 1, 0)
    inks = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(400)
        settle(page)
        assert page.evaluate(GROUNDS) == [[f"ground-{scheme}"]] * 2
        inks[scheme] = page.evaluate(FIGURE_TEXT)
    page.emulate_media(color_scheme="light")
    assert inks["light"] != inks["dark"]


def test_diagrams_take_the_colours_of_their_ground(page, slides):
    for kind, index in ((".mermaid", 1), (".plantuml", 2)):
        fills = []
        for ground in ("light", "dark"):
            go(page, place(slides, "figure", ground, index), 0)
            fills.append(page.evaluate(BOX, kind))
        assert len(set(fills)) == 2, (kind, fills)


def test_code_is_lit_line_by_line_and_the_rest_can_still_be_read(page, slides):
    for ground, faint in (("light", "rgb(91, 107, 130)"), ("dark", "rgb(148, 163, 184)")):
        go(page, place(slides, "code", ground, 1), 1)
        dimmed = page.evaluate(
            f"() => [...{SHOWN}.querySelectorAll('.slidev-code-dishonored span')].map(e => [getComputedStyle(e).color, "
            "getComputedStyle(e.closest('.line')).opacity].join())"
        )
        assert set(dimmed) == {f"{faint},1"}


def test_the_mark_in_the_corner_opens_the_receipts_of_its_slide(page, slides):
    go(page, place(slides, "two-cols-header", "light"), 1)
    mark = page.locator(".slidev-page:visible .receipt-mark")
    assert mark.inner_text().strip() == "4"
    mark.click()
    panel = page.locator(".slidev-page:visible .receipt-panel")
    assert panel.locator("li").count() == 4
    panel.locator("li button").first.click()
    assert "interval" in panel.inner_text()
    assert panel.evaluate("e => e.scrollHeight <= e.clientHeight"), "a receipt is longer than its panel"
    page.keyboard.press("Escape")
    assert panel.count() == 0
    page.locator(".slidev-page:visible td .podium-number").first.click()
    assert panel.count() == 1
    panel.get_by_label("Close").click()
    assert panel.count() == 0


def test_a_drill_down_opens_over_the_slide(page, slides):
    for ground in ("light", "dark"):
        go(page, place(slides, "default", ground, 1), 0)
        page.locator(".slidev-page:visible .podium-drill").click()
        panel = page.locator(".slidev-page:visible .drilled")
        assert panel.locator("tbody tr").count() == 2
        box, slide = panel.bounding_box(), page.locator(".slidev-page:visible").bounding_box()
        assert box["width"] > 0.85 * slide["width"]
        assert panel.locator("td").first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 18
        page.keyboard.press("Escape")
        assert panel.count() == 0


def test_whoever_asked_for_no_motion_gets_none(page, slides):
    go(page, place(slides, "cover", "dark"), 0)
    assert page.evaluate("() => document.getAnimations().filter(a => a.playState === 'running').length") == 0
