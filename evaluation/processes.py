"""Evaluation on several processes: start it with torchrun, and each sample is scored exactly once."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch.distributed as dist

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """Which of how many processes this is."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> list[T]:
        """Items of this process: every `world`-th, nothing twice, nothing padded, so counts may differ."""
        return list(items[self.rank :: self.world])

    def gathered(self, value: T) -> list[T]:
        """The values of all processes, in the order of their ranks."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value)
        return values


@contextmanager
def processes() -> Iterator[Processes]:
    """Join the processes that torchrun's environment tells of; alone without one.

    They talk over gloo: only sums and small objects are exchanged, and these live on the CPU on every machine.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Processes()
        return
    dist.init_process_group("gloo", timeout=timedelta(hours=12))  # a rank may wait long for the slowest
    try:
        yield Processes(dist.get_rank(), world)
    finally:
        dist.destroy_process_group()
