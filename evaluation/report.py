"""The results of an evaluation: files, and the table in the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evaluation.gallery import Gallery
from evaluation.protocol import Pair
from evaluation.rows import write_json

DASH = "—"


def write_results(
    output: Path,
    rows: Sequence[Mapping[str, Any]],
    clips: Mapping[str, Any],
    pairs: Sequence[Pair],
    gallery: Gallery,
    console: Console,
) -> None:
    """Write and print everything; rows.json comes last, so a folder that has it is complete."""
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / "pairs.json", [asdict(pair) for pair in pairs])
    write_json(output / "clips.json", clips)
    if gallery.strips:
        gallery.write_grid(output / "grid.png")
    write_json(output / "rows.json", rows)
    grid, notes = table(rows)
    console.print(grid)
    for line in [*notes, f"written to {output}"]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def table(rows: Sequence[Mapping[str, Any]]) -> tuple[Table, list[str]]:
    """The rows of one protocol as a table for the terminal, and its footnotes."""
    first = rows[0]
    counts = first["counts"]
    title = (
        f"{first['protocol']} at {first['size']} px: {counts['clips']} clips, {counts['frames']} frames, "
        f"{counts['identities']} identities"
    )
    grid = Table(title=title, title_justify="left")
    grid.add_column("metric")
    for row in rows:
        grid.add_column(row["method"], justify="right")
    notes: list[str] = []

    def noted(text: str) -> str:
        if text not in notes:
            notes.append(text)
        return f" [{notes.index(text) + 1}]"

    for label, about in first["metrics"].items():
        arrow = {True: "↑", False: "↓", None: ""}[about["higher_is_better"]]
        cells = []
        for row in rows:
            result = row["metrics"][label]
            cell = number(result["value"])
            if result["missing"]:
                everything = f"{result['count'] + result['missing']} {result['counted']}"
                cell += noted(f"{row['method']}: {result['missing']} of {everything} could not be measured (no face)")
            if "note" in result:
                cell += noted(f"{label}: {result['note']}")
            cells.append(cell)
        grid.add_row(*map(Text, [" ".join(word for word in (label, arrow, about["unit"]) if word), *cells]))
    for label, reason in first["unavailable"].items():
        cell = DASH + noted(f"{label} cannot be measured: {reason}")
        grid.add_row(*map(Text, [label, *[cell] * len(rows)]))
    grid.add_row("seconds per frame", *[number(row["seconds_per_frame"]) for row in rows])
    return grid, [f"[{place}] {note}" for place, note in enumerate(notes, 1)]


def number(value: float | str | None) -> str:
    """Four significant digits; a dash for what was not measured."""
    if value is None:
        return DASH
    if isinstance(value, str):
        return value.replace("inf", "∞")
    return f"{value:.4g}" if abs(value) >= 1 else f"{value:.4f}"
