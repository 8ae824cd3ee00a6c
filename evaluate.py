"""Score a trained method by a protocol. `python evaluate.py --help` lists the options."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from configs.command import command
from configs.schema import Evaluate
from models.errors import UserError

HASHED = ("method", "protocol", "landmarks", "identity")  # what makes two rows comparable, beside the data


@command("evaluate", Evaluate)
def main(config: DictConfig) -> None:
    """Score a trained method by a protocol, beside a row that does nothing and a row that is the truth.

    Several processes share the clips: torchrun --nproc-per-node 2 evaluate.py ...
    Writes rows.json (the numbers), pairs.json (who drove whom), grid.png and sample.mp4 into the output folder.
    """
    output = Path(config.output)
    if output.exists() and not output.is_dir():
        raise UserError(f"output={output}: it is a file; give the name of a folder")

    from rich.console import Console

    from configs.instantiate import build
    from configs.method import load_method
    from configs.progress import counter, progress
    from datamodules.clip_shards import ClipShards
    from evaluation.measure import measures
    from evaluation.observer import FaceObserver, analyser
    from evaluation.processes import processes
    from evaluation.protocol import Protocol, pair_clips
    from evaluation.report import Gallery, write_results
    from evaluation.rows import config_hash, make_rows, versions
    from evaluation.score import Tally, animated, score, still, truth
    from models.animator import Transfer
    from models.cost import Cost

    protocol: Protocol = build(config.protocol)
    clips = ClipShards(config.data.shards, protocol.split, protocol.time_range)
    observer = FaceObserver(analyser(config.landmarks, build), analyser(config.identity, build))
    ready, unavailable = measures(protocol.metrics, build, observer)
    if not ready:
        raise UserError(f"no metric of {protocol.name} can be had: {'; '.join(line.reason for line in unavailable)}")
    pairs = pair_clips(clips, protocol, max(measure.metric.minimum_frames for measure in ready))
    method = load_method(config.method, Path(config.checkpoint), config.device)
    if "video" not in method.animator.needs:
        raise UserError(f"protocol {protocol.name} gives video, which does not drive method={method.name}")
    predictors = {
        method.name: animated(method.animator, Transfer(protocol.motion == "relative"), config.batch),
        "unmoved_source": still,
        "ground_truth": truth,
    }
    tallies = {name: Tally(measures(protocol.metrics, build, observer)[0]) for name in predictors}
    cost = Cost(method.animator.device)
    console = Console(stderr=True)
    with processes() as group, progress(console) as bar:
        own = group.share(pairs)
        gallery = Gallery(own, method.name)
        step = counter(bar, f"scoring (process {group.rank} of {group.world})", len(own))
        score(own, clips, method.animator.size, predictors, tallies, observer, gallery.add, step)
        facts = {
            "size": method.animator.size,
            "data": {"shards": str(config.data.shards), "split": protocol.split, "fingerprint": clips.fingerprint},
            "licences": {"landmarks": observer.finder.licence, "identity": observer.identifier.licence},
            "versions": versions(),
            "config_hash": config_hash(*(OmegaConf.to_container(config[key], resolve=True) for key in HASHED)),
            "device": str(method.animator.device),
        }
        checkpoints = {method.name: method.facts}
        rows = make_rows(protocol, pairs, tallies, unavailable, group, cost.peak_bytes, checkpoints, facts)
    if group.first:
        write_results(output, rows, pairs, gallery, Console())


if __name__ == "__main__":
    main()
