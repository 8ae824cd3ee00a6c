"""The numbers of the study, as Markdown and CSV."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.feature_study.study import NOTHING_CHANGED, Trial, distances
from models.aside import written_aside

MEANINGS = {
    "L1": "L1, lower is better",
    "SSIM": "SSIM, higher is better",
    "detail": "Detail; 1 is that of T(G(f)), below it is blurred, above it is torn",
}


@dataclass(frozen=True)
class Row:
    """One change behind one layer: mean and standard deviation of every distance over the pictures."""

    change: str
    layer: str
    side: int
    skip: bool
    mean: dict[str, float]
    deviation: dict[str, float]


class Table:
    """Takes trials, whose pictures need not be kept; gives a row per change, layer and skip."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str, int, bool], dict[str, list[float]]] = {}

    def add(self, trial: Trial) -> None:
        """Measure it."""
        key = (trial.change, trial.layer, trial.side, trial.skip)
        kept = self._numbers.setdefault(key, defaultdict(list))
        for label, values in distances(trial).items():
            kept[label] += values.tolist()

    def rows(self) -> list[Row]:
        """In the order in which they came."""
        return [
            Row(
                *key,
                mean={label: float(np.mean(values)) for label, values in numbers.items()},
                deviation={label: float(np.std(values)) for label, values in numbers.items()},
            )
            for key, numbers in self._numbers.items()
        ]


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """One line per row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["change", "layer", "side", "skip", *MEANINGS, *(f"{label}_deviation" for label in MEANINGS)])
    for row in rows:
        numbers = [f"{part[label]:.5f}" for part in (row.mean, row.deviation) for label in MEANINGS]
        skip = "" if row.layer == NOTHING_CHANGED else "changed" if row.skip else "kept"
        writer.writerow([row.change, row.layer, row.side or "", skip, *numbers])
    with written_aside(path) as part:
        part.write_text(text.getvalue())


def write_markdown(path: Path, rows: Sequence[Row], about: str) -> None:
    """A table per distance: a line per change and skip, a column per layer."""
    with written_aside(path) as part:
        part.write_text("\n".join([about, "", *(line for label in MEANINGS for line in _block(rows, label))]))


def _block(rows: Sequence[Row], label: str) -> Iterable[str]:
    names = {row.layer: f"{row.layer} ({row.side}x{row.side})" for row in rows if row.layer != NOTHING_CHANGED}
    yield from (f"## {MEANINGS[label]}", "")
    yield f"| change | skip | nothing changed | {' | '.join(names.values())} |"
    yield f"|---|---|---{'|---' * len(names)}|"
    found = {(row.change, row.skip, row.layer): row for row in rows}
    for change in dict.fromkeys(row.change for row in rows):
        nothing = _cell(found[change, False, NOTHING_CHANGED], label)
        for skip, word in ((False, "kept"), (True, "changed")):
            cells = [_cell(found[change, skip, layer], label) for layer in names]
            yield f"| {change} | {word} | {nothing} | {' | '.join(cells)} |"
    yield ""


def _cell(row: Row, label: str) -> str:
    return f"{row.mean[label]:.3f} ± {row.deviation[label]:.3f}"
