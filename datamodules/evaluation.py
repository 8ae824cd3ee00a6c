"""Whole segments of a split, each exactly once over all processes, for scoring."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from datamodules.clip_shards import ClipShards
from datamodules.shard_format import Segment


def segments(
    location: str | Path,
    split: str = "test",
    time_range: Sequence[float] = (0.0, 1.0),
    rank: int = 0,
    world: int = 1,
    limit: int | None = None,
) -> Iterator[Segment]:
    """Yield the segments of a split in the order of their keys, cut to `time_range`, never one twice.

    Process `rank` of `world` gets every `world`-th segment; nothing is padded, so the counts of two processes may
    differ by one. `limit` takes only that many segments in all, spread evenly over the split.
    """
    clips = ClipShards(location, split, time_range)
    order = sorted(range(len(clips)), key=clips.table.keys.__getitem__)
    if limit is not None and limit < len(order):
        order = [order[i * len(order) // limit] for i in range(limit)]
    for index in order[rank::world]:
        if clips.last[index] > clips.first[index]:
            yield clips[index].load()
