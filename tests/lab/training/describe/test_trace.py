"""One forward pass, watched: shapes, totals, attention and lines; and the model is left as it was."""

import json
import time

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from podium.lab.models import build_model
from podium.lab.training.describe import describe
from podium.lab.training.describe.layers import describe_layers
from podium.lab.training.describe.trace import Trace
from podium.spec import PodiumError, VisionToSequenceConfig, ViTConfig

PICTURE = torch.zeros(1, 1, 28, 28)
READER = (torch.zeros(1, 1, 84, 84), torch.zeros(1, 3, dtype=torch.int64))


def foreign(name):
    if name == "Transformer":
        return nn.Transformer(), (torch.zeros(10, 1, 512), torch.zeros(7, 1, 512))
    return getattr(torchvision.models, name)(), (torch.zeros(1, 3, 224, 224),)


def torchs_own_count(model, inputs):
    """Count FLOPs as anybody would; in training mode no fused kernel hides them."""
    with FlopCounterMode(display=False) as counter:
        model.train()(*inputs)
    return counter


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("name", ["vit_b_16", "resnet18", "Transformer"])
def test_totals_are_torchs_own(name):
    model, inputs = foreign(name)
    description = describe(model, inputs)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    counter = torchs_own_count(model, inputs)
    assert description["parameters"] == parameters == sum(row["parameters"] for row in description["layers"])
    assert description["flops"] == counter.get_total_flops() == sum(row["flops"] for row in description["layers"])
    for path, counts in counter.get_flop_counts().items():
        inner = path.partition(".")[2]
        if "." in path and inner in {row["name"] for row in description["tree"]}:
            rows = [row for row in description["layers"] if f"{row['name']}.".startswith(f"{inner}.")]
            assert sum(row["flops"] for row in rows) == sum(counts.values()), inner
    assert json.loads(json.dumps(description, allow_nan=False)) == description


def test_known_totals():
    description = describe(*foreign("resnet18"))
    assert description["parameters"] == 11_689_512
    assert description["flops"] == 3_628_146_688


def test_shapes_are_those_of_a_real_forward_pass():
    model = build_model(ViTConfig())
    description = describe(model, (PICTURE,))
    shapes = description["shapes"]
    assert shapes[0] == {
        "name": "", "type": "ViT", "in": [[1, 1, 28, 28]], "out": [[1, 10]], "within": None, "depends": [0],
    }  # fmt: skip
    assert [(step["name"], step["out"]) for step in shapes[1:3]] == [
        ("patches", [[1, 16, 64]]),
        ("patches.convolution", [[1, 64, 4, 4]]),
    ]
    assert description["inputs"] == [{"name": "images_B1HW", "shape": [1, 1, 28, 28]}]


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5), nn.Flatten()).train()
    model[2].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    chance = torch.random.get_rng_state()
    describe(model, (torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(0)),))
    assert [module.training for module in model] == [True, True, False, True]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), chance)
    assert torch.backends.mha.get_fastpath_enabled()


def test_the_tree_names_parameters_and_counts_children():
    description = describe(build_model(ViTConfig()), (PICTURE,))
    tree = {entry["name"]: entry for entry in description["tree"]}
    assert tree[""]["parameters"] == description["parameters"]
    assert tree["head"] == {
        "name": "head",
        "type": "Linear",
        "parameters": 650,
        "own": [{"name": "weight", "shape": [10, 64]}, {"name": "bias", "shape": [10]}],
    }


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.embedding.weight
        self.again = self.head

    def forward(self, tokens):
        return self.again(self.head(self.embedding(tokens)) @ self.head.weight)


def test_shared_parameters_count_once():
    description = describe(Tied(), (torch.zeros(1, 3, dtype=torch.int64),))
    assert description["parameters"] == 20
    rows = {row["name"]: row for row in description["layers"]}
    assert (rows["head"]["parameters"], rows["head"]["calls"], rows["head"]["flops"]) == (0, 2, 240)
    assert rows[""]["flops"] == 120
    tree = {entry["name"]: entry for entry in description["tree"]}
    assert tree["head"]["own"] == [{"name": "weight", "shape": [5, 4], "shared": "embedding.weight"}]


def test_which_inputs_reach_what():
    shapes = describe(build_model(VisionToSequenceConfig()), READER)["shapes"]
    depends = {step["name"]: step["depends"] for step in shapes}
    assert depends["encoder"] == [0]
    assert depends["embedding"] == depends["decoder.blocks.0.attention"] == [1]
    assert depends["decoder.blocks.0.cross_attention"] == depends["head"] == [0, 1]


class Looped(nn.Module):
    """Gives back the very tensor it was given, and changes it in place."""

    def __init__(self):
        super().__init__()
        self.same = nn.Identity()

    def forward(self, x):
        y = self.same(x)
        for _ in range(1_000):
            y = y.contiguous()
        y += 1
        return {"same": y, "shape": y.shape, "nothing": None}


def test_a_tensor_given_back_ends():
    began = time.monotonic()
    description = describe(Looped(), (torch.zeros(1, 2),))
    assert time.monotonic() - began < 20
    assert description["shapes"][0]["out"] == [[1, 2]]
    assert [step["depends"] for step in description["shapes"]] == [[0], [0]]


def test_a_module_that_holds_itself_is_a_sentence():
    model = Looped()
    model.same.above = nn.ModuleList([model])
    with pytest.raises(PodiumError, match="RecursionError"):
        describe(model, (torch.zeros(1, 2),))


