"""The lip-sync expert of Wav2Lip (Prajwal et al., ACM MM 2020, sec. 3.2): do five frames go with 0.2 s of sound?

It is SyncNet (`models/recognition/syncnet.py`) made anew: it sees the lower half of faces in colour, hears the mel
spectrogram, and its embeddings are compared by their angle. It teaches the generator, and stays frozen meanwhile.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from models.wav2lip.audio_encoder import AudioEncoder
from models.wav2lip.faces import SIDE, as_authors, lower_half
from models.wav2lip.layers import ConvBlock, expect, residuals

FRAMES = 5  # that one embedding sees


class SyncExpert(nn.Module):
    """Embeds five frames of a face, and the mel window that begins with them, in one space.

    Embeddings are of length 1 and have no negative number, so their cosine is in [0, 1].

    Args:
        width: channels after the first layers; 32 in the published weights. An embedding has 16 times as many numbers.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        w = width
        self.face_encoder = nn.Sequential(
            ConvBlock(3 * FRAMES, w, 7, padding=3),
            ConvBlock(w, 2 * w, 5, (1, 2), padding=1),
            *residuals(2 * w, 2),
            ConvBlock(2 * w, 4 * w, stride=2),
            *residuals(4 * w, 3),
            ConvBlock(4 * w, 8 * w, stride=2),
            *residuals(8 * w, 2),
            ConvBlock(8 * w, 16 * w, stride=2),
            *residuals(16 * w, 2),
            ConvBlock(16 * w, 16 * w, stride=2),
            ConvBlock(16 * w, 16 * w, padding=0),
            ConvBlock(16 * w, 16 * w, 1, padding=0),
        )
        self.audio_encoder = AudioEncoder(w, repeats=(2, 2, 2, 2))

    def embed_sound(self, mel: Tensor) -> Tensor:
        """Mel windows (..., 80, 16) in [-4, 4] -> (..., 16 W). The window of frames f to f + 4 begins at 16 f // 5.

        Raises:
            UserError: another shape.
        """
        return F.normalize(self.audio_encoder(mel), dim=-1)

    def embed_faces(self, faces: Tensor) -> Tensor:
        """Whole faces (..., 5, 3, 96, 96), RGB in [-1, 1] -> (..., 16 W); only their lower half is looked at.

        Raises:
            UserError: another shape.
        """
        expect("faces", faces, (FRAMES, 3, SIDE, SIDE))
        mouths = as_authors(lower_half(faces)).flatten(-4, -3).flatten(0, -4)
        return F.normalize(self.face_encoder(mouths).reshape(*faces.shape[:-4], -1), dim=-1)

    def forward(self, mel: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings of both."""
        return self.embed_sound(mel), self.embed_faces(faces)


def agreement(sound: Tensor, faces: Tensor) -> Tensor:
    """Embeddings (..., D) of length 1, twice -> (...): their cosine, the authors' probability that they go together.

    In [0, 1], where rounding would go beyond it: a logarithm is taken of it and of 1 less it.
    """
    return F.cosine_similarity(sound, faces, dim=-1).clamp(0, 1)
