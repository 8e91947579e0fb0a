"""What two runs of the same variant must share: every bit, or every number but for rounding."""

import pytest
import torch

from podium.lab.training import checkpoint
from podium.lab.training.usage import CLOCK


def numbers_of(record):
    rows = [{k: v for k, v in row.items() if k not in CLOCK} for row in record.history]
    return rows, {k: v for k, v in record.summary.items() if k not in CLOCK}, record.samples, record.watches


def weights(record):
    return checkpoint.load_checkpoint(record.folder, record.folder.name[-8:])


def assert_same(one, other):
    assert (one.state, one.reason) == (other.state, other.reason)
    assert numbers_of(one) == numbers_of(other)
    mine, its = weights(one), weights(other)
    assert (mine is None) == (its is None)
    if mine is not None:
        assert all(torch.equal(mine.judged[name], its.judged[name]) for name in its.judged)
        for place, state in its.optimizer["state"].items():
            assert all(torch.equal(mine.optimizer["state"][place][name], value) for name, value in state.items())


def assert_close(one, other):
    assert (one.state, one.reason, len(one.history)) == (other.state, other.reason, len(other.history))
    for mine, its in zip([*one.history, one.summary], [*other.history, other.summary], strict=True):
        assert mine.keys() == its.keys()
        close = {name: pytest.approx(value, rel=2e-3, abs=1e-4) for name, value in its.items() if name not in CLOCK}
        assert {name: value for name, value in mine.items() if name not in CLOCK} == close
    assert one.samples.keys() == other.samples.keys()
    assert one.model == other.model
