import io
import json
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from datamodules.audio_codec import decode_flac, encode_flac
from datamodules.clip_shards import ClipShards
from datamodules.shard_format import (
    Kind,
    Segment,
    ShardWriter,
    check_key,
    decode_segment,
    decode_track,
    encode_segment,
    index_tar,
    read_dataset,
    safe_key_part,
    verify,
    write_dataset_json,
)
from models.errors import UserError
from tests.datamodules.conftest import make_segment, write_shards

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(TEXT)
def test_any_text_becomes_a_part_of_a_key(text: str) -> None:
    part = safe_key_part(text)
    assert part and "." not in part and "/" not in part and safe_key_part(part) == part
    check_key(f"data/{part}/clip/0001")


@pytest.mark.parametrize("key", ["a/b/c", "a/b/c/d.e", "a//c/d", "a/b/c/d/e", "a/b b/c/d", "/a/b/c"])
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="a key is"):
        check_key(key)


@settings(max_examples=25, deadline=None)
@given(
    names=st.lists(TEXT.map(safe_key_part), min_size=4, max_size=4),
    kind=st.sampled_from(["clips", "frames"]),
    pixels=arrays.arrays(np.uint8, st.tuples(st.integers(1, 5), st.just(16), st.just(16), st.just(3))),
    samples=st.none() | arrays.arrays(np.int16, st.integers(1, 9000)),
    info=st.dictionaries(TEXT, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT, max_size=4),
)
def test_segments_survive_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    names: list[str],
    kind: Kind,
    pixels: np.ndarray,
    samples: np.ndarray | None,
    info: dict[str, Any],
) -> None:
    key, folder = "/".join(names), tmp_path_factory.mktemp("round")
    audio = None if samples is None else samples.astype(np.float32) / 32768
    tracks = {"landmarks": {"points": np.random.default_rng(0).normal(size=(len(pixels), 68, 2))}}
    members = encode_segment(Segment(key, info, pixels, audio, tracks), kind)
    with ShardWriter(folder, "one", "train") as writer:
        writer.write(key, members)
    write_dataset_json(folder, kind=kind, size=16)
    (found,) = (clip.load() for clip in ClipShards(folder))
    assert found.key == key and found.info == {**info, "frames": len(pixels)}
    assert found.frames.shape == pixels.shape
    assert (found.tracks["landmarks"]["points"] == tracks["landmarks"]["points"]).all()
    whole = decode_segment(key, members)
    assert (whole.frames == found.frames).all()
    assert (whole.audio is None) == (found.audio is None) == (audio is None)
    if audio is not None:
        assert whole.audio is not None and (whole.audio == audio).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(-900, 9000), st.integers(1, 9000))
def test_any_window_of_sound(start: int, count: int) -> None:
    sound = np.random.default_rng(0).integers(-32768, 32768, 8000).astype(np.float32) / 32768
    places = np.arange(start, start + count)
    inside = (places >= 0) & (places < len(sound))
    expected = np.where(inside, sound[np.clip(places, 0, len(sound) - 1)], 0)
    assert (decode_flac(encode_flac(sound, 16000), start, count) == expected).all()


def test_equal_segments_give_equal_shards(tmp_path: Path) -> None:
    one, two = (write_shards(tmp_path / name, 5, held_out=1) for name in ("one", "two"))
    files = sorted(path.name for path in one.iterdir())
    assert files == sorted(path.name for path in two.iterdir()) and "dataset.json" in files
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in files)


def test_the_dataset_is_summed_up(shards: Path) -> None:
    dataset = verify(shards)
    assert dataset.totals["samples"] == 18 and dataset.totals["frames"] == 18 * 40
    assert [shard.samples for shard in dataset.split("train")] == [4, 4, 4, 1]
    assert dataset.identities == {"train": ["toy/id0", "toy/id1", "toy/id2"], "test": ["toy/stranger"]}
    assert not list(shards.glob("*.part"))


def test_webdataset_reads_the_shards(shards: Path) -> None:
    import webdataset

    (first, *_) = webdataset.WebDataset(str(shards / "train-00000.tar"), shardshuffle=False)
    assert first["__key__"] == "toy/id0/clip/0000"
    assert {"mp4", "flac", "json", "landmarks.npz"} <= set(first)


def test_an_interrupted_writer_leaves_no_shard(tmp_path: Path) -> None:
    segment = make_segment(0, "a", frames=2)
    with pytest.raises(KeyboardInterrupt), ShardWriter(tmp_path, "x", "train") as writer:
        writer.write(segment.key, encode_segment(segment))
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_truncated_shard_is_an_error(tmp_path: Path) -> None:
    write_shards(tmp_path, 2, frames=4)
    shard = tmp_path / "train-00000.tar"
    data = shard.read_bytes()
    shard.write_bytes(data[:-512])
    with pytest.raises(UserError, match=rf"train-00000.tar has {len(data) - 512} bytes, dataset.json says {len(data)}"):
        ClipShards(tmp_path)
    shard.unlink()
    with pytest.raises(UserError, match=r"train-00000.tar is missing"):
        read_dataset(tmp_path)


def test_a_changed_byte_is_found_on_demand(tmp_path: Path) -> None:
    write_shards(tmp_path, 2, frames=4)
    shard = tmp_path / "train-00000.tar"
    data = bytearray(shard.read_bytes())
    data[3000] ^= 1
    shard.write_bytes(data)
    read_dataset(tmp_path)
    with pytest.raises(UserError, match=r"train-00000.tar is damaged"):
        verify(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("{}", "cannot be read"),
        ('{"format": "figurehead", "version": 99}', "its version is 99, this code reads version 1"),
        ('{"format": "other"}', "not a figurehead data set"),
    ],
)
def test_other_dataset_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(UserError, match=message):
        read_dataset(tmp_path)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a;rm b", "$(x)", "", ".hidden"])
def test_file_names_of_a_dataset_stay_in_its_folder(tmp_path: Path, name: str) -> None:
    write_shards(tmp_path, 1, frames=2)
    dataset = json.loads((tmp_path / "dataset.json").read_text())
    dataset["shards"][0]["file"] = name
    (tmp_path / "dataset.json").write_text(json.dumps(dataset))
    with pytest.raises(UserError, match="a file outside its folder"):
        read_dataset(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere/dataset.json does not exist"):
        read_dataset(tmp_path / "nowhere")


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (pytest.fail, ("something was unpickled",))


def test_foreign_members_are_ignored_and_nothing_is_unpickled(tmp_path: Path) -> None:
    segment = make_segment(0, "a", frames=2)
    path = tmp_path / "x.tar"
    members = {**encode_segment(segment), "pyd": pickle.dumps(Bomb()), "exe": b"MZ", "landmarks.pickle": b"\x80"}
    with tarfile.open(path, "w") as tar:
        for field, data in members.items():
            info = tarfile.TarInfo(f"{segment.key}.{field}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    assert set(index_tar(path)[segment.key]) == {"mp4", "flac", "json", "landmarks.npz"}


def test_object_arrays_are_neither_written_nor_read() -> None:
    segment = make_segment(0, "a", frames=2)
    segment.tracks["bad"] = {"things": np.array([Bomb(), Bomb()])}
    with pytest.raises(ValueError, match="must be plain arrays"):
        encode_segment(segment)
    buffer = io.BytesIO()
    np.savez(buffer, things=np.array([Bomb()]))
    with pytest.raises(ValueError, match="allow_pickle"):
        decode_track(buffer.getvalue())
