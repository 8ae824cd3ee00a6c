from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.clip_shards import ClipShards
from datamodules.shard_data import ShardData
from datamodules.views import AudioWindow, CrossIdentityPair, Frame, FramePair, PoseSequence, View
from models.audio.mel import MelSpectrogram, frame_columns
from models.errors import UserError
from tests.datamodules.conftest import make_segment, write_shards


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def clips(shards: Path) -> ClipShards:
    return ClipShards(shards)


def whole(clips: ClipShards, index: int) -> np.ndarray:
    return clips[index].frames(range(40))


VIEWS: list[View] = [
    FramePair(pairs=3, window=12),
    CrossIdentityPair(pairs=3, window=12),
    AudioWindow(length=5, windows=3),
    PoseSequence(length=7, windows=3, mel=True, sound=True),
    Frame(images=3, window=12, landmarks=True),
]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: type(view).__name__)
def test_every_view_gives_k_examples_from_its_rng_alone(clips: ClipShards, view: View) -> None:
    assert view.usable(clips).all()
    first, again, other = (view(clips, 4, rng(seed)) for seed in (1, 1, 2))
    for name, value in first.items():
        assert len(value) == view.examples == 3
        assert np.array_equal(value, again[name])
    assert any(not np.array_equal(first[name], other[name]) for name in first)


def test_frame_pairs_are_two_frames_of_one_window(clips: ClipShards) -> None:
    frames, points = whole(clips, 2), clips[2].track("landmarks")["points"]
    for seed in range(8):
        pair = FramePair(pairs=4, window=6)(clips, 2, rng(seed))
        found = {
            name: [int((frames == image).all((1, 2, 3)).argmax()) for image in pair[name]]
            for name in ("source", "driving")
        }
        for one, two in zip(found["source"], found["driving"], strict=True):
            assert one != two
        used = found["source"] + found["driving"]
        assert max(used) - min(used) < 6
        assert (pair["source_landmarks"] == points[found["source"]]).all()


def test_time_ranges_hold_frames_out(shards: Path) -> None:
    for time_range, allowed in (((0, 0.75), range(30)), ((0.75, 1), range(30, 40))):
        clips = ClipShards(shards, time_range=time_range)
        frames = whole(clips, 1)
        for seed in range(6):
            images = Frame(images=4, window=99)(clips, 1, rng(seed))["image"]
            assert all(int((frames == image).all((1, 2, 3)).argmax()) in allowed for image in images)
        assert clips[1].load().frames.shape[0] == len(allowed)
        assert clips[1].load().audio is not None and len(clips[1].load().audio) == len(allowed) * 640  # type: ignore[arg-type]
    assert ClipShards(shards).fingerprint != ClipShards(shards, time_range=(0, 0.5)).fingerprint


def test_size_scales_images_and_landmarks(clips: ClipShards) -> None:
    large, small = (FramePair(size=size)(clips, 0, rng()) for size in (None, 16))
    assert large["source"].shape == (4, 32, 32, 3) and small["source"].shape == (4, 16, 16, 3)
    assert np.allclose(small["driving_landmarks"], large["driving_landmarks"] / 2)


def test_cross_pairs_are_of_two_identities(clips: ClipShards) -> None:
    view = CrossIdentityPair()
    partners = set()
    for index in range(len(clips)):
        example = view(clips, index, rng(index))
        source, driving = (key.split("/")[1] for key in (example["source_key"][0], example["key"][0]))
        assert source != driving
        partners.add(example["source_key"][0])
    assert len(partners) > 3
    assert not view.usable(ClipShards(clips.location.text, "test")).any()  # one identity only


def test_mel_windows_are_those_of_the_whole_sound(clips: ClipShards) -> None:
    segment = make_segment(3, "id0")
    assert segment.audio is not None
    mel = MelSpectrogram()(torch.from_numpy(segment.audio)[None])[0].numpy()
    frames = whole(clips, 3)
    for seed in range(10):
        example = AudioWindow(length=6)(clips, 3, rng(seed))
        assert example["frames"].shape == (1, 6, 32, 32, 3) and example["mel"].shape == (1, 6, 80, 16)
        start = int((frames == example["frames"][0, 0]).all((1, 2, 3)).argmax())
        assert (example["frames"][0] == frames[start : start + 6]).all()
        columns = frame_columns(np.arange(start, start + 6), mel.shape[1])
        inner = columns < mel.shape[1] - 3  # the last columns look beyond the end
        expected = mel[:, columns].swapaxes(0, 1)
        difference = np.abs(example["mel"][0] - expected).max(1)
        assert difference[inner].max() < 1e-4


def test_pose_sequences_are_consecutive(clips: ClipShards) -> None:
    example = PoseSequence(arrays=["points", "score"], length=7)(clips, 5, rng())
    points = clips[5].track("landmarks")["points"]
    starts = [i for i in range(34) if (points[i : i + 7] == example["landmarks_points"][0]).all()]
    assert len(starts) == 1 and example["landmarks_score"].shape == (1, 7)


def test_pose_sequences_bring_the_sound_of_their_frames(clips: ClipShards) -> None:
    example = PoseSequence(length=7, windows=2, sound=True)(clips, 5, rng())
    points, sound = clips[5].track("landmarks")["points"], clips[5].audio(0, 40 * 640)
    for seen, heard in zip(example["landmarks_points"], example["sound"]):
        start = next(i for i in range(34) if (points[i : i + 7] == seen).all())
        assert np.array_equal(heard, sound[640 * start : 640 * (start + 7)])


def test_silent_segments_are_left_out_and_all_silent_is_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_shards(tmp_path / "some", 4, frames=10, silent=(1, 2))
    with caplog.at_level("INFO"):
        data = ShardData(str(tmp_path / "some"), AudioWindow(length=4), 2, validation_split=None)
        keys = {key for batch in data.train_dataloader() for key in batch["key"]}
    assert keys == {"toy/id0/clip/0000", "toy/id0/clip/0003"}
    assert "2 of 4 segments of split 'train' left out: AudioWindow needs sound" in caplog.text
    write_shards(tmp_path / "none", 2, frames=10, silent=(0, 1))
    with pytest.raises(UserError, match="none of the 2 segments of split 'train' has what AudioWindow needs: sound"):
        ShardData(str(tmp_path / "none"), AudioWindow(length=4), 2, validation_split=None).setup()


def test_frames_shards_serve_the_same_views(tmp_path: Path) -> None:
    write_shards(tmp_path, 3, kind="frames", frames=12)
    clips = ClipShards(tmp_path)
    truth = make_segment(1, "id1", frames=12).frames
    image = Frame(images=5, window=99, size=16)(clips, 1, rng())["image"]
    assert image.shape == (5, 16, 16, 3)
    assert np.abs(clips[1].frames([3, 11]).astype(int) - truth[[3, 11]]).mean() < 12
    assert FramePair(pairs=2)(clips, 0, rng())["source"].shape == (2, 32, 32, 3)


@pytest.mark.parametrize(
    "make", [lambda: FramePair(pairs=0), lambda: FramePair(window=1), lambda: AudioWindow(length=0)]
)
def test_impossible_arguments(make: type[FramePair]) -> None:
    with pytest.raises(UserError, match="must be at least"):
        make()
