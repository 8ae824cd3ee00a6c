"""Any video file as upright RGB frames at a constant rate, chosen by time stamps and never by counting frames.

Output frame k shows what a player shows in the middle of its display time: the last source frame whose stamp is not
after t0 + (k + 1/2) / fps, where t0 is the stamp of the first frame. So variable and foreign rates keep their pace, the
error is at most half a source interval, and rounded stamps (as in Matroska) do not matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation

BT709, BT2020 = 1, (9, 10)  # AVColorSpace numbers
SEEK_FROM = Fraction(5)  # seconds: closer starts are reached quicker by decoding


class VideoError(Exception):
    """A video that cannot be used: `reason` is a stable word, `detail` says more."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class VideoInfo:
    """What a video is, as a viewer sees it: turned upright, with square pixels."""

    path: Path
    codec: str
    width: int
    height: int
    rotation: int  # degrees, counter-clockwise, that the file asks its player to turn the stored picture
    rate: Fraction | None  # mean frames per second as the header has it
    start: Fraction  # time stamp of the first frame, seconds
    header_frames: int  # 0 where the header does not say
    has_audio: bool

    def fitted(self, longest: int | None) -> tuple[int, int]:
        """Width and height after shrinking the longer side to at most `longest` pixels (never enlarging)."""
        factor = 1.0 if longest is None else min(1.0, longest / max(self.width, self.height))
        return max(round(self.width * factor), 1), max(round(self.height * factor), 1)


@dataclass
class DecodeReport:
    """What decoding met; complete when the iterator that fills it has ended."""

    decoded: int = 0  # good and damaged source frames
    damaged: int = 0  # frames that the decoder had to repair
    refused: int = 0  # packets that the decoder could not use
    longest_gap: Fraction = Fraction(0)  # seconds between two neighbouring source frames


@dataclass(frozen=True)
class TimedFrame:
    """Output frame `index`: the source frame shown then, and for how long it has been on screen."""

    index: int
    frame: av.VideoFrame
    repeated: bool  # the same source frame as the output frame before
    age: Fraction  # seconds; large where the source holds one picture (frames lost, or a slide)


