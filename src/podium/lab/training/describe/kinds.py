"""What kind of module one is: the author's own, a container, or one of torch's layers."""

from __future__ import annotations

from torch import nn

CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.Sequential, nn.ParameterList, nn.ParameterDict)


def is_torch(kind: type) -> bool:
    """Tell whether a class comes with torch; torchvision's models are somebody's own."""
    return kind.__module__.split(".")[0] in ("torch", "builtins", "typing", "abc")


def kind_name(module: nn.Module) -> str:
    """Name a module's class; torch's inner ones by the public class they stand for.

    >>> kind_name(nn.MultiheadAttention(4, 2).out_proj)
    'Linear'
    """
    kind = type(module)
    if is_torch(kind) and not hasattr(nn, kind.__name__):
        kind = next((base for base in kind.__mro__ if hasattr(nn, base.__name__) and base is not nn.Module), kind)
    return kind.__name__
