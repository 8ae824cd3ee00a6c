"""Score a trained method by a protocol. `python evaluate.py --help` lists the options."""

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from configs.command import command
from configs.schema import Evaluate
from models.errors import UserError

HASHED = ("protocol", "landmarks", "observers")  # equal for rows of different methods that may be compared


@command("evaluate", Evaluate)
def main(config: DictConfig) -> None:
    """Score a trained method by a protocol, beside what doing nothing scores, the truth, and somebody else's video.

    Several processes share the clips: torchrun --nproc-per-node 2 evaluate.py ...; several protocols are scored one
    after the other with -m protocol=A,B output='SCORES/${protocol.name}'. What was stopped goes on where it was.
    Writes rows.json (the numbers), clips.json (each clip's), pairs.json (who drove whom), grid.png and sample.mp4 into
    the output folder.
    """
    output = Path(config.output)
    if output.exists() and not output.is_dir():
        raise UserError(f"output={output}: it is a file; give the name of a folder")

    from rich.console import Console

    from configs.instantiate import build
    from configs.method import load_method
    from configs.progress import counter, note, progress
    from datamodules.clip_shards import ClipShards
    from evaluation.baselines import BASELINES, RANDOM_OTHER_IDENTITY, third_person
    from evaluation.gallery import Gallery
    from evaluation.measure import Observers, frames_needed, measures
    from evaluation.observers.landmarks import Landmarks
    from evaluation.processes import processes
    from evaluation.protocol import Protocol, pair_clips
    from evaluation.report import write_results
    from evaluation.resume import Progress
    from evaluation.rows import config_hash, make_rows, versions
    from evaluation.score import Scorer, Tally, animated
    from models.cost import Cost

    console = Console(stderr=True)
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
    third = partial(third_person, clips, seed=protocol.seed)
    baselines = [name for name in BASELINES if name != RANDOM_OTHER_IDENTITY or all(map(third, pairs))]
    if RANDOM_OTHER_IDENTITY not in baselines:
        note(console, f"too few identities for the row {RANDOM_OTHER_IDENTITY}; it is left out")
    tallies = {name: Tally(measures(protocol.metrics, build, observers)[0]) for name in (method.name, *baselines)}
    plain = [OmegaConf.to_container(config[key], resolve=True) for key in HASHED]
    data = {"shards": str(config.data.shards), "split": protocol.split, "fingerprint": clips.fingerprint}
    if sources is not clips:
        data |= {"sources": str(config.data.sources), "sources_fingerprint": sources.fingerprint}
    node = OmegaConf.to_container(config.method, resolve=True)
    started = config_hash(*plain, node, data, method.facts, method.animator.size)
    cost = Cost(device)
    with processes() as group, progress(console) as bar:
        progressed = Progress(output / f".partial-{started}", tallies, group)
        own = progressed.left(pairs)
        step = counter(bar, f"scoring {protocol.name} (process {group.rank} of {group.world})", len(own))
        with Gallery(output, own if group.first else [], method.name, method.animator.size) as gallery:
            scorer = Scorer(
                clips=clips,
                sources=sources,
                size=method.animator.size,
                method=method.name,
                predict=animated(method.animator, protocol, config.batch),
                tallies=tallies,
                finder=finder,
                protocol=protocol,
                third_person=third,
                show=gallery.show,
            )
            for number, pair in enumerate(own, 1):
                scorer(pair)
                progressed.add(pair)
                step(number)
        facts = {
            "size": method.animator.size,
            "data": data,
            "licences": observers.licences,
            "versions": versions(),
            "config_hash": config_hash(*plain),
            "device": str(device),
            "command": ["evaluate.py", *sys.argv[1:]],
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        rows, by_clip = make_rows(
            method.name, protocol, pairs, tallies, unavailable, group, cost.peak_bytes, method.facts, facts
        )
        if group.first:
            write_results(output, rows, by_clip, pairs, gallery, Console())
            progressed.end()


if __name__ == "__main__":
    main()
