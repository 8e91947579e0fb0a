"""A model named on the command line becomes a file, or a sentence."""

import json
import sys

import pytest
import torch

from podium.lab.training.describe import describe_file
from podium.spec import PodiumError

MODELS = """
from __future__ import annotations
from dataclasses import dataclass
import torch
from neighbour import WIDTH

@dataclass
class Sizes:
    width: int = WIDTH

class Net(torch.nn.Module):
    def __init__(self, width=Sizes().width):
        super().__init__()
        self.embed = torch.nn.Embedding(7, width)

    def forward(self, tokens):
        return self.embed(tokens)

class Nested:
    Inner = Net

def made():
    return Net(5)

READY = Net(2)
NUMBER = 3

def needing(width): return Net(width)
def other(): return NUMBER
def broken(): raise ValueError("no luck")
def refusing():
    from podium.spec import PodiumError
    raise PodiumError("Not today.")
def loading():
    return torch.hub.load_state_dict_from_url("https://weights.invalid/net.pt", model_dir=".")
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "described_models.py").write_text(MODELS)
    (tmp_path / "neighbour.py").write_text("WIDTH = 3\n")
    (tmp_path / "broken_models.py").write_text("import not_there_at_all\n")
    (tmp_path / "bad_models.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    paths = list(sys.path)
    yield tmp_path
    assert sys.path == paths
    for name in ("described_models", "neighbour", "broken_models", "bad_models"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("spec", "parameters"),
    [
        ("described_models:Net", 21),
        ("described_models:made", 35),
        ("described_models:READY", 14),
        ("described_models:Nested.Inner", 21),
        ("described_models.py:Net", 21),
    ],
)
def test_a_model_of_ones_own_is_described(here, spec, parameters):
    out = describe_file(spec, ["1x4:int64"], here / "new" / "net.json")
    found = json.loads(out.read_text("utf-8"))
    assert out == here / "new" / "net.json"
    assert (found["spec"], found["root"], found["parameters"]) == (spec, "Net", parameters)
    assert found["inputs"] == [{"name": "tokens", "shape": [1, 4]}]
    assert [path.name for path in out.parent.iterdir()] == ["net.json"]


def test_torchvisions_models_are_described_without_their_weights(tmp_path):
    out = describe_file("torchvision.models:resnet18", ["1x3x32x32"], tmp_path / "resnet.json")
    assert json.loads(out.read_text())["parameters"] == 11_689_512


@pytest.mark.parametrize(
    ("spec", "inputs", "sentence"),
    [
        ("Net", [], "named MODULE:CALLABLE, as torchvision.models:resnet18; not 'Net'"),
        (":Net", [], "named MODULE:CALLABLE"),
        ("described_models:Nett", [], "described_models has no model 'Nett'; did you mean 'Net'"),
        ("described_models:NUMBER", [], "is a int; it must be a module class, or a function returning one"),
        ("described_models:other", [], "returns a int; it must return a torch.nn.Module"),
        ("described_models:needing", [], "without arguments, and says: TypeError: needing() missing"),
        ("described_models:broken", [], "cannot be built: ValueError: no luck."),
        ("described_models:refusing", [], "Not today."),
        ("described_models:loading", [], "wants to download https://weights.invalid/net.pt"),
        ("described_models:Net", ["1xa"], "An input is written 1x3x224x224, or 1x7:int64; not '1xa'"),
        ("described_models:Net", ["1x0"], "not '1x0'"),
        ("described_models:Net", ["1x4:int65"], "no type of input 'int65'; did you mean 'int64'"),
        ("described_models:Net", ["99999x99999"], "holds 9,999,800,001 values. A batch of 1"),
        ("described_models:Net", ["1x4"], "The forward pass of Net failed when given 1x4:float32"),
        ("nowhere:Net", [], "There is no module 'nowhere' here. Run from the folder"),
        ("described_models.deeper:Net", [], "no module 'described_models.deeper'"),
        ("broken_models:Net", [], "There is no module 'not_there_at_all' here. broken_models imports it."),
        ("bad_models.py:Net", [], "bad_models.py cannot be imported: ZeroDivisionError: division by zero."),
        ("gone.py:Net", [], "There is no file gone.py"),
    ],
)
def test_what_cannot_be_described_is_said(here, spec, inputs, sentence):
    with pytest.raises(PodiumError) as error:
        describe_file(spec, inputs, here / "net.json")
    assert sentence in str(error.value)
    assert not (here / "net.json").exists()


def test_a_file_that_cannot_be_written_is_said(here):
    with pytest.raises(PodiumError, match="cannot be written"):
        describe_file("described_models:Net", ["1x4:int64"], here / "neighbour.py" / "net.json")


def test_downloads_work_again_afterwards(here):
    before = torch.hub.download_url_to_file
    describe_file("described_models:Net", ["1x4:int64"], here / "net.json")
    assert torch.hub.download_url_to_file is before
