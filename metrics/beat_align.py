"""Alignment of the beats of sound and head motion."""

import numpy as np
import torch
from torch import Tensor

from metrics.frame_mean import FrameMean
from metrics.head_motion import head_angles
from models.audio.one_at_a_time import import_librosa

FRAME_RATE, SAMPLE_RATE = 25, 16_000
SIGMA = 3.0  # frames; Bailando's
SMOOTHING = 5.0  # frames; Bailando's, of the speed before its minima are looked for
HOP = 320  # samples, 20 ms: half a frame


def audio_beats(audio: Tensor) -> np.ndarray:
    """Beats `(A,)` of sound `(L,)` at 16 kHz, in frames of 1/25 s, by librosa's tracker (Ellis 2007)."""
    samples = audio.detach().cpu().numpy().astype(np.float32)
    if not samples.any():
        return np.empty(0)
    track = import_librosa("beat").beat_track
    times: np.ndarray = track(y=samples, sr=SAMPLE_RATE, hop_length=HOP, units="time")[1]
    return np.asarray(times) * FRAME_RATE


def motion_beats(angles: np.ndarray) -> np.ndarray:
    """Frames `(M,)` where the smoothed speed of head angles `(T, 3)` has a local minimum."""
    from scipy.ndimage import gaussian_filter1d

    speed = gaussian_filter1d(np.linalg.norm(np.diff(angles, axis=0), axis=1), SMOOTHING)
    lowest = (speed[1:-1] < speed[:-2]) & (speed[1:-1] < speed[2:])
    return np.flatnonzero(lowest) + 1.0


def beat_align(sound: np.ndarray, motion: np.ndarray) -> float:
    """Mean over beats of the sound `(A,)` of exp(-d^2 / (2 sigma^2)), d to the nearest one of motion `(M,)`, frames."""
    if not len(sound):
        return float("nan")
    if not len(motion):
        return 0.0
    nearest = np.abs(sound[:, None] - motion[None]).min(axis=1)
    return float(np.exp(-(nearest**2) / (2 * SIGMA**2)).mean())


class BeatAlign(FrameMean):
    """Beat align score (SadTalker, Zhang et al. 2023, sec. 4.1, after Bailando, Siyao et al. 2022), per clip.

    1/|A| sum over beats a of the sound of exp(-min_m |a - m|^2 / (2 sigma^2)), m the beats of the motion: local minima
    of the speed of yaw, pitch and roll, smoothed by a Gaussian of 5 frames. sigma is 3 frames, as in Bailando's code:
    .12 s at our 25 frames per second (its dances have 60). Sound: librosa's beat tracker, as public code for heads has
    it. SadTalker published neither code nor sigma. Speech has no clear beat, and a restless head has many minima and
    scores well: four real clips scored .29 with their own sound and .24 with that of the others. Read it beside
    ground_truth and random_other_identity.

    One `update` takes one clip `(T, 3 + D)` (`metrics.head_motion`) and its sound `(640 T,)`. A head that never moves
    scores 0; sound without beats leaves the clip out (`missing`). Higher is better; at most 1.
    """

    title = "BeatAlign"
    higher_is_better = True
    minimum_frames = 25
    whole_clip = True
    counted = "clips"

    def update(self, prediction: Tensor, audio: Tensor) -> None:
        """Add one clip `(T, 3 + D)` with its sound `(640 T,)`; the head moves evenly where no face was found."""
        if audio.ndim != 1 or abs(len(audio) - 640 * len(prediction)) >= 640:
            raise ValueError(f"{len(prediction)} frames need 640 samples of sound each, got {tuple(audio.shape)}")
        angles = head_angles(prediction).double().cpu().numpy()
        measured = np.isfinite(angles).all(axis=1)
        if measured.sum() < self.minimum_frames:
            score = float("nan")
        else:
            places, known = np.arange(len(angles)), np.flatnonzero(measured)
            filled = np.stack([np.interp(places, known, column[measured]) for column in angles.T], axis=1)
            score = beat_align(audio_beats(audio), motion_beats(filled))
        self.add(torch.tensor([score], dtype=torch.float64, device=self.total.device))
