"""Do lips and sound go together? A small two-stream network that sees landmarks in the place of pixels.

The two streams and what they are trained for are SyncNet's (Chung and Zisserman, ACCV workshop 2016). Everything is
relative to the window at hand: an embedding does not change with the size, place or tilt of the face, the shape of a
resting mouth, or the loudness and colour of the sound.

Letters: B clips, T frames at 25 fps, n = T - WINDOW + 1 windows of consecutive frames, D size of an embedding.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from models.aside import written_aside
from models.audio.mel import BANDS, HOP, RATE, MelSpectrogram
from models.errors import UserError
from models.weights import load_strictly, read_weights

FPS = 25
SAMPLES_PER_FRAME = RATE // FPS
WINDOW = 15  # frames that one embedding sees
LENGTH = 10.0  # of every embedding: what does not belong together is about 14 apart
RIGID = (*range(27, 36), 36, 39, 42, 45)  # nose and corners of the eyes: what does not move in a face
# Pairs of landmarks (iBUG-68) whose distance says something of the mouth, averaged within each group
DISTANCES = (
    ((61, 67), (62, 66), (63, 65)),  # between the lips
    ((50, 58), (51, 57), (52, 56)),  # height of the mouth
    ((49, 59), (53, 55)),  # and near its corners
    ((48, 54),),  # width
    ((60, 64),),  # width inside
    ((33, 8),),  # nose to chin
    ((33, 51),),  # nose to upper lip
    ((57, 8),),  # lower lip to chin
)
COARSE = 20  # bands of sound
PER_FRAME = 4  # columns of sound


def mouth_distances(points: Tensor) -> Tensor:
    """Landmarks (..., T, 68, 2) -> (..., T, 8): `DISTANCES` in parts of the size of the face, of each frame alone."""
    rigid = points[..., RIGID, :]
    size = (rigid - rigid.mean(dim=-2, keepdim=True)).square().sum(-1).mean(-1).sqrt()
    groups = []
    for pairs in DISTANCES:
        first, second = (points[..., [pair[end] for pair in pairs], :] for end in (0, 1))
        groups.append((first - second).norm(dim=-1).mean(dim=-1))
    return torch.stack(groups, dim=-1) / size[..., None]


def sound_bands(sound: Tensor, mel: MelSpectrogram) -> Tensor:
    """Sound (..., 640 T) at 16 kHz -> (..., T, 4, 20): log energy of wide bands, four times per frame.

    Raises:
        UserError: the sound is not that of whole frames.
    """
    if sound.shape[-1] % SAMPLES_PER_FRAME or not sound.shape[-1]:
        raise UserError(f"sound of {sound.shape[-1]} samples is not that of whole frames: 640 at 16 kHz for each")
    spectrum = mel(sound.flatten(0, -2) if sound.ndim > 1 else sound[None])
    bands = spectrum.unflatten(1, (COARSE, BANDS // COARSE)).mean(dim=2)
    frames = sound.shape[-1] // SAMPLES_PER_FRAME
    places = (torch.arange(PER_FRAME * frames, device=sound.device) + 0.5) * (SAMPLES_PER_FRAME / PER_FRAME / HOP)
    before = places.long().clamp(max=bands.shape[-1] - 2)
    columns = torch.lerp(bands[..., before], bands[..., before + 1], places - before)
    columns = rearrange(columns, "b c (t p) -> b t p c", p=PER_FRAME)
    return columns.reshape(*sound.shape[:-1], *columns.shape[1:])


class Stream(nn.Module):
    """Windows of (B, T, C), each less its mean over time, -> embeddings (B, n, D) of length `LENGTH`."""

    def __init__(self, channels: int, width: int, size: int) -> None:
        super().__init__()
        kernels = (5, 5, 5, 3)
        assert sum(kernels) - len(kernels) + 1 == WINDOW
        layers: list[nn.Module] = []
        for kernel in kernels:
            layers += [nn.Conv1d(channels, width, kernel), nn.BatchNorm1d(width), nn.ReLU()]
            channels = width
        self.layers = nn.Sequential(*layers, nn.Conv1d(width, size, 1))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        windows = x.unfold(1, WINDOW, 1)  # (B, n, C, WINDOW)
        relative = windows - windows.mean(dim=-1, keepdim=True)
        embedded = self.layers(relative.flatten(0, 1))[..., 0]
        return LENGTH * F.normalize(embedded, dim=-1).view(*windows.shape[:2], -1)


class LipSync(nn.Module):
    """Embeds windows of `WINDOW` frames of a mouth, and of the sound of these frames, in one space.

    Window i begins at frame i. Euclidean distances between the two say how well they go together: near 0 for what
    belongs together, near 14 for what has nothing to do with each other.

    Args:
        width: channels of the lips' layers; the sound's have twice as many.
        size: D.
    """

    def __init__(self, width: int = 64, size: int = 64) -> None:
        super().__init__()
        self.width, self.size = width, size
        self.lips = Stream(len(DISTANCES), width, size)
        self.sound = Stream(PER_FRAME * COARSE, 2 * width, size)
        self.mel = MelSpectrogram()

    def see(self, points: Tensor) -> Tensor:
        """Landmarks (B, T, 68, 2) in pixels of any size -> (B, n, D); a window with a NaN is NaN."""
        self._check(points.shape[1])
        return self.lips(mouth_distances(points))

    def hear(self, sound: Tensor) -> Tensor:
        """Sound (B, 640 T) at 16 kHz in [-1, 1] -> (B, n, D)."""
        self._check(sound.shape[-1] // SAMPLES_PER_FRAME)
        return self.sound(sound_bands(sound, self.mel).flatten(2))

    def forward(self, points: Tensor, sound: Tensor) -> tuple[Tensor, Tensor]:
        """Both, of the same frames."""
        return self.see(points), self.hear(sound)

    def _check(self, frames: int) -> None:
        if frames < WINDOW:
            raise UserError(f"lip sync looks at {WINDOW} frames at a time, this clip has {frames}: take a longer one")


WEIGHTS = Path(__file__).with_name("weights") / "lip_sync.safetensors"
LAYOUT = "1"


@dataclass(frozen=True)
class Embedded:
    """A trained network and the version of its weights."""

    network: LipSync
    version: str


def save_lip_sync(path: Path, network: LipSync, version: str) -> None:
    """Write `network`, its weights in float16."""
    from safetensors.torch import save_file

    tensors = {
        key: (value.half() if value.is_floating_point() else value).contiguous()
        for key, value in network.state_dict().items()
    }
    metadata = {"layout": LAYOUT, "version": version, "width": str(network.width), "size": str(network.size)}
    with written_aside(path) as aside:
        save_file(tensors, aside, metadata)


def load_lip_sync(path: Path = WEIGHTS) -> Embedded:
    """A file of `save_lip_sync`, in evaluation mode and frozen.

    Raises:
        UserError: no such file, or not of this kind.
    """
    from safetensors import safe_open

    weights = read_weights(path)
    with safe_open(path, framework="pt") as file:
        facts: dict[str, str] = file.metadata() or {}
    if facts.get("layout") != LAYOUT or not {"version", "width", "size"} <= facts.keys():
        raise UserError(f"{path.name} is no lip-sync network of this project (layout {facts.get('layout')})")
    network = LipSync(int(facts["width"]), int(facts["size"]))
    load_strictly(network, {k: v.float() if v.is_floating_point() else v for k, v in weights.items()})
    return Embedded(network.eval().requires_grad_(False), facts["version"])
