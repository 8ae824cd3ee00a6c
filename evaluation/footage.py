"""What is shown of one clip, piece by piece, and what has been seen in the piece at hand."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor

from models.images import to_frames
from preparation.faces import Analyser, Face

if TYPE_CHECKING:
    from evaluation.observers.observer import Observer, Watcher

SIDE = 256  # frames are scaled to this side before faces are looked for: landmarks are in its pixels
LOOK_EVERY = 10  # frames from one detection to the next; in between the face is followed


class FaceTracker:
    """The largest face of each frame of one clip, given in order.

    Args:
        finder: finds faces.
        still: all frames are one picture, so one look is enough.

    """

    def __init__(self, finder: Analyser, still: bool = False) -> None:
        self.finder, self.still = finder, still
        self._face: Face | None = None
        self._number = 0

    def __call__(self, frame: np.ndarray) -> Face | None:
        """The face in the next frame `(SIDE, SIDE, 3)` uint8; None without one."""
        if self.still and self._number:
            return self._face
        again = self._face is None or self._number % LOOK_EVERY == 0
        face = None if self._face is None or again else self.finder.follow(frame, self._face)
        self._face = face if face is not None else next(iter(self.finder.faces(frame)), None)
        self._number += 1
        return self._face


class Piece:
    """Consecutive frames of a clip; what is not asked for is not computed.

    Attributes:
        images: `(n, 3, S, S)` in [-1, 1] on the CPU, rounded to 8 bits as in a written picture.

    """

    def __init__(self, images: Tensor, tracker: FaceTracker) -> None:
        self.images, self._tracker = images, tracker

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def frames(self) -> np.ndarray:
        """The images as uint8 `(n, SIDE, SIDE, 3)` RGB."""
        one_picture = self._tracker.still
        frames = to_frames(self.images[:1] if one_picture else self.images)
        if frames.shape[1:3] != (SIDE, SIDE):
            frames = np.stack([cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for frame in frames])
        return np.broadcast_to(frames, (len(self), SIDE, SIDE, 3)) if one_picture else frames

    @cached_property
    def faces(self) -> list[Face | None]:
        """The largest face of each frame, in pixels of `frames`."""
        return [self._tracker(frame) for frame in self.frames]

    @cached_property
    def landmarks(self) -> Tensor:
        """68 landmarks `(n, 68, 2)` in pixels of `frames`, NaN without a face."""
        nothing = np.full((68, 2), np.nan, np.float32)
        points = [nothing if face is None else face.points for face in self.faces]
        return torch.from_numpy(np.stack(points)) if points else torch.empty(0, 68, 2)

    def thinned(self, places: slice) -> Piece:
        """Some of the frames; faces are still looked for in all of them, because they are followed."""
        return Thinned(self, places)


class Thinned(Piece):
    """Some frames of a piece."""

    def __init__(self, whole: Piece, places: slice) -> None:
        self.images, self._whole, self._places = whole.images[places], whole, places

    @cached_property
    def frames(self) -> np.ndarray:
        """See `Piece`."""
        return self._whole.frames[self._places]

    @cached_property
    def faces(self) -> list[Face | None]:
        """See `Piece`."""
        return self._whole.faces[self._places]


class Footage:
    """One clip as it is shown; observers look at each piece once, however many metrics ask.

    Args:
        finder: finds faces.
        still: all frames are one picture, so it is enough to look at one.

    """

    def __init__(self, finder: Analyser, still: bool = False) -> None:
        self.still = still
        self._tracker = FaceTracker(finder, still)
        self._watchers: dict[tuple[int, int], Watcher] = {}
        self._seen: dict[tuple[int, int], Tensor] = {}
        self._once: dict[int, Tensor] = {}
        self._before = 0
        self.piece = Piece(torch.empty(0, 3, 1, 1), self._tracker)

    def show(self, images: Tensor) -> None:
        """Bring the next piece `(n, 3, S, S)` in [-1, 1]."""
        self._before += len(self.piece)
        self.piece = Piece(images, self._tracker)
        self._seen.clear()

    def seen(self, observer: Observer, every: int = 1) -> Tensor:
        """What the observer sees in every `every`-th frame of the piece at hand, frames being counted in the clip."""
        places = self.places(every)
        if self.still and observer.per_frame:
            if id(observer) not in self._once:
                self._once[id(observer)] = observer.begin()(self.piece.thinned(slice(0, 1)))
            once = self._once[id(observer)]
            return once.expand(len(range(len(self.piece))[places]), *once.shape[1:])
        key = (id(observer), every)
        if key not in self._seen:
            if key not in self._watchers:
                self._watchers[key] = observer.begin()
            self._seen[key] = self._watchers[key](self.piece if every == 1 else self.piece.thinned(places))
        return self._seen[key]

    def places(self, every: int) -> slice:
        """Where every `every`-th frame of the clip stands in the piece at hand."""
        return slice(-self._before % every, None, every)
