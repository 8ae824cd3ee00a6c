import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer

from configs.instantiate import build
from datamodules.augment import Augment
from datamodules.shard_data import ShardData
from datamodules.views import FramePair
from models.errors import UserError
from tests.datamodules.conftest import write_shards
from tests.datamodules.recorder import Recorder, fit, ranks


def data(shards: Path, **options: Any) -> ShardData:
    settings = {"view": FramePair(pairs=2, window=8), "batch_size": 4, "seed": 3, "augment": Augment(), **options}
    return ShardData(str(shards), **settings)


def samples(module: ShardData, epochs: int = 1) -> list[list[list[int]]]:
    loader = module.train_dataloader()
    return [[batch["sample"].tolist() for batch in loader] for _ in range(epochs)]


def test_order_differs_by_epoch_and_is_equal_on_rerun(shards: Path) -> None:
    first, second = samples(data(shards), 2)
    assert first != second
    assert [first, second] == samples(data(shards), 2)
    assert first != samples(data(shards, seed=4))[0]


def test_an_epoch_visits_each_segment_once_and_drops_the_remainder(shards: Path) -> None:
    (epoch,) = samples(data(shards))
    numbers = [number for batch in epoch for number in batch]
    assert len(epoch) == 6 and all(len(batch) == 4 for batch in epoch)  # 13 segments, 2 visits x 2 pairs a batch
    assert len(set(numbers)) == 12 and all(numbers.count(number) == 2 for number in numbers)


def test_batches_do_not_depend_on_workers(shards: Path) -> None:
    alone, helped = (list(data(shards, num_workers=workers).train_dataloader()) for workers in (0, 2))
    for one, two in zip(alone, helped, strict=True):
        assert one["key"] == two["key"]
        assert all(torch.equal(one[name], two[name]) for name in one if name != "key")


def test_visits_per_segment_fill_batches_of_tiny_sets(shards: Path) -> None:
    with pytest.raises(UserError, match="set visits_per_segment=2"):
        data(shards, batch_size=40).setup("fit")
    loader = data(shards, batch_size=40, visits_per_segment=4)
    (epoch,) = samples(loader)
    assert len(epoch) == 2
    assert len({number for batch in epoch for number in batch}) == 40  # each visit is another window


def test_batch_size_must_be_a_multiple(shards: Path) -> None:
    with pytest.raises(UserError, match=r"batch_size=5 is not a multiple of 2 .* take 4 or 6"):
        data(shards, batch_size=5).setup("fit")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_shard_that_shrinks_while_training_is_one_plain_line(tmp_path: Path, workers: int) -> None:
    write_shards(tmp_path, 4, frames=10)
    loader = data(tmp_path, num_workers=workers, validation_split=None).train_dataloader()
    (tmp_path / "train-00000.tar").write_bytes(b"")
    with pytest.raises(
        UserError, match=r"^shard \S+train-00000.tar has 0 bytes, dataset.json says \d+; copy it again$"
    ):
        list(loader)


def test_a_config_builds_it(shards: Path) -> None:
    node = {
        "_target_": "datamodules.shard_data.ShardData",
        "shards": str(shards),
        "view": {"_target_": "datamodules.views.FramePair", "pairs": 2, "size": 16},
        "batch_size": 4,
        "train_time": [0, 0.8],
        "augment": {"_target_": "datamodules.augment.Augment", "flip": 0.0},
    }
    batch = next(iter(build(node).train_dataloader()))
    assert batch["source"].shape == (4, 16, 16, 3) and batch["noise"].shape == (4, 8)
    with pytest.raises(UserError, match=r"unknown key view.pair; did you mean pairs"):
        build({**node, "view": {**node["view"], "pair": 2}})  # type: ignore[dict-item]


def test_unknown_split_names_those_that_exist(shards: Path) -> None:
    with pytest.raises(UserError, match="no split 'dev'; it has: test, train"):
        data(shards, validation_split="dev").setup("fit")


@pytest.mark.parametrize("segments", range(2, 14))
@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_validation_visits_each_segment_once_with_equal_batches(segments: int, world: int) -> None:
    from datamodules.clip_loader import ValidationPlan

    if segments < world:
        return
    plans = [ValidationPlan(segments, 3, rank, world) for rank in range(world)]
    assert len({len(plan) for plan in plans}) == 1
    batches = [batch for plan in plans for batch in plan.epoch(0)]
    assert all(len(batch) for batch in batches)
    assert sorted(number for batch in batches for _, number in batch) == list(range(segments))


def test_validation_does_not_change_with_the_epoch(shards: Path) -> None:
    loader = data(shards).val_dataloader()
    first, second = ([batch["source"] for batch in loader] for _ in range(2))
    assert sum(len(batch) for batch in first) == 5 * 2
    assert all(torch.equal(one, two) for one, two in zip(first, second, strict=True))
    assert all("noise" not in batch for batch in loader)


