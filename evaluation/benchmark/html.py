"""One page that holds everything and opens without a network: tables, plots, pictures, videos, and how it was made."""

import base64
import io
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from evaluation.benchmark.collect import Block, Row
from evaluation.benchmark.plots import Plot
from evaluation.benchmark.table import Table

PICTURE, VIDEOS = "grid.png", "sample*.mp4"  # as evaluate.py names them


@dataclass(frozen=True)
class Media:
    """A picture and the videos of one result as uris; `left_out` names what was too large or unreadable."""

    title: str
    picture: str
    videos: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Making:
    """How the numbers of one row were made: `facts` in words, `scores` line by line, `everything` as JSON."""

    title: str
    command: str
    facts: Mapping[str, str]
    scores: Sequence[Sequence[str]]
    everything: str


def to_html(
    tables: Sequence[Table], plots: Sequence[Plot], blocks: Sequence[Block], heading: str, created: str, most_bytes: int
) -> str:
    """The page; pictures and videos are inside up to `most_bytes`, what does not fit is named with its path."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("page.html.jinja")
    return template.render(
        heading=heading,
        created=created,
        tables=tables,
        plots=[(plot, uri("image/png", plot.png)) for plot in plots],
        media=gather_media(blocks, most_bytes),
        makings=[making(row, name) for block in blocks for row, name in zip(block.rows, block.names)],
    )


def uri(kind: str, content: bytes) -> str:
    """The content itself as an address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def gather_media(blocks: Sequence[Block], most_bytes: int) -> list[Media]:
    """What lies beside each result of a method: pictures are taken first, then the first video of each, and so on."""
    shown: dict[Path, str] = {}
    for block in blocks:
        for row, name in zip(block.rows, block.names):
            if row.kind == "method":
                shown.setdefault(row.folder, f"{name}, {row.protocol}")
    beside = {folder: [*folder.glob(PICTURE), *sorted(folder.glob(VIDEOS))] for folder in shown}
    taken: dict[Path, str] = {}
    for path in sorted((path for paths in beside.values() for path in paths), key=lambda path: path.name):
        picture = path.name == PICTURE
        content = small_picture(path) if picture else path.read_bytes()
        if 0 < len(content) <= most_bytes:
            taken[path] = uri("image/jpeg" if picture else "video/mp4", content)
            most_bytes -= len(content)
    return [
        Media(
            title,
            taken.get(folder / PICTURE, ""),
            tuple(taken[path] for path in beside[folder] if path in taken and path.name != PICTURE),
            tuple(f"{path} ({path.stat().st_size / 2**20:.1f} MB)" for path in beside[folder] if path not in taken),
        )
        for folder, title in shown.items()
        if beside[folder]
    ]


def small_picture(path: Path) -> bytes:
    """The picture as a JPEG, an eighth of its PNG and as good to look at; nothing when it cannot be read."""
    buffer = io.BytesIO()
    try:
        with Image.open(path) as picture:
            picture.convert("RGB").save(buffer, format="JPEG", quality=88)
    except OSError:
        return b""
    return buffer.getvalue()


def making(row: Row, name: str) -> Making:
    """What one row says about itself."""
    facts = row.facts
    about = {
        "protocol": f"{row.protocol}: {in_words(facts.get('settings'))}",
        "data": in_words(facts.get("data")),
        "scored": in_words(facts.get("counts")),
        "picture size": f"{facts.get('size', 'not given')} px",
        "checkpoint": in_words(facts.get("checkpoint") or "none"),
        "config hash": in_words(facts.get("config_hash")),
        "versions": in_words(facts.get("versions")),
        "licences of the networks that look": in_words(facts.get("licences")),
        "device": in_words(facts.get("device")),
        "processes": in_words(facts.get("processes")),
        "peak memory": f"{facts.get('peak_memory_mb', 'not given')} MB",
        "made": in_words(facts.get("created")),
        "file": str(row.folder / "rows.json"),
    }
    slim = {**facts, "metrics": {label: _slim(score) for label, score in facts["metrics"].items()}}
    return Making(
        f"{name}, {row.protocol}",
        command(row) if row.kind == "method" else "",
        about,
        list(_score_lines(row)),
        json.dumps(slim, indent=1, ensure_ascii=False),
    )


def _slim(score: Mapping[str, Any]) -> dict[str, Any]:
    """Without the histogram, which is drawn."""
    return {key: value for key, value in score.items() if key != "histogram"}


def _score_lines(row: Row) -> Iterable[list[str]]:
    for score in row.scores.values():
        interval = f"{score.low:.6g} to {score.high:.6g}" if score.has_interval else "none"
        compared = ", ".join(map(str, score.how.get("of", ()))) or "not given"
        through = str(score.how.get("through") or "the pictures themselves")
        every = score.how.get("every", 1)
        counted = f"{score.count} {score.counted}" + (f", every {every}th" if every != 1 else "")
        missing = f"{score.missing} without a face" if score.missing else "none left out"
        value = "nothing measured" if score.value is None else f"{score.value:.6g} {score.unit}".strip()
        yield [score.label, value, interval, compared, through, counted, missing]
    for label, reason in row.unavailable.items():
        yield [label, "unavailable", "none", "", "", "", reason]


def command(row: Row) -> str:
    """The command that made the row, or what the row tells of it."""
    if row.facts.get("command"):
        return f"python {shlex.join(map(str, row.facts['command']))}"
    data, checkpoint = row.facts.get("data") or {}, row.facts.get("checkpoint") or {}
    words = {
        "method": row.method,
        "checkpoint": checkpoint.get("path", checkpoint.get("file")),
        "protocol": row.protocol,
        "data.shards": data.get("shards"),
        "output": row.folder,
    }
    given = [shlex.quote(f"{key}={value}") for key, value in words.items() if value is not None]
    return f"python evaluate.py {' '.join(given)}"


def in_words(value: Any) -> str:
    """A plain JSON value for people: `a: 1, b: x, y`."""
    if value is None:
        return "not given"
    if isinstance(value, Mapping):
        return (
            "; ".join(f"{key} {in_words(part) if part is not None else 'all'}" for key, part in value.items()) or "none"
        )
    if isinstance(value, list | tuple):
        return ", ".join(map(in_words, value)) or "none"
    return str(value)
