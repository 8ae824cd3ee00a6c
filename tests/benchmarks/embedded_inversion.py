"""What the embedded inverters keep of people whom the embedded generator never saw: the numbers of its model card.

    python -m tests.benchmarks.embedded_inversion FRAMES OUT.png [NAME ...]

FRAMES is the folder of the card (`prepare.py source=synthetic kind=frames`), of which the test split is used: two
frames of each of 8 speakers. NAMEs are those of configs/inversion/; without any, all embedded ones. OUT.png shows the
frames and, in a row for each inverter, what their inversions make. Lips and faces are found by the mesh analyser,
people told apart by dlib's network; a picture without a face counts as not found and is left out of the rest.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from torch import Tensor
from torch.nn import functional as F
from torchvision.utils import save_image

from configs.instantiate import build
from datamodules.clip_shards import ClipShards
from metrics.landmarks import interocular, opening
from models.images import to_images
from models.inversion.inversion import reconstruct
from models.stylegan.pretrained import read_generator
from preparation.analysers.dlib import DlibAnalyser
from preparation.analysers.mesh import MeshAnalyser

CONFIGS = Path(__file__).parents[2] / "configs"
NAMES = (
    "embedded_encoder",
    "embedded_restyle",
    "embedded_refined",
    "embedded_w_plus",
    "embedded_features",
    "embedded_pti",
)
COLUMNS = (
    "inversion",
    "L1",
    "PSNR, dB",
    "faces found",
    "landmarks off, % of the eyes' distance",
    "mouth opening, r",
    "same person, AUC",
    "s per picture",
)
PEOPLE, BATCH, SIDE, SHOWN = 8, 8, 256, 8


@dataclass
class Seen:
    """What analysers see in pictures: landmarks (n, 68, 2) and embeddings (n, 128), NaN without a face."""

    landmarks: Tensor
    embeddings: Tensor

    @classmethod
    def of(cls, image: Tensor) -> "Seen":
        """Of pictures (n, 3, S, S) in [-1, 1], enlarged to 256 pixels."""
        large = F.interpolate(image, size=(SIDE, SIDE), mode="bicubic", antialias=True).clamp(-1, 1)
        frames = ((large + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        finder, knower = MeshAnalyser(), DlibAnalyser()
        landmarks, embeddings = np.full((len(frames), 68, 2), np.nan), np.full((len(frames), 128), np.nan)
        for place, frame in enumerate(frames):
            faces = finder.faces(frame)
            found = knower.embedding(frame, faces[0]) if faces else None
            if found is not None:
                landmarks[place], embeddings[place] = faces[0].points, found
        return cls(torch.from_numpy(landmarks).float(), torch.from_numpy(embeddings).float())


def test_frames(folder: Path, size: int) -> Tensor:
    """Two frames of each speaker, (2 people, 3, S, S): one speaker behind the other."""
    clips = {clip.info["identity"]: clip for clip in ClipShards(folder, "test")}
    chosen = list(clips.values())[:PEOPLE]
    return torch.cat([to_images(clip.frames([0, clip.last // 2], size)) for clip in chosen])


def auc(same: Tensor, other: Tensor) -> float:
    """How often a number of `same` is above one of `other`."""
    return float((same[:, None] > other[None]).float().mean() + (same[:, None] == other[None]).float().mean() / 2)


def describe(name: str, image: Tensor, made: Tensor, before: Seen, seconds: float) -> str:
    """A line of the table."""
    mse = ((made - image) / 2).square().mean(dim=(1, 2, 3))
    after = Seen.of(made)
    found = ~before.landmarks.isnan().any((1, 2)) & ~after.landmarks.isnan().any((1, 2))
    was, now = before.landmarks[found], after.landmarks[found]
    lips = torch.corrcoef(torch.stack([opening(was)[:, 0], opening(now)[:, 0]]))[0, 1]
    moved = ((was - now).norm(dim=2).mean(dim=1) / interocular(was)).mean()
    likeness = F.normalize(after.embeddings[found]) @ F.normalize(before.embeddings[found]).T
    person = (torch.arange(len(image)) // 2)[found]
    own = person[:, None] == person[None]
    l1, psnr = (made - image).abs().mean() / 2, -10 * mse.log10().mean()
    return (
        f"| {name} | {l1:.4f} | {psnr:.1f} | {int(found.sum())}/{len(image)} | {100 * moved:.1f} | {lips:.2f} "
        f"| {auc(likeness[own], likeness[~own]):.3f} | {seconds / len(image):.2f} |"
    )


def main(folder: str, picture: str, names: Sequence[str]) -> None:
    """Print the table and draw the pictures."""
    generator = read_generator("embedded").eval().requires_grad_(False)
    image = test_frames(Path(folder), generator.size)
    before, rows = Seen.of(image), [image[::2][:SHOWN]]
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name in names or NAMES:
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            node = compose(
                "prepare", ["task=invert", "generator=embedded", f"inversion={name}", "output=none"]
            ).inversion
        inverter = build(node, generator=generator)
        start = time.process_time()
        made = torch.cat(
            [
                reconstruct(generator, inverter.invert(part)).detach()
                for part in image.tensor_split(len(image) if "pti" in name else len(image) // BATCH)
            ]
        )
        print(describe(name, image, made.clamp(-1, 1), before, time.process_time() - start), flush=True)
        rows.append(made[::2][:SHOWN])
    save_image(torch.cat(rows), picture, nrow=SHOWN, normalize=True, value_range=(-1, 1))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
