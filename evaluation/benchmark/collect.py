"""Reads result rows from wherever they lie, and sorts them into blocks of rows that may stand in one table."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.errors import UserError

BASELINES = ("ground_truth", "unmoved_source", "random_other_identity")  # in the order of their lines in a table


@dataclass(frozen=True)
class Score:
    """One number of a row. `value` is None where nothing could be measured; `low` and `high` are the 95 % interval."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    higher_is_better: bool
    stand_in: str | None
    counted: str
    count: int
    missing: int
    histogram: tuple[tuple[float, ...], tuple[float, ...]] | None
    how: Mapping[str, Any]

    @property
    def has_interval(self) -> bool:
        """Whether there is an interval that can be drawn."""
        return None not in (self.low, self.high) and math.isfinite((self.low or 0) + (self.high or 0))


@dataclass(frozen=True)
class Row:
    """One method under one protocol, as `evaluate.py` wrote it.

    Attributes:
        folder: where its grid.png and sample.mp4 lie, if they were made.
        facts: the whole JSON object.

    """

    method: str
    kind: str
    protocol: str
    scores: Mapping[str, Score]
    unavailable: Mapping[str, str]
    seconds_per_frame: float | None
    folder: Path
    facts: Mapping[str, Any]

    @property
    def labels(self) -> list[str]:
        """What was measured, then what could not be."""
        return [*self.scores, *(label for label in self.unavailable if label not in self.scores)]

    @property
    def conditions(self) -> dict[str, str]:
        """What must be equal for two rows to be compared, in words."""
        data, counts = self.facts.get("data") or {}, self.facts.get("counts") or {}
        settings = self.facts.get("settings") or {}
        return {
            "size": f"{self.facts.get('size', '?')} px",
            "data": " + ".join(str(data[key]) for key in ("fingerprint", "sources_fingerprint") if key in data) or "?",
            "split": f"{data.get('split', settings.get('split', '?'))}",
            "clips": f"{counts.get('clips', '?')}",
            "frames": f"{counts.get('frames', '?')}",
            **{key: json.dumps(value) for key, value in settings.items() if key not in ("split", "clips", "frames")},
            "config": f"{self.facts.get('config_hash', '?')}",
        }

    @property
    def identity(self) -> str:
        """Equal for two copies of one result; measuring again on another day gives equal values to six digits."""
        checkpoint = self.facts.get("checkpoint") or {}
        values = {label: _rounded(score.value) for label, score in self.scores.items()}
        parts = [self.method, self.kind, self.protocol, self.conditions, checkpoint.get("sha256"), values]
        return json.dumps(parts, sort_keys=True)


@dataclass(frozen=True)
class Block:
    """Rows of one protocol under equal conditions, methods first; `names` are those that tell them apart.

    Attributes:
        differs: how the conditions differ from those of other blocks of the protocol; empty when it is the only one.

    """

    protocol: str
    rows: tuple[Row, ...]
    names: tuple[str, ...]
    conditions: Mapping[str, str]
    differs: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The protocol; with the first two of the conditions that tell the block from others of this protocol."""
        differs = ", ".join(f"{key} {value}" for key, value in list(self.differs.items())[:2])
        return f"{self.protocol} ({differs})" if differs else self.protocol

    @property
    def labels(self) -> list[str]:
        """What any of the rows knows of, in the order of the rows."""
        return list(dict.fromkeys(label for row in self.rows for label in row.labels))


def collect(places: Sequence[str | Path]) -> list[Row]:
    """The rows below `places`: folders are searched for rows.json, files are read; copies of one result count once.

    Raises:
        UserError: nothing there, nothing found, or a file that holds no rows.
    """
    files: dict[Path, None] = {}
    for place in map(Path, places):
        if not place.exists():
            raise UserError(f"rows={place}: there is no such file or folder; give the output of evaluate.py")
        found = sorted(place.rglob("rows.json")) if place.is_dir() else [place]
        if not found:
            raise UserError(f"rows={place}: no rows.json in it or below it; give the output folders of evaluate.py")
        files |= {path.resolve(): None for path in found}
    rows: dict[str, Row] = {}
    for path in files:
        for row in read_rows(path):
            rows.setdefault(row.identity, row)
    if not rows:
        raise UserError(f"rows={', '.join(map(str, places))}: the files hold no row")
    return list(rows.values())


def read_rows(path: Path) -> list[Row]:
    """The rows of one file.

    Raises:
        UserError: it is not JSON, or not a list of rows; the message names the row and the key.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path}: not readable as JSON ({error}); score again with evaluate.py") from error
    if not isinstance(content, list):
        raise UserError(f"{path}: it should hold a list of rows, as evaluate.py writes it")
    return [parse_row(entry, f"{path}: row {number}", path.parent) for number, entry in enumerate(content, 1)]


