"""Policy: the content security policy of a built page, so that even text that got through runs nothing and asks nobody.

The directives are those of Content Security Policy Level 3, https://www.w3.org/TR/CSP3/. The page itself carries
them in a meta element, so that they hold on any static server.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from pathlib import Path

from podium.spec.errors import PodiumError
from podium.spec.files import write_whole

PAGE = "index.html"

# What a deck needs, and nothing beyond. Each looser word has its reason:
#   'wasm-unsafe-eval'  a model or a cell that runs in the slide is WebAssembly; it compiles no JavaScript
#   style 'unsafe-inline'  Vue, KaTeX, Shiki, Mermaid and PlantUML write style attributes; a style runs nothing, and
#                          whatever it would fetch is held back by the other directives
#   data:, blob:  pictures of runs lie in deck.json as data; a recording and a drawn diagram are blobs
DIRECTIVES: dict[str, tuple[str, ...]] = {
    "default-src": ("'none'",),
    "script-src": ("'self'", "'wasm-unsafe-eval'"),
    "style-src": ("'self'", "'unsafe-inline'"),
    "img-src": ("'self'", "data:", "blob:"),
    "font-src": ("'self'", "data:"),
    "media-src": ("'self'", "data:", "blob:"),
    "connect-src": ("'self'",),
    "worker-src": ("'self'", "blob:"),
    "frame-src": ("'self'",),
    "manifest-src": ("'self'",),
    "object-src": ("'none'",),
    "base-uri": ("'none'",),
    "form-action": ("'none'",),
}

META = re.compile(r'[ \t]*<meta http-equiv="Content-Security-Policy"[^>]*>\n?', re.IGNORECASE)
SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<body>.*?)</script\s*>", re.IGNORECASE | re.DOTALL)
HEAD = re.compile(r"<head[^>]*>\s*(<meta charset=[^>]*>)?", re.IGNORECASE)


def protect(site: Path) -> str:
    """Write the content security policy into a built site's pages, in place of one that is there; return the page's.

    Scripts that stand in a page itself are named by their SHA-256; no other inline script runs. Static servers show
    404.html for what is not there, and Slidev makes it a whole deck, so every page of the site is protected.

    Args:
        site: the built site, with its index.html.

    Raises:
        PodiumError: for a site without an index page, or a page without a head.
    """
    if not (site / PAGE).is_file():
        raise PodiumError(f"{site} holds no {PAGE}, so it is no built site. Build it again.")
    policies = {path.name: _protected(path) for path in sorted(site.glob("*.html"))}
    return policies[PAGE]


def policy_of(page: str) -> str:
    """Return the policy for a page: the directives above, and the digests of the scripts written in it.

    >>> policy_of("<script>1</script>").split("; ")[1]
    "script-src 'self' 'wasm-unsafe-eval' 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"
    """
    inline = [found["body"] for found in SCRIPT.finditer(page) if not re.search(r"\bsrc\s*=", found["attributes"])]
    digests = tuple(dict.fromkeys(f"'sha256-{_sha256(body)}'" for body in inline if body.strip()))
    words = {**DIRECTIVES, "script-src": DIRECTIVES["script-src"] + digests}
    return "; ".join(" ".join((name, *sources)) for name, sources in words.items())


def _protected(path: Path) -> str:
    page = META.sub("", path.read_text("utf-8"))
    head = HEAD.search(page)
    if head is None:
        raise PodiumError(f"{path} has no <head>, so the policy has no place in it. Build it again.")
    policy = policy_of(page)
    meta = f'\n<meta http-equiv="Content-Security-Policy" content="{html.escape(policy, quote=False)}">\n'
    changed = page[: head.end()] + meta + page[head.end() :].removeprefix("\n")
    write_whole(path, changed.encode(), again="build it again")
    return policy


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
