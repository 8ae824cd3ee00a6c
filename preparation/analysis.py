"""The first pass over a clip: which faces are where. Nothing of a picture is kept, so length costs little memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from preparation.clip import Clip
from preparation.faces import Analyser, Face
from preparation.shots import ShotDetector
from preparation.source_video import DecodeReport, VideoError, VideoInfo, probe, timed_frames, to_rgb
from preparation.tracking import FaceTracker, Track

FPS = 25


@dataclass(frozen=True)
class Analysis:
    """What the first pass found; all coordinates are pixels of the full upright picture."""

    info: VideoInfo
    frames: int  # output frames at 25 fps
    tracks: Sequence[Track]
    report: DecodeReport
    frozen: int  # output frames that only repeat a picture held for too long

    @property
    def without_face(self) -> int:
        """Output frames in which no track has a face."""
        seen = {index for track in self.tracks for index in range(track.first, track.stop)}
        return self.frames - len(seen)


def span(clip: Clip) -> tuple[Fraction, Fraction | None]:
    """Start and end of a clip in exact seconds."""
    return Fraction(clip.start).limit_denominator(1000), (
        None if clip.end is None else Fraction(clip.end).limit_denominator(1000)
    )


def analyse(
    clip: Clip, analyser: Analyser, *, longest: int, every: int, longest_hold: float, most_damaged: float
) -> Analysis:
    """Decodes a clip once at a bounded size and tracks its faces.

    Args:
        clip: what to look at.
        analyser: finds the faces.
        longest: pixels of the longer side of the pictures that are looked at.
        every: frames from one detection to the next.
        longest_hold: seconds; a picture that stays longer is a loss of frames, which ends all tracks.
        most_damaged: fraction of source frames that may be damaged.

    Raises:
        VideoError: as `probe` does, and `damaged`.
    """
    info = probe(clip.path)
    start, end = span(clip)
    report, shots, tracker = DecodeReport(), ShotDetector(), FaceTracker(analyser, every)
    frames = frozen = 0
    for timed in timed_frames(info, FPS, start=start, end=end, report=report):
        frames = timed.index + 1
        if timed.age > longest_hold:
            frozen += 1
            tracker.end_shot()
        elif timed.repeated:
            tracker.repeat()
        else:
            image = to_rgb(timed.frame, info, longest, exact=False)
            if shots.is_cut(image):
                tracker.end_shot()
            tracker.see(timed.index, image)
    if report.damaged + report.refused > most_damaged * max(report.decoded, 1):
        raise VideoError(
            "damaged",
            f"{report.damaged} of {report.decoded} frames had to be repaired and {report.refused} packets were refused",
        )
    scale = info.width / info.fitted(longest)[0]
    return Analysis(info, frames, [_scaled(track, scale) for track in tracker.tracks], report, frozen)


def _scaled(track: Track, scale: float) -> Track:
    if scale == 1:
        return track
    faces = [
        Face(face.box * scale, face.score, face.points * scale, None if face.pupils is None else face.pupils * scale)
        for face in track.faces
    ]
    return Track(track.shot, track.first, faces, track.sharpness)
