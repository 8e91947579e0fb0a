"""A slide stays one slide and reads no file outside of its deck."""

import pytest

from podium.press.pages.bodies import insist_on_one_slide
from podium.spec import PodiumError

HARMLESS = [
    "# A heading\n\ntext --- more\n\n***\n\n- item",
    "```yaml\n---\na: 1\n---\n```",
    "````md\n```\n---\n```\n````",
    "<!--\nnotes\n---\nmore\n-->",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "<<< @/snippets/part.py {2|3}",
    "<<< ./part.py",
    "```bash\ncat <<< word\n```",
    "<!-- one --> a <!-- two\n---\n--> b",
    "```html\n<!--\n```",
    "<style>.x { background: url('data:image/png;base64,AA==') url(#a) url(./own.png) }</style>",
    "<script setup>\nconst x = 1\n</script>",
    "```python\nopen_url('/api')\n```\n\ncurl(https://a.example)",
]


@pytest.mark.parametrize("body", HARMLESS)
def test_what_is_one_slide_passes(body):
    insist_on_one_slide(body, 1)


@pytest.mark.parametrize(
    "body",
    [
        "a\n\n---\n\nb",
        "a\n---\nlayout: end\n---\n",
        "---\nsrc: /etc/passwd\n---",
        "Title\n-----",
        "```\nnever closed\n---",
        "--- \t",
        "<!-- a --> b\n---",
    ],
)
def test_a_second_slide_is_refused(body):
    with pytest.raises(PodiumError, match=r"Slide 4 has a line '---.*another slide begins there"):
        insist_on_one_slide(body, 4)


@pytest.mark.parametrize("body", ["a <!-- b", "<!-- a --> <!--\n---\n", "<!--\n```\n"])
def test_a_comment_without_end_is_refused(body):
    with pytest.raises(PodiumError, match="comment that begins with '<!--' and never ends"):
        insist_on_one_slide(body, 4)


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "@/../../secret.env", "../secret.env", "a/../../b", "~/.netrc", "C:\\x", "file:///etc/passwd"],
)
def test_a_file_outside_of_the_deck_is_refused(path):
    for body in (
        f"a\n\n  <<< {path} js",
        f"<style>\n.x {{ background: URL( '{path}') }}\n</style>",
        f"<style>@import '{path}';</style>",
        f'<style scoped src="{path}"></style>',
    ):
        with pytest.raises(PodiumError, match=r"Slide 2 reads .* and a deck reads only what lies in its own folder"):
            insist_on_one_slide(body, 2)


def test_every_file_at_once_is_refused():
    with pytest.raises(PodiumError, match=r"reads 'import\.meta\.glob'"):
        insist_on_one_slide("<script setup>\nconst x = import.meta.glob('./*')\n</script>", 2)
