"""Blocks of rows to tables: everything that was measured, or laid out like a paper's table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evaluation.benchmark.cells import base, make_cell, make_column, marks, not_scored, speed, speed_column
from evaluation.benchmark.collect import Block, Row
from evaluation.benchmark.layout import Layout, Reported
from evaluation.benchmark.table import DASH, Cell, Column, Line, Notes, Section, Table

INTERVAL = "± is half of the 95 % interval, from a bootstrap over clips."
RANKING = "Bold: best of the methods, underlined: second; baselines and reported numbers are not ranked."


@dataclass(frozen=True)
class Slot:
    """A column of a table, and the part of the layout and the block that fill it."""

    part: str
    block: Block
    column: Column


def full_table(block: Block, name: str) -> Table:
    """Everything that was measured in a block, one metric per column, with the time per frame at the end."""
    notes = Notes()
    columns = [make_column(block, label, notes) for label in block.labels]
    columns.append(speed_column(block, notes))
    grid = [[make_cell(block, row, label, notes) for label in block.labels] + [speed(row, notes)] for row in block.rows]
    sections = _own_sections(list(zip(block.names, block.rows)), grid, columns)
    title = f"{block.title}: everything that was measured"
    return _finished(name, title, columns, sections, [("", block)], notes)


def paper_tables(layout: Layout, every: Sequence[Block]) -> list[Table]:
    """The blocks that belong to a layout, laid out like the paper's table; several where the conditions differ.

    Parts stand side by side only when their data, size and family of protocols (`embedded/`) agree; rows of one
    protocol that were measured under different conditions never share a table.
    """
    mine = [block for block in every if any(part.takes(block.protocol) for part in layout.sections.values())]
    tables: list[Table] = []
    for ground in dict.fromkeys(map(_ground, mine)):
        here = [block for block in mine if _ground(block) == ground]
        queues = {name: [b for b in here if part.takes(b.protocol)] for name, part in layout.sections.items()}
        for turn in range(max(map(len, queues.values()))):
            notes = Notes()
            chosen = {name: queue[turn] for name, queue in queues.items() if turn < len(queue)}
            slots = [slot for name, block in chosen.items() for slot in _slots(layout, name, block, notes)]
            if slots:
                tables.append(_paper_table(layout, f"{layout.name}-{len(tables) + 1}", slots, notes))
    return tables


def _ground(block: Block) -> tuple[str, str, str]:
    return block.conditions["size"], block.conditions["data"], block.protocol.rpartition("/")[0]


def _slots(layout: Layout, name: str, block: Block, notes: Notes) -> list[Slot]:
    """The paper's columns, each followed by its stand-ins; left out where neither a row nor the paper knows of it."""
    part = layout.sections[name]
    slots = []
    for label, higher in part.columns:
        told = {label} if any(label in line.values.get(name, {}) for line in layout.lines) else set()
        known = told | {other for other in block.labels if base(other) == label}
        for shown in sorted(known, key=lambda other: (other != label, other)):
            column = make_column(block, shown, notes)
            direction = higher if column.higher_is_better is None else column.higher_is_better
            slots.append(Slot(name, block, replace(column, higher_is_better=direction, group=part.heading)))
    return slots


def _paper_table(layout: Layout, name: str, slots: Sequence[Slot], notes: Notes) -> Table:
    blocks = {slot.part: slot.block for slot in slots}
    lines = _joined(blocks)
    grid = [
        [
            make_cell(slot.block, rows[slot.part], slot.column.label, notes)
            if slot.part in rows
            else not_scored(layout.sections[slot.part].heading, notes)
            for slot in slots
        ]
        for _, rows in lines
    ]
    columns = [slot.column for slot in slots]
    sections = _own_sections([(shown, next(iter(rows.values()))) for shown, rows in lines], grid, columns)
    sections += _reported_sections(layout.lines, slots, notes)
    about = [(layout.sections[part].heading, block) for part, block in blocks.items()]
    title = f"{layout.title}: {', '.join(dict.fromkeys(block.title for block in blocks.values()))}"
    return _finished(name, title, columns, sections, about, notes, layout.note)


