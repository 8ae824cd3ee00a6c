"""A small embedded data set that every stage can learn from: pictures, sound, landmarks, coefficients."""

from pathlib import Path

import pytest

from tests.commands import run_command


@pytest.fixture(scope="session")
def speakers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of four synthetic speakers at 64 pixels, of whom the hash puts two into the test split."""
    output = tmp_path_factory.mktemp("speakers") / "shards"
    words = ["source=synthetic", "source.speakers=4", "source.clips=1", "source.seconds=1.2", "size=64", "workers=1"]
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert run_command("prepare", [*words, f"output={output}", "shards.test_fraction=0.6"], monkeypatch) == 0
    return output
