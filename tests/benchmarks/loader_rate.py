"""CPU time of views over 256-pixel mp4 shards beside bare PyAV decoding of the same frames, in one run on one core.

    python -m tests.benchmarks.loader_rate [VIDEO]

Bare PyAV = open the mp4 member from memory, seek, decode the window, `to_ndarray("rgb24")` of each of its frames. The
view's time has everything on top: finding and reading the members, landmarks or sound and mel, collating a batch.
A ratio above 1 means that the view delivers the window's frames faster than the bare loop does. `FramePair` decodes its
whole window but hands out only 2 K frames of it, so it has a second row against bare PyAV for just those frames.
"""

import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import av
import numpy as np
import torch

from datamodules.clip_loader import TrainPlan, Visits, collate
from datamodules.clip_shards import Clip, ClipShards
from datamodules.shard_format import Segment, ShardWriter, encode_segment, write_dataset_json
from datamodules.video import GOP
from datamodules.views import AudioWindow, FramePair, View

SIZE, FRAMES, SEGMENTS = 256, 128, 8
ROUNDS = 4  # visits of each segment in one measurement
REPEATS = 7  # measurements, interleaved; the quickest are compared, as other processes only add time


@dataclass(frozen=True)
class NotingClip(Clip):
    """A clip that notes which frames are asked for, so that the bare loop decodes exactly those windows."""

    asked: list[tuple[int, list[int]]]

    def frames(self, indices: Sequence[int], size: int | None = None) -> np.ndarray:
        """The same frames."""
        self.asked.append((self.index, list(indices)))
        return super().frames(indices, size)


class NotingShards(ClipShards):
    """Shards whose clips note what is asked for in `asked`."""

    def __getitem__(self, index: int) -> Clip:
        return NotingClip(self, index, self.asked)

    @cached_property
    def asked(self) -> list[tuple[int, list[int]]]:
        """Segment and frames of each decoding so far."""
        return []


def write_shards(folder: Path, video: Path | None) -> None:
    """Segments of a real video, or of made-up moving texture when none is given."""
    pixels = read(video) if video else texture()
    rng = np.random.default_rng(0)
    with ShardWriter(folder, "train", "train") as writer:
        for number in range(SEGMENTS):
            start = number * 7 % max(len(pixels) - FRAMES, 1)
            frames = pixels[start : start + FRAMES]
            sound = np.cumsum(rng.normal(size=len(frames) * 640)) / 300
            points = rng.random((len(frames), 68, 2), np.float32) * SIZE
            tracks = {"landmarks": {"points": points, "pupils": points[:, :2], "score": points[:, 0, 0]}}
            key = f"bench/id/clip/{number:04d}"
            writer.write(key, encode_segment(Segment(key, {}, frames, sound.clip(-1, 1), tracks)))
    write_dataset_json(folder, kind="clips", size=SIZE)


def read(video: Path) -> np.ndarray:
    """Up to 200 frames of a video at 256 x 256."""
    frames = []
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            frames.append(frame.reformat(SIZE, SIZE, "rgb24", interpolation="AREA").to_ndarray())
            if len(frames) == 200:
                break
    return np.stack(frames)


def texture() -> np.ndarray:
    """(200, 256, 256, 3) smooth noise that drifts, about as hard to encode as a face."""
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.random((1, 3, 24, 24), np.float32))
    still = torch.nn.functional.interpolate(coarse, size=(512, 512), mode="bicubic")[0].clamp(0, 1)
    pixels = (still.permute(1, 2, 0) * 255).byte().numpy()
    return np.stack([pixels[t // 2 : t // 2 + SIZE, t : t + SIZE] for t in range(200)])


def bare(mp4: bytes, start: int, indices: set[int], last: int) -> list[np.ndarray]:
    """The straightforward PyAV loop: the frames `indices` among `start` to `last`."""
    found = []
    with av.open(io.BytesIO(mp4), "r") as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        ticks = int(1 / (stream.time_base * 25)) if stream.time_base else 1
        if start >= GOP:
            container.seek(start * ticks, stream=stream)
        for frame in container.decode(stream):
            number = (frame.pts or 0) // ticks
            if number in indices:
                found.append(frame.to_ndarray(format="rgb24"))
            if number >= last:
                break
    return found


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(name: str, clips: ClipShards, view: View) -> None:
    """Print the frames per second of the view and of the bare loop, and their ratio."""
    noting = NotingShards(clips.location.text)
    examples, noted = Visits(clips, view, 0, noise=True), Visits(noting, view, 0, noise=True)
    batches = TrainPlan(len(clips), ROUNDS, 4, 0).epoch(0)
    for batch in batches:
        collate([noted[visit] for visit in batch])
    mp4s = [clips.read(index, "mp4") for index in range(len(clips))]

    def with_view() -> None:
        for batch in batches:
            collate([examples[visit] for visit in batch])

    def whole_window() -> None:
        for index, frames in noting.asked:
            bare(mp4s[index], min(frames), set(range(min(frames), max(frames) + 1)), max(frames))

    def wanted_only() -> None:
        for index, frames in noting.asked:
            bare(mp4s[index], min(frames), set(frames), max(frames))

    times = np.array([[seconds(work) for work in (with_view, whole_window, wanted_only)] for _ in range(REPEATS)])
    ours, window, wanted = times.min(axis=0)
    count = sum(max(frames) - min(frames) + 1 for _, frames in noting.asked)
    print(
        f"{name:<28} view {count / ours:6.0f} frames/s   bare PyAV {count / window:6.0f} frames/s   ratio "
        f"{window / ours:.2f}   (against bare PyAV of the frames handed out alone: {wanted / ours:.2f})"
    )


def main() -> None:
    """Print one row for each view."""
    torch.set_num_threads(1)
    video = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory() as folder:
        write_shards(Path(folder), video)
        clips = ClipShards(folder)
        measure("AudioWindow 5 frames", clips, AudioWindow(length=5))
        measure("AudioWindow 8 frames", clips, AudioWindow(length=8))
        measure("AudioWindow 2 x 5 frames", clips, AudioWindow(length=5, windows=2))
        measure("AudioWindow 32 frames", clips, AudioWindow(length=32))
        measure("FramePair 4 of 8 frames", clips, FramePair(pairs=4, window=8))
        measure("FramePair 4 of 32 frames", clips, FramePair(pairs=4, window=32))


if __name__ == "__main__":
    main()
