"""The one interface to a trained method: encode a source once, read motion, edit it, render frames."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from models.errors import UserError

Need = Literal["video", "audio"]


@dataclass(frozen=True)
class Motion:
    """Named parts of motion over time, to be edited freely.

    parts: name -> `(T, ...)`, all of one length. Usual names: `rotation` (radians), `translation`, `expression`.
    """

    parts: dict[str, Tensor]

    def __post_init__(self) -> None:
        if len({len(part) for part in self.parts.values()}) != 1:
            raise ValueError(f"parts differ in length: { {name: len(part) for name, part in self.parts.items()} }")

    def __len__(self) -> int:
        return len(next(iter(self.parts.values())))

    def __getitem__(self, frames: slice | list[int] | Tensor) -> "Motion":
        """The motion at these frames, in this order; a list may repeat frames."""
        return self.map(lambda _, part: part[frames])

    def map(self, change: Callable[[str, Tensor], Tensor]) -> "Motion":
        """A motion whose parts are `change(name, part)`: smoothing, curves, units."""
        return Motion({name: change(name, part) for name, part in self.parts.items()})

    def scaled(self, factors: Mapping[str, float]) -> "Motion":
        """Parts times their factors; parts that are not named stay.

        Raises:
            UserError: a factor for a part that this motion does not have.
        """
        self._check(factors)
        return self.map(lambda name, part: part * factors.get(name, 1.0))

    def mixed(self, other: "Motion", names: Iterable[str]) -> "Motion":
        """Take the named parts from another motion of the same length.

        Raises:
            UserError: a part that this motion does not have.
        """
        names = list(names)
        self._check(names)
        return Motion({**self.parts, **{name: other.parts[name] for name in names}})

    def _check(self, names: Iterable[str]) -> None:
        unknown = sorted(set(names) - set(self.parts))
        if unknown:
            raise UserError(f"this motion has no part {', '.join(unknown)}; it has {', '.join(self.parts)}")

    def plus(self, other: "Motion") -> "Motion":
        """Sum, part by part; a motion of one frame is added to all."""
        return self.map(lambda name, part: part + other.parts[name])

    def minus(self, other: "Motion") -> "Motion":
        """Difference, part by part; a motion of one frame is taken from all."""
        return self.map(lambda name, part: part - other.parts[name])

    @staticmethod
    def joined(pieces: Iterable["Motion"]) -> "Motion":
        """Pieces one after the other in time."""
        pieces = list(pieces)
        return Motion({name: torch.cat([piece.parts[name] for piece in pieces]) for name in pieces[0].parts})


@dataclass(frozen=True)
class Transfer:
    """How driving motion is put on the source.

    relative: the source keeps its own pose and expression and only the change since the first driving frame is added
        (FOMM sec. 3.4, per part of the motion; right when source and driving do not start alike). Otherwise the source
        takes the driving's motion as it is.
    scale: factors for parts of the motion, of its change when relative; 0 keeps a part still.
    parts: only these are taken from the driving, the others stay the source's; all when not given.
    """

    relative: bool = True
    scale: Mapping[str, float] = field(default_factory=dict)
    parts: Iterable[str] | None = None

    def __call__(self, driving: Motion, source: Motion) -> Motion:
        """The motion `(T, ...)` to render, from the driving's `(T, ...)` and the source's `(1, ...)`."""
        if self.relative:
            moved = driving.minus(driving[:1]).scaled(self.scale).plus(source)
        else:
            moved = driving.scaled(self.scale)
        if self.parts is None:
            return moved
        return source[[0] * len(driving)].mixed(moved, self.parts)


@dataclass(frozen=True)
class Source:
    """An encoded portrait: its own motion, one frame long, and whatever the method wants to keep."""

    motion: Motion
    features: Any


class Animator(ABC):
    """A trained method. Its network is in eval mode and needs no gradients.

    Args:
        model: the network, with the weights loaded, on the device where it is to run.
        size: side in pixels of the square images that go in and come out, as in training.

    Attributes:
        needs: what drives it; motion is read from this.
        parts: the names of the parts of its motion.

    """

    needs: ClassVar[frozenset[Need]]
    parts: ClassVar[tuple[str, ...]]

    def __init__(self, model: nn.Module, size: int) -> None:
        self.model = model.eval().requires_grad_(False)
        self.size = size

    @property
    def device(self) -> torch.device:
        """Where the network is; inputs must be there, and outputs are."""
        return next(self.model.parameters()).device

    @abstractmethod
    def encode_source(self, source: Tensor) -> Source:
        """Take one portrait `(1, 3, S, S)` in [-1, 1]."""

    @abstractmethod
    def read_motion(self, driving: Tensor) -> Motion:
        """Motion of driving frames `(T, 3, S, S)` in [-1, 1], cropped as the source is."""

    def read_speech(self, speech: Tensor, source: Source) -> Motion:
        """Motion `(T, ...)` for the speech `(640 T,)` at 16 kHz of a source, by methods that need `audio`."""
        raise UserError(f"{type(self).__name__} is not driven by sound; it needs {', '.join(sorted(self.needs))}")

    @abstractmethod
    def render(self, source: Source, motion: Motion) -> Tensor:
        """Frames `(T, 3, S, S)` in [-1, 1] of the source in this motion."""

    @torch.inference_mode()
    def read_all(self, driving: Iterable[Tensor]) -> Motion:
        """Motion of a whole driving, given in pieces `(t, 3, S, S)` on any device; only the motion is kept."""
        return Motion.joined(self.read_motion(piece.to(self.device)) for piece in driving)

    def render_all(self, source: Source, motion: Motion, batch: int = 4) -> Iterator[Tensor]:
        """Frames of a whole motion in pieces of at most `batch`, in memory that does not grow with the length."""
        for start in range(0, len(motion), batch):
            with torch.inference_mode():  # not around the loop: a generator would leave it switched on for its caller
                frames = self.render(source, motion[start : start + batch])
            yield frames
