"""The lip-sync network: what it does not look at, that an embedding is of its window alone, what its weights know."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from datamodules.synthetic import speaker
from models.audio.mel import MelSpectrogram
from models.errors import UserError
from models.recognition.lip_sync import (
    LENGTH,
    WINDOW,
    LipSync,
    load_lip_sync,
    mouth_distances,
    save_lip_sync,
    sound_bands,
)

STRANGERS = range(777_000_000, 777_000_004)  # of a seed that nothing is trained on
SECONDS = 4.0


def network() -> LipSync:
    torch.manual_seed(0)
    return LipSync(8, 16).eval()


def face(frames: int = 30) -> Tensor:
    return torch.randn(68, 2, generator=torch.Generator().manual_seed(1)) * 20 + torch.randn(
        frames, 68, 2, generator=torch.Generator().manual_seed(2)
    )


def noise(frames: int = 30) -> Tensor:
    return 0.1 * torch.randn(640 * frames, generator=torch.Generator().manual_seed(3))


def test_place_size_and_tilt_of_a_face_do_not_count() -> None:
    turn = torch.tensor([[0.8, -0.6], [0.6, 0.8]])
    moved = 3.5 * face() @ turn.T + torch.tensor([100.0, -7.0])
    torch.testing.assert_close(mouth_distances(moved), mouth_distances(face()))


def test_an_open_mouth_is_seen_in_the_gap_alone() -> None:
    points = torch.randn(2, 68, 2, generator=torch.Generator().manual_seed(4))
    points[1] = points[0]
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        points[1, lower] = points[1, upper] + 2 * (points[0, lower] - points[0, upper])
    closed, opened = mouth_distances(points)
    assert opened[0] == pytest.approx(2 * float(closed[0]), rel=1e-5)
    assert torch.equal(opened[1:], closed[1:])


def test_a_click_is_heard_in_its_own_frame() -> None:
    sound = torch.zeros(20 * 640)
    sound[7 * 640 + 320] = 0.9
    loudness = sound_bands(sound, MelSpectrogram()).mean(dim=(1, 2))
    assert loudness.argmax() == 7
    assert loudness[6] == pytest.approx(float(loudness[8]), abs=0.05)


def test_bands_of_many_are_those_of_each() -> None:
    sounds = torch.stack([noise(), 0.3 * noise()])
    bands = sound_bands(sounds, MelSpectrogram())
    assert bands.shape == (2, 30, 4, 20)
    torch.testing.assert_close(bands[1], sound_bands(sounds[1], MelSpectrogram()))


def test_an_embedding_is_of_its_window_alone() -> None:
    lips = network().see(face()[None])[0]
    assert lips.shape == (30 - WINDOW + 1, 16)
    torch.testing.assert_close(lips[4], network().see(face()[None, 4 : 4 + WINDOW])[0, 0])
    torch.testing.assert_close(lips.norm(dim=1), torch.full((16,), LENGTH))
    sound = network().hear(noise()[None])[0]
    changed = noise()
    changed[: 5 * 640] = 0
    other = network().hear(changed[None])[0]
    assert torch.equal(other[6:], sound[6:]) and not torch.equal(other[4], sound[4])


def test_loudness_and_a_resting_shape_do_not_count() -> None:
    torch.testing.assert_close(network().hear(0.5 * noise()[None]), network().hear(noise()[None]), atol=1e-3, rtol=0)
    distances = mouth_distances(face()[None])
    wider = distances + torch.arange(8) / 10
    torch.testing.assert_close(network().lips(wider), network().lips(distances), atol=1e-3, rtol=0)


def test_a_still_mouth_is_finite_and_a_missing_one_is_nan_where_it_is_needed() -> None:
    still = network().see(face(1).expand(30, 68, 2)[None])[0]
    assert still.isfinite().all() and (still - still[0]).abs().max() < 1e-3
    points = face()
    points[20] = torch.nan
    lips = network().see(points[None])[0]
    assert lips.isnan().any(dim=1).tolist() == [start + WINDOW > 20 for start in range(16)]


def test_too_short_and_broken_sound_is_said() -> None:
    with pytest.raises(UserError, match="15 frames at a time, this clip has 14"):
        network().see(face(14)[None])
    with pytest.raises(UserError, match="640 at 16 kHz"):
        network().hear(torch.zeros(1, 640 * 20 + 1))


def test_weights_come_back(tmp_path: Path) -> None:
    save_lip_sync(tmp_path / "x.safetensors", network(), "7")
    read = load_lip_sync(tmp_path / "x.safetensors")
    assert read.version == "7" and not read.network.training
    torch.testing.assert_close(read.network.see(face()[None]), network().see(face()[None]), atol=0.05, rtol=0)
    save_file({"a": torch.zeros(1)}, tmp_path / "y.safetensors")
    with pytest.raises(UserError, match="no lip-sync network of this project"):
        load_lip_sync(tmp_path / "y.safetensors")


@cache
def spoken(number: int) -> tuple[Tensor, Tensor]:
    """What the embedded network sees and hears of a stranger."""
    take = speaker.rehearse(speaker.draw_speaker(number), 0, SECONDS)
    points = torch.from_numpy(speaker.truth(take.coefficients, 256)["points"])
    with torch.inference_mode():
        lips, sound = load_lip_sync().network(points[None], torch.from_numpy(take.performance.audio)[None])
    return lips[0], sound[0]


def apart(lips: Tensor, sound: Tensor) -> tuple[float, float, int]:
    """LSE-D, LSE-C and the best shift, positive where the sound is late, as syncnet_eval counts them."""
    padded = np.pad(sound.numpy(), ((15, 15), (0, 0)))
    means = [np.linalg.norm(lips.numpy() - padded[j : j + len(lips)], axis=1).mean() for j in range(31)]
    return min(means), float(np.median(means)) - min(means), int(np.argmin(means)) - 15


def test_made_up_strangers_are_in_sync_with_their_own_sound() -> None:
    """Measured on six: LSE-D 6.6 and LSE-C 6.2 with their own sound, 12.3 and 0.7 with that of another."""
    own, late, other = [], [], []
    for number, stranger in zip(STRANGERS, (*STRANGERS[1:], STRANGERS[0])):
        (lips, sound), (_, foreign) = spoken(number), spoken(stranger)
        own.append(apart(lips, sound))
        late.append(apart(lips[10:], sound[:-10]))  # the sound comes ten frames late
        other.append(apart(lips, foreign))
    assert all(abs(offset) <= 1 for _, _, offset in own)
    assert all(abs(offset - 10) <= 1 for _, _, offset in late)
    assert max(error for error, _, _ in own) + 2 < min(error for error, _, _ in other)
    assert min(confidence for _, confidence, _ in own) > 2 * max(confidence for _, confidence, _ in other)


def test_the_file_is_small() -> None:
    from models.recognition.lip_sync import WEIGHTS

    assert WEIGHTS.stat().st_size < 3e6
