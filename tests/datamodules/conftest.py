"""Small made-up shards: drifting colour gradients whose brightness tells the segment, and a tone."""

from pathlib import Path

import numpy as np
import pytest

from datamodules.shard_format import Segment, ShardWriter, encode_segment, write_dataset_json


def make_segment(number: int, identity: str, frames: int = 40, size: int = 32, silent: bool = False) -> Segment:
    row, column, time = np.meshgrid(np.arange(size), np.arange(size), np.arange(frames), indexing="ij")
    red = (row * 4 + 3 * time + 20 * number) % 200
    pixels = np.stack([red, column * 5 % 256, np.full_like(red, 10 * number % 256)], axis=-1).transpose(2, 0, 1, 3)
    sound = np.rint(8000 * np.sin(np.arange(frames * 640) * (0.02 + 0.01 * number))) / 32768
    points = np.linspace(0, size, 68 * 2 * frames, dtype=np.float32).reshape(frames, 68, 2)
    return Segment(
        key=f"toy/{identity}/clip/{number:04d}",
        info={"identity": identity, "segment": f"{number:04d}"},
        frames=pixels.astype(np.uint8),
        audio=None if silent else sound.astype(np.float32),
        tracks={"landmarks": {"points": points, "score": np.ones(frames, np.float32)}},
    )


def write_shards(
    folder: Path, count: int, kind: str = "clips", held_out: int = 0, silent: tuple[int, ...] = (), **options: int
) -> Path:
    """`count` training segments of three identities and `held_out` test segments of a fourth."""
    for split, numbers in (("train", range(count)), ("test", range(count, count + held_out))):
        if not numbers:
            continue
        with ShardWriter(folder, split, split, max_samples=4) as writer:
            for number in numbers:
                identity = f"id{number % 3}" if split == "train" else "stranger"
                segment = make_segment(number, identity, silent=number in silent, **options)
                writer.write(segment.key, encode_segment(segment, kind))  # type: ignore[arg-type]
    write_dataset_json(folder, kind=kind, size=options.get("size", 32))  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """13 training segments in four shards, 5 test segments."""
    return write_shards(tmp_path_factory.mktemp("shards"), 13, held_out=5)