def test_batches_reach_the_step_as_floats(shards: Path, tmp_path: Path) -> None:
    seen = fit(data(shards), tmp_path, epochs=1)[0]
    assert seen.shapes["source"] == (4, 3, 32, 32) and seen.dtypes["source"] == torch.float32
    low, high = seen.ranges["source"]
    assert -1 <= low < -0.2 and 0.2 < high <= 1
    assert "noise" not in seen.shapes


@pytest.fixture(scope="module")
def whole(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What a training of three epochs sees that is never stopped."""
    return fit(data(shards), tmp_path_factory.mktemp("whole"), epochs=3)[0].trace


@pytest.mark.parametrize("stop", [4, 6, 8])  # in the first epoch, at its end, in the second
@pytest.mark.parametrize("workers", [0, 2])
def test_resume_equals_the_run_that_never_stopped(
    shards: Path, tmp_path: Path, whole: list[dict[str, Any]], stop: int, workers: int
) -> None:
    first = fit(data(shards, num_workers=workers), tmp_path / "first", epochs=3, stop=stop)[0]
    rest = fit(data(shards, num_workers=workers), tmp_path / "rest", epochs=3, resume=first.checkpoint)[0]
    assert len(whole) == 18 and len(first.trace) == stop
    assert first.trace + rest.trace == whole  # sample numbers and a hash of the augmented pixels


def test_resume_at_the_end_of_a_limited_epoch(shards: Path, tmp_path: Path) -> None:
    limit: dict[str, Any] = {"limit_train_batches": 4}
    whole = fit(data(shards), tmp_path / "whole", epochs=3, **limit)[0].trace
    for stop in (4, 5):
        first = fit(data(shards), tmp_path / f"first{stop}", epochs=3, stop=stop, **limit)[0]
        rest = fit(data(shards), tmp_path / f"rest{stop}", epochs=3, resume=first.checkpoint, **limit)[0]
        assert first.trace + rest.trace == whole, stop


@pytest.fixture(scope="module")
def two_processes(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return ranks(shards, tmp_path_factory.mktemp("whole"))


@pytest.mark.slow
def test_two_processes_share_the_batches_of_one(
    shards: Path, tmp_path: Path, two_processes: list[dict[str, Any]]
) -> None:
    alone, _ = fit(data(shards), tmp_path, epochs=2)
    zero, one = two_processes
    for together, left, right in zip(alone.trace, zero["trace"], one["trace"], strict=True):
        assert together["samples"] == left["samples"] + right["samples"]
        assert not set(left["samples"]) & set(right["samples"])
    assert sorted(zero["validated"] + one["validated"]) == sorted(alone.validated)


@pytest.mark.slow
def test_two_killed_processes_resume(
    shards: Path, tmp_path: Path, two_processes: list[dict[str, Any]], whole: list[dict[str, Any]]
) -> None:
    """With other numbers of workers, which are batches ahead when they are killed, and of processes."""
    ranks(shards, tmp_path / "killed", die=10, every=4, num_workers=2)  # saved after 4 and 8, epochs have 6
    checkpoint = tmp_path / "killed" / "last.ckpt"
    rest = ranks(shards, tmp_path / "rest", resume=str(checkpoint), num_workers=1)
    for rank in range(2):
        assert rest[rank]["trace"] == two_processes[rank]["trace"][8:]
    assert fit(data(shards), tmp_path / "on_one", epochs=2, resume=checkpoint)[0].trace == whole[8:12]


@pytest.mark.parametrize(
    "change", [{"batch_size": 2}, {"seed": 9}, {"visits_per_segment": 2}, {"train_time": (0, 0.8)}]
)
def test_resume_with_other_data_is_refused(shards: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    checkpoint = fit(data(shards), tmp_path, epochs=1, stop=2)[0].checkpoint
    with pytest.raises(UserError, match="cannot be continued with other data"):
        fit(data(shards, **change), tmp_path, epochs=1, resume=checkpoint)


def test_state_is_plain_and_in_the_checkpoint(shards: Path, tmp_path: Path) -> None:
    checkpoint = fit(data(shards), tmp_path, epochs=1, stop=3)[0].checkpoint
    state = torch.load(checkpoint, weights_only=True)["ShardData"]
    assert state["position"] == {"epoch": 0, "batches": 3} and json.dumps(state)


def test_lightning_fetches_no_batch_ahead(shards: Path, tmp_path: Path) -> None:
    module = data(shards)
    recorder = Recorder()
    Trainer(max_steps=2, default_root_dir=tmp_path, accelerator="cpu", logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False).fit(recorder, datamodule=module)  # fmt: skip
    assert module.state_dict()["position"] == {"epoch": 0, "batches": len(recorder.trace)}
