import json

import pytest

from podium.press.build import notes
from podium.spec import PodiumError

DECK = """---
title: x
---

# One

<!-- Not the last. -->

<!--
Say **this**.
[click] And that, <span v-pre>1&#46;5</span>.
-->

---
hide: true
---

# Hidden <!-- never said -->

---

# Three

```md
---
<!-- no note -->
---
```
"""


def test_the_notes_are_those_that_slidev_sees(project, tmp_path):
    (tmp_path / "slides.md").write_text(DECK)
    site = tmp_path / "talk"
    assert notes.read_notes(site) == []
    notes.write_notes(project, tmp_path / "slides.md", notes.notes_path(site))
    said = notes.read_notes(site)
    assert said == ["Say **this**.\n[click] And that, <span v-pre>1&#46;5</span>.", ""]
    assert notes.plain(said[0]) == "Say **this**.\nAnd that, 1.5."
    assert json.loads((tmp_path / ".talk.notes.json").read_text()) == said


def test_a_deck_that_cannot_be_read_is_said(project, tmp_path):
    with pytest.raises(PodiumError, match=r"parser could not read .*none\.md: .*ENOENT"):
        notes.write_notes(project, tmp_path / "none.md", tmp_path / "out.json")
