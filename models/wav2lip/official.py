"""What `python -m models.official` can run of Wav2Lip. Faces in these arrays are BGR in [0, 1], as the authors'.

Letters: B batch, T frames.
"""

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from models.errors import UserError
from models.wav2lip import authors
from models.wav2lip.faces import as_authors, from_authors
from models.wav2lip.sync_expert import agreement
from models.weights import Weights

Outputs = dict[str, Tensor]


def wav2lip_generator(weights: Weights, mel: Tensor, face: Tensor) -> Outputs:
    """Wav2Lip: mel windows (B, 1, 80, 16) and faces (B, 6, 96, 96), or (B, T, 1, 80, 16) and (B, 6, T, 96, 96)."""
    clips = face.ndim == 5
    mel = _mel(mel, 5 if clips else 4)
    faces = face.transpose(1, 2) if clips else face
    if faces.ndim != mel.ndim + 1 or faces.shape[-3] != 6:
        raise UserError(f"face is {tuple(face.shape)}, expected (B, 6, 96, 96) or (B, 6, T, 96, 96)")
    both = from_authors(rearrange(faces, "... (two c) h w -> ... two c h w", c=3)).flatten(-4, -3)
    painted = as_authors(authors.generator(weights)(mel, both))
    return {"face": painted.transpose(1, 2) if clips else painted}


def wav2lip_syncnet(weights: Weights, mel: Tensor, frames: Tensor) -> Outputs:
    """The lip-sync expert: mel windows (B, 1, 80, 16) and whole faces (B, 3, 5, 96, 96); embeddings and losses."""
    sound, face = authors.sync_expert(weights)(_mel(mel, 4), _clips(frames))
    cosine = agreement(sound, face)
    loss = F.binary_cross_entropy(cosine, torch.ones_like(cosine))[None]
    other = F.binary_cross_entropy(cosine, torch.zeros_like(cosine))[None]
    return {"audio": sound, "face": face, "cos": cosine, "loss_pos": loss, "loss_neg": other, "sync_loss": loss}


def wav2lip_disc_qual(weights: Weights, frames: Tensor) -> Outputs:
    """The visual quality discriminator of whole faces (B, 3, T, 96, 96); first the frame 0 of all clips, then 1, ..."""
    score = authors.discriminator(weights)(_clips(frames))
    probability = torch.sigmoid(score).T.reshape(-1, 1)
    return {
        "prob": probability,
        "perceptual": F.binary_cross_entropy(probability, torch.ones_like(probability))[None],
        "fake": F.binary_cross_entropy(probability, torch.zeros_like(probability))[None],
    }


def _mel(mel: Tensor, axes: int) -> Tensor:
    if mel.ndim != axes or mel.shape[-3] != 1:
        raise UserError(f"mel is {tuple(mel.shape)}, expected ({'B, T' if axes == 5 else 'B'}, 1, 80, 16)")
    return mel.squeeze(-3)


def _clips(frames: Tensor) -> Tensor:
    """(B, 3, T, H, W) as (B, T, 3, H, W)."""
    if frames.ndim != 5 or frames.shape[1] != 3:
        raise UserError(f"frames is {tuple(frames.shape)}, expected (B, 3, T, 96, 96)")
    return from_authors(frames.transpose(1, 2))
