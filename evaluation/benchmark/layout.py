"""How a paper lays out its table, and the numbers that it reports: plain data, one YAML per table in configs/table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

from models.errors import UserError

ARROWS = {"↑": True, "↓": False}


@dataclass(frozen=True)
class Part:
    """The columns of one protocol within a table.

    Attributes:
        heading: stands above the columns.
        protocols: names of protocols, `*` stands for anything.
        columns: (label, whether higher is better).

    """

    heading: str
    protocols: tuple[str, ...]
    columns: tuple[tuple[str, bool], ...]

    def takes(self, protocol: str) -> bool:
        """Whether rows of this protocol belong here."""
        return any(fnmatch(protocol, pattern) for pattern in self.protocols)


@dataclass(frozen=True)
class Reported:
    """A line of a paper's table. `values` are the paper's own digits: by part, by label.

    Attributes:
        method: as the paper names it.
        paper: who reports it.
        table: which table of the paper.
        source: where the numbers were read.

    """

    method: str
    paper: str
    table: str
    source: str
    values: Mapping[str, Mapping[str, str]]


@dataclass
class Layout:
    """The settings of `configs/table/*.yaml`.

    Args:
        title: above the table.
        parts: by name: `heading`, `protocols` (a list) and `columns` (a list of `LABEL ↑` or `LABEL ↓`).
        reported: a list of `paper`, `table`, `source` and `rows` (by method: by part: by label, in quotes to keep the
            paper's digits).
        note: what a reader should know, below the table.

    """

    title: str
    parts: Mapping[str, Mapping[str, Any]]
    reported: Sequence[Mapping[str, Any]] = ()
    note: str = ""
    name: str = ""
    sections: dict[str, Part] = field(init=False)
    lines: list[Reported] = field(init=False)

    def __post_init__(self) -> None:
        self.sections = {name: self._part(name, about) for name, about in self.parts.items()}
        self.lines = [line for group in self.reported for line in self._reported(group)]

    def _part(self, name: str, about: Mapping[str, Any]) -> Part:
        where = f"configs/table/{self.name}.yaml: parts.{name}"
        if set(about) != {"heading", "protocols", "columns"}:
            raise UserError(f"{where} should have heading, protocols, columns; it has {', '.join(about)}")
        columns = []
        for column in about["columns"]:
            label, _, arrow = str(column).rpartition(" ")
            if arrow not in ARROWS:
                raise UserError(f"{where}: column {column!r} should end in ↑ or ↓")
            columns.append((label, ARROWS[arrow]))
        return Part(str(about["heading"]), tuple(about["protocols"]), tuple(columns))

    def _reported(self, group: Mapping[str, Any]) -> list[Reported]:
        where = f"configs/table/{self.name}.yaml: reported"
        if set(group) != {"paper", "table", "source", "rows"}:
            raise UserError(f"{where} should have paper, table, source, rows; it has {', '.join(group)}")
        for method, values in group["rows"].items():
            for part, numbers in values.items():
                known = [label for label, _ in self.sections[part].columns] if part in self.sections else []
                wrong = [label for label in numbers if label not in known]
                if wrong or not known:
                    raise UserError(f"{where}: {method}: {part}: {', '.join(wrong)} is no column of that part")
        return [
            Reported(
                str(method),
                str(group["paper"]),
                str(group["table"]),
                str(group["source"]),
                {part: {label: str(number) for label, number in numbers.items()} for part, numbers in values.items()},
            )
            for method, values in group["rows"].items()
        ]
