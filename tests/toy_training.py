"""Words for `train.py` that train a network of a few channels on made-up shards of 32 pixels in seconds."""

from pathlib import Path

MODEL = {
    "num_keypoints": 4,
    "depth": 2,
    "detector_block_expansion": 4,
    "detector_max_features": 8,
    "detector_blocks": 2,
    "detector_downscale": 2,
    "pose_block_expansion": 4,
    "pose_stage_blocks": "[1,1,1,1]",
    "block_expansion": 4,
    "max_features": 8,
    "num_down_blocks": 1,
    "feature_channels": 2,
    "num_resblocks": 1,
    "motion_block_expansion": 4,
    "motion_max_features": 8,
    "motion_blocks": 2,
    "motion_compress": 1,
    "decoder_blocks": 1,
    "decoder_hidden": 4,
}


def words(shards: Path, output: Path, **values: object) -> list[str]:
    """The command line; `values` are dotted keys with `__` for the dot."""
    chosen: dict[str, object] = {
        "experiment": "sadtalker/face_vid2vid",
        "preset": "cpu",
        "schedule": "multistep",  # cosine is a function of module.steps, which the tests change
        "module.generator_optimizer.lr": 2e-4,
        "trainer.precision": "32-true",
        "data.shards": shards,
        "output": output,
        "size": 32,
        "validate_every": 100,
        "data.batch_size": 4,
        "data.view.pairs": 2,
        "data.visits_per_segment": 1,
        "data.validation_split": "test",
        "data.train_time": "[0,1]",
        "data.validation_time": "[0,1]",
        "module.discriminator.block_expansion": 4,
        "module.discriminator.num_blocks": 2,
        "module.log_every": 1,
        **{f"model.{key}": value for key, value in MODEL.items()},
        **{key.replace("__", "."): value for key, value in values.items()},
    }
    return [f"{key}={value}" for key, value in chosen.items()]
