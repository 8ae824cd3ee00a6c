"""Loggers that need a decision."""

from pathlib import Path
from typing import TYPE_CHECKING

from models.wandb_key import goes_offline

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger


def wandb(
    save_dir: str,
    project: str = "figurehead",
    name: str | None = None,
    group: str | None = None,
    id: str | None = None,
    offline: bool | None = None,
) -> "WandbLogger":
    """Weights & Biases; without a key (WANDB_API_KEY or `wandb login`) the run stays on this machine.

    Args:
        save_dir: where the `wandb` folder goes.
        project: of the run.
        name: of the run; made up by W&B when None.
        group: of the run.
        id: of a run that is continued.
        offline: None means offline exactly when there is no key.

    Raises:
        UserError: the package is not installed, or `offline=false` without a key.
    """
    offline = goes_offline(offline, "logger.wandb.offline")
    from lightning.pytorch.loggers import WandbLogger

    Path(save_dir).mkdir(parents=True, exist_ok=True)
    return WandbLogger(
        project=project,
        name=name,
        group=group,
        id=id,
        save_dir=save_dir,
        offline=offline,
        resume="allow",
        mode="offline" if offline else "online",  # Lightning says it by WANDB_MODE, which W&B reads only once
    )
