"""The figures of the study: figure 2 (one layer), figure 3 (a layer of each size), and the distances over sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from evaluation.benchmark.plots import COLOURS, MARKERS
from evaluation.feature_study.study import NOTHING_CHANGED, Trial
from evaluation.feature_study.table import MEANINGS, Row
from models.aside import written_aside
from models.images import to_frames

DPI = 200
INCH = 1.15  # side of a picture
LEFT, TOP, EDGE = 0.5, 0.5, 0.04  # margins of a sheet, inches
PIXELS = 256  # of a picture in a figure
GAP = 8  # between two of them


@dataclass(frozen=True)
class Shown:
    """A trial's first picture, as `Trial` says, in frames (`PIXELS`, `PIXELS`, 3)."""

    change: str
    layer: str
    side: int
    skip: bool
    made: np.ndarray
    wanted: np.ndarray  # white where it shows nothing of the picture

    @classmethod
    def of(cls, trial: Trial) -> "Shown":
        """The frames of a trial."""
        wanted = trial.wanted[0].where(trial.inside[0], 1.0)
        return cls(trial.change, trial.layer, trial.side, trial.skip, _frame(trial.made[0]), _frame(wanted))


def changes_figure(path: Path, people: Sequence[Sequence[Shown]], layer: str) -> None:
    """Figure 2: a column for each change behind one layer; for every person T(G(f)), then G(T'(f)) twice."""
    rows = []
    for shown in people:
        original = next(s.made for s in shown if s.layer == NOTHING_CHANGED)
        alone, both = ([s for s in shown if s.layer == layer and s.skip == skip] for skip in (False, True))
        blank = np.full_like(original, 255)
        rows += [
            ("T(G(f))", [original, *(s.wanted for s in alone)]),
            ("G(T'(f))", [blank, *(s.made for s in alone)]),
            ("G(T'(f)),\nskip changed", [blank, *(s.made for s in both)]),
        ]
    side = alone[0].side
    title = f"The picture changed by T, and the picture from the {side}x{side} feature f behind {layer} changed by T"
    _write_sheet(path, title, ["G(f)", *(s.change for s in alone)], rows)


def sizes_figure(path: Path, shown: Sequence[Shown], names: Sequence[str], skip: bool) -> None:
    """Figure 3: a row for each change, a column for each layer that is changed."""
    original = next(s.made for s in shown if s.layer == NOTHING_CHANGED)
    rows = []
    for change in dict.fromkeys(s.change for s in shown):
        row = [s for s in shown if s.change == change and s.skip == skip and s.layer in names]
        rows.append((change, [original, row[0].wanted, *(s.made for s in row)]))
    sides = [f"{s.side}x{s.side}" for s in row]
    title = f"The same change of the feature{' and the skip' if skip else ' alone'} at each size"
    _write_sheet(path, title, ["G(f)", "T(G(f))", *sides], rows)


def distances_figure(path: Path, rows: Sequence[Row]) -> None:
    """Every distance over the size of the feature: solid for the feature alone, dashed with the skip."""
    figure = Figure(figsize=(3.4 * len(MEANINGS), 3.7), layout="constrained", dpi=DPI)
    changed = [row for row in rows if row.layer != NOTHING_CHANGED]
    sides = sorted({row.side for row in changed})
    for axes, (label, meaning) in zip(figure.subplots(1, len(MEANINGS)), MEANINGS.items()):
        for change, colour, marker in zip(dict.fromkeys(row.change for row in changed), COLOURS, MARKERS):
            for skip, line in ((False, "-"), (True, "--")):
                chosen = [row for row in changed if row.change == change and row.skip == skip]
                heights = [row.mean[label] for row in chosen]
                places = [sides.index(row.side) for row in chosen]
                named = change if label == "L1" and not skip else None
                axes.plot(places, heights, line, marker=marker, markersize=4, color=colour, lw=1.4, label=named)
        axes.set_xticks(range(len(sides)), [f"{side}" for side in sides])
        axes.set_xlabel("side of the changed feature")
        axes.set_title(meaning.split(";")[0], fontsize=10)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    for line, named in (("k-", "feature alone"), ("k--", "feature and skip")):
        figure.axes[0].plot([], [], line, lw=1.4, label=named)
    figure.legend(loc="outside lower center", ncols=8, frameon=False, fontsize=9)
    _save(figure, path)


def _write_sheet(path: Path, title: str, columns: Sequence[str], rows: Sequence[tuple[str, list[np.ndarray]]]) -> None:
    step = PIXELS + GAP
    canvas = np.full((step * len(rows) - GAP, step * len(columns) - GAP, 3), 255, np.uint8)
    for down, (_, frames) in enumerate(rows):
        for across, frame in enumerate(frames):
            canvas[step * down :, step * across :][:PIXELS, :PIXELS] = frame
    high, wide = (INCH / PIXELS * pixels for pixels in canvas.shape[:2])
    width, height = wide + LEFT + EDGE, high + TOP + EDGE
    figure = Figure(figsize=(width, height), dpi=DPI)
    figure.suptitle(title, fontsize=10, y=1 - 0.08 / height, va="top")
    axes = figure.add_axes((LEFT / width, EDGE / height, wide / width, high / height))
    axes.imshow(canvas, aspect="auto")
    axes.set_xticks(step * np.arange(len(columns)) + PIXELS / 2, columns, fontsize=9)
    names = [name for name, _ in rows]
    axes.set_yticks(step * np.arange(len(rows)) + PIXELS / 2, names, fontsize=9, rotation=90, va="center", ma="center")
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    _save(figure, path)


def _frame(image: Tensor) -> np.ndarray:
    picture = Image.fromarray(to_frames(image[None])[0])
    return np.asarray(picture.resize((PIXELS, PIXELS), Image.Resampling.LANCZOS))


def _save(figure: Figure, path: Path) -> None:
    with written_aside(path) as part, part.open("wb") as file:
        FigureCanvasAgg(figure).print_png(file)
