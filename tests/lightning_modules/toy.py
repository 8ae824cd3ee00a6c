"""A stage of a few numbers, with everything the shared helper asks for."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lightning_modules.adversarial import AdversarialModule, Game
from lightning_modules.stage import StageModule
from losses.adversarial import Hinge
from metrics.l1 import L1
from models.sadtalker.discriminator import Judgement

SIDE = 16


class Judge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.score = nn.Conv2d(4, 1, 1)

    def forward(self, image: Tensor) -> list[Judgement]:
        feature = self.conv(image).relu()
        return [Judgement([feature], self.score(feature))]


class Painter(nn.Module):
    """A convolution, a batch norm, and a number that never gets a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.unused = nn.Parameter(torch.ones(1))

    def forward(self, image: Tensor) -> Tensor:
        return torch.tanh(self.norm(self.conv(image)))


class Toy(AdversarialModule):
    model: Painter
    discriminator: Judge

    def __init__(self, **options: Any) -> None:
        torch.manual_seed(0)
        chosen: dict[str, Any] = {
            "weights": {"l1": 1.0, "adversarial": 0.1},
            "generator_optimizer": lambda parameters: torch.optim.SGD(parameters, 0.1),
            "discriminator_optimizer": lambda parameters: torch.optim.SGD(parameters, 0.1),
            "steps": 3,
            "log_every": 1,
            **options,
        }
        super().__init__(Painter(), Judge(), Hinge(), **chosen)
        self.metrics = nn.ModuleDict({"l1": L1()})  # type: ignore[assignment]
        self.seen: list[int] = []

    def play(self, batch: dict[str, Any]) -> Game:
        self.seen += batch["number"].tolist()
        prediction = self.model(batch["source"])
        losses = {
            "l1": (prediction - batch["driving"]).abs().mean(),
            "adversarial": self.adversarial.generator([judged.score for judged in self.discriminator(prediction)]),
        }
        return Game(losses, real=batch["driving"], fake=prediction)

    def measure(self, batch: dict[str, Any]) -> None:
        self.metrics["l1"].update(self.model(batch["source"]), batch["driving"])

    @torch.no_grad()
    def preview(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        return {"source": batch["source"], "prediction": self.model(batch["source"])}


def loader(batch_size: int = 4, count: int = 16) -> DataLoader[Any]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 2, 3, SIDE, SIDE, generator=generator) * 2 - 1
    examples: Any = [{"source": s, "driving": d, "number": i} for i, (s, d) in enumerate(images)]
    return DataLoader(examples, batch_size=batch_size)


def fit(
    module: StageModule, *callbacks: Callback, batch_size: int = 4, start: Path | None = None, **options: Any
) -> Trainer:
    chosen: dict[str, Any] = {
        "accelerator": "cpu",
        "max_epochs": -1,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "num_sanity_val_steps": 0,
        "val_check_interval": 1000,
        "check_val_every_n_epoch": None,
        **options,
    }
    if any(hasattr(callback, "folder") and hasattr(callback, "monitor") for callback in callbacks):
        chosen["enable_checkpointing"] = True
    trainer = Trainer(callbacks=list(callbacks), **chosen)
    trainer.fit(module, loader(batch_size), loader(batch_size), ckpt_path=start, weights_only=True)
    return trainer


def output(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())
