"""Files that stay open between reads, few at a time."""

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.errors import UserError

MOST = 64


class OpenFiles:
    """Reads pieces of numbered files by `pread`; the file that was used longest ago is closed when there are many."""

    def __init__(self) -> None:
        self._files: OrderedDict[int, int] = OrderedDict()

    def read(self, number: int, find: Callable[[], Path], offset: int, size: int) -> bytes:
        """`size` bytes of file `number`; `find` names its path, and is asked only when it is not open."""
        data = os.pread(self._open(number, find), size, offset)
        if len(data) != size:
            raise UserError(f"shard {find().name} became shorter; copy it again")
        return data

    def _open(self, number: int, find: Callable[[], Path]) -> int:
        if number not in self._files:
            path = find()
            if len(self._files) >= MOST:
                os.close(self._files.popitem(last=False)[1])
            self._files[number] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._files.move_to_end(number)
        return self._files[number]

    def close(self) -> None:
        """Close all; they open again when needed."""
        while self._files:
            os.close(self._files.popitem()[1])

    def __getstate__(self) -> dict[str, Any]:
        return {"_files": OrderedDict()}  # descriptors mean nothing in a spawned worker

    def __del__(self) -> None:
        if hasattr(self, "_files"):
            self.close()