class Endless(nn.Module):
    def forward(self, x):
        while True:
            x = x + 1


def test_a_trace_that_takes_too_long_is_ended():
    with pytest.raises(PodiumError, match=r"forward pass of Endless took more than 0.2 s\. Give it a smaller input"):
        describe(Endless(), (torch.zeros(1),), seconds=0.2)


def test_a_forward_pass_that_fails_is_said():
    with pytest.raises(PodiumError, match=r"pass of Linear failed when given 1x3:float32: RuntimeError: .*cannot be"):
        describe(nn.Linear(2, 2), (torch.zeros(1, 3),))
    with pytest.raises(PodiumError, match="when given nothing: TypeError"):
        describe(nn.Linear(2, 2), ())


def test_a_podium_error_of_the_model_is_not_wrapped():
    class Refusing(nn.Module):
        def forward(self, x):
            raise PodiumError("No.")

    with pytest.raises(PodiumError, match=r"^No\.$"):
        describe(Refusing(), (torch.zeros(1),))


class Attentions(nn.Module):
    def __init__(self):
        super().__init__()
        self.batched = nn.MultiheadAttention(8, 2, batch_first=True)
        self.plain = nn.MultiheadAttention(8, 4)
        self.fused = Fused()
        self.self_attention = Single()
        self.gate = Single()

    def forward(self, x):
        x = self.batched(x, x, x)[0]
        x = self.plain(x[0], x[0], x[0])[0][None]
        self.fused(x.unflatten(-1, (2, 4)).transpose(1, 2))
        self.self_attention(x)
        return self.gate(x)


class Fused(nn.Module):
    def forward(self, x):
        return functional.scaled_dot_product_attention(x, key=x[:, :, :2], value=x[:, :, :2])


class Single(nn.Module):
    def forward(self, x):
        return (x @ x.mT).softmax(-1)


def test_attention_is_seen_where_it_is_visible():
    found = describe(Attentions(), (torch.zeros(1, 3, 8),))["attention"]
    assert {entry["module"]: (entry["kind"], entry["weights"]) for entry in found} == {
        "batched": ("torch", [1, 2, 3, 3]),
        "plain": ("torch", [4, 3, 3]),
        "fused": ("fused", [1, 2, 3, 2]),
        "self_attention": ("explicit", [1, 3, 3]),
    }


def test_what_torch_cannot_count_is_named():
    description = describe(nn.Sequential(nn.LSTM(4, 5)), (torch.zeros(3, 1, 4),))
    assert description["uncounted"] == ["0"]
    assert description["flops"] == 0


def lines_of(description, function):
    (entry,) = (entry for entry in description["lines"] if entry["function"] == function)
    return {
        tuple(trace["modules"]): {
            line["text"]: [(value["name"], value["shape"]) for value in line["values"]] for line in trace["lines"]
        }
        for trace in entry["traces"]
    }


def test_what_each_line_made_is_noted_by_the_variables_names():
    traces = lines_of(describe(build_model(VisionToSequenceConfig()), READER), "SelfAttention.forward")
    assert list(traces) == [
        ("encoder.blocks.0.attention", "encoder.blocks.1.attention"),
        ("decoder.blocks.0.attention", "decoder.blocks.1.attention"),
    ]
    encoder, decoder = traces.values()
    assert encoder["q_BHTK = split(self.query(x_BTD), self.heads)"] == [("q_BHTK", [1, 4, 36, 16])]
    assert encoder["return self.output(merge(weights_BHTT @ v_BHTK))"] == [("return", [1, 36, 64])]
    masked = "scores_BHTT = scores_BHTT.masked_fill(later(scores_BHTT), -math.inf)"
    assert masked not in encoder
    assert decoder[masked] == [("scores_BHTT", [1, 4, 3, 3])]


class Lines(nn.Module):
    def forward(self, x):
        a, *_ = x.chunk(2, dim=-1)
        b: torch.Tensor = a + 1
        b += 1
        pair = (
            a,
            b,
        )
        for _ in range(3):
            x = wider(x)
        self.kept = [y * 2 for y in pair]
        return x.sum()


def wider(x):
    return torch.cat((x, x), dim=-1)


def test_statements_of_every_kind():
    description = describe(Lines(), (torch.zeros(1, 4),))
    ((_, lines),) = lines_of(description, "Lines.forward").items()
    assert lines == {
        "a, *_ = x.chunk(2, dim=-1)": [("a", [1, 2])],
        "b: torch.Tensor = a + 1": [("b", [1, 2])],
        "b += 1": [("b", [1, 2])],
        "x = wider(x)": [("x", [1, 32])],
        "return x.sum()": [("return", [])],
    }
    assert len(lines_of(description, "wider")) == 1
    assert not [entry for entry in description["lines"] if entry["function"].startswith("test_")]


def test_source_that_cannot_be_read_is_passed_over():
    scope = {"nn": nn}
    exec("class Made(nn.Module):\n    def forward(self, x):\n        y = x + 1\n        return y", scope)  # noqa: S102
    assert describe(scope["Made"](), (torch.zeros(1),))["lines"] == []


def test_columns_that_do_not_add_up_are_refused():
    model = nn.Linear(2, 3)
    with pytest.raises(PodiumError, match=r"layers of Linear have 0 flops, torch counts 5. Please report it"):
        describe_layers(model, Trace(flops=5))
