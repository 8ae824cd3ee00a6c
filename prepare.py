"""Raw videos to shards: frames at 25 fps, one face cut out, 68 landmarks, sound at 16 kHz."""

from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from configs.command import command
from configs.instantiate import build
from configs.schema import Prepare
from models.errors import UserError

# What decides about the bytes of the shards; the rest (workers, runner, folders) may change between two calls.
SETTINGS = ("data", "analyser", "crop", "rules", "shards", "kind", "crf")


@command("prepare", Prepare)
def main(config: DictConfig) -> None:
    """Turn raw videos into shards that train.py reads, or describe finished shards.

    python prepare.py input=videos output=shards
    python prepare.py data=mead input=MEAD output=shards size=512 crop=ffhq workers=16
    python prepare.py task=describe output=shards

    Each clip is decoded by its time stamps to 25 fps, cut at shot changes, tracked, cropped and written with its sound
    and landmarks. A bad clip never stops the run: it is listed with its reason in rejected.csv. A run that was
    stopped goes on where it was when it is called again.
    """
    output = Path(config.output).expanduser()
    if config.task == "describe":
        from preparation.describe import describe

        describe(output, config.rows)
        return
    if config.input is None:
        raise UserError("please give input=... (a folder of videos, a video, or a list; see --help)")

    from preparation.results import ClipWorker
    from preparation.run import KEPT_ASIDE, Preparation

    clips = build(config.data).clips(Path(config.input).expanduser())
    plan: Any = OmegaConf.to_container(config, resolve=True)
    analyser = build(plan["analyser"])  # a missing package or model is said here, before any work
    rules = build(config.rules)
    Preparation(
        clips,
        output,
        ClipWorker(partial(build, plan["analyser"]), rules, output.resolve() / KEPT_ASIDE, config.kind, config.crf),
        build(config.runner),
        build(config.shards),
        {key: plan[key] for key in SETTINGS},
        {"name": analyser.name, "version": analyser.version, "licence": analyser.licence},
    ).run()


if __name__ == "__main__":
    main()
