"""Multi-scale SSIM with L1, for training without a pre-trained network (`perceptual=msssim`).

Letters: B batch, H height, W width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import UserError

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, sec. 3.2
C1, C2 = 0.01**2, 0.03**2  # for values in 0..1


class MSSSIM(nn.Module):
    """alpha (1 - MS-SSIM) + (1 - alpha) mean over scales of L1 (Zhao et al. 2017, eq. 13; images taken to [0, 1]).

    MS-SSIM = l_M prod_j cs_j^w_j (Wang et al. 2003, eq. 7), Gaussian window of 11 pixels and sigma 1.5, as many of the
    five scales as the image has room for, their weights made to sum to 1. The L1 is taken on every scale too (our
    choice): coarse scales pull at motion that is far off.
    """

    window: Tensor

    def __init__(self, alpha: float = 0.84, window: int = 11, sigma: float = 1.5) -> None:
        super().__init__()
        offsets = torch.arange(window, dtype=torch.float32) - window // 2
        line = torch.exp(-(offsets**2) / (2 * sigma**2))
        self.register_buffer("window", line / line.sum(), persistent=False)
        self.alpha = alpha

    def extra_repr(self) -> str:
        """The arguments, for the record."""
        return f"alpha={self.alpha}"

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Scalar for images (B, 3, H, W) in [-1, 1]."""
        return self.distance(self.describe(prediction), self.describe(target)).mean()

    def describe(self, image: Tensor) -> Tensor:
        """The images themselves; see `models.inversion.objective.Likeness`."""
        return image

    def distance(self, description: Tensor, wanted: Tensor) -> Tensor:
        """The loss of each pair of images, (B,)."""
        scales = self._scales(min(description.shape[2:]))
        x, y = description.float() * 0.5 + 0.5, wanted.float() * 0.5 + 0.5
        total = sum(SCALE_WEIGHTS[:scales])
        similarity = x.new_ones(len(x))
        distance = x.new_zeros(len(x))
        with torch.autocast(x.device.type, enabled=False):
            for scale in range(scales):
                luminance, contrast = self._ssim_parts(x, y)
                part = luminance * contrast if scale == scales - 1 else contrast
                similarity = similarity * part.mean((1, 2, 3)).clamp(min=1e-4) ** (SCALE_WEIGHTS[scale] / total)
                distance = distance + (x - y).abs().mean((1, 2, 3)) / scales
                x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        return self.alpha * (1 - similarity) + (1 - self.alpha) * distance

    def _scales(self, side: int) -> int:
        room = sum(side // 2**scale >= len(self.window) for scale in range(len(SCALE_WEIGHTS)))
        if not room:
            raise UserError(f"perceptual=msssim needs images of at least {len(self.window)} pixels, got {side}")
        return room

    def _ssim_parts(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Luminance and contrast-structure maps of images in 0..1, without padding."""
        maps = torch.cat([x, y, x * x, y * y, x * y], dim=1)
        channels = maps.shape[1]
        maps = F.conv2d(maps, self.window.view(1, 1, -1, 1).expand(channels, -1, -1, -1), groups=channels)
        maps = F.conv2d(maps, self.window.view(1, 1, 1, -1).expand(channels, -1, -1, -1), groups=channels)
        mean_x, mean_y, xx, yy, xy = maps.chunk(5, dim=1)
        luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
        variances = (xx - mean_x**2) + (yy - mean_y**2)
        contrast = (2 * (xy - mean_x * mean_y) + C2) / (variances + C2)
        return luminance, contrast
