import sys
from types import SimpleNamespace

import torch

from podium.lab.training import usage


def test_memory_of_this_process(monkeypatch):
    now, peak = usage.memory_now(), usage.memory_peak()
    assert 50 < now <= peak * 1.01
    monkeypatch.setattr(usage, "Path", lambda _: SimpleNamespace(exists=lambda: False))
    assert usage.memory_now() >= peak


def test_other_systems(monkeypatch):
    here = usage.memory_peak()
    monkeypatch.setattr(usage.sys, "platform", "darwin")
    assert usage.memory_peak() < here / 1000 + 1
    monkeypatch.setitem(sys.modules, "resource", None)
    assert usage.memory_peak() == 0


def test_a_gpus_memory(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", asked.append)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: 3 * usage.MIB)
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    usage.reset_peak(gpu)
    usage.reset_peak(cpu)
    assert asked == [gpu]
    assert usage.device_peak(gpu, "device_memory") == {"device_memory": 3.0}
    assert usage.device_peak(cpu, "device_memory") == {}
