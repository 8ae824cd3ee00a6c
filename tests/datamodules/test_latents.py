import copy
import json
from pathlib import Path

import numpy as np
import pytest

from datamodules.clip_shards import ClipShards
from datamodules.latents import find_latents
from datamodules.shard_data import ShardData
from datamodules.shard_format import read_dataset, sha256
from datamodules.views import Frame, FramePair
from models.errors import UserError
from tests.datamodules.conftest import write_shards
from tests.datamodules.latents import GENERATOR, SETTINGS, write_latents


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    """Shards of two splits with latents, and the codes by key."""
    shards = write_shards(tmp_path_factory.mktemp("latents"), 6, held_out=2, frames=20)
    return shards, write_latents(shards)


def test_every_segment_has_its_codes(known: tuple[Path, dict[str, np.ndarray]]) -> None:
    shards, codes = known
    for split in ("train", "test"):
        clips = copy.deepcopy(ClipShards(shards, split))
        assert clips.latents("toy").known.all() and clips.latents("toy") is clips.latents("toy")
        for clip in clips:
            np.testing.assert_array_equal(clip.latents("toy", range(20)), codes[clip.key].astype(np.float32))
            np.testing.assert_array_equal(clip.latents("toy", [7, 3, 3]), codes[clip.key][[7, 3, 3]])
    some = ClipShards(shards).where(np.array([False, True, False, False, True, False]))
    some.latents("toy")
    assert some.where(np.array([False, True]))[0].latents("toy", [1]).tolist() == [
        codes["toy/id1/clip/0004"][1].tolist()
    ]


def test_views_give_the_latents_of_exactly_their_frames(known: tuple[Path, dict[str, np.ndarray]]) -> None:
    shards, codes = known
    clips = ClipShards(shards, time_range=(0.2, 0.9))
    for index in range(len(clips)):
        rng = np.random.default_rng(index)
        pair = FramePair(pairs=3, window=6, latents="toy")(clips, index, rng)
        frame = Frame(images=5, window=6, latents="toy")(clips, index, rng)
        whole = clips[index].frames(range(20))
        for images, latents in (
            (pair["source"], pair["source_latents"]),
            (pair["driving"], pair["driving_latents"]),
            (frame["image"], frame["latents"]),
        ):
            assert latents.dtype == np.float32
            for image, code in zip(images, latents, strict=True):
                (place,) = np.flatnonzero((whole == image).all(axis=(1, 2, 3)))
                np.testing.assert_array_equal(code, codes[clips[index].key][place])


def test_views_can_name_the_generator(known: tuple[Path, dict[str, np.ndarray]]) -> None:
    data = ShardData(str(known[0]), Frame(images=2, latents=GENERATOR.id), batch_size=4)
    (batch, *_) = data.train_dataloader()
    assert batch["latents"].shape == (4, 6, 8)
    data.check_latents(GENERATOR.id)
    with pytest.raises(UserError, match=r"of the generator toy \(0123456789abcdef\), not of stylegan3 \(fedc\)"):
        data.check_latents("fedc", "stylegan3")


def test_what_dataset_json_says_is_true(known: tuple[Path, dict[str, np.ndarray]]) -> None:
    dataset = read_dataset(known[0])
    facts = find_latents(dataset, "here", "toy")
    assert facts.generator == GENERATOR and facts.inversion == SETTINGS
    assert [(s.split, s.samples, s.frames) for s in facts.shards] == [
        (s.split, s.samples, s.frames) for s in dataset.shards
    ]
    for shard in facts.shards:
        assert sha256(known[0] / "latents" / "toy" / shard.file) == shard.sha256
    keys = {split: ClipShards(known[0], split).table.keys for split in ("train", "test")}
    for shard in facts.shards:
        index = json.loads((known[0] / "latents" / "toy" / shard.index).read_bytes())
        assert [sample["key"] for sample in index["samples"]] == keys[shard.split][: len(index["samples"])]
        del keys[shard.split][: len(index["samples"])]


def test_the_videos_keep_their_hash(tmp_path: Path) -> None:
    shards = write_shards(tmp_path, 2, frames=8)
    before = ClipShards(shards).fingerprint
    write_latents(shards)
    assert ClipShards(shards).fingerprint == before


def test_missing_and_ambiguous_latents_are_named(tmp_path: Path) -> None:
    shards = write_shards(tmp_path, 2, frames=8)
    with pytest.raises(UserError, match=r"no latents 'toy', but none at all; to make some: .*task=invert"):
        FramePair(latents="toy").usable(ClipShards(shards))
    write_latents(shards)
    with pytest.raises(UserError, match=r"no latents 'other', but 'toy' of the generator toy \(0123456789abcdef\)"):
        ClipShards(shards).latents("other")
    write_latents(shards, "again")
    with pytest.raises(UserError, match=r"several latents of the generator 0123456789abcdef: .*'again'"):
        ClipShards(shards).latents(GENERATOR.id)
    (shards / "latents" / "toy" / "train-00000.tar").unlink()
    with pytest.raises(UserError, match=r"shard .*toy/train-00000\.tar is missing"):
        ClipShards(shards).latents("toy").codes(0, [0])


def test_latents_of_other_frames_are_refused(tmp_path: Path) -> None:
    shards = write_shards(tmp_path / "one", 2, frames=8)
    write_latents(shards)
    listed = read_dataset(shards).latents
    write_shards(shards, 2, frames=9)
    text = json.loads((shards / "dataset.json").read_text())
    (shards / "dataset.json").write_text(json.dumps({**text, "latents": listed}))
    with pytest.raises(UserError, match="are of other frames of toy/id0/clip/0000"):
        ClipShards(shards).latents("toy")
    text["latents"] = {"toy": {**listed["toy"], "shards": [{**listed["toy"]["shards"][0], "file": "../../secret"}]}}
    (shards / "dataset.json").write_text(json.dumps(text))
    with pytest.raises(UserError, match="its latents 'toy' cannot be read"):
        ClipShards(shards).latents("toy")
