"""Whole or not at all."""

import pytest

from podium.spec import PodiumError
from podium.spec.files import write_whole


def test_a_file_is_written_once_and_whole(tmp_path):
    path = tmp_path / "new" / "file"
    assert write_whole(path, b"one", again="go on")
    assert not write_whole(path, b"one", again="go on")
    assert write_whole(path, b"two", again="go on")
    assert path.read_bytes() == b"two"
    assert [found.name for found in path.parent.iterdir()] == ["file"]
    with pytest.raises(PodiumError, match=r"cannot be written: .+\. Make room, then go on\."):
        write_whole(path / "below", b"", again="go on")
