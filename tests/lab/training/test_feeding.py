import pytest
import torch

from podium.lab.models import build_model
from podium.lab.training.feeding import Feed, to_replay
from podium.lab.training.tasks import build_task
from podium.spec import PodiumError

CPU = torch.device("cpu")


def feed(config, first=None):
    task, old = (each and build_task(each, build_model(each), CPU) for each in (config, first))
    return Feed(config, task, old)


def test_every_picture_once_an_epoch(tiny):
    split, batches = feed(tiny.TINY_VIT.but(batch_size=40)).epoch(1)
    assert [len(batch) for batch in batches] == [40, 40, 16]
    assert sorted(torch.cat(batches).tolist()) == list(range(len(split)))


@pytest.mark.parametrize(("replay", "old"), [(0.25, 8), (0.001, 1), (0.999, 31)])
def test_a_share_of_each_batch_is_old(tiny, replay, old):
    few = tiny.TINY_VIT.but(train_images=50)
    mixed = feed(few.but(replay=replay, start_from="a/b"), first=tiny.TINY_VIT)
    split, batches = mixed.epoch(2)
    assert mixed.replayed == old
    assert mixed.steps == len(batches)
    assert [(batch >= 50).sum().item() for batch in batches] == [old] * len(batches)
    assert sorted(i for i in torch.cat(batches).tolist() if i < 50) == list(range(50))
    assert len(split.images) == len(split.targets) == 50 + 96


def test_old_pictures_take_turns(tiny):
    few = tiny.TINY_VIT.but(train_images=96, replay=0.5, start_from="a/b")
    _, batches = feed(few, first=tiny.TINY_VIT.but(train_images=40)).epoch(1)
    counts = torch.bincount(torch.cat(batches))[96:]
    assert counts.min() >= 2
    assert counts.max() <= 3


def test_new_numbers_to_replay_are_whole_and_as_many_as_are_mixed_in(tiny):
    """The start learnt from short numbers first, and from many: neither is what is to be remembered."""
    learnt = tiny.TINY_READER.but(curriculum=1.0, train_images=60_000)
    few = tiny.TINY_READER.but(fresh=False, train_images=50, batch_size=8, seed=3, replay=0.25, start_from="a/b")
    asked = to_replay(few, learnt, 50)
    assert asked == learnt.but(curriculum=0.0, train_images=2 * 9, seed=3)
    mixed = feed(few, first=asked)
    split, batches = mixed.epoch(1)
    assert len(split) == 50 + 18
    assert sorted(torch.cat(batches).tolist()) == list(range(68))


def test_what_stays_is_replayed_as_it_is(tiny):
    learnt = tiny.TINY_READER.but(fresh=False, train_images=70)
    few = learnt.but(train_images=50, replay=0.25, start_from="a/b")
    assert to_replay(few, learnt, 50) == learnt.but(seed=few.seed)
    assert to_replay(few, tiny.TINY_VIT, 50) == tiny.TINY_VIT.but(seed=few.seed)


def test_pictures_of_two_shapes_do_not_mix(tiny):
    with pytest.raises(PodiumError, match=r"a/b learnt from 84 by 84 by 4, this run from 28 by 28"):
        feed(tiny.TINY_VIT.but(replay=0.5, start_from="a/b"), first=tiny.TINY_READER).epoch(1)
