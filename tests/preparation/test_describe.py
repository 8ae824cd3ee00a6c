from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import UserError
from preparation.describe import CAPTION, COLUMNS, TILE, describe
from preparation.runners import LocalRunner
from tests.datamodules.latents import write_latents
from tests.preparation.jobs import preparation
from tests.preparation.synthetic import write_talk


def test_a_table_and_a_contact_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("ann", "bob"):
        write_talk(source / f"{name}.mp4", 1.2)
    (source / "bad.mp4").write_text("x")
    preparation(source, output, LocalRunner(1)).run()
    write_latents(output)
    sheet = describe(output)
    text = capsys.readouterr().out
    for part in (
        "made/ann/ann/0000",
        "made/bob/bob/0000",
        "test: 1 segments",
        "1.20",
        "48000 Hz",
        "unreadable: 1",
        "latents 'toy': 60",
    ):
        assert part in text
    picture = np.asarray(Image.open(sheet))
    assert picture.shape == (2 * (TILE + CAPTION), COLUMNS * TILE, 3)
    first = picture[CAPTION : CAPTION + TILE, :TILE].astype(int)
    assert ((first[..., 0] > 120) & (first[..., 2] < 110))[TILE // 4 : -TILE // 4, TILE // 4 : -TILE // 4].mean() > 0.6
    (output / "train-00000.tar").write_bytes(b"cut off")
    with pytest.raises(UserError, match="train-00000"):
        describe(output)


def test_no_data_set_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        describe(tmp_path)
