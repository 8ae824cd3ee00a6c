"""Coefficients for shards that are finished: each shard is written again beside itself and then takes its place."""

import io
import shutil
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from datamodules.shard_format import (
    Dataset,
    ShardWriter,
    decode_json,
    decode_track,
    json_bytes,
    read_dataset,
    rename_shard,
    unpack_jpegs,
    write_dataset_json,
)
from datamodules.video import decode_frames
from models.errors import UserError
from preparation.coefficients import Estimator, Facts
from preparation.runners import Failure, Runner

ASIDE = ".coefficients"


class ShardWorker:
    """Writes shards with one more track into a folder, in a worker process.

    Args:
        shards: the folder of the finished shards.
        estimator: gives the track.
        facts: what it will be.
    """

    def __init__(self, shards: Path, estimator: Estimator, facts: Facts) -> None:
        self.shards, self.estimator, self.facts = shards, estimator, facts

    def __call__(self, file: str, split: str) -> int:
        """Does one shard; returns its number of segments. The tar is renamed last, so a whole one has its index."""
        aside = self.shards / ASIDE / Path(file).stem
        shutil.rmtree(aside, ignore_errors=True)
        unlimited = 2**62
        with ShardWriter(aside, Path(file).stem, split, unlimited, unlimited) as writer:
            samples = _samples(self.shards / file)
            for key, members in samples:
                writer.write(key, self._with_track(members))
        return len(samples)

    def _with_track(self, members: dict[str, bytes]) -> dict[str, bytes]:
        info = decode_json(members["json"])
        landmarks = decode_track(members["landmarks.npz"])
        frames = _frames(members, info["frames"]) if self.estimator.needs_frames else np.empty(0, np.uint8)
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **self.estimator.arrays(frames, landmarks, info["size"]))
        known = {**(info.get("coefficients") or {}), self.facts.face_model: self.facts.info}
        info = {**info, "coefficients": known}
        return {**members, f"{self.facts.track}.npz": buffer.getvalue(), "json": json_bytes(info)}


def add_coefficients(shards: Path, estimator: Estimator, runner: Runner) -> None:
    """Adds the estimator's track to every segment, or replaces one of the same face model.

    A run that was stopped goes on at the shard where it was. While it runs, a shard and `dataset.json` change one after
    the other: nobody should read the folder meanwhile.

    Raises:
        UserError: no finished data set, or one that holds the truth for this face model, or no estimator.
    """
    dataset, facts = read_dataset(shards), estimator.facts()
    if facts is None:
        raise UserError("coefficients=none: there is nothing to add")
    (shards / ASIDE).mkdir(exist_ok=True)
    waiting = [(record.file, record.split) for record in dataset.shards if not _has(shards / record.file, facts)]
    say = partial(Console().print, markup=False, highlight=False, soft_wrap=True)
    for task, answer in runner.run(ShardWorker(shards, estimator, facts), waiting, shards / ASIDE):
        if isinstance(answer, Failure):
            raise UserError(f"{task[0]}: {answer.reason}: {answer.detail}")
        _take(shards, dataset, task[0])
        say(f"{task[0]}: {facts.track} of {answer} segments")
    shutil.rmtree(shards / ASIDE)
    if not waiting:
        say(f"{shards}: every segment has {facts.track} by {facts.estimator} {facts.estimator_version} already")


def _take(shards: Path, dataset: Dataset, file: str) -> None:
    """Puts a new shard in the place of the old one, and sums up again."""
    stem = Path(file).stem
    made = shards / ASIDE / stem / f"{stem}-00000.tar"
    rename_shard(made, shards / file)
    write_dataset_json(
        shards,
        kind=dataset.kind,
        size=dataset.size,
        licence=dataset.licence,
        analyser=dataset.analyser,
        shards=[shards / record.file for record in dataset.shards],
        latents=dataset.latents,
    )


def _has(path: Path, facts: Facts) -> bool:
    """Whether the segments of a shard carry these coefficients already; `UserError` where they carry the truth."""
    with tarfile.open(path, "r:") as tar:
        member = next(entry for entry in tar if entry.name.endswith(".json"))
        file = tar.extractfile(member)
        assert file is not None
        known = (decode_json(file.read()).get("coefficients") or {}).get(facts.face_model)
    if known is not None and known["estimator"] == "truth":
        raise UserError(f"{path} holds the true coefficients of {facts.face_model}: they are not replaced")
    return bool(known == facts.info)


def _samples(path: Path) -> list[tuple[str, dict[str, bytes]]]:
    """The samples of a tar in their order."""
    found: dict[str, dict[str, bytes]] = {}
    with tarfile.open(path, "r:") as tar:
        for entry in tar:
            key, _, field = entry.name.partition(".")
            file = tar.extractfile(entry)
            if file is not None:
                found.setdefault(key, {})[field] = file.read()
    return list(found.items())


def _frames(members: dict[str, bytes], count: int) -> np.ndarray[Any, Any]:
    return unpack_jpegs(members["jpegs"]) if "jpegs" in members else decode_frames(members["mp4"], range(count))
