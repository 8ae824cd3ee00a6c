"""How a method is scored: which frames of which clips drive which source. Plain data, one YAML per protocol."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from datamodules.clip_shards import ClipShards
from models.errors import UserError


@dataclass(frozen=True)
class Protocol:
    """The settings of `configs/protocol/*.yaml`.

    Args:
        name: as in the result rows.
        pairing: `same_identity`: the clip drives its own first frame. `cross_identity`: it drives the first frame of a
            clip of somebody else, drawn by `seed` and the clip's key alone.
        split: of `dataset.json`.
        time_range: the part of every segment that is used, as fractions.
        source_of: the source is the first frame of the source clip's `range`, or of its whole `segment`.
        motion: `absolute` or `relative`, see `models.animator.Transfer`.
        frames: driving frames per clip; all of them when not given.
        clips: how many clips, spread evenly over the split; all of them when not given.
        seed: of the pairing and of the bootstrap.
        metrics: lines of `metric` (a node), `of` (two images), and where needed `through` (what a network sees in them)
            and `every` (that many frames from one to the next); see `evaluation.measure`.

    """

    name: str
    pairing: Literal["same_identity", "cross_identity"]
    metrics: Sequence[Mapping[str, Any]]
    split: str = "test"
    time_range: Sequence[float] = (0.0, 1.0)
    source_of: Literal["range", "segment"] = "range"
    motion: Literal["absolute", "relative"] = "absolute"
    frames: int | None = None
    clips: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Pair:
    """One scored sample: frames `first` to `first + frames - 1` of a clip drive frame `source_frame` of another.

    The first driving frame is where relative motion starts from, and with the same identity mostly the source itself,
    so it is rendered but not scored: a picture that is compared with itself would make every mean infinite or perfect.
    """

    source: str
    source_frame: int
    driving: str
    first: int
    frames: int

    @property
    def scored(self) -> int:
        """How many frames count."""
        return self.frames - 1


def pair_clips(clips: ClipShards, protocol: Protocol, minimum_frames: int = 1) -> list[Pair]:
    """The samples of a protocol in the order of their keys: the same ones for every method, machine and rank.

    Raises:
        UserError: no clip, a clip with fewer than `minimum_frames` frames to score, or nobody else to pair with.
    """
    order = sorted(range(len(clips)), key=lambda index: clips.table.keys[index])
    chosen = order
    if protocol.clips is not None and protocol.clips < len(order):
        chosen = [order[number * len(order) // protocol.clips] for number in range(protocol.clips)]
    if not chosen:
        raise UserError(f"the split {protocol.split} has no clip to score")
    pairs = []
    for index in chosen:
        clip = clips[index]
        frames = min(clip.last - clip.first, protocol.frames or clip.last)
        if frames - 1 < minimum_frames:
            raise UserError(
                f"{clip.key} has {frames} usable frames, and protocol {protocol.name} needs {minimum_frames + 1}: one "
                "as the start and the rest to score; use a longer time_range, or prepare longer segments"
            )
        source = clip if protocol.pairing == "same_identity" else clips[_somebody_else(clips, order, index, protocol)]
        source_frame = source.first if protocol.source_of == "range" else 0
        pairs.append(Pair(source.key, source_frame, clip.key, clip.first, frames))
    return pairs


def _somebody_else(clips: ClipShards, order: list[int], index: int, protocol: Protocol) -> int:
    """A clip of another identity; depends on the seed and the driving key only, not on how many clips are scored."""
    identity = clips.table.identity
    others = [other for other in order if identity[other] != identity[index]]
    if not others:
        raise UserError(
            f"protocol {protocol.name} needs at least two identities in the split {protocol.split}, there is only "
            f"{clips.table.people[identity[index]]}"
        )
    return random.Random(f"{protocol.seed}/{clips.table.keys[index]}").choice(others)
