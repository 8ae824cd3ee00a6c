"""Train one stage of a method on shards. `python train.py --help` lists the options."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from configs.command import command
from configs.schema import Train
from models.aside import check_folder
from models.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from lightning.pytorch import Callback

    from lightning_modules.checkpoints import Checkpoint

CLIP_FRAMES = 75


@command("train", Train)
def main(config: DictConfig) -> None:
    """Train one stage of a method on shards.

    The run's folder gets checkpoints (last, best, every n), sample pictures, a short video and logs. All steps are
    generator steps. `preset=cpu` trains a small network in minutes. Choices of their own:
    perceptual=vgg19|lpips|msssim, head_pose=hopenet|landmarks, schedule=multistep|cosine, ada=none|default,
    generator=embedded|embedded3|stylegan2_ffhq|stylegan3_ffhq.
    """
    from lightning.pytorch import seed_everything

    from configs.instantiate import build
    from lightning_modules.launch import check_launch

    devices = config.trainer.devices
    check_launch(devices if isinstance(devices, int) else -1, config.trainer.num_nodes, is_multirun())
    output = Path(config.output)
    check_folder(output)
    stored = stored_run(output, config)
    if stored is not None and stored.generator_steps >= config.module.steps:
        print(f"{output} already has {stored.generator_steps} generator steps; raise module.steps to train on")
        return

    logging.getLogger("lightning").setLevel(logging.WARNING)  # the banner says what matters
    seed_everything(config.seed, verbose=False)
    data = build(config.data)
    callbacks = make_callbacks(config, output)
    module = build(config.module)
    trainer = build(
        config.trainer,
        callbacks=callbacks,
        logger=[build_logger(node, stored) for node in config.logger.values()],
        default_root_dir=str(output),
        val_check_interval=config.validate_every * config.module.accumulation,  # in batches, over epochs
        check_val_every_n_epoch=None,
    )
    trainer.fit(module, datamodule=data, ckpt_path=None if stored is None else last(output), weights_only=True)
    if trainer.is_global_zero:
        print(f"wrote {last(output)}: {module.generator_steps} generator steps")


def is_multirun() -> bool:
    """Whether this is one job of `--multirun`."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def last(output: Path) -> Path:
    """The checkpoint that a run is continued from."""
    return output / "checkpoints" / "last.ckpt"


def stored_run(output: Path, config: DictConfig) -> Checkpoint | None:
    """The run that is to be continued, None for a new one.

    Raises:
        UserError: the folder holds a run and `resume` is off, or a run of another stage.
    """
    from lightning_modules.checkpoints import read_checkpoint

    if not last(output).exists():
        return None
    if not config.resume:
        raise UserError(f"output={output} already holds a run; continue it with resume=true, or take another folder")
    stored = read_checkpoint(last(output))
    if stored.stage != config.stage:
        raise UserError(f"output={output} holds a run of {stored.stage}, not {config.stage}; take another folder")
    return stored


def build_logger(node: DictConfig, stored: Checkpoint | None) -> Any:
    """A logger; where runs have an id, the one that is continued."""
    from configs.instantiate import build

    known = "WandbLogger" if stored is not None and "id" in node and node.id is None else None
    return build(node, **({"id": stored.loggers[known]} if stored and known in stored.loggers else {}))


def make_callbacks(config: DictConfig, output: Path) -> list[Callback]:
    """Those of the config with what no YAML can hold, the banner and the progress bar."""
    from configs.instantiate import build
    from configs.method import shard_facts
    from datamodules.clip_shards import ClipShards
    from lightning_modules.callbacks.banner import Banner
    from lightning_modules.callbacks.progress import GeneratorProgress

    data = config.data
    split, time = (data.validation_split, data.validation_time) if data.validation_split else ("train", (0.0, 1.0))
    clip = ClipShards(data.shards, split, list(time), data.get("cache"))[0]
    size = data.view.get("size") or clip.clips.dataset.size
    frames = clip.frames(range(clip.first, min(clip.last, clip.first + CLIP_FRAMES)), size)
    kind = (clip.info.get("crop") or {}).get("kind")
    facts = {"size": size, "crop": shard_facts(data.shards).get("crop", kind)}  # with its margin, where that is known
    plain = OmegaConf.to_container(config, resolve=True)
    nodes = config.callbacks
    return [
        build(nodes.average),
        build(nodes.samples)(folder=output / "samples", clip=frames, write_video=write_video),
        build(nodes.saving)(folder=output / "checkpoints", stage=config.stage, config=plain, dataset=facts),
        Banner(f"{config.stage}, preset {config.preset}, into {output}"),
        GeneratorProgress(),
    ]


def write_video(path: Path, frames: np.ndarray) -> None:
    """Frames (T, H, W, 3) uint8 as an mp4."""
    from datamodules.video import VideoWriter

    with VideoWriter(path, (frames.shape[2], frames.shape[1])) as video:
        for frame in frames:
            video.write(frame)


if __name__ == "__main__":
    main()
