"""Whether an inversion is any good, to look at: frames beside what the generator makes of their codes."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from datamodules.clip_shards import Clip, ClipShards
from datamodules.latents import ERRORS
from datamodules.shard_format import Segment
from preparation.describe import COLUMNS, contact_sheet
from preparation.inversion_worker import picture, side

if TYPE_CHECKING:
    from models.inversion.inversion import Steady
    from models.stylegan.generator import Generator

PAIRS = COLUMNS // 2


def inversion_sheet(
    clips: Iterable[ClipShards], name: str, generator: "Generator", noise: "Steady", rows: int
) -> tuple[Image.Image, str]:
    """Segments from the worst to the best: four times a frame and its reconstruction; and the worst one in words.

    Args:
        clips: the segments of every split.
        name: of their latents.
        generator: of the latents, on the device where it shall draw.
        noise: of the generator.
        rows: how many segments are shown, spread evenly between worst and best.
    """
    found = sorted(_measured(clips, name), key=lambda item: -item[0]["l1"])
    shown = [found[number * len(found) // rows] for number in range(rows)] if rows < len(found) else found
    sheet = contact_sheet([_pairs(clip, means, name, generator, noise) for means, clip in shown], False, _caption)
    return sheet, _caption(Segment(found[0][1].key, dict(found[0][0]), np.empty(0)))


def _measured(clips: Iterable[ClipShards], name: str) -> Iterator[tuple[dict[str, float], Clip]]:
    """The mean errors of every segment."""
    for part in clips:
        latents = part.latents(name)
        for clip in part:
            frames = range(int(part.table.frames[clip.index]))
            yield {error: float(latents.rows(clip.index, error, frames).mean()) for error in ERRORS}, clip


def _pairs(clip: Clip, means: dict[str, float], name: str, generator: "Generator", noise: "Steady") -> Segment:
    """Frames at even distances in time, each followed by its reconstruction."""
    import torch

    from models.images import to_frames

    size = side(generator, clip.clips.dataset.size)
    chosen = np.linspace(0, clip.clips.table.frames[clip.index] - 1, PAIRS).astype(int).tolist()
    codes = torch.from_numpy(clip.latents(name, chosen)).to(generator.mapping.w_mean.device)
    with torch.inference_mode():
        made = to_frames(picture(generator, codes, noise, size))
    pairs = np.stack([clip.frames(chosen, size), made], axis=1)
    return Segment(clip.key, dict(means), pairs.reshape(2 * PAIRS, size, size, 3))


def _caption(segment: Segment) -> str:
    return f"{segment.key}: L1 {segment.info['l1']:.4f}, PSNR {segment.info['psnr']:.1f} dB"
