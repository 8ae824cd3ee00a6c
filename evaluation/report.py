"""What people look at: the table, a grid of frames, a short video."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.table import Table
from rich.text import Text
from torch import Tensor

from datamodules.mark import Mark
from datamodules.video import VideoWriter
from evaluation.protocol import Pair
from evaluation.rows import write_json
from models.images import to_frames

DASH = "—"


@dataclass(frozen=True)
class Sample:
    """One scored pair to look at: source `(S, S, 3)`, driving and prediction `(T, S, S, 3)`, all uint8."""

    key: str
    source: np.ndarray
    driving: np.ndarray
    prediction: np.ndarray


class Gallery:
    """Keeps a few samples, spread over the pairs, for the grid and the video."""

    def __init__(self, pairs: Sequence[Pair], method: str, most: int = 4) -> None:
        self.method = method
        self.samples: list[Sample] = []
        self._wanted = {pairs[number * len(pairs) // most].driving for number in range(most)} if pairs else set()

    def add(self, pair: Pair, images: Mapping[str, Tensor]) -> None:
        """Look at one scored pair; images `(T, 3, S, S)` in [-1, 1] by name."""
        if pair.driving in self._wanted:
            source, driving, prediction = (to_frames(images[name]) for name in ("source", "driving", self.method))
            self.samples.append(Sample(pair.driving, source[0], driving, prediction))


def write_results(
    output: Path, rows: Sequence[Mapping[str, Any]], pairs: Sequence[Pair], gallery: Gallery, console: Console
) -> None:
    """Write and print everything; rows.json comes last, so a folder that has it is complete."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "rows.json").unlink(missing_ok=True)
    write_json(output / "pairs.json", [asdict(pair) for pair in pairs])
    if gallery.samples:
        write_grid(output / "grid.png", gallery.samples)
        write_video(output / "sample.mp4", gallery.samples, f"synthetic: made by Figurehead, {gallery.method}")
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
        arrow = "↑" if about["higher_is_better"] else "↓"
        cells = []
        for row in rows:
            result = row["metrics"][label]
            cell = number(result["value"])
            if result["frames_without_face"]:
                cell += noted(
                    f"{row['method']}: no face in {result['frames_without_face']} of "
                    f"{result['frames'] + result['frames_without_face']} frames, left out of {label}"
                )
            cells.append(cell)
        grid.add_row(*map(Text, [f"{label} {arrow} {about['unit']}".rstrip(), *cells]))
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


def write_grid(path: Path, samples: Sequence[Sample], moments: int = 6, side: int = 128) -> None:
    """A PNG with two rows per sample: source, then driving frames; beneath them the predictions."""
    bar, gap = 14, 4
    width, height = (moments + 1) * (side + gap), len(samples) * (2 * side + bar + gap)
    sheet = Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=11)
    for place, sample in enumerate(samples):
        top = place * (2 * side + bar + gap)
        draw.text((2, top), f"{sample.key}   source | driving over prediction", fill="black", font=font)
        top += bar
        sheet.paste(_picture(sample.source, side), (0, top))
        for column, moment in enumerate(np.linspace(0, len(sample.driving) - 1, moments).round().astype(int), 1):
            left = column * (side + gap)
            sheet.paste(_picture(sample.driving[moment], side), (left, top))
            sheet.paste(_picture(sample.prediction[moment], side), (left, top + side))
    part = path.with_name(path.name + ".part")
    sheet.save(part, format="PNG")
    part.replace(path)


def write_video(path: Path, samples: Sequence[Sample], comment: str, seconds: float = 4.0) -> None:
    """An mp4 of source, driving and prediction side by side, sample after sample; predictions carry the mark."""
    size = samples[0].prediction.shape[1]
    mark = Mark(size)
    with VideoWriter(path, (3 * size, size), metadata={"comment": comment}) as video:
        for sample in samples:
            for driving, prediction in zip(sample.driving[: int(25 * seconds)], sample.prediction):
                video.write(np.concatenate([sample.source, driving, mark.on(prediction)], axis=1))


def _picture(frame: np.ndarray, side: int) -> Image.Image:
    return Image.fromarray(frame).resize((side, side), Image.Resampling.LANCZOS)
