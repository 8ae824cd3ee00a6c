"""Who calls the worker: here, processes of this machine; in `ray_runner.py`, a Ray cluster.

Each gives one answer per task, in any order. A clip that kills its worker is tried once more and then given up; one
that takes too long is given up at once; the others never notice.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Protocol

from models.errors import UserError

Task = tuple[Any, ...]
Work = Callable[..., Any]
ATTEMPTS = 2


@dataclass(frozen=True)
class Failure:
    """A task that has no answer: `crashed` or `timeout`."""

    reason: str
    detail: str


class Runner(Protocol):
    """Calls `work(*task)` for every task somewhere."""

    def run(self, work: Work, tasks: Sequence[Task], logs: Path) -> Iterator[tuple[Task, Any]]:
        """Yields (task, answer or `Failure`) as they come. Workers write what they print to files in `logs`."""
        ...


@dataclass
class _Worker:
    """One process and what it is doing."""

    process: SpawnProcess
    pipe: Connection
    log: Path
    task: Task | None = None
    since: float = field(default_factory=time.monotonic)

    def end(self) -> None:
        """Kills it (nothing is lost: a task is done again, or has been recorded)."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class LocalRunner:
    """Spawned processes of this machine.

    Args:
        workers: how many; None: one per core that this process may use.
        timeout: seconds that one clip may take.
    """

    def __init__(self, workers: int | None = None, timeout: float = 3600.0) -> None:
        self.workers = worker_count(workers) if workers is not None else core_count()
        self.timeout = timeout
        self._context = multiprocessing.get_context("spawn")

    def run(self, work: Work, tasks: Sequence[Task], logs: Path) -> Iterator[tuple[Task, Any]]:
        """See `Runner`."""
        waiting = deque(tasks)
        tries: dict[Task, int] = {}
        workers = [self._start(work, logs / f"worker-{n}.log") for n in range(min(self.workers, len(tasks)))]
        try:
            while waiting or any(worker.task is not None for worker in workers):
                for index, worker in enumerate(workers):
                    if worker.task is None and waiting:
                        workers[index] = self._give(worker, waiting.popleft(), work)
                wait([worker.pipe for worker in workers if worker.task is not None], timeout=1.0)
                for index, worker in enumerate(workers):
                    if worker.task is None:
                        continue
                    answer = self._answer(worker)
                    if answer is None:
                        continue
                    task, worker.task = worker.task, None
                    if isinstance(answer, Failure):
                        worker.end()
                        workers[index] = self._start(work, worker.log)
                        tries[task] = tries.get(task, 0) + 1
                        if answer.reason == "crashed" and tries[task] < ATTEMPTS:
                            waiting.appendleft(task)
                            continue
                    yield task, answer
        finally:
            for worker in workers:
                worker.end()

    def _start(self, work: Work, log: Path) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(work, theirs, str(log)), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours, log)

    def _give(self, worker: _Worker, task: Task, work: Work) -> _Worker:
        try:
            worker.pipe.send(task)
        except OSError:  # it died while idle
            worker.end()
            worker = self._start(work, worker.log)
            worker.pipe.send(task)
        worker.task, worker.since = task, time.monotonic()
        return worker

    def _answer(self, worker: _Worker) -> Any:
        """The answer of a busy worker, a `Failure`, or None while it is at work."""
        if worker.pipe.poll():
            try:
                answer = worker.pipe.recv()
            except (EOFError, OSError):
                worker.process.join(10)
                return Failure("crashed", _last_words(worker.process.exitcode, worker.log))
            if isinstance(answer, UserError):
                raise answer
            return answer
        if time.monotonic() - worker.since > self.timeout:
            return Failure("timeout", f"it took longer than {self.timeout:g} s")
        return None


def _serve(work: Work, pipe: Connection, log: str) -> None:
    """A worker process: tasks in, answers out, until the pipe or its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    threading.Thread(target=_end_with_parent, daemon=True).start()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            answer = work(*task)
        except UserError as error:
            answer = error
        pipe.send(answer)


def _end_with_parent() -> None:
    """Waits for the end of the parent, however violent, and ends this process."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _last_words(code: int | None, log: Path) -> str:
    """How a worker ended, with the last line that it printed."""
    lines = (
        [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()] if log.is_file() else []
    )
    how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
    return f"the worker ended with {how}" + (f": {lines[-1][:200]}" if lines and (code or 0) >= 0 else "")


def worker_count(workers: int) -> int:
    """The number of workers, if it is one."""
    if workers < 1:
        raise UserError(f"workers={workers}: it must be at least 1")
    return workers


def core_count() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
