"""PoseVAE (SadTalker, sec. 3.2, B.1 to B.3): head motion that goes with speech, in the style of a person.

A conditional variational autoencoder over the motion of 32 frames, which is their poses less the pose before them.
A pose is 6 numbers: rotation (pitch, yaw, roll in radians) and translation (decimetres), as `Coefficients` has them.

Letters: B batch, T frames of a chunk (32), P numbers of a pose (6), D size of the audio encoder's codes (512), L size
of the latent (64).
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from models.errors import UserError
from models.face3d.semantics import POSE
from models.sadtalker.pose_unet import MULTIPLE, PoseUNet
from models.wav2lip.audio_encoder import AudioEncoder


class Posterior(NamedTuple):
    """What the encoder says of the latent: `mean` and `log_variance`, each (B, L)."""

    mean: Tensor
    log_variance: Tensor

    def sample(self) -> Tensor:
        """One latent (B, L) of each, differentiable."""
        return self.mean + (self.log_variance / 2).exp() * torch.randn_like(self.mean)


class PoseVAE(nn.Module):
    """Encoder and decoder of head motion, and the audio encoder that both are given the codes of.

    The defaults are the authors' sizes. Motion of any length is drawn by `models.sadtalker.pose_sampling.sample_poses`.

    Args:
        n_styles: people whose styles are learned; 46 in the authors' weights.
        frames: T, a multiple of 8.
        latent: L.
        hidden: neurons between.
        heard: numbers that a frame's code of D numbers is brought down to.
        filters: channels of the U-Nets.
        width: of the `AudioEncoder`, D = 16 x width; the authors begin with Wav2Lip's and leave it as it is.
        one_head: the log variance is the mean once more. So it is in the authors' code, whose layer for it is in their
            files and never called; training is better off with its own.
    """

    def __init__(
        self,
        n_styles: int = 46,
        frames: int = 32,
        latent: int = 64,
        hidden: int = 128,
        heard: int = 6,
        filters: Sequence[int] = (32, 64, 128, 256),
        width: int = 32,
        one_head: bool = False,
    ) -> None:
        super().__init__()
        if frames % MULTIPLE:
            raise UserError(f"PoseVAE's chunks must be multiples of {MULTIPLE} frames long, got {frames}")
        self.n_styles, self.frames, self.latent, self.codes = n_styles, frames, latent, 16 * width
        self.audio_encoder = nn.ModuleDict({"audio_encoder": AudioEncoder(width)})
        sizes = (n_styles, frames, latent, hidden, heard, filters, self.codes)
        self.netG = nn.ModuleDict({"encoder": PoseEncoder(*sizes, one_head), "decoder": PoseDecoder(*sizes)})

    def hear(self, mel: Tensor) -> Tensor:
        """Mel windows (..., 80, 16) -> codes (..., D)."""
        return cast(Tensor, self.audio_encoder["audio_encoder"](mel))

    def encode(self, motion: Tensor, first: Tensor, sound: Tensor, style: Tensor) -> Posterior:
        """What latent a motion had.

        Args:
            motion: (B, T, P) poses of the frames after the first one, less the first one's.
            first: (B, P) the first frame's pose.
            sound: (B, T, D) codes of the frames of `motion`, from `hear`.
            style: (B,) int64 numbers of people, 0 to `n_styles` - 1.
        """
        return cast(Posterior, self.netG["encoder"](motion, first, sound, style))

    def decode(self, latent: Tensor, first: Tensor, sound: Tensor, style: Tensor) -> Tensor:
        """The motion (B, T, P) of a latent (B, L); the rest as in `encode`. Add `first` to get poses."""
        return cast(Tensor, self.netG["decoder"](latent, first, sound, style))

    def check(self, first: Tensor, sound: Tensor, style: Tensor) -> None:
        """`UserError` unless these are poses (B, P), codes (B, n, D) of any n, and styles (B,) that were learned."""
        batch = len(first)
        if first.shape != (batch, POSE) or sound.ndim != 3 or sound.shape[::2] != (batch, self.codes):
            shapes = f"poses {tuple(first.shape)} and sound {tuple(sound.shape)}"
            raise UserError(f"{shapes}: expected (B, {POSE}) and (B, T, {self.codes})")
        if style.shape != (batch,) or style.is_floating_point():
            raise UserError(f"styles are whole numbers of shape ({batch},), got {style.dtype} of {tuple(style.shape)}")
        unknown = style[(style < 0) | (style >= self.n_styles)]
        if len(unknown):
            raise UserError(f"there is no pose style {int(unknown[0])}: this network has 0 to {self.n_styles - 1}")


class PoseEncoder(nn.Module):
    """See `PoseVAE.encode`."""

    def __init__(
        self,
        n_styles: int,
        frames: int,
        latent: int,
        hidden: int,
        heard: int,
        filters: Sequence[int],
        codes: int,
        one_head: bool,
    ) -> None:
        super().__init__()
        self.one_head = one_head
        self.resunet = PoseUNet(filters)
        conditions = POSE + frames * (POSE + heard) + latent
        self.MLP = nn.Sequential(OrderedDict(L0=nn.Linear(conditions, hidden), A0=nn.ReLU()))
        self.linear_means = nn.Linear(hidden, latent)
        self.linear_logvar = nn.Linear(hidden, latent)
        self.linear_audio = nn.Linear(codes, heard)
        self.classbias = nn.Parameter(torch.randn(n_styles, latent))

    def forward(self, motion: Tensor, first: Tensor, sound: Tensor, style: Tensor) -> Posterior:
        """See `PoseVAE.encode`."""
        seen, heard = self.resunet(motion[:, None]).flatten(1), self.linear_audio(sound).flatten(1)
        x = self.MLP(torch.cat([first, seen, heard, self.classbias[style]], dim=1))
        mean = self.linear_means(x)
        return Posterior(mean, mean if self.one_head else self.linear_logvar(x))


class PoseDecoder(nn.Module):
    """See `PoseVAE.decode`."""

    def __init__(
        self, n_styles: int, frames: int, latent: int, hidden: int, heard: int, filters: Sequence[int], codes: int
    ) -> None:
        super().__init__()
        self.resunet = PoseUNet(filters)
        conditions = POSE + latent + frames * heard
        layers = OrderedDict(
            L0=nn.Linear(conditions, hidden), A0=nn.ReLU(), L1=nn.Linear(hidden, frames * POSE), sigmoid=nn.Sigmoid()
        )
        self.MLP = nn.Sequential(layers)
        self.pose_linear = nn.Linear(POSE, POSE)
        self.linear_audio = nn.Linear(codes, heard)
        self.classbias = nn.Parameter(torch.randn(n_styles, latent))

    def forward(self, latent: Tensor, first: Tensor, sound: Tensor, style: Tensor) -> Tensor:
        """See `PoseVAE.decode`."""
        heard = self.linear_audio(sound).flatten(1)
        x = self.MLP(torch.cat([first, latent + self.classbias[style], heard], dim=1))
        return self.pose_linear(self.resunet(x.reshape(len(x), 1, -1, POSE)).squeeze(1))
