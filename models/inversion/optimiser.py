"""What inverters by gradient descent share: their arguments are their settings, written down once."""

from dataclasses import fields
from typing import Any, ClassVar, Protocol

from models.errors import UserError
from models.inversion.inversion import Inverter
from models.inversion.objective import Objective

MORE_THAN_CODES = ("hfgi", "optimise_features", "pti")  # methods whose result is a feature or a tuned generator too


class Optimiser(Inverter, Protocol):
    """An `Inverter` that is a dataclass: its fields are the arguments."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    objective: Objective


def settings_of(inverter: Optimiser, method: str, start: Inverter | None) -> dict[str, Any]:
    """`Inverter.settings`: the arguments as plain values.

    Args:
        inverter: whose.
        method: what it is called.
        start: whose codes it goes on from; None: from W's mean.

    """
    arguments = {argument.name: getattr(inverter, argument.name) for argument in fields(inverter)}
    del arguments["generator"]
    first = "mean of W" if start is None else start.settings
    return {"method": method, **arguments, "objective": inverter.objective.settings, "start": first}


def check_start(method: str, start: Inverter, lost: tuple[str, ...]) -> None:
    """Refuse a start whose result has what the method would lose.

    Args:
        method: what goes on from it.
        start: whose codes it goes on from.
        lost: methods that find more than `method` takes up.

    Raises:
        UserError: it is one of these.
    """
    if start.settings["method"] in lost:
        raise UserError(
            f"{method} would lose what {start.settings['method']} finds beside codes; let it start from an encoder or "
            "from optimise_w_plus"
        )
