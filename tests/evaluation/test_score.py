"""The scoring of pairs, the rows beside the method, and their JSON."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from configs.instantiate import build
from datamodules.clip_shards import ClipShards
from evaluation.baselines import BASELINES, third_person
from evaluation.measure import Observers, measures
from evaluation.observers.embedding import Embedding
from evaluation.observers.landmarks import Landmarks
from evaluation.processes import Processes
from evaluation.protocol import Pair, Protocol, identity_of, pair_clips
from evaluation.report import number, table
from evaluation.rows import interval, make_rows, whole_clips
from evaluation.score import PIECE, Scene, Scorer, Tally, repiece
from models.errors import MissingPackage, UserError

CPU = torch.device("cpu")
LINES: dict[str, dict[str, Any]] = {
    "l1": {"metric": {"_target_": "metrics.l1.L1"}, "of": ["prediction", "driving"]},
    "psnr": {"metric": {"_target_": "metrics.psnr.PSNR"}, "of": ["prediction", "driving"]},
    "csim": {"metric": {"_target_": "metrics.csim.CSIM"}, "of": ["prediction", "source"], "through": "toy", "every": 2},
    "lmd": {
        "metric": {"_target_": "metrics.lmd.LMD", "size": 256},
        "of": ["prediction", "driving"],
        "through": "landmarks",
    },
    "motion": {
        "metric": {"_target_": "metrics.motion_distance.MotionDistance"},
        "of": ["prediction", "driving"],
        "through": "landmarks",
    },
}
PROTOCOL = Protocol("p", "same_identity", LINES, frames=4)


def black_from_the_third(scene: Scene) -> Iterator[Tensor]:
    """A method that loses the face, and that gives its frames one by one."""
    for place, frame in enumerate(torch.cat(list(scene.driving()))):
        yield frame[None] if place < 2 else torch.full_like(frame[None], -1)


def observers(analyser: Any, **nodes: Any) -> Observers:
    made: dict[str, Any] = {"landmarks": Landmarks("toy", "none", CPU), "toy": Embedding(analyser, 3, "toy", CPU)}
    return Observers(nodes, build, made, device=CPU)


def scorer(clips: ClipShards, analyser: Any, protocol: Protocol = PROTOCOL, **changes: Any) -> Scorer:
    seen = observers(analyser)
    settings: dict[str, Any] = {
        "clips": clips,
        "sources": clips,
        "size": 16,
        "method": "method",
        "predict": black_from_the_third,
        "tallies": {name: Tally(measures(protocol.metrics, build, seen)[0]) for name in ("method", *BASELINES)},
        "finder": analyser,
        "protocol": protocol,
        "third_person": partial(third_person, clips, seed=0),
        "show": lambda *_: None,
    }
    return Scorer(**{**settings, **changes})


def scored(clips: ClipShards, analyser: Any, protocol: Protocol = PROTOCOL, **changes: Any) -> list[dict[str, Any]]:
    pairs = pair_clips(clips, clips, protocol)
    one = scorer(clips, analyser, protocol, **changes)
    for pair in pairs:
        one(pair)
    rows, by_clip = make_rows(
        "method", protocol, pairs, one.tallies, [], Processes(), 0, {"file": "x"}, {"size": 16}
    )  # fmt: skip
    json.dumps([rows, by_clip], allow_nan=False)
    assert set(by_clip["method"]["L1"]) == {pair.key for pair in pairs}
    return rows


def test_rows_of_method_and_baselines(clips: ClipShards, analyser: Any) -> None:
    rows = scored(clips, analyser)
    method, unmoved, truth, other = rows
    assert [row["method"] for row in rows] == ["method", "unmoved_source", "ground_truth", "random_other_identity"]
    assert [row["kind"] for row in rows] == ["method", "baseline", "baseline", "baseline"]
    assert method["counts"] == {"clips": 7, "frames": 21, "identities": 3, "source_identities": 3}
    assert truth["metrics"]["L1"]["value"] == 0
    assert truth["metrics"]["PSNR"]["value"] == "inf"
    assert truth["metrics"]["LMD[toy]"]["value"] == truth["metrics"]["MotionDistance[toy]"]["value"] == 0
    assert 0 < unmoved["metrics"]["L1"]["value"] < other["metrics"]["L1"]["value"] < method["metrics"]["L1"]["value"]
    assert unmoved["metrics"]["CSIM[toy]"]["value"] == pytest.approx(1, abs=1e-5)
    assert other["metrics"]["CSIM[toy]"]["value"] < 0.999
    assert (method["checkpoint"], unmoved["checkpoint"]) == ({"file": "x"}, None)
    assert method["seconds_per_frame"] > 0
    assert unmoved["seconds_per_frame"] is None


def test_lost_faces_are_counted(clips: ClipShards, analyser: Any) -> None:
    (method, *_) = scored(clips, analyser)
    landmarks, identity = method["metrics"]["LMD[toy]"], method["metrics"]["CSIM[toy]"]
    assert (landmarks["count"], landmarks["missing"]) == (7, 14)
    assert (identity["count"], identity["missing"]) == (7, 7)
    assert (method["metrics"]["L1"]["count"], method["metrics"]["L1"]["missing"]) == (21, 0)


def test_what_is_shown_of_a_long_clip_comes_in_pieces(long_clips: ClipShards, analyser: Any) -> None:
    """Nothing of the loop grows with the clip: 1,000 frames pass through in pieces of sixteen."""
    lengths: list[int] = []
    protocol = replace(PROTOCOL, frames=None, metrics={"l1": LINES["l1"]})

    def show(pair: Pair, start: int, pieces: dict[str, Tensor], sound: Tensor | None) -> None:
        assert start == sum(lengths)
        lengths.append(len(pieces["prediction"]))

    rows = scored(
        long_clips, analyser, protocol, show=show, predict=lambda scene: scene.driving(), third_person=lambda pair: None
    )
    assert (max(lengths), sum(lengths)) == (PIECE, 999)
    assert rows[0]["metrics"]["L1"] == {**rows[0]["metrics"]["L1"], "value": 0, "count": 999}


@pytest.mark.parametrize(
    ("sound", "expected"),
    [
        ("own", range(2, 21)),
        ("late", [0] * 9 + list(range(1, 11))),
        ("somebody_else", range(-1, -20, -1)),
    ],
)
def test_metrics_are_told_the_sound_of_the_scored_frames_or_a_wrong_one(
    spoken: ClipShards, analyser: Any, sound: Any, expected: Any
) -> None:
    heard: list[Tensor] = []
    protocol = replace(PROTOCOL, frames=None, metrics={"l1": LINES["l1"]}, sound=sound)
    one = scorer(spoken, analyser, protocol, show=lambda pair, start, pieces, told: heard.append(told))
    one(pair_clips(spoken, spoken, protocol)[0])
    assert len(heard[0]) == 19 * 640
    assert (100 * heard[0][320::640]).round().tolist() == pytest.approx(list(expected))


def test_the_table_says_what_is_missing(clips: ClipShards, analyser: Any) -> None:
    rows = scored(clips, analyser)
    for row in rows:
        row["unavailable"] = {"CSIM": "asset arcface is missing: expected arcface.pth"}
    grid, notes = table(rows)
    cells = [str(cell) for column in grid.columns for cell in column.cells]
    assert any(cell.startswith("— [") for cell in cells)
    assert "∞" in cells
    assert any("CSIM cannot be measured: asset arcface is missing" in note for note in notes)
    assert any("method: 14 of 21 frames could not be measured (no face)" in note for note in notes)


def test_every_picture_is_looked_at_once(clips: ClipShards, analyser: Any) -> None:
    lines = {name: LINES[name] for name in ("lmd", "motion", "csim")}
    lines["nme"] = {**lines["lmd"], "metric": {"_target_": "metrics.nme.NME"}}
    one = scorer(clips, analyser, Protocol("p", "same_identity", lines, frames=4))
    before = analyser.looks
    pair = pair_clips(clips, clips, one.protocol)[0]
    one(pair)
    # three predictions (the last one twice: the face that was followed is lost, so it is searched), three true frames,
    # three of a third person, one still
    assert analyser.looks - before == 4 + 3 + 3 + 1


def test_the_third_person_is_nobody_of_the_pair(clips: ClipShards) -> None:
    crossed = pair_clips(clips, clips, replace(PROTOCOL, pairing="cross_identity"))
    for pair in crossed:
        other = third_person(clips, pair, 0)
        assert other is not None
        assert identity_of(other.key) not in {identity_of(pair.source), identity_of(pair.driving)}
        assert third_person(clips, pair, 0) == other


def test_pieces_of_any_size_become_pieces_of_one_size() -> None:
    frames = torch.arange(23.0)[:, None]
    for sizes in ([23], [1] * 23, [5, 7, 11], [2, 20, 1]):
        pieces = list(repiece(torch.split(frames, sizes), 3, 4))
        assert [len(piece) for piece in pieces] == [4] * 5
        assert torch.equal(torch.cat(pieces), frames[3:])


def test_an_observer_that_cannot_be_made_is_a_reason_and_not_a_number(analyser: Any) -> None:
    nodes = {
        name: {"_target_": f"{__name__}.Absent", "stand_in": given} for name, given in (("one", None), ("two", "x"))
    }
    lines = LINES | {name: {**LINES["csim"], "through": name} for name in nodes}
    ready, missing = measures(lines, build, observers(analyser, **nodes))
    assert [line.metric.label for line in ready] == ["L1", "PSNR", "CSIM[toy]", "LMD[toy]", "MotionDistance[toy]"]
    assert [line.label for line in missing] == ["CSIM", "CSIM[x]"]
    assert "pip install absent" in missing[0].reason


class Absent:
    """An observer whose package is not here."""

    def __init__(self, stand_in: str | None, device: torch.device) -> None:
        raise MissingPackage("absent", "pip install absent")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({**LINES["l1"], "off": 1}, "protocol.metrics.x should have metric and of"),
        ({**LINES["l1"], "of": ["prediction", "truth"]}, "any of prediction, driving, source, audio"),
        ({**LINES["l1"], "of": ["prediction"]}, "protocol.metrics.x: of=prediction, but L1 takes prediction, target"),
        ({**LINES["l1"], "every": 0}, "every=0: it starts at 1"),
        ({**LINES["csim"], "through": "voice"}, "through=voice is no observer; there are landmarks, toy"),
    ],
)
def test_wrong_lines_are_refused(analyser: Any, line: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        measures({"x": line}, build, observers(analyser))


def test_two_lines_that_are_printed_alike_are_refused(analyser: Any) -> None:
    with pytest.raises(UserError, match="several lines are printed as L1; keep one of each"):
        measures({"x": LINES["l1"], "y": {**LINES["l1"], "every": 5}}, build, observers(analyser))


def test_interval_covers_the_mean_of_clips() -> None:
    rng = np.random.default_rng(0)
    clips = [(float(value) * 10, 10) for value in rng.normal(5, 1, 100)]
    low, high = interval(clips, seed=0)
    assert low < 5 < high
    assert high - low == pytest.approx(4 * 1 / 10, rel=0.3)
    assert all(math.isnan(value) for value in interval([(1.0, 1), (2.0, 1)], seed=0))


def test_segments_of_one_clip_and_source_are_drawn_together() -> None:
    pairs = [
        Pair("d/p/a/0", 0, "d/p/a/0", 0, 5),
        Pair("d/p/a/0", 0, "d/p/a/1", 0, 5, unscored=0),
        Pair("d/p/b/0", 0, "d/p/b/0", 0, 5),
        Pair("d/q/a/0", 0, "d/p/a/0", 0, 5, unscored=0),
    ]
    samples = {pair.key: (float(place), 4) for place, pair in enumerate(pairs)}
    assert sorted(whole_clips(samples, pairs)) == [(1.0, 8), (2.0, 4), (3.0, 4)]
    assert whole_clips(samples, pairs) == whole_clips(dict(reversed(samples.items())), pairs[::-1])


def test_numbers_are_short() -> None:
    assert [number(value) for value in (None, "inf", 0.01234567, 31.41592)] == ["—", "∞", "0.0123", "31.42"]
