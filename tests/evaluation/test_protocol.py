"""Who drives whom."""

from pathlib import Path
from typing import Any

import pytest

from datamodules.clip_shards import ClipShards
from evaluation.protocol import Protocol, pair_clips
from models.errors import UserError


def protocol(**settings: Any) -> Protocol:
    return Protocol(**{"name": "p", "pairing": "same_identity", "metrics": {}, **settings})


def test_same_identity_drives_its_own_first_frame(clips: ClipShards) -> None:
    pairs = pair_clips(clips, clips, protocol())
    assert [pair.driving for pair in pairs] == sorted(clips.table.keys)
    assert all(pair.source == pair.driving and pair.source_frame == pair.first == 0 for pair in pairs)
    assert sum(pair.scored for pair in pairs) == sum(range(5, 12)) - 7


def test_cross_identity_is_seeded_and_never_the_same_person(clips: ClipShards) -> None:
    pairs = pair_clips(clips, clips, protocol(pairing="cross_identity"))
    assert all(pair.source.split("/")[1] != pair.driving.split("/")[1] for pair in pairs)
    assert pairs == pair_clips(clips, clips, protocol(pairing="cross_identity"))
    assert pairs != pair_clips(clips, clips, protocol(pairing="cross_identity", seed=1))


def test_fewer_clips_keep_their_partners(clips: ClipShards) -> None:
    everything = pair_clips(clips, clips, protocol(pairing="cross_identity"))
    some = pair_clips(clips, clips, protocol(pairing="cross_identity", clips=3))
    assert len(some) == 3
    assert set(some) <= set(everything)


def test_frames_and_time_range(shards: Path) -> None:
    late = ClipShards(shards, "test", (0.5, 1.0))
    pairs = pair_clips(late, late, protocol(frames=3, time_range=(0.5, 1.0)))
    lengths = {key: int(frames) for key, frames in zip(late.table.keys, late.table.frames)}
    assert all(pair.frames == 3 and pair.first == lengths[pair.driving] // 2 for pair in pairs)
    assert all(pair.source_frame == pair.first for pair in pairs)
    from_the_start = pair_clips(late, late, protocol(frames=3, time_range=(0.5, 1.0), source_of="segment"))
    assert all(pair.source_frame == 0 < pair.first for pair in from_the_start)


def test_a_clip_that_is_too_short_is_refused_not_dropped(clips: ClipShards) -> None:
    with pytest.raises(UserError, match=r"toy/person0/clip0/0000 has 5 usable frames, and protocol p needs 6"):
        pair_clips(clips, clips, protocol(), minimum_frames=5)


@pytest.mark.parametrize("name", ["frames", "clips", "sources"])
def test_nothing_cannot_be_scored(name: str) -> None:
    with pytest.raises(UserError, match=f"protocol.{name}=0: it starts at 1; null is all of them"):
        protocol(**{name: 0})


def test_one_identity_cannot_be_crossed(videos: Path) -> None:
    clips = ClipShards(videos, "test")
    with pytest.raises(UserError, match="needs at least two identities in the split test, there is only toy/person"):
        pair_clips(clips, clips, protocol(pairing="cross_identity"))


def test_the_truth_is_scored_from_its_first_frame_where_it_is_not_the_source(clips: ClipShards) -> None:
    assert {pair.unscored for pair in pair_clips(clips, clips, protocol())} == {1}
    crossed = pair_clips(clips, clips, protocol(pairing="cross_identity"))
    assert {pair.unscored for pair in crossed} == {0}
    relative = pair_clips(clips, clips, protocol(pairing="cross_identity", motion="relative"))
    assert {pair.unscored for pair in relative} == {1}


def test_a_picture_that_drives_itself_is_one_scored_frame(clips: ClipShards) -> None:
    pairs = pair_clips(clips, clips, protocol(pairing="same_image", clips=4))
    assert len(pairs) == 4
    assert all((pair.source, pair.source_frame) == (pair.driving, pair.first) for pair in pairs)
    assert all((pair.frames, pair.scored) == (1, 1) for pair in pairs)


def test_sources_are_each_driven_by_somebody_else(clips: ClipShards) -> None:
    pairs = pair_clips(clips, clips, protocol(pairing="cross_identity", sources=5, frames=3, spread=True))
    assert len({pair.source for pair in pairs}) == len({pair.key for pair in pairs}) == 5
    assert all(pair.source.split("/")[1] != pair.driving.split("/")[1] for pair in pairs)
    lengths = {key: int(frames) for key, frames in zip(clips.table.keys, clips.table.frames)}
    for pair in pairs:
        assert len(pair.moments) == 3
        assert pair.moments[0] == 0
        assert lengths[pair.driving] - 1 - pair.step < pair.moments[-1] < lengths[pair.driving]


def test_a_video_gives_its_frames_segment_after_segment(videos: Path) -> None:
    clips = ClipShards(videos, "test")
    pairs = pair_clips(clips, clips, protocol(unit="video", frames=7))
    assert [(pair.driving[-11:], pair.frames, pair.unscored) for pair in pairs] == [
        ("video0/0000", 5, 1), ("video0/0001", 2, 0), ("video1/0000", 5, 1), ("video1/0001", 2, 0),
    ]  # fmt: skip
    assert all(pair.source.endswith("0000") and pair.source_frame == 0 for pair in pairs)
    spread = pair_clips(clips, clips, protocol(unit="video", clips=1, frames=5, spread=True))
    places = [moment + 5 * int(pair.driving[-1]) for pair in spread for moment in pair.moments]
    assert places == [0, 3, 6, 9, 12]
    sparse = pair_clips(clips, clips, protocol(unit="video", clips=1, frames=2, spread=True))
    assert [moment + 5 * int(pair.driving[-1]) for pair in sparse for moment in pair.moments] == [14]  # 0: source


def test_what_a_video_gives_too_few_frames_of_is_left_out(videos: Path) -> None:
    clips = ClipShards(videos, "test")
    pairs = pair_clips(clips, clips, protocol(unit="video", frames=7), minimum_frames=3)
    assert [(pair.driving[-11:], pair.frames) for pair in pairs] == [("video0/0000", 5), ("video1/0000", 5)]
    with pytest.raises(UserError, match="video0/0000 has 5 usable frames, and protocol p needs 7"):
        pair_clips(clips, clips, protocol(unit="video"), minimum_frames=6)


def test_clips_without_sound_cannot_be_listened_to(clips: ClipShards) -> None:
    with pytest.raises(UserError, match="no clip of the split test has sound, and protocol p needs it"):
        pair_clips(clips, clips, protocol(driving="audio"))
