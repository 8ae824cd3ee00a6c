import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.benchmark.collect import blocks, collect
from models.errors import UserError
from tests.evaluation.benchmark.made_up import row, score, write_rows

ONE = {"L1": score(0.1)}


def truth(**changes: Any) -> dict[str, Any]:
    return row("ground_truth", {"L1": score(0.0)}, kind="baseline", **changes)


def test_folders_are_searched_and_copies_count_once(tmp_path: Path) -> None:
    write_rows(tmp_path / "a" / "deep", row("first", ONE), truth())
    write_rows(tmp_path / "b", row("second", ONE), truth(created="another day"))
    rows = collect([tmp_path, tmp_path / "b" / "rows.json"])
    assert sorted(entry.method for entry in rows) == ["first", "ground_truth", "second"]


def test_baselines_that_differ_are_both_kept(tmp_path: Path) -> None:
    other = {**truth(), "metrics": {"L1": score(0.001)}}
    write_rows(tmp_path / "a", truth())
    write_rows(tmp_path / "b", other)
    (block,) = blocks(collect([tmp_path]))
    assert block.names == ("ground_truth (a)", "ground_truth (b)")


@pytest.mark.parametrize(
    "changes",
    [
        {"size": 128},
        {"config_hash": "ffff"},
        {"data": {"fingerprint": "other", "split": "test"}},
        {"data": {"fingerprint": "41c20e077af77801", "split": "test", "sources_fingerprint": "portraits"}},
        {"counts": {"clips": 5, "frames": 100}},
        {"settings": {"pairing": "same_identity", "split": "test", "seed": 1}},
    ],
)
def test_other_conditions_are_another_block_and_say_so(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_rows(tmp_path, row("one", ONE), row("two", ONE, **changes))
    first, second = blocks(collect([tmp_path]))
    assert (first.names, second.names) == (("one",), ("two",))
    assert first.differs.keys() == second.differs.keys()
    assert first.title != second.title


def test_methods_of_equal_conditions_share_a_block_before_the_baselines(tmp_path: Path) -> None:
    shuffle = [
        row("random_other_identity", ONE, kind="baseline"),
        row("b", ONE),
        row("unmoved_source", ONE, kind="baseline"),
        row("a", ONE),
        truth(),
    ]
    write_rows(tmp_path, *shuffle)
    (block,) = blocks(collect([tmp_path]))
    assert block.names == ("b", "a", "ground_truth", "unmoved_source", "random_other_identity")
    assert block.title == "same_identity"


def test_two_checkpoints_of_one_method_are_told_apart(tmp_path: Path) -> None:
    checkpoints = [{"file": name, "sha256": name} for name in ("best.ckpt", "last.ckpt")]
    write_rows(tmp_path, *(row("toy", ONE, checkpoint=checkpoint) for checkpoint in checkpoints))
    (block,) = blocks(collect([tmp_path]))
    assert block.names == ("toy (best.ckpt)", "toy (last.ckpt)")


def without(key: str) -> list[Any]:
    made = row("toy", ONE)
    del made[key]
    return [made]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[{", "not readable as JSON"),
        ("\xff\xfe", "not readable as JSON"),
        (json.dumps({"method": "toy"}), "it should hold a list of rows"),
        (json.dumps([3]), "row 1: not a row of evaluate.py"),
        (json.dumps(without("kind")), "row 1: 'kind' is not there"),
        (json.dumps(without("metrics")), "row 1: 'metrics' is not there"),
        (json.dumps([row("toy", ONE, kind="guess")]), "kind='guess' should be method or baseline"),
        (json.dumps([row("toy", {"L1": {"value": 1}})]), "row 1: 'higher_is_better' is not there"),
        (json.dumps([row("toy", {"L1": score("wide")})]), "could not convert string to float: 'wide'"),
        (
            json.dumps([row("toy", {"L1": score(1, histogram={"edges": [0], "counts": [1]})})]),
            "one edge more than counts",
        ),
    ],
)
def test_malformed_rows_are_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "rows.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError) as said:
        collect([tmp_path])
    assert message in str(said.value)
    assert str(tmp_path) in str(said.value)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file or folder"):
        collect([tmp_path / "absent"])
    with pytest.raises(UserError, match=r"no rows\.json in it or below it"):
        collect([tmp_path])
    (tmp_path / "rows.json").write_text("[]")
    with pytest.raises(UserError, match="hold no row"):
        collect([tmp_path])
