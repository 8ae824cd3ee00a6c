"""What has been scored so far, on disk: an evaluation that was stopped goes on, on any number of processes."""

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from evaluation.measure import Measure
from evaluation.processes import Processes
from evaluation.protocol import Pair
from evaluation.score import Tally
from metrics.score_metric import ScoreMetric
from models.aside import written_aside
from models.errors import UserError

SAVE_EVERY = 30.0  # seconds


class Progress:
    """The tallies of this process, saved now and then into a folder of their own beside the results.

    Every process writes one file that names its pairs, aside and then renamed. On the next start the first process
    takes all of them over, and the pairs that are left are shared anew. A file with pairs that another one has too is
    one that was taken over already, or of a process that outlived the others: it is left out, its pairs scored again.

    Args:
        folder: of these files; its name must tell evaluations apart that may not be mixed.
        tallies: what is filled, by row.
        group: the processes.

    """

    def __init__(self, folder: Path, tallies: Mapping[str, Tally], group: Processes) -> None:
        self.folder, self.tallies, self.group = folder, tallies, group
        self._done: list[str] = []
        self._saved = time.monotonic()

    def left(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Those of the pairs that this process has to score; what was scored before is taken over."""
        files = self._take_over() if self.group.first else []
        (done, *_) = self.group.gathered(self._done)
        if self.group.first and files:
            self.save()
            for file in files:
                if file != self._file:
                    file.unlink()
        return self.group.share([pair for pair in pairs if pair.key not in set(done)])

    def add(self, pair: Pair) -> None:
        """Say that a pair has been scored."""
        self._done.append(pair.key)
        if time.monotonic() - self._saved >= SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write what this process has."""
        tallies = {name: _packed(tally) for name, tally in self.tallies.items()}
        with written_aside(self._file) as part:
            torch.save({"done": self._done, "tallies": tallies}, part)
        self._saved = time.monotonic()

    def end(self) -> None:
        """All is scored and written: nothing has to be kept."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.group.rank}.pt"

    def _take_over(self) -> list[Path]:
        """Add all files to the tallies of this process; returns them."""
        files = sorted(self.folder.glob("*.pt"))
        stored = sorted((_read(file) for file in files), key=lambda content: -len(content["done"]))
        for content in stored:
            if not set(content["done"]).isdisjoint(self._done):
                continue
            for name, tally in self.tallies.items():
                _merge(tally, content["tallies"][name])
            self._done += content["done"]
        return files


def _read(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = torch.load(file, weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        raise UserError(f"{file} cannot be read ({error}); delete its folder to start again") from error
    return content


def _packed(tally: Tally) -> dict[str, Any]:
    measures = [{"state": _state(measure.metric), "clips": measure.clips} for measure in tally.measures]
    return {"seconds": tally.seconds, "rendered": tally.rendered, "measures": measures}


def _state(metric: ScoreMetric) -> dict[str, Any]:
    return {name: getattr(metric, name) for name in metric._defaults}


def _merge(tally: Tally, packed: Mapping[str, Any]) -> None:
    tally.seconds += packed["seconds"]
    tally.rendered += packed["rendered"]
    for measure, stored in zip(tally.measures, packed["measures"], strict=True):
        _merge_measure(measure, stored["state"], stored["clips"])


def _merge_measure(measure: Measure, state: Mapping[str, Any], clips: Mapping[str, Iterable[Any]]) -> None:
    """All states add up: numbers by their sum, lists by one after the other."""
    for name, value in state.items():
        own = getattr(measure.metric, name)
        setattr(measure.metric, name, [*own, *value] if isinstance(own, list) else own + value)
    measure.metric._update_count += 1  # it has been updated, in another process
    measure.clips |= {key: (float(total), int(count)) for key, (total, count) in clips.items()}
