"""What an observer is: it looks at pictures (and may listen to sound) and says what a metric then compares."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import Tensor

from evaluation.footage import Piece

Watcher = Callable[[Piece], Tensor]


class Observer(Protocol):
    """One node of `configs/observers`; its constructor takes `device` beside its own arguments.

    Where its network is not here, its constructor raises `MissingAsset` or `MissingPackage`: the metrics that look
    through it are then printed as a dash, with that line as their footnote.

    Attributes:
        stand_in: None where this is the network of the papers, else its short name, which metrics carry: `CSIM[dlib]`.
        licence: of the network.
        per_frame: row i of what it returns depends on frame i alone: then it may be asked about every n-th frame only,
            and about a still picture only once.

    """

    stand_in: str | None
    licence: str
    per_frame: bool

    def begin(self) -> Watcher:
        """Start a clip. The watcher is given its pieces in order and returns `(n, ...)` on the CPU, NaN without a face.

        With `per_frame` n is the number of frames of the piece; else it may hold some back until more have come.
        """
        ...


@runtime_checkable
class Listener(Protocol):
    """An observer that also hears: of metrics that compare `prediction` with `audio`."""

    def hear(self, audio: Tensor) -> Tensor:
        """What it hears in the sound `(640 T,)` at 16 kHz, in [-1, 1], of the T scored frames, first to last."""
        ...
