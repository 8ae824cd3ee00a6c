"""Turns of the head that a user asks for: yaw, pitch or roll that goes from stop to stop."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from models.errors import UserError


def angles_through(stops: Sequence[float], frames: int) -> np.ndarray:
    """Degrees (frames,), float64, at one speed from the first stop through all others, as SadTalker's inference does.

    Each leg begins at its stop and ends before the next one, so the last stop is not reached: the last angle on the way
    to it is held. One stop is an angle held all the time.

    Raises:
        UserError: there is no stop, or one that is not a number.
    """
    if not len(stops) or not np.isfinite(stops).all():
        raise UserError(f"a turn of the head goes through one or more angles in degrees, not {list(stops)}")
    legs = [(before, after) for before, after in pairwise(stops) if before != after]
    if not legs or frames < 2:
        return np.full(frames, stops[0], np.float64)
    speed = sum(abs(after - before) for before, after in legs) / (frames - 1)
    # The step is written as the authors have it: rounding decides whether a leg has one frame more.
    steps = [speed * abs(after - before) / (after - before) for before, after in legs]
    way = np.concatenate([np.arange(*leg, step) for leg, step in zip(legs, steps)])
    return way[np.minimum(np.arange(frames), len(way) - 1)]
