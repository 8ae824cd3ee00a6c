"""`ShardData`: batches of a view over shards, for Lightning."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor

from datamodules.clip_loader import ClipLoader, TrainPlan, ValidationPlan, Visits
from datamodules.clip_shards import ClipShards
from datamodules.views import View
from models.errors import UserError

log = logging.getLogger(__name__)


class ShardData(LightningDataModule):
    """Training and validation batches from shards, resumable in mid-epoch to the sample.

    Batches: images float (B, ..., 3, H, W) in [-1, 1], the view's other arrays as tensors, `key` a list of B strings,
    `sample` (B,) the number of the visit that each example comes from. Set `Trainer(use_distributed_sampler=False)`:
    the loaders share out the data themselves.

    A checkpoint holds the position and what the order depends on. Another number of processes continues with the same
    global batches; another data set, batch size, view, seed or `visits_per_segment` cannot be continued and is refused.

    Args:
        shards: a folder that `prepare.py` wrote, an http(s) address, or a `pipe:` command with `{}` for the file.
        view: what an example is.
        batch_size: examples of one optimiser step over all processes together.
        num_workers: decoding processes of each training process. Batches do not depend on it.
        seed: of the order, the windows and the augmentation.
        split: the split to train on.
        validation_split: the split to validate on; None for no validation.
        train_time: part of every training segment that is used, as fractions of its length.
        validation_time: the same for validation. With `validation_split=train`, (0, 0.8) here and (0.8, 1) there hold
            out time of the same people.
        validation_view: what a validation example is; default: `view`.
        visits_per_segment: how often an epoch visits each segment, each time in another window. Raise it when there
            are few segments.
        accumulation: batches whose gradients are summed for one optimiser step; a batch holds
            `batch_size / accumulation` examples.
        augment: applied to training batches on their device: (batch, its `noise` (B, 8) in [0, 1)) -> batch.
        cache: where remote shards are kept; default `~/.cache/figurehead/shards`.
    """

    def __init__(
        self,
        shards: str,
        view: View,
        batch_size: int,
        num_workers: int = 0,
        seed: int = 0,
        split: str = "train",
        validation_split: str | None = "test",
        train_time: Sequence[float] = (0.0, 1.0),
        validation_time: Sequence[float] = (0.0, 1.0),
        validation_view: View | None = None,
        visits_per_segment: int = 1,
        accumulation: int = 1,
        augment: Callable[[dict[str, Any], Tensor], dict[str, Any]] | None = None,
        cache: str | None = None,
    ) -> None:
        super().__init__()
        if min(batch_size, visits_per_segment, accumulation) < 1 or num_workers < 0 or seed < 0:
            raise UserError("batch_size, visits_per_segment and accumulation start at 1, num_workers and seed at 0")
        self.shards, self.cache = shards, cache
        self.view, self.validation_view = view, validation_view or view
        self.batch_size, self.accumulation = batch_size, accumulation
        self.num_workers, self.seed = num_workers, seed
        self.split, self.validation_split = split, validation_split
        self.train_time, self.validation_time = train_time, validation_time
        self.visits_per_segment, self.augment = visits_per_segment, augment
        self._train: tuple[Visits, TrainPlan] | None = None
        self._validation: tuple[Visits, ValidationPlan] | None = None
        self._loader: ClipLoader | None = None
        self._resume: dict[str, Any] | None = None

    @property
    def _ranks(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def setup(self, stage: str = "fit") -> None:
        """Read the indices and plan the epochs; every UserError about the data comes from here."""
        rank, world = self._ranks
        if stage == "fit" and self._train is None:
            clips = _usable(ClipShards(self.shards, self.split, self.train_time, self.cache), self.view)
            visits = self._visits(self.view, world)
            plan = TrainPlan(len(clips), self.visits_per_segment, visits, self.seed, rank, world)
            if not len(plan):
                raise UserError(
                    f"{len(clips)} segments x visits_per_segment={self.visits_per_segment} do not fill one batch of "
                    f"{visits} visits; set visits_per_segment={-(-visits // len(clips))} or lower batch_size"
                )
            self._train = Visits(clips, self.view, self.seed, noise=self.augment is not None), plan
        if self.validation_split is not None and self._validation is None:
            clips = ClipShards(self.shards, self.validation_split, self.validation_time, self.cache)
            clips = _usable(clips, self.validation_view)
            if len(clips) < world:
                raise UserError(f"{len(clips)} validation segments for {world} processes; validate on more of them")
            visits = max(self.batch_size // (self.accumulation * self.validation_view.examples), 1)
            examples = Visits(clips, self.validation_view, self.seed, noise=False)
            self._validation = examples, ValidationPlan(len(clips), visits, rank, world)
        self._agree()
        if rank == 0:
            log.info(self.describe())

    def _visits(self, view: View, world: int) -> int:
        """Visits of one batch over all processes."""
        step = view.examples * self.accumulation * world
        if self.batch_size % step:
            below = self.batch_size // step * step
            raise UserError(
                f"batch_size={self.batch_size} is not a multiple of {step} = {view.examples} examples per visit x "
                f"accumulation {self.accumulation} x {world} processes; take {below or step} or {below + step}"
            )
        return self.batch_size // (view.examples * self.accumulation)

    def _agree(self) -> None:
        """Stop when processes read different data: they would wait for each other for ever."""
        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            return
        mine = self._identity() if self._train else {}
        everyone: list[Any] = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(everyone, mine)
        other = next((rank for rank, theirs in enumerate(everyone) if theirs != everyone[0]), None)
        if other is not None:
            raise UserError(
                f"process 0 reads {everyone[0]}, process {other} {everyone[other]}; give both the same data"
            )

    def describe(self) -> str:
        """One line: segments, batches, share of each process."""
        lines = []
        if self._train:
            visits, plan = self._train
            examples = plan.visits // plan.world * self.view.examples
            lines.append(
                f"train '{self.split}': {len(visits.clips)} segments x {plan.rounds} visits, {len(plan)} batches of "
                f"{examples} examples on each of {plan.world} processes, data {visits.clips.fingerprint}"
            )
        if self._validation:
            clips = self._validation[0].clips
            lines.append(f"validation '{self.validation_split}': {len(clips)} segments, data {clips.fingerprint}")
        return "; ".join(lines)

    def check_latents(self, generator: str, name: str = "the one that is trained with") -> None:
        """Raise `UserError` unless all latents that the views give are of this generator (after `setup`).

        Args:
            generator: its identity, `models.stylegan.pretrained.generator_id`.
            name: of it, for the message.
        """
        for visits, _ in filter(None, (self._train, self._validation)):
            wanted = getattr(visits.view, "latents", None)
            if wanted is not None:
                visits.clips.latents(wanted).facts.check_generator(generator, name)

    def train_dataloader(self) -> ClipLoader:
        """Batches of the training split from the resumed position on."""
        if self._train is None:
            self.setup("fit")
        assert self._train is not None
        visits, plan = self._train
        self._loader = ClipLoader(visits, plan, self.num_workers, torch.cuda.is_available(), self._limit(len(plan)))
        if self._resume is not None:
            self._check_resume(self._resume)
            self._loader.load_state_dict(self._resume["position"])
            self._resume = None
        return self._loader

    def _limit(self, batches: int) -> int:
        """Batches of an epoch that the trainer takes."""
        limit = self.trainer.limit_train_batches if self.trainer else 1.0
        return min(int(limit), batches) if isinstance(limit, int) else int(batches * (1.0 if limit is None else limit))

    def val_dataloader(self) -> ClipLoader | list[Any]:
        """Each validation segment once over all processes; no loader without a validation split."""
        if self.validation_split is None:
            return []
        if self._validation is None:
            self.setup("validate")
        assert self._validation is not None
        return ClipLoader(*self._validation, self.num_workers, torch.cuda.is_available(), keep_workers=False)

    def test_dataloader(self) -> ClipLoader | list[Any]:
        """The same as for validation."""
        return self.val_dataloader()

    def on_after_batch_transfer(self, batch: dict[str, Any], dataloader_idx: int = 0) -> dict[str, Any]:
        """Bytes to floats in [-1, 1], channels first; then the augmentation of training batches."""
        ready = {name: _floats(value) for name, value in batch.items() if name != "noise"}
        if self.augment is not None and "noise" in batch:
            ready = self.augment(ready, batch["noise"])
        return ready

    def _identity(self) -> dict[str, Any]:
        """What the order of the training batches depends on."""
        assert self._train is not None
        visits, plan = self._train
        return {
            "data": visits.clips.fingerprint,
            "segments": plan.segments,
            "batch_size": self.batch_size,
            "accumulation": self.accumulation,
            "examples_per_visit": self.view.examples,
            "visits_per_segment": self.visits_per_segment,
            "seed": self.seed,
        }

    def state_dict(self) -> dict[str, Any]:
        """Position in consumed batches, and what the order depends on; plain types."""
        if self._loader is None or self._train is None:
            return {}
        return {"position": self._loader.state_dict(), "world_size": self._ranks[1], **self._identity()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take effect when the training loader is built."""
        self._resume = dict(state_dict) or None

    def _check_resume(self, state: dict[str, Any]) -> None:
        changed = [
            f"{name} {state.get(name)} -> {now}" for name, now in self._identity().items() if state.get(name) != now
        ]
        if changed:
            raise UserError(
                f"the checkpoint cannot be continued with other data: {', '.join(changed)}; start a new run"
            )
        if state["world_size"] != self._ranks[1]:
            log.info("%d processes instead of %d: the same global batches", self._ranks[1], state["world_size"])


def _usable(clips: ClipShards, view: View) -> ClipShards:
    """The segments that the view can use; UserError when there is none."""
    mask = view.usable(clips)
    if not mask.any():
        have = f"none of the {len(clips)} segments of split '{clips.split}'"
        raise UserError(f"{have} has what {type(view).__name__} needs: {view.needs}")
    if not mask.all():
        log.info("%d of %d segments of split '%s' left out: %s needs %s",
                 (~mask).sum(), len(mask), clips.split, type(view).__name__, view.needs)  # fmt: skip
        clips = clips.where(mask)
    return clips


def _floats(value: Any) -> Any:
    """uint8 images (..., H, W, 3) as float (..., 3, H, W) in [-1, 1]; other values as they are."""
    if isinstance(value, Tensor) and value.dtype == torch.uint8:
        return value.movedim(-1, -3).contiguous().float().div_(127.5).sub_(1)
    return value
