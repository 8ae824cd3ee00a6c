import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.clip_shards import ClipShards
from datamodules.evaluation import segments
from datamodules.location import Location
from datamodules.shard_data import ShardData
from datamodules.views import FramePair
from models.errors import UserError
from tests.datamodules.conftest import write_shards


class Quiet(SimpleHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012  # shared by the handlers of one server on purpose

    def log_message(self, format: str, *args: Any) -> None:
        self.asked.append(self.path)


@pytest.fixture
def server(shards: Path) -> Iterator[str]:
    Quiet.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(shards))) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def batches(location: str, cache: Path, workers: int = 0) -> list[list[str]]:
    data = ShardData(location, FramePair(pairs=2, window=8), 4, workers, validation_split=None, cache=str(cache))
    return [batch["key"] for batch in data.train_dataloader()]


def test_http_and_pipe_give_the_batches_of_the_folder(server: str, shards: Path, tmp_path: Path) -> None:
    local = batches(str(shards), tmp_path)
    assert batches(server, tmp_path / "http", workers=2) == local
    assert batches(f"pipe:cat '{shards}'/{{}}", tmp_path / "pipe") == local
    assert [Quiet.asked.count(f"/train-0000{number}.tar") for number in range(4)] == [1, 1, 1, 1]
    assert batches(server, tmp_path / "http") == local  # from the cache
    assert Quiet.asked.count("/train-00000.tar") == 1 and Quiet.asked.count("/dataset.json") == 2


def test_missing_and_truncated_remote_files(server: str, shards: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dataset.json cannot be read: HTTP Error 404"):
        ClipShards(f"{server}/nowhere", cache=str(tmp_path))
    with pytest.raises(UserError, match=r"train-00000.tar has \d+ bytes, dataset.json says 7"):
        Location(server, tmp_path).path("train-00000.tar", "name", 7)
    assert not list(tmp_path.glob("name"))
    with pytest.raises(UserError, match=r"cannot be read"):
        ClipShards(f"pipe:cat {shards}/none/{{}}", cache=str(tmp_path))
    with pytest.raises(UserError, match=r"needs \{\} where the file name goes"):
        ClipShards("pipe:cat x")


@pytest.mark.parametrize("world", [1, 2, 3])
def test_evaluation_sees_each_segment_once(shards: Path, world: int) -> None:
    parts = [list(segments(shards, "test", (0.5, 1), rank, world)) for rank in range(world)]
    keys = [segment.key for part in parts for segment in part]
    assert sorted(keys) == sorted({clip.key for clip in ClipShards(shards, "test")}) and len(keys) == 5
    assert all(len(segment.frames) == 20 and len(segment.tracks["landmarks"]["points"]) == 20 for segment in parts[0])
    assert len(list(segments(shards, "test", limit=2))) == 2


def test_shards_survive_many_open_files_and_pickling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    monkeypatch.setattr("datamodules.open_files.MOST", 2)
    clips = ClipShards(write_shards(tmp_path, 13, frames=4))
    first = [clip.frames([0]) for clip in clips]
    assert len(clips._files._files) == 2
    again = [clip.frames([0]) for clip in pickle.loads(pickle.dumps(clips))]  # noqa: S301  # as a spawned worker does
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
