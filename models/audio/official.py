"""What `python -m models.official` can run of what networks hear. None of it has weights."""

from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from models.audio import mel as mels
from models.audio.mel import MelSpectrogram
from models.audio.mfcc import MFCC, clip_windows
from models.errors import UserError

Outputs = dict[str, Tensor]
AsInFile = Annotated[Tensor, "in the precision of the inputs file"]

SAMPLES_PER_FRAME = 640  # 16 kHz, 25 fps
WINDOW_FRAMES = (0, 5, 9)  # whose windows the case shows


def _expect_sound(wav: Tensor) -> None:
    if wav.ndim != 1 or not len(wav):
        raise UserError(f"wav is {tuple(wav.shape)}, expected (samples,): mono at 16 kHz")


def syncnet_mfcc(wav: AsInFile) -> Outputs:
    """SyncNet's MFCC of 16-bit samples (N,), values as integers, and the windows of three of its clips."""
    _expect_sound(wav)
    mfcc = MFCC()(wav.double())
    windows = clip_windows(mfcc)
    shown = torch.tensor([frame for frame in WINDOW_FRAMES if frame < len(windows)], dtype=torch.long)
    return {"mfcc": mfcc.float(), "window_frames": shown, "windows": windows[shown].float()}


def wav2lip_mel(wav: AsInFile, *, w2l_fps: float = 25.0) -> Outputs:
    """Wav2Lip's mel spectrogram of samples (N,) in [-1, 1], and its windows per video frame in the ways of its users.

    `mel` is SadTalker's, of as many samples as whole video frames have; `mel_reflect` is Wav2Lip's, of all of them.
    """
    _expect_sound(wav)
    if not 1 <= w2l_fps <= 1000:
        raise UserError(f"--config w2l_fps={w2l_fps}: frames per second of a video are 1 to 1000")
    count = len(wav) // SAMPLES_PER_FRAME
    mel = MelSpectrogram("zeros")(wav.double()[None, : count * SAMPLES_PER_FRAME])[0]
    reflected = MelSpectrogram("reflect")(wav.double()[None])[0]
    columns = torch.from_numpy(mels.frame_columns(np.arange(count), mel.shape[1]))
    shown = torch.tensor(sorted(_shown_frames(count)), dtype=torch.long)
    return {
        "mel": mel.float(),
        "mel_reflect": reflected.float(),
        "num_frames": torch.tensor(count),
        "sad_index": columns.int(),
        "frames": shown,
        "sad_window": mel[:, columns[shown]].transpose(0, 1).float(),
        "w2l_start": torch.tensor(_wav2lip_starts(reflected.shape[1], w2l_fps)),
        "syncnet_start": 16 * torch.arange(count) // 5,
    }


def _shown_frames(count: int) -> set[int]:
    """The frames whose windows the case shows: the first ones, one in the middle and those where the sound ends."""
    return {0, 1, 2, 3, 4, 7, count // 2, count - 3, count - 1} & set(range(count))


def _wav2lip_starts(total: int, fps: float) -> list[int]:
    """First columns of Wav2Lip's windows: one per frame while they fit, then one that ends with the sound."""
    starts: list[int] = []
    while (start := int(len(starts) * (80 / fps))) + mels.COLUMNS <= total:
        starts.append(start)
    return [*starts, total - mels.COLUMNS]
