"""The scoring loop: every pair once, all methods side by side, frames as they would be in a written video."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from datamodules.clip_shards import Clip, ClipShards
from evaluation.measure import Measure
from evaluation.observer import FaceObserver
from evaluation.protocol import Pair
from models.animator import Animator, Transfer
from models.images import to_frames, to_images

Predictor = Callable[[Tensor, Tensor], Tensor]


@dataclass
class Tally:
    """What one method has scored so far."""

    measures: list[Measure]
    seconds: float = 0.0
    rendered: int = 0


def still(source: Tensor, driving: Tensor) -> Tensor:
    """The row `unmoved_source`: what doing nothing scores."""
    return source.expand(len(driving), -1, -1, -1)


def truth(source: Tensor, driving: Tensor) -> Tensor:
    """The row `ground_truth`: the driving itself, the best (or with another identity: the best motion) to be had."""
    return driving


def animated(animator: Animator, transfer: Transfer, batch: int) -> Predictor:
    """The method's prediction `(T, 3, S, S)` from a source `(1, 3, S, S)` and driving frames `(T, 3, S, S)`."""

    def predict(source: Tensor, driving: Tensor) -> Tensor:
        encoded = animator.encode_source(source.to(animator.device))
        motion = transfer(animator.read_all(torch.split(driving, batch)), encoded.motion)
        return torch.cat([frames.cpu() for frames in animator.render_all(encoded, motion, batch)])

    return predict


def score(
    pairs: Sequence[Pair],
    clips: ClipShards,
    size: int,
    methods: Mapping[str, Predictor],
    tallies: Mapping[str, Tally],
    observer: FaceObserver,
    show: Callable[[Pair, Mapping[str, Tensor]], None],
    step: Callable[[int], None],
) -> None:
    """Fill the tallies (names as in `methods`) with all pairs; `show` gets each with its images, `step` the count.

    Predictions are rounded to 8 bits, as in a written picture, and scored from the second frame on (see `Pair`).
    """
    by_key = {key: index for index, key in enumerate(clips.table.keys)}
    for number, pair in enumerate(pairs, 1):
        source = _images(clips[by_key[pair.source]], [pair.source_frame], size)
        driving = _images(clips[by_key[pair.driving]], range(pair.first, pair.first + pair.frames), size)
        scored = driving[1:]
        images = {"source": source.expand(len(scored), -1, -1, -1), "driving": scored}
        for name, predict in methods.items():
            start = time.perf_counter()
            prediction = predict(source, driving)
            tally = tallies[name]
            tally.seconds += time.perf_counter() - start
            tally.rendered += pair.frames
            images[name] = scored if prediction is driving else _rounded(prediction[1:])
            for measure in tally.measures:
                measure.update(pair.driving, {**images, "prediction": images[name]}, observer)
        observer.forget()
        show(pair, images)
        step(number)


def _images(clip: Clip, frames: Sequence[int], size: int) -> Tensor:
    return to_images(clip.frames(frames, size))


def _rounded(images: Tensor) -> Tensor:
    if images.stride(0) == 0:
        return images  # a still, from 8 bits already: stays one picture in memory
    return to_images(to_frames(images))
