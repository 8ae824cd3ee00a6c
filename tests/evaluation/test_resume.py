"""An evaluation that was stopped goes on, on as many processes as there then are."""

from pathlib import Path
from typing import Any

import pytest
import torch

from datamodules.clip_shards import ClipShards
from evaluation.processes import Processes
from evaluation.protocol import pair_clips
from evaluation.resume import Progress
from metrics.score_metric import ScoreMetric
from models.errors import UserError
from tests.evaluation.test_score import PROTOCOL, scorer


def states(tallies: Any) -> list[Any]:
    return [
        (name, measure.metric.label, float(measure.metric.compute()), int(measure.metric.count), measure.clips)
        for name, tally in tallies.items()
        for measure in tally.measures
    ]


class First(Processes):
    """The first of several processes, of whom the others have nothing to say."""

    def gathered(self, value: Any) -> list[Any]:
        return [value] * self.world


@pytest.mark.parametrize("world", [1, 2])
def test_what_several_processes_had_is_taken_over(clips: ClipShards, analyser: Any, tmp_path: Path, world: int) -> None:
    pairs = pair_clips(clips, clips, PROTOCOL)
    whole = scorer(clips, analyser)
    for pair in pairs:
        whole(pair)

    for rank, part in enumerate((pairs[:2], pairs[2:5])):  # two processes were stopped after two and three pairs
        stopped = scorer(clips, analyser)
        progress = Progress(tmp_path, stopped.tallies, Processes(rank, 2))
        for pair in part:
            stopped(pair)
            progress.add(pair)
        progress.save()
    resumed = scorer(clips, analyser)
    progress = Progress(tmp_path, resumed.tallies, First(0, world))
    left = progress.left(pairs)
    assert left == pairs[5::world]
    assert [file.name for file in tmp_path.iterdir()] == ["0.pt"]
    for pair in pairs[5:]:
        resumed(pair)
    for one, other in zip(states(whole.tallies), states(resumed.tallies), strict=True):
        assert one[:2] + one[3:4] == other[:2] + other[3:4]
        assert one[2] == pytest.approx(other[2], rel=1e-12)
        assert one[4] == other[4]
    progress.end()
    assert not tmp_path.exists()


def test_killed_while_taking_over_counts_nothing_twice(clips: ClipShards, analyser: Any, tmp_path: Path) -> None:
    pairs = pair_clips(clips, clips, PROTOCOL)
    for rank, part in enumerate((pairs[:2], pairs[:3])):  # the second file has the first one's pairs too
        stopped = scorer(clips, analyser)
        progress = Progress(tmp_path, stopped.tallies, Processes(rank, 2))
        for pair in part:
            stopped(pair)
            progress.add(pair)
        progress.save()
    resumed = scorer(clips, analyser)
    assert Progress(tmp_path, resumed.tallies, Processes()).left(pairs) == pairs[3:]
    metric: ScoreMetric = resumed.tallies["method"].measures[0].metric
    assert int(metric.count) == 9


def test_a_broken_file_is_said(clips: ClipShards, analyser: Any, tmp_path: Path) -> None:
    torch.save({}, tmp_path / "0.pt")
    (tmp_path / "0.pt").write_bytes((tmp_path / "0.pt").read_bytes()[:50])
    with pytest.raises(UserError, match=r"0\.pt cannot be read .* delete its folder to start again"):
        Progress(tmp_path, scorer(clips, analyser).tallies, Processes()).left([])
