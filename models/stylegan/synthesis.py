"""What StyleGAN2 and 3 share: a synthesis can start behind any layer, be changed at any, and be looked at behind any.

Every layer has a name. `conv4`, `up8`, `conv8`, `up16`, ... in StyleGAN2: up64 doubles the size to 64, conv64 follows.
`L0`, `L1`, ... in StyleGAN3.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from models.errors import UserError

Edit = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class State:
    """Where a synthesis stands behind a layer.

    Attributes:
        feature: (B, C, H, W) what the layer gave.
        image: the picture (B, 3, h, w) that all sizes before this one add up to (StyleGAN2); None where there is none.
    """

    feature: Tensor
    image: Tensor | None = None


@dataclass(frozen=True)
class Synthesised:
    """A picture (B, 3, S, S), RGB, about [-1, 1], not clamped; and the states that were asked for, by layer."""

    image: Tensor
    states: dict[str, State] = field(default_factory=dict)


@dataclass(frozen=True)
class Access:
    """What a pass does beside making the picture.

    Attributes:
        start: (layer, state): go on behind this layer; nothing before it is computed.
        edits: by layer, what to make of its feature before it is used and kept: warp it, modulate it, replace it.
        keep: layers whose states are given back, after the edits.
    """

    start: tuple[str, State] | None = None
    edits: Mapping[str, Edit] = field(default_factory=dict)
    keep: Sequence[str] = ()

    def first(self, names: Sequence[str]) -> int:
        """The number of the first layer to compute.

        Raises:
            UserError: a layer that does not exist, or that lies before the start, is asked for.
        """
        wanted = [*self.edits, *self.keep, *([self.start[0]] if self.start else [])]
        unknown = [name for name in wanted if name not in names]
        if unknown:
            raise UserError(f"there is no layer {', '.join(unknown)}; the synthesis has {', '.join(names)}")
        if self.start is None:
            return 0
        first = names.index(self.start[0]) + 1
        passed = [name for name in (*self.edits, *self.keep) if names.index(name) < first]
        if passed:
            raise UserError(f"the synthesis starts behind {self.start[0]} and does not come to {', '.join(passed)}")
        return first


NOTHING = Access()
