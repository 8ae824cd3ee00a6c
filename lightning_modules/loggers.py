"""Loggers that need a decision."""

import os
from importlib.util import find_spec
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import MissingPackage, UserError

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
    if find_spec("wandb") is None:
        raise MissingPackage("wandb", "pip install -e '.[wandb]'")
    from lightning.pytorch.loggers import WandbLogger

    if offline is None:
        offline = not has_key()
    if not offline and not has_key():
        raise UserError("logger.wandb.offline=false needs a key: set WANDB_API_KEY, or leave offline out")
    Path(save_dir).mkdir(parents=True, exist_ok=True)
    return WandbLogger(
        project=project, name=name, group=group, id=id, save_dir=save_dir, offline=offline, resume="allow"
    )


def has_key() -> bool:
    """Whether W&B knows who the user is: WANDB_API_KEY, or what `wandb login` wrote."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return any("wandb" in host for host in netrc().hosts)
    except (FileNotFoundError, NetrcParseError):
        return False
