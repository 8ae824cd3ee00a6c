"""Tables as GitHub-flavoured Markdown."""

import re
from collections.abc import Sequence

from evaluation.benchmark.table import Cell, Line, Section, Table

MOST_COLUMNS = 9


def to_markdown(tables: Sequence[Table], heading: str) -> str:
    """All tables as one Markdown text; wide ones are split, each piece with the footnotes that it needs."""
    parts = [f"# {escape(heading)}"]
    for table in tables:
        parts += [_table(piece) for piece in table.split(MOST_COLUMNS)]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Text that Markdown and HTML leave as it is; safe within a table cell."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\|*_`~])", r"\\\1", text.replace("\r", " ").replace("\n", " "))
    return text.replace("](", "]\\(")


def _table(table: Table) -> str:
    several = len({column.group for column in table.columns}) > 1
    headings = [
        f"{escape(column.group)}: {escape(column.heading)}" if several else escape(column.heading)
        for column in table.columns
    ]
    head = ["method", *(text + _sup(column.notes) for text, column in zip(headings, table.columns))]
    rows = [head, ["---", *["---:"] * len(table.columns)]]
    for section in table.sections:
        rows += _section(section, len(table.columns))
    grid = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    notes = [f"<sup>{number}</sup> {escape(text)}" for number, text in table.used]
    captions = "\n".join(f"{escape(text)}  " for _, text in table.captions)
    below = "\n".join(f"{text}  " for text in [*map(escape, table.remarks), *notes])
    return "\n\n".join([f"## {escape(table.title)}", captions, grid, below])


def _section(section: Section, width: int) -> list[list[str]]:
    title = [[f"*{escape(section.title)}*{_sup(section.notes)}", *[""] * width]] if section.title else []
    return title + [_line(line) for line in section.lines]


def _line(line: Line) -> list[str]:
    return [escape(line.name) + _sup(line.notes), *map(_cell, line.cells)]


def _cell(cell: Cell) -> str:
    text = {"best": f"**{cell.text}**", "second": f"<ins>{cell.text}</ins>", "": cell.text}[cell.mark]
    return text + (f" ± {cell.spread}" if cell.spread else "") + _sup(cell.notes)


def _sup(notes: Sequence[int]) -> str:
    return f"<sup>{','.join(map(str, notes))}</sup>" if notes else ""
