"""The policy stands in every page of a site, once, and a real browser keeps to it."""

import re
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from podium.press.build.browser import opened
from podium.press.build.policy import DIRECTIVES, policy_of, protect
from podium.spec import PodiumError

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>A deck</title>
<script>window.ours = 1</script>
<script type="module" src="./own.js"></script>
</head>
<body><div id="app"></div></body>
</html>
"""
OWN = """
const tried = {}
const attempt = async (name, act) => {
  try { await act(); tried[name] = 'ran' } catch (e) { tried[name] = 'refused' }
}
const app = document.getElementById('app')
app.innerHTML = '<img src="data:," onerror="window.hurt = 1"><p style="color: rgb(1, 2, 3)">styled</p>'
const script = document.createElement('script'); script.textContent = 'window.hurt = 2'
document.head.append(script)
await attempt('eval', () => eval('1'))
await attempt('function', () => new Function('return 1')())
await attempt('own', () => fetch('./own.js'))
await attempt('wasm', () => WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])))
const elsewhere = location.origin.replace('127.0.0.1', 'localhost')
await attempt('outside', () => fetch(elsewhere + '/own.js', { mode: 'no-cors' }))
const frame = document.createElement('iframe')
frame.srcdoc = '<script>parent.hurt = 3<\\/script>'; app.append(frame)
const form = document.createElement('form'); form.action = '/taken'; form.method = 'post'
app.append(form); form.submit()
await new Promise(done => setTimeout(done, 300))
window.tried = tried
"""


@pytest.fixture
def site(tmp_path):
    made = tmp_path / "site"
    made.mkdir()
    (made / "index.html").write_text(PAGE)
    (made / "404.html").write_text(PAGE.replace("window.ours", "window.lost"))
    (made / "own.js").write_text(OWN)
    return made


def content(path):
    return re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', path.read_text())


def test_every_page_carries_the_policy_before_anything_that_loads(site):
    policy = protect(site)
    page = (site / "index.html").read_text()
    assert content(site / "index.html") == [policy]
    assert page.index("Content-Security-Policy") < page.index("<title>") < page.index("<script")
    assert content(site / "404.html") != [policy]  # its own script has another digest
    assert content(site / "404.html")[0].startswith("default-src 'none'; script-src 'self'")


def test_protecting_again_changes_nothing(site):
    first = protect(site)
    before = {path.name: path.read_bytes() for path in site.iterdir()}
    assert protect(site) == first
    assert {path.name: path.read_bytes() for path in site.iterdir()} == before


def test_a_policy_that_was_there_is_replaced(site):
    loose = '<meta http-equiv="content-security-policy" content="default-src *">\n'
    (site / "index.html").write_text(PAGE.replace("<title>", loose + "<title>"))
    assert content(site / "index.html") == []
    policy = protect(site)
    assert content(site / "index.html") == [policy]
    assert "default-src *" not in (site / "index.html").read_text()


def test_scripts_in_the_page_are_named_by_digest_and_no_word_lets_others_in():
    policy = policy_of("<script>a</script><script src='x.js'></script><script>a</script><script> </script>")
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert scripts.count("sha256-") == 1
    assert "'unsafe-eval'" not in policy
    assert "'unsafe-inline'" not in scripts
    assert not any("http" in word or "*" in word for words in DIRECTIVES.values() for word in words)


def test_what_is_no_site_is_refused(tmp_path):
    with pytest.raises(PodiumError, match=r"holds no index\.html"):
        protect(tmp_path)
    (tmp_path / "index.html").write_text("nothing")
    with pytest.raises(PodiumError, match="has no <head>"):
        protect(tmp_path)


@pytest.mark.slow
def test_a_deck_is_built_with_the_policy(sample):
    site = sample[2]
    (policy,) = content(site / "index.html")
    assert policy == policy_of((site / "index.html").read_text())  # `walked` goes through it, from a sub-path
    assert "sha256-" not in policy  # Slidev writes no script into the page


@pytest.mark.browser
def test_a_browser_runs_what_is_ours_and_nothing_else(site, browser):
    protect(site)
    with opened(browser) as page, served(site) as address:
        page.goto(f"{address}/index.html")
        page.wait_for_function("() => window.tried")
        assert page.evaluate("() => window.tried") == {
            "eval": "refused", "function": "refused", "own": "ran", "wasm": "ran", "outside": "refused",
        }  # fmt: skip
        assert page.evaluate("() => window.ours") == 1
        assert page.evaluate("() => window.hurt") is None
        assert page.evaluate("() => getComputedStyle(document.querySelector('p')).color") == "rgb(1, 2, 3)"
        assert page.url.endswith("/index.html")  # the form went nowhere


class served:  # noqa: N801 (a context manager, used as a verb)
    """Any static server of the standard library: no header of ours."""

    def __init__(self, folder):
        handler = partial(Quiet, directory=str(folder))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self):
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
