"""One process at a time, on this machine or on all that see the folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import UserError


@contextmanager
def held(path: Path, busy: str | None = None) -> Iterator[None]:
    """Inside, no other process holds `path`. One that does is waited for; with `busy`, that is a `UserError` instead.

    Raises:
        UserError: the file cannot be made, or it is held.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise UserError(f"cannot write to output {path.parent}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except OSError as error:
            raise UserError(busy or f"{path}: {error.strerror}") from error
        yield
