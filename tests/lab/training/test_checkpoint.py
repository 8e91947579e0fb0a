import errno
from pathlib import Path

import pytest
import torch
from torch import nn

from podium.lab.training.checkpoint import FILE, load_checkpoint, save_checkpoint
from podium.spec import PodiumError


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    save_checkpoint(tmp_path, epoch=2, digest="abc", seconds=1.5, model=model, optimizer=optimizer)
    return tmp_path, model, optimizer


def test_comes_back_whole(saved):
    folder, model, optimizer = saved
    found = load_checkpoint(folder, "abc")
    assert (found.epoch, found.seconds) == (2, 1.5)
    for name, value in model.state_dict().items():
        assert torch.equal(found.model[name], value)
    again = torch.optim.AdamW(nn.Linear(3, 2).parameters())
    again.load_state_dict(found.optimizer)
    for before, after in zip(optimizer.state.values(), again.state.values(), strict=True):
        assert torch.equal(before["exp_avg"], after["exp_avg"])
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_none_where_there_is_none(tmp_path):
    assert load_checkpoint(tmp_path, "abc") is None


def test_none_for_another_config(saved):
    assert load_checkpoint(saved[0], "other") is None


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b[:-9] + b"!" + b[-8:], lambda _: b""])
def test_none_when_damaged(saved, damage):
    path = saved[0] / FILE
    path.write_bytes(damage(path.read_bytes()))
    assert load_checkpoint(saved[0], "abc") is None


def test_full_disk_is_a_sentence_and_keeps_the_old_one(saved, monkeypatch):
    folder, model, optimizer = saved

    def full(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(PodiumError, match=r"No space left on device.*Make room"):
        save_checkpoint(folder, epoch=3, digest="abc", seconds=2.0, model=model, optimizer=optimizer)
    assert load_checkpoint(folder, "abc").epoch == 2
