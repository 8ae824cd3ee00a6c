"""Tables as plain data: columns, sections of lines, marks for the best, footnotes. What they look like is elsewhere."""

import math
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from typing import Literal

DASH = "—"
Mark = Literal["best", "second", ""]


@dataclass(frozen=True)
class Column:
    """A metric of one block. `higher_is_better` is None where nobody measured it and no paper says; then no arrow."""

    label: str
    unit: str
    higher_is_better: bool | None
    group: str = ""
    notes: tuple[int, ...] = ()

    @property
    def heading(self) -> str:
        """Label, arrow and unit."""
        arrow = {True: " ↑", False: " ↓", None: ""}[self.higher_is_better]
        return f"{self.label}{arrow}{f' ({self.unit})' if self.unit else ''}"


@dataclass(frozen=True)
class Cell:
    """A number as it is printed; `value` is for sorting, `exact` for those who want all digits."""

    text: str
    value: float | None = None
    mark: Mark = ""
    spread: str = ""
    exact: str = ""
    notes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Line:
    """One method; `notes` belong to its name."""

    name: str
    cells: tuple[Cell, ...]
    notes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Section:
    """Lines that belong together and are sorted together: methods, baselines, what papers report."""

    kind: Literal["method", "baseline", "reported"]
    title: str
    lines: tuple[Line, ...]
    notes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table with its footnotes, numbered from 1 in `notes`; `remarks` are those without a number.

    `captions` say what was scored: pairs of a group of columns and a sentence.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    captions: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def split(self, most: int) -> list["Table"]:
        """Tables of at most `most` columns each, for paper: one per group of columns, large groups shared out."""
        if len(self.columns) <= most:
            return [self]
        pieces, first = [], 0
        for _, columns in groupby(self.columns, lambda column: column.group):
            width = len(list(columns))
            count = math.ceil(width / most)
            edges = [first + round(width * number / count) for number in range(count + 1)]
            pieces += [self._columns(start, end) for start, end in pairwise(edges)]
            first += width
        return pieces

    def _columns(self, first: int, last: int) -> "Table":
        sections = []
        for section in self.sections:
            lines = [replace(line, cells=line.cells[first:last]) for line in section.lines]
            if section.kind == "reported":
                lines = [line for line in lines if any(cell.value is not None for cell in line.cells)]
            if lines:
                sections.append(replace(section, lines=tuple(lines)))
        group = self.columns[first].group
        piece = f"{f'{group}, ' if group else ''}columns {first + 1} to {last} of {len(self.columns)}"
        captions = tuple(caption for caption in self.captions if caption[0] == group)
        shown = self.columns[first:last]
        return replace(self, title=f"{self.title}: {piece}", columns=shown, sections=tuple(sections), captions=captions)

    @property
    def used(self) -> list[tuple[int, str]]:
        """The footnotes that something in this table, which may be a piece of a larger one, points to."""
        wanted = {note for column in self.columns for note in column.notes}
        for section in self.sections:
            wanted |= {*section.notes}
            for line in section.lines:
                wanted |= {*line.notes, *(note for cell in line.cells for note in cell.notes)}
        return [(number, text) for number, text in enumerate(self.notes, 1) if number in wanted]


@dataclass
class Notes:
    """Numbers footnotes in the order in which they are first needed; equal ones share a number."""

    texts: list[str] = field(default_factory=list)

    def __call__(self, text: str) -> int:
        """The number of this footnote."""
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1
