"""The video that drives a portrait: found out what is in it first, then given as crops, in constant memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from models.errors import UserError
from preparation.crop import Crop, CropRule
from preparation.faces import Analyser, Face
from preparation.shots import ShotDetector
from preparation.source_video import DecodeReport, VideoError, VideoInfo, probe, timed_frames, to_rgb
from preparation.tracking import FaceTracker, Track, choose

MissingFace = Literal["hold", "skip", "stop"]
LEAST_FRAMES = 3  # a face that is seen for less, beside one that is seen for longer, is a mistake of the detector

SMALL_FACE = 40  # pixels, the longer side of its box


@dataclass(frozen=True)
class Driving:
    """A video at 25 fps in which a face was followed.

    Attributes:
        info: the file.
        frames: how many frames there are at 25 fps.
        crops: the crop of every frame that shows the face; one crop per shot, so that it never moves within one.
        warnings: what a user should know, one line each.

    """

    info: VideoInfo
    frames: int
    crops: dict[int, Crop]
    warnings: list[str] = field(default_factory=list)

    @property
    def missing(self) -> list[int]:
        """Frames without the face."""
        return [frame for frame in range(self.frames) if frame not in self.crops]

    def pictures(self, size: int) -> Iterator[np.ndarray]:
        """The frames that show the face, cropped, uint8 `(size, size, 3)`; decoded while they are taken."""
        for timed in timed_frames(self.info):
            crop = self.crops.get(timed.index)
            if crop is not None:
                yield crop.apply(to_rgb(timed.frame, self.info), size)

    def plan(self, policy: MissingFace) -> tuple[list[int], list[int]]:
        """Which frames are made, and which of `pictures` moves each.

        With `hold` every frame is made and one without a face is moved like the last one before it (at the start: like
        the first one after); with `skip` these frames are left out; with `stop` they are an error.

        Raises:
            UserError: a face is missing and the policy is `stop`.
        """
        missing = self.missing
        if missing and policy == "stop":
            raise UserError(
                f"{self.info.path}: no face in {len(missing)} of {self.frames} frames ({ranges(missing)}); "
                "missing_face=hold or missing_face=skip goes on without them"
            )
        made = sorted(self.crops) if policy == "skip" else list(range(self.frames))
        shown = np.array(sorted(self.crops))
        return made, np.maximum(np.searchsorted(shown, made, side="right") - 1, 0).tolist()


def read_driving(
    path: Path,
    analyser: Analyser,
    rule: CropRule,
    face: Literal["largest", "central"] = "largest",
    step: Callable[[int], None] = lambda frames: None,
) -> Driving:
    """Look at every frame of a video once; `step` is told how many frames have been seen.

    Raises:
        UserError: the file is not there, is no video, or shows no face.
    """
    info = open_driving(path)
    tracker, shots, report, frames = FaceTracker(analyser), ShotDetector(), DecodeReport(), 0
    for timed in timed_frames(info, report=report):
        frames = timed.index + 1
        if timed.repeated:
            tracker.repeat()
        else:
            picture = to_rgb(timed.frame, info)
            if shots.is_cut(picture):
                tracker.end_shot()
            tracker.see(timed.index, picture)
        step(frames)
    lasting = [track for track in tracker.tracks if len(track.faces) >= LEAST_FRAMES] or tracker.tracks
    tracks = choose(lasting, face, info.width, info.height)
    if not tracks:
        raise UserError(f"{path}: no face in the driving video ({frames} frames); give a video of one talking head")
    return Driving(info, frames, _crops(tracks, rule, info), _warnings(info, report, lasting, tracks))


def open_driving(path: Path) -> VideoInfo:
    """The header and the first frame of a driving video: the cheap check.

    Raises:
        UserError: the file is not there or is no video; sound alone is named as such.
    """
    if not path.is_file():
        raise UserError(f"driving={path}: there is no such file")
    try:
        return probe(path)
    except VideoError as error:
        if error.reason == "no_video":
            raise UserError(
                f"driving={path}: the file has sound but no picture, and this model is driven by video; give a video"
            ) from error
        raise UserError(f"driving={path}: {error.detail}; give a video that a player can open") from error


def ranges(numbers: list[int]) -> str:
    """Frame numbers in few words: `3-9, 40`; cut off after eight stretches."""
    edges = np.flatnonzero(np.diff(numbers) > 1) + 1
    pieces = [piece.tolist() for piece in np.split(np.array(numbers), edges)]
    words = [str(piece[0]) if len(piece) == 1 else f"{piece[0]}-{piece[-1]}" for piece in pieces]
    return ", ".join(words[:8]) + (f" and {len(words) - 8} more" if len(words) > 8 else "")


def _crops(tracks: list[Track], rule: CropRule, info: VideoInfo) -> dict[int, Crop]:
    crops: dict[int, Crop] = {}
    for shot in sorted({track.shot for track in tracks}):
        parts = [track for track in tracks if track.shot == shot]
        faces: list[Face] = [face for track in parts for face in track.faces]
        crop = rule.fit(
            np.stack([face.points for face in faces]), np.stack([face.box for face in faces]), (info.width, info.height)
        )
        crops |= {frame: crop for track in parts for frame in range(track.first, track.stop)}
    return crops


def _warnings(info: VideoInfo, report: DecodeReport, tracks: list[Track], chosen: list[Track]) -> list[str]:
    path, warnings = info.path, []
    if report.decoded < 0.95 * info.header_frames:
        warnings.append(f"{path}: only {report.decoded} of the {info.header_frames} frames it promises can be decoded")
    if report.refused or report.damaged:
        warnings.append(f"{path}: {report.refused + report.damaged} damaged places in the picture data")
    size = float(np.median([face.size for track in chosen for face in track.faces]))
    if size < SMALL_FACE:
        warnings.append(f"{path}: the face is only {size:.0f} px, its motion will be imprecise")
    others = [track for track in tracks if not any(track is kept for kept in chosen)]
    if any(track.first < kept.stop and kept.first < track.stop for kept in chosen for track in others):
        warnings.append(f"{path}: several faces; one is followed, choose with face=largest or face=central")
    cuts = [track.first for before, track in pairwise(chosen) if track.shot != before.shot]
    if cuts:
        warnings.append(f"{path}: the picture cuts at frame {ranges(cuts)}, the motion jumps there")
    return warnings
