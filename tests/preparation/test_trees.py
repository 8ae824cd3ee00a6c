from pathlib import Path

import pytest
from omegaconf import OmegaConf

from configs.instantiate import build
from models.errors import UserError
from preparation.clip import Clip
from preparation.trees import VideoTree

DATA = Path("configs/data")


def tree(name: str, **changes: object) -> VideoTree:
    node = OmegaConf.create({"identities": None, "data": OmegaConf.load(DATA / f"{name}.yaml")})
    OmegaConf.update(node, "data", changes)
    return build(node.data)


def grow(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def keys(clips: list[Clip]) -> list[str]:
    return [clip.key for clip in clips]


@pytest.mark.parametrize("path", sorted(DATA.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_tree_is_built_and_says_when_nothing_fits(path: Path, tmp_path: Path) -> None:
    grow(tmp_path, "readme.md", "picture.png")
    with pytest.raises(UserError, match="holds no videos"):
        tree(path.stem).clips(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        tree(path.stem).clips(tmp_path / "nowhere")


def test_folder(tmp_path: Path) -> None:
    grow(tmp_path, "alone.MP4", "ann/one.mp4", "ann/two.mov", "x/bob/a b.mkv", ".hidden/no.mp4", "ann/.no.mp4", "t.txt")
    clips = tree("folder").clips(tmp_path)
    assert keys(clips) == ["folder/alone/alone", "folder/ann/ann_one", "folder/ann/ann_two", "folder/bob/x_bob_a_b"]
    assert clips[3].source == "x/bob/a b.mkv"
    assert keys(tree("folder").clips(tmp_path / "alone.MP4")) == ["folder/alone/alone"]


def test_names_that_become_equal_stay_apart(tmp_path: Path) -> None:
    clips = tree("folder").clips(grow(tmp_path, "a b.mp4", "a_b.mp4", "a.b.mp4"))
    assert len(set(keys(clips))) == 3
    assert {clip.identity for clip in clips} == {"a_b"}


def test_voxceleb1(tmp_path: Path) -> None:
    grow(tmp_path, "train/id10686#zCrOIZFFzTo#001500#001600.mp4", "id10270/5r0dWxy17C8/00001.mp4")
    clips = tree("voxceleb1").clips(tmp_path)
    assert [(clip.identity, clip.split) for clip in clips] == [("id10270", "test"), ("id10686", "train")]


def test_voxceleb2_takes_its_sound_and_its_splits(tmp_path: Path) -> None:
    grow(tmp_path, "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4", "dev/aac/id00012/21Uxsk56VDQ/00001.m4a")
    grow(tmp_path, "test/mp4/id00017/01dfn2spqyE/00001.mp4", "dev/aac/id00012/21Uxsk56VDQ/00002.m4a")
    first, second = tree("voxceleb2").clips(tmp_path)
    assert first.key == "voxceleb2/id00012/21Uxsk56VDQ_00001"
    assert first.audio == tmp_path / "dev/aac/id00012/21Uxsk56VDQ/00001.m4a" and second.audio is None
    assert (first.split, second.split) == ("train", "test")


def test_mead_takes_the_front_view(tmp_path: Path) -> None:
    for view in ("front", "left_30"):
        grow(tmp_path, f"M003/video/{view}/neutral/level_1/001.mp4")
    grow(tmp_path, "M003/audio/neutral/level_1/001.m4a", "M003/video/front/angry/level_3/002.mp4")
    clips = tree("mead").clips(tmp_path)
    assert keys(clips) == ["mead/M003/front_angry_level_3_002", "mead/M003/front_neutral_level_1_001"]
    assert [clip.audio for clip in clips] == [None, tmp_path / "M003/audio/neutral/level_1/001.m4a"]
    assert len(tree("mead", where={"view": ["front", "left_30"]}).clips(tmp_path)) == 3


def test_hdtf_lists(tmp_path: Path) -> None:
    grow(
        tmp_path, "videos/RD_Radio11.mp4", "videos/WDA_AmyKlobuchar1.mp4", "WDA/AmyKlobuchar0.mp4", "videos/WRA_No.mp4"
    )
    lists = tmp_path / "HDTF_dataset"
    lists.mkdir()
    (lists / "RD_annotion_time.txt").write_text("Radio11.mp4 00:30-01:00 01:30-02:30\n")
    (lists / "RD_crop_wh.txt").write_text("Radio11_1.mp4 557 478 0 478\nRadio11_0.mp4 412 599 3 599\n")
    (lists / "RD_resolution.txt").write_text("Radio11.mp4 720\n")
    (lists / "WDA_annotion_time.txt").write_text("AmyKlobuchar0.mp4 00:10-04:30\nAmyKlobuchar1.mp4 00:35-1:02:45")
    (lists / "WDA_crop_wh.txt").write_text("AmyKlobuchar1_0.mp4 487 1005 0 1005\n")
    (lists / "WDA_resolution.txt").write_text("AmyKlobuchar1.mp4 1080\n")
    for name in ("WRA_annotion_time.txt", "WRA_crop_wh.txt", "WRA_resolution.txt"):
        (lists / name).touch()
    clips = tree("hdtf").clips(tmp_path)
    assert keys(clips) == [
        "hdtf/AmyKlobuchar/WDA_AmyKlobuchar1_000",
        "hdtf/Radio/RD_Radio11_000",
        "hdtf/Radio/RD_Radio11_001",
    ]
    assert (clips[0].start, clips[0].end, clips[0].box_height) == (35, 3765, 1080)
    assert [clip.box for clip in clips[1:]] == [(412, 3, 1011, 602), (557, 0, 1035, 478)]


def test_a_missing_hdtf_list_is_named(tmp_path: Path) -> None:
    grow(tmp_path, "videos/RD_Radio11.mp4")
    with pytest.raises(UserError, match=r"RD_annotion_time.txt is not below .* data.annotations.folder"):
        tree("hdtf").clips(tmp_path)


def test_hdtf_clips_and_celebv(tmp_path: Path) -> None:
    (clip,) = tree("hdtf_clips").clips(grow(tmp_path / "a", "WDA_AlexandriaOcasioCortez_000.mp4", "other.mp4"))
    assert (clip.identity, clip.name) == ("AlexandriaOcasioCortez", "WDA_AlexandriaOcasioCortez_000")
    clips = tree("celebv_hq").clips(
        grow(tmp_path / "b", "M2Ohb0FAaJU_1.mp4", "M2Ohb0FAaJU_12.mp4", "a_b-cdefghi_3.mp4")
    )
    assert sorted({clip.identity for clip in clips}) == ["M2Ohb0FAaJU", "a_b-cdefghi"]


def test_a_list_names_spans_splits_and_people(tmp_path: Path) -> None:
    grow(tmp_path, "v/one.mp4", "v/two.mp4", "two.wav")
    table = tmp_path / "list.csv"
    table.write_text(
        "path,identity,split,start,end,audio\nv/one.mp4,Ann,train,1.5,4,\nv/one.mp4,Ann,train,5,,\nv/two.mp4,,test,,,two.wav\n"
    )
    clips = tree("folder").clips(table)
    assert keys(clips) == ["folder/Ann/one_0001500", "folder/Ann/one_0005000", "folder/two/two"]
    assert [(clip.start, clip.end, clip.split) for clip in clips] == [
        (1.5, 4, "train"),
        (5, None, "train"),
        (0, None, "test"),
    ]
    assert clips[2].audio == tmp_path / "two.wav"
    lines = tmp_path / "list.txt"
    lines.write_text("# a comment\nv/one.mp4\n\nv/missing.mp4\n")
    assert [clip.path for clip in tree("folder").clips(lines)] == [tmp_path / "v/missing.mp4", tmp_path / "v/one.mp4"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,identity\na.mp4,Ann\n", "no column 'path'"),
        ("path,start\na.mp4,soon\n", "entry 1: start and end are seconds"),
        ("path,start,end\na.mp4,5,2\n", "end 2.0 is not after start 5.0"),
        ("path,split\na.mp4,validation\n", "the split is 'validation'"),
        ("path,identity,split\na.mp4,Ann,test\nb.mp4,Ann,train\n", "Ann is in train and in test"),
        ("path\na.mp4\na.mp4\n", "lists a.mp4 twice"),
        ("path\n", "holds no videos"),
    ],
)
def test_mistakes_in_a_list(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        tree("folder").clips(tmp_path / "list.csv")


def test_a_table_of_identities(tmp_path: Path) -> None:
    grow(tmp_path, "videos/one.mp4", "videos/deep/two.mp4", "videos/three.mp4")
    table = tmp_path / "people.csv"
    table.write_text("file,kind,identity\nvideos/one.mp4,video,Ann\ntwo.mp4,video,Bob B.\nvideos/three.mp4,video,\n")
    clips = tree("folder", identities=str(table)).clips(tmp_path / "videos")
    assert [(clip.name, clip.identity) for clip in clips] == [("one", "Ann"), ("deep_two", "Bob_B"), ("three", "three")]
    table.write_text("file,identity\nothers.mp4,Ann\n")
    with pytest.raises(UserError, match="names none of the videos"):
        tree("folder", identities=str(table)).clips(tmp_path / "videos")
    with pytest.raises(UserError, match="does not exist"):
        tree("folder", identities=str(tmp_path / "no.csv")).clips(tmp_path / "videos")


def test_a_template_with_an_unknown_field(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the template '{speaker}' wants 'speaker'"):
        tree("folder", identity="{speaker}").clips(grow(tmp_path, "a.mp4"))
