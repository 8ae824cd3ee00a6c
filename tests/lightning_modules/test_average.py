"""The average against its recursion, where it is used, and that both sets of weights come back."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from torch import nn

from lightning_modules.callbacks.average import Average
from lightning_modules.callbacks.saving import Saving
from models.errors import UserError
from tests.lightning_modules.toy import Painter, Toy, fit


class Watch(Callback):
    """Keeps the weights after each step, and those that validation used."""

    def __init__(self) -> None:
        self.weights: list[Painter] = []
        self.validated: list[Painter] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.weights.append(deepcopy(pl_module.model))

    def on_validation_batch_start(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.validated.append(deepcopy(pl_module.model))


def equal(left: nn.Module, right: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(left.state_dict().values(), right.state_dict().values(), strict=True))


def test_recursion_with_accumulation() -> None:
    start, watch, average = deepcopy(Toy().model.conv.weight), Watch(), Average(decay=0.5)
    fit(Toy(steps=3, accumulation=2), average, watch)
    expected = start.detach()
    for step, model in enumerate(watch.weights[1::2], 1):
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.conv.weight.detach()
    assert average.model is not None
    assert torch.allclose(average.model.state_dict()["conv.weight"], expected)
    assert not any(parameter.requires_grad for parameter in average.model.parameters())


def test_validation_uses_the_average_and_training_goes_on_with_the_weights() -> None:
    module, watch, average = Toy(steps=2), Watch(), Average(decay=0.5)
    fit(module, average, watch, val_check_interval=2)
    assert average.model is not None
    assert all(equal(seen, average.model) for seen in watch.validated)
    assert not equal(watch.validated[0], watch.weights[-1])
    assert equal(module.model, watch.weights[-1])


def test_sanity_check_uses_the_weights() -> None:
    watch, average = Watch(), Average()
    fit(Toy(steps=1), average, watch, num_sanity_val_steps=1)
    assert equal(watch.validated[0], Toy().model)


def test_both_sets_come_back(tmp_path: Path) -> None:
    first = Average(decay=0.5)
    module = Toy(steps=3)
    fit(module, first, Saving(tmp_path, "toy", {}, {}))
    stored = torch.load(tmp_path / "last.ckpt", weights_only=True)
    restored = Average(decay=0.5)
    again = Toy(steps=3)
    restored.setup(None, again, "fit")  # type: ignore[arg-type]
    again.load_state_dict(stored["state_dict"])
    restored.on_load_checkpoint(None, again, stored)  # type: ignore[arg-type]
    assert equal(again.model, module.model)
    assert restored.model is not None
    assert first.model is not None
    assert equal(restored.model, first.model)
    assert not equal(restored.model, again.model)


def test_decay_must_be_a_fraction() -> None:
    with pytest.raises(UserError, match="decay"):
        Average(1.0)
