"""Draws what every metric makes of graded damage to real clips: docs/metric_checks.png.

    python -m tests.benchmarks.metric_checks SHARDS docs/metric_checks.png

SHARDS is made by prepare.py from real talking heads with sound, for instance
`python prepare.py input=REAL/videos output=SHARDS size=256 shards.test_fraction=1`. A curve that does not get worse
from every level to the next is drawn dashed and named on the terminal.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from datamodules.clip_shards import ClipShards
from evaluation.measure import Observers
from models.aside import written_aside
from tests.evaluation.degradations import SERIES, Series, everything_seen, measured, wrong_steps

SIZE, CLIPS = 128, 6
FRAMES = {"lips after the sound": 76}  # three seconds; of the others one


def curves(series: Series, clips: ClipShards, observers: Observers) -> dict[str, tuple[list[float], bool]]:
    """Values at every level, and the direction, by label."""
    frames = FRAMES.get(series.name, 26)
    found = [measured(series, level, clips, observers, SIZE, frames, CLIPS) for level in series.levels]
    labels = [label for label in series.labels if label in found[0]]
    return {label: ([values[label][0] for values in found], bool(found[0][label][1])) for label in labels}


def draw(axes: plt.Axes, series: Series, found: dict[str, tuple[list[float], bool]]) -> None:
    """Every curve on a scale of its own: 0 is the least and 1 the most that it reaches."""
    for label, (values, higher_is_better) in found.items():
        finite = [value for value in values if abs(value) != float("inf")]
        low, high = min(finite), max(finite)
        shown = [(min(value, high) - low) / ((high - low) or 1) for value in values]
        wrong = wrong_steps(values, higher_is_better)
        arrow = "↑" if higher_is_better else "↓"
        axes.plot(series.levels, shown, "o--" if wrong else "o-", label=f"{label} {arrow} {low:.3g} to {high:.3g}")
        if wrong:
            print(f"{series.name}: {label} does not get worse at each level: {values}")
    axes.set_title(series.name)
    axes.set_xlabel(series.unit)
    axes.set_yticks([0, 1], ["least", "most"])
    axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.22))


def main(shards: str, picture: str) -> None:
    """Measure all series and draw them side by side."""
    clips, observers = ClipShards(shards, "test"), everything_seen()
    figure, axes = plt.subplots(1, len(SERIES), figsize=(4 * len(SERIES), 4.6))
    for place, series in zip(axes, SERIES):
        draw(place, series, curves(series, clips, observers))
        print(f"{series.name}: done", flush=True)
    figure.tight_layout()
    with written_aside(Path(picture)) as part:
        figure.savefig(part, dpi=110, format="png")


if __name__ == "__main__":
    main(*sys.argv[1:])
