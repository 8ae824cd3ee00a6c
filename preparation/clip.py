"""What is prepared: one stretch of one video file."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Clip:
    """One stretch of one video, and what is known about it before it is opened.

    dataset, identity, name: the first three parts of the keys of its segments (safe for keys);
    source: the file as the user knows it (relative to the input);
    audio: a sound file beside the video that replaces its own sound;
    start, end: seconds after the first frame (`end` None: to the end);
    box: x0, y0, x1, y1 of a published crop in pixels of a picture that is `box_height` pixels high (None: as it is);
    split: given by the data set, else None; licence: of the footage.
    """

    dataset: str
    identity: str
    name: str
    path: Path
    source: str
    audio: Path | None = None
    start: float = 0.0
    end: float | None = None
    box: tuple[float, float, float, float] | None = None
    box_height: int | None = None
    split: str | None = None
    licence: str = "unknown"

    @property
    def key(self) -> str:
        """`<dataset>/<identity>/<clip>`."""
        return f"{self.dataset}/{self.identity}/{self.name}"
