"""e4e's encoder (Tov et al., ACM TOG 2021, sec. 4): one code, and what the code of each layer differs from it.

Letters: B batch, N codes, W numbers of a code, S side of the picture.
"""

import torch
from torch import Tensor

from models.inversion.gradual_style import GradualStyleEncoder


class Encoder4Editing(GradualStyleEncoder):
    """Pictures (B, 3, S, S) in [-1, 1] -> codes (B, N, W): w_0, and w_i = w_0 + delta_i.

    The arguments are those of `GradualStyleEncoder`. Training gives the deltas one after the other (sec. 4.2.1), by
    `stage`.
    """

    def forward(self, image: Tensor, stage: int | None = None) -> Tensor:
        """Codes; only codes 1 to `stage` have deltas, 0: none has, None: all have."""
        pyramid = self.pyramid(image)
        last = self.codes - 1 if stage is None else min(stage, self.codes - 1)
        first = self.styles[0](pyramid[0])
        deltas = [self.styles[code](pyramid[self.levels[code]]) for code in range(1, last + 1)]
        deltas += [torch.zeros_like(first)] * (self.codes - 1 - last)
        return first[:, None] + torch.stack([torch.zeros_like(first), *deltas], dim=1) + self.latent_avg
