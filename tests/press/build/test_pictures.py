import pytest

from podium.press.build.pictures import Pictures
from podium.press.build.walk import walk

pytestmark = pytest.mark.browser
WIDE = (1960).to_bytes(4, "big") + (1104).to_bytes(4, "big")  # of a PNG's header


def test_a_slide_is_a_picture_of_twice_its_size(walked):
    assert [path.name for path in walked.png] == [f"{number:02}.png" for number in range(1, 13)]
    assert {path.read_bytes()[16:24] for path in walked.png} == {WIDE}


def test_a_picture_a_click_replaces_what_was_there(fake_site, browser, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "old.png").write_text("")
    taken = Pictures(folder, with_clicks=True)
    walk(fake_site(), browser, [taken])
    assert [path.name for path in taken.finish()] == ["01-0.png", "02-0.png", "02-1.png", "02-2.png", "03-0.png",
                                                      "03-1.png"]  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "site"]
