"""How a method is scored: which frames of which clips drive which source. Plain data, one YAML per protocol."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from datamodules.clip_shards import Clip, ClipShards
from models.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class Protocol:
    """The settings of `configs/protocol`.

    Args:
        name: as in the result rows.
        pairing: `same_identity`: a clip drives its own first frame. `cross_identity`: it drives the first frame of a
            clip of somebody else. `same_image`: a picture drives itself (inversion, editing).
        metrics: lines of `metric` (a node), `of` (whose pictures), and where needed `through` (the observer that looks
            at them) and `every` (that many frames from one to the next), by any name; see `evaluation.measure`.
        driving: what of the driving clip the method is given.
        sound: what metrics are told to be the sound: the clip's `own`, the same ten frames `late`, or that of
            `somebody_else`. The last two are controls: a metric of lip synchronisation must be worse there.
        split: of `dataset.json`.
        time_range: the part of every segment that is used, as fractions.
        source_of: the source is the first frame of the source clip's `range`, or of its whole `segment`.
        motion: `absolute` or `relative`, see `models.animator.Transfer`.
        parts: only these parts of the motion are taken from the driving; all when not given.
        scale: factors for parts of the motion; {rotation: 0} turns the head to the front.
        unit: what `clips` and `frames` count: segments (at most 8 s), or videos, all segments of which follow each
            other and share one source; what a video gives too few frames of at its end is left out.
        frames: driving frames per unit; all of them when not given.
        spread: take these frames evenly from the whole unit, not from its beginning.
        clips: how many units, spread evenly over the split; all of them when not given.
        sources: so many source pictures, spread evenly, each with one driving unit of somebody else (cross_identity);
            when not given, each driving unit has one source.
        seed: of the pairing and of the bootstrap.

    """

    name: str
    pairing: Literal["same_identity", "cross_identity", "same_image"]
    metrics: Mapping[str, Mapping[str, Any]]
    driving: Literal["video", "audio"] = "video"
    sound: Literal["own", "late", "somebody_else"] = "own"
    split: str = "test"
    time_range: Sequence[float] = (0.0, 1.0)
    source_of: Literal["range", "segment"] = "range"
    motion: Literal["absolute", "relative"] = "absolute"
    parts: Sequence[str] | None = None
    scale: Mapping[str, float] = field(default_factory=dict)
    unit: Literal["segment", "video"] = "segment"
    frames: int | None = None
    spread: bool = False
    clips: int | None = None
    sources: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("frames", "clips", "sources"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise UserError(f"protocol.{name}={count}: it starts at 1; null is all of them")

    @property
    def wants_sound(self) -> bool:
        """Whether clips without sound are of no use."""
        return self.driving == "audio" or any("audio" in line.get("of", ()) for line in self.metrics.values())


@dataclass(frozen=True)
class Pair:
    """One scored sample: `frames` frames of a clip, `step` apart from `first` on, drive `source_frame` of another.

    The first `unscored` of them are rendered but not scored: a picture that is compared with itself would make every
    mean infinite or perfect, and relative motion starts from it.
    """

    source: str
    source_frame: int
    driving: str
    first: int
    frames: int
    step: int = 1
    unscored: int = 1

    @property
    def key(self) -> str:
        """A name of this sample alone."""
        return self.driving if self.source == self.driving else f"{self.driving} on {self.source}"

    @property
    def scored(self) -> int:
        """How many frames count."""
        return self.frames - self.unscored

    @property
    def moments(self) -> range:
        """The numbers of the driving frames."""
        return range(self.first, self.first + self.frames * self.step, self.step)


def identity_of(key: str) -> str:
    """Data set and identity of a sample key."""
    return "/".join(key.split("/")[:2])


def pair_clips(clips: ClipShards, sources: ClipShards, protocol: Protocol, minimum_frames: int = 1) -> list[Pair]:
    """The samples of a protocol in the order of their keys: the same ones for every method, machine and rank.

    Args:
        clips: the driving clips.
        sources: where source pictures come from with `cross_identity`; may be the same.
        protocol: how they are paired.
        minimum_frames: how many scored frames the metrics need.

    Raises:
        UserError: no clip, a clip with too few frames to score, or nobody else to pair with.
    """
    if protocol.wants_sound:
        clips = _with_sound(clips, protocol)
    units = _units(clips, protocol.unit)
    if not units:
        raise UserError(f"the split {protocol.split} has no clip to score")
    if protocol.pairing != "cross_identity":
        chosen = [(unit[0], unit) for unit in evenly(units, protocol.clips)]
    elif protocol.sources is None:
        known = [unit[0] for unit in _units(sources, protocol.unit)]
        chosen = [(_other(known, unit[0], protocol), unit) for unit in evenly(units, protocol.clips)]
    else:
        known = [unit[0] for unit in _units(sources, protocol.unit)]
        driving = {unit[0].key: unit for unit in evenly(units, protocol.clips)}
        heads = [unit[0] for unit in driving.values()]
        chosen = [(one, driving[_other(heads, one, protocol).key]) for one in evenly(known, protocol.sources)]
    pairs = [pair for source, unit in chosen for pair in _long_enough(_pairs(source, unit, protocol), minimum_frames)]
    for pair in pairs:
        if pair.scored < minimum_frames:
            raise UserError(
                f"{pair.driving} has {pair.frames} usable frames, and protocol {protocol.name} needs "
                f"{minimum_frames + pair.unscored}: use a longer time_range, or prepare longer segments"
            )
    return pairs


def evenly(items: Sequence[T], count: int | None) -> list[T]:
    """`count` of the items, spread evenly in their order; all of them when there are not more."""
    if count is None or count >= len(items):
        return list(items)
    return [items[number * len(items) // count] for number in range(count)]


def _pairs(source: Clip, unit: list[Clip], protocol: Protocol) -> list[Pair]:
    """The samples of one unit, segment after segment until it has given its frames."""
    source_frame = source.first if protocol.source_of == "range" else 0
    if protocol.pairing == "same_image":
        return [Pair(source.key, source_frame, source.key, source_frame, 1, unscored=0)]
    usable = sum(clip.last - clip.first for clip in unit)
    left = min(usable, protocol.frames or usable)
    step = max(1, (usable - 1) // max(left - 1, 1)) if protocol.spread else 1
    pairs, offset = [], 0
    for clip in unit:
        frames = min(len(range(clip.first + offset, clip.last, step)), left)
        if frames:
            itself = (source.key, source_frame) == (clip.key, clip.first + offset)
            unscored = int(itself or protocol.motion == "relative")
            pairs.append(Pair(source.key, source_frame, clip.key, clip.first + offset, frames, step, unscored))
        offset = max(0, offset + frames * step - (clip.last - clip.first))
        left -= frames
    return pairs


def _long_enough(pairs: list[Pair], minimum_frames: int) -> list[Pair]:
    """The samples of one unit without those that are too short, such as a video's rest; all when nothing is left."""
    return [pair for pair in pairs if pair.scored >= minimum_frames] or pairs


def _with_sound(clips: ClipShards, protocol: Protocol) -> ClipShards:
    heard = clips.has("flac")
    if not heard.any():
        raise UserError(f"no clip of the split {protocol.split} has sound, and protocol {protocol.name} needs it")
    return clips if heard.all() else clips.where(heard)


def _units(clips: ClipShards, unit: str) -> list[list[Clip]]:
    """Segments in the order of their keys, those of one video together where videos are asked for."""
    grouped: dict[str, list[Clip]] = {}
    for clip in sorted(clips, key=lambda clip: clip.key):
        grouped.setdefault(clip.key.rsplit("/", 1)[0] if unit == "video" else clip.key, []).append(clip)
    return list(grouped.values())


def _other(candidates: Sequence[Clip], one: Clip, protocol: Protocol) -> Clip:
    """Somebody else; depends on the seed and on `one` only, not on how many clips are scored."""
    others = [clip for clip in candidates if identity_of(clip.key) != identity_of(one.key)]
    if not others:
        raise UserError(
            f"protocol {protocol.name} needs at least two identities in the split {protocol.split}, there is only "
            f"{identity_of(one.key)}"
        )
    return random.Random(f"{protocol.seed}/{one.key}").choice(others)
