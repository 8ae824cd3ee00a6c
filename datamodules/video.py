"""H.264 in and out with PyAV: the mp4 member of a segment, and videos for people to look at."""

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from datamodules.mp4 import SampleTable, sample_table
from models.aside import own_part
from models.errors import UserError

FPS = 25
GOP = 16  # frames between key frames: a random window decodes at most 15 frames in vain

# tune=fastdecode without B frames decodes 1.7 times as fast as the default for 20 % more bytes; with mbtree, about one
# small video in a hundred came out with other bytes when it was encoded again
_X264 = {
    "preset": "fast",
    "tune": "fastdecode",
    "bf": "0",
    "g": str(GOP),
    "keyint_min": str(GOP),
    "sc_threshold": "0",
    "mbtree": "0",
}


def encode_mp4(frames: np.ndarray, *, crf: int = 16) -> bytes:
    """Encode (T, H, W, 3) uint8 RGB as a 25 fps mp4 in memory. Equal frames give equal bytes.

    Raises ValueError for other shapes or types and for odd widths or heights (4:2:0 needs even ones).
    """
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or not len(frames):
        raise ValueError(f"frames must be (T, H, W, 3) uint8 with T > 0, got {frames.shape} {frames.dtype}")
    _, height, width, _ = frames.shape
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = _video_stream(container, (width, height), Fraction(FPS), {**_X264, "crf": str(crf), "threads": "1"})
        for number, pixels in enumerate(frames):
            container.mux(stream.encode(_frame(pixels, number, Fraction(FPS))))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def decode_window(mp4: bytes | memoryview, start: int, count: int, size: int | None = None) -> np.ndarray:
    """Frames `start` to `start + count - 1` of a 25 fps mp4 as (count, H, W, 3) uint8 RGB; see `decode_frames`."""
    return decode_frames(mp4, range(start, start + count), size)


def decode_frames(mp4: bytes | memoryview, indices: Sequence[int], size: int | None = None) -> np.ndarray:
    """The frames `indices` (any order, repeats allowed) of a 25 fps mp4 as (len(indices), H, W, 3) uint8 RGB.

    Only the groups of pictures that hold a wanted frame are decoded, and only wanted frames become RGB. With
    `size` the frames are scaled (antialiased) to size x size on the way. Raises IndexError for a missing frame.
    """
    table = sample_table(mp4)
    wanted = sorted(set(indices))
    if wanted and not 0 <= wanted[0] <= wanted[-1] < len(table.sizes):
        raise IndexError(f"the video has {len(table.sizes)} frames, asked for {wanted[0]} to {wanted[-1]}")
    width, height = (size, size) if size else (table.width, table.height)
    found = np.empty((len(wanted), height, width, 3), np.uint8)
    row, reformatter = {number: place for place, number in enumerate(wanted)}, VideoReformatter()
    for frame in _decode(mp4, table, wanted):
        if frame.pts in row:
            found[row[frame.pts]] = _rgb(frame, width, height, reformatter)
    # swscale's fast conversion truncates (1.2 levels too dark on average); its exact one costs 20 times as much
    np.add(found, found < 255, out=found, casting="unsafe")
    return found if wanted == list(indices) else found[[row[number] for number in indices]]


def _decode(mp4: bytes | memoryview, table: SampleTable, wanted: Sequence[int]) -> Iterator[av.VideoFrame]:
    """Decode what the ascending frames `wanted` need, from the key frame before each; `pts` is the frame's number."""
    decoder = av.VideoCodecContext.create("h264", "r")
    decoder.extradata = table.extradata
    decoder.thread_type = "NONE"  # a loader worker owns one core; threads only cost there
    done = 0
    for number in wanted:
        key = int(table.keys[np.searchsorted(table.keys, number, "right") - 1])
        for sample in range(max(done, key), number + 1):
            start = int(table.offsets[sample])
            packet = av.Packet(bytes(mp4[start : start + int(table.sizes[sample])]))
            packet.pts = sample
            yield from decoder.decode(packet)
        done = number + 1
    yield from decoder.decode(None)


