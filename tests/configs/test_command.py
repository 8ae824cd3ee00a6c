import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from omegaconf import DictConfig

import configs.command as module
from configs.command import command
from configs.schema import Switch
from models.errors import UserError


@dataclass
class Shouting:
    loud: int
    tone: Literal["kind", "cross"]
    echo: Switch
    voice: Any
    data: Any
    wrap: Any


Shout = Callable[..., tuple[int, list[DictConfig]]]


@pytest.fixture
def shout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shout:
    """Run a made-up command on given words; returns (exit code, what main saw)."""
    folder = tmp_path / "configs"
    (folder / "voice" / "deep").mkdir(parents=True)
    (folder / "base.yaml").write_text((module.CONFIGS / "base.yaml").read_text())
    (folder / "voice" / "high.yaml").write_text("pitch: 2.0\n")
    (folder / "voice" / "deep" / "man.yaml").write_text("pitch: 0.5\n")
    (folder / "shout.yaml").write_text(
        "defaults:\n  - base\n  - voice: high  # who shouts\n  - _self_\n"
        "data:\n  text: ???  # what to shout\nloud: 1\ntone: kind\necho: on\n"
        "wrap: {_target_: textwrap.TextWrapper, width: 9}\n"
    )
    monkeypatch.setattr(module, "CONFIGS", folder)
    monkeypatch.chdir(tmp_path)
    seen: list[DictConfig] = []

    def main(config: DictConfig) -> None:
        """Shout."""
        seen.append(config)
        if config.loud > 10:
            raise UserError("too loud;\nuse loud=10")

    def run(*words: str) -> tuple[int, list[DictConfig]]:
        monkeypatch.setattr(sys, "argv", ["shout.py", *words])
        try:
            command("shout", Shouting)(main)()
        except SystemExit as end:
            return int(end.code or 0), seen
        return 0, seen

    return run


def test_composes_and_writes_nothing(shout: Shout, tmp_path: Path) -> None:
    code, seen = shout("data.text=hey", "voice=deep/man")
    assert code == 0 and seen[0].data.text == "hey" and seen[0].voice.pitch == 0.5
    assert seen[0].echo == "on"
    assert [path.name for path in tmp_path.iterdir()] == ["configs"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "please give data.text="),
        (("data.txt=hey",), "unknown key data.txt; did you mean data.text?"),
        (("data.text=hey", "lound=3"), "unknown key lound; did you mean loud?"),
        (("data.text=hey", "voic=high"), "unknown key voic; did you mean voice?"),
        (("data.text=hey", "voice=deep/men"), "voice=deep/men is not there; did you mean deep/man?"),
        (("data.text=hey", "loud=11"), "too loud; use loud=10"),
        (("data.text=hey", "+wrap.max_line=3"), "unknown key wrap.max_line; did you mean max_lines"),
        (("data.text",), "missing EQUAL"),
        (("data.text=hey", "tone=cros"), "tone=cros: it must be one of kind, cross"),
        (("data.text=hey", "loud=2.5"), "loud=2.5: it must be a whole number"),
        (("data.text=hey", "+lound=2"), "unknown key lound; did you mean loud?"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    shout: Shout, capfd: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    code, _ = shout(*words)
    error = capfd.readouterr().err.strip()
    assert code == 2 and message in error and error.count("\n") == 0


def test_help_is_for_people(shout: Shout, capsys: pytest.CaptureFixture[str]) -> None:
    assert shout("--help")[0] == 0
    text = capsys.readouterr().out
    assert "Shout." in text and "voice=high" in text and "who shouts" in text and "deep/man" in text
    assert "data.text=(required)" in text and "what to shout" in text
