"""Reading with CTC: one answer a column, a digit or blank; repeats and blanks fall away (Graves et al. 2006).

Shapes: B batch, T columns, W beginnings that a beam keeps, C = 11 answers (ten digits and BLANK), N digits at most.
"""

from __future__ import annotations

import math

import torch

from podium.lab.transcripts import BLANK, END, PADDING

ANSWERS = 11
LONGEST = 17  # digits that a beginning and one more fit into one int64


def best_path(logits_BTC: torch.Tensor, digits: int) -> torch.Tensor:
    """Take the likeliest answer of every column: int64 (B, digits + 1), digits, then END, then PADDING.

    What comes after the most digits is left out; the device is never asked.
    """
    answer_BT = logits_BTC.argmax(dim=-1)
    before_BT = torch.nn.functional.pad(answer_BT[:, :-1], (1, 0), value=BLANK)
    kept_BT = (answer_BT != BLANK) & (answer_BT != before_BT)
    place_BT = torch.where(kept_BT, kept_BT.cumsum(dim=1) - 1, digits + 1).clamp(max=digits + 1)
    room_BN = torch.full((len(answer_BT), digits + 2), PADDING, device=answer_BT.device)
    room_BN = room_BN.scatter(1, place_BT, answer_BT)  # the last column takes what is left out
    return ended(room_BN[:, :digits], kept_BT.sum(dim=1).clamp(max=digits))


def prefix_beam(logits_BTC: torch.Tensor, digits: int, width: int) -> torch.Tensor:
    """Keep the `width` likeliest beginnings, summed over all paths that spell them; return the likeliest number.

    Graves 2012, Supervised Sequence Labelling, section 7.5.3, for a whole batch at once. A beginning is held as one
    number whose digits to the base 11 are its own plus one: two that spell the same are equal.

    Returns:
        int64 (B, digits + 1), as `best_path` does; numbers longer than `digits` are never thought of.
    """
    device = logits_BTC.device
    log_BTC = logits_BTC.double().log_softmax(dim=-1)
    batch, columns = log_BTC.shape[:2]
    spelt_BW = torch.zeros((batch, width), dtype=torch.int64, device=device)
    spelt_BW[:, 1:] = -1 - torch.arange(width - 1, device=device)  # nobody's: no beginning is below zero
    blank_BW = torch.full((batch, width), -math.inf, dtype=torch.float64, device=device)
    blank_BW[:, 0] = 0.0
    digit_BW = torch.full_like(blank_BW, -math.inf)
    most = 11**digits  # a beginning is below it exactly when it has room for no more
    digit_N = torch.arange(10, device=device)
    for column in range(columns):
        now_BC = log_BTC[:, column]
        whole_BW = torch.logaddexp(blank_BW, digit_BW)
        last_BW = (spelt_BW % 11 - 1).clamp(min=0)
        stay_blank_BW = whole_BW + now_BC[:, BLANK, None]
        stay_digit_BW = digit_BW + now_BC.gather(1, last_BW)
        grown_BWN = spelt_BW[..., None] * 11 + digit_N + 1
        again_BWN = (digit_N == last_BW[..., None]) & (spelt_BW > 0)[..., None]
        from_BWN = torch.where(again_BWN, blank_BW[..., None], whole_BW[..., None])  # a repeat needs a blank between
        more_BWN = from_BWN + now_BC[:, None, :10]
        more_BWN = more_BWN.masked_fill((spelt_BW < 0)[..., None] | (grown_BWN >= most), -math.inf)
        same_BWNW = grown_BWN[..., None] == spelt_BW[:, None, None]  # a beginning that is kept already
        into_BWNW = torch.where(same_BWNW, more_BWN[..., None], -math.inf)
        stay_digit_BW = torch.logaddexp(stay_digit_BW, into_BWNW.flatten(1, 2).logsumexp(dim=1))
        more_BWN = more_BWN.masked_fill(same_BWNW.any(dim=-1), -math.inf)
        all_blank = torch.cat((stay_blank_BW, torch.full_like(more_BWN.flatten(1), -math.inf)), dim=1)
        all_digit = torch.cat((stay_digit_BW, more_BWN.flatten(1)), dim=1)
        all_spelt = torch.cat((spelt_BW, grown_BWN.flatten(1)), dim=1)
        best_BW = torch.logaddexp(all_blank, all_digit).topk(width, dim=1).indices
        blank_BW, digit_BW = all_blank.gather(1, best_BW), all_digit.gather(1, best_BW)
        spelt_BW = all_spelt.gather(1, best_BW)
        unreached_BW = torch.logaddexp(blank_BW, digit_BW).isneginf()
        spelt_BW = torch.where(unreached_BW, -1 - torch.arange(width, device=device), spelt_BW)
    likely_BW = torch.logaddexp(blank_BW, digit_BW)
    best_B = spelt_BW.gather(1, likely_BW.argmax(dim=1, keepdim=True)).squeeze(1)
    return _spelt_out(best_B, digits)


def ended(digits_BN: torch.Tensor, length_B: torch.Tensor) -> torch.Tensor:
    """Write END after the first `length_B` digits of each row, and PADDING after it: (B, N) to (B, N + 1)."""
    place_N = torch.arange(digits_BN.shape[1] + 1, device=digits_BN.device)
    longer_BN = torch.nn.functional.pad(digits_BN, (0, 1), value=PADDING)
    read_BN = torch.where(place_N < length_B[:, None], longer_BN, PADDING)
    return torch.where(place_N == length_B[:, None], END, read_BN)


def _spelt_out(spelt_B: torch.Tensor, digits: int) -> torch.Tensor:
    power_N = 11 ** torch.arange(digits, device=spelt_B.device)
    backwards_BN = spelt_B[:, None] // power_N % 11 - 1
    length_B = (backwards_BN >= 0).sum(dim=1)
    place_BN = (length_B[:, None] - 1 - torch.arange(digits, device=spelt_B.device)).clamp(min=0)
    return ended(backwards_BN.gather(1, place_BN), length_B)
