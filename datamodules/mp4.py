"""Where each frame lies in an mp4 that `encode_mp4` wrote.

FFmpeg's demuxer decodes the first frame of every file it opens to guess what the header says already; for a window of
eight frames that is a seventh of the work. The boxes of our own files are few, so they are read here.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_NESTED = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}
_ENTRIES = 8  # bytes of version, flags and count before the entries of a table
_VISUAL = 78  # fixed part of a visual sample entry, before its boxes


@dataclass(frozen=True)
class SampleTable:
    """Frames of an H.264 track without B frames: frame i is sample i.

    Attributes:
        extradata: configuration of the decoder (`avcC`).
        width: of the frames, in pixels.
        height: of the frames, in pixels.
        offsets: (T,) where the bytes of each frame start.
        sizes: (T,) how many they are.
        keys: (n,) numbers of the key frames, ascending, the first is 0.
    """

    extradata: bytes
    width: int
    height: int
    offsets: np.ndarray
    sizes: np.ndarray
    keys: np.ndarray


def sample_table(mp4: bytes | memoryview) -> SampleTable:
    """Read the table; ValueError unless the file has one H.264 track without B frames."""
    data = memoryview(mp4)
    try:
        boxes = dict(_boxes(data))
        if b"ctts" in boxes:
            raise ValueError("the mp4 of a segment must not have B frames")
        entry = boxes[b"stsd"][_ENTRIES + 8 :]
        width, height = struct.unpack_from(">HH", entry, 24)
        equal, count = struct.unpack_from(">II", boxes[b"stsz"], 4)  # a size of 0 says that each sample has its own
        sizes = np.full(count, equal) if equal else _numbers(boxes[b"stsz"], skip=4)
        keys = _numbers(boxes[b"stss"]) - 1 if b"stss" in boxes else np.arange(len(sizes))
        return SampleTable(
            extradata=bytes(dict(_boxes(entry[_VISUAL:]))[b"avcC"]),
            width=width,
            height=height,
            offsets=_offsets(sizes, _numbers(boxes[b"stco"]), _numbers(boxes[b"stsc"]).reshape(-1, 3)),
            sizes=sizes,
            keys=keys,
        )
    except (KeyError, struct.error) as error:
        raise ValueError("the mp4 of a segment must have one H.264 track") from error


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Name and contents of every box, in those that only hold others too."""
    while len(data) >= 8:
        size, name = struct.unpack_from(">I4s", data)
        if size < 8:
            raise ValueError("the mp4 of a segment is damaged")
        if name in _NESTED:
            yield from _boxes(data[8:size])
        else:
            yield name, data[8:size]
        data = data[size:]


def _numbers(table: memoryview, skip: int = 0) -> np.ndarray:
    return np.frombuffer(table[_ENTRIES + skip :], ">u4").astype(np.int64)


def _offsets(sizes: np.ndarray, chunks: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Samples lie in chunks one after the other; `runs` (first chunk from 1, samples per chunk, -) counts them."""
    per_chunk = np.repeat(runs[:, 1], np.diff(runs[:, 0] - 1, append=len(chunks)))
    firsts = np.cumsum(per_chunk) - per_chunk
    before = np.cumsum(sizes) - sizes
    return before + np.repeat(chunks - before[firsts], per_chunk)
