"""Faults on pages written by hand, each alone, and what looks like a fault and is none."""

import pytest

from podium.press.build.browser import opened
from podium.press.build.check.checking import check_site
from podium.press.build.check.inspector import look_at
from podium.press.build.serve import serving

PAGE = """<!doctype html><html lang="en"><link rel="icon" href="data:,">
<style>* { margin: 0 } body { font: 20px/1.3 sans-serif; color: #222 }
.slidev-page { position: relative; width: 980px; height: 552px; overflow: hidden }
.slidev-page > * { position: absolute } .foot { top: 510px; left: 52px; width: 800px; font-size: 14px }</style>
<div id="app"><div id="slide-content"><div class="slidev-page" data-slidev-no="1">BODY
<div class="foot">a source, 1 / 1</div></div></div></div>
<script>
const slide = { load: async () => {}, meta: { slide: { frontmatter: {}, note: '' } } }
const nav = { total: 1, clicksTotal: 0, go() {}, slides: [slide] }
document.querySelector('#app').__vue_app__ = { _context: { provides: { '$$slidev-context': { nav } } } }
for (const host of document.querySelectorAll('[data-shadow]')) {
  host.attachShadow({ mode: 'open' }).innerHTML = host.dataset.shadow
}
SCRIPT
</script>"""

FAULTS = {
    "over-footer": '<p style="top: 500px; left: 400px">low</p>',
    "failed-slide": '<div class="slidev-layout">An error occurred on this slide. Check the terminal for more.</div>',
    "clipped": '<div style="width: 60px; overflow: hidden; white-space: nowrap">a line that is far too long</div>',
    "outside-frame": '<table style="top: 40px; left: 930px"><tr><td>7,654,321 km</td></tr></table>',
    "small-text": '<div style="transform: scale(0.5)">shrunk</div>',
    "contrast": '<div style="background: #334155; padding: 9px"><span style="color: #475569">dark on dark</span></div>',
    "overlap": "<p style='top: 9px'>one</p><div data-shadow='<b>two</b>' style='top: 14px'></div>",
    "missing-alt": '<canvas width="300" height="200"></canvas>',
    "broken-picture": '<svg width="200" height="90" aria-label="x"><image href="/gone.png" width="90"/></svg>',
    "broken-diagram": '<pre class="failure">There is no figure "lost" in public/figures.</pre>',
    "lost-slot": "<p>left ::right:: and the rest</p>",
    "dead-link": '<a href="lost.pdf" style="color: #222">the paper</a>',
    "colour-blind": """<svg width="300" height="200" aria-label="bars"><rect x="9" y="9" width="40" height="150"
        fill="#d62728"/><rect x="99" y="9" width="40" height="90" fill="#2ca02c"/></svg>""",
}
GIF = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
NONE = {
    "turned labels": """<svg width="400" height="300" aria-label="axis"><g font-size="16" fill="#222">
        <text transform="translate(50 200) rotate(-45)">positional</text>
        <text transform="translate(66 200) rotate(-45)">sinusoidal</text></g></svg>""",
    "an upright axis": """<svg width="300" height="300" aria-label="axis"><text font-size="16" fill="#222"
        transform="translate(20 250) rotate(-90)">accuracy</text></svg>""",
    "a word under a cover": """<p style="top: 99px">first</p>
        <div style="top: 90px; width: 300px; height: 60px; background: #fff"></div><p style="top: 99px">then</p>""",
    "a picture with its caption": """<figure><canvas width="300" height="200"></canvas><figcaption>a map</figcaption>
        </figure>""",
    "a decoration that bleeds": f'<img alt="" src="{GIF}" style="left: 900px; width: 200px"><p>x</p>',
    "numbers alone": "<table><tr><td>7</td><td>8</td><td>9</td></tr></table>",
    "a scroller that shows all": '<pre style="overflow: auto; width: 400px">short</pre>',
    "white on a dark picture": """<div style="background: linear-gradient(#111, #333); padding: 40px">
        <b style="color: #fff">seen</b></div>""",
    "an exponent": '<svg width="200" height="90" aria-label="x"><text y="40" font-size="16" fill="#222">10<tspan '
    'font-size="11" dy="-6">-3</tspan></text></svg>',
    "a link home": '<a href="#/1" style="color: #222">home</a>',
    "a link to another part of the site": '<a href="/blog/" style="color: #222">the blog</a>',
    "a link out": '<a href="https://example.org" style="color: #222">out</a>',
    "an arrow": '<svg width="300" height="200"><line x1="9" y1="9" x2="250" y2="150" stroke="#222"/></svg><p>x</p>',
}


@pytest.fixture(scope="module")
def look(browser, tmp_path_factory):
    """Look at a page with the given body."""
    site = tmp_path_factory.mktemp("site")
    with serving(site) as address, opened(browser) as page:

        def at(body, script=""):
            (site / "index.html").write_text(PAGE.replace("BODY", body).replace("SCRIPT", script), "utf-8")
            page.goto(f"{address}/")
            return look_at(page)

        at.page = page
        yield at


@pytest.mark.browser
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_found_alone(look, kind):
    assert [finding.kind for finding in look(FAULTS[kind])] == [kind]


@pytest.mark.browser
@pytest.mark.parametrize("what", NONE)
def test_what_is_no_fault_is_not_found(look, what):
    assert look(NONE[what]) == []


@pytest.mark.browser
def test_the_page_is_left_as_it_was(look):
    state = "() => [document.documentElement.outerHTML, document.adoptedStyleSheets.length]"
    assert look(NONE["white on a dark picture"]) == []
    before = look.page.evaluate(state)
    assert look_at(look.page) == []
    assert look.page.evaluate(state) == before


@pytest.mark.browser
def test_a_page_that_is_no_deck_has_nothing_to_look_at(look):
    assert look("", "document.querySelector('.slidev-page').remove()") == []


@pytest.mark.browser
def test_an_empty_page_is_an_empty_slide_in_a_site(browser, tmp_path):
    (tmp_path / "index.html").write_text(PAGE.replace("BODY", "").replace("SCRIPT", "console.error('it broke')"))
    report = check_site(tmp_path, browser)
    assert [finding.kind for finding in report.findings] == ["console-error", "empty-slide"]
    assert report.deck == tmp_path.name
    assert [finding.slide for finding in report.findings] == [1, 1]
