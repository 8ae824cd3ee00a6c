"""The sound of a video or sound file as mono at one rate, on the time line of the picture.

Every packet's time stamp is honoured: sample n of the result sounds at `origin + n / rate`, where the origin is the
time stamp of the first picture. Gaps become silence; what sounds before the origin is cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

# ITU-R BS.775 weights by channel name; the low-frequency channel carries no speech.
CHANNEL_WEIGHTS = {"FC": 1.0, "FL": 0.7071, "FR": 0.7071, "LFE": 0.0, "LFE2": 0.0}
SURROUND_WEIGHT = 0.5
SLACK = 0.02  # seconds: smaller steps between packets are rounding of their stamps, larger ones are gaps
LONGEST_GAP = 60.0  # seconds: a longer one is a broken stamp


@dataclass
class AudioTrack:
    """Mono sound: samples float32 (N,) in [-1, 1]; sample 0 is at the first picture.

    start, end: seconds of the time line between which the source really has sound.
    """

    samples: np.ndarray
    rate: int
    source_rate: int
    source_channels: int
    start: float
    end: float
    notes: list[str] = field(default_factory=list)


def read_audio(path: Path, rate: int = 16000) -> np.ndarray | None:
    """Float32 (N,) mono sound of a file in [-1, 1], sample 0 at its first picture; None without sound."""
    track = read_track(path, rate, picture_start(path))
    return None if track is None else track.samples


def picture_start(path: Path) -> Fraction:
    """Time stamp of a file's first picture in seconds; 0 for a file without picture."""
    from preparation.source_video import VideoError, probe

    try:
        return probe(path).start
    except VideoError:
        return Fraction(0)


def read_track(
    path: Path,
    rate: int = 16000,
    origin: Fraction = Fraction(0),
    start: Fraction = Fraction(0),
    end: Fraction | None = None,
) -> AudioTrack | None:
    """Decodes the first sound stream; returns None where there is none, or where nothing of it can be decoded.

    Args:
        path: any file that FFmpeg opens.
        rate: samples per second of the result.
        origin: the time stamp (seconds) of the file's first picture.
        start: seconds after the origin from which to read; sample 0 is then there.
        end: seconds after the origin at which to stop.
    """
    notes: list[str] = []
    try:
        container = av.open(str(path), metadata_errors="replace")
    except (av.error.FFmpegError, OSError):
        return None
    with container:
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        source_rate, channels = stream.rate or 0, stream.channels or 0
        if start > 5:
            container.seek(int((origin + start - 1) * av.time_base))
        timeline = _Timeline(source_rate, rate, float(origin + start), None if end is None else float(end - start))
        for time, piece in _mono_pieces(container, stream, notes):
            timeline.add(time, piece)
            if timeline.full:
                break
    samples = timeline.finish()
    if samples is None:
        return None
    return AudioTrack(samples, rate, source_rate, channels, timeline.start, timeline.end, notes + timeline.notes)


def _mono_pieces(
    container: av.container.InputContainer, stream: av.AudioStream, notes: list[str]
) -> Iterator[tuple[float, np.ndarray]]:
    """Yields (time stamp in seconds, float32 mono samples) for every decoded frame; broken packets cost themselves."""
    refused, time = 0, 0.0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            frames = packet.decode()
        except av.error.FFmpegError:
            refused += 1
            if refused > 1000:
                break
            continue
        for frame in frames:
            if frame.pts is not None:
                time = float(frame.pts * (frame.time_base or 0))
            yield time, _mono(frame)
            time += frame.samples / frame.sample_rate
    if refused:
        notes.append(f"sound: {refused} packets could not be decoded")


def _mono(frame: av.AudioFrame) -> np.ndarray:
    """Mixes all channels of a decoded frame down to float32 (N,); full scale is 1."""
    values = frame.to_ndarray()
    count = len(frame.layout.channels)
    planes = values if frame.format.is_planar else values.reshape(-1, count).T
    scale = {"u1": 128.0, "i2": 2.0**15, "i4": 2.0**31}.get(planes.dtype.str[1:], 1.0)
    middle = scale if planes.dtype == np.uint8 else 0.0
    names = [channel.name for channel in frame.layout.channels]
    weights = np.array([CHANNEL_WEIGHTS.get(name, SURROUND_WEIGHT) for name in names], np.float32)
    if count <= 2 or not weights.any():
        weights = np.ones(count, np.float32)
    return (weights / weights.sum()) @ ((planes.astype(np.float32) - middle) / scale)


class _Timeline:
    """Resamples pieces with time stamps to one stretch of sound; stamps that jump become silence or are cut."""

    def __init__(self, source_rate: int, rate: int, origin: float, length: float | None) -> None:
        import soxr

        self.source_rate, self.rate, self.origin = source_rate, rate, origin
        self.limit = None if length is None else round(length * source_rate)
        self.start = self.end = 0.0
        self.notes: list[str] = []
        self._position = 0  # samples of the source rate that have been sent
        self._resampler = soxr.ResampleStream(source_rate, rate, 1, dtype="float32") if source_rate else None
        self._pieces: list[np.ndarray] = []
        self._silence = self._bad = 0
        self._peak = 0.0
        self._begun = False

    @property
    def full(self) -> bool:
        """Whether the wanted length is there."""
        return self.limit is not None and self._position >= self.limit

    def add(self, time: float, samples: np.ndarray) -> None:
        """Appends mono samples that sound at `time` (seconds of the source)."""
        wanted = round((time - self.origin) * self.source_rate)
        gap = wanted - self._position
        if gap < 0 and (not self._begun or -gap > SLACK * self.source_rate):
            samples = samples[-gap:]  # before the first picture, or said twice
        elif gap > 0 and (not self._begun or SLACK < gap / self.source_rate < LONGEST_GAP):
            self._silence += gap if self._begun else 0
            for missing in range(gap, 0, -self.source_rate):
                self._send(np.zeros(min(missing, self.source_rate), np.float32))
        if not len(samples):
            return
        if not self._begun:
            self.start, self._begun = self._position / self.source_rate, True
        self._send(self._checked(samples))
        self.end = self._position / self.source_rate

    def finish(self) -> np.ndarray | None:
        """The whole stretch, float32 in [-1, 1]; None when nothing was added."""
        if not self._begun or self._resampler is None:
            return None
        self._pieces.append(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        samples = np.concatenate(self._pieces)
        if self._bad:
            self.notes.append(f"sound: {self._bad} samples were not numbers and became silence")
        if self._silence:
            self.notes.append(f"sound: gaps of {self._silence / self.source_rate:.2f} s became silence")
        if self._peak > 1.001:
            self.notes.append(f"sound: clipped to [-1, 1], the peak was {self._peak:.2f}")
        return np.clip(samples, -1, 1, out=samples)

    def _checked(self, samples: np.ndarray) -> np.ndarray:
        good = np.isfinite(samples)
        if not good.all():
            self._bad += int((~good).sum())
            samples = np.where(good, samples, 0).astype(np.float32)
        self._peak = max(self._peak, float(np.abs(samples).max()))
        return samples

    def _send(self, samples: np.ndarray) -> None:
        if self.limit is not None:
            samples = samples[: max(self.limit - self._position, 0)]
        self._position += len(samples)
        if self._resampler is not None and len(samples):
            self._pieces.append(self._resampler.resample_chunk(np.ascontiguousarray(samples, np.float32)))