def probe(path: Path) -> VideoInfo:
    """Reads the header and the first frame.

    Raises:
        VideoError: `missing`, `unreadable` (no video container, or cut off), `no_video` (sound only), `no_frames`.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        first = next(_decoded(container, stream, DecodeReport()), None)
        if first is None or first.pts is None:
            raise VideoError("no_frames", "the video stream holds no frame that can be decoded")
        aspect = stream.sample_aspect_ratio or Fraction(1)
        width, height = max(round(first.width * aspect), 1), first.height
        turned = first.rotation % 180 == 90
        return VideoInfo(
            path=path,
            codec=stream.codec_context.name,
            width=height if turned else width,
            height=width if turned else height,
            rotation=first.rotation,
            rate=stream.average_rate,
            start=_seconds(first),
            header_frames=stream.frames,
            has_audio=bool(container.streams.audio),
        )


def timed_frames(
    info: VideoInfo,
    fps: Fraction | int = 25,
    *,
    start: Fraction = Fraction(0),
    end: Fraction | None = None,
    report: DecodeReport | None = None,
) -> Iterator[TimedFrame]:
    """Yields the frames on screen at a constant rate between `start` and `end` (seconds after the first frame).

    Index 0 is the frame at `start`. Frames are not converted yet: see `to_rgb`. Memory does not grow with the length.
    """
    report = report if report is not None else DecodeReport()
    origin = info.start + start
    count = None if end is None else max(round((end - start) * fps), 0)
    index = 0
    with _opened(info.path) as container:
        stream = container.streams.video[0]
        if start > SEEK_FROM:
            container.seek(int((origin - 1) * av.time_base))  # microseconds; lands on a key frame before
        for frame, until in _on_screen(_decoded(container, stream, report), report):
            repeated = False
            while index != count and (middle := origin + (index + Fraction(1, 2)) / fps) < until:
                yield TimedFrame(index, frame, repeated, middle - _seconds(frame))
                repeated, index = True, index + 1
            if index == count:
                return


def to_rgb(frame: av.VideoFrame, info: VideoInfo, longest: int | None = None, exact: bool = True) -> np.ndarray:
    """One decoded frame as uint8 (H, W, 3) RGB, upright, square pixels, longer side at most `longest`.

    Without `exact` it is twice as fast and about one level too dark.
    """
    width, height = info.fitted(longest)
    if info.rotation % 180 == 90:
        width, height = height, width
    same = (width, height) == (frame.width, frame.height)
    interpolation = Interpolation.BILINEAR if same else Interpolation.AREA
    if exact:
        interpolation |= Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    image = frame.reformat(
        width=width,
        height=height,
        format="rgb24",
        src_colorspace=_colour_matrix(frame),
        interpolation=interpolation,
        threads=1,
    ).to_ndarray()
    return np.ascontiguousarray(np.rot90(image, info.rotation // 90)) if info.rotation else image


def read_frames(path: Path, fps: Fraction | int = 25, longest: int | None = None) -> Iterator[np.ndarray]:
    """Yields uint8 (H, W, 3) RGB frames of a whole video at `fps`; memory does not grow with the length.

    Raises:
        VideoError: as `probe` does, before the first frame.
    """
    info = probe(path)
    image: np.ndarray | None = None
    for timed in timed_frames(info, fps):
        if image is None or not timed.repeated:
            image = to_rgb(timed.frame, info, longest)
        yield image


def _opened(path: Path) -> av.container.InputContainer:
    """Opens a container that has a video stream; errors become `VideoError`."""
    if not path.is_file():
        raise VideoError("missing", "there is no such file")
    try:
        container = av.open(str(path), metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:
        reason = str(error.strerror or error) if path.stat().st_size else "empty file"
        raise VideoError("unreadable", f"cannot be opened as a video ({reason})") from error
    if not container.streams.video:
        container.close()
        raise VideoError("no_video", "the file holds no video stream")
    container.streams.video[0].thread_type = "NONE"  # workers are processes; and errors then belong to their packet
    return container


def _decoded(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, report: DecodeReport
) -> Iterator[av.VideoFrame]:
    """Decodes packet by packet, so that a broken packet costs itself and not the rest of the file."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            report.refused += 1
            return
        if packet is None:
            return
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            report.refused += 1
            continue
        for frame in frames:
            report.decoded += 1
            report.damaged += bool(frame.is_corrupt)
            yield frame


def _on_screen(frames: Iterator[av.VideoFrame], report: DecodeReport) -> Iterator[tuple[av.VideoFrame, Fraction]]:
    """Pairs every frame with the time stamp (seconds) until which it is shown; stamps that go back are skipped."""
    shown: av.VideoFrame | None = None
    interval = Fraction(1, 25)
    for frame in frames:
        if frame.pts is None or (shown is not None and _seconds(frame) <= _seconds(shown)):
            continue
        if shown is not None:
            interval = _seconds(frame) - _seconds(shown)
            report.longest_gap = max(report.longest_gap, interval)
            yield shown, _seconds(frame)
        shown = frame
    if shown is not None:
        yield shown, _seconds(shown) + (_seconds(shown, shown.duration) or interval)


def _seconds(frame: av.VideoFrame, ticks: int | None = None) -> Fraction:
    """The frame's time stamp, or `ticks` of its clock, in seconds."""
    ticks = (frame.pts or 0) if ticks is None else ticks
    return ticks * (frame.time_base or Fraction(0))


def _colour_matrix(frame: av.VideoFrame) -> Colorspace:
    """The stated matrix; unstated means BT.709 for HD and BT.601 below, as players assume."""
    if frame.colorspace == BT709:
        return Colorspace.ITU709
    if frame.colorspace in BT2020:
        return Colorspace.BT2020
    unstated = frame.colorspace == 2
    return Colorspace.ITU709 if unstated and frame.height >= 720 else Colorspace.ITU601
