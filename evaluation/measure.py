"""One line of a protocol's metrics: which metric, of which images, seen through which network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from evaluation.observer import FaceObserver
from metrics.frame_mean import FrameMean
from models.errors import UserError

QUANTITIES = ("prediction", "driving", "source")


@dataclass
class Measure:
    """A metric that is being filled, and what it was in every clip.

    Attributes:
        metric: the metric.
        of: the two images it compares: `prediction`, `driving` (with the same identity: the truth) or `source`.
        through: `landmarks` or `identity` where it compares what a network sees in the images, else None.
        every: it looks at every `every`-th frame.
        clips: (sum, count) of each clip, by the driving's key.

    """

    metric: FrameMean
    of: tuple[str, str]
    through: str | None = None
    every: int = 1
    clips: dict[str, tuple[float, int]] = field(default_factory=dict)

    def update(self, key: str, images: Mapping[str, Tensor], observer: FaceObserver) -> None:
        """Add one clip: images `(T, 3, S, S)` in [-1, 1] by name."""
        first, second = (images[name] for name in self.of)
        if self.through is None:
            first, second = first[:: self.every], second[:: self.every]
        else:
            _, view = observer.views[self.through]
            first, second = view(first, self.every), view(second, self.every)
        counted = int(self.metric.count)
        value = float(self.metric(first, second))
        count = int(self.metric.count) - counted
        self.clips[key] = (value * count if count else 0.0, count)


@dataclass(frozen=True)
class Unavailable:
    """A metric that cannot be had here: it is printed as a dash with the reason."""

    label: str
    reason: str


def measures(
    lines: Sequence[Mapping[str, Any]], build: Callable[..., Any], observer: FaceObserver
) -> tuple[list[Measure], list[Unavailable]]:
    """The metrics of a protocol's `metrics` list; `build` instantiates a node.

    Raises:
        UserError: a line that does not say what it compares.
    """
    ready, missing = [], []
    for line in lines:
        unknown = sorted(set(line) - {"metric", "of", "through", "every"})
        if unknown or len(line["of"]) != 2 or not set(line["of"]) <= set(QUANTITIES):
            raise UserError(f"protocol.metrics: {dict(line)} should have metric, of (two of {', '.join(QUANTITIES)})")
        through = line.get("through")
        extra = {}
        if through is not None:
            if through not in observer.views:
                raise UserError(f"protocol.metrics: through={through} is none of {', '.join(observer.views)}")
            extra = {"stand_in": observer.views[through][0]}
        metric = build(line["metric"], **extra)
        reason = observer.lacking(through) if through is not None else None
        if reason is not None:
            missing.append(Unavailable(metric.label, reason))
        else:
            ready.append(Measure(metric, (line["of"][0], line["of"][1]), through, line.get("every", 1)))
    return ready, missing
