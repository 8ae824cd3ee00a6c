"""Files that appear under their name only when they are whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import UserError


def own_part(path: Path) -> Path:
    """A hidden name in the folder of `path` that no other process and no other call is given; it ends in `.part`."""
    return path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.part")


def check_folder(folder: Path, key: str = "output") -> None:
    """Raise `UserError` where `folder`, given as the option `key`, neither can be written to nor be made."""
    standing = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not standing.is_dir() or not os.access(standing, os.W_OK):
        raise UserError(f"{key}={folder}: {standing} is no folder that can be written to")


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Inside, the file is written to the path that is given; at the end it is renamed to `path`, whose folder is made.

    When the block raises, nothing of it stays, and a file that stood at `path` before is as it was. Of several
    processes that do this at once each leaves a whole file, and the last one's stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = own_part(path)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
