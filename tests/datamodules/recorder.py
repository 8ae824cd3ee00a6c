"""A module that trains nothing and remembers what it saw; `fit` runs it here, `ranks` on two processes."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor


class Recorder(LightningModule):
    def __init__(self, die: int | None = None) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.die = die
        self.trace: list[dict[str, Any]] = []
        self.checkpoint = Path()
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.dtypes: dict[str, torch.dtype] = {}
        self.ranges: dict[str, tuple[float, float]] = {}
        self.validated: list[int] = []

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        if len(self.trace) == self.die:
            os._exit(9)  # as a kill does: no clean-up, no farewell
        tensors = {name: value for name, value in batch.items() if isinstance(value, Tensor)}
        self.shapes = {name: tuple(value.shape) for name, value in tensors.items()}
        self.dtypes = {name: value.dtype for name, value in tensors.items()}
        self.ranges = {name: (float(value.min()), float(value.max())) for name, value in tensors.items()}
        pixels = round(float(batch["driving"].double().sum()), 4)
        self.trace.append({"index": batch_idx, "samples": batch["sample"].tolist(), "pixels": pixels})
        return self.layer(torch.ones(1, 1)).sum()

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        self.validated += batch["sample"].tolist()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        assert self.trainer.estimated_stepping_batches  # drops the state of loaders (Lightning #20550)
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(
    data: Any,
    folder: Path,
    epochs: int,
    stop: int | None = None,
    resume: Path | None = None,
    die: int | None = None,
    every: int = 1,
    **options: Any,
) -> tuple[Recorder, Trainer]:
    """Train for `epochs` or `stop` steps, with a checkpoint every `every` steps; `die` kills the process at a step."""
    recorder = Recorder(die)
    if stop is not None:
        options["max_steps"] = stop
    saving = ModelCheckpoint(folder, save_last=True, every_n_train_steps=every, save_top_k=1)
    trainer = Trainer(
        max_epochs=epochs, default_root_dir=folder, accelerator="cpu", logger=False, callbacks=[saving],
        enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False,
        num_sanity_val_steps=0, **options,
    )  # fmt: skip
    trainer.fit(recorder, datamodule=data, ckpt_path=resume, weights_only=True)
    recorder.checkpoint = folder / "last.ckpt"
    return recorder, trainer


def ranks(shards: Path, folder: Path, **options: Any) -> list[dict[str, Any]]:
    """Run `main` on two processes with gloo; what each saw. With `die` they see nothing more."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.datamodules.recorder", str(shards), str(folder), json.dumps(options)]
    world = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "test"}
    world |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    processes = []
    for rank in range(2):
        environment = {**os.environ, **world, "RANK": str(rank), "LOCAL_RANK": str(rank)}
        output = (folder / f"rank{rank}.log").open("w")
        processes.append(subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT))
    for rank, process in enumerate(processes):
        code = process.wait(timeout=240)
        assert (code != 0) == ("die" in options), (folder / f"rank{rank}.log").read_text()
    return [] if "die" in options else [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(2)]


def main(shards: str, folder: str, options: str) -> None:
    from datamodules.augment import Augment
    from datamodules.shard_data import ShardData
    from datamodules.views import FramePair

    torch.set_num_threads(1)
    chosen = json.loads(options)
    resume = Path(chosen.pop("resume")) if "resume" in chosen else None
    workers = chosen.pop("num_workers", 0)
    data = ShardData(shards, FramePair(pairs=2, window=8), batch_size=4, seed=3, augment=Augment(), num_workers=workers)
    recorder, trainer = fit(data, Path(folder), 2, resume=resume, strategy="ddp", devices=2, **chosen)
    seen = {"trace": recorder.trace, "validated": recorder.validated}
    (Path(folder) / f"rank{trainer.global_rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
