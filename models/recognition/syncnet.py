"""SyncNet (Chung and Zisserman, ACCV workshop 2016): do lips and sound go together? In the authors' key layout.

Letters: T frames, B clips of five frames, N windows of sound, D size of the embedding (1024).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.assets import find
from models.audio.mfcc import COEFFICIENTS, COLUMNS
from models.errors import UserError
from models.weights import Weights, load_strictly, read_weights

SIDE = 224
FRAMES = 5  # of a clip that one embedding sees
AT_ONCE = {"cpu": 4}  # clips that go through the layers together: on a processor few, so that they stay in its cache
AT_ONCE_ELSEWHERE = 64


class SyncNet(nn.Module):
    """Embeds the lips of five frames and 0.2 s of sound such that what goes together lies close together.

    The lips are face crops of 224 pixels, BGR, 0 to 255; the sound is `models.audio.mfcc.MFCC` of 16-bit samples. The
    embeddings are not normalised. A network for inference alone: frozen, its normalisation that of evaluation always.
    """

    def __init__(self, size: int = 1024) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_layer(nn.Conv2d(1, 64, 3, padding=1)),
            nn.MaxPool2d(1),
            *_layer(nn.Conv2d(64, 192, 3, padding=1)),
            nn.MaxPool2d(3, (1, 2)),
            *_layer(nn.Conv2d(192, 384, 3, padding=1)),
            *_layer(nn.Conv2d(384, 256, 3, padding=1)),
            *_layer(nn.Conv2d(256, 256, 3, padding=1)),
            nn.MaxPool2d(3, 2),
            *_layer(nn.Conv2d(256, 512, (5, 4))),
        )
        self.netfcaud = _head(size)
        self.netcnnlip = nn.Sequential(
            *_layer(nn.Conv3d(3, 96, (FRAMES, 7, 7), (1, 2, 2))),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_layer(nn.Conv3d(96, 256, (1, 5, 5), (1, 2, 2), (0, 1, 1))),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
            *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
            *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_layer(nn.Conv3d(256, 512, (1, 6, 6))),
        )
        self.netfclip = _head(size)
        self.size = size
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "SyncNet":
        """Stays as in evaluation, whatever it is a part of."""
        return super().train(False)

    def lip_features(self, clips: Tensor) -> Tensor:
        """(B, 3, 5, 224, 224) of any type, axes channel, time, row, column -> (B, 512): what the embedding rests on."""
        if clips.shape[1:] != (3, FRAMES, SIDE, SIDE):
            raise UserError(f"lips are (B, 3, {FRAMES}, {SIDE}, {SIDE}), got {tuple(clips.shape)}")
        return self._features(self.netcnnlip, clips)

    def embed_clips(self, clips: Tensor) -> Tensor:
        """(B, 3, 5, 224, 224) in 0 to 255, BGR -> (B, D)."""
        return self.netfclip(self.lip_features(clips))

    def embed_frames(self, frames: Tensor) -> Tensor:
        """Every five consecutive frames: (T, 3, 224, 224) in 0 to 255, BGR -> (T - 4, D)."""
        if len(frames) < FRAMES:
            return frames.new_empty(0, self.size, dtype=torch.float32)
        return self.embed_clips(frames.unfold(0, FRAMES, 1).movedim(-1, 2))

    def embed_sound(self, windows: Tensor) -> Tensor:
        """MFCC windows (N, 1, 13, 20) -> (N, D)."""
        if windows.shape[1:] != (1, COEFFICIENTS, COLUMNS):
            raise UserError(f"sound is (N, 1, {COEFFICIENTS}, {COLUMNS}), got {tuple(windows.shape)}")
        return self.netfcaud(self._features(self.netcnnaud, windows))

    def _features(self, trunk: nn.Sequential, inputs: Tensor) -> Tensor:
        """The trunk's output (N, 512); a view with overlaps is copied a few rows at a time only."""
        steps = _folded(trunk)
        at_once = AT_ONCE.get(inputs.device.type, AT_ONCE_ELSEWHERE)
        return torch.cat([_run(steps, part.float()).flatten(1) for part in torch.split(inputs, at_once)])


def _layer(convolution: nn.Conv2d | nn.Conv3d) -> list[nn.Module]:
    norm = nn.BatchNorm2d if isinstance(convolution, nn.Conv2d) else nn.BatchNorm3d
    return [convolution, norm(convolution.out_channels), nn.ReLU(inplace=True)]


def _head(size: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, size))


Step = Callable[[Tensor], Tensor]


def _folded(trunk: nn.Sequential) -> list[Step]:
    """A trunk as plane operations, each normalisation being folded into the convolution before it.

    Only the first layer of the lips extends in time, over all five frames: they are channels of one picture. With
    channels last this takes two thirds to four fifths of the time of the layers as they stand.
    """
    steps: list[Step] = []
    layers = list(trunk)
    for layer, norm in zip(layers, [*layers[1:], None]):
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            assert isinstance(norm, nn.BatchNorm2d | nn.BatchNorm3d)
            steps.append(_convolution(layer, norm))
        elif isinstance(layer, nn.MaxPool2d | nn.MaxPool3d):
            steps.append(partial(F.max_pool2d, **{key: _plane(getattr(layer, key)) for key in _POOL}))
    return steps


_POOL = ("kernel_size", "stride", "padding")


def _convolution(layer: nn.Conv2d | nn.Conv3d, norm: nn.BatchNorm2d | nn.BatchNorm3d) -> Step:
    assert layer.bias is not None and norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    weight = layer.weight.flatten(1, -3) * scale[:, None, None, None]
    bias = norm.bias + (layer.bias - norm.running_mean) * scale
    weight = weight.contiguous(memory_format=torch.channels_last)
    return lambda x: F.conv2d(x, weight, bias, _plane(layer.stride), _plane(layer.padding)).relu_()


def _plane(size: Any) -> tuple[int, int]:
    """Rows and columns of a setting that may also name time, or be one number for all."""
    return (size, size) if isinstance(size, int) else (size[-2], size[-1])


def _run(steps: Sequence[Step], inputs: Tensor) -> Tensor:
    """(N, C, 5, H, W) or (N, C, H, W) through the steps."""
    features = inputs.flatten(1, -3).contiguous(memory_format=torch.channels_last)
    for step in steps:
        features = step(features)
    return features


def load_syncnet(weights: Weights) -> SyncNet:
    """SyncNet from weights in the authors' layout; `UserError` when they are of something else."""
    network = SyncNet(weights.shape("netfclip.3.weight")[0])
    load_strictly(network, weights)
    return network


def pretrained_syncnet() -> SyncNet:
    """SyncNet with the weights of asset `syncnet_v2`; `MissingAsset` when they are not here."""
    return load_syncnet(read_weights(find("syncnet_v2")))