def _rgb(frame: av.VideoFrame, width: int, height: int, reformatter: VideoReformatter) -> np.ndarray:
    """One decoded frame as (height, width, 3) uint8, without a copy where the rows are not padded."""
    plane = reformatter.reformat(frame, width, height, "rgb24", interpolation="BICUBIC", threads=1).planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[:height, : width * 3].reshape(height, width, 3)


class VideoWriter:
    """Write frames and sound to an mp4 (H.264, AAC) in constant memory; the file appears only when all went well.

    Args:
        path: where the video goes. It is written aside first, and nothing stays when the `with` block raises.
        size: (width, height) in pixels, both even.
        fps: frames per second.
        audio: (N,) float in [-1, 1]; sound beyond the last frame is dropped.
        audio_rate: samples per second of `audio`.
        metadata: container tags such as {"comment": "synthetic"}.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: Fraction = Fraction(FPS),
        audio: np.ndarray | None = None,
        metadata: dict[str, str] | None = None,
        audio_rate: int = 16000,
        crf: int = 16,
    ) -> None:
        if size[0] % 2 or size[1] % 2:
            raise UserError(f"{path}: H.264 needs an even width and height, not {size[0]} x {size[1]}")
        self.path = Path(path)
        self.size = size
        self.fps = Fraction(fps)
        self._part = own_part(self.path)
        self._audio, self._rate, self._sent, self._frames = audio, audio_rate, 0, 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        tags = {"movflags": "+faststart+use_metadata_tags"}  # without use_metadata_tags mp4 drops unknown keys
        self._container = av.open(str(self._part), "w", format="mp4", options=tags)
        self._container.metadata.update(metadata or {})
        self._video = _video_stream(self._container, size, self.fps, {"crf": str(crf), "preset": "fast"})
        self._sound = None
        if audio is not None:
            self._sound = self._container.add_stream("aac", rate=audio_rate, layout="mono")

    def write(self, frame: np.ndarray) -> None:
        """Append one (H, W, 3) uint8 RGB frame, and the sound up to its end."""
        if frame.shape != (self.size[1], self.size[0], 3) or frame.dtype != np.uint8:
            raise ValueError(
                f"expected a uint8 frame of {self.size[0]} x {self.size[1]}, got {frame.shape} {frame.dtype}"
            )
        self._container.mux(self._video.encode(_frame(frame, self._frames, self.fps)))
        self._frames += 1
        self._write_sound(int(self._frames / self.fps * self._rate))

    def _write_sound(self, until: int) -> None:
        if self._sound is None or self._audio is None:
            return
        piece = np.asarray(self._audio[self._sent : until], np.float32)
        if len(piece):
            frame = av.AudioFrame.from_ndarray(piece[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._sent, Fraction(1, self._rate)
            self._container.mux(self._sound.encode(frame))
            self._sent += len(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._frames:
                self._container.mux(self._video.encode(None))
                if self._sound is not None:
                    self._container.mux(self._sound.encode(None))
            self._container.close()
            if kind is None:
                if not self._frames:
                    raise UserError(f"{self.path}: no frame was written; the input has none")
                self._part.replace(self.path)
        finally:
            self._part.unlink(missing_ok=True)


def _video_stream(
    container: av.container.OutputContainer, size: tuple[int, int], fps: Fraction, options: dict[str, str]
) -> av.VideoStream:
    stream = container.add_stream("libx264", rate=fps, options=options)
    stream.width, stream.height, stream.pix_fmt = size[0], size[1], "yuv420p"
    stream.codec_context.time_base = 1 / fps
    return stream


def _frame(pixels: np.ndarray, number: int, fps: Fraction) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    frame.pts, frame.time_base = number, 1 / fps
    return frame
