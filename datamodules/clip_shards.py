"""`ClipShards`: the segments of one split, opened in any order by one `pread` per member."""

import copy
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.audio_codec import decode_flac
from datamodules.latents import Latents, Whole
from datamodules.location import Location
from datamodules.open_files import OpenFiles
from datamodules.shard_format import (
    AUDIO_RATE,
    Dataset,
    Segment,
    ShardRecord,
    decode_json,
    decode_track,
    read_dataset,
    read_index,
    unpack_jpegs,
)
from datamodules.video import FPS, decode_frames
from models.errors import UserError

SAMPLES_PER_FRAME = AUDIO_RATE // FPS


@dataclass(frozen=True)
class Table:
    """The index of a split in columns of n segments, small enough for a million of them in every worker.

    Attributes:
        keys: sample keys.
        people: names of identities; `identity` (n,) counts into it.
        frames: (n,) whole length of each segment.
        shard: (n,) which shard.
        places: field -> (n, 2) offset and size in the shard; offset -1 where the segment has no such member.
    """

    keys: list[str]
    people: list[str]
    identity: np.ndarray
    frames: np.ndarray
    shard: np.ndarray
    places: dict[str, np.ndarray]


class ClipShards:
    """Random access to the segments of one split.

    Args:
        shards: a folder, an http(s) address or a `pipe:` command (see `Location`).
        split: which split of `dataset.json`.
        time_range: part of every segment that may be used, as fractions of its frames. Held-out time inside the
            segments: train on (0, 0.8), validate on (0.8, 1).
        cache: where remote shards are kept.

    Raises:
        UserError: no such place or split, a truncated or missing shard, an index that does not belong to its shard.
    """

    def __init__(
        self,
        shards: str | Path,
        split: str = "train",
        time_range: Sequence[float] = (0.0, 1.0),
        cache: str | None = None,
    ) -> None:
        low, high = time_range
        if not 0 <= low < high <= 1:
            raise UserError(f"a time range is two fractions 0 <= from < to <= 1, got {low}, {high}")
        self.location = Location(shards, Path(cache).expanduser() if cache else None)
        self.dataset: Dataset = read_dataset(self.location)
        self.split, self.time_range = split, (float(low), float(high))
        self.shards = self.dataset.split(split)
        self.table = _table([(shard, read_index(self.location, shard)) for shard in self.shards])
        self.first = np.floor(self.table.frames * low + 1e-9).astype(np.int64)
        self.last = np.floor(self.table.frames * high + 1e-9).astype(np.int64)
        self._files = OpenFiles()
        self._latents: dict[str, Latents] = {}

    def __len__(self) -> int:
        return len(self.table.keys)

    def __getitem__(self, index: int) -> "Clip":
        return Clip(self, index)

    def __iter__(self) -> Iterator["Clip"]:
        return (self[index] for index in range(len(self)))

    @property
    def fingerprint(self) -> str:
        """A short hash of the split's bytes and of the time range: equal data, equal fingerprint."""
        parts = [self.split, repr(self.time_range), *(shard.sha256 for shard in self.shards)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def where(self, mask: np.ndarray) -> "ClipShards":
        """The same shards with only the segments of `mask` (n,) bool, renumbered."""
        chosen = copy.copy(self)
        table = self.table
        chosen.table = Table(
            keys=[table.keys[row] for row in np.flatnonzero(mask)],
            people=table.people,
            identity=table.identity[mask],
            frames=table.frames[mask],
            shard=table.shard[mask],
            places={field: places[mask] for field, places in table.places.items()},
        )
        chosen.first, chosen.last = self.first[mask], self.last[mask]
        chosen._files, chosen._latents = OpenFiles(), {}
        return chosen

    def has(self, field: str) -> np.ndarray:
        """(n,) bool: which segments have the member `field`, such as `flac` or `landmarks.npz`."""
        places = self.table.places.get(field)
        return np.zeros(len(self), bool) if places is None else places[:, 0] >= 0

    def read(self, index: int, field: str) -> bytes:
        """The bytes of one member."""
        offset, size = map(int, self.table.places[field][index])
        if offset < 0:
            raise KeyError(f"{self.table.keys[index]} has no member {field}")
        number = int(self.table.shard[index])
        return self._files.read(number, lambda: self._path(self.shards[number]), offset, size)

    def whole(self) -> Whole:
        """Which frames these are; what was made of them belongs to these and no others."""
        places = self.table.places.get("jpegs" if self.dataset.kind == "frames" else "mp4", np.full((len(self), 2), -1))
        return Whole(self.table.keys, self.table.frames, places[:, 1])

    def latents(self, name: str) -> Latents:
        """The latents `name` (or those of the generator with this identity) of these segments; UserError without."""
        if name not in self._latents:
            self._latents[name] = Latents(self.location, self.dataset, self.split, name, self.whole())
        return self._latents[name]

    def _path(self, shard: ShardRecord) -> Path:
        return self.location.path(shard.file, f"{shard.sha256[:16]}-{shard.file}", shard.bytes)


@dataclass(frozen=True)
class Clip:
    """One segment of a `ClipShards`; members are read when asked for. Frame numbers count in the whole segment."""

    clips: ClipShards
    index: int

    @property
    def key(self) -> str:
        """The sample's key."""
        return self.clips.table.keys[self.index]

    @property
    def first(self) -> int:
        """The first frame that may be used."""
        return int(self.clips.first[self.index])

    @property
    def last(self) -> int:
        """One past the last frame that may be used."""
        return int(self.clips.last[self.index])

    @property
    def info(self) -> dict[str, Any]:
        """The `json` member."""
        return decode_json(self.clips.read(self.index, "json"))

    def frames(self, indices: Sequence[int], size: int | None = None) -> np.ndarray:
        """(len(indices), H, W, 3) uint8 RGB, scaled to size x size when that is given and differs."""
        if size == self.clips.dataset.size:
            size = None
        if self.clips.dataset.kind == "frames":
            return _resized(unpack_jpegs(self.clips.read(self.index, "jpegs"), indices), size)
        return decode_frames(self.clips.read(self.index, "mp4"), indices, size)

    def audio(self, start: int, count: int) -> np.ndarray:
        """Samples `start` to `start + count - 1` at 16 kHz as (count,) float32; zeros outside the segment."""
        return decode_flac(self.clips.read(self.index, "flac"), start, count)

    def track(self, name: str, arrays: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """The arrays (all, or those named) of a track, over all frames of the segment."""
        return decode_track(self.clips.read(self.index, f"{name}.npz"), arrays)

    def latents(self, name: str, frames: Sequence[int]) -> np.ndarray:
        """(len(frames), N, W) float32 codes out of the latents `name` (see `ClipShards.latents`); no more is read."""
        return self.clips.latents(name).codes(self.index, frames)

    def load(self) -> Segment:
        """The usable part of the segment with its sound and tracks."""
        first, last = self.first, self.last
        names = [
            field for field in self.clips.table.places if field.endswith(".npz") and self.clips.has(field)[self.index]
        ]
        tracks = {name[:-4]: {k: v[first:last] for k, v in self.track(name[:-4]).items()} for name in sorted(names)}
        audio = None
        if self.clips.has("flac")[self.index]:
            audio = self.audio(first * SAMPLES_PER_FRAME, (last - first) * SAMPLES_PER_FRAME)
        return Segment(self.key, self.info, self.frames(range(first, last)), audio, tracks)


def _resized(frames: np.ndarray, size: int | None) -> np.ndarray:
    if size is None or frames.shape[1:3] == (size, size):
        return frames
    from PIL import Image

    return np.stack([np.asarray(Image.fromarray(f).resize((size, size), Image.Resampling.BICUBIC)) for f in frames])


def _table(indices: list[tuple[ShardRecord, list[dict[str, Any]]]]) -> Table:
    samples = [(number, sample) for number, (_, samples) in enumerate(indices) for sample in samples]
    fields = sorted({field for _, sample in samples for field in sample["members"]})
    places = {field: np.full((len(samples), 2), -1, np.int64) for field in fields}
    for row, (number, sample) in enumerate(samples):
        for field, place in sample["members"].items():
            places[field][row] = place
            if place[0] < 0 or place[1] < 0 or sum(place) > indices[number][0].bytes:
                raise UserError(
                    f"the index of shard {indices[number][0].file} points outside it; prepare the data again"
                )
    people, identity = np.unique([sample["identity"] for _, sample in samples], return_inverse=True)
    return Table(
        keys=[sample["key"] for _, sample in samples],
        people=people.tolist(),
        identity=identity.astype(np.int32),
        frames=np.array([sample["frames"] for _, sample in samples], np.int64),
        shard=np.array([number for number, _ in samples], np.int64),
        places=places,
    )
