"""evaluate.py from end to end with an untrained little network, on one process and on two."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from datamodules.shard_format import Segment, ShardWriter, encode_segment, write_dataset_json
from tests.commands import run_command

ROOT = Path(__file__).parents[1]
PIXELS = "measure@protocol.metrics=[pixels]"
Evaluate = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven clips of different lengths, of three people, without a face in them."""
    folder = tmp_path_factory.mktemp("shards")
    random = np.random.default_rng(0)
    with ShardWriter(folder, "test", "test", max_samples=4) as writer:
        for number in range(7):
            coarse = random.integers(0, 255, (3 + number % 3, 4, 4, 3), np.uint8)
            frames = coarse.repeat(16, axis=1).repeat(16, axis=2)
            key = f"toy/person{number % 3}/clip{number}/0000"
            writer.write(key, encode_segment(Segment(key, {"crop": {"kind": "fomm"}}, frames)))
    write_dataset_json(folder, kind="clips", size=64)
    return folder


@pytest.fixture
def evaluate(
    tiny_checkpoint: Path, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Evaluate:
    """Run the command; returns its exit code and what it said."""

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path / "assets"))
        given = [f"checkpoint='{tiny_checkpoint}'", f"data.shards='{shards}'", f"output='{tmp_path / 'scores'}'"]
        code = run_command("evaluate", [*given, *words], monkeypatch)
        return code, "".join(capsys.readouterr())

    return run


def test_rows_pairs_and_pictures(evaluate: Evaluate, tmp_path: Path) -> None:
    code, said = evaluate("protocol.frames=3", "protocol.clips=3", "measure@protocol.metrics=[pixels,identity,frontal]")
    assert code == 0, said
    folder = tmp_path / "scores"
    rows = json.loads((folder / "rows.json").read_text())
    assert [row["method"] for row in rows] == ["sadtalker", "unmoved_source", "ground_truth", "random_other_identity"]
    assert rows[0]["counts"] == {"clips": 3, "frames": 6, "identities": 2, "source_identities": 2}
    assert list(rows[0]["metrics"]) == [
        "L1", "MSE", "PSNR", "SSIM", "CSIM[dlib]", "IdentityDistance[dlib]", "FrontalAngle[mesh]",
    ]  # fmt: skip
    assert set(rows[0]["unavailable"]) == {"LPIPS", "CSIM"}
    assert rows[2]["metrics"]["L1"]["value"] == 0
    blind = {"value": None, "count": 0, "missing": 6}
    assert rows[0]["metrics"]["FrontalAngle[mesh]"] | blind == rows[0]["metrics"]["FrontalAngle[mesh]"]
    assert rows[0]["checkpoint"]["stage"] == "sadtalker/face_vid2vid"
    assert rows[0]["seconds_per_frame"] > 0
    assert len(json.loads((folder / "pairs.json").read_text())) == 3
    assert len(json.loads((folder / "clips.json").read_text())["sadtalker"]["L1"]) == 3
    assert (folder / "grid.png").stat().st_size > 1000
    with av.open(str(folder / "sample.mp4")) as video:
        assert (video.streams.video[0].width, video.metadata["comment"][:9]) == (3 * 64, "synthetic")
    assert {path.suffix for path in folder.iterdir()} == {".json", ".png", ".mp4"}  # nothing half-written, no progress
    assert "sadtalker: 6 of 6 frames could not be measured (no face)" in said
    assert "CSIM cannot be measured: asset arcface_r50 is missing" in said


def test_cross_identity_compares_no_pixels(evaluate: Evaluate, tmp_path: Path) -> None:
    code, said = evaluate(
        "protocol=cross_identity", "protocol.frames=3", "protocol.clips=2", "measure@protocol.metrics=[identity]"
    )
    assert code == 0, said
    (row, *_) = json.loads((tmp_path / "scores" / "rows.json").read_text())
    assert list(row["metrics"]) == ["CSIM[dlib]", "IdentityDistance[dlib]"]
    pairs = json.loads((tmp_path / "scores" / "pairs.json").read_text())
    assert all(pair["source"].split("/")[1] != pair["driving"].split("/")[1] for pair in pairs)


