"""Pictures and a short video of what the network can do, at validations."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from torch import Tensor

from lightning_modules.stage import StageModule
from models.images import to_frames, to_images

CHUNK = 8  # frames of the video at a time


class Samples(Callback):
    """At the first validation `every` or more generator steps after the last samples: a grid and a video.

    The grid has one row per example of the first validation batch and the columns of the module's `preview`. The video
    is the first frame of `clip` driven by all of them, in the same columns. Both show the weights that validation uses.

    Args:
        folder: where `step_00001000.png` and `.mp4` go.
        every: least number of generator steps between two.
        rows: examples in the grid.
        video: whether to make the video; a stage without a source and a driving makes none.
        clip: frames `(T, H, W, 3)` uint8 of one person; None makes no video.
        write_video: writes frames `(T, H, W, 3)` uint8 to a path.

    """

    def __init__(
        self,
        folder: Path,
        every: int = 1000,
        rows: int = 8,
        video: bool = True,
        clip: np.ndarray | None = None,
        write_video: Callable[[Path, np.ndarray], None] | None = None,
    ) -> None:
        self.folder, self.every, self.rows = folder, every, rows
        self.clip, self.write_video = (clip if video else None), write_video
        self._last: int | None = None

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Make them with the first batch, on rank 0."""
        module = cast(StageModule, pl_module)
        steps = module.generator_steps
        if trainer.sanity_checking or batch_idx or (self._last is not None and steps < self._last + self.every):
            return
        self._last = steps
        if trainer.is_global_zero:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._grid(module, batch, self.folder / f"step_{steps:08d}.png", trainer.loggers)
            self._video(module, self.folder / f"step_{steps:08d}.mp4", trainer.loggers)

    def _grid(self, module: StageModule, batch: dict[str, Any], path: Path, loggers: list[Logger]) -> None:
        from PIL import Image

        columns = module.preview({name: value[: self.rows] for name, value in batch.items()})
        picture = np.concatenate(list(side_by_side(columns)))
        Image.fromarray(picture).save(path)
        for logger in loggers:
            match logger:
                case WandbLogger():
                    logger.log_image("samples", [str(path)], step=module.generator_steps)
                case TensorBoardLogger():
                    logger.experiment.add_image("samples", picture, module.generator_steps, dataformats="HWC")

    def _video(self, module: StageModule, path: Path, loggers: list[Logger]) -> None:
        if self.clip is None or self.write_video is None:
            return
        driving = to_images(self.clip).to(module.device)
        parts = [
            side_by_side(module.preview({"source": driving[:1].expand(len(part), -1, -1, -1), "driving": part}))
            for part in torch.split(driving, CHUNK)
        ]
        self.write_video(path, np.concatenate(parts))
        for logger in loggers:
            if isinstance(logger, WandbLogger):
                logger.log_video("video", [str(path)], step=module.generator_steps)

    def state_dict(self) -> dict[str, Any]:
        """When the last ones were made."""
        return {"last": self._last}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the rhythm."""
        self._last = state_dict["last"]


def side_by_side(columns: dict[str, Tensor]) -> np.ndarray:
    """(B, H, columns * W, 3) uint8 of images (B, 3, H, W) in [-1, 1]."""
    return to_frames(torch.cat([image.float().cpu() for image in columns.values()], dim=3))
