"""What worker processes of the tests do; importable by name, because spawned processes start from nothing."""

import ctypes
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from models.errors import UserError
from preparation.results import ClipWorker
from preparation.run import KEPT_ASIDE, Preparation, ShardRules
from preparation.runners import LocalRunner, Runner
from preparation.sources import Videos
from preparation.trees import VideoTree
from tests.preparation.synthetic import DiscAnalyser, rules


def chores(name: str, folder: str = "") -> str:
    """Does what the name says."""
    if name == "segfault":
        ctypes.string_at(0)
    elif name == "raise":
        raise RuntimeError("a bug in a decoder")
    elif name == "hang":
        time.sleep(1000)
    elif name == "mistake":
        raise UserError("the disk is full; make room")
    elif name == "flaky" and not (Path(folder) / "seen").exists():
        (Path(folder) / "seen").touch()
        os._exit(7)
    return name.upper()


def preparation(source: Path, output: Path, runner: Runner, settings: dict[str, object] | None = None) -> Preparation:
    """A small preparation with the disc analyser."""
    videos = Videos(VideoTree("made", ["**/*"]), str(source), rules(), DiscAnalyser)
    worker = ClipWorker(videos, output.resolve() / KEPT_ASIDE, "clips", 16)
    return Preparation(videos.clips(), output, worker, runner, ShardRules(), settings or {"size": 64}, {"name": "disc"})


def main(arguments: Sequence[str]) -> None:
    """Arguments: source, output, workers."""
    source, output, workers = arguments
    preparation(Path(source), Path(output), LocalRunner(int(workers))).run()


if __name__ == "__main__":
    main(sys.argv[1:])
