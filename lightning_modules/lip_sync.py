"""Training of a network that says whether lips and sound go together."""

import logging
from typing import Unpack

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from lightning_modules.stage import Batch, OptimizerFactory, Training
from lightning_modules.supervised import SupervisedModule
from lightning_modules.sync_pictures import distance_picture, mouth_picture
from losses.sync_contrast import sync_contrast, sync_contrast_by_chance
from metrics.in_sync import InSync, InSyncByChance
from models.recognition.lip_sync import mouth_distances
from models.recognition.sync_distance import shifted_distances

log = logging.getLogger(__name__)
NEAR_CHANCE = 0.97  # of what guessing costs
CHECKLIST = (
    "has the sound an offset against the pictures (av_offset_s in the shards)?",
    "is the video really 25 fps and the sound 16 kHz (python prepare.py task=describe output=SHARDS)?",
    "are there enough speakers, a hundred at least, and clips of some seconds?",
    "does the sound belong to the face that is seen: one speaker at a time, no dubbing, no music over it?",
    "is the learning rate right (module.optimizer.lr): ten times less, ten times more?",
)


class LipSyncExpert(SupervisedModule):
    """A lip-sync expert (SyncNet, Chung and Zisserman 2016; Wav2Lip, Prajwal et al. 2020) that sees landmarks.

    Batches are those of the view `PoseSequence` with `sound`. Arguments beside those of `SupervisedModule`:

        model: landmarks and sound -> embeddings of windows, as `models.recognition.lip_sync.LipSync`.
        temperature: of `sync_contrast`.
        patience: generator steps after which a loss that is still that of guessing is worth a warning.
    """

    def __init__(
        self,
        model: nn.Module,
        weights: dict[str, float],
        optimizer: OptimizerFactory,
        temperature: float = 0.1,
        patience: int = 1000,
        **training: Unpack[Training],
    ) -> None:
        super().__init__(model, weights, optimizer, **training)
        self.temperature, self.patience = temperature, patience
        self.warned = False
        metrics: dict[str, Metric] = {"in_sync": InSync(), "chance": InSyncByChance()}
        self.metrics = nn.ModuleDict(metrics)  # type: ignore[assignment]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """`contrast`."""
        lips, sound = self.model(batch["landmarks_points"].float(), batch["sound"])
        self.by_chance = sync_contrast_by_chance(lips.shape[1])
        return {"contrast": sync_contrast(lips.float(), sound.float(), self.temperature)}

    def finish_step(self, losses: dict[str, Tensor], norms: dict[str, Tensor]) -> None:
        """Say it once when nothing has been learned for long."""
        super().finish_step(losses, norms)
        latest = self.recent.get("contrast", 0.0)  # a run that goes on has none before its first entry
        stuck = latest > NEAR_CHANCE * self.by_chance
        if stuck and self.generator_steps >= self.patience and not self.warned:
            self.warned = True
            if self.trainer.is_global_zero:
                log.warning(
                    "after %d steps the loss is %.3f, and guessing costs %.3f. Usual causes:\n- %s",
                    self.generator_steps,
                    latest,
                    self.by_chance,
                    "\n- ".join(CHECKLIST),
                )

    def measure(self, batch: Batch) -> None:
        """Whether each window of the lips finds its own sound again, and what guessing would find."""
        lips, sound = self.model(batch["landmarks_points"].float(), batch["sound"])
        for metric in self.metrics.values():
            metric.update(lips, sound)

    def validated(self, values: dict[str, float]) -> dict[str, float]:
        """Also the share of errors, because the lowest is kept as best."""
        return {**values, "out_of_sync": 1 - values["in_sync"]}

    @torch.no_grad()
    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """The most open mouth with how open it is over time; distance over shift, with a mark at the right one."""
        points = batch["landmarks_points"].float()
        lips, sound = self.model(points, batch["sound"])
        mouths = [mouth_picture(face, gap) for face, gap in zip(points, mouth_distances(points)[..., 0])]
        curves = [distance_picture(shifted_distances(*pair).nanmean(dim=0)) for pair in zip(lips, sound)]
        return {"mouth": torch.stack(mouths), "distance": torch.stack(curves)}
