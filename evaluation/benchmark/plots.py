"""Plots of a benchmark: how alike the faces are, metrics against time, bars with intervals."""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from evaluation.benchmark.cells import base
from evaluation.benchmark.collect import Block, Row, Score

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")  # Okabe and Ito: told apart by all
GREYS = ("#555555", "#999999", "#bbbbbb")
MARKERS = "osD^vP"
STYLES = ("-", "--", "-.", ":")
MOST_PANELS = 12
DPI = 150
MOST_SPEED_PANELS = 4


@dataclass(frozen=True)
class Plot:
    """A finished picture: file name, PNG, and what it shows for those who cannot see it."""

    name: str
    png: bytes
    title: str
    alt: str


@dataclass(frozen=True)
class Looks:
    """How one method is drawn in every plot."""

    colour: str
    marker: str
    line: str


def make_plots(blocks: Sequence[Block]) -> list[Plot]:
    """All plots for which the rows have the numbers, block after block."""
    looks = appearance(blocks)
    made: list[Plot] = []
    for number, block in enumerate(blocks, 1):
        name = f"{number:02d}_{_slug(block.protocol)}"
        made += identity_plots(block, name, looks)
        made += filter(None, (speed_plot(block, name, looks), bars_plot(block, name, looks)))
    return made


def appearance(blocks: Sequence[Block]) -> dict[str, Looks]:
    """By name, the same in every plot: methods in colours, baselines in greys, each with its own sign and line."""
    looks: dict[str, Looks] = {}
    count = {"method": 0, "baseline": 0}
    for row, shown in ((row, shown) for block in blocks for row, shown in zip(block.rows, block.names)):
        if shown not in looks:
            turn = count[row.kind]
            colours = COLOURS if row.kind == "method" else GREYS
            line = STYLES[turn // len(colours) % 4] if row.kind == "method" else STYLES[1 + turn % 3]
            marker = MARKERS[(turn + turn // len(colours)) % len(MARKERS)]
            looks[shown] = Looks(colours[turn % len(colours)], marker, line)
            count[row.kind] += 1
    return looks


def identity_plots(block: Block, name: str, looks: Mapping[str, Looks]) -> list[Plot]:
    """The distribution over frames of each metric that comes with a histogram, as HifiHead figure 6."""
    return [
        _identity_plot(block, label, name, looks)
        for label in block.labels
        if sum(row.scores[label].histogram is not None for row in block.rows if label in row.scores)
    ]


def _identity_plot(block: Block, label: str, name: str, looks: Mapping[str, Looks]) -> Plot:
    figure = Figure(figsize=(7.2, 3.6), layout="constrained", dpi=DPI)
    axes = figure.add_subplot()
    shown, filled = [], []
    for row, method in zip(block.rows, block.names):
        score = row.scores.get(label)
        if score is None or score.histogram is None or not sum(score.histogram[1]):
            continue
        edges, counts = map(np.asarray, score.histogram)
        density = counts / counts.sum() / np.diff(edges)
        drawn = looks[method]
        axes.stairs(density, edges, color=drawn.colour, linestyle=drawn.line, linewidth=1.6, label=method)
        shown.append(f"{method} mean {_words(score)}")
        filled += [*edges[:-1][counts > 0], *edges[1:][counts > 0]]
    if filled:
        axes.set_xlim(min(filled), max(filled))
    axes.set_xlabel(f"{label} {_arrow(block, label)}")
    axes.set_ylabel("density of frames")
    _legend(figure, axes)
    title = f"{label}, {block.title}: distribution over frames"
    return _plot(figure, f"identity_{name}_{_slug(label)}", title, f"{title}. {'; '.join(shown)}.")


def speed_plot(block: Block, name: str, looks: Mapping[str, Looks]) -> Plot | None:
    """The main metrics against seconds per frame, for the methods that were timed."""
    methods = [(row, shown) for row, shown in zip(block.rows, block.names) if row.kind == "method"]
    timed = [(row, shown, row.seconds_per_frame) for row, shown in methods if row.seconds_per_frame]
    labels = [label for label in main_metrics(block) if any(_finite(row, label) for row, *_ in timed)]
    if not timed or not labels:
        return None
    labels = labels[:MOST_SPEED_PANELS]
    size = (3.6 * min(len(labels), 2), 2.8 * -(-len(labels) // 2) + 0.5)
    figure = Figure(figsize=size, layout="constrained", dpi=DPI)
    panels = _panels(figure, len(labels), 2)
    for axes, label in zip(panels, labels):
        for row, shown, seconds in timed:
            value, bars, drawn = (row.scores[label].value if _finite(row, label) else None), None, looks[shown]
            if value is not None:
                bars = _bars(row.scores[label])
                axes.errorbar([seconds], [value], bars, fmt=drawn.marker, color=drawn.colour, capsize=3)
            axes.plot([], [], drawn.marker, color=drawn.colour, label=shown)
        axes.set_xscale("log")
        axes.set_xlim(*_decades([seconds for *_, seconds in timed]))
        axes.xaxis.set_major_locator(LogLocator(numticks=4))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("seconds per frame (log) ↓")
        axes.set_ylabel(f"{label} {_arrow(block, label)}")
        axes.margins(y=0.25)
    _legend(figure, panels[0])
    title = f"Quality against time, {block.title}"
    told = "; ".join(f"{shown} {seconds:.3g} s per frame" for _, shown, seconds in timed)
    return _plot(figure, f"speed_{name}", title, f"{title}. {told}.")


def bars_plot(block: Block, name: str, looks: Mapping[str, Looks]) -> Plot | None:
    """A small bar chart with the 95 % interval per metric, baselines in grey."""
    labels = [label for label in main_metrics(block) if any(_finite(row, label) for row in block.rows)][:MOST_PANELS]
    if not labels:
        return None
    columns = min(3, len(labels))
    rows = -(-len(labels) // columns)
    size = (9.6 if columns == 3 else 4.8 * columns, (0.9 + 0.24 * len(block.rows)) * rows + 0.3)
    figure = Figure(figsize=size, layout="constrained", dpi=DPI)
    for place, (axes, label) in enumerate(zip(_panels(figure, len(labels), columns), labels)):
        _bar_panel(axes, block, label, looks, named=place % columns == 0)
    title = f"Main metrics, {block.title}"
    told = "; ".join(
        f"{label}: "
        + ", ".join(f"{shown} {_words(row.scores.get(label))}" for row, shown in zip(block.rows, block.names))
        for label in labels
    )
    return _plot(figure, f"bars_{name}", title, f"{title}. {told}.")


def _bar_panel(axes: Axes, block: Block, label: str, looks: Mapping[str, Looks], *, named: bool) -> None:
    places = np.arange(len(block.rows))[::-1]
    for place, row, shown in zip(places, block.rows, block.names):
        score = row.scores.get(label)
        if score is None or score.value is None:
            axes.text(0.02, place, "not measured", va="center", fontsize=7, transform=axes.get_yaxis_transform())
        elif not np.isfinite(score.value):
            axes.text(0.02, place, "∞", va="center", fontsize=9, transform=axes.get_yaxis_transform())
        else:
            axes.barh(place, score.value, 0.7, xerr=_bars(score), color=looks[shown].colour, ecolor="black", capsize=2)
    axes.set_yticks(places, [_short(shown) for shown in block.names] if named else [""] * len(places), fontsize=8)
    axes.set_ylim(-0.6, len(places) - 0.4)
    axes.tick_params(axis="x", labelsize=7)
    axes.locator_params(axis="x", nbins=4)
    unit = next((row.scores[label].unit for row in block.rows if label in row.scores), "")
    axes.set_title(f"{label} {_arrow(block, label)}{f' ({unit})' if unit else ''}", fontsize=9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def main_metrics(block: Block) -> list[str]:
    """The measured labels; of a metric in several versions the paper's, or else the first stand-in."""
    measured = [label for label in block.labels if any(_finite(row, label) for row in block.rows)]
    first: dict[str, str] = {}
    for label in sorted(measured, key=lambda label: label != base(label)):
        first.setdefault(base(label), label)
    return [label for label in measured if label in first.values()]


def _finite(row: Row, label: str) -> bool:
    value = row.scores[label].value if label in row.scores else None
    return value is not None and bool(np.isfinite(value))


def _bars(score: Score) -> np.ndarray | None:
    """Lengths (2, 1) of the error bar below and above; None without an interval."""
    if not score.has_interval or score.value is None or score.low is None or score.high is None:
        return None
    # a percentile interval need not hold the value itself
    return np.maximum([[score.value - score.low], [score.high - score.value]], 0.0)


def _decades(seconds: Sequence[float]) -> tuple[float, float]:
    """Whole decades around the times and a little more, so that there are two labelled ticks and no point is cut."""
    low, high = np.floor(np.log10(min(seconds))), np.ceil(np.log10(max(seconds)))
    return float(10**low) / 1.6, float(10 ** max(high, low + 1)) * 1.6


def _panels(figure: Figure, count: int, columns: int) -> list[Axes]:
    columns = min(columns, count)
    rows = -(-count // columns)
    return [figure.add_subplot(rows, columns, place + 1) for place in range(count)]


def _legend(figure: Figure, axes: Axes) -> None:
    """Above the panels, where it hides nothing."""
    handles, names = axes.get_legend_handles_labels()
    if handles:
        columns = min(len(handles), 3)
        figure.legend(handles, [_short(name) for name in names], loc="outside upper center", ncols=columns, fontsize=8)


def _arrow(block: Block, label: str) -> str:
    scores = [row.scores[label] for row in block.rows if label in row.scores]
    return "↑" if scores and scores[0].higher_is_better else "↓"


def _words(score: Score | None) -> str:
    return "not measured" if score is None or score.value is None else f"{score.value:.4g}"


def _short(name: str, most: int = 28) -> str:
    short = name if len(name) <= most else f"{name[: most // 2]}…{name[-most // 2 + 1 :]}"  # the end tells them apart
    return short.replace("$", r"\$")  # a bare dollar would start a formula


def _slug(label: str) -> str:
    return re.sub("[^A-Za-z0-9]+", "_", label).strip("_")


def _plot(figure: Figure, name: str, title: str, alt: str) -> Plot:
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # draws once; savefig draws twice
    return Plot(f"{name}.png", buffer.getvalue(), title, alt)
