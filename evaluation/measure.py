"""One line of a protocol's metrics: which metric, of whose pictures, seen through which network."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import hydra
import torch
from torch import Tensor

from evaluation.footage import Footage
from evaluation.observers.observer import Listener, Observer
from metrics.frame_mean import FrameMean
from metrics.score_metric import ScoreMetric
from models.errors import MissingAsset, MissingPackage, UserError

QUANTITIES = ("prediction", "driving", "source", "audio")


@dataclass
class Measure:
    """A metric that is being filled, and what it was in every clip.

    Attributes:
        metric: the metric.
        of: what it compares, in the order of its arguments: `prediction`, `driving` (with the same identity: the
            truth), `source`, `audio`.
        through: the observer's name where it compares what an observer sees, else None: the pictures themselves.
        every: it looks at every `every`-th frame.
        observer: of that name.
        clips: (sum, count) of each clip, by the driving's key.

    """

    metric: ScoreMetric
    of: tuple[str, ...]
    through: str | None = None
    every: int = 1
    observer: Observer | None = None
    clips: dict[str, tuple[float, int]] = field(default_factory=dict)
    _pieces: list[tuple[Tensor, ...]] = field(default_factory=list)
    _before: tuple[Tensor, Tensor] | None = None

    def begin(self) -> None:
        """Start a clip: its sum and count are kept apart until it ends, because sums may be infinite (PSNR)."""
        if isinstance(self.metric, FrameMean):
            self._before = self.metric.total, self.metric.count
            self.metric.total, self.metric.count = torch.zeros_like(self._before[0]), torch.zeros_like(self._before[1])

    def show(self, footage: Mapping[str, Footage]) -> None:
        """Take the piece at hand, of each of the clips by name."""
        seen = tuple(self._seen(footage[name]) for name in self.of if name != "audio")
        if self.metric.whole_clip:
            self._pieces.append(seen)
        else:
            self.metric.update(*seen)

    def finish(self, key: str, audio: Tensor | None) -> None:
        """End a clip, whose scored frames had this sound `(640 T,)`."""
        if self.metric.whole_clip:
            whole = iter([torch.cat(parts) for parts in zip(*self._pieces)])
            self.metric.update(*(self._heard(audio, key) if name == "audio" else next(whole) for name in self.of))
            self._pieces.clear()
        if isinstance(self.metric, FrameMean) and self._before is not None:
            self.clips[key] = (float(self.metric.total), int(self.metric.count))
            self.metric.total = self.metric.total + self._before[0]
            self.metric.count = self.metric.count + self._before[1]

    def _seen(self, footage: Footage) -> Tensor:
        if self.observer is None:
            return footage.piece.images[footage.places(self.every)]
        return footage.seen(self.observer, self.every)

    def _heard(self, audio: Tensor | None, key: str) -> Tensor:
        if audio is None:
            raise UserError(f"{key} has no sound, and {self.metric.label} needs it: take data with sound")
        return self.observer.hear(audio) if isinstance(self.observer, Listener) else audio


@dataclass(frozen=True)
class Unavailable:
    """A metric that cannot be had here: it is printed as a dash with the reason."""

    label: str
    reason: str


class Observers:
    """The observers of `configs/observers`, each made when a metric first asks for it.

    Args:
        nodes: config nodes by name.
        build: instantiates a node.
        made: observers that are there already.
        extra: arguments that every constructor takes, such as the device.

    """

    def __init__(
        self,
        nodes: Mapping[str, Mapping[str, Any]],
        build: Callable[..., Any],
        made: Mapping[str, Observer],
        **extra: Any,
    ) -> None:
        self.nodes, self.build, self.extra = nodes, build, extra
        self._made: dict[str, Observer | UserError] = dict(made)

    def __getitem__(self, name: str) -> Observer | UserError:
        """The observer, or the error that says what it lacks."""
        if name not in self._made:
            if name not in self.nodes:
                known = ", ".join(sorted({*self._made, *self.nodes}))
                raise UserError(f"protocol.metrics: through={name} is no observer; there are {known}")
            try:
                self._made[name] = self.build(self.nodes[name], **self.extra)
            except (MissingAsset, MissingPackage) as error:
                self._made[name] = error
        return self._made[name]

    def known_stand_in(self, name: str) -> dict[str, str]:
        """The `stand_in` of an observer that could not be made, as its node or its class says; nothing for None."""
        node = self.nodes[name]
        stand_in = node.get("stand_in", getattr(hydra.utils.get_object(node["_target_"]), "stand_in", None))
        return {} if stand_in is None else {"stand_in": stand_in}

    @property
    def licences(self) -> dict[str, str]:
        """Of those that were made, by name."""
        return {name: made.licence for name, made in self._made.items() if not isinstance(made, UserError)}


def measures(
    lines: Mapping[str, Mapping[str, Any]], build: Callable[..., Any], observers: Observers
) -> tuple[list[Measure], list[Unavailable]]:
    """The metrics of a protocol's `metrics`, in their order, and those that cannot be had here.

    Raises:
        UserError: a line that does not say what it compares, or not as many things as its metric does, or two lines
            with one label.
    """
    ready: list[Measure] = []
    missing: list[Unavailable] = []
    for name, line in lines.items():
        _check(name, line)
        observer = None if line.get("through") is None else observers[line["through"]]
        if isinstance(observer, UserError):
            metric = build(line["metric"], **observers.known_stand_in(line["through"]))
            missing.append(Unavailable(metric.label, str(observer)))
            continue
        metric = build(line["metric"], **({} if observer is None else {"stand_in": observer.stand_in}))
        _check_count(name, line["of"], metric)
        ready.append(Measure(metric, tuple(line["of"]), line.get("through"), line.get("every", 1), observer))
    labels = Counter([*(measure.metric.label for measure in ready), *(line.label for line in missing)])
    twice = [label for label, count in labels.items() if count > 1]
    if twice:
        raise UserError(f"protocol.metrics: several lines are printed as {', '.join(twice)}; keep one of each")
    return ready, missing


def _check(name: str, line: Mapping[str, Any]) -> None:
    unknown = sorted(set(line) - {"metric", "of", "through", "every"})
    if unknown or "metric" not in line or not line.get("of") or not set(line["of"]) <= set(QUANTITIES):
        raise UserError(
            f"protocol.metrics.{name} should have metric and of (any of {', '.join(QUANTITIES)}), and may have through "
            "and every"
        )
    if line.get("every", 1) < 1:
        raise UserError(f"protocol.metrics.{name}: every={line['every']}: it starts at 1")


def _check_count(name: str, compared: Sequence[str], metric: ScoreMetric) -> None:
    takes = list(signature(metric.update).parameters)
    if len(takes) != len(compared):
        raise UserError(
            f"protocol.metrics.{name}: of={', '.join(compared)}, but {metric.label} takes {', '.join(takes)}"
        )


def frames_needed(ready: Iterable[Measure]) -> int:
    """How many frames a clip must have for all of these."""
    return max((measure.metric.minimum_frames for measure in ready), default=1)
