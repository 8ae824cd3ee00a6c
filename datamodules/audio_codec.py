"""FLAC in and out: the sound of a segment, lossless at 16 bit. libsndfile finds any window; FFmpeg cannot always."""

import io

import numpy as np
import soundfile


def encode_flac(audio: np.ndarray, rate: int) -> bytes:
    """Encode (N,) float in [-1, 1] (clipped) as 16-bit mono FLAC. Equal sound gives equal bytes."""
    if audio.ndim != 1:
        raise ValueError(f"audio must be (N,), got {audio.shape}")
    samples = np.clip(np.rint(audio.astype(np.float64) * 32768), -32768, 32767).astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def decode_flac(flac: bytes | memoryview, start: int = 0, count: int | None = None) -> np.ndarray:
    """Samples `start` to `start + count - 1` (default: to the end) of a mono FLAC as (count,) float32 in [-1, 1].

    What lies before the first or after the last sample is zero.
    """
    with soundfile.SoundFile(io.BytesIO(flac)) as file:
        count = file.frames - start if count is None else count
        low, high = max(start, 0), min(start + count, file.frames)
        if low == start and high == start + count:
            file.seek(low)
            return file.read(count, dtype="float32")
        sound = np.zeros(count, np.float32)
        if low < high:
            file.seek(low)
            sound[low - start : high - start] = file.read(high - low, dtype="float32")
    return sound
