"""Faces of single frames joined to tracks: one person, one shot, no frame left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np

from preparation.faces import Analyser, Face

Policy = Literal["largest", "central", "all"]
SHARPNESS_SIZE = 112  # pixels to which a face is scaled before its sharpness is measured


@dataclass
class Track:
    """One face in consecutive frames of one shot: `faces[i]` is in frame `first + i`."""

    shot: int
    first: int
    faces: list[Face] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)  # one value per detection
    confirmed: int = 0  # how many of the faces lie at or before the last detection

    @property
    def stop(self) -> int:
        """The frame after the last one."""
        return self.first + len(self.faces)

    def piece(self, start: int, stop: int) -> "Track":
        """The part between two frame numbers."""
        return Track(self.shot, start, self.faces[start - self.first : stop - self.first], self.sharpness)


class FaceTracker:
    """Turns frames, given one after another, into tracks.

    Faces are detected in every `every`-th frame, and in every frame while there is none; between detections each one
    is followed. A detection belongs to the track whose last box it overlaps most. A track ends where following fails,
    where the shot ends, and where `patience` detections in a row did not see it (back to the last one that did).

    Args:
        analyser: finds and follows faces.
        every: frames from one detection to the next.
        least_overlap: intersection over union from which two boxes can be the same face.
        patience: detections that a followed face may miss.
        most_faces: how many faces are followed at the same time (the largest).
    """

    def __init__(
        self,
        analyser: Analyser,
        every: int = 5,
        least_overlap: float = 0.3,
        patience: int = 5,
        most_faces: int = 4,
    ) -> None:
        self.analyser = analyser
        self.every = every
        self.least_overlap = least_overlap
        self.patience = patience
        self.most_faces = most_faces
        self.shot = 0
        self.tracks: list[Track] = []
        self._live: list[Track] = []
        self._since_detection = 0

    def see(self, index: int, frame: np.ndarray) -> None:
        """The next frame, uint8 (H, W, 3) RGB."""
        if not self._live or self._since_detection >= self.every:
            self._detect(index, frame)
            self._since_detection = 1
        else:
            self._live = [track for track in self._live if self._follow(track, frame)]
            self._since_detection += 1

    def repeat(self) -> None:
        """The next frame is the same picture as the one before."""
        for track in self._live:
            track.faces.append(track.faces[-1])

    def end_shot(self) -> None:
        """The next frame has nothing to do with those before it."""
        self._live = []
        self.shot += 1

    def _detect(self, index: int, frame: np.ndarray) -> None:
        found = self.analyser.faces(frame)[: self.most_faces]
        live, self._live = self._live, []
        for track, face in match(live, found, self.least_overlap):
            if face is not None and track is not None:
                track.faces.append(face)
            elif track is not None:
                if not self._follow(track, frame) or self._doubtful(track):
                    continue
            elif face is not None:
                track = Track(self.shot, index, [face])
                self.tracks.append(track)
            if track is not None:
                self._live.append(track)
            if track is not None and face is not None:
                track.confirmed = len(track.faces)
                track.sharpness.append(sharpness(frame, face))

    def _follow(self, track: Track, frame: np.ndarray) -> bool:
        face = self.analyser.follow(frame, track.faces[-1])
        if face is None or overlap(face.box, track.faces[-1].box) < self.least_overlap:
            return False
        track.faces.append(face)
        return True

    def _doubtful(self, track: Track) -> bool:
        """Whether too many detections missed this track; it then loses what only following has seen."""
        if len(track.faces) - track.confirmed <= self.patience * self.every:
            return False
        del track.faces[track.confirmed :]
        return True


def match(
    tracks: Sequence[Track], faces: Sequence[Face], least_overlap: float
) -> list[tuple[Track | None, Face | None]]:
    """Pairs tracks with detections, best overlap first; what is left over stands alone."""
    scores = sorted(
        (
            (overlap(track.faces[-1].box, face.box), -t, -f)
            for t, track in enumerate(tracks)
            for f, face in enumerate(faces)
        ),
        reverse=True,
    )
    taken: dict[int, int] = {}
    for score, t, f in scores:
        if score >= least_overlap and -t not in taken and -f not in taken.values():
            taken[-t] = -f
    pairs: list[tuple[Track | None, Face | None]] = [
        (track, faces[taken[t]] if t in taken else None) for t, track in enumerate(tracks)
    ]
    return pairs + [(None, face) for f, face in enumerate(faces) if f not in taken.values()]


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = float(np.prod(np.maximum(sides, 0)))
    union = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - common
    return common / union if union > 0 else 0.0


def choose(tracks: Sequence[Track], policy: Policy, width: int, height: int) -> list[Track]:
    """The tracks to keep, in the order of time; with `largest` and `central` never two at the same time.

    `largest` prefers the track with the most face area summed over its frames, `central` the one that is nearest to
    the middle of the picture (mean distance over the mean face size).
    """
    if policy == "all":
        return sorted(tracks, key=lambda track: (track.first, -track.faces[0].area))
    middle = np.array([width, height], np.float32) / 2

    def rank(track: Track) -> float:
        if policy == "largest":
            return -sum(face.area for face in track.faces)
        centres = np.array([(face.box[:2] + face.box[2:]) / 2 for face in track.faces])
        return float(np.linalg.norm(centres - middle, axis=1).mean()) / float(np.mean([f.size for f in track.faces]))

    kept: list[Track] = []
    for track in sorted(tracks, key=lambda track: (rank(track), track.first)):
        if all(track.stop <= other.first or other.stop <= track.first for other in kept):
            kept.append(track)
    return sorted(kept, key=lambda track: track.first)


def split_where_it_leaves(
    track: Track, width: int, height: int, least_overlap: float = 0.25, least_inside: float = 0.85
) -> list[Track]:
    """Cuts a track where the face has left its place or the picture.

    As in the VoxCeleb preparation of First Order Motion Model, a piece ends when the face overlaps its first box of
    the piece by less than `least_overlap`; frames in which less than `least_inside` of the landmarks are in the
    picture belong to no piece.
    """
    pieces: list[Track] = []
    start: int | None = None
    for index, face in enumerate(track.faces, track.first):
        inside = ((face.points >= 0) & (face.points <= (width, height))).all(axis=1).mean() >= least_inside
        moved = start is not None and overlap(face.box, track.faces[start - track.first].box) < least_overlap
        if start is not None and (moved or not inside):
            pieces.append(track.piece(start, index))
            start = None
        if inside and start is None:
            start = index
    if start is not None:
        pieces.append(track.piece(start, track.stop))
    return pieces


def sharpness(frame: np.ndarray, face: Face) -> float:
    """Variance of the Laplacian of a face's grey values (0 to 255) at a fixed size; low for blurred faces."""
    height, width = frame.shape[:2]
    x0, y0 = np.clip(np.floor(face.box[:2]).astype(int), 0, [width - 1, height - 1])
    x1, y1 = np.clip(np.ceil(face.box[2:]).astype(int), [x0 + 1, y0 + 1], [width, height])
    grey = cv2.cvtColor(frame[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY)
    smaller = min(grey.shape) < SHARPNESS_SIZE
    grey = cv2.resize(
        grey, (SHARPNESS_SIZE, SHARPNESS_SIZE), interpolation=cv2.INTER_LINEAR if smaller else cv2.INTER_AREA
    )
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())
