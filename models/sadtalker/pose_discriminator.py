"""The 1-D patch discriminator that PoseVAE is trained against (SadTalker, sec. 3.2, B.3).

Letters: B batch, T frames, P numbers of a pose (6).
"""

from torch import Tensor, nn
from torch.nn import functional as F

from models.face3d.semantics import POSE


class PoseDiscriminator(nn.Module):
    """Motion (B, T, P), relative to the pose before it -> scores (B, T / 4) of overlapping stretches, no sigmoid.

    Args:
        width: channels of the first layer; 256 in the authors' weights.
    """

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.seq = nn.Sequential(
            _Block(POSE, width, kernel_size=4, stride=2),
            _Block(width, 2 * width, kernel_size=4, stride=2),
            _Block(2 * width, 4 * width, kernel_size=3, stride=1),
            nn.Conv1d(4 * width, 1, 3, padding=1),
        )

    def forward(self, motion: Tensor) -> Tensor:
        """See the class."""
        return self.seq(motion.transpose(1, 2)).squeeze(1)


class _Block(nn.Module):
    """Convolution over time, batch norm, ReLU."""

    def __init__(self, channels_in: int, channels_out: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels_in, channels_out, kernel_size, stride, padding=1, bias=False)
        self.norm = nn.BatchNorm1d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)), inplace=True)
