"""Shared fixtures; one thread per process, because two test processes share two cores and the networks are tiny."""

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real clips, sounds and portraits; tests that need it skip where it is not."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("FIGUREHEAD_TEST_DATA", default)) / "real"
    if not (folder / "metadata.csv").is_file():
        pytest.skip(f"no real data at {folder}; set FIGUREHEAD_TEST_DATA to a folder that holds real/metadata.csv")
    return folder


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as train.py writes it, of a tiny network for 64 px that nobody has trained."""
    from models.sadtalker.face_vid2vid import FaceVid2Vid

    sizes = {
        "num_keypoints": 5,
        "depth": 4,
        "detector_block_expansion": 8,
        "detector_max_features": 32,
        "detector_blocks": 2,
        "pose_block_expansion": 8,
        "pose_stage_blocks": [1, 1, 1, 1],
        "block_expansion": 8,
        "max_features": 32,
        "feature_channels": 4,
        "num_resblocks": 1,
        "motion_block_expansion": 8,
        "motion_max_features": 32,
        "motion_blocks": 2,
        "decoder_blocks": 1,
        "decoder_hidden": 8,
    }
    torch.manual_seed(0)
    network = FaceVid2Vid(**sizes)  # type: ignore[arg-type]
    path = tmp_path_factory.mktemp("checkpoints") / "tiny.ckpt"
    ours = {
        "version": 1,
        "stage": "sadtalker/face_vid2vid",
        "config": {"model": {"_target_": "models.sadtalker.face_vid2vid.FaceVid2Vid", **sizes}},
        "dataset": {"size": 64, "crop": "fomm"},
        "loggers": {},
        "generator_steps": 0,
        "batches": 0,
    }
    weights = {f"model.{key}": value for key, value in network.state_dict().items()}
    torch.save({"state_dict": weights, "figurehead": ours}, path)
    return path
