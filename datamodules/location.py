"""Where shards are: a folder, an http(s) address, or (only from the user's own config) a `pipe:` command."""

import fcntl
import os
import shlex
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from models.aside import written_aside
from models.errors import UserError

_TIMEOUT_S = 60
_ATTEMPTS = 3


class Location:
    """The place of a `dataset.json` and its shards.

    Args:
        text: a folder; `http://...` or `https://...` of a folder; or `pipe:COMMAND` where `{}` in the command becomes
            the (quoted) name of the wanted file, such as `pipe:aws s3 cp s3://bucket/voxceleb/{} -`.
        cache: where remote shards are kept; default `$FIGUREHEAD_CACHE`, else `~/.cache/figurehead/shards`.
    """

    def __init__(self, text: str | Path, cache: Path | None = None) -> None:
        self.text = str(text).rstrip("/")
        self.remote = self.text.startswith(("http://", "https://", "pipe:"))
        self.cache = cache or Path(os.environ.get("FIGUREHEAD_CACHE", "~/.cache/figurehead/shards")).expanduser()
        if self.text.startswith("pipe:") and "{}" not in self.text:
            raise UserError(
                f"shards={text}: a pipe needs {{}} where the file name goes, e.g. pipe:ssh host cat data/{{}}"
            )

    def read(self, file: str) -> bytes:
        """All bytes of a small file; UserError when it is missing."""
        if self.remote:
            with self._open(file) as stream:
                return stream.read()
        path = Path(self.text).expanduser() / file
        if not path.is_file():
            raise UserError(f"{path} does not exist; shards= must name a folder written by prepare.py")
        return path.read_bytes()

    def path(self, file: str, name: str, size: int | None = None) -> Path:
        """The file on this machine; a remote one is downloaded once and kept under `name`.

        UserError when it is missing or does not have `size` bytes.
        """
        path = Path(self.text).expanduser() / file
        if self.remote:
            path = self.cache / name
            if not path.is_file():
                self._download(file, path, size)
        check_size(path, size)
        return path

    def _download(self, file: str, path: Path, size: int | None) -> None:
        with _lock(path):
            if path.is_file():  # another process was faster
                return
            with written_aside(path) as part:
                with self._open(file) as stream, part.open("wb") as out:
                    shutil.copyfileobj(stream, out, 1 << 20)
                check_size(part, size, f"{self.text}: {file}")

    @contextmanager
    def _open(self, file: str) -> Iterator[IO[bytes]]:
        try:
            if self.text.startswith("pipe:"):
                import webdataset

                with webdataset.gopen(self.text.replace("{}", shlex.quote(file))) as stream:
                    yield stream
            else:
                with _request(f"{self.text}/{file}") as stream:
                    yield stream
        except OSError as error:
            raise UserError(f"{self.text}: {file} cannot be read: {error}") from error


def check_size(path: Path, size: int | None, name: str | None = None) -> None:
    """Raise UserError unless the file is there and has `size` bytes (None: any number)."""
    name = name or str(path)
    if not path.is_file():
        raise UserError(f"shard {name} is missing; copy it again or prepare the data again")
    if size is not None and (found := path.stat().st_size) != size:
        raise UserError(f"shard {name} has {found} bytes, dataset.json says {size}; copy it again")


def _request(address: str) -> IO[bytes]:
    for attempt in range(_ATTEMPTS):
        try:
            return urllib.request.urlopen(address, timeout=_TIMEOUT_S)
        except urllib.error.HTTPError as error:
            if error.code < 500 or attempt == _ATTEMPTS - 1:
                raise
        except urllib.error.URLError:
            if attempt == _ATTEMPTS - 1:
                raise
        time.sleep(2**attempt)
    raise AssertionError("unreachable")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold `<path>.lock`, so that of all processes of a machine one downloads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
