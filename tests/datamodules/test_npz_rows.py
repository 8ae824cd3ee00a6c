import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datamodules.npz_rows import npz_rows

ARRAYS = hnp.arrays(
    st.sampled_from([np.float16, np.float32, np.int64, np.uint8]),
    hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=6),
)


def packed(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def reader(data: bytes, seen: list[int] | None = None) -> Callable[[int, int], bytes]:
    def read(offset: int, size: int) -> bytes:
        if seen is not None:
            seen.append(size)
        assert offset >= 0 and offset + size <= len(data)
        return data[offset : offset + size]

    return read


@settings(max_examples=30, deadline=None)
@given(one=ARRAYS, two=ARRAYS, data=st.data())
def test_rows_are_those_of_numpy(one: np.ndarray, two: np.ndarray, data: st.DataObject) -> None:
    stored = packed(one=one, two=two)
    for name, array in (("one", one), ("two", two)):
        rows = data.draw(st.lists(st.integers(0, len(array) - 1), max_size=6))
        found = npz_rows(reader(stored), len(stored), name, rows)
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array[rows])


def test_only_what_is_asked_for_is_read() -> None:
    stored, seen = packed(codes=np.zeros((200, 18, 512), np.float16), l1=np.zeros(200)), list[int]()
    assert npz_rows(reader(stored, seen), len(stored), "codes", [150, 3, 4]).shape == (3, 18, 512)
    assert sum(seen) < 3 * 18 * 512 * 2 + 3 * io.DEFAULT_BUFFER_SIZE < len(stored) / 20


def test_what_cannot_be_read_is_said() -> None:
    stored = packed(codes=np.zeros((3, 2)), flat=np.asfortranarray(np.zeros((3, 2))))
    with pytest.raises(IndexError, match="3 rows, asked for"):
        npz_rows(reader(stored), len(stored), "codes", [3])
    with pytest.raises(ValueError, match=r"no array w, but codes\.npy, flat\.npy"):
        npz_rows(reader(stored), len(stored), "w", [0])
    with pytest.raises(ValueError, match="by columns"):
        npz_rows(reader(stored), len(stored), "flat", [0])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, codes=np.zeros((3, 2)))
    with pytest.raises(ValueError, match="compressed"):
        npz_rows(reader(buffer.getvalue()), len(buffer.getvalue()), "codes", [0])
