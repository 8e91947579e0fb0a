"""Losses equal torch's own, or a case computed by hand; and may be computed for many runs at once."""

import itertools
import math

import pytest
import torch
from torch.nn import functional as F

from podium.lab.training.tasks.losses import class_weights, cross_entropy, ctc, order_blind, terms
from podium.lab.transcripts import BLANK, END, PADDING
from podium.spec import CNNConfig, PodiumError, VisionToSequenceConfig

CHANCE = torch.Generator().manual_seed(0)
LOGITS, TARGETS = torch.randn(12, 5, generator=CHANCE), torch.randint(5, (12,), generator=CHANCE)
WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 0.0, 3.0])


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_is_torchs(smoothing, weights):
    ours = cross_entropy(LOGITS, TARGETS, smoothing=smoothing, weights_V=weights)
    theirs = F.cross_entropy(LOGITS, TARGETS, label_smoothing=smoothing, weight=weights)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_padding_is_left_out_as_torchs_ignore_index(smoothing, weights):
    kept = TARGETS != 4
    ours = cross_entropy(
        LOGITS.view(3, 4, 5), TARGETS.view(3, 4), smoothing=smoothing, weights_V=weights, kept_B=kept.view(3, 4)
    )
    theirs = F.cross_entropy(LOGITS, TARGETS, label_smoothing=smoothing, weight=weights, ignore_index=4)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)


def test_terms_are_what_a_mean_is_over():
    kept = TARGETS != 4
    assert terms(TARGETS).item() == 12
    assert terms(TARGETS, kept_B=kept).item() == kept.sum()
    assert terms(TARGETS, weights_V=WEIGHTS, kept_B=kept).item() == pytest.approx(WEIGHTS[TARGETS][kept].sum().item())
    parts = [slice(0, 5), slice(5, 12)]
    weighted = [
        cross_entropy(LOGITS[part], TARGETS[part], weights_V=WEIGHTS) * terms(TARGETS[part], weights_V=WEIGHTS)
        for part in parts
    ]
    whole = cross_entropy(LOGITS, TARGETS, weights_V=WEIGHTS)
    assert (sum(weighted) / terms(TARGETS, weights_V=WEIGHTS)).item() == pytest.approx(whole.item(), rel=1e-6)


def test_many_runs_at_once_each_with_its_smoothing():
    both = torch.vmap(lambda smoothing: cross_entropy(LOGITS, TARGETS, smoothing=smoothing))(torch.tensor([0.0, 0.3]))
    wanted = [cross_entropy(LOGITS, TARGETS, smoothing=smoothing) for smoothing in (0.0, 0.3)]
    assert torch.allclose(both, torch.stack(wanted))


def sure_of(*rows):
    return F.one_hot(torch.tensor(rows), 13).float() * 40


def test_an_order_blind_loss_counts_and_no_more():
    tokens = torch.tensor([[1, 2, 2, END], [3, END, PADDING, PADDING]])
    shuffled = sure_of([2, END, 1, 2], [END, 3, 5, 5])
    assert order_blind(shuffled, tokens).item() == pytest.approx(0, abs=1e-5)
    assert cross_entropy(shuffled, tokens, kept_B=tokens != PADDING) > 5
    wrong = sure_of([2, END, 2, 2], [END, 3, 5, 5])
    by_hand = (0.25 * math.log(0.25 / 1e-9)) / 2 + (0.5 * math.log(0.5 / 0.75)) / 2
    assert order_blind(wrong, tokens).item() == pytest.approx(by_hand, rel=1e-3)
    assert order_blind(shuffled, tokens, ignore_padding=False) > 1


def test_an_order_blind_loss_can_be_smoothed_and_is_never_negative():
    tokens = torch.tensor([[1, 2, END, PADDING]])
    logits = torch.randn(1, 4, 13, generator=CHANCE)
    assert order_blind(logits, tokens, smoothing=0.1) > 0
    uniform = torch.zeros(1, 4, 13)
    assert order_blind(uniform, tokens, smoothing=1 - 1e-7).item() == pytest.approx(0, abs=1e-5)


def test_ctc_sums_every_path():
    logits = torch.randn(1, 4, 11, generator=CHANCE)
    chance = logits[0].softmax(dim=-1)
    likely = 0.0
    for path in itertools.product((2, 5, BLANK), repeat=4):
        if [answer for answer, _ in itertools.groupby(path) if answer != BLANK] == [2, 5]:
            likely += torch.stack([chance[t, answer] for t, answer in enumerate(path)]).prod().item()
    tokens = torch.tensor([[2, 5, END, PADDING]])
    assert ctc(logits, tokens).item() == pytest.approx(-math.log(likely) / 2, rel=1e-5)


def test_ctc_is_a_mean_over_digits():
    logits = torch.randn(2, 8, 11, generator=CHANCE)
    tokens = torch.tensor([[2, 2, 7, END], [4, END, PADDING, PADDING]])
    alone = [ctc(logits[row : row + 1], tokens[row : row + 1]).item() for row in (0, 1)]
    assert ctc(logits, tokens).item() == pytest.approx((3 * alone[0] + alone[1]) / 4, rel=1e-5)


def test_class_weights_by_name_and_by_hand():
    targets = torch.tensor([0, 0, 0, 1, 2, 2])
    assert class_weights(CNNConfig(classes=3), targets, 3) is None
    balanced = class_weights(CNNConfig(classes=3, class_weights="balanced"), targets, 3)
    assert balanced.tolist() == pytest.approx([6 / 9, 6 / 3, 6 / 6])
    given = class_weights(CNNConfig(classes=3, class_weights="1, 0.5,2"), targets, 3)
    assert given.tolist() == [1.0, 0.5, 2.0]
    tokens = torch.tensor([[10, 4, 4, END, PADDING], [10, 5, 5, END, PADDING]])
    weights = class_weights(VisionToSequenceConfig(class_weights="balanced"), tokens, 13)
    assert weights.shape == (13,)
    assert weights[10:].tolist() == [1.0, 1.0, 1.0]
    assert weights[4].item() == pytest.approx(4 / 20)


@pytest.mark.parametrize("said", ["fair", "1,2", "1,2,-1", "0,0,0", "1,2,inf", ""])
def test_other_class_weights_are_refused(said):
    with pytest.raises(PodiumError, match="class_weights must be none, balanced, or 3 numbers joined by commas"):
        class_weights(CNNConfig(classes=3, class_weights=said), TARGETS, 3)
