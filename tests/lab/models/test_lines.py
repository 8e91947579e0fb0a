"""Readers of lines: columns, what reads them, and the sizes that do not fit."""

import pytest
import torch
from torch import nn

from podium.lab.models import LineByAttention, LineByCTC, build_model
from podium.lab.models.lines import Columns, Recurrent
from podium.lab.transcripts import line_width
from podium.spec import LinesConfig, PodiumError

SMALL = LinesConfig(dim=8, heads=2, depth=1, channels=4, digits=3)


def test_columns_stand_in_order():
    columns = Columns(4, 8)
    line = torch.zeros(1, 1, 32, 80)
    changed = line.clone()
    changed[..., 60:] = 1.0
    assert columns(line).shape == (1, 20, 8)
    before, after = columns(line), columns(changed)
    assert torch.equal(before[:, :13], after[:, :13])  # a column sees a little to either side
    assert not torch.allclose(before[:, 16:], after[:, 16:])


@pytest.mark.parametrize("encoder", ["cnn", "lstm", "transformer"])
def test_a_line_has_an_answer_a_column(encoder):
    model = build_model(SMALL.but(encoder=encoder))
    width = line_width(3, SMALL.spacing)
    assert isinstance(model, LineByCTC)
    assert model(torch.randn(2, 1, 32, width)).shape == (2, width // 4, 11)
    assert model.read(torch.randn(2, 1, 32, width)).shape == (2, 4)
    writer = build_model(SMALL.but(encoder=encoder, reader="attention"))
    assert isinstance(writer, LineByAttention)
    tokens = torch.zeros(2, 4, dtype=torch.int64)
    assert writer(torch.randn(2, 1, 32, width), tokens).shape == (2, 4, 13)


def test_only_a_transformer_is_told_where_a_column_stands():
    for encoder, where in (("cnn", "nowhere"), ("lstm", "nowhere"), ("transformer", "embedding")):
        assert build_model(SMALL.but(encoder=encoder, position="learned")).position.where == where


def test_an_lstm_reads_both_ways_and_starts_from_the_seed():
    model = build_model(SMALL.but(seed=4))
    again = build_model(SMALL.but(seed=4))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    recurrent = Recurrent(8, 1, 0.0)
    x = torch.randn(1, 5, 8)
    changed = x.clone()
    changed[:, -1] += 1.0
    assert (recurrent(x)[0, 0] - recurrent(changed)[0, 0]).abs().sum() > 0
    assert isinstance(recurrent.lstm, nn.LSTM)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"dim": 9, "heads": 3}, "half of dim each"),
        ({"depth": 0}, "in one layer or more"),
        ({"decoding": "beam", "digits": 18}, "takes 17 digits at most; got 18"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes, sentence):
    with pytest.raises(PodiumError, match=sentence):
        build_model(SMALL.but(**changes))
