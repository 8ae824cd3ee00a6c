"""Seven short made-up clips of three people, and an analyser that finds a face in every bright picture."""

from pathlib import Path

import numpy as np
import pytest

from datamodules.clip_shards import ClipShards
from datamodules.shard_format import Segment, ShardWriter, encode_segment, write_dataset_json
from preparation.faces import Face

SIZE = 32


class ToyAnalyser:
    """A face wherever the picture is not dark; it is as far to the right as the picture is red."""

    name = "toy"
    version = "1"
    licence = "none"
    looks = 0

    def faces(self, frame: np.ndarray) -> list[Face]:
        self.looks += 1
        if frame.mean() < 20:
            return []
        turn = np.linspace(0, 6, 68)
        points = np.stack([np.cos(turn), np.sin(turn)], axis=1) * 20 + 64
        points[:, 0] += frame[..., 0].mean() / 8
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])
        return [Face(box.astype(np.float32), 1.0, points.astype(np.float32))]

    def follow(self, frame: np.ndarray, previous: Face) -> Face | None:
        return next(iter(self.faces(frame)), None)

    def embedding(self, frame: np.ndarray, face: Face) -> np.ndarray | None:
        return frame.mean(axis=(0, 1)).astype(np.float32)


@pytest.fixture
def analyser() -> ToyAnalyser:
    return ToyAnalyser()


def toy_frames(number: int, count: int) -> np.ndarray:
    """Gradients that drift from left to right and grow redder; clips differ in colour."""
    row, column, time = np.meshgrid(np.arange(SIZE), np.arange(SIZE), np.arange(count), indexing="ij")
    channels = [60 + 5 * time + row, (column * 4 + 6 * time) % 250, np.full_like(row, 20 + 30 * number)]
    return np.stack(channels, axis=-1).transpose(2, 0, 1, 3).astype(np.uint8)


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    with ShardWriter(folder, "test", "test", max_samples=3) as writer:
        for number in range(7):
            identity = f"person{number % 3}"
            info = {"identity": identity, "crop": {"kind": "fomm"}}
            segment = Segment(f"toy/{identity}/clip{number}/0000", info, toy_frames(number, 5 + number))
            writer.write(segment.key, encode_segment(segment))
    write_dataset_json(folder, kind="clips", size=SIZE)
    return folder


@pytest.fixture
def clips(shards: Path) -> ClipShards:
    return ClipShards(shards, "test")


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of one person, each in three segments of five frames."""
    folder = tmp_path_factory.mktemp("videos")
    with ShardWriter(folder, "test", "test", max_samples=6) as writer:
        for number in range(6):
            key = f"toy/person/video{number // 3}/{number % 3:04d}"
            writer.write(key, encode_segment(Segment(key, {"identity": "person"}, toy_frames(number, 5))))
    write_dataset_json(folder, kind="clips", size=SIZE)
    return folder


@pytest.fixture(scope="session")
def long_clips(tmp_path_factory: pytest.TempPathFactory) -> ClipShards:
    """One clip of a thousand frames."""
    folder = tmp_path_factory.mktemp("long")
    frames = np.random.default_rng(0).integers(0, 255, (1000, 1, 1, 3), np.uint8).repeat(16, axis=1).repeat(16, axis=2)
    with ShardWriter(folder, "test", "test", max_samples=1) as writer:
        key = "toy/person/long/0000"
        writer.write(key, encode_segment(Segment(key, {"identity": "person"}, frames)))
    write_dataset_json(folder, kind="clips", size=16)
    return ClipShards(folder, "test")


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> ClipShards:
    """Three people of 20 frames each, whose sound in frame t is (t + 1) / 100 of the first, negative of the others."""
    folder = tmp_path_factory.mktemp("spoken")
    with ShardWriter(folder, "test", "test", max_samples=3) as writer:
        for number in range(3):
            key = f"toy/person{number}/clip/0000"
            sound = np.repeat(np.arange(1, 21) / 100, 640).astype(np.float32) * (1 if number == 0 else -1)
            segment = Segment(key, {"identity": f"person{number}"}, toy_frames(number, 20), sound)
            writer.write(key, encode_segment(segment))
    write_dataset_json(folder, kind="clips", size=SIZE)
    return ClipShards(folder, "test")
