"""What `logger=wandb` means for the commands that write result rows: the same node as for training, used for rows."""

from typing import Any

from omegaconf import DictConfig

from models.errors import UserError
from models.wandb_key import goes_offline


def wandb_settings(logger: DictConfig | None) -> dict[str, Any] | None:
    """The arguments of `evaluation.wandb_log.log_rows` from a composed `configs/logger` node; None without a logger.

    Raises:
        UserError: another logger than wandb, the package is not installed, or `offline=false` without a key.
    """
    if logger is None:
        return None
    node = logger.get("wandb")
    if node is None:
        raise UserError("logger: rows can be logged by logger=wandb alone; as JSON and CSV they are always written")
    goes_offline(node.offline, "logger.wandb.offline")
    return {key: node[key] for key in ("project", "name", "group", "offline")}
