"""Whatever stands in a run's names, a real browser shows it as text: no slide more, none less, nothing executed."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from podium.press.build.deck import build_deck
from podium.press.build.walk import Words, walk
from podium.press.pages.escaping import plain
from podium.press.results.table import whole
from podium.runs import append_event

EXPERIMENT = """
from podium.spec import Experiment, ViTConfig
EXPERIMENT = Experiment(question="Which?", expectation="None.", baseline=ViTConfig(), metric="fit", variants={"a": {}})
"""
DECK = """<%= slide("cover", title="Names", questions=False) %>
# <%= ranked("names", "fit")[0] %>
<% for part in ranked("names", "fit") | batch(6) %>
<%= slide("default") %>
<% for name in part %>
- <%= name %> <%= run_names("names", name) %>
<% endfor %>
<% endfor %>
<%= slide("default") %>
<%= claim("names", ranked("names", "fit")[0], ranked("names", "fit")[1], "fit") %>
<%= figure("forest", "names", metric="fit") %>
<%= slide("default") %>
<% for key in facts("names").config %>
- <%= key %>: <%= facts("names").config[key] %>
<% endfor %>
<%= table("names", ["{{ 7*7 }} <i>m</i>"], variants=[ranked("names", "fit")[0]]) %>
"""
WORST = [
    "{{ constructor.constructor('alert(1)')() }}", "---\nlayout: end\n---", "<script>alert(1)</script>",
    "</template><slide/>", "# ![x](javascript:alert(1))", "```\n---", "$\\frac{1}{2}$ `a` *b* _c_ ~d~", "<!-- x -->",
    "::right::", "@click=alert(1) v-if=false", "&lt;b&gt; &#60;i&#62; %> <% raise %>", "\ud800 lone", "\u202egnp.txt",
    "\U0001f469\u200d\U0001f52c é",
]  # fmt: skip
KEY, VALUE = "k{{ 7*7 }}</li>", "---\n# {{ v }} `x`"
names = st.lists(st.text(min_size=1, max_size=24), min_size=10, max_size=10)


def bare(text):
    """What is left of a text when spaces do not count."""
    return "".join(plain(text).split())


@pytest.mark.slow
@settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # an example is a build of half a minute: none is made smaller
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=names)
def test_any_text_of_a_run_is_text_in_a_browser(project, browser, drawn):
    shown = list(dict.fromkeys([*WORST, *(f"{text} {number}" for number, text in enumerate(drawn))]))
    experiments = project.experiments
    experiments.mkdir(exist_ok=True)
    (experiments / "names.py").write_text(EXPERIMENT)
    (project.decks / "talk").mkdir(parents=True, exist_ok=True)
    (project.decks / "talk" / "slides.md.j2").write_text(DECK, "utf-8")
    runs = project.runs / "names"
    for number, name in enumerate(shown):
        for seed in range(3):
            folder = runs / f"run-{number}-{seed}"
            (folder / "record.jsonl").unlink(missing_ok=True)
            origin = {"started": f"{number:03}", "commit": name}
            append_event(folder, "start", experiment="names", variant=name, profile="full", sweep="",
                         config={"seed": seed, "x": number, KEY: VALUE}, provenance=origin)  # fmt: skip
            fit = {"fit": 1 - number / 100 + seed / 1000, "{{ 7*7 }} <i>m</i>": seed / 10}
            append_event(folder, "end", state="finished", reason=name, summary=fit, samples={})
    build_deck(project, "talk")
    words = Words()
    seen = walk(project.build / "slides" / "talk", browser, [words])
    assert seen.slides == 3 + -(-len(shown) // 6)
    assert not seen.errors
    assert not seen.outside
    text = bare("".join(words.texts))
    lost = [name for name in (*shown, KEY, VALUE, "{{ 7*7 }} <i>m</i>") if bare(whole(name)) not in text]
    assert not lost
