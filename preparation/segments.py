"""The second pass over a clip: the stretches worth keeping are cut out, cropped and scaled."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from datamodules.shard_format import AUDIO_RATE, Segment
from preparation.analysis import FPS, Analysis, analyse, span
from preparation.clip import Clip
from preparation.faces import Analyser
from preparation.planning import Cut, Plan, SegmentRules, make_plan
from preparation.smoothing import smooth
from preparation.source_audio import AudioTrack, read_track
from preparation.source_video import VideoError, timed_frames, to_rgb

SMOOTHING_REACH = 8  # frames around a segment that its smoothing looks at


def segments(clip: Clip, analyser: Analyser, rules: SegmentRules) -> Iterator[Segment]:
    """Yields the segments of a clip in the order of time; their split is still None.

    Raises:
        VideoError: when the clip gives no segment, with the reason of its longest stretch that was left out.
    """
    analysis = analyse(
        clip,
        analyser,
        longest=rules.analysis_size,
        every=rules.detect_every,
        longest_hold=rules.longest_hold,
        most_damaged=rules.most_damaged,
    )
    if analysis.frames < rules.least_frames:
        raise VideoError("too_short", f"frames at {FPS} fps: {analysis.frames}, needed: {rules.least_frames}")
    sound = _sound(clip, analysis)
    plan = make_plan(clip, analysis, sound, rules)
    if not plan.cuts:
        _, _, reason, detail = max(plan.left_out, key=lambda part: part[1] - part[0])
        raise VideoError(reason, detail)
    for cut, pictures in _pictures(clip, analysis, plan, rules.size):
        audio = None if sound is None or not cut.with_sound else _cut_sound(sound, cut)
        info = _info(clip, cut, analysis, sound if cut.with_sound else None, plan, analyser, rules)
        yield Segment(f"{clip.key}/{cut.name}", info, pictures, audio, {"landmarks": _landmarks(cut, rules)})


def _sound(clip: Clip, analysis: Analysis) -> AudioTrack | None:
    """The sound of the clip, of its picture's length."""
    start, end = span(clip)
    length = Fraction(analysis.frames, FPS)
    more = Fraction(1, 5)  # seconds: enough to tell whether the sound goes on after the picture
    sound = read_track(clip.audio or clip.path, AUDIO_RATE, analysis.info.start, start, start + length + more)
    if sound is not None and end is None and sound.end > length + more / 2:
        sound.notes.append("sound goes on after the last picture and was cut there")
    return sound


def _cut_sound(sound: AudioTrack, cut: Cut) -> np.ndarray:
    """Exactly the samples of the cut's frames; what the last frame lacks is silence."""
    per_frame = AUDIO_RATE // FPS
    samples = sound.samples[cut.start * per_frame : cut.stop * per_frame]
    return np.pad(samples, (0, cut.frames * per_frame - len(samples)))


def _pictures(clip: Clip, analysis: Analysis, plan: Plan, size: int) -> Iterator[tuple[Cut, np.ndarray]]:
    """Decodes the clip again and yields each cut with its (T, size, size, 3) uint8 pictures once they are there."""
    start, end = span(clip)
    waiting, live = list(plan.cuts), list[tuple[Cut, np.ndarray]]()
    picture, converted = np.empty(0, np.uint8), None
    for timed in timed_frames(analysis.info, FPS, start=start, end=end):
        while waiting and waiting[0].start <= timed.index:
            live.append((waiting[0], np.empty((waiting.pop(0).frames, size, size, 3), np.uint8)))
        if not live and not waiting:
            return
        if live and timed.frame is not converted:
            picture, converted = to_rgb(timed.frame, analysis.info), timed.frame
        for cut, pictures in live:
            pictures[timed.index - cut.start] = cut.crop.apply(picture, size)
        yield from (done for done in live if done[0].stop == timed.index + 1)
        live = [open_one for open_one in live if open_one[0].stop > timed.index + 1]


def _landmarks(cut: Cut, rules: SegmentRules) -> dict[str, np.ndarray]:
    """Points (T, 68, 2), pupils (T, 2, 2; where the analyser has them) in pixels of the crop, score (T,)."""
    first = max(cut.start - SMOOTHING_REACH, cut.piece.first)
    faces = cut.piece.piece(first, min(cut.stop + SMOOTHING_REACH, cut.piece.stop)).faces
    kept = slice(cut.start - first, cut.stop - first)

    def track(values: Sequence[np.ndarray]) -> np.ndarray:
        return cut.crop.points(smooth(np.stack(values), rules.smoothing)[kept], rules.size).astype(np.float32)

    arrays = {
        "points": track([face.points for face in faces]),
        "score": np.array([face.score for face in faces[kept]], np.float32),
    }
    if any(face.pupils is not None for face in faces):
        arrays["pupils"] = track([np.full((2, 2), np.nan) if f.pupils is None else f.pupils for f in faces])
    return arrays


def _info(
    clip: Clip,
    cut: Cut,
    analysis: Analysis,
    sound: AudioTrack | None,
    plan: Plan,
    analyser: Analyser,
    rules: SegmentRules,
) -> dict[str, Any]:
    """The `json` member: who, from where, and every decision."""
    video, faces = analysis.info, cut.piece.piece(cut.start, cut.stop).faces
    audio = None
    if sound is not None:
        audio = {
            "rate": AUDIO_RATE,
            "source_rate": sound.source_rate,
            "source_channels": sound.source_channels,
            "start_s": round(clip.start + cut.start / FPS, 3),
            "beside": clip.audio is not None,
        }
    rule_values = {key: value for key, value in vars(rules).items() if key not in ("size", "crop")}
    return {
        "dataset": clip.dataset,
        "identity": clip.identity,
        "clip": clip.name,
        "segment": cut.name,
        "source": clip.source,
        "span": [round(clip.start + cut.start / FPS, 3), round(clip.start + cut.stop / FPS, 3)],
        "fps": FPS,
        "frames": cut.frames,
        "size": rules.size,
        "split": None,
        "crop": {**cut.crop.to_json(), "outside": round(cut.outside, 4)},
        "audio": audio,
        "av_offset_s": None,
        "analyser": {"name": analyser.name, "version": analyser.version, "licence": analyser.licence},
        "coefficients": {},
        "licence": clip.licence,
        "video": {
            "codec": video.codec,
            "width": video.width,
            "height": video.height,
            "rotation": video.rotation,
            "fps": None if video.rate is None else round(float(video.rate), 4),
            "start_s": round(float(video.start), 4),
        },
        "decisions": {
            "shot": cut.piece.shot,
            "track": cut.track,
            "track_span": [cut.piece.first, cut.piece.stop],
            "face_px": round(float(np.median([face.size for face in faces])), 1),
            "sharpness": round(float(np.median(cut.piece.sharpness)), 1),
            "rules": rule_values,
            "notes": plan.notes,
        },
    }
