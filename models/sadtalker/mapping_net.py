"""MappingNet of SadTalker (sec. 3.3): a window of 3DMM coefficients -> the `HeadMotion` that drives face-vid2vid.

Letters: B batch, C coefficients, T frames.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from models.sadtalker.keypoint_transform import HeadMotion

WINDOW = 27  # frames: 13 on both sides of the one that is rendered


class MappingNet(nn.Module):
    """Coefficients (B, C, 27) -> `HeadMotion` of the middle frame.

    C = 70: expression 64, angles 3, translation 3; 73 with the crop (scale, tx, ty) for full images.
    """

    def __init__(
        self,
        num_coefficients: int = 70,
        descriptor_channels: int = 1024,
        num_layers: int = 3,
        num_keypoints: int = 15,
        num_bins: int = 66,
    ) -> None:
        super().__init__()
        width = descriptor_channels
        self.first = nn.Sequential(nn.Conv1d(num_coefficients, width, 7))
        self.layers = [f"encoder{i}" for i in range(num_layers)]
        for name in self.layers:
            setattr(self, name, nn.Sequential(nn.LeakyReLU(0.1), nn.Conv1d(width, width, 3, dilation=3)))
        self.fc_roll = nn.Linear(width, num_bins)
        self.fc_pitch = nn.Linear(width, num_bins)
        self.fc_yaw = nn.Linear(width, num_bins)
        self.fc_t = nn.Linear(width, 3)
        self.fc_exp = nn.Linear(width, 3 * num_keypoints)

    def forward(self, coefficients: Tensor) -> HeadMotion:
        """Coefficients (B, C, 27), channels first."""
        x = self.first(coefficients)
        for name in self.layers:
            x = getattr(self, name)(x) + x[:, :, 3:-3]
        x = F.adaptive_avg_pool1d(x, 1).squeeze(-1)
        return HeadMotion.from_logits(
            yaw=self.fc_yaw(x),
            pitch=self.fc_pitch(x),
            roll=self.fc_roll(x),
            translation=self.fc_t(x),
            deformation=self.fc_exp(x),
        )
