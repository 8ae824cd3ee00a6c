"""Latents of the frames of shards: codes in W+ of one generator, in shards of their own beside those of the videos.

`latents/<name>/` holds, for each shard of the folder, a tar of the same file name with the same keys in the same order.
Its samples have the members `json` and `latents_<name>.npz`, with arrays of all T frames:

| array   | what                                                                                    |
|---------|-----------------------------------------------------------------------------------------|
| `codes` | (T, N, W) float16: W+                                                                    |
| `l1`    | (T,) float32: mean difference of G(codes) and the frame, in units of the [0, 1] range    |
| `psnr`  | (T,) float32: 10 log10(peak^2 / mean squared difference) in dB, at most 100              |

Half precision of the codes halves the size (3.4 GB for 18 codes of 512 numbers of 181,836 frames) and is far below
what an inversion misses: rounded codes make the pictures of a StyleGAN2 of 64 pixels to 66 to 86 dB PSNR, inversions
reach 20 to 30.

What made them stands in every `json`, and in `dataset.json` under `latents`, with size and SHA-256 of every tar. The
shards of the videos stay as they are, and so do their hashes, by which trainings know their data. The index says for
every sample how many bytes its video has, so that latents of other frames under the same key are found out.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from datamodules.location import Location
from datamodules.npz_rows import npz_rows
from datamodules.open_files import OpenFiles
from datamodules.shard_format import Dataset, ShardRecord, read_index, read_records
from models.errors import UserError

FOLDER = "latents"
ERRORS = ("l1", "psnr")
_NAME = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class GeneratorFacts:
    """Which generator made pictures of the codes.

    Attributes:
        name: as the user calls it.
        id: the first 16 hexadecimal digits of the SHA-256 over its weights (`models/stylegan/pretrained.py`).
        size: width and height of its pictures.
        codes: N.
        width: W.
    """

    name: str
    id: str
    size: int
    codes: int
    width: int


@dataclass(frozen=True)
class LatentFacts:
    """What `dataset.json` says about one set of latents.

    Attributes:
        name: of the set.
        generator: whose codes they are.
        inversion: how the codes were found: the inverter's settings.
        error: means over all frames of `l1` and `psnr`.
        shards: its tars.
    """

    name: str
    generator: GeneratorFacts
    inversion: dict[str, Any]
    error: dict[str, float]
    shards: tuple[ShardRecord, ...]

    def check_generator(self, identity: str, name: str = "the one that is used") -> None:
        """Raise `UserError` unless the latents are of the generator `identity`, called `name`."""
        if identity != self.generator.id:
            raise UserError(
                f"the latents '{self.name}' are of the generator {self.generator.name} ({self.generator.id}), not of"
                f" {name} ({identity}); make some with: python prepare.py task=invert, and another name="
            )


def latents_folder(name: str) -> str:
    """Where the set lies under the folder of the shards."""
    if not _NAME.fullmatch(name):
        raise UserError(f"name={name}: latents are called by lower-case letters, digits and _")
    return f"{FOLDER}/{name}"


def member(name: str) -> str:
    """The field of a sample that holds the arrays."""
    return f"latents_{name}.npz"


def to_entry(facts: LatentFacts) -> dict[str, Any]:
    """`facts` as they stand in `dataset.json`, under their name."""
    return json.loads(json.dumps({key: value for key, value in asdict(facts).items() if key != "name"}))


def latent_sets(dataset: Dataset) -> dict[str, LatentFacts]:
    """All sets that `dataset.json` lists, by name; UserError where an entry cannot be read."""
    return {name: _parse(name, entry) for name, entry in dataset.latents.items()}


def find_latents(dataset: Dataset, place: str, wanted: str) -> LatentFacts:
    """The set that is called `wanted`, or the one of the generator with the identity `wanted`.

    Args:
        dataset: of the shards.
        place: where that is, for messages.
        wanted: name or identity.

    Raises:
        UserError: no such set, or several sets of that generator; it names those that there are.
    """
    sets = latent_sets(dataset)
    if wanted in sets:
        return sets[wanted]
    found = [facts for facts in sets.values() if facts.generator.id == wanted]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"'{f.name}' of the generator {f.generator.name} ({f.generator.id})" for f in sets.values())
    if found:
        raise UserError(f"{place} has several latents of the generator {wanted}: {known}; give the name of one")
    raise UserError(
        f"{place} has no latents '{wanted}', but {known or 'none at all'}; to make some:"
        f" python prepare.py task=invert output={place} generator=... inversion=..."
    )


class Whole(NamedTuple):
    """The segments that latents are asked for, in their numbering: keys, whole lengths, bytes of the videos (n,)."""

    keys: Sequence[str]
    frames: np.ndarray
    pictures: np.ndarray


class Latents:
    """The latents of the segments of a `ClipShards`, in its numbering; only what is asked for is read.

    Args:
        location: of the shards.
        dataset: their `dataset.json`.
        split: which split.
        wanted: name of the set, or identity of its generator.
        segments: whose latents.

    Raises:
        UserError: no such set, or it was made of other videos.
    """

    def __init__(self, location: Location, dataset: Dataset, split: str, wanted: str, segments: Whole) -> None:
        self.facts = find_latents(dataset, location.text, wanted)
        self._location, self._folder = location, f"{latents_folder(self.facts.name)}/"
        self._shards = tuple(shard for shard in self.facts.shards if shard.split == split)
        rows = {key: row for row, key in enumerate(segments.keys)}
        self._shard, self._place = np.full(len(rows), -1), np.zeros((len(rows), 2), np.int64)
        for number, shard in enumerate(self._shards):
            for sample in read_index(location, shard, self._folder):
                row = rows.get(sample["key"])
                if row is None:
                    continue
                if (sample["frames"], sample["pictures"]) != (segments.frames[row], segments.pictures[row]):
                    raise UserError(
                        f"the latents '{self.facts.name}' of {location.text} are of other frames of {sample['key']}:"
                        f" the videos were prepared again; remove {self._folder} and call prepare.py task=invert again"
                    )
                self._shard[row], self._place[row] = number, sample["members"][member(self.facts.name)]
        self._files = OpenFiles()

    @property
    def known(self) -> np.ndarray:
        """(n,) bool: which segments have latents."""
        return self._shard >= 0

    def rows(self, index: int, array: str, frames: Sequence[int]) -> np.ndarray:
        """Of segment `index` the rows of `array` for `frames`, counted in the whole segment."""
        number = int(self._shard[index])
        if number < 0:
            raise KeyError(f"segment {index} has no latents '{self.facts.name}'")
        offset, size = map(int, self._place[index])

        def read(start: int, count: int) -> bytes:
            return self._files.read(number, lambda: self._path(self._shards[number]), offset + start, count)

        return npz_rows(read, size, array, frames)

    def codes(self, index: int, frames: Sequence[int]) -> np.ndarray:
        """(len(frames), N, W) float32."""
        return self.rows(index, "codes", frames).astype(np.float32)

    def _path(self, shard: ShardRecord) -> Any:
        return self._location.path(self._folder + shard.file, f"{shard.sha256[:16]}-{shard.file}", shard.bytes)


def _parse(name: str, entry: Mapping[str, Any]) -> LatentFacts:
    try:
        latents_folder(name)
        parts = {**entry, "generator": GeneratorFacts(**entry["generator"]), "shards": read_records(entry["shards"])}
        return LatentFacts(name, **parts)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"dataset.json: its latents '{name}' cannot be read ({error}); make them again") from error
