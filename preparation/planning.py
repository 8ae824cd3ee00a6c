"""Between the two passes: which frames of which face become segments, and why others do not."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from models.errors import UserError
from preparation.analysis import FPS, Analysis
from preparation.clip import Clip
from preparation.crop import Crop, CropRule
from preparation.source_audio import AudioTrack
from preparation.tracking import Policy, Track, choose, split_where_it_leaves

MOST_NOTES = 20  # stretches left out that are told one by one


@dataclass(frozen=True)
class SegmentRules:
    """Everything that decides what becomes of a clip.

    size: pixels of the crop; crop: its rule; policy: whose face (never changed within a track);
    analysis_size: longer side in pixels at which faces are looked for; detect_every: frames between detections;
    smoothing: sigma in frames of the landmarks' smoothing;
    least_seconds, most_seconds: length of a segment;
    least_face: pixels of the source, longer side of the face box (median);
    least_sharpness: variance of the Laplacian at 112 px (median), see `tracking.sharpness`;
    most_outside: how far the crop may reach over the picture's border, as a fraction of its side;
    most_damaged: fraction of frames that the decoder had to repair; longest_hold: seconds one picture may stay.
    """

    size: int
    crop: CropRule
    policy: Policy = "largest"
    analysis_size: int = 1280
    detect_every: int = 5
    smoothing: float = 1.0
    least_seconds: float = 1.0
    most_seconds: float = 8.0
    least_face: float = 64.0
    least_sharpness: float = 15.0
    most_outside: float = 0.3
    most_damaged: float = 0.1
    longest_hold: float = 0.5

    def __post_init__(self) -> None:
        if self.size % 2 or not 16 <= self.size <= 2048:
            raise UserError(f"size={self.size}: it must be even and between 16 and 2048")
        if self.policy not in ("largest", "central", "all"):
            raise UserError(f"policy={self.policy}: it is largest, central or all")
        if not 0 < self.least_seconds <= self.most_seconds:
            raise UserError("least_seconds must be positive and at most most_seconds")

    @property
    def least_frames(self) -> int:
        """The fewest frames of a segment."""
        return max(round(self.least_seconds * FPS), 1)

    @property
    def most_frames(self) -> int:
        """The most frames of a segment."""
        return round(self.most_seconds * FPS)


@dataclass
class Cut:
    """One planned segment: frames `start` to `stop` (of the clip, at 25 fps) of a piece of a track."""

    piece: Track
    track: int
    start: int
    stop: int
    crop: Crop
    with_sound: bool
    outside: float
    number: int = 0

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return self.stop - self.start

    @property
    def name(self) -> str:
        """The last part of its key."""
        return f"{self.number:04d}"


@dataclass
class Plan:
    """The segments of a clip, what was left out and why, and what should be known about all of them."""

    cuts: list[Cut] = field(default_factory=list)
    left_out: list[tuple[int, int, str, str]] = field(default_factory=list)  # start, stop, reason, detail
    notes: list[str] = field(default_factory=list)

    def leave_out(self, start: int, stop: int, reason: str, detail: str) -> None:
        """Notes that the frames from `start` to before `stop` are not used."""
        self.left_out.append((start, stop, reason, detail))
        if len(self.left_out) <= MOST_NOTES:
            self.notes.append(f"frames {start} to {stop - 1} left out: {reason} ({detail})")


def make_plan(clip: Clip, analysis: Analysis, sound: AudioTrack | None, rules: SegmentRules) -> Plan:
    """Decides which frames of which face become segments."""
    info, plan = analysis.info, Plan(notes=_decoding_notes(clip, analysis))
    long_enough = []
    for track in analysis.tracks:
        if len(track.faces) >= rules.least_frames:
            long_enough.append(track)
        else:
            plan.leave_out(
                track.first,
                track.stop,
                "too_short",
                f"frames with this face: {len(track.faces)}, needed: {rules.least_frames}",
            )
    chosen = choose(long_enough, rules.policy, info.width, info.height)
    if len(chosen) < len(long_enough):
        plan.notes.append(f"{len(long_enough)} face tracks, {len(chosen)} kept by policy {rules.policy}")
    if not analysis.tracks:
        plan.leave_out(0, analysis.frames, "no_face", f"no face in {analysis.frames} frames")
    elif analysis.without_face:
        plan.notes.append(f"{analysis.without_face} of {analysis.frames} frames show no face and were lost")
    covered = _covered(sound, analysis.frames, plan)
    for number, track in enumerate(chosen):
        for piece in split_where_it_leaves(track, info.width, info.height):
            _plan_piece(clip, analysis, plan, piece, number, covered, rules)
        if not any(cut.track == number for cut in plan.cuts) and not plan.left_out:
            plan.leave_out(track.first, track.stop, "no_face", "the face is not inside the picture")
    plan.cuts.sort(key=lambda cut: (cut.start, cut.track))
    for number, cut in enumerate(plan.cuts):
        cut.number = number
    return plan


def _plan_piece(
    clip: Clip,
    analysis: Analysis,
    plan: Plan,
    piece: Track,
    track: int,
    covered: tuple[int, int],
    rules: SegmentRules,
) -> None:
    """Adds the segments of one piece, or the reason why it has none."""
    info, faces = analysis.info, piece.faces
    if (problem := _problem(piece, rules)) is not None:
        plan.leave_out(piece.first, piece.stop, *problem)
        return
    annotated = None
    if clip.box is not None:
        annotated = np.array(clip.box) * (info.height / clip.box_height if clip.box_height else 1.0)
    size = (info.width, info.height)
    try:
        crop = rules.crop.fit(
            np.stack([face.points for face in faces]), np.stack([face.box for face in faces]), size, annotated
        )
    except UserError as error:
        plan.leave_out(piece.first, piece.stop, "no_crop", str(error))
        return
    outside = crop.outside(size)
    if outside > rules.most_outside:
        detail = (
            f"the crop reaches over the border by {outside:.2f} of its side, at most {rules.most_outside} is allowed"
        )
        plan.leave_out(piece.first, piece.stop, "outside_picture", detail)
        return
    for start, stop, with_sound in _by_sound(piece.first, piece.stop, covered, rules.least_frames, plan):
        if stop - start < rules.least_frames:
            plan.leave_out(start, stop, "too_short", "without sound, beside frames with sound")
            continue
        for first, last in divide(start, stop, rules.most_frames):
            plan.cuts.append(Cut(piece, track, first, last, crop, with_sound, outside))


def _problem(piece: Track, rules: SegmentRules) -> tuple[str, str] | None:
    """Why a piece cannot be used: reason and detail."""
    if len(piece.faces) < rules.least_frames:
        return "too_short", f"frames: {len(piece.faces)}, needed: {rules.least_frames}"
    size = float(np.median([face.size for face in piece.faces]))
    if size < rules.least_face:
        return "face_too_small", f"face {size:.0f} px, needed: {rules.least_face:.0f}"
    sharpness = float(np.median(piece.sharpness))
    if sharpness < rules.least_sharpness:
        return "blurred", f"sharpness {sharpness:.1f}, needed: {rules.least_sharpness:.1f}"
    return None


def divide(start: int, stop: int, most: int) -> list[tuple[int, int]]:
    """Cuts a stretch into the fewest parts of at most `most` frames, as equal as can be."""
    parts = -(-(stop - start) // most)
    bounds = [start + (stop - start) * part // parts for part in range(parts + 1)]
    return list(pairwise(bounds))


def _by_sound(start: int, stop: int, covered: tuple[int, int], least: int, plan: Plan) -> list[tuple[int, int, bool]]:
    """Cuts a stretch where its sound begins and ends: (start, stop, with sound)."""
    first, last = max(start, covered[0]), min(stop, covered[1])
    if covered[1] <= covered[0]:
        return [(start, stop, False)]
    if last - first < least:
        plan.notes.append(f"frames {start} to {stop - 1} are stored without sound")
        return [(start, stop, False)]
    parts = [(start, first, False), (first, last, True), (last, stop, False)]
    return [part for part in parts if part[1] > part[0]]


def _covered(sound: AudioTrack | None, frames: int, plan: Plan) -> tuple[int, int]:
    """The frames (first, behind the last) of which at least half has sound; notes what sound and picture lack."""
    if sound is None:
        return 0, 0
    plan.notes += sound.notes
    first, last = max(round(sound.start * FPS), 0), min(round(sound.end * FPS), frames)
    if first > 0 or last < frames:
        plan.notes.append(
            f"sound from {sound.start:.2f} s to {min(sound.end, frames / FPS):.2f} s of {frames / FPS:.2f} s of picture"
        )
    return first, last


def _decoding_notes(clip: Clip, analysis: Analysis) -> list[str]:
    info, report = analysis.info, analysis.report
    notes = []
    if info.rotation:
        notes.append(f"picture turned by {info.rotation} degrees counter-clockwise, as the file asks")
    if clip.start == 0 and clip.end is None and report.decoded < info.header_frames:
        notes.append(f"the header promises {info.header_frames} frames, {report.decoded} could be decoded")
    if report.damaged:
        notes.append(f"{report.damaged} of {report.decoded} frames were damaged and repaired by the decoder")
    if report.refused:
        notes.append(f"{report.refused} packets of the picture could not be decoded")
    if analysis.frozen:
        notes.append(
            f"{analysis.frozen} frames left out where the picture stands still for {float(report.longest_gap):.2f} s"
        )
    return notes
