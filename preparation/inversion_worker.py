"""Inverts one piece of a shard set: as many consecutive frames of one shard as make a batch, over the ends of segments.

The pieces follow from the shards and the batch alone. So any number of workers, machines and interruptions gives the
same codes, and a run that is stopped loses one batch of each worker.
"""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from datamodules.clip_shards import ClipShards
from datamodules.shard_format import Dataset, ShardRecord
from models.aside import written_aside
from models.errors import UserError

if TYPE_CHECKING:  # torch loads in the workers
    from torch import Tensor

    from models.inversion.inversion import Inverter, Steady
    from models.stylegan.generator import Generator

MakeGenerator = Callable[[], "Generator"]
LARGEST = float(np.finfo(np.float16).max)


class MakeInverter(Protocol):
    """Puts an inverter around a generator."""

    def __call__(self, *, generator: "Generator") -> "Inverter":
        """See the class."""
        ...


@dataclass(frozen=True)
class Piece:
    """Frames `first` to `last - 1` of a shard, all its segments counted through."""

    shard: ShardRecord
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first

    def path(self, folder: Path) -> Path:
        """Where its codes wait for the others."""
        return folder / Path(self.shard.file).stem / f"{self.first:08d}-{self.last:08d}.npz"


def pieces(dataset: Dataset, batch: int) -> list[Piece]:
    """All pieces, shard by shard."""
    return [
        Piece(shard, first, min(first + batch, shard.frames))
        for shard in dataset.shards
        for first in range(0, shard.frames, batch)
    ]


class InversionWorker:
    """Writes the codes of pieces into a folder, in a worker process.

    Args:
        shards: the folder of the finished shards.
        folder: for the pieces.
        make_generator: reads the generator.
        make_inverter: puts an inverter around it.
        device: torch's name of where it runs.
    """

    def __init__(
        self, shards: Path, folder: Path, make_generator: MakeGenerator, make_inverter: MakeInverter, device: str
    ) -> None:
        self.shards, self.folder, self.device = shards, folder, device
        self.make_generator, self.make_inverter = make_generator, make_inverter
        self._clips: dict[str, ClipShards] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "inverter"}  # every process has its own

    @cached_property
    def inverter(self) -> "Inverter":
        """The inverter and its generator, made on first use."""
        import torch

        torch.set_num_threads(1)  # workers share the cores; and sums keep their order, whatever the number of workers
        return self.make_inverter(generator=self.make_generator().to(self.device))

    def __call__(self, piece: Piece) -> dict[str, float]:
        """Does one piece; returns the means of its errors."""
        arrays = invert(self.inverter, self._frames(piece), self.device)
        bad = np.flatnonzero(~np.isfinite(arrays["codes"]).all(axis=(1, 2)) | ~np.isfinite(arrays["l1"]))
        if bad.size:
            key, frame = self._name(piece, int(bad[0]))
            raise UserError(
                f"{key}, frame {frame}: the inversion gave codes that are not numbers or beyond {LARGEST:g};"
                " it diverges: lower its learning rate"
            )
        with written_aside(piece.path(self.folder)) as part, part.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        return {name: float(arrays[name].mean()) for name in ("l1", "psnr")}

    def _frames(self, piece: Piece) -> np.ndarray:
        """(n, S, S, 3) uint8, S as the inverter wants them."""
        clips = self._split(piece.shard.split)
        size = side(self.inverter.generator, clips.dataset.size)
        found = [clips[row].frames(range(first, last), size) for row, first, last in within(clips, piece)]
        return np.concatenate(found)

    def _name(self, piece: Piece, number: int) -> tuple[str, int]:
        clips = self._split(piece.shard.split)
        places = [(clips[row].key, frame) for row, *span in within(clips, piece) for frame in range(*span)]
        return places[number]

    def _split(self, split: str) -> ClipShards:
        if split not in self._clips:
            self._clips[split] = ClipShards(self.shards, split)
        return self._clips[split]


def within(clips: ClipShards, piece: Piece) -> Iterator[tuple[int, int, int]]:
    """(row, first, last) for each segment that the piece reaches into; frames counted in the segment."""
    rows = np.flatnonzero(clips.table.shard == clips.shards.index(piece.shard))
    ends = np.cumsum(clips.table.frames[rows])
    for row, start, end in zip(rows.tolist(), [0, *ends[:-1].tolist()], ends.tolist()):
        if start < piece.last and end > piece.first:
            yield row, max(piece.first - start, 0), min(piece.last, end) - start


def side(generator: "Generator", size: int) -> int:
    """The size that frames of `size` pixels are inverted at: as they are where that divides the generator's."""
    return size if generator.size % size == 0 else generator.size


def invert(inverter: "Inverter", frames: np.ndarray, device: str) -> dict[str, np.ndarray]:
    """The arrays of a track (see `datamodules/latents.py`) for frames (n, S, S, 3) uint8.

    The errors are those of the codes as they are stored: rounded to float16.
    """
    import torch

    from models.images import to_images

    images = to_images(frames).to(device)
    inversion = inverter.invert(images)
    if inversion.states or inversion.delta:
        raise not_codes_alone(str(inverter.settings["method"]))
    with torch.inference_mode():
        codes = inversion.codes.detach().half()
        l1, psnr = errors(picture(inverter.generator, codes, inversion.noise, images.shape[-1]), images)
    arrays = {"codes": codes, "l1": l1.float(), "psnr": psnr.float()}
    return {name: array.cpu().numpy() for name, array in arrays.items()}


def not_codes_alone(method: str) -> UserError:
    """What is wrong with a method whose codes alone do not make the picture."""
    return UserError(
        f"inversion by {method} finds more than codes, and latents hold nothing else;"
        " give one that leaves features and generator as they are, such as inversion=encoder or optimise_w_plus"
    )


def picture(generator: "Generator", codes: "Tensor", noise: "Steady", size: int) -> "Tensor":
    """What the generator makes of codes (B, N, W), in [-1, 1], scaled down to (B, 3, size, size) by averaging."""
    from models.inversion.objective import averaged

    return averaged(generator(codes.float(), noise).image, size).clamp(-1, 1)


def errors(images: "Tensor", wanted: "Tensor") -> tuple["Tensor", "Tensor"]:
    """L1 in units of [0, 1] and PSNR in dB, at most 100, of each picture (B, 3, S, S) in [-1, 1]: (B,)."""
    difference = (images - wanted) / 2
    squares = difference.square().mean(dim=(1, 2, 3))
    return difference.abs().mean(dim=(1, 2, 3)), -10 * squares.clamp_min(1e-10).log10()


def read_piece(path: Path) -> dict[str, np.ndarray]:
    """What the worker wrote."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read ({error}); remove it and call the command again") from error
