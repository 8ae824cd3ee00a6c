"""Raw videos, or speakers made in code, to shards: 25 fps, one face cut out, 68 landmarks, sound at 16 kHz."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from configs.command import command, options
from configs.instantiate import build
from configs.schema import Prepare
from models.errors import UserError

if TYPE_CHECKING:
    from preparation.coefficients import Estimator

# What decides about the bytes of the shards; the rest (workers, runner, folders) may change between two calls.
SETTINGS = {
    "videos": ("data", "analyser", "crop", "rules", "shards", "kind", "crf"),
    "synthetic": ("source", "shards", "kind", "crf"),
}
OF_INVERSION = ("generator", "inversion", "name", "batch", "device")
TAKEN_BY_INVERSION = (*OF_INVERSION, "task", "output", "workers", "runner", "rows")
OF_VIDEOS = ("input", "identities", "policy", "data", "analyser", "crop", "rules", "coefficients", "face_model")


@command("prepare", Prepare)
def main(config: DictConfig) -> None:
    """Turn raw videos into shards that train.py reads, make shards of synthetic speakers, or describe finished shards.

    python prepare.py input=videos output=shards
    python prepare.py data=mead input=MEAD output=shards size=512 crop=ffhq workers=16
    python prepare.py source=synthetic output=shards size=128 source.speakers=24
    python prepare.py source=synthetic task=preview output=preview
    python prepare.py task=describe output=shards
    python prepare.py task=coefficients output=shards face_model=procedural
    python prepare.py task=invert output=shards generator=embedded inversion=embedded_encoder

    Each clip is decoded by its time stamps to 25 fps, cut at shot changes, tracked, cropped and written with its sound,
    landmarks and 3DMM coefficients; task=coefficients adds those of another face model to finished shards. A bad clip
    never stops the run: it is listed with its reason in rejected.csv. A run that was stopped goes on where it was when
    it is called again. Synthetic speakers need no input: their looks, speech and motion follow from source.seed, and
    the shards hold the exact truth beside the pictures. task=invert writes the latents of every frame, for methods that
    stand on a generator; several machines or GPUs share the work when torchrun starts the command.
    """
    output = Path(config.output).expanduser()
    check_keys_of_inversion(config.task)
    if config.task == "invert":
        invert(config, output)
        return
    if config.task == "describe":
        from preparation.describe import describe

        describe(output, config.rows)
        return
    if config.task == "coefficients":
        from preparation.add_coefficients import add_coefficients

        add_coefficients(output, estimator(config), build(config.runner))
        return
    chosen = HydraConfig.get().runtime.choices["source"]
    check_keys(chosen)
    if config.task == "preview":
        preview(config, chosen, output)
        return
    if chosen == "videos" and config.input is None:
        raise UserError("please give input=... (a folder of videos, a video, or a list; see --help)")

    from preparation.results import ClipWorker
    from preparation.run import KEPT_ASIDE, Preparation
    from preparation.synthetic import FRAMING

    plan: Any = OmegaConf.to_container(config, resolve=True)
    extra, facts, crop = {}, None, FRAMING
    if chosen == "videos":
        coefficients, crop = estimator(config), plan["crop"]
        facts = coefficients.facts()  # a missing file is said here, before any work
        extra = {"make_analyser": partial(build, plan["analyser"]), "coefficients": coefficients}
    source = build(config.source, **extra)
    clips = source.clips()
    Preparation(
        clips,
        output,
        ClipWorker(source, output.resolve() / KEPT_ASIDE, config.kind, config.crf),
        build(config.runner),
        build(config.shards),
        {**{key: plan[key] for key in SETTINGS[chosen]}, "crop": crop, "coefficients": facts and vars(facts)},
        source.analyser,  # a missing package or model is said here, before any work
    ).run()


def invert(config: DictConfig, output: Path) -> None:
    """Write the latents of every frame of finished shards."""
    for key in ("generator", "inversion"):
        if config.get(key) is None:
            raise UserError(f"please give {key}=...; known: {', '.join(options(key))}")
    if config.batch < 1:
        raise UserError(f"batch={config.batch}: it starts at 1")

    from configs.method import choose_device
    from datamodules.shard_format import read_dataset
    from preparation.inversion_worker import InversionWorker
    from preparation.invert import Inversions, Share, rank_device, rank_workers
    from preparation.latent_shards import LatentShards, generator_facts

    read_dataset(output)  # cheap checks come before the networks
    device = rank_device(choose_device(config.device))
    config.workers = rank_workers(config.workers, device)
    runner = build(config.runner)
    if device.type != "cpu" and config.runner._target_.endswith("RayRunner"):
        raise UserError("runner=ray inverts on CPUs: add device=cpu, or give runner=local and start GPUs by torchrun")
    plan: Any = OmegaConf.to_container(config, resolve=True)
    make_generator, make_inverter = partial(build, plan["generator"]), partial(build, plan["inversion"])
    generator = make_generator()  # a missing file is said here, before any work
    settings = make_inverter(generator=generator).settings
    facts = generator_facts(generator, plan["generator"].get("file", "generator"))
    latents = LatentShards(output, config.name or facts.name, facts, settings, config.batch)
    worker = InversionWorker(output, latents.aside, make_generator, make_inverter, str(device))
    Inversions(latents, worker, runner, lambda: generator.to(device), Share.of_torchrun(), config.rows).run()


def estimator(config: DictConfig) -> "Estimator":
    """What gives the coefficients; says which one that is and why."""
    plan: Any = OmegaConf.to_container(config, resolve=True)
    chosen = plan.get("face_model")
    made: Estimator = build(config.coefficients, make_face_model=chosen and partial(build, chosen))
    if made.why:
        print(made.why)
    return made


def check_keys(chosen: str) -> None:
    """Raise `UserError` for keys on the command line that the chosen source would not look at."""
    given = [word.split("=")[0].lstrip("+~") for word in HydraConfig.get().overrides.task]
    idle = [key for key in given if chosen != "videos" and key.split(".")[0] in OF_VIDEOS]
    if idle:
        raise UserError(f"{', '.join(idle)}: of no use with source={chosen}, which films no real people")


def check_keys_of_inversion(task: str) -> None:
    """Raise `UserError` for keys on the command line that only task=invert looks at, or that it does not look at."""
    given = {word.split("=")[0].lstrip("+~") for word in HydraConfig.get().overrides.task}
    groups = {key: key.split("@")[-1].split(".")[0] for key in given}
    if task == "invert":
        idle = sorted(key for key, group in groups.items() if group not in TAKEN_BY_INVERSION)
    else:
        idle = sorted(key for key, group in groups.items() if group in OF_INVERSION)
    if idle:
        raise UserError(f"{', '.join(idle)}: of no use with task={task}")


def preview(config: DictConfig, chosen: str, output: Path) -> None:
    """Show what a source of made-up speakers looks and sounds like."""
    if chosen == "videos":
        raise UserError("task=preview shows source=synthetic; for videos, prepare them and use task=describe")
    from preparation.preview import write_preview

    write_preview(build(config.source), output, config.rows)


if __name__ == "__main__":
    main()
