"""Rows as a flat list with one line per number, for spreadsheets and loggers."""

import csv
import io
from collections.abc import Iterable, Sequence

from evaluation.benchmark.collect import Row

FIELDS = (
    "method",
    "kind",
    "protocol",
    "metric",
    "value",
    "low",
    "high",
    "unit",
    "higher_is_better",
    "stand_in",
    "counted",
    "count",
    "missing",
    "unavailable",
    "seconds_per_frame",
    "size",
    "data",
    "config_hash",
    "checkpoint",
    "folder",
)
Value = str | float | int | bool | None


def flat(rows: Iterable[Row]) -> list[list[Value]]:
    """One list of `FIELDS` per number, and one per metric that was unavailable."""
    lines: list[list[Value]] = []
    for row in rows:
        name: list[Value] = [row.method, row.kind, row.protocol]
        checkpoint = (row.facts.get("checkpoint") or {}).get("sha256")
        size, data, config = (row.conditions[key] for key in ("size", "data", "config"))
        about: list[Value] = [
            row.seconds_per_frame,
            size.removesuffix(" px"),
            data,
            config,
            checkpoint,
            str(row.folder),
        ]
        for score in row.scores.values():
            numbers: list[Value] = [score.label, score.value, score.low, score.high, score.unit, score.higher_is_better]
            lines.append([*name, *numbers, score.stand_in, score.counted, score.count, score.missing, None, *about])
        for label, reason in row.unavailable.items():
            lines.append([*name, label, *[None] * 9, reason, *about])
    return lines


def to_csv(rows: Sequence[Row]) -> str:
    """The flat list with a head; empty where there is no value."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(FIELDS)
    writer.writerows(flat(rows))
    return buffer.getvalue()
