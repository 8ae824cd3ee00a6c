"""Wav2Lip's generator (Prajwal et al., ACM MM 2020, sec. 3.3): gives a face the lips that go with a sound.

Letters: W channels after the first layer of the face encoder.
"""

import torch
from torch import Tensor, nn

from models.wav2lip.audio_encoder import AudioEncoder
from models.wav2lip.faces import SIDE, as_authors, from_authors
from models.wav2lip.layers import ConvBlock, UpBlock, expect, residuals


class Wav2Lip(nn.Module):
    """Mel windows and faces -> the faces with the lips of the sound.

    Args:
        width: W; 16 in the published weights. The audio encoder's first layer has 2 W.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        w = width
        self.face_encoder_blocks = nn.ModuleList(
            [
                nn.Sequential(ConvBlock(6, w, 7, padding=3)),  # 96
                _halving(w, 2 * w, 2),  # 48
                _halving(2 * w, 4 * w, 3),
                _halving(4 * w, 8 * w, 2),
                _halving(8 * w, 16 * w, 2),
                _halving(16 * w, 32 * w, 1),  # 3
                nn.Sequential(ConvBlock(32 * w, 32 * w, padding=0), ConvBlock(32 * w, 32 * w, 1, padding=0)),
            ]
        )
        self.audio_encoder = AudioEncoder(2 * w)
        # Each block gets what the one before it made, and the face's feature of that size behind it.
        self.face_decoder_blocks = nn.ModuleList(
            [
                nn.Sequential(ConvBlock(32 * w, 32 * w, 1, padding=0)),
                nn.Sequential(UpBlock(64 * w, 32 * w, first=True), *residuals(32 * w, 1)),
                nn.Sequential(UpBlock(64 * w, 32 * w), *residuals(32 * w, 2)),
                nn.Sequential(UpBlock(48 * w, 24 * w), *residuals(24 * w, 2)),
                nn.Sequential(UpBlock(32 * w, 16 * w), *residuals(16 * w, 2)),
                nn.Sequential(UpBlock(20 * w, 8 * w), *residuals(8 * w, 2)),
                nn.Sequential(UpBlock(10 * w, 4 * w), *residuals(4 * w, 2)),
            ]
        )
        self.output_block = nn.Sequential(ConvBlock(5 * w, 2 * w), nn.Conv2d(2 * w, 3, 1))

    def forward(self, mel: Tensor, faces: Tensor) -> Tensor:
        """Faces (..., 3, 96, 96), RGB in [-1, 1].

        Args:
            mel: (..., 80, 16) one window per face, in [-4, 4].
            faces: (..., 6, 96, 96) RGB in [-1, 1]: the face to be changed, after `faces.without_lower_half`, then
                another picture of the same person. The leading axes are those of `mel`, and all are one batch.

        Raises:
            UserError: another shape.
        """
        expect("faces", faces, (6, SIDE, SIDE))
        expect("faces", faces, (*mel.shape[:-2], 6, SIDE, SIDE))
        feature = as_authors(faces.reshape(-1, 2, 3, SIDE, SIDE)).flatten(1, 2)
        features = []
        for block in self.face_encoder_blocks:
            feature = block(feature)
            features.append(feature)
        x = self.audio_encoder(mel).reshape(-1, self.audio_encoder.size, 1, 1)
        for block, feature in zip(self.face_decoder_blocks, reversed(features)):
            x = torch.cat([block(x), feature], dim=1)
        painted = torch.sigmoid(self.output_block(x))
        return from_authors(painted).reshape(*faces.shape[:-3], 3, SIDE, SIDE)


def _halving(channels_in: int, channels_out: int, count: int) -> nn.Sequential:
    return nn.Sequential(ConvBlock(channels_in, channels_out, stride=2), *residuals(channels_out, count))
