"""ExpNet (SadTalker, sec. 3.2, B.1 and B.2): speech and a blink signal -> expression coefficients of every frame.

Letters: B batch, T frames at 25 fps, E expression numbers of the face model.
"""

import torch
from torch import Tensor, nn

from models.errors import UserError
from models.wav2lip.audio_encoder import AudioEncoder


class ExpNet(nn.Module):
    """An audio encoder, and one linear layer over what is heard, whose face it is, and how far the eyes are closed.

    No frame knows of another one; what varies over time is the sound and the blink signal.

    Args:
        n_expression: E; 64 in the authors' weights.
        width: of the `AudioEncoder`; 32 there. It can begin with Wav2Lip's (`models.wav2lip.authors.audio_encoder`).
    """

    def __init__(self, n_expression: int = 64, width: int = 32) -> None:
        super().__init__()
        self.n_expression = n_expression
        self.audio_encoder = AudioEncoder(width)
        self.mapping1 = nn.Linear(self.audio_encoder.size + n_expression + 1, n_expression)

    def forward(self, mel: Tensor, reference: Tensor, blink: Tensor) -> Tensor:
        """Absolute expression coefficients (B, T, E); the reference's are not added to them.

        Args:
            mel: (B, T, 80, 16) the window around each frame, in [-4, 4].
            reference: (B, T, E) expression of the portrait, the same for all frames, or of a person who lends the
                blinks; (B, 1, E) stands for all frames.
            blink: (B, T, 1) how far the eyes are closed: 0 open, 1 closed; (B, 1, 1) stands for all frames.

        Raises:
            UserError: shapes that do not go together.
        """
        return self.map(self.audio_encoder(mel), reference, blink)

    def map(self, heard: Tensor, reference: Tensor, blink: Tensor) -> Tensor:
        """The second half of `forward`: codes (B, T, 512) of the audio encoder, the rest as there."""
        leading = heard.shape[:-1]
        for name, array, size in (("reference", reference, self.n_expression), ("blink", blink, 1)):
            fits = array.ndim == heard.ndim and array.shape[-1] == size
            if not fits or any(have not in (1, want) for have, want in zip(array.shape, leading)):
                want = ", ".join(map(str, (*leading, size)))
                raise UserError(f"{name} must be of shape ({want}), got {tuple(array.shape)}")
        parts = [heard, reference.expand(*leading, -1), blink.expand(*leading, -1)]
        return self.mapping1(torch.cat(parts, dim=-1))
