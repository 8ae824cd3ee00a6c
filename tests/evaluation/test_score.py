"""The loop over pairs, the rows beside the method, and their JSON."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from configs.instantiate import build
from datamodules.clip_shards import ClipShards
from evaluation.measure import measures
from evaluation.observer import FaceObserver
from evaluation.processes import Processes
from evaluation.protocol import Pair, Protocol, pair_clips
from evaluation.report import number, table
from evaluation.rows import interval, make_rows
from evaluation.score import Predictor, Tally, score, still, truth
from models.errors import MissingPackage, UserError

LINES: list[dict[str, Any]] = [
    {"metric": {"_target_": "metrics.l1.L1"}, "of": ["prediction", "driving"]},
    {"metric": {"_target_": "metrics.psnr.PSNR"}, "of": ["prediction", "driving"]},
    {"metric": {"_target_": "metrics.csim.CSIM"}, "of": ["prediction", "source"], "through": "identity", "every": 2},
    {"metric": {"_target_": "metrics.lmd.LMD", "size": 128}, "of": ["prediction", "driving"], "through": "landmarks"},
]
PROTOCOL = Protocol("p", "same_identity", LINES, frames=4)


def black_from_the_third(source: Tensor, driving: Tensor) -> Tensor:
    """A method that loses the face."""
    prediction = driving.clone()
    prediction[2:] = -1
    return prediction


def scored(clips: ClipShards, analyser: Any, protocol: Protocol = PROTOCOL) -> tuple[list[dict[str, Any]], list[Any]]:
    methods: dict[str, Predictor] = {"method": black_from_the_third, "unmoved_source": still, "ground_truth": truth}
    observer = FaceObserver(analyser, analyser, size=128)
    pairs = pair_clips(clips, protocol)
    tallies = {name: Tally(measures(protocol.metrics, build, observer)[0]) for name in methods}
    seen: list[Any] = []

    def show(pair: Pair, images: Mapping[str, Tensor]) -> None:
        seen.append((pair, {name: tuple(part.shape) for name, part in images.items()}))

    score(pairs, clips, 16, methods, tallies, observer, show, lambda count: None)
    return make_rows(protocol, pairs, tallies, [], Processes(), 0, {"method": {"file": "x"}}, {"size": 16}), seen


def test_rows_of_method_still_and_truth(clips: ClipShards, analyser: Any) -> None:
    rows, seen = scored(clips, analyser)
    method, unmoved, truth_row = rows
    assert [row["method"] for row in rows] == ["method", "unmoved_source", "ground_truth"]
    assert method["counts"] == {"clips": 7, "frames": 21, "identities": 3, "source_identities": 3}
    assert truth_row["metrics"]["L1"]["value"] == 0
    assert truth_row["metrics"]["PSNR"]["value"] == "inf"
    assert truth_row["metrics"]["LMD[toy]"]["value"] == 0
    assert 0 < unmoved["metrics"]["L1"]["value"] < method["metrics"]["L1"]["value"]
    assert unmoved["metrics"]["CSIM[toy]"]["value"] == pytest.approx(1, abs=1e-5)
    assert (method["checkpoint"], unmoved["checkpoint"]) == ({"file": "x"}, None)
    assert len(seen) == 7
    assert seen[0][1]["method"] == (3, 3, 16, 16)
    json.dumps(rows, allow_nan=False)


def test_lost_faces_are_counted(clips: ClipShards, analyser: Any) -> None:
    (method, *_), _ = scored(clips, analyser)
    landmarks, identity = method["metrics"]["LMD[toy]"], method["metrics"]["CSIM[toy]"]
    assert (landmarks["frames"], landmarks["frames_without_face"]) == (7, 14)
    assert (identity["frames"], identity["frames_without_face"]) == (7, 7)
    assert method["metrics"]["L1"]["frames"] == 21


def test_the_table_says_what_is_missing(clips: ClipShards, analyser: Any) -> None:
    rows, _ = scored(clips, analyser)
    for row in rows:
        row["unavailable"] = {"CSIM[other]": "the package other is not installed; install it with: pip install other"}
    grid, notes = table(rows)
    cells = [str(cell) for column in grid.columns for cell in column.cells]
    assert any(cell.startswith("— [") for cell in cells)
    assert "∞" in cells
    assert any("CSIM[other] cannot be measured: the package other is not installed" in note for note in notes)
    assert any("method: no face in 14 of 21 frames, left out of LMD[toy]" in note for note in notes)


def test_every_picture_is_looked_at_once(clips: ClipShards, analyser: Any) -> None:
    lines = [LINES[3], {**LINES[3], "metric": {"_target_": "metrics.nme.NME"}}, LINES[2]]
    scored(clips, analyser, Protocol("p", "same_identity", lines, frames=4))
    # per clip three predictions (one twice: it is lost, so it is searched), three true frames, one still, one source;
    # and a blank picture for each of the two views
    assert analyser.looks == 7 * (4 + 3 + 1 + 1) + 2


def test_a_missing_package_is_a_reason_and_not_a_number(analyser: Any) -> None:
    class Absent(type(analyser)):  # type: ignore[misc]
        name = "absent"

        def embedding(self, frame: np.ndarray, face: Any) -> None:
            raise MissingPackage("absent", "pip install absent")

    ready, missing = measures(LINES, build, FaceObserver(analyser, Absent()))
    assert [line.metric.label for line in ready] == ["L1", "PSNR", "LMD[toy]"]
    assert [line.label for line in missing] == ["CSIM[absent]"]
    assert "pip install absent" in missing[0].reason


def test_an_analyser_without_embedding_is_a_reason(analyser: Any) -> None:
    class Faceless(type(analyser)):  # type: ignore[misc]
        def embedding(self, frame: np.ndarray, face: Any) -> None:
            return None

    _, missing = measures(LINES, build, FaceObserver(analyser, Faceless()))
    assert missing[0].reason == "the analyser toy has no identity network"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({**LINES[0], "off": 1}, "should have metric, of"),
        ({**LINES[0], "of": ["prediction", "truth"]}, "two of prediction, driving, source"),
        ({**LINES[2], "through": "voice"}, "through=voice is none of landmarks, identity"),
    ],
)
def test_wrong_lines_are_refused(analyser: Any, line: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        measures([line], build, FaceObserver(analyser, analyser))


def test_interval_covers_the_mean_of_clips() -> None:
    rng = np.random.default_rng(0)
    clips = {str(number): (float(value) * 10, 10) for number, value in enumerate(rng.normal(5, 1, 100))}
    low, high = interval(clips, seed=0)
    assert low < 5 < high
    assert high - low == pytest.approx(4 * 1 / 10, rel=0.3)
    assert interval(clips, seed=0) == interval(dict(reversed(clips.items())), seed=0)
    assert all(math.isnan(value) for value in interval({"a": (1.0, 1), "b": (2.0, 1)}, seed=0))


def test_numbers_are_short() -> None:
    assert [number(value) for value in (None, "inf", 0.01234567, 31.41592)] == ["—", "∞", "0.0123", "31.42"]


def test_still_keeps_one_picture() -> None:
    assert still(torch.zeros(1, 3, 4, 4), torch.zeros(5, 3, 4, 4)).stride(0) == 0
