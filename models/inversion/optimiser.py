"""What inverters by gradient descent share: their arguments are their settings, written down once."""

from dataclasses import fields
from typing import Any, ClassVar, Protocol

from models.inversion.inversion import Inverter
from models.inversion.objective import Objective


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