def parse_row(entry: Any, where: str, folder: Path) -> Row:
    """One row of JSON; `where` opens the message of what is wrong with it, `folder` holds its picture and video.

    Raises:
        UserError: a key is not there or holds something else.
    """
    try:
        kind = entry["kind"]
        if kind not in ("method", "baseline"):
            raise UserError(f"{where}: kind={kind!r} should be method or baseline")
        seconds = entry.get("seconds_per_frame")
        return Row(
            method=str(entry["method"]),
            kind=kind,
            protocol=str(entry["protocol"]),
            scores={str(label): _score(str(label), about) for label, about in entry["metrics"].items()},
            unavailable={str(label): str(reason) for label, reason in (entry.get("unavailable") or {}).items()},
            seconds_per_frame=None if seconds is None else float(seconds),
            folder=folder,
            facts=entry,
        )
    except KeyError as error:
        raise UserError(f"{where}: {error} is not there; score again with evaluate.py") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{where}: not a row of evaluate.py ({error})") from error


def _score(label: str, about: Mapping[str, Any]) -> Score:
    histogram = about.get("histogram")
    if histogram is not None:
        edges, counts = tuple(map(float, histogram["edges"])), tuple(map(float, histogram["counts"]))
        if len(edges) != len(counts) + 1:
            raise ValueError(f"the histogram of {label} needs one edge more than counts")
    return Score(
        label=label,
        value=_number(about["value"]),
        low=_number(about.get("low")),
        high=_number(about.get("high")),
        unit=str(about.get("unit") or ""),
        higher_is_better=bool(about["higher_is_better"]),
        stand_in=about.get("stand_in"),
        counted=str(about.get("counted") or "frames"),
        count=int(about["count"]),
        missing=int(about["missing"]),
        histogram=None if histogram is None else (edges, counts),
        how={key: about.get(key) for key in ("of", "through", "every") if about.get(key) is not None},
    )


def _number(value: Any) -> float | None:
    """JSON holds no infinity: it is written as "inf"; what was not measured is null."""
    number = None if value is None else float(value)
    return None if number is None or math.isnan(number) else number


def _rounded(value: float | None) -> str | None:
    return None if value is None else f"{value:.6g}"


def blocks(rows: Iterable[Row]) -> list[Block]:
    """Rows that may stand in one table: those of one protocol under equal conditions; in the order they came."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.protocol, json.dumps(row.conditions, sort_keys=True)), []).append(row)
    made = []
    for (protocol, _), members in groups.items():
        conditions = members[0].conditions
        others = [group[0].conditions for (other, _), group in groups.items() if other == protocol]
        differing = {key for other in others for key in {*other, *conditions} if other.get(key) != conditions.get(key)}
        ordered = sorted(members, key=_place)
        differs = {key: conditions.get(key, "not given") for key in [*conditions] if key in differing}
        made.append(Block(protocol, tuple(ordered), tuple(_names(ordered)), conditions, differs))
    return made


def _place(row: Row) -> tuple[int, int]:
    if row.kind == "method":
        return 0, 0
    return 1, BASELINES.index(row.method) if row.method in BASELINES else len(BASELINES)


def _names(rows: Sequence[Row]) -> list[str]:
    """The method's name; with what tells them apart where a name stands more than once."""
    tellers: Sequence[Callable[[Row], str]] = (
        lambda row: str((row.facts.get("checkpoint") or {}).get("file")),
        lambda row: row.folder.name,
        lambda row: str(row.folder),
    )
    names = []
    for row in rows:
        same = [other for other in rows if other.method == row.method]
        apart = [tell for tell in tellers if len({tell(other) for other in same}) == len(same)]
        mark = apart[0](row) if apart else str(same.index(row) + 1)
        names.append(row.method if len(same) == 1 else f"{row.method} ({mark})")
    return names
