import time
from pathlib import Path
from typing import Any

import pytest

from models.errors import UserError
from preparation.ray_runner import RayRunner
from preparation.runners import Failure, LocalRunner, Runner
from tests.preparation.jobs import chores


def answers(runner: Runner, names: list[str], folder: Path) -> dict[str, Any]:
    tasks = [(name, str(folder)) for name in names]
    return {task[0]: answer for task, answer in runner.run(chores, tasks, folder)}


def test_a_dead_or_hanging_task_costs_itself(tmp_path: Path) -> None:
    names = ["a", "segfault", "b", "raise", "hang", "c", "flaky", "d"]
    found = answers(LocalRunner(2, timeout=3), names, tmp_path)
    assert {name: found[name] for name in ("a", "b", "c", "d", "flaky")} == {
        "a": "A", "b": "B", "c": "C", "d": "D", "flaky": "FLAKY"
    }  # fmt: skip
    assert found["segfault"] == Failure("crashed", "the worker ended with signal SIGSEGV")
    assert found["raise"].detail == "the worker ended with exit code 1: RuntimeError: a bug in a decoder"
    assert found["hang"].reason == "timeout"


def test_a_users_mistake_ends_the_run_at_once(tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(UserError, match="the disk is full"):
        answers(LocalRunner(2), ["hang", "mistake", "a"], tmp_path)
    assert time.monotonic() - start < 60


def test_no_tasks_start_no_worker(tmp_path: Path) -> None:
    assert answers(LocalRunner(2), [], tmp_path) == {}


def test_the_number_of_workers_is_checked() -> None:
    assert LocalRunner().workers >= 1
    with pytest.raises(UserError, match="workers=0"):
        LocalRunner(0)


@pytest.mark.slow
def test_ray_does_the_same(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    tasks, found = [(name,) for name in ("a", "segfault", "b", "raise", "mistake")], {}
    with pytest.raises(UserError, match="the disk is full"):
        for task, answer in RayRunner(1).run(chores, tasks, tmp_path):
            found[task[0]] = answer
    assert (found["a"], found["b"]) == ("A", "B")
    assert found["segfault"].reason == found["raise"].reason == "crashed"
