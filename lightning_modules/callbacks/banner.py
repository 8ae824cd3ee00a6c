"""What starts here, before the first step."""

import socket
from typing import Any, cast

import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console

from lightning_modules.stage import StageModule


class Banner(Callback):
    """Prints on rank 0: what is trained, how far, in which precision, every process with its node and data share."""

    def __init__(self, title: str) -> None:
        self.title = title

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The loaders are known by now."""
        module = cast(StageModule, pl_module)
        ours = (
            f"rank {trainer.global_rank} of {trainer.world_size} on {socket.gethostname()} ({module.device}): "
            f"{trainer.num_training_batches} batches per epoch"
        )
        lines = [ours]
        if dist.is_available() and dist.is_initialized():
            everyone: list[Any] = [None] * trainer.world_size
            dist.all_gather_object(everyone, ours)
            lines = everyone
        if not trainer.is_global_zero:
            return
        console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        console.print(f"{self.title}: generator steps {module.generator_steps} to {module.steps}")
        for name, network in module.networks().items():
            console.print(f"  {name}: {sum(p.numel() for p in network.parameters()) / 1e6:.2f} M parameters")
        strategy = type(trainer.strategy).__name__
        console.print(f"  precision {trainer.precision}, {strategy}, {trainer.num_nodes} node(s)")
        describe = getattr(trainer, "datamodule", None)
        if describe is not None:
            console.print(f"  data: {describe.describe()}")
        for line in lines:
            console.print(f"  {line}")
