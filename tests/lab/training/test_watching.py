import math

import pytest
import torch
from torch import nn

from podium.lab.training.watching import EDGES, MOST_HISTOGRAMS, MOST_LAYERS, Gradients, layers_of, total_norm, watched


class Net(nn.Module):
    def __init__(self, blocks=2):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)) for _ in range(blocks))
        self.stem = nn.Sequential(nn.Linear(2, 2))
        self.head = nn.Linear(2, 1)


def test_layers_are_blocks_and_modules():
    assert list(layers_of(Net())) == ["scale", "blocks.0", "blocks.1", "stem.0", "head"]


def test_many_layers_are_grouped():
    layers = layers_of(Net(blocks=60))
    assert list(layers) == ["scale", "blocks", "stem", "head"]
    assert sum(map(len, layers.values())) == len(list(Net(blocks=60).parameters()))
    wide = nn.Module()
    for index in range(60):
        wide.register_parameter(f"p{index}", nn.Parameter(torch.ones(1)))
    assert len(layers_of(wide)) == MOST_LAYERS


def test_frozen_layers_are_not_watched():
    model = Net()
    model.head.requires_grad_(False)
    assert "head" not in layers_of(model)


def test_norm_and_histogram_of_known_gradients():
    model = nn.Sequential(nn.Linear(2, 1, bias=False), nn.Linear(1, 2, bias=False))
    model[0].weight.grad = torch.tensor([[3.0, -4.0]])
    model[1].weight.grad = torch.tensor([[0.0], [1e-5]])
    gradients = Gradients(model, steps=2)
    gradients.look(0)
    assert gradients.told() == []
    gradients.look(1)
    told = gradients.told()
    assert [row["layer"] for row in told] == ["0", "1"]
    assert [row["norm"] for row in told] == [5.0, pytest.approx(1e-5)]
    assert [sum(row["histogram"]) for row in told] == [2, 2]
    place = EDGES.index(math.floor(math.log10(3.0) * 2) / 2)
    assert told[0]["histogram"][place] == 1
    assert told[1]["histogram"][0] == 1  # zero
    assert total_norm(told) == 5.0


def test_wild_and_missing_gradients_are_counted_at_the_end():
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    model[0].weight.grad = torch.tensor([[math.inf]])
    gradients = Gradients(model, steps=1)
    gradients.look(0)
    told = gradients.told()
    assert told[0]["histogram"][-1] == 1
    assert told[1] == {"layer": "1", "norm": 0.0, "histogram": [1] + [0] * (len(EDGES) - 2)}


def test_a_long_run_keeps_few_histograms(tiny):
    from podium.lab.training.tasks import build_task

    row = {"layer": "head", "norm": 1.0, "histogram": [1]}
    watches = [{"epoch": n, "gradients": [row], "predicted": ["1"]} for n in range(1, 101)]
    task = build_task(tiny.TINY_VIT, nn.Identity(), torch.device("cpu"))
    found = watched(task, watches)
    kept = [one["epoch"] for one in found["gradients"]["histograms"]]
    assert len(kept) <= MOST_HISTOGRAMS + 1
    assert (kept[0], kept[-1]) == (1, 100)
    assert found["gradients"]["layers"] == [{"layer": "head", "norms": [1.0] * 100}]
    assert len(found["progress"]["pictures"]) == 8
    assert found["progress"]["epochs"][-1] == {"epoch": 100, "predicted": ["1"]}
    assert watched(task, []) == {}
