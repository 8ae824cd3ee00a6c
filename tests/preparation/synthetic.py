"""Made-up talking heads: a textured disc whose mouth is bright while a tone sounds, and an analyser that finds it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from preparation.crop import FommCrop
from preparation.faces import Face
from preparation.planning import SegmentRules

WIDTH, HEIGHT, RADIUS = 192, 160, 36
AUDIO_RATE = 48000


def head(
    mouth: bool = False,
    centre: tuple[float, float] = (96.0, 80.0),
    radius: int = RADIUS,
    background: tuple[int, int, int] = (30, 40, 90),
    texture: bool = True,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> np.ndarray:
    """One frame (H, W, 3) uint8: a red head; the mouth is white when it speaks."""
    frame = np.full((size[1], size[0], 3), background, np.uint8)
    middle = (round(centre[0]), round(centre[1]))
    cv2.circle(frame, middle, radius, (220, 30, 30), -1)
    if texture:
        for step in range(-radius, radius, 6):
            cv2.line(
                frame, (middle[0] + step, middle[1] - radius // 2), (middle[0] + step, middle[1]), (160, 30, 30), 2
            )
    if mouth:
        cv2.ellipse(frame, (middle[0], middle[1] + radius // 2), (radius // 3, radius // 5), 0, 0, 360, (255,) * 3, -1)
    return frame


def mouth_brightness(frames: np.ndarray) -> np.ndarray:
    """How many bright pixels each frame (T, H, W, 3) has."""
    return (frames.min(axis=-1) > 180).sum(axis=(1, 2)).astype(float)


class DiscAnalyser:
    """Finds red discs."""

    name, version, licence = "disc", "1", "none"

    def faces(self, frame: np.ndarray) -> list[Face]:
        red = ((frame[..., 0] > 120) & (frame[..., 2] < 110) & (frame[..., 1] < 110)).astype(np.uint8)
        red = cv2.morphologyEx(red, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(red)
        found = [_face(x, y, w, h) for x, y, w, h, area in stats[1:] if area > 60]
        return sorted(found, key=lambda face: -face.area)

    def follow(self, frame: np.ndarray, previous: Face) -> Face | None:
        near = [face for face in self.faces(frame) if np.abs(face.box - previous.box).max() < previous.size]
        return min(near, key=lambda face: float(np.abs(face.box - previous.box).max()), default=None)

    def embedding(self, frame: np.ndarray, face: Face) -> np.ndarray | None:
        return None


def _face(x: float, y: float, width: float, height: float) -> Face:
    angles = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    centre, half = np.array([x + width / 2, y + height / 2]), np.array([width, height]) / 2
    points = centre + half * 0.8 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return Face(np.array([x, y, x + width, y + height], np.float32), 0.9, points.astype(np.float32))


def rules(size: int = 64, **changes: object) -> SegmentRules:
    """Rules for the small heads above."""
    return SegmentRules(**{"size": size, "crop": FommCrop(0.1), "least_face": 40.0, **changes})  # type: ignore[arg-type]


def stamps(kind: str, seconds: float, start: Fraction = Fraction(0)) -> list[Fraction]:
    """Time stamps of a video at 24, 25, 29.97, 30, 60 fps, or with a variable rate (`vfr`)."""
    rates = {"29.97": Fraction(30000, 1001), "12": Fraction(12)}
    if kind != "vfr":
        rate = rates.get(kind) or Fraction(kind)
        return [start + number / rate for number in range(round(seconds * rate))]
    intervals = np.random.default_rng(0).choice([20, 33, 40, 50, 67, 100], 1000)
    times = np.cumsum(np.concatenate([[0], intervals]))
    return [start + Fraction(int(time), 1000) for time in times if time < seconds * 1000]


@dataclass(frozen=True)
class Speech:
    """When a head speaks: tones that begin and end at given seconds."""

    onsets: Sequence[float]
    length: float = 0.15

    @staticmethod
    def at_frames(times: Sequence[Fraction], count: int = 8) -> "Speech":
        """Onsets at the stamps of `count` frames, spread with uneven steps."""
        chosen = np.linspace(0.08, 0.85, count) + 0.011 * np.arange(count) % 0.03
        return Speech([float(times[int(share * len(times))]) for share in chosen])

    def speaking(self, time: float) -> bool:
        return any(onset - 1e-6 <= time < onset + self.length - 1e-6 for onset in self.onsets)

    def sound(self, start: float, end: float, rate: int = AUDIO_RATE) -> np.ndarray:
        """Mono float32 between two times."""
        time = start + np.arange(round((end - start) * rate)) / rate
        envelope = np.zeros(len(time))
        for onset in self.onsets:
            envelope[(time >= onset) & (time < onset + self.length)] = 0.5
        return (envelope * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)


def write_video(
    path: Path,
    times: Sequence[Fraction],
    picture: Callable[[int, float], np.ndarray],
    sound: np.ndarray | None = None,
    sound_start: float = 0.0,
    *,
    rate: int = AUDIO_RATE,
    layout: str = "mono",
    audio_codec: str = "aac",
    codec: str = "libx264",
    pixels: str = "yuv420p",
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Writes picture(number, seconds) at any time stamps and (channels, N) or (N,) float32 sound beside it."""
    clock = Fraction(1, 90000)
    with av.open(str(path), "w") as container:
        first = picture(0, float(times[0]))
        nominal = 1 / (times[-1] - times[-2]) if len(times) > 1 else Fraction(25)
        video: Any = container.add_stream(codec, rate=nominal, options=options or {"crf": "12", "g": "25"})
        video.width, video.height, video.pix_fmt = first.shape[1], first.shape[0], pixels
        video.codec_context.time_base = video.time_base = clock
        if aspect is not None:
            video.codec_context.sample_aspect_ratio = aspect
        audio: Any = container.add_stream(audio_codec, rate=rate, layout=layout) if sound is not None else None
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number, float(time)), format="rgb24")
            frame.pts, frame.time_base = round(time / clock), clock
            later = min(number + 1, len(times) - 1)
            frame.duration = round((times[later] - times[later - 1]) / clock)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            planes = np.atleast_2d(sound).astype(np.float32)
            for at in range(0, planes.shape[1], 1024):
                piece = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes[:, at : at + 1024]), "fltp", layout)
                piece.sample_rate, piece.time_base = rate, Fraction(1, rate)
                piece.pts = round(sound_start * rate) + at
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
    return path


def write_talk(path: Path, seconds: float = 1.6, kind: str = "25", **head_options: object) -> Path:
    """A head that speaks now and then, with sound."""
    times = stamps(kind, seconds)
    speech = Speech.at_frames(times, 4)
    return write_video(
        path,
        times,
        lambda _, time: head(speech.speaking(time), **head_options),  # type: ignore[arg-type]
        speech.sound(0, seconds),
    )


def onsets(signal: np.ndarray, rate: float, level: float) -> np.ndarray:
    """Seconds at which a signal rises above a level after it was below for 50 ms."""
    above = signal > level
    rises = np.flatnonzero(above[1:] & ~above[:-1]) + 1
    quiet = round(0.05 * rate)
    return np.array([rise / rate for rise in rises if not above[max(rise - quiet, 0) : rise].any()])
