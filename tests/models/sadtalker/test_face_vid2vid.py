"""The bundle: shapes, gradients, the cached source, sizes that follow the arguments, the authors' names."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import UserError
from models.sadtalker.face_vid2vid import FaceVid2Vid
from models.sadtalker.mapping_net import MappingNet

KEYS = Path(__file__).parents[2] / "parity" / "facevid2vid_generator" / "keys_256.json"
SMALL: dict[str, Any] = {
    "num_keypoints": 6,
    "depth": 4,
    "detector_block_expansion": 8,
    "detector_max_features": 32,
    "detector_blocks": 3,
    "detector_downscale": 2,
    "pose_block_expansion": 8,
    "pose_stage_blocks": [1, 1, 1, 1],
    "block_expansion": 8,
    "max_features": 32,
    "feature_channels": 8,
    "num_resblocks": 1,
    "motion_block_expansion": 8,
    "motion_max_features": 32,
    "motion_blocks": 2,
    "decoder_blocks": 1,
    "decoder_hidden": 8,
}


def small(**changes: Any) -> FaceVid2Vid:
    torch.manual_seed(0)
    return FaceVid2Vid(**{**SMALL, **changes})


def images(batch: int, seed: int = 1, size: int = 32) -> Tensor:
    """Smooth random pictures in [-1, 1]."""
    coarse = torch.rand(batch, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, size=size, mode="bilinear") * 2 - 1


def test_shapes_and_ranges_of_a_training_pass() -> None:
    output = small()(images(2), images(2, seed=2))
    assert output.prediction.shape == (2, 3, 32, 32)
    assert output.prediction.abs().max() <= 1
    for points in (output.canonical, output.source_keypoints, output.driving_keypoints):
        assert points.shape == (2, 6, 3)
    assert output.canonical.abs().max() <= 1
    assert output.mask.shape == (2, 7, 4, 8, 8)
    assert output.dense.deformation.shape == (2, 4, 8, 8, 3)
    assert output.occlusion is not None
    assert output.occlusion.shape == (2, 1, 8, 8)
    assert output.driving_motion.logits is not None
    assert output.driving_motion.logits.shape == (2, 3, 66)


def test_every_parameter_learns_from_the_picture_alone() -> None:
    model = small()
    output = model(images(3), images(3, seed=2))
    (output.prediction - images(3, seed=2)).abs().mean().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    gradients = {name: p.grad for name, p in model.pose_estimator.named_parameters() if name.startswith("fc_")}
    assert all(g is not None and g.abs().sum() > 0 for g in gradients.values())


def test_a_fresh_network_has_spread_keypoints_and_no_motion() -> None:
    output = small()(images(4), images(4, seed=2))
    assert output.canonical.std(dim=1).mean() > 0.1
    torch.testing.assert_close(output.driving_keypoints, output.source_keypoints, atol=0.05, rtol=0)
    assert torch.count_nonzero(output.driving_motion.deformation) == 0
    assert output.source_motion.angles.abs().max() < 0.1


def test_rendering_from_the_cached_source_is_the_training_pass() -> None:
    model = small().eval()
    source, driving = images(1), images(3, seed=2)
    with torch.inference_mode():
        encoded = model.encode_source(source)
        frames = model.render(encoded, model.keypoints(encoded.canonical, model.head_motion(driving)))
        whole = model(source.expand(3, -1, -1, -1), driving)
    torch.testing.assert_close(frames, whole.prediction, atol=1e-5, rtol=0)


def test_an_untrained_motion_moves_the_picture() -> None:
    model = small().eval()
    with torch.inference_mode():
        encoded = model.encode_source(images(1))
        still = model.render(encoded, encoded.keypoints)
        moved = model.render(encoded, encoded.keypoints + torch.tensor([0.5, 0.0, 0.0]))
    assert (still - moved).abs().max() > 1e-3


@pytest.mark.parametrize(("size", "multiple"), [((32, 40), 16), ((24, 32), 16)])
def test_a_size_that_does_not_fit_is_named(size: tuple[int, int], multiple: int) -> None:
    model = small()
    assert model.image_multiple == multiple
    with pytest.raises(UserError, match=f"multiples of {multiple} pixels, got {size[1]}x{size[0]}"):
        model.encode_source(torch.zeros(1, 3, *size))


def test_other_sizes_and_options() -> None:
    model = small(depth=2, num_down_blocks=1, estimate_occlusion=False, translation_axes="y", num_keypoints=3)
    output = model(images(2, size=16), images(2, size=16))
    assert output.prediction.shape == (2, 3, 16, 16)
    assert output.occlusion is None
    assert output.mask.shape == (2, 4, 2, 8, 8)
    with pytest.raises(UserError, match="translation_axes"):
        small(translation_axes="w")
    with pytest.raises(UserError, match="four"):
        small(pose_stage_blocks=[1, 1])


def test_names_and_shapes_are_those_of_the_published_files() -> None:
    published = json.loads(KEYS.read_text())
    with torch.device("meta"):
        model, mapping, mapping_still = FaceVid2Vid(), MappingNet(70), MappingNet(73)
    files = {
        "generator": (published["safetensors"], model.generator),
        "kp_extractor": (published["safetensors"], model.keypoint_detector),
        "he_estimator": (published["facevid2vid_00189-model.pth.tar/he_estimator"], model.pose_estimator),
        "mapping": (published["mapping_00229-model.pth.tar"], mapping),
    }
    for prefix, (file, network) in files.items():
        theirs = {key.removeprefix(f"{prefix}."): shape for key, shape in file.items() if key.startswith(f"{prefix}.")}
        assert {key: list(value.shape) for key, value in network.state_dict().items()} == theirs
    still = published["mapping_00109-model.pth.tar"]["mapping.first.0.weight"]
    assert list(mapping_still.state_dict()["first.0.weight"].shape) == still


def test_batch_norms_become_synchronised_without_new_names() -> None:
    model = small()
    keys = set(model.state_dict())
    converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    assert set(converted.state_dict()) == keys
    assert not any(isinstance(m, nn.BatchNorm2d | nn.BatchNorm3d) for m in converted.modules())


def test_copies_and_checkpoints_after_a_step() -> None:
    model = small()
    model(images(2), images(2)).prediction.mean().backward()
    copied = copy.deepcopy(model).eval()
    fresh = small().eval()
    fresh.load_state_dict(model.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(fresh(images(2), images(2)).prediction, copied(images(2), images(2)).prediction)


def test_half_precision_keeps_the_motion_in_full() -> None:
    model = small().eval()
    with torch.inference_mode():
        full = model(images(2), images(2, seed=2))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = model(images(2), images(2, seed=2))
    assert half.prediction.dtype == half.driving_keypoints.dtype == half.dense.deformation.dtype == torch.float32
    torch.testing.assert_close(half.prediction, full.prediction, atol=0.05, rtol=0)
