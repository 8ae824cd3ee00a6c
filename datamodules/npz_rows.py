"""Rows of arrays in an npz that is not read as a whole: `numpy.savez` stores arrays as they are, one after another."""

import io
import struct
import zipfile
from collections.abc import Callable, Sequence

import numpy as np

Read = Callable[[int, int], bytes]  # (offset, size) -> bytes
_HEADER = 30  # bytes of a zip member's own header, before its name


def npz_rows(read: Read, size: int, name: str, rows: Sequence[int]) -> np.ndarray:
    """Rows `rows` (any order, repeats allowed) of the array `name`, as (len(rows), ...); nothing else of it is read.

    Args:
        read: gives bytes of the npz.
        size: of the npz.
        name: of an array of one or more axes.
        rows: counted along the first axis.

    Raises:
        ValueError: there is no such array, or it is packed or holds objects.
        IndexError: it has no such row.
    """
    with zipfile.ZipFile(io.BufferedReader(_Stream(read, size))) as archive:
        try:
            entry = archive.getinfo(f"{name}.npy")
        except KeyError as error:
            raise ValueError(f"there is no array {name}, but {', '.join(archive.namelist())}") from error
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"the array {name} is compressed")
        with archive.open(entry) as file:
            numpy_format = np.lib.format.read_magic(file)
            header = (
                np.lib.format.read_array_header_1_0 if numpy_format == (1, 0) else np.lib.format.read_array_header_2_0
            )
            shape, by_columns, dtype = header(file)
            inside = file.tell()
    if dtype.hasobject or (by_columns and len(shape) > 1):
        raise ValueError(f"the array {name} holds objects or lies by columns")
    if any(not 0 <= row < shape[0] for row in rows):
        raise IndexError(f"the array {name} has {shape[0]} rows, asked for {list(rows)}")
    lengths = struct.unpack_from("<HH", read(entry.header_offset, _HEADER), _HEADER - 4)
    start, step = entry.header_offset + _HEADER + sum(lengths) + inside, dtype.itemsize * int(np.prod(shape[1:]))
    runs = np.split(np.asarray(rows), np.flatnonzero(np.diff(rows) != 1) + 1) if len(rows) else []
    data = b"".join(read(start + int(run[0]) * step, len(run) * step) for run in runs)
    return np.frombuffer(data, dtype).reshape(len(rows), *shape[1:])


class _Stream(io.RawIOBase):
    """What `read` gives, as a file."""

    def __init__(self, read: Read, size: int) -> None:
        self._read, self._size, self._at = read, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._read(self._at, min(len(buffer), max(self._size - self._at, 0)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
