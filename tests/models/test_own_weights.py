from pathlib import Path

import pytest

from models.errors import MissingAsset, UserError
from models.own_weights import located


def test_finds_what_comes_with_the_code_assets_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    file = tmp_path / "here.safetensors"
    file.touch()
    embedded = {"embedded": file, "later": tmp_path / "later.safetensors"}

    def path(name: str) -> Path:
        return located(name, "generator", embedded, lambda asset: asset.startswith("stylegan3"))

    assert path("embedded") == path(str(file)) == file
    with pytest.raises(UserError, match=r"the generator later does not come with this version: .*README\.md"):
        path("later")
    with pytest.raises(MissingAsset, match="stylegan3_t_ffhq"):
        path("stylegan3_t_ffhq")
    with pytest.raises(
        UserError, match=r"there is no generator g: .* embedded, later, stylegan3_t_ffhq, stylegan3_r_ffhq"
    ):
        path("g")
