"""Whether Weights & Biases can be reached as somebody: shared by all that logs to it."""

import os
from importlib.util import find_spec
from netrc import NetrcParseError, netrc

from models.errors import MissingPackage, UserError


def goes_offline(offline: bool | None, key: str) -> bool:
    """Whether a run stays on this machine: as `offline` says, or for None exactly when there is no key.

    Args:
        offline: what the user asked for.
        key: the config key that asked, for the message.

    Raises:
        UserError: the package is not installed, or `offline` is False and there is no key.

    """
    if find_spec("wandb") is None:
        raise MissingPackage("wandb", "pip install -e '.[wandb]'")
    if offline is None:
        return not has_key()
    if not offline and not has_key():
        raise UserError(f"{key}=false needs a key: set WANDB_API_KEY, or leave offline out")
    return offline


def has_key() -> bool:
    """Whether W&B knows who the user is: WANDB_API_KEY, or what `wandb login` wrote."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return any("wandb" in host for host in netrc().hosts)
    except (FileNotFoundError, NetrcParseError):
        return False
