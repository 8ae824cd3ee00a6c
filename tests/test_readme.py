"""Every command that the README shows can be composed, and every path that it names is there."""

import re
from pathlib import Path

import pytest

from tests.commands import run_command

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^python (\w+)\.py (.*)$", README, re.MULTILINE)


def test_the_readme_shows_the_commands() -> None:
    assert {name for name, _ in COMMANDS} == {"prepare", "train", "animate", "evaluate", "benchmark"}


@pytest.mark.parametrize(("name", "words"), COMMANDS, ids=[f"{name}-{words[:24]}" for name, words in COMMANDS])
def test_commands_compose(name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_command(name, [*words.split(), "--cfg", "job"], monkeypatch) == 0


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_choices_in_words_exist() -> None:
    for group, choice in re.findall(r"`(trainer|protocol|logger|perceptual|head_pose|analyser)=([\w/]+)", README):
        assert (ROOT / "configs" / group / f"{choice}.yaml").is_file(), f"{group}={choice}"
