"""Score a trained method by a protocol. `python evaluate.py --help` lists the options."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from configs.command import command
from configs.schema import Evaluate
from models.aside import check_folder
from models.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from configs.method import Method
    from datamodules.clip_shards import ClipShards
    from evaluation.gallery import Gallery
    from evaluation.processes import Processes
    from evaluation.protocol import Pair, Protocol
    from evaluation.resume import Progress
    from evaluation.score import Tally
    from preparation.faces import Analyser

HASHED = ("protocol", "landmarks", "observers")  # what makes the rows of methods comparable, beside the data


@command("evaluate", Evaluate)
def main(config: DictConfig) -> None:
    """Score a trained method by a protocol, beside what doing nothing scores, the truth, and somebody else's video.

    Several processes share the clips: torchrun --nproc-per-node 2 evaluate.py ...; several protocols are scored one
    after the other with -m protocol=A,B output='SCORES/${protocol.name}'. What was stopped goes on where it was.
    Writes rows.json (the numbers), clips.json (each clip's), pairs.json (who drove whom), grid.png and sample.mp4 into
    the output folder.
    """
    output = Path(config.output)
    check_folder(output)
    if config.batch < 1:
        raise UserError(f"batch={config.batch}: it starts at 1")

    from rich.console import Console

    from configs.instantiate import build
    from configs.method import load_method
    from configs.row_logger import wandb_settings
    from datamodules.clip_shards import ClipShards
    from evaluation.baselines import BASELINES
    from evaluation.measure import Observers, frames_needed, measures
    from evaluation.observers.landmarks import Landmarks
    from evaluation.processes import processes
    from evaluation.protocol import pair_clips
    from evaluation.report import write_results
    from evaluation.rows import make_rows
    from evaluation.score import Tally
    from models.cost import Cost

    if config.name in BASELINES:
        raise UserError(f"name={config.name}: this is the name of a baseline's row; take another one")
    settings = wandb_settings(config.get("logger"))
    protocol: Protocol = build(config.protocol)
    clips = ClipShards(config.data.shards, protocol.split, protocol.time_range)
    sources = clips if config.data.sources is None else ClipShards(config.data.sources, protocol.split)
    finder = build(config.landmarks)
    method = load_method(config.method, config.checkpoint, config.device)
    device = method.animator.device
    landmarks = Landmarks(finder.name, finder.licence, device)
    observers = Observers(config.observers, build, {"landmarks": landmarks}, device=device)
    ready, unavailable = measures(protocol.metrics, build, observers)
    if not ready:
        raise UserError(f"no metric of {protocol.name} can be had: {'; '.join(line.reason for line in unavailable)}")
    pairs = pair_clips(clips, sources, protocol, frames_needed(ready))
    if protocol.driving not in method.animator.needs:
        raise UserError(f"protocol {protocol.name} gives {protocol.driving}, which does not drive method={method.name}")
    names = (config.name, *framing_rows(Console(stderr=True), protocol, clips, pairs))
    tallies = {name: Tally(measures(protocol.metrics, build, observers)[0]) for name in names}
    facts = what_was_scored(config, method, protocol, clips, sources)
    cost = Cost(device)
    with processes() as group:
        gallery, progressed = score(config, method, protocol, (clips, sources), finder, pairs, tallies, group)
        facts |= {"licences": observers.licences, "created": datetime.now(UTC).isoformat(timespec="seconds")}
        rows, by_clip = make_rows(
            config.name, protocol, pairs, tallies, unavailable, group, cost.peak_bytes, method.facts, facts
        )
        if group.first:
            write_results(output, rows, by_clip, pairs, gallery, Console())
            progressed.end()
            if settings is not None:
                from evaluation.wandb_log import log_rows

                log_rows(rows, output, **settings)


def framing_rows(console: Console, protocol: Protocol, clips: ClipShards, pairs: list[Pair]) -> list[str]:
    """The baselines that these pairs allow."""
    from configs.progress import note
    from evaluation.baselines import BASELINES, RANDOM_OTHER_IDENTITY, third_person

    if all(third_person(clips, pair, protocol.seed) for pair in pairs):
        return list(BASELINES)
    note(console, f"too few identities for the row {RANDOM_OTHER_IDENTITY}; it is left out")
    return [name for name in BASELINES if name != RANDOM_OTHER_IDENTITY]


def what_was_scored(
    config: DictConfig, method: Method, protocol: Protocol, clips: ClipShards, sources: ClipShards
) -> dict[str, Any]:
    """Facts that every row carries."""
    from evaluation.rows import config_hash, versions

    data = {"shards": str(config.data.shards), "split": protocol.split, "fingerprint": clips.fingerprint}
    if sources is not clips:
        data |= {"sources": str(config.data.sources), "sources_fingerprint": sources.fingerprint}
    return {
        "size": method.animator.size,
        "data": data,
        "versions": versions(),
        "config_hash": config_hash(*(OmegaConf.to_container(config[key], resolve=True) for key in HASHED)),
        "device": str(method.animator.device),
        "command": ["evaluate.py", *sys.argv[1:]],
    }


def score(
    config: DictConfig,
    method: Method,
    protocol: Protocol,
    data: tuple[ClipShards, ClipShards],
    finder: Analyser,
    pairs: list[Pair],
    tallies: dict[str, Tally],
    group: Processes,
) -> tuple[Gallery, Progress]:
    """Fill the tallies with this process's share of the pairs; returns what may be looked at, and what was saved."""
    from rich.console import Console

    from configs.progress import counter, progress
    from evaluation.baselines import third_person
    from evaluation.gallery import Gallery
    from evaluation.resume import Progress
    from evaluation.rows import config_hash
    from evaluation.score import Scorer, animated

    clips, sources = data
    output, size = Path(config.output), method.animator.size
    plain = (OmegaConf.to_container(config[key], resolve=True) for key in (*HASHED, "method"))
    started = config_hash(config.name, *plain, clips.fingerprint, sources.fingerprint, method.facts, size)
    progressed = Progress(output / f".partial-{started}", tallies, group)
    own = progressed.left(pairs)
    shown = own if group.first else []
    with progress(Console(stderr=True)) as bar, Gallery(output, shown, config.name, size) as gallery:
        step = counter(bar, f"scoring {protocol.name} (process {group.rank} of {group.world})", len(own))
        scorer = Scorer(
            clips=clips,
            sources=sources,
            size=size,
            method=config.name,
            predict=animated(method.animator, protocol, config.batch),
            tallies=tallies,
            finder=finder,
            protocol=protocol,
            third_person=partial(third_person, clips, seed=protocol.seed),
            show=gallery.show,
        )
        for number, pair in enumerate(own, 1):
            scorer(pair)
            progressed.add(pair)
            step(number)
    return gallery, progressed


if __name__ == "__main__":
    main()
