"""Every configs/face_model/*.yaml names a loader that takes its keys, and says what is missing."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from configs.instantiate import build, check_config
from models.errors import MissingAsset

FOLDER = Path(__file__).parents[3] / "configs" / "face_model"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_builds_or_names_the_missing_asset(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    config = OmegaConf.load(file)
    check_config(config)  # type: ignore[arg-type]
    try:
        model = build(config)  # type: ignore[arg-type]
    except MissingAsset as missing:
        assert file.stem != "procedural"
        assert "licence" in str(missing)
    else:
        assert model.name == file.stem
