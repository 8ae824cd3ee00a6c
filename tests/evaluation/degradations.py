"""Known damage to true frames, graded, and what the metrics that should see it make of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from kornia.filters import gaussian_blur2d
from kornia.geometry.transform import rotate
from omegaconf import OmegaConf
from torch import Tensor

from configs.command import CONFIGS
from configs.instantiate import build
from datamodules.clip_shards import ClipShards
from evaluation.baselines import shown, there_and_back, third_person
from evaluation.measure import Observers, measures
from evaluation.observers.landmarks import Landmarks
from evaluation.protocol import Pair, Protocol, pair_clips
from evaluation.score import PIECE, Predictor, Scene, Scorer, Tally
from preparation.analysers.mesh import MeshAnalyser

CPU = torch.device("cpu")
Damage = Callable[[Tensor, float, int], Tensor]  # frames (n, 3, S, S), level, number of the first one


def blurred(frames: Tensor, level: float, start: int) -> Tensor:
    """Gaussian of `level` pixels of 256."""
    sigma = level * frames.shape[-1] / 256
    size = 2 * round(3 * sigma) + 1
    return gaussian_blur2d(frames, (size, size), (sigma, sigma)) if level else frames


def noisy(frames: Tensor, level: float, start: int) -> Tensor:
    """White noise of standard deviation `level`, new in every frame."""
    random = torch.Generator().manual_seed(start)
    return (frames + level * torch.randn(frames.shape, generator=random)).clamp(-1, 1)


def tilted(frames: Tensor, level: float, start: int) -> Tensor:
    """Turned in the picture plane by `level` degrees."""
    return rotate(frames, torch.full((len(frames),), float(level)), padding_mode="border") if level else frames


Predict = Callable[[Scene, float, Pair, ClipShards], Iterator[Tensor]]


def frame_by_frame(damage: Damage) -> Predict:
    """A prediction that is the truth, damaged."""

    def predict(scene: Scene, level: float, pair: Pair, clips: ClipShards) -> Iterator[Tensor]:
        for number, piece in enumerate(scene.driving()):
            yield damage(piece, level, number * PIECE)

    return predict


def late(scene: Scene, level: float, pair: Pair, clips: ClipShards) -> Iterator[Tensor]:
    """The truth, `level` frames after its sound; its last frames come first."""
    yield torch.cat(list(scene.driving())).roll(int(level), dims=0)


def somebody_else(scene: Scene, level: float, pair: Pair, clips: ClipShards) -> Iterator[Tensor]:
    """The truth, of whose frames the fraction `level` is of a third person, spread evenly."""
    true = torch.cat(list(scene.driving()))
    other = third_person(clips, pair, 0)
    assert other is not None
    false = torch.cat(list(shown(other, there_and_back(other, len(true)), true.shape[-1], PIECE)))
    steps = (torch.arange(len(true) + 1) * level).floor()
    yield torch.where((steps[1:] > steps[:-1])[:, None, None, None], false, true)


@dataclass(frozen=True)
class Series:
    """One kind of damage: its levels, none first, and the metrics (as labelled) that must get worse with each."""

    name: str
    unit: str
    levels: Sequence[float]
    predict: Predict
    families: Sequence[str]
    labels: Sequence[str]


PIXELS = ("L1", "MSE", "PSNR", "SSIM")
SERIES = (
    Series("blur", "px of 256", (0, 1, 2, 4, 8), frame_by_frame(blurred), ("pixels", "video"), (*PIXELS, "CPBD")),
    Series(
        "noise",
        "of [-1, 1]",
        (0, 0.05, 0.1, 0.2, 0.4),
        frame_by_frame(noisy),
        ("pixels", "video"),
        (*PIXELS, "WarpError[dis]"),
    ),
    Series(
        "tilt of the head",
        "degrees",
        (0, 5, 10, 15, 20),
        frame_by_frame(tilted),
        ("landmarks", "coefficients", "motion"),
        ("LMD[mesh]", "NME[mesh]", "PoseDistance[mesh]", "APD[embedded]", "ARD[embedded]"),
    ),
    Series(
        "frames of somebody else",
        "fraction",
        (0, 0.25, 0.5, 0.75, 1),
        somebody_else,
        ("identity", "distribution"),
        ("CSIM[dlib]", "IdentityDistance[dlib]", "FD[dlib]", "KD[dlib]"),
    ),
    Series(
        "lips after the sound",
        "frames",
        (0, 2, 4, 6, 8, 10),
        late,
        ("lip_sync",),
        ("AV-Offset[embedded]",),
    ),
)


def lines(families: Sequence[str]) -> dict[str, Any]:
    """The metric lines of some families."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        words = [f"measure@protocol.metrics=[{','.join(families)}]", "checkpoint=c", "output=o", "data.shards=s"]
        found: Any = OmegaConf.to_container(compose("evaluate", words).protocol.metrics)
    return found


def everything_seen() -> Observers:
    """The observers of `configs/observers/default.yaml`."""
    nodes: Any = OmegaConf.to_container(OmegaConf.load(CONFIGS / "observers" / "default.yaml"))
    made = {"landmarks": Landmarks(MeshAnalyser.name, MeshAnalyser.licence, CPU)}
    return Observers(nodes, build, made, device=CPU)


def measured(
    series: Series, level: float, clips: ClipShards, observers: Observers, size: int, frames: int, most: int
) -> dict[str, tuple[float, bool | None]]:
    """Value and direction (higher is better) of every metric of the series at one level, by label."""
    protocol = Protocol("checks", "same_identity", lines(series.families), frames=frames, clips=most)
    scorer = Scorer(
        clips=clips,
        sources=clips,
        size=size,
        method="damaged",
        predict=lambda scene: scene.driving(),
        tallies={"damaged": Tally(measures(protocol.metrics, build, observers)[0])},
        finder=MeshAnalyser(),
        protocol=protocol,
        third_person=lambda pair: None,
        show=lambda *_: None,
    )
    for pair in pair_clips(clips, clips, protocol):
        scorer.predict = _at(series, level, pair, clips)
        scorer(pair)
    return {
        measure.metric.label: (float(measure.metric.compute()), measure.metric.higher_is_better)
        for measure in scorer.tallies["damaged"].measures
    }


def _at(series: Series, level: float, pair: Pair, clips: ClipShards) -> Predictor:
    return lambda scene: series.predict(scene, level, pair, clips)


def wrong_steps(values: Sequence[float], higher_is_better: bool) -> list[int]:
    """Where a metric did not get worse from one level to the next."""
    worse = [b < a if higher_is_better else b > a for a, b in pairwise(values)]
    return [place for place, right in enumerate(worse) if not right]
