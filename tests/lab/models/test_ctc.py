"""CTC: the best path by hand, and the beam search against every path there is."""

import itertools
from collections import defaultdict

import pytest
import torch

from podium.lab.models.ctc import best_path, ended, prefix_beam
from podium.lab.training.tasks.metrics import numbers
from podium.lab.transcripts import BLANK, END, PADDING

_ = BLANK


def columns(*answers):
    return torch.nn.functional.one_hot(torch.tensor(answers), 11).float()[None] * 9


@pytest.mark.parametrize(
    ("answers", "spelt"),
    [
        ((_, 7, 7, _, 3), "73"),
        ((7, _, 7, 7, _), "77"),
        ((7, 7, 7, 7, 7), "7"),
        ((_, _, _, _, _), ""),
        ((0, 0, _, 0, 9), "009"),
    ],
)
@pytest.mark.parametrize("read", [best_path, lambda logits, digits: prefix_beam(logits, digits, 8)])
def test_repeats_and_blanks_fall_away(read, answers, spelt):
    found = read(columns(*answers), 3)
    assert found.shape == (1, 4)
    wanted = [int(digit) for digit in spelt]
    assert found[0].tolist() == [*wanted, END, PADDING, PADDING, PADDING][:4]


def test_a_wide_beam_finds_the_likeliest_number_of_all():
    logits = torch.full((3, 4, 11), -30.0)
    logits[:, :, [2, 5, BLANK]] = 2 * torch.randn(3, 4, 3, generator=torch.Generator().manual_seed(4))
    small = logits[:, :, [2, 5, BLANK]]
    for one, row in zip(prefix_beam(logits, 4, 64), small, strict=True):
        likely = defaultdict(float)
        chance = row.softmax(dim=-1)
        for path in itertools.product((0, 1, 2), repeat=4):
            spelt = "".join("25"[answer] for answer, _ in itertools.groupby(path) if answer != 2)
            likely[spelt] += torch.stack([chance[t, answer] for t, answer in enumerate(path)]).prod().item()
        assert numbers(one[None]) == [max(likely, key=likely.get)]


def test_paths_are_summed_where_the_best_one_misleads():
    """Blank is likeliest in each column, and yet a 5 anywhere is likelier than none (Graves 2012, figure 7.5)."""
    chance = torch.full((1, 2, 11), 1e-9)
    chance[..., 5], chance[..., BLANK] = 0.4, 0.6
    logits = chance.log()
    assert numbers(best_path(logits, 2)) == [""]
    assert numbers(prefix_beam(logits, 2, 4)) == ["5"]


def test_no_more_digits_than_there_are():
    assert best_path(columns(1, 2, 3, 4, 5), 3).tolist() == [[1, 2, 3, END]]
    assert len(numbers(prefix_beam(columns(1, 2, 3, 4, 5), 3, 8))[0]) <= 3


def test_a_beam_of_one_still_reads():
    assert numbers(prefix_beam(columns(_, 7, _, 7, 3), 5, 1)) == ["773"]


def test_ends_are_written():
    assert ended(torch.tensor([[7, 3], [7, 3]]), torch.tensor([1, 2])).tolist() == [[7, END, PADDING], [7, 3, END]]
