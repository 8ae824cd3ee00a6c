"""Things paired with the pixels of their bounding boxes: triangles and strokes drawn without loops over them."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

PAIRS = 1 << 20  # how many are made in one go


@dataclass(frozen=True)
class PixelBoxes:
    """One box of pixels for each of T things.

    left, top, wide, high: (T,) int64, within the picture; a box without pixels has wide or high 0.
    """

    left: Tensor
    top: Tensor
    wide: Tensor
    high: Tensor

    @classmethod
    def around(cls, least: Tensor, most: Tensor, keep: Tensor, height: int, width: int) -> "PixelBoxes":
        """The pixels whose centres lie between `least` and `most` (T, 2), (x, y) in pixels; none where not `keep`."""
        last = least.new_tensor([width - 1, height - 1])
        first = (least - 0.5).clamp(min=0).ceil()
        size = (torch.minimum(most - 0.5, last).floor() - first + 1).clamp(min=0)
        keep = keep & (size > 0).all(1)
        return cls(*torch.cat([first, size], dim=1).where(keep[:, None], 0).long().unbind(1))

    def pairs(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Thing, row and column, each (P,) int64, of all pixels of all boxes; at most `PAIRS` at a time."""
        count = self.wide * self.high
        ends = count.cumsum(0)
        total = int(ends[-1]) if len(ends) else 0
        for start in range(0, total, PAIRS):
            pair = torch.arange(start, min(start + PAIRS, total), device=ends.device)
            thing = torch.searchsorted(ends, pair, right=True)
            place, wide = pair - (ends - count)[thing], self.wide[thing]
            yield thing, self.top[thing] + place // wide, self.left[thing] + place % wide
