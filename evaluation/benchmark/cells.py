"""One number of a row as it is printed, and what a column needs to know of its block."""

import math
from collections.abc import Sequence

from evaluation.benchmark.collect import Block, Row, Score
from evaluation.benchmark.table import DASH, Cell, Column, Mark, Notes

SPEED = "seconds per frame"


def base(label: str) -> str:
    """`CSIM` of `CSIM[dlib]`."""
    return label.partition("[")[0]


def make_column(block: Block, label: str, notes: Notes) -> Column:
    """The column of a label; a stand-in network is a footnote of it."""
    scores = [row.scores[label] for row in block.rows if label in row.scores]
    if not scores:
        return Column(label, "", None)
    first = scores[0]
    marks: tuple[int, ...] = ()
    if first.stand_in:
        marks = (
            notes(f"[{first.stand_in}]: through a stand-in for the papers' network; it compares with its like alone."),
        )
    return Column(label, first.unit, first.higher_is_better, notes=marks)


def make_cell(block: Block, row: Row, label: str, notes: Notes) -> Cell:
    """A row's number with its interval, or a dash with the reason; frames that were left out are a footnote."""
    score = row.scores.get(label)
    if score is None:
        reason = row.unavailable.get(label)
        if reason is None:
            return Cell(DASH, notes=(notes(f"{label} is no metric of the protocol {row.protocol}."),))
        return Cell(DASH, notes=(notes(f"{label} cannot be measured: {reason}"),))
    total = score.count + score.missing
    marks: tuple[int, ...] = ()
    if score.value is None:
        return Cell(DASH, notes=(notes(f"{label}: none of {total} {score.counted} could be measured."),))
    if score.missing:
        share = f"{score.missing} of {total} {score.counted}"
        marks = (notes(f"{label} leaves out {share} in which no face was found."),)
    decimals = _decimals(block, label)
    return Cell(_fixed(score.value, decimals), score.value, "", _spread(score, decimals), _exact(score), marks)


def not_scored(part: str, notes: Notes) -> Cell:
    """The dash of a method that has no row for a part of a table."""
    return Cell(DASH, notes=(notes(f"Not scored: no row of the part {part}."),))


def _decimals(block: Block, label: str) -> int:
    """So many that the largest number of the methods, not of the baselines, has four significant digits."""
    scored = [(row.kind == "method", row.scores[label].value) for row in block.rows if label in row.scores]
    sizes = [(ours, abs(value)) for ours, value in scored if value is not None and math.isfinite(value) and value]
    if not sizes:
        return 0
    largest = max(size for ours, size in sizes if ours or not any(other for other, _ in sizes))
    return min(max(3 - math.floor(math.log10(largest)), 0), 7)


def _fixed(value: float, decimals: int) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.{decimals}f}" if value else "0"


def _spread(score: Score, decimals: int) -> str:
    if not score.has_interval or score.low is None or score.high is None or score.low == score.high:
        return ""
    return f"{(score.high - score.low) / 2:.{decimals}f}"


def _exact(score: Score) -> str:
    text = f"{score.value!r}{f' {score.unit}' if score.unit else ''}"
    return f"{text}, 95 % interval {score.low:.6g} to {score.high:.6g}" if score.has_interval else text


def speed(row: Row, notes: Notes) -> Cell:
    """Seconds per frame."""
    if row.kind == "baseline" or row.seconds_per_frame is None:
        return Cell(DASH, notes=(notes("No time: nothing was rendered by a network."),))
    seconds = row.seconds_per_frame
    return Cell(f"{seconds:.3g}", seconds, exact=f"{seconds!r} s on {row.facts.get('device', 'an unnamed device')}")


def speed_column(block: Block, notes: Notes) -> Column:
    """The column of the time, with the device as a footnote; on several devices it ranks nobody."""
    devices = sorted({str(row.facts.get("device", "?")) for row in block.rows if row.kind == "method"})
    told = f"Time on {' and '.join(devices)}" if devices else "No time"
    warning = "; different devices, so it is not ranked" if len(devices) > 1 else ""
    return Column(SPEED, "", None if len(devices) > 1 else False, notes=(notes(f"{told}{warning}."),))


def marks(cells: Sequence[Cell], higher_is_better: bool | None) -> list[Mark]:
    """Best and second of a column. Numbers that are printed alike share a mark; a single one has nobody to beat."""
    printed = {cell.text: cell.value for cell in cells if cell.value is not None}
    competing = sum(cell.value is not None for cell in cells)
    if higher_is_better is None or competing < 2:
        return ["" for _ in cells]
    order = sorted(printed, key=lambda text: printed[text] or 0.0, reverse=higher_is_better)
    prizes: tuple[Mark, Mark] = ("best", "second")
    place: dict[str, Mark] = dict(zip(order, prizes))
    return [place.get(cell.text, "") if cell.value is not None else "" for cell in cells]
