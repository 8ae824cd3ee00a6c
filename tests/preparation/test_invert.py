"""Latents of whole folders: by a double of an inverter, and by the command."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.clip_shards import ClipShards
from datamodules.latents import find_latents
from datamodules.shard_format import read_dataset, verify
from models.errors import UserError
from models.images import to_images
from models.stylegan.pretrained import generator_id, read_generator, save_generator
from preparation.describe import CAPTION, COLUMNS, TILE
from preparation.inversion_worker import side
from preparation.invert import Share
from preparation.locks import held
from preparation.runners import Task, Work
from tests.commands import run_command
from tests.datamodules.conftest import write_shards
from tests.preparation.inversion import Double, inversions, tiny


class Here:
    """Runs the work in this process; stops after `most` tasks as if it had been killed."""

    def __init__(self, most: int = 10**6) -> None:
        self.most, self.seen = most, list[Task]()

    def run(self, work: Work, tasks: Sequence[Task], logs: Path) -> Iterator[tuple[Task, Any]]:
        for task in tasks:
            if len(self.seen) == self.most:
                raise KeyboardInterrupt
            self.seen.append(task)
            yield task, work(*task)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shards, two of train and one of test, of 20 and 16 and 8 frames."""
    return write_shards(tmp_path_factory.mktemp("plain") / "shards", 5, held_out=2, frames=4)


@pytest.fixture
def shards(plain: Path, tmp_path: Path) -> Path:
    return shutil.copytree(plain, tmp_path / "shards")


