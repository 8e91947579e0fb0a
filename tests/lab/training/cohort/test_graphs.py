"""A capture, played by stand-ins for torch's CUDA: what is called, copied and given back."""

from contextlib import contextmanager

import pytest
import torch

from podium.lab.training.cohort.graphs import WARM_UP, Replayed

GPU = torch.device("cuda")


class Stream:
    def wait_stream(self, other):
        pass


class Graph:
    """Does at each replay what was done while it was captured."""

    def __init__(self):
        self.done = []

    def replay(self):
        for do in self.done:
            do()


class Doubling:
    """Doubles its input into the place of its first output, as a captured function does."""

    def __init__(self, cuda):
        self.cuda, self.calls = cuda, 0

    def __call__(self, x):
        self.calls += 1
        output = 2 * x
        if self.cuda.capturing is not None:
            self.cuda.capturing.done.append(lambda: output.copy_(2 * x))
        return output


@pytest.fixture
def cuda(monkeypatch):
    class Cuda:
        capturing = None
        error = None

    @contextmanager
    def capture(graph):
        if Cuda.error is not None:
            raise Cuda.error
        Cuda.capturing = graph
        yield
        Cuda.capturing = None

    @contextmanager
    def on(stream):
        yield

    for name, value in {
        "Stream": Stream,
        "current_stream": Stream,
        "stream": on,
        "CUDAGraph": Graph,
        "graph": capture,
        "synchronize": lambda: None,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    return Cuda


def test_on_a_cpu_it_is_the_function(cuda):
    run = Doubling(cuda)
    replayed = Replayed(run, torch.device("cpu"))
    assert [replayed(torch.tensor(float(n))).item() for n in range(6)] == [0, 2, 4, 6, 8, 10]
    assert run.calls == 6
    assert not replayed.captured


def test_a_captured_function_is_replayed_on_new_inputs(cuda):
    run = Doubling(cuda)
    replayed = Replayed(run, GPU)
    assert [replayed(torch.tensor([float(n)])).item() for n in range(8)] == [2 * n for n in range(8)]
    assert replayed.captured
    assert run.calls == WARM_UP + 1


def test_a_smaller_batch_is_not_replayed(cuda):
    run = Doubling(cuda)
    replayed = Replayed(run, GPU)
    for _ in range(WARM_UP + 2):
        replayed(torch.ones(3))
    calls = run.calls
    assert torch.equal(replayed(torch.ones(2)), torch.full((2,), 2.0))
    assert run.calls == calls + 1


def test_what_cannot_be_captured_runs_as_it_is(cuda):
    run = Doubling(cuda)
    replayed = Replayed(run, GPU)
    cuda.error = RuntimeError("operation not permitted when stream is capturing")
    assert [replayed(torch.tensor([float(n)])).item() for n in range(8)] == [2 * n for n in range(8)]
    assert not replayed.captured


def test_want_of_memory_in_a_capture_is_told(cuda):
    replayed = Replayed(Doubling(cuda), GPU)
    cuda.error = torch.OutOfMemoryError("CUDA out of memory")
    for _ in range(WARM_UP):
        replayed(torch.ones(1))
    with pytest.raises(torch.OutOfMemoryError):
        replayed(torch.ones(1))
