"""Augmentation of speech: landmarks as detectors give them of people, sound as rooms and microphones make it."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.shard_format import AUDIO_RATE

_SOFT = torch.tensor([0.1, 0.2, 0.4, 0.2, 0.1])  # weights of neighbouring frames
_TAIL = 0.4  # seconds that a room sounds on
_SLOWEST = 8  # frames from one point of a drift to the next


class SpeechAugment:
    """Makes `landmarks_points` (B, T, 68, 2) and `sound` (B, 640 T) of a batch worse; time stays as it is.

    All of it depends on the batch's own `noise` (B, 8) in [0, 1) alone. Of every example the amounts are drawn evenly
    between nothing and the following:

        tremble: standard deviation of each landmark from frame to frame, in parts of the face's longer side.
        drift: the same of a slow wandering, as a turned head or a smile seem to move a mouth.
        soften: share of a blend with landmarks that are smoothed over five frames.
        colour: standard deviation in dB of what microphones and rooms add to or take from six bands of the voice.
        room: how loud the echo is beside the voice; the echo fades with 0.02 to 0.12 s.
        noise: most that noise of any colour is below the voice, in dB; the least is 5 dB.
    """

    def __init__(
        self,
        tremble: float = 0.007,
        drift: float = 0.018,
        soften: float = 1.0,
        colour: float = 6.0,
        room: float = 0.7,
        noise: float = 40.0,
    ) -> None:
        self.tremble, self.drift, self.soften = tremble, drift, soften
        self.colour, self.room, self.noise = colour, room, noise

    def __call__(self, batch: dict[str, Any], noise: Tensor) -> dict[str, Any]:
        """The batch with other landmarks and sound."""
        random = [torch.Generator().manual_seed(int(value * 2**31)) for value in noise[:, 0].tolist()]
        points, sound = batch["landmarks_points"].float(), batch["sound"]
        points = torch.stack([self._points(*pair) for pair in zip(points, random)])
        return {**batch, "landmarks_points": points, "sound": torch.stack([*map(self._sound, sound, random)])}

    def _points(self, points: Tensor, random: torch.Generator) -> Tensor:
        """Landmarks (T, 68, 2) of one example."""
        side = (points.amax(dim=1) - points.amin(dim=1)).amax(dim=1).mean()
        tremble, drift, soften = torch.rand(3, generator=random).tolist()
        paths = points.flatten(1).T[:, None]  # (136, 1, T)
        kernel = _SOFT.to(points)[None, None]
        soft = F.conv1d(F.pad(paths, (2, 2), mode="replicate"), kernel)
        slow = torch.randn(1, 136, len(points) // _SLOWEST + 2, generator=random)
        slow = F.interpolate(slow, len(points), mode="linear", align_corners=True)[0, :, None].to(points)
        quick = torch.randn(paths.shape, generator=random).to(points)
        paths = torch.lerp(paths, soft, self.soften * soften)
        paths = paths + side * (self.tremble * tremble * quick + self.drift * drift * slow)
        return paths[:, 0].T.unflatten(1, (68, 2))

    def _sound(self, sound: Tensor, random: torch.Generator) -> Tensor:
        """Sound (N,) of one example."""
        count, tail = len(sound), round(_TAIL * AUDIO_RATE)
        whole = count + tail
        colour, echo, fading, level, tint = torch.rand(5, generator=random).tolist()
        response = torch.randn(tail, generator=random)
        response *= torch.exp(-torch.arange(tail) / ((0.02 + 0.1 * fading) * AUDIO_RATE))
        response *= self.room * echo / response.norm()
        response[0] += 1
        voice = self._coloured(torch.fft.rfft(sound, whole), self.colour * colour, random)
        voice = torch.fft.irfft(voice * torch.fft.rfft(response.to(sound), whole), whole)[:count]
        hiss = torch.fft.rfft(torch.randn(count, generator=random).to(sound))
        hiss = torch.fft.irfft(self._coloured(hiss, 10 * tint, random), count)
        below = 5 + (self.noise - 5) * level
        return voice + hiss * (voice.norm() / (hiss.norm() + 1e-9)) * 10 ** (-below / 20)

    def _coloured(self, spectrum: Tensor, strength: float, random: torch.Generator) -> Tensor:
        """A spectrum (n,) louder and quieter by `strength` dB in six bands, each of them twice as wide as the last."""
        steps = torch.randn(1, 1, 6, generator=random) * strength
        place = torch.linspace(0.01, 1, len(spectrum)).log2() / 6.7 + 1  # 0 to 1 over 80 Hz to 8 kHz
        curve = F.grid_sample(
            steps[:, :, None], torch.stack([2 * place - 1, torch.zeros_like(place)], -1)[None, None], align_corners=True
        )
        return spectrum * (10 ** (curve[0, 0, 0] / 20)).to(spectrum.real)
