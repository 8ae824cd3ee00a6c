"""Whether lips and sound go together, by SyncNet."""

import torch
from torch import Tensor

from evaluation.footage import SIDE as LANDMARK_SIDE
from evaluation.footage import Piece
from evaluation.observers.observer import Watcher
from evaluation.observers.syncnet_crop import FaceCrops
from models.assets import registry
from models.audio.mfcc import MFCC, clip_windows
from models.errors import UserError
from models.images import to_frames
from models.recognition.syncnet import FRAMES, SIDE, pretrained_syncnet
from models.recognition.syncnet import SyncNet as Network

SAMPLES_PER_FRAME = 640  # at 16 kHz and 25 fps


class SyncNet:
    """SyncNet's embeddings `(n, 1024)` of lips and of sound, for clips of five frames that start at 0 to T - 6.

    That is T - 5 clips of T frames, as the published evaluation takes them: it leaves the last one out. The crops are
    those of `FaceCrops`, which says what is not as published. Rows are NaN where a face is missing.

    Args:
        device: where the network runs.

    Raises:
        MissingAsset: the weights `syncnet_v2` are not here.

    """

    stand_in: str | None = None
    per_frame = False

    def __init__(self, device: torch.device) -> None:
        self.network = pretrained_syncnet().to(device)
        self.device, self.licence = device, registry()["syncnet_v2"].licence
        self._mfcc = MFCC()
        self._heard: tuple[Tensor, Tensor] | None = None

    def begin(self) -> Watcher:
        """See `Observer`."""
        return _ClipWatcher(self.network, self.device)

    @torch.inference_mode()
    def hear(self, audio: Tensor) -> Tensor:
        """Embeddings of the sound `(640 T,)` in [-1, 1] of T frames: `(T - 5, 1024)`."""
        if self._heard is None or self._heard[0] is not audio:  # the metrics of all methods ask for the same sound
            windows = clip_windows(self._mfcc(as_integers(audio))).float()
            rows = self.network.embed_sound(windows[:, None].to(self.device)).cpu()
            self._heard = audio, rows
        return self._heard[1]


def as_integers(audio: Tensor) -> Tensor:
    """Sound in [-1, 1] as the float64 values of 16-bit samples, which SyncNet's MFCC is made of.

    Raises:
        UserError: it is not of whole frames of 25 fps video.
        ValueError: it is not in [-1, 1].
    """
    if audio.ndim != 1 or len(audio) % SAMPLES_PER_FRAME:
        raise UserError(
            f"sound {tuple(audio.shape)} is not that of whole frames: 640 samples at 16 kHz per frame at 25 fps"
        )
    if len(audio) and not audio.abs().max() <= 1:
        raise ValueError("sound must lie in [-1, 1]")
    return (audio.double() * 2**15).round().clamp(max=2**15 - 1)


class _ClipWatcher:
    """Embeds the clips of one video; keeps the four crops before the frame that is next to be cropped."""

    def __init__(self, network: Network, device: torch.device) -> None:
        self._network, self._device = network, device
        self._faces = FaceCrops()
        self._crops = torch.empty(0, 3, SIDE, SIDE, dtype=torch.uint8)
        self._seen = torch.empty(0, dtype=torch.bool)
        self._row = torch.empty(0)  # of the last clip, and whether its five crops are one picture
        self._frozen = torch.zeros(1, dtype=torch.bool)

    @torch.inference_mode()
    def __call__(self, piece: Piece) -> Tensor:
        """Embeddings of the clips that end before the last frame so far; NaN where a face is missing."""
        scale = piece.images.shape[-1] / LANDMARK_SIDE
        crops, seen = self._faces(to_frames(piece.images), piece.landmarks.numpy() * scale)
        self._crops, self._seen = torch.cat([self._crops, crops]), torch.cat([self._seen, seen])
        rows = self._embedded() if len(self._crops) >= FRAMES else torch.empty(0, self._network.size)
        self._crops, self._seen = self._crops[1 - FRAMES :], self._seen[1 - FRAMES :]
        return rows

    def _embedded(self) -> Tensor:
        clips = self._crops.unfold(0, FRAMES, 1).movedim(-1, 2)
        seen = self._seen.unfold(0, FRAMES, 1).all(dim=1)
        same = (self._crops[1:] == self._crops[:-1]).flatten(1).all(dim=1)
        frozen = same.unfold(0, FRAMES - 1, 1).all(dim=1)
        again = frozen & torch.cat([self._frozen, frozen[:-1]])  # a still picture is embedded once
        new = seen & ~again
        rows = torch.full((len(clips), self._network.size), torch.nan)
        if new.any():
            rows[new] = self._network.embed_clips(clips[new].to(self._device)).cpu()
        for number in torch.nonzero(again).flatten().tolist():
            rows[number] = rows[number - 1] if number else self._row
        self._row, self._frozen = rows[-1], frozen[-1:]
        return rows