def _joined(blocks: Mapping[str, Block]) -> list[tuple[str, dict[str, Row]]]:
    """One line per method and checkpoint with its row of each part; methods first."""
    lines: dict[tuple[str, str, str], dict[str, Row]] = {}
    for part, block in blocks.items():
        for shown, row in zip(block.names, block.rows):
            checkpoint = row.facts.get("checkpoint") or {}
            lines.setdefault((row.kind, shown, str(checkpoint.get("sha256", ""))), {})[part] = row
    names = [shown for _, shown, _ in lines]
    ordered = sorted(lines.items(), key=lambda line: line[0][0] != "method")
    return [(f"{shown} ({sha[:6]})" if names.count(shown) > 1 else shown, rows) for (_, shown, sha), rows in ordered]


def _own_sections(
    rows: Sequence[tuple[str, Row]], grid: Sequence[Sequence[Cell]], columns: Sequence[Column]
) -> list[Section]:
    methods = [number for number, (_, row) in enumerate(rows) if row.kind == "method"]
    ranked = [list(cells) for cells in grid]
    for place, column in enumerate(columns):
        for number, mark in zip(methods, marks([grid[n][place] for n in methods], column.higher_is_better)):
            ranked[number][place] = replace(grid[number][place], mark=mark)
    lines = [Line(name, tuple(cells)) for (name, _), cells in zip(rows, ranked)]
    own = Section("method", "", tuple(lines[number] for number in methods))
    rest = tuple(line for number, line in enumerate(lines) if number not in methods)
    baselines = Section("baseline", "Baselines (not ranked)", rest)
    return [section for section in (own, baselines) if section.lines]


def _reported_sections(reported: Sequence[Reported], slots: Sequence[Slot], notes: Notes) -> list[Section]:
    """One section per paper, with the papers' own digits; none of them is ranked."""
    papers: dict[tuple[str, str, str], list[Line]] = {}
    for line in reported:
        texts = [line.values.get(slot.part, {}).get(slot.column.label) for slot in slots]
        if any(texts):
            cells = tuple(Cell(DASH) if text is None else Cell(text, float(text)) for text in texts)
            papers.setdefault((line.paper, line.table, line.source), []).append(Line(line.method, cells))
    return [
        Section(
            "reported",
            f"Reported by {paper}",
            tuple(lines),
            (
                notes(
                    f"{table}. The paper's own data, crops, networks and code: not ranked with ours. Read in: {source}."
                ),
            ),
        )
        for (paper, table, source), lines in papers.items()
    ]


def _finished(
    name: str,
    title: str,
    columns: Sequence[Column],
    sections: Sequence[Section],
    blocks: Sequence[tuple[str, Block]],
    notes: Notes,
    remark: str = "",
) -> Table:
    spread = any(cell.spread for section in sections for line in section.lines for cell in line.cells)
    said = [*([remark] if remark else []), RANKING, *([INTERVAL] if spread else [])]
    if any(section.kind == "reported" for section in sections):
        said.append(f"{DASH} in a reported line: not given where the numbers were read.")
    captions = tuple((group, caption(block)) for group, block in blocks)
    return Table(name, title, tuple(columns), tuple(sections), captions, tuple(said), tuple(notes.texts))


def caption(block: Block) -> str:
    """What was scored, and how that differs from other rows of the protocol."""
    counts = block.rows[0].facts.get("counts") or {}
    told = ", ".join(f"{counts[key]} {key.replace('_', ' ')}" for key in counts) or "counts not given"
    text = f"{block.protocol} at {block.conditions['size']}: {told}."
    if block.differs:
        here = ", ".join(f"{key} {value}" for key, value in block.differs.items())
        text += f" Not to be compared with the other rows of {block.protocol}, which have their own table: here {here}."
    return text
