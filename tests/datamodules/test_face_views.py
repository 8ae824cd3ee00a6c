"""Frames with what is known of their faces: the view, and the augmentation that goes with it."""

import numpy as np
import pytest
import torch

from datamodules.clip_shards import ClipShards
from datamodules.face_augment import FaceAugment
from datamodules.shard_format import Segment, ShardWriter, encode_segment, write_dataset_json
from datamodules.views import FaceFrames
from models.face3d.alignment import identity_alignment, to_aligned

SIZE, FRAMES = 32, 30


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipShards:
    """A segment that knows all, and one of landmarks alone; every number is that of its frame."""
    folder = tmp_path_factory.mktemp("faces")
    count = np.arange(FRAMES, dtype=np.float32)
    points = np.broadcast_to(count[:, None, None], (FRAMES, 68, 2)).copy()
    whole = {
        "landmarks": {"points": points, "pupils": points[:, :2]},
        "coefficients_toy": {
            "rotation": np.repeat(count[:, None], 3, 1),
            "alignment": np.tile(identity_alignment(SIZE).numpy().astype(np.float32), (FRAMES, 1)),
        },
    }
    frames = np.broadcast_to(count[:, None, None, None] * 8, (FRAMES, SIZE, SIZE, 3)).astype(np.uint8)
    with ShardWriter(folder, "train", "train", max_samples=4) as writer:
        for number, tracks in enumerate((whole, {"landmarks": {"points": points}})):
            key, info = f"toy/person/clip/{number:04d}", {"identity": "person", "segment": f"{number:04d}"}
            segment = Segment(key, info, frames, np.zeros(FRAMES * 640, np.float32), tracks)
            writer.write(key, encode_segment(segment, "clips"))
    write_dataset_json(folder, kind="clips", size=SIZE)
    return ClipShards(folder, "train")


def test_everything_is_of_the_same_frames(clips: ClipShards) -> None:
    example = FaceFrames(4, 16, pupils=True, coefficients="toy")(clips, 0, np.random.default_rng(0))
    frame = example["truth_rotation"][:, 0]
    assert len(set(frame)) == 4 and frame.max() - frame.min() < 16
    assert (example["landmarks"][:, 5, 1] == frame).all() and (example["pupils"][:, 1, 0] == frame).all()
    assert np.abs(example["image"][:, 0, 0, 0] / 8 - frame).max() < 0.6
    assert example["key"] == ["toy/person/clip/0000"] * 4


def test_other_sizes_of_images_take_landmarks_and_alignment_along(clips: ClipShards) -> None:
    example = FaceFrames(2, 16, size=80, coefficients="toy")(clips, 0, np.random.default_rng(0))
    assert example["image"].shape == (2, 80, 80, 3)
    assert np.allclose(example["landmarks"][:, 0, 0], example["truth_rotation"][:, 0] * 2.5)
    alignment = torch.from_numpy(example["truth_alignment"])
    assert torch.allclose(alignment, identity_alignment(80).float().expand(2, 5))
    assert torch.allclose(to_aligned(torch.full((2, 1, 2), 40.0), alignment), torch.full((2, 1, 2), 112.0))


def test_segments_without_truth_are_left_out_and_unknown_pupils_are_nan(clips: ClipShards) -> None:
    assert FaceFrames(coefficients="toy").usable(clips).tolist() == [True, False]
    assert FaceFrames().usable(clips).tolist() == [True, True]
    example = FaceFrames(3, pupils=True)(clips, 1, np.random.default_rng(0))
    assert np.isnan(example["pupils"]).all() and example["pupils"].shape == (3, 2, 2)
    assert not [name for name in example if name.startswith("truth")]


def test_augmentation_moves_nothing_and_is_a_function_of_the_noise() -> None:
    random = torch.Generator().manual_seed(0)
    batch = {"image": torch.rand(6, 3, 24, 24, generator=random) * 2 - 1, "landmarks": torch.rand(6, 68, 2)}
    noise = torch.rand(6, 8, generator=random)
    augment = FaceAugment(coarse=0.5, noise=0.1)
    one, two = augment(batch, noise), augment(batch, noise)
    assert torch.equal(one["image"], two["image"]) and torch.equal(one["landmarks"], batch["landmarks"])
    assert one["image"].abs().max() <= 1
    alone = augment({name: value[2:3] for name, value in batch.items()}, noise[2:3])
    assert torch.allclose(alone["image"], one["image"][2:3], atol=1e-6)


def test_coarse_pictures_lose_their_detail() -> None:
    stripes = (torch.arange(24) % 2 * 2.0 - 1).expand(2, 3, 24, 24)
    noise = torch.tensor([[0.5] * 5 + [0.1, 0.99, 0.0], [0.5] * 5 + [0.9, 0.99, 0.0]])
    seen = FaceAugment(0, 0, 0, 0, coarse=0.5, noise=0.0)({"image": stripes}, noise)["image"]
    assert seen[0].abs().max() < 0.3
    assert torch.equal(seen[1], stripes[1])
