"""How many channels the features of StyleGAN2 have, by their height and width."""

from collections.abc import Sequence

from models.errors import UserError


def channels_by_size(size: int, base: int, most: int, given: Sequence[int] | None = None) -> dict[int, int]:
    """Channels of the features of 4, 8, ..., `size` pixels: those `given`, else min(base / pixels, most).

    Raises:
        UserError: `size` is not 8, 16, 32, ..., or another number of channels is given.
    """
    if size < 8 or size & (size - 1):
        raise UserError(f"StyleGAN2 makes pictures of a power of two, at least 8; not of {size}")
    sides = [2**n for n in range(2, size.bit_length())]
    if given is not None and len(given) != len(sides):
        raise UserError(f"channels={list(given)}: one number for each size of {', '.join(map(str, sides))} is needed")
    channels = {side: min(base // side, most) for side in sides} if given is None else dict(zip(sides, given))
    if min(channels.values()) < 1:
        raise UserError(f"channel_base={base}, channel_max={most}: this leaves no channels at {size} pixels")
    return channels
