"""Latents of every frame of finished shards: each frame inverted with a generator, kept beside the shards.

A rank of several (torchrun) does every `world`-th piece of the frames, its workers one piece after the other. Whoever
finds the last piece of a shard writes its latents, and who finds the last shard the index; a run that was stopped goes
on at the piece where it was.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from datamodules.clip_shards import ClipShards
from datamodules.latents import LatentFacts, latent_sets
from models.aside import written_aside
from models.errors import UserError
from preparation.describe import describe_latents
from preparation.inversion_sheet import inversion_sheet
from preparation.inversion_worker import InversionWorker, Piece
from preparation.latent_shards import LatentShards
from preparation.locks import held
from preparation.runners import Failure, Runner, core_count

if TYPE_CHECKING:
    import torch

    from models.stylegan.generator import Generator

SHEET = "contact_sheet.png"


@dataclass(frozen=True)
class Share:
    """Which of several processes this is."""

    rank: int = 0
    world: int = 1

    @classmethod
    def of_torchrun(cls) -> "Share":
        """As RANK and WORLD_SIZE say; without them all of the work."""
        return cls(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))


ALL = Share()


class Inversions:
    """Inverts the frames of a folder of shards.

    Args:
        latents: where they go.
        worker: does a piece.
        runner: calls the worker.
        generator: makes it where it shall draw the contact sheet.
        share: of the work.
        rows: how many segments the contact sheet shows.
    """

    def __init__(
        self,
        latents: LatentShards,
        worker: InversionWorker,
        runner: Runner,
        generator: Callable[[], "Generator"],
        share: Share = ALL,
        rows: int = 40,
    ) -> None:
        self.latents, self.worker, self.runner = latents, worker, runner
        self.generator, self.share, self.rows = generator, share, rows
        self.say = partial(Console().print, markup=False, highlight=False, soft_wrap=True)

    def run(self) -> None:
        """Does what is not done yet; says so where nothing is.

        Raises:
            UserError: there are latents of this name with other settings, somebody else is at it, or a piece fails.
        """
        folder = self.latents.folder
        busy = f"another run is inverting into {folder}; wait for it or give another name="
        with held(folder / f".lock-{self.share.rank}", busy):
            if self.latents.begin():
                self.say(f"{folder} is complete: nothing to do (task=describe shows what is in it)")
                if not (folder / SHEET).is_file():  # the run was stopped while it drew
                    self._sum_up(latent_sets(self.latents.dataset)[self.latents.name])
                return
            started = time.monotonic()
            done = self._invert()
            seconds = time.monotonic() - started
            if done:
                self.say(f"{done} frames in {seconds:.1f} s: {done / seconds:.1f} frames/s")
            for shard in self.latents.dataset.shards:
                self.latents.assemble(shard)
            facts = self.latents.finish()
        if facts is not None:
            self._sum_up(facts)
        elif left := sum(not self.latents.is_done(piece) for piece in self.latents.pieces):
            self.say(
                f"rank {self.share.rank} of {self.share.world} has done its share; {left} batches of others are still"
                " to come. Who ends last writes the index; a rank that was stopped is to be called again"
            )

    def _invert(self) -> int:
        """Does the pieces of this share that are not there yet; returns how many frames these are."""
        mine = self.latents.pieces[self.share.rank :: self.share.world]
        waiting = [(piece,) for piece in mine if not self.latents.is_done(piece)]
        logs = self.latents.aside / f"rank-{self.share.rank}"
        logs.mkdir(parents=True, exist_ok=True)
        total, todo = sum(map(len, mine)), sum(len(piece) for (piece,) in waiting)
        with _progress(disable=self.share.rank > 0) as progress:
            bar = progress.add_task("invert", total=total, completed=total - todo, errors="")
            for (piece,), answer in self.runner.run(self.worker, waiting, logs):
                if isinstance(answer, Failure):
                    raise UserError(_in_words(piece, answer))
                progress.update(bar, advance=len(piece), errors=_errors(answer))
                if piece.last == piece.shard.frames:
                    self.latents.assemble(piece.shard)
        return todo

    def _sum_up(self, facts: LatentFacts) -> None:
        """Says what was made, and draws it."""
        self.say(describe_latents(facts))
        shards = self.latents.shards
        clips = [ClipShards(shards, split) for split in self.latents.dataset.identities]
        noise = facts.inversion.get("noise", "fixed")
        sheet, worst = inversion_sheet(clips, facts.name, self.generator(), noise, self.rows)
        with written_aside(self.latents.folder / SHEET) as part:
            sheet.save(part, format="PNG")
        self.say(f"worst segment: {worst}")
        self.say(f"frames and what their codes make, worst segments first: {self.latents.folder / SHEET}")


def rank_device(device: "torch.device") -> "torch.device":
    """Of several GPUs of a machine the one of this rank, where the user names none."""
    import torch

    if device.type == "cpu" or ":" in str(device):
        return device
    return torch.device(device.type, int(os.environ.get("LOCAL_RANK", 0)) % torch.accelerator.device_count())


def rank_workers(workers: int | None, device: "torch.device") -> int | None:
    """How many workers, where the user does not say: one on a GPU; on a CPU this rank's share of the cores."""
    ranks = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    if workers is not None:
        return workers
    if device.type != "cpu":
        return 1
    return max(core_count() // ranks, 1) if ranks > 1 else None


def _progress(disable: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("frames, {task.fields[errors]}, left:"),
        TimeRemainingColumn(),
        disable=disable,
    )


def _errors(means: Mapping[str, float]) -> str:
    return f"L1 {means['l1']:.4f}, PSNR {means['psnr']:.1f} dB"


def _in_words(piece: Piece, failure: Failure) -> str:
    remedy = "give a smaller batch= or a larger runner.timeout=" if failure.reason == "timeout" else "see its words"
    return (
        f"frames {piece.first} to {piece.last - 1} of {piece.shard.file}: {failure.reason}: {failure.detail};"
        f" {remedy}. What is done is kept: call the command again to go on"
    )
