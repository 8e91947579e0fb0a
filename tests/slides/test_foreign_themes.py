"""Our components, figures, code and receipts in themes of somebody else, in a real browser."""

from pathlib import Path

import pytest

from podium.press.build.browser import opened, settle
from podium.press.build.check.checking import judge
from podium.press.build.check.inspector import Inspect
from podium.press.build.serve import serving
from podium.press.build.site import build_site
from podium.press.build.walk import walk
from podium.press.pages.render import render

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ROOT = Path(__file__).parents[2]
MINE = """<template>
  <div class="slidev-layout"><b>mine</b><slot /></div>
</template>
"""
FOREIGN = """<%= slide("cover", title="Foreign", theme={theme!r}, questions=False, kicker="k", foot="left") %>
# Whose look is this?

A line below

<%= slide("default", kicker="Text", foot="in the corner", ground="dark") %>
# Text in their look

<%= number("positional_encoding", "learned", "test_accuracy") %> and <PodiumBadge>shown</PodiumBadge>

<%= slide("figure", kicker="A figure", ground="dark") %>
# A figure of ours on a dark ground

<%= claim("positional_encoding", "learned", "none", "test_accuracy") %>

<%= figure("curves", "positional_encoding", metric="val_accuracy") %>

<%= slide("code", kicker="Code") %>
# Code of ours

<%= excerpt("podium.lab.models.attention:split") %>

<%= slide("figure", kicker="Diagrams") %>
# A diagram of ours

<%= diagram("classes", "vision_to_sequence") %>

<%= slide("receipts", kicker="Appendix") %>
# Where the numbers come from

<%= receipts(0, 4) %>

<%= slide("end") %>
# Thank you
"""


@pytest.fixture(params=["seriph", "default", "./mine"])
def foreign(request, project):
    """A deck in a theme of somebody else: from npm by its short name, or a folder beside the template."""
    project.experiments.rmdir()
    project.experiments.symlink_to(ROOT / "experiments", target_is_directory=True)
    deck = project.decks / "talk"
    (deck / "mine" / "layouts").mkdir(parents=True)
    (deck / "mine" / "package.json").write_text('{"name": "slidev-theme-mine"}')
    (deck / "mine" / "layouts" / "default.vue").write_text(MINE)
    (deck / "mine" / "styles.ts").write_text('import "@slidev/client/styles/layouts-base.css"')
    (deck / "slides.md.j2").write_text(FOREIGN.format(theme=request.param))
    folder = render(project, "talk", "frozen").folder
    return request.param, folder, build_site(project, folder, project.build / "slides" / "talk").path


def test_our_parts_work_in_a_theme_of_somebody_else(foreign, browser):
    theme, folder, site = foreign
    assert (folder / "public" / "figures" / "curves-positional_encoding-val_accuracy.dark.svg").is_file()
    inspect = Inspect(pictures=False, projected=False)
    report = judge(inspect, walk(site, browser, [inspect]), deck=theme)
    assert (report.slides, report.errors) == (7, ())
    with serving(site) as address, opened(browser) as shown:
        shown.goto(f"{address}/#/2")
        settle(shown)
        text = shown.locator(".slidev-page:visible").inner_text()
        assert ("mine" in text) == (theme == "./mine")
        assert "in the corner" in text
        assert "2 / 7" in text
        shown.locator(".slidev-page:visible .podium-number").click()
        assert shown.locator(".slidev-page:visible .receipt-panel").is_visible()