def digests(shards: Path) -> dict[str, str]:
    """Everything but the picture for people."""
    files = [shards / "dataset.json", *(shards / "latents" / "tiny").glob("*.[tj]*")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


@pytest.fixture(scope="module")
def finished(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    shards = shutil.copytree(plain, tmp_path_factory.mktemp("finished") / "shards")
    inversions(shards, Here()).run()
    return shards


def test_every_frame_has_its_codes_and_their_errors(finished: Path) -> None:
    verify(finished)
    generator, found = tiny(), []
    for split in ("train", "test"):
        clips = ClipShards(finished, split)
        for clip in clips:
            codes = torch.from_numpy(clip.latents("tiny", range(4)))
            wanted = Double(generator).invert(to_images(clip.frames(range(4), 16))).codes
            assert torch.equal(codes, wanted.half().float())
            image = to_images(clip.frames(range(4), 16))
            difference = (generator(codes).image.clamp(-1, 1) - image).double().numpy()
            stored = clips.latents("tiny")
            l1, psnr = (stored.rows(clip.index, name, range(4)) for name in ("l1", "psnr"))
            np.testing.assert_allclose(l1, np.abs(difference).mean(axis=(1, 2, 3)) / 2, rtol=1e-4)
            np.testing.assert_allclose(psnr, 10 * np.log10(4 / (difference**2).mean(axis=(1, 2, 3))), rtol=1e-4)
            found.append(l1)
    facts = find_latents(read_dataset(finished), "", "tiny")
    assert facts.error["l1"] == pytest.approx(np.concatenate(found).mean())
    assert facts.generator.name == "tiny" and facts.inversion["method"] == "double"


def test_frames_are_as_large_as_the_generator_can_use() -> None:
    assert [side(tiny(size=32), size) for size in (16, 32, 64, 24)] == [16, 32, 32, 32]


def test_a_sheet_shows_frames_and_what_their_codes_make(
    finished: Path, shards: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inversions(shards, Here()).run()
    text = capsys.readouterr().out
    for part in ("frames/s", "28 frames, 6 x 8 codes of tiny", "by double", "PSNR", "worst segment: toy/"):
        assert part in text
    picture = np.asarray(Image.open(shards / "latents" / "tiny" / "contact_sheet.png"))
    assert picture.shape == (2 * (TILE + CAPTION), COLUMNS * TILE, 3)
    frame, made = (picture[CAPTION : CAPTION + TILE, start : start + TILE] for start in (0, TILE))
    worst = text.split("worst segment: ")[1].split(":")[0]
    clips = next(found for split in ("train", "test") if worst in (found := ClipShards(shards, split)).table.keys)
    clip = clips[clips.table.keys.index(worst)]
    codes = torch.from_numpy(clip.latents("tiny", [0]))
    for shown, image in ((frame, to_images(clip.frames([0], 16))), (made, tiny()(codes).image.clamp(-1, 1))):
        blocks = to_images(shown[None].copy()).unfold(2, 8, 8).unfold(3, 8, 8).mean(dim=(-1, -2))
        assert (blocks - image).abs().max() < 0.02


def test_a_second_call_is_quick_and_says_so(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, here = digests(finished), Here()
    inversions(finished, here, batch=5).run()
    assert "is complete: nothing to do" in capsys.readouterr().out
    assert digests(finished) == before and not here.seen


def test_a_sheet_that_was_not_drawn_any_more_is_drawn(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = finished / "latents" / "tiny" / "contact_sheet.png"
    before = sheet.read_bytes()
    sheet.unlink()
    inversions(finished, Here(), batch=5).run()
    assert sheet.read_bytes() == before
    assert "worst segment: toy/" in capsys.readouterr().out


@pytest.mark.parametrize("most", [0, 2, 4, 5])
def test_a_stopped_run_goes_on_and_writes_the_same_bytes(finished: Path, shards: Path, most: int) -> None:
    first, second = Here(most), Here()
    with pytest.raises(KeyboardInterrupt):
        inversions(shards, first).run()
    with pytest.raises(UserError, match="no latents 'tiny', but none at all"):
        ClipShards(shards).latents("tiny")
    with pytest.raises(UserError, match="begun with other settings: batch=7 then, 6 now; give another name="):
        inversions(shards, Here(), batch=6).run()
    inversions(shards, second).run()
    assert not set(first.seen) & set(second.seen) and len(second.seen) == 6 - most
    assert digests(shards) == digests(finished)
    assert not list((shards / "latents").rglob("*.part")) and not (shards / "latents" / "tiny" / ".pieces").exists()


def test_two_ranks_write_the_same_bytes(finished: Path, shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = Here(), Here()
    inversions(shards, one, share=Share(0, 2)).run()
    assert "rank 0 of 2 has done its share; 3 batches of others are still to come" in capsys.readouterr().out
    assert not read_dataset(shards).latents
    inversions(shards, two, share=Share(1, 2)).run()
    assert not set(one.seen) & set(two.seen) and len(one.seen) == len(two.seen) == 3
    assert digests(shards) == digests(finished)


def test_a_shard_lies_on_the_disk_once(shards: Path) -> None:
    """Its pieces go as soon as its latents are written."""
    run = inversions(shards, Here(4))
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert (run.latents.folder / "test-00000.tar").is_file() and not (run.latents.aside / "test-00000").exists()


def test_other_latents_of_the_same_name_are_refused(finished: Path) -> None:
    before = digests(finished)
    with pytest.raises(UserError, match=r"other settings: generator\.id=\w+ then, \w+ now; give another name="):
        inversions(finished, Here(), seed=1).run()
    with pytest.raises(UserError, match=r"other settings: inversion\.steps=None then, 10 now"):
        inversions(finished, Here(), steps=10).run()
    assert digests(finished) == before


def test_what_cannot_be_kept_is_said(shards: Path) -> None:
    with pytest.raises(UserError, match="more than codes"):
        inversions(shards, Here(), habit="states").run()
    with pytest.raises(UserError, match=r"toy/stranger/clip/0005, frame 0: .* it diverges"):
        inversions(shards, Here(), habit="nan").run()
    assert not list((shards / "latents").rglob("*.np*"))


def test_two_runs_at_once_are_refused(shards: Path) -> None:
    with held(shards / "latents" / "tiny" / ".lock-0"), pytest.raises(UserError, match="another run is inverting into"):
        inversions(shards, Here()).run()


def test_videos_that_were_prepared_again_are_noticed(shards: Path) -> None:
    inversions(shards, Here()).run()
    shutil.rmtree(shards / "latents" / "tiny")
    inversions(shards, Here()).run()  # the folder is gone: made again
    shutil.copytree(shards / "latents", shards.parent / "kept")
    again = write_shards(shards.parent / "again", 5, held_out=2, frames=6)
    shutil.copytree(shards.parent / "kept", again / "latents")
    with pytest.raises(UserError, match="holds latents of other frames"):
        inversions(again, Here()).run()


def test_packed_pictures_are_inverted_too(tmp_path: Path) -> None:
    shards = write_shards(tmp_path, 2, kind="frames", frames=3)
    inversions(shards, Here()).run()
    clip = ClipShards(shards)[0]
    assert clip.latents("tiny", [2]).shape == (1, 6, 8)


def started(shards: Path, habit: str, **environment: str) -> subprocess.Popen[bytes]:
    """The inversion as a process of its own, with two workers."""
    command = [sys.executable, "-m", "tests.preparation.inversion", str(shards), "2", habit]
    settings = {**os.environ, "PYTHONPATH": ".", "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(command, start_new_session=True, env=settings)


@pytest.mark.slow
def test_two_workers_and_a_kill_change_nothing(finished: Path, shards: Path) -> None:
    process = started(shards, "slow")
    deadline, pieces = time.monotonic() + 300, shards / "latents" / "tiny" / ".pieces"
    while not list(pieces.rglob("*.npz")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)  # the parent alone: its workers must notice
    process.wait()
    assert 0 < len(list(pieces.rglob("*.npz"))) < 6 and not read_dataset(shards).latents
    inversions(shards, Here()).run()
    assert digests(shards) == digests(finished)


@pytest.mark.slow
def test_ranks_at_the_same_time(finished: Path, shards: Path) -> None:
    other = started(shards, "", RANK="1", WORLD_SIZE="2")
    inversions(shards, Here(), share=Share(0, 2)).run()
    assert other.wait(300) == 0
    assert digests(shards) == digests(finished)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Of the command, but for the shards."""
    file = tmp_path_factory.mktemp("generator") / "My generator.safetensors"
    save_generator(file, tiny())
    generator = ["generator=embedded", f"generator.file='{file}'"]
    return ["task=invert", *generator, "inversion=embedded_w_plus", "inversion.steps=2", "workers=1", "device=cpu"]


@pytest.mark.slow
def test_the_command(
    words: list[str], shards: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("prepare", [*words, f"output={shards}"], monkeypatch) == 0
    assert "latents 'my_generator': 28 frames, 6 x 8 codes of my_generator" in capsys.readouterr().out
    facts = ClipShards(shards).latents(generator_id(read_generator(Path(words[2].split("'")[1])))).facts
    assert facts.inversion["method"] == "optimise_w_plus" and facts.inversion["steps"] == 2


@pytest.mark.slow
def test_mistakes_are_one_line(
    words: list[str], plain: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = f"output={plain}"
    for arguments, message in [
        (["task=invert", here], "please give generator=...; known: embedded,"),
        ([*words, here, "generator.file=/none.pt"], "there is no generator /none.pt"),
        ([*words, here, "size=64"], "size: of no use with task=invert"),
        (["task=describe", here, "batch=3"], "batch: of no use with task=describe"),
        ([*words[:3], here, "inversion=embedded_pti"], "inversion by pti finds more than codes"),
    ]:
        code, said = run_command("prepare", arguments, monkeypatch), capsys.readouterr().err
        assert code == 2 and message in said, said
        assert len(said.strip().splitlines()) == 1
    assert not list((plain / "latents").rglob("*.tar"))
