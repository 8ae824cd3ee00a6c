"""One set of latents while it is being made: pieces, then shards, then the entry in `dataset.json`.

Everything appears under its name only when it is whole. A shard takes the place of its pieces as soon as they are all
there, so nothing lies on the disk twice.
"""

import io
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.clip_shards import ClipShards
from datamodules.latents import (
    ERRORS,
    GeneratorFacts,
    LatentFacts,
    Latents,
    latent_sets,
    latents_folder,
    member,
    to_entry,
)
from datamodules.shard_format import (
    Dataset,
    ShardRecord,
    ShardWriter,
    json_bytes,
    read_dataset,
    rename_shard,
    save_dataset,
)
from models.aside import written_aside
from models.errors import UserError
from preparation.inversion_worker import Piece, not_codes_alone, pieces, read_piece
from preparation.locks import held
from preparation.run import difference

if TYPE_CHECKING:
    from models.stylegan.generator import Generator

RECORD = "inversion.json"


def generator_facts(generator: "Generator", file: str) -> GeneratorFacts:
    """What is written beside latents; a generator out of a file of somebody's is called by the name of the file."""
    from models.stylegan.pretrained import generator_id

    name = re.sub(r"[^a-z0-9_]+", "_", Path(file).stem.lower()).strip("_") or "generator"
    return GeneratorFacts(name, generator_id(generator), generator.size, generator.codes, generator.w_dim)