def test_goes_on_where_it_was_killed(
    evaluate: Evaluate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """The second start scores only what the first one had not saved, and ends in the same numbers."""
    from evaluation import resume, score

    assert evaluate(PIXELS)[0] == 0
    whole = json.loads((tmp_path / "scores" / "rows.json").read_text())
    scored: list[str] = []
    original = score.Scorer.__call__

    def counted(self: Any, pair: Any) -> None:
        if len(scored) == 4:
            raise KeyboardInterrupt
        original(self, pair)
        scored.append(pair.key)

    monkeypatch.setattr(score.Scorer, "__call__", counted)
    monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)
    with pytest.raises(KeyboardInterrupt):
        evaluate(PIXELS, f"output='{tmp_path / 'again'}'")
    assert not (tmp_path / "again" / "rows.json").exists()
    scored.append("so that it is not stopped again")
    assert evaluate(PIXELS, f"output='{tmp_path / 'again'}'")[0] == 0
    assert len(scored) == 4 + 1 + 3
    again = json.loads((tmp_path / "again" / "rows.json").read_text())
    for one, two in zip(whole, again, strict=True):
        assert one["counts"] == two["counts"]
        for label, result in one["metrics"].items():
            for key in (name for name in ("value", "low", "high", "count") if result[name] not in ("inf", None)):
                assert two["metrics"][label][key] == pytest.approx(result[key], rel=1e-12)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("data.shards=/absent",), "must name a folder written by prepare.py"),
        (("protocol.split=validation",), "has no split 'validation'; it has: test"),
        (("protocol=same_identity_held_out_time",), "has no split 'train'"),
        (("protocol=audio_same_identity",), "no clip of the split test has sound"),
        (("protocol=cross_identities",), "did you mean cross_identity?"),
        (("measure@protocol.metrics=[pixel]",), "measure=pixel is not there; did you mean pixels?"),
        (("output=/dev/null/scores",), "/dev/null is no folder that can be written to"),
        (("protocol.pairing=nobody",), "protocol.pairing='nobody' should be"),
        (("checkpoint=/absent.ckpt",), "absent.ckpt"),
        ((PIXELS, "protocol.time_range=[0.0,0.4]"), "usable frames, and protocol same_identity needs 2"),
    ],
)
def test_what_cannot_be_scored_is_one_plain_line(
    evaluate: Evaluate, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    code, said = evaluate(*words)
    assert code == 2
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "scores").exists()


def test_output_that_is_a_file(evaluate: Evaluate, tmp_path: Path) -> None:
    (tmp_path / "scores").write_text("mine")
    code, said = evaluate()
    assert (code, "is no folder that can be written to" in said) == (2, True)
    assert (tmp_path / "scores").read_text() == "mine"


def test_seven_clips_on_two_processes_are_seven(
    evaluate: Evaluate, tiny_checkpoint: Path, shards: Path, tmp_path: Path
) -> None:
    assert evaluate(PIXELS)[0] == 0
    alone = json.loads((tmp_path / "scores" / "rows.json").read_text())
    words = [f"checkpoint='{tiny_checkpoint}'", f"data.shards='{shards}'", f"output='{tmp_path / 'two'}'", PIXELS]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launcher, str(ROOT / "evaluate.py"), *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    both = json.loads((tmp_path / "two" / "rows.json").read_text())
    assert alone[0]["counts"]["clips"] == 7
    assert alone[0]["counts"]["frames"] == sum(2 + number % 3 for number in range(7))
    for one, two in zip(alone, both):
        assert (one["processes"], two["processes"]) == (1, 2)
        assert one["counts"] == two["counts"]
        for key in ("value", "low", "high", "count"):
            assert two["metrics"]["L1"][key] == pytest.approx(one["metrics"]["L1"][key], rel=1e-6)
