"""Whether lips and sound go together, by the embedded network."""

import torch
from torch import Tensor

from evaluation.footage import Piece
from evaluation.observers.observer import Watcher
from models.errors import UserError
from models.recognition.lip_sync import SAMPLES_PER_FRAME, WINDOW, LipSync, load_lip_sync

LONGEST_GAP = 3  # frames


class EmbeddedSync:
    """Embeddings `(n, 64)` of lips and of sound, for windows of 15 frames that start at 0 to T - 15.

    The lips are seen in the landmarks of the analyser that finds the faces. A frame without a face counts as the one
    before it, up to `LONGEST_GAP` of them in a row; windows with one beyond that, or at the start of a clip, are NaN.

    Args:
        device: where the network runs.

    """

    stand_in = "embedded"
    per_frame = False
    licence = "as this repository (trained on made-up speakers alone)"

    def __init__(self, device: torch.device) -> None:
        self.network = load_lip_sync().network.to(device)
        self.device = device
        self._heard: tuple[Tensor, Tensor] | None = None

    def begin(self) -> Watcher:
        """See `Observer`."""
        return _MouthWatcher(self.network, self.device)

    @torch.inference_mode()
    def hear(self, audio: Tensor) -> Tensor:
        """Embeddings of the sound `(640 T,)` in [-1, 1] of T frames: `(T - 14, 64)`."""
        if self._heard is None or self._heard[0] is not audio:  # the metrics of all methods ask for the same sound
            if audio.ndim != 1 or len(audio) % SAMPLES_PER_FRAME:
                raise UserError(f"sound {tuple(audio.shape)} is not that of whole frames: 640 samples at 16 kHz each")
            self._heard = audio, self.network.hear(audio.float()[None].to(self.device))[0].cpu()
        return self._heard[1]


class _MouthWatcher:
    """Embeds the windows of one video; keeps the frames that windows to come begin with."""

    def __init__(self, network: LipSync, device: torch.device) -> None:
        self._network, self._device = network, device
        self._points = torch.empty(0, 68, 2)
        self._missing = LONGEST_GAP  # frames in a row without a face

    @torch.inference_mode()
    def __call__(self, piece: Piece) -> Tensor:
        """Embeddings of the windows that end in this piece; NaN where a face is missing."""
        points = torch.cat([self._points, piece.landmarks.float()])
        for number in range(len(self._points), len(points)):
            seen = bool(points[number].isfinite().all())
            self._missing = 0 if seen else self._missing + 1
            if 0 < self._missing <= LONGEST_GAP:
                points[number] = points[number - 1]
        self._points = points[1 - WINDOW :]
        if len(points) < WINDOW:
            return torch.empty(0, self._network.size)
        return self._network.see(points[None].to(self._device))[0].cpu()
