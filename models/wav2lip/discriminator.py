"""Wav2Lip's visual quality discriminator (Prajwal et al., ACM MM 2020, sec. 3.4): does the mouth look real?"""

from torch import Tensor, nn

from models.wav2lip.faces import SIDE, as_authors, lower_half
from models.wav2lip.layers import PlainBlock, expect


class QualityDiscriminator(nn.Module):
    """Faces -> one score each, by their lower half.

    Args:
        width: channels after the first layer; 32 in the published weights.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        w = width
        self.face_encoder_blocks = nn.ModuleList(
            [
                nn.Sequential(PlainBlock(3, w, 7)),  # 48 x 96
                nn.Sequential(PlainBlock(w, 2 * w, 5, (1, 2)), PlainBlock(2 * w, 2 * w, 5)),  # 48 x 48
                nn.Sequential(PlainBlock(2 * w, 4 * w, 5, 2), PlainBlock(4 * w, 4 * w, 5)),
                nn.Sequential(PlainBlock(4 * w, 8 * w, 5, 2), PlainBlock(8 * w, 8 * w, 5)),
                nn.Sequential(PlainBlock(8 * w, 16 * w, 3, 2), PlainBlock(16 * w, 16 * w, 3)),
                nn.Sequential(PlainBlock(16 * w, 16 * w, 3, 2), PlainBlock(16 * w, 16 * w, 3)),  # 3 x 3
                nn.Sequential(PlainBlock(16 * w, 16 * w, 3, padding=0), PlainBlock(16 * w, 16 * w, 1)),
            ]
        )
        self.binary_pred = nn.Sequential(nn.Conv2d(16 * w, 1, 1))

    def forward(self, faces: Tensor) -> Tensor:
        """(..., 3, 96, 96) RGB in [-1, 1] -> (...): the logit of being real; its sigmoid is the authors' output.

        Raises:
            UserError: another shape.
        """
        expect("faces", faces, (3, SIDE, SIDE))
        x = as_authors(lower_half(faces)).flatten(0, -4)
        for block in self.face_encoder_blocks:
            x = block(x)
        return self.binary_pred(x).reshape(faces.shape[:-3])
