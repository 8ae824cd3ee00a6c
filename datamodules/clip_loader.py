"""The loader contract: an order that is a function of (seed, epoch), fixed before ranks and workers share it out.

One *visit* opens one segment and gives K examples. An epoch visits every segment `rounds` times. A batch of all ranks
together is a run of the epoch's order and each rank takes its slice of it: with another number of processes the same
examples are in the same global batch. Workers hold no state: a visit (epoch, number) says all they need.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from datamodules.clip_shards import ClipShards
from datamodules.views import Example, View
from models.errors import UserError

Visit = tuple[int, int]
NOISE = 8  # uniform numbers per example for the augmentation
Batch = dict[str, Any]


class Visits(Dataset[Batch]):
    """Examples by visit (epoch, number): segment `number % len(clips)`, all randomness f(seed, epoch, number).

    Each example also carries `sample` (K,), the visit's number, and with `noise` the numbers (K, 8) in [0, 1) that
    steer its augmentation.
    """

    def __init__(self, clips: ClipShards, view: View, seed: int, noise: bool) -> None:
        self.clips, self.view, self.seed, self.noise = clips, view, seed, noise

    def __getitem__(self, visit: Visit) -> Example:
        epoch, number = visit
        rng = np.random.default_rng([self.seed, epoch, number])
        example = self.view(self.clips, number % len(self.clips), rng)
        example["sample"] = np.full(self.view.examples, number, np.int64)
        if self.noise:
            example["noise"] = rng.random((self.view.examples, NOISE), np.float32)
        return example


def collate(examples: list[Example]) -> Batch:
    """Join the examples of several visits along their leading dimension."""
    joined: Batch = {}
    for name, first in examples[0].items():
        parts = [example[name] for example in examples]
        if isinstance(first, list):
            joined[name] = [text for part in parts for text in part]
        else:
            joined[name] = torch.from_numpy(np.concatenate(parts) if len(parts) > 1 else np.ascontiguousarray(first))
    return joined


class Plan(Protocol):
    """Which visits a rank makes, batch by batch; `len` is the number of batches, the same on every rank."""

    def __len__(self) -> int: ...

    def epoch(self, epoch: int) -> list[list[Visit]]:
        """The visits of each batch of this rank."""
        ...


@dataclass(frozen=True)
class TrainPlan:
    """A new order in every epoch, equal batches, the remainder dropped.

    Attributes:
        segments: number of segments.
        rounds: visits of each segment in an epoch; a round is complete before the next begins.
        visits: visits of one batch over all ranks.
        seed: of the order.
        rank: this process of `world`, which divides `visits`.
        world: number of processes.
    """

    segments: int
    rounds: int
    visits: int
    seed: int
    rank: int = 0
    world: int = 1

    def __len__(self) -> int:
        return self.segments * self.rounds // self.visits

    def epoch(self, epoch: int) -> list[list[Visit]]:
        """See `Plan`."""
        rng = np.random.default_rng([self.seed, epoch])
        order = [turn * self.segments + rng.permutation(self.segments) for turn in range(self.rounds)]
        batches = np.concatenate(order)[: len(self) * self.visits].reshape(len(self), self.world, -1)
        return [[(epoch, number) for number in batch] for batch in batches[:, self.rank].tolist()]


@dataclass(frozen=True)
class ValidationPlan:
    """Each segment once over all ranks, in a fixed order, nothing padded or dropped.

    Every rank has the same number of batches, because a rank that runs out of batches leaves the others waiting;
    batches differ in size instead. Needs at least as many segments as ranks.
    """

    segments: int
    visits: int
    rank: int = 0
    world: int = 1

    def __len__(self) -> int:
        largest = -(-self.segments // self.world)
        per_batch = max(self.visits // self.world, 1)
        return min(-(-largest // per_batch), self.segments // self.world)

    def epoch(self, epoch: int) -> list[list[Visit]]:
        """See `Plan`; the same examples in every epoch."""
        batches = np.array_split(np.arange(self.segments)[self.rank :: self.world], len(self))
        return [[(0, number) for number in batch.tolist()] for batch in batches]


class ClipLoader:
    """Batches of a plan with an exact position.

    The position counts batches that were handed out; Lightning does not fetch ahead from a loader with a length, so
    these are the batches it consumed. Iterating starts the next epoch once a batch of the present one was handed out,
    else it starts at the position (Lightning asks twice for an iterator after some resumes).

    Args:
        visits: makes the examples.
        plan: which visits.
        num_workers: processes that decode; the batches do not depend on it.
        pin_memory: whether batches are copied to page-locked memory.
        limit: batches of an epoch when the trainer stops it early.
        keep_workers: whether the processes outlive an epoch.
    """

    def __init__(
        self,
        visits: Visits,
        plan: Plan,
        num_workers: int = 0,
        pin_memory: bool = False,
        limit: int | None = None,
        keep_workers: bool = True,
    ) -> None:
        self.plan, self.visits = plan, visits
        self.position = (0, 0)
        self._moved = False
        self._limit = len(plan) if limit is None else min(limit, len(plan))
        self._queue: list[list[Visit]] = []
        self._loader = DataLoader(
            visits,
            batch_sampler=self._queue,
            num_workers=num_workers,
            collate_fn=collate,
            pin_memory=pin_memory,
            persistent_workers=keep_workers and num_workers > 0,
            generator=torch.Generator(),  # its own: the global one then does not depend on loading
        )

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[Batch]:
        epoch, done = self.position
        if self._moved or done >= self._limit:
            self.position = epoch, done = epoch + 1, 0
        self._moved = False
        self._queue[:] = self.plan.epoch(epoch)[done:]
        return self._count(iter(self._loader), epoch, done)

    def _count(self, batches: Iterator[Batch], epoch: int, done: int) -> Iterator[Batch]:
        try:
            for number, batch in enumerate(batches, start=done + 1):
                self.position, self._moved = (epoch, number), True
                yield batch
        except UserError as error:  # a worker's arrives wrapped in its traceback
            raise UserError(str(error).strip().rpartition("UserError: ")[2]) from error

    def state_dict(self) -> dict[str, int]:
        """The position: batches of `epoch` that were handed out."""
        return {"epoch": self.position[0], "batches": self.position[1]}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue after the batches of the state; takes effect at the next `iter`."""
        self.position, self._moved = (state["epoch"], state["batches"]), False
