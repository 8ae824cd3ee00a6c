"""The progress bar, in generator steps."""

import time
from typing import Any, cast

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from lightning_modules.stage import StageModule


class GeneratorProgress(Callback):
    """Steps done and left, steps per second, the latest losses; where there is no terminal, a line now and then.

    Args:
        shown: names of the losses to show.
        seconds: between two lines when the output is not a terminal.

    """

    def __init__(self, shown: list[str] | None = None, seconds: float = 60.0) -> None:
        self.shown = ["total", "perceptual"] if shown is None else shown
        self.seconds = seconds
        self.validation = ""
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._console = Console(stderr=True)
        self._start = self._printed = (0.0, 0)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar on rank 0."""
        module = cast(StageModule, pl_module)
        self._start = self._printed = (time.monotonic(), module.generator_steps)
        if trainer.is_global_zero and self._console.is_terminal:
            columns = (TextColumn("steps"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[words]}"), console=self._console)
            self._task = self._bar.add_task("", total=module.steps, completed=module.generator_steps, words="")
            self._bar.start()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Move the bar."""
        module = cast(StageModule, pl_module)
        if not trainer.is_global_zero:
            return
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=module.generator_steps, words=self._words(module))
        elif time.monotonic() - self._printed[0] > self.seconds:
            self._printed = (time.monotonic(), module.generator_steps)
            self._line(module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember the numbers; print them where there is no bar."""
        if trainer.sanity_checking:
            return
        values = {name: float(v) for name, v in trainer.callback_metrics.items() if name.startswith("validation/")}
        self.validation = " ".join(f"{name.removeprefix('validation/')} {value:.4f}" for name, value in values.items())
        if trainer.is_global_zero and self._bar is None:
            self._line(cast(StageModule, pl_module))

    def _words(self, module: StageModule) -> str:
        begun, first = self._start
        rate = (module.generator_steps - first) / max(time.monotonic() - begun, 1e-9)
        losses = " ".join(f"{name} {module.recent[name]:.3f}" for name in self.shown if name in module.recent)
        return f"{rate:.2f}/s {losses}" + (f" | {self.validation}" if self.validation else "")

    def _line(self, module: StageModule) -> None:
        words = f"step {module.generator_steps}/{module.steps} {self._words(module)}"
        self._console.print(words, soft_wrap=True, highlight=False, markup=False)

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the bar."""
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the terminal back."""
        self._stop()
