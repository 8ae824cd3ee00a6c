import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datamodules.evaluation import segments
from datamodules.shard_format import read_dataset, verify
from models.errors import UserError
from preparation.runners import LocalRunner
from tests.preparation.jobs import preparation
from tests.preparation.synthetic import write_talk


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five people with one to two clips each, and two files that cannot be used."""
    folder = tmp_path_factory.mktemp("videos")
    for number, name in enumerate(["ann", "bob", "cem", "dee", "eva"]):
        (folder / name).mkdir()
        for clip in range(1 + number % 2):
            write_talk(folder / name / f"{clip}.mp4", 1.2 + 0.2 * number, radius=30 + number)
    (folder / "bob" / "broken.mp4").write_text("no video")
    write_talk(folder / "eva" / "short.mp4", 0.6)
    return folder


def digests(output: Path) -> dict[str, str]:
    """The hash of every file that a run promises to repeat."""
    files = [path for path in output.iterdir() if path.suffix in (".tar", ".json", ".csv")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


@pytest.fixture(scope="module")
def finished(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("finished") / "shards"
    preparation(videos, output, LocalRunner(1)).run()
    return output


def test_shards_are_complete_and_split_by_person(finished: Path) -> None:
    dataset = verify(finished)
    assert dataset.totals["samples"] == 7 and dataset.totals["identities"] == 5
    assert (dataset.kind, dataset.size, dataset.analyser) == ("clips", 64, {"name": "disc"})
    people = {split: set(names) for split, names in dataset.identities.items()}
    assert people["train"] and people["test"] and not people["train"] & people["test"]
    for split in people:
        for segment in segments(finished, split):
            assert segment.info["split"] == split
            assert segment.frames.shape[1:] == (64, 64, 3) and segment.audio is not None
    assert not list(finished.glob("*.part")) and not (finished / ".clips").exists()


def test_rejected_clips_are_listed_with_their_reason(finished: Path) -> None:
    with (finished / "rejected.csv").open(encoding="utf-8") as file:
        rows = {row["source"]: row["reason"] for row in csv.DictReader(file)}
    assert rows == {"bob/broken.mp4": "unreadable", "eva/short.mp4": "too_short"}


def test_two_workers_write_the_same_bytes(videos: Path, finished: Path, tmp_path: Path) -> None:
    preparation(videos, tmp_path / "two", LocalRunner(2)).run()
    assert digests(tmp_path / "two") == digests(finished)


def test_a_killed_run_goes_on_and_writes_the_same_bytes(videos: Path, finished: Path, tmp_path: Path) -> None:
    output = tmp_path / "killed"
    command = [sys.executable, "-m", "tests.preparation.jobs", str(videos), str(output), "2"]
    process = subprocess.Popen(command, start_new_session=True, env={**os.environ, "PYTHONPATH": "."})
    deadline = time.monotonic() + 60
    while not list((output / ".clips").glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)  # the parent alone: its workers must notice
    process.wait()
    done = {path.name: path.stat().st_mtime_ns for path in (output / ".clips").glob("*.json")}
    assert 0 < len(done) < 9 and not (output / "dataset.json").exists()
    (output / ".clips" / "left.json.1.part").write_text("half a rec")
    (output / "train-00000.tar.part").write_bytes(b"half a shard")
    run = preparation(videos, output, LocalRunner(2))
    redone: list[str] = []
    store = run.runner.run

    def spy(work, tasks, logs):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        redone.extend(task[0] for task in tasks)
        return store(work, tasks, logs)

    run.runner.run = spy  # type: ignore[method-assign]
    run.run()
    assert not set(redone) & {name.removesuffix(".json") for name in done}
    assert digests(output) == digests(finished)


def test_a_second_call_is_quick_and_says_so(videos: Path, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = digests(finished)
    start = time.monotonic()
    preparation(videos, finished, LocalRunner(1)).run()
    assert time.monotonic() - start < 1
    assert "is complete: nothing to do" in capsys.readouterr().out
    assert digests(finished) == before


def test_other_settings_or_inputs_are_refused(videos: Path, finished: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"begun with other settings: size=64 then, 128 now; give another output="):
        preparation(videos, finished, LocalRunner(1), {"size": 128}).run()
    with pytest.raises(UserError, match=r"the input has changed since .* \(9 clips then, 3 now\)"):
        preparation(videos / "bob", finished, LocalRunner(1)).run()


def test_foreign_folders_are_left_alone(videos: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UserError, match="already holds thesis"):
        preparation(videos, tmp_path, LocalRunner(1)).run()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(UserError, match="cannot write to output"):
        preparation(videos, tmp_path / "thesis.tex", LocalRunner(1)).run()


def test_nothing_usable_is_an_error_with_the_reasons(videos: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no clip could be used \(unreadable\); see .*rejected.csv"):
        preparation(videos / "bob" / "broken.mp4", tmp_path / "none", LocalRunner(1)).run()


def test_a_replaced_file_is_done_again(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "a.mp4").write_text("truncated")
    with pytest.raises(UserError, match="no clip could be used"):
        preparation(source, output, LocalRunner(1)).run()
    write_talk(source / "a.mp4", 1.2)
    preparation(source, output, LocalRunner(1)).run()
    assert read_dataset(output).totals["samples"] == 1


def test_two_runs_in_one_folder_are_refused(videos: Path, tmp_path: Path) -> None:
    import fcntl

    output = tmp_path / "busy"
    output.mkdir()
    with (output / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another run is writing"):
            preparation(videos, output, LocalRunner(1)).run()


@pytest.mark.slow
def test_ray_writes_the_same_bytes(videos: Path, finished: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from preparation.ray_runner import RayRunner

    preparation(videos, tmp_path / "ray", RayRunner(2)).run()
    assert digests(tmp_path / "ray") == digests(finished)


def test_the_record_is_plain_json(finished: Path) -> None:
    record = json.loads((finished / "preparation.json").read_bytes())
    assert record["finished"] is True and record["clips"] == 9 and record["settings"] == {"size": 64}
