"""The same work on Ray: on this machine, or on a cluster whose machines see the same folders."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from models.errors import MissingPackage, UserError
from preparation.runners import ATTEMPTS, Failure, Task, Work, worker_count


class RayRunner:
    """Ray actors, on this machine or on a cluster whose machines see the same input and output folders.

    Args:
        workers: how many actors; None: as many as the cluster has CPUs.
        address: of a running cluster (`auto`, `ray://host:10001`); None starts Ray on this machine.
        timeout: seconds that one clip may take.
    """

    def __init__(self, workers: int | None = None, address: str | None = None, timeout: float = 3600.0) -> None:
        self.workers = workers if workers is None else worker_count(workers)
        self.address, self.timeout = address, timeout

    def run(self, work: Work, tasks: Sequence[Task], logs: Path) -> Iterator[tuple[Task, Any]]:
        """See `Runner`."""
        try:
            import ray
        except ImportError as error:
            raise MissingPackage("ray", "pip install -e '.[ray]' (or: pip install 'ray>=2.40')") from error
        try:
            ray.init(address=self.address, num_cpus=None if self.address else self.workers, log_to_driver=False)
        except ConnectionError as error:
            raise UserError(
                f"no Ray cluster at runner.address={self.address}; start one with: ray start --head"
            ) from error
        try:
            yield from self._run(ray, work, tasks)
        finally:
            ray.shutdown()

    def _run(self, ray: Any, work: Work, tasks: Sequence[Task]) -> Iterator[tuple[Task, Any]]:
        actor = ray.remote(num_cpus=1, max_restarts=0)(_RayWorker)
        shared = ray.put(work)
        waiting, tries = deque(tasks), dict[Task, int]()
        count = min(self.workers or int(ray.cluster_resources().get("CPU", 1)), len(tasks))
        idle = [actor.remote(shared) for _ in range(count)]
        busy: dict[Any, tuple[Any, Task, float]] = {}
        while waiting or busy:
            while waiting and idle:
                worker, task = idle.pop(), waiting.popleft()
                busy[worker.call.remote(*task)] = (worker, task, time.monotonic())
            done, _ = ray.wait(list(busy), timeout=1.0)
            late = [ref for ref, (_, _, since) in busy.items() if time.monotonic() - since > self.timeout]
            for ref in dict.fromkeys([*done, *late]):
                worker, task, _ = busy.pop(ref)
                answer = _ray_answer(ray, ref) if ref in done else Failure("timeout", f"over {self.timeout:g} s")
                if isinstance(answer, UserError):
                    raise answer
                if isinstance(answer, Failure):
                    ray.kill(worker)
                    worker = actor.remote(shared)
                    tries[task] = tries.get(task, 0) + 1
                    if answer.reason == "crashed" and tries[task] < ATTEMPTS:
                        waiting.appendleft(task)
                        idle.append(worker)
                        continue
                idle.append(worker)
                yield task, answer


class _RayWorker:
    """The actor: keeps the work (and what it loads) between tasks."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def call(self, *task: Any) -> Any:
        try:
            return self.work(*task)
        except UserError as error:
            return error


def _ray_answer(ray: Any, reference: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        return Failure("crashed", str(error).strip().splitlines()[-1][:200])
