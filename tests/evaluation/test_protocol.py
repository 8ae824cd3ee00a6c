"""Who drives whom."""

from pathlib import Path
from typing import Any

import pytest

from datamodules.clip_shards import ClipShards
from evaluation.protocol import Protocol, pair_clips
from models.errors import UserError


def protocol(**settings: Any) -> Protocol:
    return Protocol(**{"name": "p", "pairing": "same_identity", "metrics": [], **settings})


def test_same_identity_drives_its_own_first_frame(clips: ClipShards) -> None:
    pairs = pair_clips(clips, protocol())
    assert [pair.driving for pair in pairs] == sorted(clips.table.keys)
    assert all(pair.source == pair.driving and pair.source_frame == pair.first == 0 for pair in pairs)
    assert sum(pair.scored for pair in pairs) == sum(range(5, 12)) - 7


def test_cross_identity_is_seeded_and_never_the_same_person(clips: ClipShards) -> None:
    pairs = pair_clips(clips, protocol(pairing="cross_identity"))
    assert all(pair.source.split("/")[1] != pair.driving.split("/")[1] for pair in pairs)
    assert pairs == pair_clips(clips, protocol(pairing="cross_identity"))
    assert pairs != pair_clips(clips, protocol(pairing="cross_identity", seed=1))


def test_fewer_clips_keep_their_partners(clips: ClipShards) -> None:
    everything = pair_clips(clips, protocol(pairing="cross_identity"))
    some = pair_clips(clips, protocol(pairing="cross_identity", clips=3))
    assert len(some) == 3
    assert set(some) <= set(everything)


def test_frames_and_time_range(shards: Path) -> None:
    late = ClipShards(shards, "test", (0.5, 1.0))
    pairs = pair_clips(late, protocol(frames=3, time_range=(0.5, 1.0)))
    lengths = {key: int(frames) for key, frames in zip(late.table.keys, late.table.frames)}
    assert all(pair.frames == 3 and pair.first == lengths[pair.driving] // 2 for pair in pairs)
    assert all(pair.source_frame == pair.first for pair in pairs)
    from_the_start = pair_clips(late, protocol(frames=3, time_range=(0.5, 1.0), source_of="segment"))
    assert all(pair.source_frame == 0 < pair.first for pair in from_the_start)


def test_a_clip_that_is_too_short_is_refused_not_dropped(clips: ClipShards) -> None:
    with pytest.raises(UserError, match=r"toy/person0/clip0/0000 has 5 usable frames, and protocol p needs 6"):
        pair_clips(clips, protocol(), minimum_frames=5)


def test_one_identity_cannot_be_crossed(clips: ClipShards) -> None:
    clips.table.identity[:] = 0
    with pytest.raises(UserError, match="needs at least two identities"):
        pair_clips(clips, protocol(pairing="cross_identity"))
