"""What every layer of StyleGAN3 lets through (Karras et al., NeurIPS 2021, sec. 3.2 and appendix D)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.errors import UserError


@dataclass(frozen=True)
class Band:
    """Of what a layer gives. Frequencies and rates are per image width.

    Attributes:
        cutoff: f_c: frequencies below belong to the signal.
        half_width: f_h: half of the transition band.
        rate: s: samples.
        size: height and width, the margin around the picture included.
        channels: C.
    """

    cutoff: float
    half_width: float
    rate: int
    size: int
    channels: int


def bands(
    size: int,
    num_layers: int,
    num_critical: int,
    first_cutoff: float,
    first_stopband: float,
    last_stopband_rel: float,
    margin: int,
    channel_base: int,
    channel_max: int,
    given: Sequence[int] | None = None,
) -> list[Band]:
    """Bands of L0, L1, ... and of the layer to RGB; see `StyleGAN3` for the arguments.

    Raises:
        UserError: channels for another number of layers are `given`, or none are left of one.
    """
    last_cutoff = size / 2
    progress = np.minimum(np.arange(num_layers + 1) / (num_layers - num_critical), 1)
    cutoffs = first_cutoff * (last_cutoff / first_cutoff) ** progress
    stopbands = first_stopband * (last_cutoff * last_stopband_rel / first_stopband) ** progress
    rates = np.exp2(np.ceil(np.log2(np.minimum(2 * stopbands, size))))
    half_widths = np.maximum(stopbands, rates / 2) - cutoffs
    sizes = rates + 2 * margin
    sizes[-2:] = size  # the last layer crops
    channels = [*(np.rint(np.minimum(channel_base / 2 / cutoffs[:-1], channel_max)) if given is None else given), 3]
    if len(channels) != num_layers + 1 or min(channels) < 1:
        raise UserError(f"channels={channels[:-1]}: {num_layers} numbers above 0 are needed, for L0, L1, ...")
    columns = cutoffs.tolist(), half_widths.tolist(), rates.tolist(), sizes.tolist(), channels
    return [Band(c, h, int(r), int(s), int(n)) for c, h, r, s, n in zip(*columns)]
