import hashlib
from pathlib import Path

import pytest

from models import assets
from models.errors import MissingAsset, UserError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    digest = hashlib.sha256(b"right").hexdigest()
    (tmp_path / "assets.yaml").write_text(
        f"free: {{file: a.bin, what: x, maker: m, licence: MIT, url: 'http://127.0.0.1:9', sha256: {digest[:8]}}}\n"
        "gated: {file: b.bin, what: x, maker: m, licence: signed, remedy: write to them}\n"
    )
    monkeypatch.setattr(assets, "REGISTRY", tmp_path / "assets.yaml")
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    return tmp_path


def test_missing_says_file_licence_and_command(folder: Path) -> None:
    with pytest.raises(MissingAsset, match=r"free.*a\.bin.*MIT.*models\.assets fetch free"):
        assets.find("free")
    with pytest.raises(MissingAsset, match=r"gated.*signed.*write to them"):
        assets.find("gated")


def test_hash_is_checked(folder: Path) -> None:
    (folder / "a.bin").write_bytes(b"right")
    assert assets.find("free") == folder / "a.bin"
    (folder / "a.bin").write_bytes(b"righ")
    with pytest.raises(UserError, match=r"a\.bin \(4 bytes\) is not free"):
        assets.find("free")


def test_fetch_fails_in_one_line_and_leaves_nothing(folder: Path) -> None:
    with pytest.raises(UserError, match="could not fetch free"):
        assets.fetch("free")
    with pytest.raises(UserError, match="write to them"):
        assets.fetch("gated")
    assert [path.name for path in folder.iterdir()] == ["assets.yaml"]


def test_the_registry_reads() -> None:
    assert all(asset.licence and (asset.url or asset.remedy) for asset in assets.registry().values())
