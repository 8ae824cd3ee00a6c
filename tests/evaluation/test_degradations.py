"""Metrics get worse as real frames are damaged more and more."""

from pathlib import Path

import pytest

from datamodules.clip_shards import ClipShards
from evaluation.measure import Observers
from tests.commands import run_command
from tests.evaluation.degradations import SERIES, Series, everything_seen, measured, wrong_steps

CLIPS = ("may.mp4", "hdtf_aoc.mp4", "obama_address.mp4")


@pytest.fixture(scope="module")
def real_clips(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> ClipShards:
    """Three seconds of three people."""
    folder = tmp_path_factory.mktemp("real")
    rows = [f"{real_data / 'videos' / name},{name[:-4]},test,0,3" for name in CLIPS]
    (folder / "list.csv").write_text("\n".join(["path,identity,split,start,end", *rows]) + "\n")
    with pytest.MonkeyPatch.context() as monkeypatch:
        words = [f"input={folder / 'list.csv'}", f"output={folder / 'shards'}", "size=256", "coefficients=none"]
        assert run_command("prepare", [*words, "workers=1"], monkeypatch) == 0
    return ClipShards(folder / "shards", "test")


@pytest.fixture(scope="module")
def observers() -> Observers:
    return everything_seen()


@pytest.mark.slow
@pytest.mark.parametrize("series", SERIES[:4], ids=lambda series: series.name)
def test_more_damage_is_worse(series: Series, real_clips: ClipShards, observers: Observers) -> None:
    levels = series.levels[::2]
    values = [measured(series, level, real_clips, observers, 128, 12, 2) for level in levels]
    for label in series.labels:
        row = [value[label][0] for value in values]
        better = values[0][label][1]
        assert better is not None
        assert not wrong_steps(row, better), f"{label} at {levels}: {row}"
