"""What people look at: a grid of frames and a few short videos, made while the pairs are scored."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from datamodules.mark import Mark
from datamodules.video import FPS, VideoWriter
from evaluation.protocol import Pair, evenly
from models.aside import written_aside
from models.images import to_frames

SECONDS = 4  # of every video
MOMENTS = 6  # pictures per pair in the grid
SIDE = 128  # of a picture in the grid
WIDEST = 256  # side of a picture in a video


@dataclass
class Strip:
    """The grid's pictures of one pair: source, and (driving, prediction) at some moments."""

    key: str
    source: Image.Image
    moments: list[tuple[Image.Image, Image.Image]] = field(default_factory=list)


class Gallery:
    """Shows a few pairs, spread over those of this process: `sample.mp4`, `sample_2.mp4`, ..., and a grid.

    Use it in a `with` block: a video that was not finished leaves nothing.

    Args:
        folder: where the videos go.
        pairs: all pairs that will be shown.
        method: as it stands in the videos' metadata.
        size: side of the pictures that will be shown.
        most: how many pairs are kept.

    """

    def __init__(self, folder: Path, pairs: Sequence[Pair], method: str, size: int, most: int = 4) -> None:
        self.folder = folder
        self.comment = f"synthetic: made by Figurehead, {method}"
        self.side = min(size, WIDEST) // 2 * 2
        self.strips: list[Strip] = []
        self._wanted = {pair.key: place for place, pair in enumerate(evenly(pairs, most), 1)}
        self._mark = Mark(self.side)
        self._video: VideoWriter | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def show(self, pair: Pair, start: int, pieces: Mapping[str, Tensor], sound: Tensor | None) -> None:
        """Take a piece of a pair.

        Args:
            pair: which one; the pieces of one pair follow each other.
            start: number of the piece's first frame among the scored ones.
            pieces: `source`, `driving` and `prediction` `(n, 3, S, S)` in [-1, 1].
            sound: of all scored frames `(640 T,)`.
        """
        if pair.key not in self._wanted:
            return
        if start == 0:
            self._begin(pair, pieces["source"], sound)
        wanted = {int(moment) for moment in np.linspace(0, pair.scored - 1, MOMENTS).round()}
        until = min(pair.scored, SECONDS * FPS) - start  # of this piece in the video
        places = sorted({moment - start for moment in wanted} | set(range(until)))
        for place in (place for place in places if 0 <= place < len(pieces["driving"])):
            source, driving, prediction = (
                _picture(pieces[name], place, self.side) for name in ("source", "driving", "prediction")
            )
            if start + place in wanted:
                self.strips[-1].moments.append((driving, prediction))
            if place < until and self._video is not None:
                shown = [np.asarray(source), np.asarray(driving), self._mark.on(np.asarray(prediction))]
                self._video.write(np.concatenate(shown, axis=1))
        if start + len(pieces["driving"]) >= pair.scored:
            self._open.close()

    def write_grid(self, path: Path) -> None:
        """A PNG with two rows per pair: source, then driving frames; beneath them the predictions."""
        bar, gap = 14, 4
        height = 2 * SIDE + bar + gap
        sheet = Image.new("RGB", ((MOMENTS + 1) * (SIDE + gap), len(self.strips) * height), "white")
        draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=11)
        for row, strip in enumerate(self.strips):
            draw.text((2, row * height), f"{strip.key}   source | driving over prediction", fill="black", font=font)
            top = row * height + bar
            sheet.paste(_scaled(strip.source), (0, top))
            for column, (driving, prediction) in enumerate(strip.moments, 1):
                sheet.paste(_scaled(driving), (column * (SIDE + gap), top))
                sheet.paste(_scaled(prediction), (column * (SIDE + gap), top + SIDE))
        with written_aside(path) as part:
            sheet.save(part, format="PNG")

    def _begin(self, pair: Pair, source: Tensor, sound: Tensor | None) -> None:
        self.strips.append(Strip(pair.key, _picture(source, 0, self.side)))
        self._video = None
        if pair.scored > 1:
            place = self._wanted[pair.key]
            path = self.folder / ("sample.mp4" if place == 1 else f"sample_{place}.mp4")
            audio = None if sound is None else sound.numpy()
            size = (3 * self.side, self.side)
            self._video = self._open.enter_context(
                VideoWriter(path, size, audio=audio, metadata={"comment": self.comment})
            )


def _picture(images: Tensor, place: int, side: int) -> Image.Image:
    frame = to_frames(images[place : place + 1])[0]
    return Image.fromarray(frame).resize((side, side), Image.Resampling.LANCZOS)


def _scaled(picture: Image.Image) -> Image.Image:
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
