"""Views: how one visited segment becomes K training examples.

A view returns a dictionary whose arrays all have the leading dimension K; images are uint8 (K, ..., H, W, 3), which
`ShardData` turns into float (K, ..., 3, H, W) in [-1, 1] on the device. Everything random comes from `rng`.
Opening a segment costs as much as decoding several frames, so a view takes several examples out of one window.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch

from datamodules.clip_shards import SAMPLES_PER_FRAME, Clip, ClipShards
from models.audio.mel import HOP, MARGIN, N_FFT, MelSpectrogram, frame_columns
from models.errors import UserError

Example = dict[str, Any]


class View(Protocol):
    """Turns a segment into examples.

    Attributes:
        examples: K, the number of examples of one visit.
        needs: what a segment must have, in words.
    """

    examples: int
    needs: str

    def usable(self, clips: ClipShards) -> np.ndarray:
        """(n,) bool: which segments have what the view needs."""
        ...

    def __call__(self, clips: ClipShards, index: int, rng: np.random.Generator) -> Example:
        """K examples of segment `index`."""
        ...


class FramePair:
    """Two different frames of one segment: `source`, `driving` and their landmarks. Self-reenactment training.

    Args:
        pairs: pairs out of one window.
        window: frames of the window; longer than the segment means all of it. A long window has more motion and costs
            more decoding.
        size: width and height of the images; None keeps that of the shards.
        landmarks: also give `source_landmarks` and `driving_landmarks` (K, 68, 2) in pixels of the images.
        latents: also give `source_latents` and `driving_latents` (K, N, W) float32: those of this name, or of the
            generator with this identity, that `prepare.py task=invert` wrote.
    """

    def __init__(
        self,
        pairs: int = 4,
        window: int = 32,
        size: int | None = None,
        landmarks: bool = True,
        latents: str | None = None,
    ) -> None:
        self.examples = _at_least(1, pairs=pairs)
        self.window = _at_least(2, window=window)
        self.size, self.landmarks, self.latents = size, landmarks, latents
        self.needs = "two frames" + _extras(landmarks, latents)

    def usable(self, clips: ClipShards) -> np.ndarray:
        """Two frames, and landmarks and latents where they are asked for."""
        return _long_enough(clips, 2) & _has_extras(clips, self.landmarks, self.latents)

    def __call__(self, clips: ClipShards, index: int, rng: np.random.Generator) -> Example:
        """`source`, `driving` (K, S, S, 3), landmarks, latents, `key`."""
        clip = clips[index]
        first, count = _window(clip, self.window, rng)
        places = first + np.stack([rng.choice(count, 2, replace=False) for _ in range(self.examples)], axis=1)
        source, driving = _split(clip.frames(places.ravel().tolist(), self.size), 2)
        example: Example = {"source": source, "driving": driving, "key": [clip.key] * self.examples}
        if self.landmarks:
            points = _landmarks(clip, places, self.size)
            example["source_landmarks"], example["driving_landmarks"] = points
        if self.latents:
            codes = clip.latents(self.latents, places.ravel().tolist())
            example["source_latents"], example["driving_latents"] = _split(codes, 2)
        return example


class CrossIdentityPair:
    """A source of one identity and a driving of another; there is no target image.

    The visited segment is the driving; the source's segment is drawn from all segments of other identities.
    Arguments as in `FramePair`.
    """

    def __init__(self, pairs: int = 4, window: int = 32, size: int | None = None, landmarks: bool = True) -> None:
        self.examples = _at_least(1, pairs=pairs)
        self.window = _at_least(1, window=window)
        self.size, self.landmarks = size, landmarks
        self.needs = "another identity beside it" + (" and landmarks" if landmarks else "")

    def usable(self, clips: ClipShards) -> np.ndarray:
        """At least two identities with a frame (and landmarks) each."""
        good = _long_enough(clips, 1) & (clips.has("landmarks.npz") | (not self.landmarks))
        return good if len(np.unique(clips.table.identity[good])) > 1 else np.zeros(len(clips), bool)

    def __call__(self, clips: ClipShards, index: int, rng: np.random.Generator) -> Example:
        """`source`, `driving` (K, S, S, 3), landmarks, `key` (of the driving), `source_key`."""
        identity = clips.table.identity
        partner = index
        while identity[partner] == identity[index]:
            partner = int(rng.integers(len(clips)))
        example: Example = {}
        for name, clip in (("source", clips[partner]), ("driving", clips[index])):
            first, count = _window(clip, self.window, rng)
            places = first + rng.integers(count, size=self.examples)
            example[name] = clip.frames(places.tolist(), self.size)
            if self.landmarks:
                example[f"{name}_landmarks"] = _landmarks(clip, places, self.size)
        example["key"] = [clips[index].key] * self.examples
        example["source_key"] = [clips[partner].key] * self.examples
        return example


class AudioWindow:
    """Consecutive frames with their mel windows: `frames` and `mel` (K, k, 80, 16).

    Args:
        length: k, consecutive frames of one example.
        windows: K, examples of one visit, all out of a run of `windows * length` frames where the segment has them.
        size: width and height of the images; None keeps that of the shards.
    """

    needs = "sound and enough frames"

    def __init__(self, length: int = 8, windows: int = 1, size: int | None = None) -> None:
        self.length = _at_least(1, length=length)
        self.examples = _at_least(1, windows=windows)
        self.size = size
        self._mel = MelSpectrogram()

    def usable(self, clips: ClipShards) -> np.ndarray:
        """Sound, and `length` frames."""
        return _long_enough(clips, self.length) & clips.has("flac")

    def __call__(self, clips: ClipShards, index: int, rng: np.random.Generator) -> Example:
        """`frames` (K, k, S, S, 3), `mel` (K, k, 80, 16), `key`."""
        clip = clips[index]
        first, count = _window(clip, self.length * self.examples, rng)
        starts = first + rng.integers(count - self.length + 1, size=self.examples) if self.examples > 1 else [first]
        places = np.add.outer(np.asarray(starts), np.arange(self.length))
        frames = clip.frames(places.ravel().tolist(), self.size)
        return {
            "frames": frames.reshape(*places.shape, *frames.shape[1:]),
            "mel": mel_windows(clip, places.ravel(), self._mel).reshape(*places.shape, 80, 16),
            "key": [clip.key] * self.examples,
        }


class PoseSequence:
    """A window of per-frame arrays (landmarks, coefficients), with its sound where asked for; no images.

    Args:
        track: name of the track.
        arrays: which of its arrays; each is given as `<track>_<array>` (K, length, ...), as stored.
        length: frames of one example.
        windows: K, examples of one visit.
        mel: also give `mel` (K, length, 80, 16).
        sound: also give `sound` (K, 640 length), at 16 kHz.
    """

    def __init__(
        self,
        track: str = "landmarks",
        arrays: Sequence[str] = ("points",),
        length: int = 32,
        windows: int = 1,
        mel: bool = False,
        sound: bool = False,
    ) -> None:
        self.track, self.arrays = track, tuple(arrays)
        self.length = _at_least(1, length=length)
        self.examples = _at_least(1, windows=windows)
        self.sound = sound
        self.needs = f"{length} frames, the track '{track}'" + (" and sound" if mel or sound else "")
        self._mel = MelSpectrogram() if mel else None

    def usable(self, clips: ClipShards) -> np.ndarray:
        """The track, `length` frames, and sound where asked for."""
        good = _long_enough(clips, self.length) & clips.has(f"{self.track}.npz")
        return good & clips.has("flac") if self._mel or self.sound else good

    def __call__(self, clips: ClipShards, index: int, rng: np.random.Generator) -> Example:
        """`<track>_<array>` (K, length, ...), `mel`, `sound`, `key`."""
        clip = clips[index]
        starts = rng.integers(clip.first, clip.last - self.length + 1, size=self.examples)
        places = np.add.outer(starts, np.arange(self.length))
        example: Example = {"key": [clip.key] * self.examples}
        for name, values in clip.track(self.track, self.arrays).items():
            example[f"{self.track}_{name}"] = values[places]
        if self._mel:
            example["mel"] = mel_windows(clip, places.ravel(), self._mel).reshape(*places.shape, 80, 16)
        if self.sound:
            count = self.length * SAMPLES_PER_FRAME
            example["sound"] = np.stack([clip.audio(start * SAMPLES_PER_FRAME, count) for start in starts.tolist()])
        return example


class Frame:
    """Single frames: `image` and `landmarks`. Generators, inversion, `kind=frames` shards.

    Args:
        images: K, frames of one visit.
        window: frames of the window they come from; for `kind=frames` shards take a long one, any frame costs the same.
        size: width and height of the images; None keeps that of the shards.
        landmarks: also give `landmarks` (K, 68, 2) in pixels of the image.
        latents: also give `latents` (K, N, W) float32, as in `FramePair`.
    """

    def __init__(
        self,
        images: int = 4,
        window: int = 32,
        size: int | None = None,
        landmarks: bool = False,
        latents: str | None = None,
    ) -> None:
        self.examples = _at_least(1, images=images)
        self.window = _at_least(1, window=window)
        self.size, self.landmarks, self.latents = size, landmarks, latents
        self.needs = "a frame" + _extras(landmarks, latents)

    def usable(self, clips: ClipShards) -> np.ndarray:
        """One frame, and landmarks and latents where they are asked for."""
        return _long_enough(clips, 1) & _has_extras(clips, self.landmarks, self.latents)

    def __call__(self, clips: ClipShards, index: int, rng: np.random.Generator) -> Example:
        """`image` (K, S, S, 3), `landmarks`, `latents`, `key`."""
        clip = clips[index]
        first, count = _window(clip, self.window, rng)
        places = first + rng.choice(count, self.examples, replace=count < self.examples)
        example: Example = {"image": clip.frames(places.tolist(), self.size), "key": [clip.key] * self.examples}
        if self.landmarks:
            example["landmarks"] = _landmarks(clip, places, self.size)
        if self.latents:
            example["latents"] = clip.latents(self.latents, places.tolist())
        return example


class FaceFrames:
    """Single frames with what is known of their faces: training of 3D reconstruction.

    Args:
        images: K, frames of one visit.
        window: frames of the window they come from.
        size: width and height of the images; None keeps that of the shards.
        pupils: also give the pupils.
        coefficients: name of the face model whose coefficients in the shards are given as the truth; None gives none.
    """

    def __init__(
        self,
        images: int = 4,
        window: int = 32,
        size: int | None = None,
        pupils: bool = False,
        coefficients: str | None = None,
    ) -> None:
        self.examples = _at_least(1, images=images)
        self.window = _at_least(1, window=window)
        self.size, self.pupils = size, pupils
        self.track = None if coefficients is None else f"coefficients_{coefficients}"
        self.needs = "a frame and landmarks" + (f" and the track '{self.track}'" if self.track else "")

    def usable(self, clips: ClipShards) -> np.ndarray:
        """One frame, landmarks, and the coefficients where they are asked for."""
        good = _long_enough(clips, 1) & clips.has("landmarks.npz")
        return good & clips.has(f"{self.track}.npz") if self.track else good

    def __call__(self, clips: ClipShards, index: int, rng: np.random.Generator) -> Example:
        """`image` (K, S, S, 3), `landmarks`, `key`; `pupils` (K, 2, 2), NaN where the shard has none.

        With coefficients also `truth_<part>` (K, n) and `truth_alignment` (K, 5), in pixels of the images.
        """
        clip = clips[index]
        first, count = _window(clip, self.window, rng)
        places = first + rng.choice(count, self.examples, replace=count < self.examples)
        example: Example = {"image": clip.frames(places.tolist(), self.size), "key": [clip.key] * self.examples}
        example["landmarks"] = _landmarks(clip, places, self.size)
        scale = (self.size or clip.clips.dataset.size) / clip.clips.dataset.size
        if self.pupils:
            unknown = np.full((places.max() + 1, 2, 2), np.nan, np.float32)
            example["pupils"] = clip.track("landmarks").get("pupils", unknown)[places].astype(np.float32) * scale
        if self.track:
            truth = {name: values[places].astype(np.float32) for name, values in clip.track(self.track).items()}
            truth["alignment"] = truth["alignment"] * np.array([scale, scale, 1 / scale, scale, scale], np.float32)
            example |= {f"truth_{name}": values for name, values in truth.items()}
        return example


def mel_windows(clip: Clip, frames: np.ndarray, mel: MelSpectrogram) -> np.ndarray:
    """(n, 80, 16) mel windows of the frames (n,) of a clip, from no more sound than they cover."""
    total = 1 + int(clip.clips.table.frames[clip.index]) * SAMPLES_PER_FRAME // HOP
    columns = frame_columns(frames, total)
    low, high = int(columns.min()), int(columns.max())
    sound = clip.audio(low * HOP - MARGIN, (high - low) * HOP + N_FFT + 1)
    spectrum = mel.excerpt(torch.from_numpy(sound)).numpy()
    return spectrum[:, columns - low].swapaxes(0, 1)


def _at_least(least: int, **named: int) -> int:
    ((name, value),) = named.items()
    if value < least:
        raise UserError(f"{name}={value} must be at least {least}")
    return value


def _long_enough(clips: ClipShards, frames: int) -> np.ndarray:
    return clips.last - clips.first >= frames


def _extras(landmarks: bool, latents: str | None) -> str:
    """What a view needs beside frames, in words."""
    return (" and landmarks" if landmarks else "") + (f" and latents '{latents}'" if latents else "")


def _has_extras(clips: ClipShards, landmarks: bool, latents: str | None) -> np.ndarray:
    """(n,) bool: which segments have what is asked for."""
    known = np.ones(len(clips), bool)
    if landmarks:
        known &= clips.has("landmarks.npz")
    return known & clips.latents(latents).known if latents else known


def _window(clip: Clip, length: int, rng: np.random.Generator) -> tuple[int, int]:
    """First frame and number of frames of a random window of at most `length` frames."""
    count = min(length, clip.last - clip.first)
    return int(rng.integers(clip.first, clip.last - count + 1)), count


def _split(frames: np.ndarray, parts: int) -> list[np.ndarray]:
    return list(frames.reshape(parts, -1, *frames.shape[1:]))


def _landmarks(clip: Clip, places: np.ndarray, size: int | None) -> np.ndarray:
    points = clip.track("landmarks", ["points"])["points"][places]
    return (points * ((size or clip.clips.dataset.size) / clip.clips.dataset.size)).astype(np.float32)