class LatentShards:
    """The folder `latents/<name>` of finished shards.

    Args:
        shards: the folder of the shards.
        name: of the latents.
        generator: whose codes they are.
        settings: everything beside generator and frames that decides about the codes, as plain values.
        batch: frames of a piece.

    Raises:
        UserError: no finished data set there, or a name that cannot be one.
    """

    def __init__(
        self, shards: Path, name: str, generator: GeneratorFacts, settings: Mapping[str, Any], batch: int
    ) -> None:
        self.shards, self.name, self.generator = shards, name, generator
        self.folder = shards / latents_folder(name)
        self.aside = self.folder / ".pieces"
        self.settings, self.batch = json.loads(json.dumps(settings)), batch
        self.dataset: Dataset = read_dataset(shards)

    @cached_property
    def clips(self) -> dict[str, ClipShards]:
        """The segments by split."""
        return {split: ClipShards(self.shards, split) for split in self.dataset.identities}

    @property
    def pieces(self) -> list[Piece]:
        """All of them, done or not."""
        return pieces(self.dataset, self.batch)

    def begin(self) -> bool:
        """Makes the folder ready; True when it already holds the finished latents.

        Raises:
            UserError: it holds latents of this name that were made otherwise, or of other frames; the method finds more
                than codes; there are segments without frames.
        """
        from models.inversion.optimiser import MORE_THAN_CODES  # it brings torch

        if self.settings["method"] in MORE_THAN_CODES:
            raise not_codes_alone(self.settings["method"])
        if empty := sum(int((clips.whole().pictures < 0).sum()) for clips in self.clips.values()):
            raise UserError(f"{self.shards}: {empty} segments have no frames that could be inverted")
        record = {
            "generator": asdict(self.generator),
            "inversion": self.settings,
            "batch": self.batch,
            "frames": self._frames(),
        }
        path = self.folder / RECORD
        before = json.loads(path.read_bytes()) if path.is_file() else record
        if before["frames"] != record["frames"]:
            raise UserError(f"{self.folder} holds latents of other frames: the videos were prepared again; remove it")
        finished = path.is_file() and self.name in self.dataset.latents and self._all_there()
        if finished:  # what the batch was does not matter any more
            record["batch"] = before["batch"]
        if words := difference(before, record):
            raise UserError(f"{self.folder} was begun with other settings: {words}; give another name= or remove it")
        if not finished:
            with written_aside(path) as part:
                part.write_bytes(json_bytes(record))
        return finished

    def is_done(self, piece: Piece) -> bool:
        """Whether somebody has done a piece."""
        return piece.path(self.aside).is_file() or (self.folder / piece.shard.file).is_file()

    def assemble(self, shard: ShardRecord) -> None:
        """Writes the latents of a shard when all its pieces are there, and drops the pieces."""
        parts = [piece for piece in self.pieces if piece.shard == shard]
        with held(self.folder / ".lock"):
            if (self.folder / shard.file).is_file() or not all(self.is_done(piece) for piece in parts):
                return
            made, unlimited = self.aside / "made", 2**62
            shutil.rmtree(made, ignore_errors=True)
            with ShardWriter(made, Path(shard.file).stem, shard.split, unlimited, unlimited) as writer:
                for key, pictures, arrays in self._samples(shard, parts):
                    writer.write(key, self._members(arrays, shard.split), pictures=pictures)
            rename_shard(writer.shards[0], self.folder / shard.file)
            shutil.rmtree(parts[0].path(self.aside).parent)

    def finish(self) -> LatentFacts | None:
        """Lists the latents in `dataset.json` and clears what is left over, once all shards are there.

        Returns:
            What is listed; None while shards are missing, or where another process has listed it.
        """
        if not self._all_there():
            return None
        indices = [json.loads((self.folder / shard.index).read_bytes()) for shard in self.dataset.shards]
        records = tuple(ShardRecord(**index["shard"]) for index in indices)
        facts = LatentFacts(self.name, self.generator, self.settings, {}, records)
        with held(self.folder.parent / ".lock"):
            shutil.rmtree(self.aside, ignore_errors=True)
            dataset = read_dataset(self.shards)
            known = latent_sets(dataset).get(self.name)
            if known is not None and replace(known, error={}) == facts:
                return None
            facts = replace(facts, error=self._mean_errors(replace(dataset, latents={self.name: to_entry(facts)})))
            save_dataset(self.shards, replace(dataset, latents={**dataset.latents, self.name: to_entry(facts)}))
        return facts

    def _mean_errors(self, dataset: Dataset) -> dict[str, float]:
        """Means over all frames, read as a user of the latents reads them."""
        found: dict[str, list[np.ndarray]] = {name: [] for name in ERRORS}
        for split, clips in self.clips.items():
            latents = Latents(clips.location, dataset, split, self.name, clips.whole())
            for row, frames in enumerate(clips.table.frames.tolist()):
                for name, values in found.items():
                    values.append(latents.rows(row, name, range(frames)))
        return {name: float(np.concatenate(values).mean(dtype=np.float64)) for name, values in found.items()}

    def _all_there(self) -> bool:
        return all((self.folder / shard.file).is_file() for shard in self.dataset.shards)

    def _frames(self) -> str:
        """A hash of which frames there are: what is added to the shards beside them leaves it as it is."""
        lines = [
            f"{shard.file} {clips.table.keys[row]} {clips.table.frames[row]} {clips.whole().pictures[row]}"
            for clips in self.clips.values()
            for number, shard in enumerate(clips.shards)
            for row in np.flatnonzero(clips.table.shard == number)
        ]
        return sha256("\n".join(lines).encode()).hexdigest()

    def _samples(self, shard: ShardRecord, parts: list[Piece]) -> Iterator[tuple[str, int, dict[str, np.ndarray]]]:
        """Key, bytes of the video and arrays of each segment of a shard."""
        clips = self.clips[shard.split]
        rows, first = np.flatnonzero(clips.table.shard == clips.shards.index(shard)), 0
        for row in rows.tolist():
            last = first + int(clips.table.frames[row])
            found = []
            for piece in parts:
                if piece.first < last and piece.last > first:
                    inside = slice(max(first - piece.first, 0), last - piece.first)
                    found.append({name: part[inside] for name, part in read_piece(piece.path(self.aside)).items()})
            arrays = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
            yield clips.table.keys[row], int(clips.whole().pictures[row]), arrays
            first = last

    def _members(self, arrays: Mapping[str, np.ndarray], split: str) -> dict[str, bytes]:
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        info = {
            "frames": len(arrays["codes"]),
            "split": split,
            "latents": self.name,
            "generator": asdict(self.generator),
            "inversion": self.settings,
        }
        return {member(self.name): buffer.getvalue(), "json": json_bytes(info)}
