"""FLAC in and out with PyAV: the sound of a segment, lossless at 16 bit."""

import io

import av
import numpy as np


def encode_flac(audio: np.ndarray, rate: int) -> bytes:
    """Encode (N,) float in [-1, 1] (clipped) as 16-bit mono FLAC. Equal sound gives equal bytes."""
    if audio.ndim != 1:
        raise ValueError(f"audio must be (N,), got {audio.shape}")
    samples = np.clip(np.rint(audio.astype(np.float64) * 32768), -32768, 32767).astype(np.int16)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="flac", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("flac", rate=rate, layout="mono", options={"flags": "+bitexact"})
        stream.codec_context.format = "s16"
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def decode_flac(flac: bytes | memoryview, start: int = 0, count: int | None = None) -> np.ndarray:
    """Samples `start` to `start + count - 1` (default: to the end) of a mono FLAC as (count,) float32 in [-1, 1].

    What lies before the first or after the last sample is zero when `count` is given.
    """
    pieces: list[np.ndarray] = []
    first = end = 0
    with av.open(io.BytesIO(flac), "r", format="flac") as container:
        stream = container.streams.audio[0]
        if start > 0:
            container.seek(start, stream=stream, backward=True)
        for frame in container.decode(stream):
            if not pieces:
                first = end = frame.pts or 0
            pieces.append(frame.to_ndarray()[0])
            end += frame.samples
            if count is not None and end >= start + count:
                break
    sound = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
    if count is None:
        return sound[max(start - first, 0) :].astype(np.float32) / 32768
    out = np.zeros(count, np.float32)
    low, high = max(start, first), min(start + count, end)
    if low < high:
        np.divide(sound[low - first : high - first], 32768, out=out[low - start : high - start])
    return out
