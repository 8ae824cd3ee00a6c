"""Feature matching of the discriminator (Wang et al. 2018, pix2pixHD, eq. 4; face-vid2vid appendix A.2)."""

from collections.abc import Sequence

import torch
from torch import Tensor


def feature_matching(fake: Sequence[Sequence[Tensor]], real: Sequence[Sequence[Tensor]]) -> Tensor:
    """Sum over scales and layers of mean |D_l(fake) - D_l(real)|; features of any shape, [scale][layer].

    Only the generated side gets gradients.
    """
    distances = [
        (ours - theirs.detach()).abs().float().mean()
        for ours_of_scale, theirs_of_scale in zip(fake, real, strict=True)
        for ours, theirs in zip(ours_of_scale, theirs_of_scale, strict=True)
    ]
    return torch.stack(distances).sum()
