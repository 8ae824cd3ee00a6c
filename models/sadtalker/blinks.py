"""Blink signals for ExpNet where no video lends its blinks: 0 the eyes are open, 1 they are closed (SadTalker, B.2)."""

import torch
from torch import Tensor

SLOW = (0.5, 0.6, 0.7, 0.9, 1.0, 0.9, 0.7, 0.6, 0.5)
QUICK = (0.5, 0.9, 1.0, 0.9, 0.5)
PAUSE = 80  # frames between regular blinks: 3.2 s
SHORTEST, LONGEST = 10, 70  # frames between random ones; the longest one is not reached


def regular_blinks(frames: int) -> Tensor:
    """(frames,) with a slow blink after every 80 frames; none that would end with the clip or beyond."""
    signal = torch.zeros(frames)
    period = PAUSE + len(SLOW)
    count = max(0, (frames - 1) // period)
    signal[: count * period].view(count, period)[:, PAUSE:] = torch.tensor(SLOW)
    return signal


def random_blinks(frames: int, generator: torch.Generator | None = None) -> Tensor:
    """(frames,) with quick blinks at random, 10 to 69 frames between them, as SadTalker's inference has them.

    In short clips the pause is less than half of the clip, so up to 21 frames have no blink. The first blink that would
    end with the clip or beyond is the end.
    """
    signal = torch.zeros(frames)
    blink = torch.tensor(QUICK)
    longest = min(frames // 2, LONGEST)
    place = 0
    while longest > SHORTEST:
        place += int(torch.randint(SHORTEST, longest, (), generator=generator)) + len(blink)
        if place > frames - 1:
            break
        signal[place - len(blink) : place] = blink
    return signal
