"""A file is whole or not there, whoever else writes it."""

from pathlib import Path

import pytest

from models.aside import written_aside


def test_the_file_appears_at_the_end_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with written_aside(path) as part:
        part.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert [*path.parent.iterdir()] == [path]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("before")
    with pytest.raises(RuntimeError), written_aside(path) as part:
        part.write_text("hal")
        raise RuntimeError
    with pytest.raises(RuntimeError), written_aside(path):
        raise RuntimeError  # before anything was written
    assert path.read_text() == "before"
    assert [*tmp_path.iterdir()] == [path]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with written_aside(path) as ours:
        ours.write_text("ours")
        with written_aside(path) as theirs:
            assert theirs != ours
            theirs.write_text("theirs")
        assert path.read_text() == "theirs"
    assert path.read_text() == "ours"
    assert [*tmp_path.iterdir()] == [path]
