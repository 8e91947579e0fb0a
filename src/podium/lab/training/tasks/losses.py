"""Losses, and over how much each is a mean. But for CTC they never ask the device: many runs may be computed at once.

Shapes: B batch, T tokens or columns, V kinds of answer, N digits at most.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from podium.lab.transcripts import BLANK, PADDING
from podium.spec import Config, PodiumError


def cross_entropy(
    logits_BV: Tensor,
    targets_B: Tensor,
    *,
    smoothing: float | Tensor = 0.0,
    weights_V: Tensor | None = None,
    kept_B: Tensor | None = None,
) -> Tensor:
    """Return the mean of -log p(target), in nats, as torch's own `cross_entropy` does; any batch dimensions do.

    Args:
        logits_BV: of any float type.
        targets_B: int64.
        smoothing: share of the target that is spread over all answers (Szegedy et al. 2016, section 7).
        weights_V: how much each answer counts, where it is the target and in what is spread.
        kept_B: which targets count at all; all when None.
    """
    log_BV = logits_BV.float().log_softmax(dim=-1)
    loss_B = -log_BV.gather(-1, targets_B.unsqueeze(-1)).squeeze(-1)
    if weights_V is not None:
        loss_B = loss_B * weights_V[targets_B]
    if isinstance(smoothing, Tensor) or smoothing:
        each_BV = log_BV if weights_V is None else log_BV * weights_V
        loss_B = (1 - smoothing) * loss_B - smoothing * each_BV.mean(dim=-1)
    if kept_B is not None:
        loss_B = torch.where(kept_B, loss_B, 0.0)
    return loss_B.sum() / terms(targets_B, weights_V=weights_V, kept_B=kept_B)


def terms(targets_B: Tensor, *, weights_V: Tensor | None = None, kept_B: Tensor | None = None) -> Tensor:
    """Return over how much `cross_entropy` is a mean: targets that count, by their weights; a float scalar."""
    weight_B = torch.ones_like(targets_B, dtype=torch.float32) if weights_V is None else weights_V[targets_B]
    return (weight_B if kept_B is None else torch.where(kept_B, weight_B, 0.0)).sum()


def order_blind(
    logits_BTV: Tensor, targets_BT: Tensor, *, smoothing: float | Tensor = 0.0, ignore_padding: bool = True
) -> Tensor:
    """Compare how often each token is said with how often it should be, wherever; the mean over pictures, in nats.

    The divergence of the mean prediction from the tokens' shares, which is Xie et al. 2019, Aggregation Cross-Entropy
    for Sequence Recognition, less the shares' own entropy: it is zero when all counts are right, in any order.
    """
    kinds = logits_BTV.shape[-1]
    real_BT1 = (targets_BT != PADDING if ignore_padding else torch.ones_like(targets_BT, dtype=torch.bool)).unsqueeze(
        -1
    )
    length_B1 = real_BT1.sum(dim=1)
    said_BV = (logits_BTV.float().softmax(dim=-1) * real_BT1).sum(dim=1) / length_B1
    wanted_BV = (F.one_hot(targets_BT, kinds) * real_BT1).sum(dim=1) / length_B1
    wanted_BV = (1 - smoothing) * wanted_BV + smoothing / kinds
    return (torch.xlogy(wanted_BV, wanted_BV) - wanted_BV * said_BV.clamp(min=1e-9).log()).sum(dim=-1).mean()


def ctc(logits_BTV: Tensor, tokens_BN: Tensor) -> Tensor:
    """Return -log p(number), summed over all ways to spell it in columns, in nats a digit (Graves et al. 2006).

    Torch's own `ctc_loss`: it has no rule for vmap, and on a GPU it asks the device for the lengths, once a batch.

    Args:
        logits_BTV: ten digits and BLANK.
        tokens_BN: int64, digits first; what follows them is no digit.
    """
    real_BN = tokens_BN < BLANK
    log_TBV = logits_BTV.float().log_softmax(dim=-1).transpose(0, 1)
    columns_B = torch.full((len(logits_BTV),), logits_BTV.shape[1], device=logits_BTV.device)
    digits_BN = torch.where(real_BN, tokens_BN, 0)
    loss = F.ctc_loss(log_TBV, digits_BN, columns_B, real_BN.sum(dim=1), blank=BLANK, reduction="sum")
    return loss / real_BN.sum()


def class_weights(config: Config, targets: Tensor, kinds: int) -> Tensor | None:
    """Return how much each answer counts, or None where all count the same.

    "balanced" is (number of targets) / (classes * how often each is one), as scikit-learn has it; tokens that are no
    digit count as one.

    Args:
        config: `class_weights` says which: none, balanced, or a number a class.
        targets: int64, what there is to learn; only what is a class is counted.
        kinds: of answers; the classes come first, ten of them where there are more.

    Raises:
        PodiumError: for anything else.
    """
    said = config.class_weights
    if said == "none":
        return None
    classes = int(getattr(config, "classes", 10))
    if said == "balanced":
        counted = torch.bincount(targets.flatten(), minlength=kinds)[:classes].float()
        weights = counted.sum() / (classes * counted.clamp(min=1))
    else:
        try:
            numbers = [float(part) for part in said.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) != classes or min(numbers) < 0 or not 0 < sum(numbers) < float("inf"):
            msg = f"class_weights must be none, balanced, or {classes} numbers joined by commas; got {said!r}."
            raise PodiumError(msg)
        weights = torch.tensor(numbers, device=targets.device)
    return torch.cat((weights, torch.ones(kinds - classes, device=targets.device)))
