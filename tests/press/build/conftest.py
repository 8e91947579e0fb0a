import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from podium.press.build.site import build_site
from podium.spec.project import Project

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
BASE = "/talks/sample/"


def project_at(folder):
    """A project of its own whose slides are those of the repository."""
    (folder / "experiments").mkdir(parents=True)
    (folder / "slides").symlink_to(ROOT / "slides", target_is_directory=True)
    return Project(folder)


@pytest.fixture
def project(tmp_path):
    return project_at(tmp_path / "project")


@pytest.fixture
def own_slides(tmp_path):
    """A project with a small npm project of its own: nothing of the repository is touched."""
    root = tmp_path / "own"
    for name in ("experiments", "slides/theme", "slides/decks/talk"):
        (root / name).mkdir(parents=True)
    (root / "slides" / "package-lock.json").write_text("{}")
    (root / "slides" / "theme" / "package.json").write_text("{}")
    (root / "slides" / "decks" / "talk" / "slides.md.j2").write_text("# Talk\n")
    return Project(root)


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """The sample deck, built once: its project, rendered folder and site."""
    made = project_at(tmp_path_factory.mktemp("sample") / "project")
    folder = made.build / "decks" / "sample"
    shutil.copytree(HERE / "sample", folder)
    built = build_site(made, folder, made.build / "slides" / "sample")
    assert built.rebuilt
    return made, folder, built.path


@pytest.fixture(scope="session")
def walked(sample, browser, tmp_path_factory):
    """The one walk through the sample deck, served from a sub-path: what was seen, and every format made of it."""
    from podium.press.build.labels import Labels
    from podium.press.build.notes import read_notes
    from podium.press.build.pdf import Print
    from podium.press.build.pictures import Pictures
    from podium.press.build.powerpoint import PowerPoint
    from podium.press.build.transcript import Transcript
    from podium.press.build.walk import Words, walk

    out, site = tmp_path_factory.mktemp("outputs"), sample[2]
    words, labels, notes = Words(), Labels(), read_notes(site)
    makers = {
        "pdf": Print(out / "new" / "sample.pdf"),
        "png": Pictures(out / "sample.pictures"),
        "pptx": PowerPoint(out / "sample.pptx", notes=notes),
        "md": Transcript(out / "sample.md", notes=notes),
    }
    seen = walk(site, browser, [words, labels, *makers.values()], scale=2, base=BASE)
    made = {name: maker.finish() for name, maker in makers.items()}
    return SimpleNamespace(seen=seen, texts=words.texts, drawn=labels.drawn, makers=makers, **made)


# A built deck as the walk sees it, without Slidev: three slides with 0, 2 and 1 clicks, and whatever a test adds.
FAKE = """<!doctype html><html lang="de"><head><title>Fake - Slidev</title><link rel="icon" href="data:,"></head>
<style>*{margin:0}.slidev-page{position:absolute;width:980px;height:552px;background:#fff}</style>
<body><div id="app"></div><script>
const clicks = [0, 2, 1], app = document.querySelector('#app')
const nav = {
  total: 3, currentPage: 1, clicks: 0,
  get clicksTotal() { return clicks[this.currentPage - 1] },
  go(slide, click) {
    Object.assign(this, { currentPage: slide, clicks: click })
    app.innerHTML = `<div class="slidev-page" data-slidev-no="${slide}"><h1>Slide ${slide}</h1><p>click ${click}</p>`
      + `<a href="#/3">on</a> <a href="#/9">nowhere</a> <a href="https://example.org/">out</a></div>`
    ADDED
  },
}
app.__vue_app__ = { _context: { provides: { '$$slidev-context': { nav } } } }
nav.go(1, 0)
</script></body></html>"""


@pytest.fixture
def fake_site(tmp_path):
    """Make a site without Slidev; `added` runs whenever a slide is shown."""

    def make(added=""):
        site = tmp_path / "site"
        site.mkdir(exist_ok=True)
        (site / "index.html").write_text(FAKE.replace("ADDED", added))
        return site

    return make
