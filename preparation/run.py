"""A whole preparation: every clip once, whatever happens, then shards in a fixed order."""

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from datamodules.shard_format import ShardWriter, decode_json, json_bytes, write_dataset_json
from models.aside import written_aside
from models.errors import UserError
from preparation.clip import Clip
from preparation.locks import held
from preparation.results import ClipWorker, Outcome, Results
from preparation.runners import Failure, Runner
from preparation.splits import assign_splits

KEPT_ASIDE = ".clips"
RECORD = "preparation.json"
REJECTED = "rejected.csv"


@dataclass(frozen=True)
class ShardRules:
    """How clips become shards.

    test_fraction: of the identities that have no split of their own; seed: of that choice;
    max_bytes, max_samples: of one shard.
    """

    test_fraction: float = 0.1
    seed: int = 0
    max_bytes: int = 256 * 2**20
    max_samples: int = 1000

    def __post_init__(self) -> None:
        if not 0 <= self.test_fraction <= 1:
            raise UserError(f"test_fraction={self.test_fraction}: it is a fraction between 0 and 1")


class Preparation:
    """Prepares clips into a folder of shards.

    Args:
        clips: what to prepare, sorted by key.
        output: the folder; it is created, and a run that was killed in it goes on.
        worker: does one clip.
        runner: calls the worker.
        shards: how clips become shards.
        settings: all that decides about the result, as plain values: a folder holds one set of them.
        analyser: name, version and licence of the analyser.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        output: Path,
        worker: ClipWorker,
        runner: Runner,
        shards: ShardRules,
        settings: Mapping[str, Any],
        analyser: Mapping[str, str],
    ) -> None:
        self.clips, self.output = clips, output
        self.worker, self.runner, self.shards = worker, runner, shards
        self.settings, self.analyser = json.loads(json.dumps(settings)), dict(analyser)
        self.results = Results(output / KEPT_ASIDE)
        self.say = partial(Console().print, markup=False, highlight=False, soft_wrap=True)

    def run(self) -> None:
        """Does what is not done yet; says so where nothing is.

        Raises:
            UserError: the output cannot be used, or no clip gave a segment.
        """
        with _locked(self.output):
            names = {self.results.identify(clip): clip for clip in self.clips}
            record = self._record(names)
            if self._begin(record):
                self.say(f"{self.output} is complete: nothing to do (task=describe shows what is in it)")
                return
            outcomes = self._prepare(names)
            self._assemble(outcomes)
            _write(self.output / RECORD, {**record, "finished": True})
            shutil.rmtree(self.results.folder)

    def _record(self, names: Mapping[str, Clip]) -> dict[str, Any]:
        inputs = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
        return {"settings": self.settings, "clips": len(names), "inputs": inputs, "finished": False}

    def _begin(self, record: dict[str, Any]) -> bool:
        """Makes the folder ready; True when it already holds the finished result."""
        path = self.output / RECORD
        before = json.loads(path.read_bytes()) if path.is_file() else None
        if before is None:
            strange = sorted(entry.name for entry in self.output.iterdir() if entry.name != _LOCK)
            if strange:
                raise UserError(
                    f"output {self.output} already holds {strange[0]}, which is not ours; give an empty folder"
                )
        elif before["settings"] != self.settings:
            raise UserError(
                f"output {self.output} was begun with other settings:"
                f" {difference(before['settings'], self.settings)}; give another output= or remove it"
            )
        elif before["finished"]:
            if before["inputs"] != record["inputs"]:
                raise UserError(
                    f"the input has changed since output {self.output} was finished ({before['clips']} clips then,"
                    f" {record['clips']} now); give another output= or remove it"
                )
            return True
        self.results.folder.mkdir(exist_ok=True)
        for part in [*self.output.glob("*.part"), *self.results.folder.glob("*.part")]:
            part.unlink()
        _write(path, record)
        return False

    def _prepare(self, names: Mapping[str, Clip]) -> dict[str, Outcome]:
        """Runs the clips that have no record yet, with a progress bar; returns the outcome of every clip."""
        found = {name: self.results.outcome(name) for name in names}
        done = {name: outcome for name, outcome in found.items() if outcome is not None}
        tasks = [(name, clip) for name, clip in names.items() if name not in done]
        if done:
            self.say(f"{len(done)} of {len(names)} clips were done before")
        with _progress() as progress:
            bar = progress.add_task("prepare", total=len(names), frames=0, rate=0.0, rejected=0)

            def show() -> None:
                task = progress.tasks[bar]
                new = sum(done[name].frames for name, _ in tasks if name in done)
                progress.update(
                    bar,
                    completed=len(done),
                    rate=new / task.elapsed if task.elapsed else 0.0,
                    rejected=sum(outcome.reason is not None for outcome in done.values()),
                )

            show()
            for (name, clip), answer in self.runner.run(self.worker, tasks, self.results.folder):
                if isinstance(answer, Failure):
                    answer = Outcome(
                        clip.key, clip.source, clip.identity, clip.split, reason=answer.reason, detail=answer.detail
                    )
                    self.results.record(name, answer)
                done[name] = answer
                show()
        return done

    def _assemble(self, outcomes: Mapping[str, Outcome]) -> None:
        """Writes rejected.csv, the shards, and dataset.json, from the records alone."""
        ordered = sorted(outcomes.items(), key=lambda item: item[1].key)
        rejected = [outcome for _, outcome in ordered if outcome.reason is not None]
        _write_rejected(self.output / REJECTED, rejected)
        used = [(name, outcome) for name, outcome in ordered if outcome.reason is None]
        if not used:
            reasons = ", ".join(sorted({str(outcome.reason) for outcome in rejected}))
            raise UserError(f"no clip could be used ({reasons}); see {self.output / REJECTED}")
        given: dict[str, str | None] = {}
        for _, outcome in used:
            given[outcome.identity] = given.get(outcome.identity) or outcome.split
        splits = assign_splits(given, self.shards.test_fraction, self.shards.seed)
        written: list[Path] = []
        by_split = sorted(used, key=lambda item: (splits[item[1].identity], item[1].key))
        for split, group in groupby(by_split, key=lambda item: splits[item[1].identity]):
            with ShardWriter(self.output, split, split, self.shards.max_bytes, self.shards.max_samples) as writer:
                for name, _ in group:
                    for key, members in self.results.members(name):
                        info = {**decode_json(members["json"]), "split": split}
                        writer.write(key, {**members, "json": json_bytes(info)})
            written += writer.shards
        dataset = write_dataset_json(
            self.output,
            kind=self.worker.kind,
            size=self.worker.source.size,
            licence=", ".join(sorted({clip.licence for clip in self.clips})),
            analyser=self.analyser,
            shards=written,
        )
        totals = dataset.totals
        self.say(
            f"{len(used)} clips gave {totals['samples']} segments, {totals['frames']} frames"
            f" ({totals['hours'] * 60:.1f} minutes) of {totals['identities']} identities in {len(written)} shards;"
            f" {len(rejected)} clips rejected" + (f", see {self.output / REJECTED}" if rejected else "")
        )


_LOCK = ".lock"


@contextmanager
def _locked(output: Path) -> Iterator[None]:
    """Creates the folder, or makes sure that it is ours, and keeps other runs out of it."""
    strange = sorted(entry.name for entry in output.iterdir() if entry.name != _LOCK) if output.is_dir() else []
    if strange and not (output / RECORD).is_file():
        raise UserError(f"output {output} already holds {strange[0]}, which is not ours; give an empty folder")
    with held(output / _LOCK, f"another run is writing to {output}; wait for it or give another output="):
        yield


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("clips, {task.fields[rate]:.0f} frames/s, {task.fields[rejected]} rejected, left:"),
        TimeRemainingColumn(),
    )


def _write(path: Path, values: Mapping[str, Any]) -> None:
    with written_aside(path) as part:
        part.write_text(json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True), encoding="utf-8")


def _write_rejected(path: Path, rejected: Sequence[Outcome]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["source", "identity", "clip", "reason", "detail"])
    table.writerows([r.source, r.identity, r.key, r.reason, r.detail] for r in rejected)
    with written_aside(path) as part:
        part.write_text(text.getvalue(), encoding="utf-8")


def difference(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> str:
    """The settings that differ, as `size=256 then, 512 now`."""
    found = []
    for key in sorted(before.keys() | now.keys()):
        then, today = before.get(key), now.get(key)
        if isinstance(then, Mapping) and isinstance(today, Mapping):
            found.append(difference(then, today, f"{prefix}{key}."))
        elif then != today:
            found.append(f"{prefix}{key}={then} then, {today} now")
    return ", ".join(text for text in found if text)
