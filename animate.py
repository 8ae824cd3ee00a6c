"""Make a portrait move like the head in a driving video. `python animate.py --help` lists the options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from configs.command import command
from configs.schema import Animate
from models.aside import check_folder
from models.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    import torch
    from rich.progress import Progress

    from configs.method import Method
    from preparation.driving import Driving

SOUND_RATE = 48000


@command("animate", Animate)
def main(config: DictConfig) -> None:
    """Make a portrait move like the head in a driving video.

    Everything is looked at before anything is rendered: the files, the checkpoint, the portrait, every frame of the
    driving. The result is an H.264 video at 25 fps with the driving's sound, marked as synthetic.
    """
    check_options(config)

    from rich.console import Console

    from configs.instantiate import build
    from configs.method import crop_node, load_method
    from configs.progress import counter, note, progress
    from preparation.driving import open_driving, ranges, read_driving
    from preparation.portrait import load_portrait, read_image

    console = Console(stderr=True)
    read_image(config.source)  # the cheap checks of both inputs come before the network
    info = open_driving(Path(config.driving))
    method = load_method(config.method, config.checkpoint, config.device)
    if config.get("crop") is None and method.crop is None:
        note(console, "the checkpoint does not say how its faces were cut; crop=fomm is assumed")
    rule = build(config.get("crop") or method.crop or crop_node("fomm"))
    analyser = build(config.analyser)
    portrait = load_portrait(config.source, analyser, rule, method.animator.size, config.face)
    note(console, *portrait.warnings)
    with progress(console) as bar:
        expected = round(info.header_frames * 25 / info.rate) if info.rate and info.header_frames else None
        step = counter(bar, "looking at the driving", expected)
        driving = read_driving(Path(config.driving), analyser, rule, config.driving_face, step)
    note(console, *driving.warnings)
    made, moved_by = driving.plan(config.missing_face)
    if driving.missing:
        policy = f"missing_face={config.missing_face}"
        note(console, f"no face in {len(driving.missing)} driving frames ({ranges(driving.missing)}): {policy}")
    with progress(console) as bar:
        cost = render(config, method, portrait.image, driving, (made, moved_by), bar)
    console.print(f"wrote {config.output}: {len(made)} frames, {cost}", markup=False, highlight=False, soft_wrap=True)


def check_options(config: DictConfig) -> None:
    """Raise `UserError` for options that cannot be, before anything is loaded."""
    if config.batch < 1:
        raise UserError(f"batch={config.batch}: it starts at 1")
    output = Path(config.output)
    if output.suffix.lower() != ".mp4" or output.is_dir():
        raise UserError(f"output={output}: give the name of a file that ends in .mp4")
    check_folder(output.absolute().parent)


def render(
    config: DictConfig,
    method: Method,
    portrait: np.ndarray,
    driving: Driving,
    plan: tuple[list[int], list[int]],
    bar: Progress,
) -> str:
    """Read the motion, put it on the portrait, write the video in pieces; return what it cost, in words."""
    from configs.progress import counter
    from datamodules.mark import Mark
    from datamodules.video import VideoWriter
    from models.animator import Transfer
    from models.cost import Cost
    from models.images import to_frames, to_images

    animator = method.animator
    made, moved_by = plan
    transfer = Transfer(config.motion == "relative", {part: by for part, by in config.scale.items() if by != 1})
    cost = Cost(animator.device)
    step = counter(bar, "reading the motion", len(driving.crops))
    source = animator.encode_source(to_images(portrait[None]).to(animator.device))
    motion = animator.read_all(pieces(driving.pictures(animator.size), config.batch, step))
    motion = transfer(motion, source.motion)[moved_by]
    step, written = counter(bar, "rendering", len(made)), 0
    mark = Mark(animator.size)
    sound = driving_sound(driving, made) if config.sound == "on" else None
    tags = {"comment": f"synthetic: made by Figurehead, {method.name}, checkpoint {Path(config.checkpoint).name}"}
    size = (animator.size, animator.size)
    with VideoWriter(Path(config.output), size, audio=sound, metadata=tags, audio_rate=SOUND_RATE) as video:
        for images in animator.render_all(source, motion, config.batch):
            for frame in to_frames(images):
                video.write(mark.on(frame) if config.mark == "on" else frame)
            written += len(images)
            step(written)
    return f"{cost.seconds / len(made):.3f} s per frame, peak memory {cost.peak_bytes / 2**20:.0f} MB"


def driving_sound(driving: Driving, made: list[int]) -> np.ndarray | None:
    """The driving's sound exactly as long as the frames that are made, with silence where it has none; None without."""
    import numpy as np

    from preparation.source_audio import read_audio

    sound = read_audio(driving.info.path, SOUND_RATE)
    if sound is None:
        return None
    per_frame = SOUND_RATE // 25
    sound = np.pad(sound, (0, max(driving.frames * per_frame - len(sound), 0)))[: driving.frames * per_frame]
    return sound.reshape(driving.frames, per_frame)[made].reshape(-1)


def pieces(pictures: Iterator[np.ndarray], batch: int, step: Callable[[int], None]) -> Iterator[torch.Tensor]:
    """Images `(batch or fewer, 3, S, S)` of pictures that are taken one by one; `step` is told how many were taken."""
    from itertools import islice

    import numpy as np

    from models.images import to_images

    taken = 0
    while piece := list(islice(pictures, batch)):
        yield to_images(np.stack(piece))
        taken += len(piece)
        step(taken)


if __name__ == "__main__":
    main()
