"""Options that are one of a few words."""

from omegaconf import DictConfig

from models.errors import UserError


def check_choices(config: DictConfig, **choices: tuple[str, ...]) -> None:
    """Hold `config[key]` against the words it may be, for each key; true and false stand for on and off.

    Raises:
        UserError: another word.
    """
    for key, known in choices.items():
        if isinstance(config[key], bool):
            config[key] = "on" if config[key] else "off"
        if config[key] not in known:
            raise UserError(f"{key}={config[key]}: it is one of {', '.join(known)}")
