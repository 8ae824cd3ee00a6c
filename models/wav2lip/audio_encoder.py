"""The audio encoder of Wav2Lip (Prajwal et al., ACM MM 2020, sec. 3.3), which SadTalker's ExpNet and PoseVAE share."""

from torch import Tensor, nn

from models.audio.mel import BANDS, COLUMNS
from models.wav2lip.layers import ConvBlock, expect, residuals


class AudioEncoder(nn.Sequential):
    """Mel windows -> one code each, of `size` = 16 x `width` numbers, none of them negative.

    Args:
        width: channels after the first layer; 32 in all published weights.
        repeats: residual blocks at 1, 2, 4 and 8 times the width: (2, 2, 2, 1), or (2, 2, 2, 2) in the sync expert.
    """

    def __init__(self, width: int = 32, repeats: tuple[int, int, int, int] = (2, 2, 2, 1)) -> None:
        self.size = 16 * width
        strides: list[int | tuple[int, int]] = [1, (3, 1), 3, (3, 2)]  # the first axis is pitch, the second time
        layers: list[nn.Module] = []
        channels_in = 1
        for level, (stride, count) in enumerate(zip(strides, repeats)):
            channels = width * 2**level
            layers += [ConvBlock(channels_in, channels, stride=stride), *residuals(channels, count)]
            channels_in = channels
        layers += [ConvBlock(channels_in, self.size, padding=0), ConvBlock(self.size, self.size, 1, padding=0)]
        super().__init__(*layers)

    def forward(self, mel: Tensor) -> Tensor:
        """(..., 80, 16) of `models.audio.mel.MelSpectrogram`, in [-4, 4] -> (..., size).

        All leading axes are one batch: no window knows of another one.

        Raises:
            UserError: windows of another shape.
        """
        expect("mel windows", mel, (BANDS, COLUMNS))
        x = mel.reshape(-1, 1, BANDS, COLUMNS)
        for layer in self:
            x = layer(x)
        return x.reshape(*mel.shape[:-2], self.size)
